"""Bounds by cuts: never above the best of all choices, equal to it where whole numbers are solved; networks keep every way's length."""

import time

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from floorwise.optimizer.check import FAR, check_choice, independent_length
from floorwise.optimizer.kernels.graph import shortest_between
from floorwise.optimizer.layout import BlockLayout, Depot, UnreachableBin, to_csr
from floorwise.optimizer.location import Offer, choose
from floorwise.optimizer.location_cuts import Program, bound_by_cuts, least_covers
from floorwise.optimizer.network import network_of
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way

MINUTE_S = 60.0


@st.composite
def floors(draw):
    """A rectangular floor with closed and one-way parts, or a ladder of ways; five locations, two depots."""
    if draw(st.booleans()):
        aisles = draw(st.integers(1, 4))
        lines = np.cumsum([0, *draw(st.lists(st.integers(3, 9), min_size=1, max_size=2))]).tolist()
        place = st.tuples(st.integers(0, aisles - 1), st.integers(0, lines[-1]))
        places = draw(st.lists(place, min_size=5, max_size=5))
        depots = tuple(Depot(f"D{k}", *draw(place), draw(st.integers(0, 2))) for k in range(2))
        closed = [(draw(st.integers(0, aisles - 1)), 0, draw(st.integers(0, lines[1] - 1)))] if draw(st.booleans()) else []
        one_way = {0: draw(st.sampled_from([-1, 1]))} if draw(st.booleans()) and aisles > 1 else {}
        try:
            return BlockLayout(
                np.arange(aisles) * 4, lines, [a for a, _ in places], [m for _, m in places], depots, closed=closed, one_way=one_way
            )
        except UnreachableBin:
            assume(False)
    mm = st.integers(4, 20)
    ways = [Way(f"n{k}", f"n{k + 1}", draw(mm), name=f"w{k}") for k in range(6)]
    ways += [Way("n0", "n4", draw(mm), draw(st.booleans()), "a"), Way("n6", "n2", draw(mm), draw(st.booleans()), "b")]
    names = [way.name for way in ways]
    spots = [Spot(f"s{k}", way=draw(st.sampled_from(names)), at_mm=draw(st.integers(0, 4))) for k in range(5)]
    return WalkGraph(ways, spots, [Spot("in", "n0"), Spot("out", "n6", approach_mm=3)])


@given(floors())
@settings(max_examples=60)
def test_a_network_keeps_the_length_of_every_way(floor):
    network = network_of(floor, range(5), (0, 1))
    csr = to_csr(list(zip(network.tail.tolist(), network.head.tolist(), network.length_mm.tolist(), strict=True)), network.nodes)
    matrix = np.empty((7, 7), np.int64)
    shortest_between(*csr, network.node, matrix)
    assert (matrix == floor.distances_mm(range(5), (0, 1))).all()


@given(floors(), st.lists(st.integers(1, 3), min_size=5, max_size=5), st.integers(1, 3), st.integers(1, 2), st.sampled_from([0, 1]))
@settings(max_examples=40)
def test_the_bound_by_cuts_is_the_cost_of_the_best_choice(floor, units, mugs, bowls, end):
    article, units = np.array([0, 0, 0, 1, 1]), np.array(units)
    demand = np.array([min(mugs, units[:3].sum()), min(bowls, units[3:].sum())])
    approach = floor.depots[0].approach_mm + floor.depots[end].approach_mm
    best = min(
        independent_length(floor, 0, some, end) - approach
        for some in ([k for k in range(5) if code >> k & 1] for code in range(1, 32))
        if all(sum(units[k] for k in some if article[k] == a) >= demand[a] for a in (0, 1))
    )
    assume(best < FAR // 2)
    none = np.zeros(5, np.int64)
    until = time.perf_counter() + MINUTE_S
    proven = bound_by_cuts(floor, np.arange(5), 0, end, article, units, none, demand, best, until)
    assert (proven.lower_bound_mm, proven.rows) == (best, ())
    beaten = bound_by_cuts(floor, np.arange(5), 0, end, article, units, none, demand, best + 5, until)
    assert beaten.lower_bound_mm == best
    assert all(units[[i for i in beaten.rows if article[i] == a]].sum() >= demand[a] for a in (0, 1))


def test_the_relaxation_alone_proves_a_single_line_of_stops():
    # 10 mm to the only mug and back: the walk enters any set that holds it, 20 mm.
    floor = WalkGraph([Way("door", "shelf", 10)], [Spot("mug", "shelf")], [Spot("desk", "door")])
    network = network_of(floor, [0], (0,))
    one = np.ones(1, np.int64)
    program = Program(network, int(network.node[0]), int(network.node[0]), network.node[1:], 0 * one, one, 0 * one, one)
    assert program.relax(10**9, time.perf_counter() + MINUTE_S) == 20


def test_covers_hold_nothing_needless_and_too_many_are_not_listed():
    mine = np.array([7, 8, 9])
    assert sorted(least_covers(mine, np.array([1, 3, 2]), 3)) == [(8,), (9, 7)]
    assert least_covers(np.arange(20), np.ones(20, np.int64), 10) is None  # 184,756 of them


def test_a_larger_order_on_a_graph_with_two_depots_is_proven():
    rng = np.random.default_rng(5)
    ways = [Way(f"{r}.{c}", f"{r}.{c + 1}", int(rng.integers(3, 12))) for r in range(4) for c in range(4)]
    ways += [Way(f"{r}.{c}", f"{r + 1}.{c}", int(rng.integers(3, 12)), bool(rng.random() < 0.2)) for r in range(3) for c in range(5)]
    spots = [Spot(f"s{k}", way=ways[int(rng.integers(len(ways)))].label, at_mm=1) for k in range(54)]
    floor = WalkGraph(ways, spots, [Spot("in", "0.0"), Spot("out", "3.4")])
    offers = [Offer(k, k % 18, 1 + k % 2) for k in range(54)]
    demand = {a: 1 + a % 2 for a in range(18)}
    counted = choose(floor, offers, demand, 0, (0, 1), rounds=50)
    choice = choose(floor, offers, demand, 0, (0, 1), rounds=50, seconds=MINUTE_S / 4)
    assert check_choice(floor, offers, demand, choice) == []
    assert choice.is_exact and "cuts" in choice.method
    assert counted.lower_bound_mm <= choice.cost_mm <= counted.cost_mm
