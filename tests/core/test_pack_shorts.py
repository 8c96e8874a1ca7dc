"""Fewer good units at the pack bench than were picked: the rest goes out, the line gets other units by the rule of a short pick."""

import pytest

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow.counting import ChangeStatus, RecordCount
from floorwise.core.flow.handling import MoveStock
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.pack_shorts import ReportPackShort
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import CountTask, Part, Pick
from floorwise.core.verify.all_checks import verify

PART = "O00000001.1"
TOTE = f"tote:{PART}"


@pytest.fixture(autouse=True)
def sound(floor):
    """Every invariant holds when the test has ended."""
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def there(floor, place: str, sku: str = "MUG") -> dict[str, int]:
    return {row.status: row.on_hand for row in floor.ledger.find(Balance, "key", place, sku) if row.on_hand}


def bench(floor, *lines: tuple[str, int], stock: int = 10) -> str:
    """One order, picked and at the bench."""
    for sku, _ in lines:
        floor.stock(sku, stock)
    order = floor.order("R1", *lines)
    floor.release(), floor.plan(), floor.take(), floor.pick()
    floor.do(StartPack(PART, "P1"))
    return order


def test_a_tote_counted_below_what_was_picked_has_a_way_on(floor):
    order = bench(floor, ("MUG", 4), ("BOWL", 2))
    floor.do(RecordCount(TOTE, "MUG", 3))
    with pytest.raises(StockConflict, match="ReportPackShort"):
        floor.do(ClosePack(PART))
    assert floor.do(ReportPackShort(PART, 1, 3)) == {"part": PART, "missing": 1, "damaged": 0}
    assert floor.do(ClosePack(PART))["parcels"] == [f"{PART}/1"]
    assert {row.line: row.quantity for row in floor.ledger.find(ParcelLine, "key", f"{PART}/1")} == {1: 3, 2: 2}
    assert floor.buckets(order, 1) == {"reserved": 1, "packed": 3}
    assert there(floor, f"UNRESOLVED:{TOTE}") == {"available": 1}  # where the count put it; it is not taken a second time


def test_a_unit_missing_at_the_bench_is_looked_for_in_the_bin_and_promised_again(floor):
    order = bench(floor, ("MUG", 4))
    floor.do(ReportPackShort(PART, 1, 3))
    assert (there(floor, TOTE), there(floor, "UNRESOLVED:A00-0")) == ({"available": 3}, {"available": 1})
    assert [(t.place, t.expected, t.cause) for t in floor.ledger.find(CountTask, "key")] == [("A00-0", 6, "pack short")]
    floor.do(ClosePack(PART))
    floor.ship()
    assert floor.buckets(order) == {"shipped": 4}
    assert floor.do(RecordCount("A00-0", "MUG", 6))["difference"] == 1  # it had never left the bin


def test_damaged_units_leave_the_tote_for_the_bin_that_is_named_or_for_scrap(floor):
    bench(floor, ("MUG", 4), ("BOWL", 2))
    assert floor.do(ReportPackShort(PART, 1, 2, damaged=2, place="OUTLET")) == {"part": PART, "missing": 0, "damaged": 2}
    floor.do(ReportPackShort(PART, 2, 1, damaged=1))
    assert (there(floor, "OUTLET"), there(floor, "SCRAP", "BOWL"), there(floor, TOTE)) == ({"damaged": 2}, {"damaged": 1}, {"available": 2})
    assert floor.ledger.find(CountTask, "key") == []  # nothing is missing anywhere
    assert floor.told("PackShort")[0] == {
        "part": PART, "order_id": "O00000001", "line": 1, "sku": "MUG", "found": 2, "missing": 0, "damaged": 2,
    }  # fmt: skip


def test_without_free_units_the_youngest_promise_pays_as_after_a_short_pick(floor):
    old = bench(floor, ("MUG", 4), stock=6)
    young = floor.order("R2", ("MUG", 2))
    floor.do(ReportPackShort(PART, 1, 3))
    assert (floor.buckets(old), floor.buckets(young)) == ({"reserved": 1, "picked": 3}, {"backordered": 1, "reserved": 1})


def test_older_promises_are_kept_and_the_short_line_waits(floor):
    floor.stock("MUG", 4)
    old = floor.order("R1", ("MUG", 2))
    floor.clock.set(floor.clock.now_ms() + 1)
    young = floor.order("R2", ("MUG", 2), carrier="bike")  # its truck comes first
    floor.release(), floor.plan(), floor.take()
    part = f"{young}.1"
    for pick in floor.ledger.find(Pick, "by_part", part):
        floor.do(ConfirmPick(pick.tour, pick.number, pick.quantity, "ann"))
    floor.do(StartPack(part, "P1"))
    floor.do(ReportPackShort(part, 1, 1))
    assert (floor.buckets(old), floor.buckets(young)) == ({"released": 2}, {"backordered": 1, "picked": 1})
    floor.stock("MUG", 1)
    assert floor.buckets(young) == {"reserved": 1, "picked": 1}


def test_a_part_of_which_nothing_is_left_is_dropped_and_makes_no_empty_parcel(floor):
    order = bench(floor, ("MUG", 1))
    assert floor.do(ReportPackShort(PART, 1, 0)) == {"part": PART, "missing": 1, "damaged": 0, "dropped": 1}
    assert floor.ledger.get(Part, PART).state == "dropped" and floor.ledger.find(Parcel, "key") == []
    assert floor.buckets(order) == {"reserved": 1}
    floor.deliver()
    assert floor.buckets(order) == {"delivered": 1}


def test_the_same_report_again_changes_nothing(floor):
    bench(floor, ("MUG", 4))
    floor.do(ReportPackShort(PART, 1, 3, damaged=1))
    head = floor.ledger.head
    assert floor.do(ReportPackShort(PART, 1, 3, damaged=1))["again"] == 1
    assert floor.ledger.head == head


@pytest.mark.parametrize(
    ("told", "error", "names"),
    [
        (ReportPackShort(PART, 1, 5), BadInput, "5 good and 0 damaged units, 4 were picked"),
        (ReportPackShort(PART, 1, 3, damaged=2), BadInput, "3 good and 2 damaged"),
        (ReportPackShort(PART, 1, -1), BadInput, "-1 good"),
        (ReportPackShort(PART, 7, 1), NotFound, "no line 7"),
        (ReportPackShort(PART, 1, 1, lot="L9"), NotFound, "no line 1 with L9"),
        (ReportPackShort("O9.1", 1, 1), NotFound, r"part O9\.1 is unknown"),
        (ReportPackShort(PART, 1, 3, damaged=1, place="Z9"), NotFound, "location 'Z9'"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused_by_what_is_wrong(floor, told, error, names):
    bench(floor, ("MUG", 4))
    with pytest.raises(error, match=names):
        floor.do(told)


def test_a_short_is_reported_while_the_part_is_packed(floor):
    bench(floor, ("MUG", 4))
    floor.do(ClosePack(PART))
    with pytest.raises(WrongState, match="is packed; a short is reported while it is packed"):
        floor.do(ReportPackShort(PART, 1, 3))


def test_a_broken_serial_is_named_and_the_other_goes_out(floor):
    floor.do(AddSkus((SkuWanted("CAM", is_serial_tracked=1),)))
    floor.stock("CAM", 3, serials=("S1", "S2", "S3"))
    order = floor.order("R1", ("CAM", 2))
    floor.release(), floor.plan(), floor.take(), floor.pick()
    floor.do(StartPack(PART, "P1"))
    floor.do(ReportPackShort(PART, 1, 0, damaged=1, serial="S1"))
    floor.do(ClosePack(PART))
    (parcel,) = floor.ledger.find(Parcel, "key")
    assert [row.serial for row in floor.ledger.find(Balance, "key", parcel.place, "CAM")] == ["S2"]
    assert floor.buckets(order) == {"reserved": 1, "packed": 1}


def test_what_nobody_ordered_is_brought_back_from_the_tote_and_no_more(floor):
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 4))
    floor.release(), floor.plan(), floor.take()
    floor.do(ConfirmPick("T00000001", 1, 6, "ann"))
    with pytest.raises(StockConflict, match="2 are free, 4 are bound to picks"):
        floor.do(MoveStock("MUG", 3, TOTE, "A00-0"))
    assert floor.do(MoveStock("MUG", 0, TOTE, "A00-0")) == {"moved": 2}
    assert there(floor, "A00-0") == {"available": 6}
    floor.do(StartPack(PART, "P1"))
    floor.do(ClosePack(PART))
    assert there(floor, TOTE) == {}


def test_good_units_in_a_tote_cannot_be_put_on_hold_they_belong_to_an_order(floor):
    bench(floor, ("MUG", 4))
    with pytest.raises(WrongState, match="holds what was picked for an order"):
        floor.do(ChangeStatus(TOTE, "MUG", "available", "held", "doubt"))
