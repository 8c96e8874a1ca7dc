"""The fallback plan: one walk a part, worked out on a floor of three aisles."""

from floorwise.core.model.planning import BinPoint, BinStock, Block, Cart, DemandLine, PartDemand, PlanRequest
from floorwise.core.model.s_shape import s_shape_plan

BLOCK = Block((0, 3_000, 6_000), 10_000, 3_000)
BINS = (BinPoint("A1", 0, 2_000, 0), BinPoint("B1", 1, 7_000, 0), BinPoint("B2", 1, 1_000, 0), BinPoint("C1", 2, 4_000, 0))


def request(parts, stock):
    return PlanRequest("S", 0, BLOCK, BINS, Cart(9, 9, 99, 99, 99), tuple(parts), tuple(stock), 0, 0)


def part(name, *lines):
    return PartDemand(name, 0, 1, 1, tuple(DemandLine(n, sku, quantity, 0) for n, (sku, quantity) in enumerate(lines, 1)))


def test_three_aisles_are_crossed_in_an_s_and_the_last_is_left_the_way_it_was_entered():
    stock = [BinStock(loc, sku, "", 9, 5, 1) for loc, sku in (("A1", "a"), ("B1", "b"), ("B2", "d"), ("C1", "c"))]
    plan = s_shape_plan(request([part("P", ("c", 1), ("d", 1), ("b", 1), ("a", 1))], stock))
    # Aisle 0 up, aisle 1 down (so B1 at 7 m comes before B2 at 1 m), aisle 2 in 4 m and back; 3 + 6 + 3 m sideways.
    assert [take.location for take in plan.tours[0].takes] == ["A1", "B1", "B2", "C1"]
    assert plan.tours[0].length_mm == 10_000 + 10_000 + 2 * 4_000 + 12_000


def test_a_part_that_stock_cannot_cover_takes_nothing_and_the_next_part_gets_it():
    stock = [BinStock("A1", "a", "", 9, 3, 1)]
    plan = s_shape_plan(request([part("P", ("a", 2), ("x", 1)), part("Q", ("a", 3))], stock))
    assert [(u.part, u.reason) for u in plan.unplanned] == [("P", "stock: 1 x wanted, 0 left in reachable bins")]
    assert [(t.parts, t.takes[0].quantity) for t in plan.tours] == [(("Q",), 3)]


def test_the_lot_that_expires_first_is_taken_first_and_only_rows_used_are_named_as_read():
    stock = [BinStock("C1", "a", "new", 20, 5, 4), BinStock("A1", "a", "old", 10, 1, 3), BinStock("B1", "a", "last", 30, 9, 1)]
    plan = s_shape_plan(request([part("P", ("a", 4))], stock))
    assert {(t.lot, t.quantity) for t in plan.tours[0].takes} == {("old", 1), ("new", 3)}
    assert {row.lot for row in plan.read} == {"old", "new"}
