"""Units in stock: cases are eaches by an exact factor of their day, and what is sold by weight has a weight."""

import pytest

from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddPackLevels, AddSkus, PackLevelWanted, SkuWanted
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.model.journal import Review
from floorwise.core.model.stock import Balance, Move, Weighing
from floorwise.core.model.work import Pick
from floorwise.core.position import Weighed, weighed
from floorwise.core.verify.all_checks import verify

DAY_MS = 86_400_000


@pytest.fixture
def packs(floor):
    """MUG by cases of 12, sheets by packs of three halves, ham by the piece of 1,000 ± 100 g; invariants hold at the end."""
    floor.do(AddSkus((SkuWanted("SHEET"), SkuWanted("HAM", weight_g=1_000, tolerance_g=100, is_catch_weight=1))))
    floor.do(AddPackLevels((PackLevelWanted("MUG", "case", 12), PackLevelWanted("SHEET", "pack", 3, 2))))
    yield floor
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def order(floor, reference: str, *lines: LineWanted) -> dict:
    return floor.do(PlaceOrder("shop", reference, "c1", "GB", "GBP", lines))


def on_hand(floor, sku: str) -> int:
    return sum(row.on_hand for row in floor.ledger.find(Balance, "key", "A00-0", sku))


def test_two_cases_are_twenty_four_eaches_at_the_dock_and_in_an_order(packs):
    assert packs.do(ReceiveStock("MUG", 2, "A00-0", "case"))["received"] == 24
    one = order(packs, "R1", LineWanted("MUG", 1, "case", price_minor=1_200))
    two = order(packs, "R2", LineWanted("MUG", 12, price_minor=100))
    assert (one["reserved"], two["reserved"]) == (12, 12)
    lines = [packs.line(reply["order_id"]) for reply in (one, two)]
    assert [(line.ordered, line.price_minor) for line in lines] == [(12, 100), (12, 100)]
    assert order(packs, "R3", LineWanted("MUG", 1))["backordered"] == 1


def test_a_new_factor_speaks_from_its_day_on_and_past_moves_stay(packs):
    changes_ms = packs.clock.now_ms() + DAY_MS
    packs.do(AddPackLevels((PackLevelWanted("MUG", "case", 10, valid_from_ms=changes_ms),)))
    packs.do(ReceiveStock("MUG", 1, "A00-0", "case"))
    moves = packs.ledger.find(Move, "key")
    packs.clock.set(changes_ms - 1)
    assert packs.do(ReceiveStock("MUG", 1, "A00-0", "case"))["received"] == 12
    packs.clock.set(changes_ms)
    assert packs.do(ReceiveStock("MUG", 1, "A00-0", "case"))["received"] == 10
    assert packs.ledger.find(Move, "key")[: len(moves)] == moves
    assert on_hand(packs, "MUG") == 12 + 12 + 10
    # an order of yesterday that arrives today is counted by yesterday's factor
    late = PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MUG", 1, "case"),), placed_at_ms=changes_ms - 1)
    assert packs.do(late)["reserved"] == 12


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (LineWanted("SHEET", 1, "pack"), "quantity", "bad_number"),  # one pack is 1.5 each
        (LineWanted("MUG", 1, "crate"), "unit", "unit_unknown"),
        (LineWanted("MUG", 0), "quantity", "not_positive"),
        (LineWanted("MUG", -1), "quantity", "not_positive"),
        (LineWanted("CUP", 1), "sku", "unknown_sku"),
        (LineWanted("MUG", 10_000_001), "quantity", "out_of_range"),
    ],
)
def test_a_line_that_is_no_whole_number_of_known_units_is_parked_and_the_rest_of_the_order_goes_on(packs, line, column, reason):
    packs.stock("MUG", 5)
    packs.stock("SHEET", 5)
    reply = order(packs, "R1", line, LineWanted("MUG", 2))
    assert (reply["lines"], reply["parked"], reply["reserved"]) == (1, 1, 2)
    (row,) = packs.ledger.find(Review, "key")
    assert (row.source, row.row, row.column, row.reason) == ("shop/R1", 1, column, reason)


def test_two_packs_of_one_and_a_half_are_three(packs):
    packs.stock("SHEET", 5)
    assert order(packs, "R1", LineWanted("SHEET", 2, "pack"))["reserved"] == 3


def test_a_receipt_in_unknown_units_or_halves_books_nothing_and_is_parked_once(packs):
    for _ in range(2):
        reply = packs.do(ReceiveStock("SHEET", 1, "A00-0", "pack", reference="D7"))
        assert (reply["received"], reply["parked"], reply["reason"]) == (0, 1, "bad_number")
    packs.do(ReceiveStock("MUG", 1, "A00-0", "crate", reference="D7"))
    rows = packs.ledger.find(Review, "key")
    assert [(row.source, row.column, row.reason) for row in rows] == [
        ("receipt/D7/MUG/", "unit", "unit_unknown"),
        ("receipt/D7/SHEET/", "quantity", "bad_number"),
    ]
    assert packs.ledger.find(Move, "key") == []


@pytest.mark.parametrize(("net_g", "is_good"), [(4_500, True), (4_499, False), (5_500, True), (5_501, False), (0, False)])
def test_five_hams_weigh_five_kilograms_give_or_take_half_a_kilogram(packs, net_g, is_good):
    reply = packs.do(ReceiveStock("HAM", 5, "A00-0", net_g=net_g, reference="D1"))
    assert reply["received"] == (5 if is_good else 0)
    assert on_hand(packs, "HAM") == (5 if is_good else 0)
    assert [row.net_g for row in packs.ledger.find(Weighing, "key")] == ([net_g] if is_good else [])
    reasons = [row.reason for row in packs.ledger.find(Review, "key")]
    assert reasons == ([] if is_good else ["out_of_range" if net_g == 0 else "weight_out_of_tolerance"])


def test_a_catch_weight_is_pieces_and_grams_in_and_out(packs):
    packs.do(ReceiveStock("HAM", 5, "A00-0", net_g=5_150))
    packs.do(ReceiveStock("HAM", 1, "A00-0", net_g=990))
    placed = order(packs, "R1", LineWanted("HAM", 3))["order_id"]
    packs.release()
    packs.plan()
    packs.take()
    (pick,) = packs.ledger.find(Pick, "key")
    packs.do(ConfirmPick(pick.tour, 1, 3, "ann", net_g=3_060))
    assert weighed(packs.ledger) == [Weighed("HAM", "", 6, 6_140, 3, 3_060)]
    assert on_hand(packs, "HAM") == 3
    assert packs.buckets(placed) == {"picked": 3}


def test_a_weight_that_does_not_fit_the_pieces_picked_is_kept_and_put_before_a_person(packs):
    packs.do(ReceiveStock("HAM", 5, "A00-0", net_g=5_000))
    order(packs, "R1", LineWanted("HAM", 3))
    packs.release()
    packs.plan()
    packs.take()
    (pick,) = packs.ledger.find(Pick, "key")
    assert packs.do(ReportShort(pick.tour, 1, 2, "ann", net_g=3_010))["picked"] == 2  # a fact: perhaps three are in the tote
    (row,) = packs.ledger.find(Review, "key")
    assert (row.source, row.row, row.column, row.reason) == (f"pick/{pick.tour}", 1, "net_g", "weight_out_of_tolerance")
    assert "2 pieces weigh 1800 to 2200 g" in row.text
    assert weighed(packs.ledger) == [Weighed("HAM", "", 5, 5_000, 2, 3_010)]
