"""Shortest tours: exact where it is claimed, against all orders tried; bounded where it is not; policies never shorter."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.optimizer import routing
from floorwise.optimizer.check import FAR, check_tour, independent_length
from floorwise.optimizer.kernels import block
from floorwise.optimizer.kernels.tours import best_order, one_tree_bound, search_order
from floorwise.optimizer.layout import BlockLayout, Depot, LayoutError, UnknownPlace, UnreachableBin
from floorwise.optimizer.routing import policy_tour, shortest_tour, shortest_tours, sweep_arrays
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way


def three_aisles(places: list[tuple[int, int]], lines: tuple[int, ...] = (0, 10_000), **more) -> BlockLayout:
    """Aisles at 0, 5 and 10 m; the depot at the front of the first."""
    return BlockLayout([0, 5_000, 10_000], lines, [a for a, _ in places], [mm for _, mm in places], (Depot("desk", 0, 0),), **more)


@st.composite
def floors(draw, most_lines: int = 4) -> BlockLayout:
    aisles = draw(st.integers(1, 4))
    heights = draw(st.lists(st.integers(2, 12), min_size=1, max_size=most_lines - 1))
    lines = np.cumsum([0, *heights]).tolist()
    x = np.cumsum([0, *draw(st.lists(st.integers(1, 8), min_size=aisles - 1, max_size=aisles - 1))]).tolist()
    place = st.tuples(st.integers(0, aisles - 1), st.integers(0, lines[-1]))
    places = draw(st.lists(place, min_size=1, max_size=6))
    (aisle, mm), (other, other_mm) = draw(place), draw(place)
    closed = []
    if draw(st.booleans()):
        b = draw(st.integers(0, len(lines) - 2))
        closed = [(draw(st.integers(0, aisles - 1)), b, draw(st.integers(lines[b], lines[b + 1] - 1)))]
    try:
        return BlockLayout(
            x, lines, [a for a, _ in places], [p for _, p in places],
            (Depot("D", aisle, mm, draw(st.integers(0, 3))), Depot("E", other, other_mm)), closed=closed,
        )  # fmt: skip
    except UnreachableBin:
        return BlockLayout(x, lines, [a for a, _ in places], [p for _, p in places], (Depot("D", aisle, mm), Depot("E", other, other_mm)))


def test_one_stop_is_walked_to_and_back():
    tour = shortest_tour(three_aisles([(2, 3_000)]), [0])
    assert (tour.length_mm, tour.stops, tour.is_exact) == (26_000, (0,), True)


def test_two_deep_aisles_are_walked_through_and_a_shallow_one_is_left_by_its_own_end():
    # up aisle 0, across 5 m, down aisle 1, to aisle 2 and 2 m in and out, home: 10 + 5 + 10 + 5 + 4 + 10
    tour = shortest_tour(three_aisles([(0, 9_000), (1, 8_000), (2, 2_000)]), [0, 1, 2])
    assert tour.length_mm == 44_000
    assert set(tour.stops) == {0, 1, 2}


def test_a_walk_without_stops_has_no_length():
    assert shortest_tour(three_aisles([(0, 1)]), []).length_mm == 0


def test_stops_around_a_depot_inside_an_aisle_need_no_cross_aisle():
    floor = BlockLayout([0, 5_000], [0, 10_000], [0, 0], [3_000, 6_000], (Depot("desk", 0, 5_000),))
    assert shortest_tour(floor, [0, 1]).length_mm == 6_000


def test_the_approach_of_a_depot_is_walked_before_and_after_the_tour():
    floor = BlockLayout([0], [0, 10], [0], [4], (Depot("desk", 0, 0, approach_mm=7),))
    assert shortest_tour(floor, [0]).length_mm == 22


def test_a_stop_given_twice_costs_nothing_more():
    floor = three_aisles([(1, 4_000)])
    assert shortest_tour(floor, [0, 0]).length_mm == shortest_tour(floor, [0]).length_mm


def test_a_middle_cross_aisle_shortens_the_way():
    places = [(0, 4_000), (2, 6_000)]
    # through the front: 2 × (4 + 4) up and down... one block: 0→4→back→0→x10→6→back→home = 8 + 10 + 12 + 10
    assert shortest_tour(three_aisles(places), [0, 1]).length_mm == 40_000
    # by the cross-aisle at 5 m: up to 5, across 10, 1 m in and out, down to the front or back the same way: 2 × (5 + 10 + 1)
    assert shortest_tour(three_aisles(places, (0, 5_000, 10_000)), [0, 1]).length_mm == 32_000


def test_a_closed_aisle_is_walked_around():
    places = [(1, 2_000), (1, 8_000)]
    assert shortest_tour(three_aisles(places), [0, 1]).length_mm == 26_000
    # closed at 5 m: to the near stop and back along the front (5 + 2 each way), to the far one through aisle 0 and along the back
    shut = three_aisles(places, closed=[(1, 0, 5_000)])
    tour = shortest_tour(shut, [0, 1])
    assert tour.length_mm == 2 * (5_000 + 2_000) + 2 * (10_000 + 5_000 + 2_000)
    assert check_tour(shut, tour, [0, 1]) == []


@settings(max_examples=150)
@given(floors())
def test_the_aisle_sweep_equals_the_best_of_all_orders(floor):
    stops = list(range(floor.locations))
    best = independent_length(floor, 0, stops, 0)
    if best >= FAR:  # only the other depot reaches a stop
        with pytest.raises(UnreachableBin):
            shortest_tour(floor, stops)
        return
    tour = shortest_tour(floor, stops)
    assert tour.length_mm == best
    assert check_tour(floor, tour, stops) == []
    assert tour.is_exact


@settings(max_examples=60)
@given(floors(), st.booleans())
def test_a_tour_to_another_depot_or_through_one_way_aisles_equals_the_best_of_all_orders(floor, is_one_way):
    stops = list(range(floor.locations))
    if is_one_way:
        try:
            floor = BlockLayout(
                floor.aisle_x_mm, floor.line_mm, floor.location_aisle, floor.location_mm, floor.depots,
                one_way={a: (-1) ** a for a in range(len(floor.aisle_x_mm) - 1)},
            )  # fmt: skip
        except UnreachableBin:
            return
    try:
        tour = shortest_tour(floor, stops, 0, 1)
    except UnreachableBin:
        assert independent_length(floor, 0, stops, 1) >= FAR
        return
    assert tour.length_mm == independent_length(floor, 0, stops, 1)
    assert check_tour(floor, tour, stops) == []


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_a_searched_tour_is_never_below_its_bound_and_the_bound_never_above_the_optimum(seed, lines):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(14, 25))
    floor = BlockLayout(
        np.cumsum(rng.integers(1, 50, 8)), np.append(0, np.cumsum(rng.integers(20, 90, lines - 1))),
        rng.integers(0, 8, count), rng.integers(0, 20, count), (Depot("D", int(rng.integers(8)), 0),),
    )  # fmt: skip
    exact = shortest_tour(floor, range(count))
    matrix = floor.distances_mm(range(count), (0,))
    order = np.zeros(count, dtype=np.int64)
    found = search_order(matrix, 0, order, True, 50, 1, 0)
    bound = one_tree_bound(matrix, 0, found, 100)
    assert sorted(order) == list(range(1, count + 1))
    assert bound <= exact.length_mm <= found


def test_the_start_of_a_searched_tour_may_differ_from_its_end_and_is_then_bounded_too():
    rng = np.random.default_rng(5)
    floor = BlockLayout(
        np.arange(10) * 5, [0, 40, 80], rng.integers(0, 10, 40), rng.integers(0, 81, 40), (Depot("D", 0, 0), Depot("E", 9, 80))
    )
    tour = shortest_tour(floor, range(40), 0, 1)
    assert check_tour(floor, tour, range(40)) == []
    assert 0 <= tour.gap < 0.05
    assert shortest_tour(floor, range(40), 0, (0, 1)).length_mm <= tour.length_mm


@pytest.mark.parametrize("end", [0, 1])
def test_sets_of_stops_and_all_orders_agree_when_ways_differ_by_direction(end):
    rng = np.random.default_rng(11)
    for _ in range(30):
        size = int(rng.integers(3, 8))
        matrix = rng.integers(1, 100, (size, size)).astype(np.int64)
        np.fill_diagonal(matrix, 0)
        inner = [i for i in range(1, size) if i != end]
        order = np.zeros(len(inner), dtype=np.int64)
        best = min(sum(matrix[a, b] for a, b in zip((0, *p), (*p, end), strict=True)) for p in permutations(inner))
        assert best_order(matrix, end, order) == best
        assert one_tree_bound(matrix, end, best + 50, 60) <= best


@settings(max_examples=100)
@given(floors(most_lines=2), st.sampled_from(sorted(routing.POLICIES)), st.booleans())
def test_no_habit_beats_the_shortest_tour_and_each_visits_every_stop(floor, policy, is_back):
    if not floor.is_plain:
        return
    desk = Depot("desk", floor.depots[0].aisle, int(floor.line_mm[-1]) if is_back else 0)
    floor = BlockLayout(floor.aisle_x_mm, floor.line_mm, floor.location_aisle, floor.location_mm, (desk,))
    stops = list(range(floor.locations))
    tour = policy_tour(floor, stops, policy)
    assert sorted(tour.stops) == stops
    assert tour.length_mm >= tour.lower_bound_mm == shortest_tour(floor, stops).length_mm
    assert check_tour(floor, tour, stops) == []


def test_s_shape_walks_through_aisles_in_turn():
    # up aisle 0 (10), across 5, down aisle 1 (10), across 5, into aisle 2 and out by the front (2 × 4), home 10
    floor = three_aisles([(0, 2_000), (1, 1_000), (2, 4_000)])
    tour = policy_tour(floor, [0, 1, 2], "s-shape")
    assert (tour.length_mm, tour.stops) == (48_000, (0, 1, 2))
    assert policy_tour(floor, [0, 1, 2], "return").length_mm == 2 * (2_000 + 1_000 + 4_000) + 20_000


def test_a_habit_is_refused_where_it_has_no_meaning():
    with pytest.raises(LayoutError, match="one open block"):
        policy_tour(three_aisles([(0, 1)], (0, 5_000, 10_000)), [0], "s-shape")


def test_many_tours_in_one_call_equal_the_tours_one_by_one():
    rng = np.random.default_rng(3)
    floor = BlockLayout(np.arange(6) * 5, [0, 30, 60], rng.integers(0, 6, 50), rng.integers(0, 61, 50), (Depot("D", 2, 0),))
    many = [rng.choice(50, rng.integers(0, 9), replace=False).tolist() for _ in range(40)]
    assert shortest_tours(floor, many) == [shortest_tour(floor, stops) for stops in many]
    first = np.append(0, np.cumsum([len(stops) for stops in many]))
    lengths, order = sweep_arrays(floor, first, np.concatenate([np.array(stops, dtype=int) for stops in many]))
    assert lengths.tolist() == [tour.length_mm for tour in shortest_tours(floor, many)]
    assert order.tolist() == [stop for tour in shortest_tours(floor, many) for stop in tour.stops]


@settings(max_examples=60)
@given(floors(most_lines=2))
def test_the_kernels_for_one_block_and_for_many_agree(floor):
    if not floor.is_plain:
        return
    ranked = floor.by_rank
    aisle, mm = floor.location_aisle[ranked], floor.location_mm[ranked]
    start = np.searchsorted(aisle, np.arange(len(floor.aisle_x_mm) + 1)).astype(np.int64)
    depot, height = floor.depots[0], int(floor.line_mm[-1])
    order = np.zeros(len(mm), dtype=np.int64)
    expected = shortest_tour(floor, range(floor.locations)).length_mm - 2 * depot.approach_mm
    assert block.block_length(start, mm, floor.aisle_x_mm, height, depot.aisle, depot.mm) == expected
    assert block.block_length_of_stops(aisle, mm, len(mm), floor.aisle_x_mm, height, depot.aisle, depot.mm) == expected
    assert block.block_walk(start, mm, floor.aisle_x_mm, height, depot.aisle, depot.mm, order) == expected
    assert sorted(order) == list(range(len(mm)))


def test_a_graph_is_walked_along_its_one_way_streets():
    ways = [Way("a", "b", 10, True), Way("b", "c", 10, True), Way("c", "a", 10, True), Way("a", "c", 5)]
    floor = WalkGraph(ways, [Spot("bin b", "b"), Spot("half", way="b - c", at_mm=4)], [Spot("desk", "a")])
    # a → b → 4 m along b-c → c → a by the two-way street
    tour = shortest_tour(floor, [0, 1])
    assert (tour.length_mm, tour.stops) == (25, (0, 1))
    assert check_tour(floor, tour, [0, 1]) == []


def test_unknown_stops_and_depots_are_refused():
    floor = three_aisles([(0, 1)])
    with pytest.raises(UnknownPlace, match="outside locations"):
        shortest_tour(floor, [1])
    with pytest.raises(UnknownPlace, match="depot 3"):
        shortest_tour(floor, [0], 3)


def test_the_check_finds_a_wrong_length_a_missing_stop_and_a_bound_that_is_too_high():
    floor = three_aisles([(0, 9_000), (1, 8_000)])
    good = shortest_tour(floor, [0, 1])
    assert check_tour(floor, good, [0, 1]) == []
    shorter = routing.Tour(good.stops, good.length_mm - 1, good.length_mm - 1, 0, 0, "")
    assert any("says" in objection for objection in check_tour(floor, shorter, [0, 1]))
    assert any("visits" in objection for objection in check_tour(floor, good, [0]))
    boast = routing.Tour(good.stops, good.length_mm + 5, good.length_mm + 5, 0, 0, "")
    assert any("claims to be shortest" in objection for objection in check_tour(floor, boast, [0, 1]))
    assert any("above a walk" in objection for objection in check_tour(floor, boast, [0, 1]))
