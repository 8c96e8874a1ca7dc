"""The savings planner keeps stock, carts and walks true, and plans the same request the same way."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.model.planning import BinPoint, BinStock, Block, Cart, DemandLine, PartDemand, PlanRequest
from floorwise.optimizer.planner import SavingsPlanner

BLOCK = Block((0, 3_000), 10_000, 0)
WIDE = Cart(99, 999, 9_999, 10**9, 10**12)


def part(name, *lines, weight_g=1, volume_mm3=1):
    demand = tuple(DemandLine(n, sku, quantity, 0) for n, (sku, quantity) in enumerate(lines, 1))
    return PartDemand(name, 0, weight_g, volume_mm3, demand)


def request(parts, stock, bins, cart=WIDE, block=BLOCK, seed=0):
    return PlanRequest("S", 0, block, tuple(bins), cart, tuple(parts), tuple(stock), seed, 0)


def test_two_parts_behind_the_same_aisle_share_one_walk():
    bins = [BinPoint("far", 1, 6_000, 0), BinPoint("farther", 1, 8_000, 0)]
    stock = [BinStock("far", "a", "", 1, 5, 0), BinStock("farther", "b", "", 1, 5, 0)]
    plan = SavingsPlanner().plan(request([part("P", ("a", 1)), part("Q", ("b", 1))], stock, bins))
    # 3 m over, 8 m up, back the same way; both parts are met on the way.
    assert [tour.parts for tour in plan.tours] == [("P", "Q")]
    assert plan.length_mm == plan.lower_bound_mm == 22_000
    assert [take.location for take in plan.tours[0].takes] in (["far", "farther"], ["farther", "far"])


def test_a_cart_that_holds_one_tote_walks_once_for_every_part():
    bins, stock = [BinPoint("A", 0, 4_000, 0)], [BinStock("A", "a", "", 1, 9, 0)]
    plan = SavingsPlanner().plan(request([part("P", ("a", 1)), part("Q", ("a", 1))], stock, bins, cart=WIDE._replace(parts=1)))
    assert [tour.length_mm for tour in plan.tours] == [8_000, 8_000]
    assert plan.lower_bound_mm == 16_000


def test_of_two_bins_with_equal_expiry_the_one_on_the_way_is_chosen():
    bins = [BinPoint("near", 0, 9_000, 0), BinPoint("elsewhere", 1, 9_000, 0), BinPoint("must", 0, 9_500, 0)]
    stock = [BinStock("elsewhere", "a", "", 7, 5, 0), BinStock("near", "a", "", 7, 5, 0), BinStock("must", "b", "", 7, 5, 0)]
    plan = SavingsPlanner().plan(request([part("P", ("a", 1), ("b", 1))], stock, bins))
    assert {take.location for take in plan.tours[0].takes} == {"near", "must"}


def test_the_earlier_expiry_is_taken_even_when_it_lies_farther():
    bins = [BinPoint("near", 0, 1_000, 0), BinPoint("far", 1, 9_000, 0)]
    stock = [BinStock("far", "a", "old", 5, 1, 0), BinStock("near", "a", "new", 9, 5, 0)]
    plan = SavingsPlanner().plan(request([part("P", ("a", 2))], stock, bins))
    assert {(take.lot, take.quantity) for take in plan.tours[0].takes} == {("old", 1), ("new", 1)}


def test_one_bin_that_covers_the_line_comes_before_two_that_must_be_joined():
    bins = [BinPoint(name, 0, 1_000 * n, 0) for n, name in enumerate(("x", "y", "z"), 1)]
    stock = [BinStock("x", "a", "", 5, 2, 0), BinStock("y", "a", "", 5, 2, 0), BinStock("z", "a", "", 5, 3, 0)]
    plan = SavingsPlanner().plan(request([part("P", ("a", 3))], stock, bins))
    assert [(take.location, take.quantity) for take in plan.tours[0].takes] == [("z", 3)]


def test_what_fails_is_named_with_its_constraint():
    bins, stock = [BinPoint("A", 0, 4_000, 0)], [BinStock("A", "a", "", 1, 3, 0), BinStock("nowhere", "b", "", 1, 9, 0)]
    cart = Cart(2, 9, 4, 100, 100)
    parts = [part("many", ("a", 5)), part("heavy", ("a", 1), weight_g=101), part("P", ("a", 2)), part("Q", ("a", 2)), part("R", ("b", 1))]
    plan = SavingsPlanner().plan(request(parts, stock, bins, cart=cart))
    assert {u.part: u.reason for u in plan.unplanned} == {
        "many": "cart: units 5 > 4",
        "heavy": "cart: weight_g 101 > 100",
        "Q": "stock: 2 a wanted, 3 eligible but taken by parts with an earlier cut-off",
        "R": "stock: 1 b wanted, 0 eligible in reachable bins",
    }


def test_no_parts_give_an_empty_plan():
    plan = SavingsPlanner().plan(request([], [], []))
    assert (plan.tours, plan.length_mm, plan.lower_bound_mm) == ((), 0, 0)


def test_effort_makes_a_plan_shorter_and_the_same_effort_the_same_plan():
    rng = random.Random(4)
    block = Block(tuple(3_000 * n for n in range(8)), 30_000, 0)
    bins = [BinPoint(f"{a}-{b}", a, 500 + 1_000 * b, 0) for a in range(8) for b in range(29)]
    stock = [BinStock(b.location, f"S{n:03}", "", 5, 99, 0) for n, b in enumerate(bins)]
    parts = [part(f"P{n}", *((f"S{rng.randrange(len(bins)):03}", 1) for _ in range(rng.randint(2, 9)))) for n in range(40)]
    lazy = request(parts, stock, bins, cart=WIDE._replace(lines=25), block=block)
    eager = lazy._replace(effort=100_000)
    short, long = SavingsPlanner().plan(eager), SavingsPlanner().plan(lazy)
    assert short.length_mm < long.length_mm
    assert SavingsPlanner().plan(eager) == short
    assert sorted(name for tour in short.tours for name in tour.parts) == sorted(p.part for p in parts)
    assert all(sum(len(p.lines) for p in parts if p.part in tour.parts) <= 25 for tour in short.tours)


def walked(block, bins, tour):
    """Re-compute a tour's length from its takes alone."""
    points = {b.location: b for b in bins}
    stops = [(block.depot_x_mm, 0)]
    stops += [(block.aisle_x_mm[points[t.location].aisle], points[t.location].y_mm) for t in tour.takes]
    stops.append(stops[0])
    total = 0
    for (x, y), (u, v) in pairwise(stops):
        total += abs(y - v) if x == u else abs(x - u) + min(y + v, 2 * block.length_mm - y - v)
    return total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_every_plan_covers_its_parts_keeps_carts_and_stock_and_measures_its_walks(seed):
    rng = random.Random(seed)
    aisles = rng.randint(1, 6)
    block = Block(tuple(3_000 * n for n in range(aisles)), 12_000, rng.choice([0, 1_500, 3_000 * (aisles - 1)]))
    bins = [BinPoint(f"{a}-{b}", a, 500 + 1_000 * b, b % 3) for a in range(aisles) for b in range(12)]
    stock = []
    for sku in range(15):
        for number in range(rng.randint(0, 4)):
            location = rng.choice(bins).location
            stock.append(BinStock(location, f"S{sku:02}", f"L{number}", rng.choice([5, 9]), rng.randint(0, 6), number))
    stock.sort(key=lambda s: (s.sku, s.expires_at_ms, s.location))
    parts = []
    for number in range(rng.randint(0, 12)):
        lines = [(f"S{rng.randrange(15):02}", rng.randint(1, 4)) for _ in range(rng.randint(1, 6))]
        parts.append(part(f"P{number}", *lines, weight_g=rng.randint(1, 40), volume_mm3=rng.randint(1, 40)))
    asked = request(parts, stock, bins, cart=Cart(3, 12, 30, 90, 90), block=block)
    plan = SavingsPlanner().plan(asked)

    by_name = {p.part: p for p in parts}
    toured = [name for tour in plan.tours for name in tour.parts]
    assert sorted(toured + [u.part for u in plan.unplanned]) == sorted(by_name)
    taken, wanted = {}, {}
    for tour in plan.tours:
        members = [by_name[name] for name in tour.parts]
        assert len(members) <= 3 and sum(len(p.lines) for p in members) <= 12
        assert sum(line.quantity for p in members for line in p.lines) <= 30
        assert sum(p.weight_g for p in members) <= 90 and sum(p.volume_mm3 for p in members) <= 90
        assert tour.length_mm == walked(block, bins, tour)
        for take in tour.takes:
            assert take.quantity > 0
            key = (take.location, take.sku, take.lot)
            taken[key] = taken.get(key, 0) + take.quantity
            wanted[take.part, take.line, take.sku] = wanted.get((take.part, take.line, take.sku), 0) + take.quantity
    free = {}
    for row in stock:
        free[row.location, row.sku, row.lot] = free.get((row.location, row.sku, row.lot), 0) + row.available
    assert all(units <= free[key] for key, units in taken.items())
    assert wanted == {(name, line.line, line.sku): line.quantity for name in toured for line in by_name[name].lines}
    assert plan.lower_bound_mm <= plan.length_mm == sum(tour.length_mm for tour in plan.tours)
    assert SavingsPlanner().plan(asked) == plan
