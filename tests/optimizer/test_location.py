"""Where to pick from: equal to trying every choice where that is claimed, bounded elsewhere, never more than lies there."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from floorwise.optimizer import location as location_module
from floorwise.optimizer.check import FAR, check_choice, independent_length
from floorwise.optimizer.layout import BlockLayout, Depot, UnreachableBin
from floorwise.optimizer.location import NotEnoughStock, Offer, choose
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way


def cheapest_of_all_choices(floor, offers, demand, start, end, speed=0) -> int:
    """The cost of the best set of offers, each set tried; FEFO is not looked at."""
    useful = [n for n, offer in enumerate(offers) if demand.get(offer.article, 0) > 0 and offer.units > 0]
    best = None
    for size in range(1, len(useful) + 1):
        for some in combinations(useful, size):
            if any(sum(offers[n].units for n in some if offers[n].article == a) < units for a, units in demand.items()):
                continue
            cost = independent_length(floor, start, [offers[n].location for n in some], end)
            cost += sum(int(floor.lift_ms[offers[n].location]) * speed // 1000 for n in some)
            best = cost if best is None else min(best, cost)
    return best


@st.composite
def wishes(draw):
    """A small floor, closed or one-way now and then, with two or three articles in seven places."""
    aisles = draw(st.integers(1, 4))
    lines = np.cumsum([0, *draw(st.lists(st.integers(3, 12), min_size=1, max_size=3))]).tolist()
    x = np.cumsum([0, *draw(st.lists(st.integers(1, 6), min_size=aisles - 1, max_size=aisles - 1))]).tolist()
    place = st.tuples(st.integers(0, aisles - 1), st.integers(0, lines[-1]))
    places = draw(st.lists(place, min_size=2, max_size=6, unique=True))
    depots = tuple(Depot(f"D{k}", *draw(place), draw(st.integers(0, 2))) for k in range(2))
    kind = draw(st.sampled_from(["plain", "plain", "closed", "one-way"]))
    b = draw(st.integers(0, len(lines) - 2))
    closed = [(draw(st.integers(0, aisles - 1)), b, draw(st.integers(lines[b], lines[b + 1] - 1)))] if kind == "closed" else []
    one_way = {0: 1, 1: -1} if kind == "one-way" and aisles > 1 else {}
    lift = draw(st.lists(st.sampled_from([0, 3_000]), min_size=len(places), max_size=len(places)))
    try:
        floor = BlockLayout(x, lines, [a for a, _ in places], [m for _, m in places], depots, closed=closed, one_way=one_way, lift_ms=lift)
    except UnreachableBin:
        assume(False)
    offers = [Offer(at, draw(st.integers(0, 2)), draw(st.integers(1, 3))) for at in range(len(places))]
    held = {a: sum(o.units for o in offers if o.article == a) for a in {o.article for o in offers}}
    demand = {a: draw(st.integers(1, units)) for a, units in sorted(held.items())}
    return floor, offers, demand, draw(st.sampled_from([0, 1_000]))


@settings(max_examples=120)
@given(wishes(), st.sampled_from([None, 1]))
def test_a_small_choice_costs_no_more_than_the_best_of_all(wish, end):
    floor, offers, demand, speed = wish
    try:
        choice = choose(floor, offers, demand, 0, end, speed_mm_s=speed)
    except UnreachableBin:
        assert cheapest_of_all_choices(floor, offers, demand, 0, end or 0, speed) >= FAR
        return
    assert choice.cost_mm == cheapest_of_all_choices(floor, offers, demand, 0, end or 0, speed)
    assert choice.is_exact
    assert check_choice(floor, offers, demand, choice, speed) == []


@settings(max_examples=60)
@given(wishes(), st.integers(0, 5))
def test_a_searched_choice_covers_the_demand_and_its_bound_never_passes_the_best(wish, seed):
    floor, offers, demand, speed = wish
    assume(not floor.is_directed)
    kept = location_module.QUICK_STEPS
    location_module.QUICK_STEPS = 0  # as if the order were too large for the exact sweep
    try:
        choice = choose(floor, offers, demand, rounds=30, seed=seed, speed_mm_s=speed)
    except UnreachableBin:
        assert cheapest_of_all_choices(floor, offers, demand, 0, 0, speed) >= FAR
        return
    finally:
        location_module.QUICK_STEPS = kept
    best = cheapest_of_all_choices(floor, offers, demand, 0, 0, speed)
    assert choice.lower_bound_mm <= best <= choice.cost_mm
    assert check_choice(floor, offers, demand, choice, speed) == []


def far_and_near(**more) -> tuple[BlockLayout, list[Offer]]:
    """One aisle: mugs at 2 m (1 unit) and 5 m (9 units), bowls at 5 m."""
    floor = BlockLayout([0], [0, 10_000], [0, 0, 0], [2_000, 5_000, 5_000], (Depot("desk", 0, 0),), **more)
    return floor, [Offer(0, "mug", 1), Offer(1, "mug", 9), Offer(2, "bowl", 5)]


def test_the_nearer_shelf_is_enough_for_one_mug():
    floor, offers = far_and_near()
    choice = choose(floor, offers, {"mug": 1})
    assert (choice.takes, choice.cost_mm) == (((0, 1),), 4_000)


def test_a_shelf_on_the_way_makes_the_second_stop_free():
    floor, offers = far_and_near()
    choice = choose(floor, offers, {"mug": 2, "bowl": 1})
    assert choice.cost_mm == 10_000
    assert sum(units for number, units in choice.takes if number in (0, 1)) == 2


def test_reaching_up_counts_as_the_way_one_could_have_walked():
    floor, offers = far_and_near(lift_ms=[9_000, 0, 0])
    assert choose(floor, offers, {"mug": 1}).takes == ((0, 1),)
    choice = choose(floor, offers, {"mug": 1}, speed_mm_s=1_000)  # 4 m + 9 s against 10 m
    assert (choice.takes, choice.cost_mm) == (((1, 1),), 10_000)


def test_the_earlier_lot_is_used_up_before_a_nearer_later_one_is_touched():
    floor, offers = far_and_near()
    dated = [replace(offers[0], expires=20270101), replace(offers[1], expires=20261231, units=3), offers[2]]
    assert choose(floor, dated, {"mug": 2}).takes == ((1, 2),)
    choice = choose(floor, dated, {"mug": 4})
    assert sorted(choice.takes) == [(0, 1), (1, 3)]
    assert check_choice(floor, dated, {"mug": 4}, choice) == []
    hasty = replace(choice, takes=((0, 1),))
    assert any("expires earlier" in objection for objection in check_choice(floor, dated, {"mug": 1}, hasty))


def test_too_little_stock_is_named_with_what_there_is():
    floor, offers = far_and_near()
    with pytest.raises(NotEnoughStock, match="article bowl: 6 wanted, 5 in stock"):
        choose(floor, offers, {"mug": 1, "bowl": 6})
    with pytest.raises(NotEnoughStock, match="article cup: 1 wanted, 0 in stock"):
        choose(floor, offers, {"cup": 1})


def test_nothing_wanted_is_nothing_walked():
    floor, offers = far_and_near()
    assert choose(floor, offers, {"mug": 0}).cost_mm == 0


def test_the_same_seed_gives_the_same_choice():
    rng = np.random.default_rng(4)
    floor = BlockLayout(np.arange(12) * 3, [0, 30, 60], rng.integers(0, 12, 150), rng.integers(0, 61, 150), (Depot("D", 0, 0),))
    offers = [Offer(n, n % 25, int(rng.integers(1, 4))) for n in range(150)]
    demand = {a: 3 for a in range(25)}
    first = choose(floor, offers, demand, rounds=60, seed=9)
    assert first == choose(floor, offers, demand, rounds=60, seed=9)
    assert check_choice(floor, offers, demand, first) == []
    assert 0 < first.lower_bound_mm <= first.cost_mm


def test_a_choice_on_a_graph_with_two_depots_to_end_at_equals_the_best_of_all():
    rng = np.random.default_rng(8)
    for _ in range(15):
        nodes = [f"n{k}" for k in range(9)]
        ways = [Way(a, b, int(rng.integers(1, 30)), bool(rng.random() < 0.2)) for a, b in combinations(nodes, 2) if rng.random() < 0.4]
        ways += [Way(a, b, 40) for a, b in pairwise(nodes)]
        floor = WalkGraph(_unlike(ways), [Spot(f"bin {n}", n) for n in nodes[2:]], [Spot("in", "n0"), Spot("out", "n1")])
        offers = [Offer(at, at % 3, int(rng.integers(1, 3))) for at in range(7)]
        demand = {0: 2, 1: 1, 2: 1}
        choice = choose(floor, offers, demand, 0, (0, 1))
        best = min(cheapest_of_all_choices(floor, offers, demand, 0, end) for end in (0, 1))
        assert choice.cost_mm == best == choice.lower_bound_mm
        assert check_choice(floor, offers, demand, choice) == []


def _unlike(ways: list[Way]) -> list[Way]:
    return list({(way.start, way.end): way for way in ways}.values())


def test_a_larger_order_on_a_graph_stays_near_its_bound():
    rng = np.random.default_rng(6)
    places = [(int(rng.integers(10)), int(rng.integers(41))) for _ in range(75)]
    floor = BlockLayout(
        np.arange(10) * 5, [0, 20, 40], [a for a, _ in places], [m for _, m in places],
        (Depot("in", 0, 0), Depot("out", 9, 40)), one_way={2: 1, 3: -1},
    )  # fmt: skip
    offers = [Offer(n, n % 25, 1) for n in range(75)]
    demand = {a: 1 for a in range(25)}
    choice = choose(floor, offers, demand, 0, 1, rounds=100)
    assert check_choice(floor, offers, demand, choice) == []
    assert choice.lower_bound_mm > 0


def test_the_check_finds_units_that_are_not_there_and_demand_that_is_not_met():
    floor, offers = far_and_near()
    good = choose(floor, offers, {"mug": 2, "bowl": 1})
    greedy = replace(good, takes=tuple((n, units + 9) for n, units in good.takes))
    assert any("which holds" in objection for objection in check_choice(floor, offers, {"mug": 2, "bowl": 1}, greedy))
    assert any("instead of 3" in objection for objection in check_choice(floor, offers, {"mug": 3, "bowl": 1}, good))
    cheap = replace(good, cost_mm=good.cost_mm - 1)
    assert any("and says" in objection for objection in check_choice(floor, offers, {"mug": 2, "bowl": 1}, cheap))
