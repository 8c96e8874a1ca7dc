"""Lots and serials: the oldest good date first, nothing expired without somebody who answers for it, one place a serial."""

import pytest

from floorwise.core.errors import BadInput, NotFound, OutOfStock, StockConflict, WrongState
from floorwise.core.flow.counting import ChangeStatus, ExpireLot, RecordCount, SettleUnresolved
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.handling import MoveStock
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.model.stock import Balance, Lot, Pool, Serial
from floorwise.core.model.work import Pick
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import expiry

DAY_MS = 86_400_000


@pytest.fixture
def cold(floor):
    """A floor with MILK (lots) and DRILL (serials); every invariant holds when the test has ended."""
    floor.do(AddSkus((SkuWanted("MILK", is_lot_tracked=1, weight_g=1_000), SkuWanted("DRILL", is_serial_tracked=1, weight_g=2_000))))
    yield floor
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def milk(floor, lot: str, quantity: int, days: int, place: str) -> None:
    floor.stock("MILK", quantity, place, lot=lot, expires_at_ms=floor.clock.now_ms() + days * DAY_MS)


def walk(floor) -> list[Pick]:
    floor.release()
    floor.plan()
    floor.take()
    return floor.ledger.find(Pick, "key")


def status_of(floor, place: str) -> dict[str, int]:
    return {row.status: row.on_hand for row in floor.ledger.find(Balance, "key", place) if row.on_hand}


def test_the_oldest_date_is_picked_first_wherever_it_lies_and_expired_milk_not_at_all(cold):
    milk(cold, "young", 10, 30, "A00-0")
    milk(cold, "old", 4, 5, "A02-9")
    milk(cold, "dead", 50, 1, "A00-1")
    cold.clock.set(cold.clock.now_ms() + 2 * DAY_MS)  # nobody has noticed yet that "dead" is
    order = cold.order("R1", ("MILK", 20))
    assert cold.buckets(order) == {"reserved": 14, "backordered": 6}
    assert [(p.lot, p.quantity, p.place) for p in sorted(walk(cold), key=lambda p: p.lot)] == [("old", 4, "A02-9"), ("young", 10, "A00-0")]


def test_the_worker_takes_a_lot_out_of_sale_on_its_date_and_not_a_millisecond_before(cold):
    milk(cold, "L1", 10, 1, "A00-0")
    dies_ms = cold.ledger.get(Lot, "MILK", "L1").expires_at_ms
    assert expiry.step(cold.warehouse, dies_ms - 1, 10) == 0
    with pytest.raises(WrongState, match="L1 of MILK expires at"):
        cold.do(ExpireLot("MILK", "L1"))
    cold.clock.set(dies_ms)
    assert expiry.step(cold.warehouse, dies_ms, 10) == 1
    assert expiry.step(cold.warehouse, dies_ms, 10) == 0
    assert status_of(cold, "A00-0") == {"expired": 10}
    assert cold.ledger.get(Pool, "main", "MILK", "house").eligible == 0
    assert cold.told("LotExpired") == [{"sku": "MILK", "lot": "L1", "expires_at_ms": dies_ms, "quantity": 10}]
    with pytest.raises(StockConflict, match="has expired; it cannot become available"):
        cold.do(ChangeStatus("A00-0", "MILK", "expired", "available", "looks fine", lot="L1"))


def test_what_arrives_after_its_date_is_booked_as_expired(cold):
    milk(cold, "L1", 10, -1, "A00-0")
    assert status_of(cold, "A00-0") == {"expired": 10}
    assert cold.buckets(cold.order("R1", ("MILK", 1))) == {"backordered": 1}


def test_a_picker_cannot_send_out_an_expired_lot_and_the_dispatcher_who_allows_it_is_named(cold):
    milk(cold, "L1", 10, 1, "A00-0")
    order = cold.order("R1", ("MILK", 4))
    (pick,) = walk(cold)
    cold.clock.set(cold.clock.now_ms() + 2 * DAY_MS)
    for command in (
        ConfirmPick(pick.tour, 1, 4, "ann"),
        ConfirmPick(pick.tour, 1, 4, "ann", override_by="picker/ann"),
        ConfirmPick(pick.tour, 1, 4, "ann", override_by="dispatcher/"),
        ReportShort(pick.tour, 1, 3, "ann"),
    ):
        with pytest.raises(StockConflict, match=r"lot L1 of MILK expired at .*admin or dispatcher"):
            cold.do(command)
    assert cold.told("ExpiryOverridden") == []
    assert cold.do(ConfirmPick(pick.tour, 1, 4, "ann", override_by="dispatcher/bob")) == {"picked": 4}
    assert cold.told("ExpiryOverridden") == [{"tour": pick.tour, "number": 1, "sku": "MILK", "lot": "L1", "override_by": "dispatcher/bob"}]
    assert cold.buckets(order) == {"picked": 4}


def test_a_pick_made_before_the_date_and_told_after_it_needs_nobody(cold):
    milk(cold, "L1", 10, 1, "A00-0")
    cold.stock("MUG", 1, "A02-0")
    cold.order("R1", ("MILK", 4), ("MUG", 1))  # the mug keeps the tour open
    pick, _ = walk(cold)
    done_ms = cold.clock.now_ms()
    cold.clock.set(done_ms + 2 * DAY_MS)
    expiry.step(cold.warehouse, cold.clock.now_ms(), 10)
    assert cold.do(ConfirmPick(pick.tour, 1, 4, "ann", done_at_ms=done_ms)) == {"picked": 4}
    assert status_of(cold, "A00-0") == {"expired": 6}


def test_a_lot_that_expires_under_a_pick_frees_it_and_an_override_still_takes_it(cold):
    milk(cold, "L1", 4, 1, "A00-0")
    cold.stock("MUG", 1, "A02-0")
    order = cold.order("R1", ("MILK", 4), ("MUG", 1))
    pick, _ = walk(cold)
    cold.clock.set(cold.clock.now_ms() + 2 * DAY_MS)
    expiry.step(cold.warehouse, cold.clock.now_ms(), 10)
    assert cold.buckets(order) == {"backordered": 4}
    assert cold.do(ConfirmPick(pick.tour, 1, 4, "ann", override_by="admin/eve")) == {"picked": 4}
    assert cold.buckets(order) == {"picked": 4}
    assert status_of(cold, "A00-0") == {}
    cold.pick()
    assert [parcel.status for parcel in cold.pack()] == ["labelled"]


def test_a_count_of_an_expired_lot_counts_expired_units(cold):
    milk(cold, "L1", 10, 1, "A00-0")
    cold.clock.set(cold.clock.now_ms() + 2 * DAY_MS)
    expiry.step(cold.warehouse, cold.clock.now_ms(), 10)
    assert cold.do(RecordCount("A00-0", "MILK", 8, "L1"))["difference"] == -2
    assert cold.do(RecordCount("A00-0", "MILK", 9, "L1"))["difference"] == 1
    assert status_of(cold, "A00-0") == {"expired": 9}
    assert cold.do(SettleUnresolved("A00-0", "MILK", "eve", "L1")) == {"settled": 1}


def test_a_lot_has_one_date(cold):
    milk(cold, "L1", 10, 5, "A00-0")
    with pytest.raises(StockConflict, match="lot L1 of MILK expires at"):
        milk(cold, "L1", 10, 6, "A00-1")
    with pytest.raises(BadInput, match="tracked by lot, and none was given"):
        cold.stock("MILK", 1)
    with pytest.raises(BadInput, match="not tracked by lot"):
        cold.stock("MUG", 1, lot="L1")
    with pytest.raises(NotFound, match="lot 'L2' of MILK is unknown"):
        cold.do(RecordCount("A00-0", "MILK", 1, "L2"))


def test_ten_short_dated_units_are_no_stock_for_who_asks_for_sixty_days(cold):
    milk(cold, "short", 10, 20, "A00-0")
    wanted = PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MILK", 5, min_shelf_life_days=60),), allow_backorder=0)
    with pytest.raises(OutOfStock, match="0 of 5 MILK are eligible"):
        cold.do(wanted)
    milk(cold, "long", 3, 90, "A00-1")
    with pytest.raises(OutOfStock, match="3 of 5 MILK are eligible"):
        cold.do(wanted)
    milk(cold, "longer", 2, 91, "A00-2")
    assert cold.do(wanted)["reserved"] == 5
    assert sorted((p.lot, p.quantity) for p in walk(cold)) == [("long", 3), ("longer", 2)]


def test_a_serial_is_in_one_place(cold):
    cold.stock("DRILL", 2, "A00-0", serials=("S1", "S2"))
    with pytest.raises(StockConflict, match="serial S1 of DRILL is in A00-0; it cannot arrive at A01-0 too"):
        cold.stock("DRILL", 1, "A01-0", serials=("S1",))
    with pytest.raises(BadInput, match="2 units need 2 different serials"):
        cold.stock("DRILL", 2, "A01-0", serials=("S3", "S3"))
    with pytest.raises(StockConflict, match="0 are free"):
        cold.do(MoveStock("DRILL", 1, "A01-0", "A02-0", serial="S1"))
    cold.do(MoveStock("DRILL", 1, "A00-0", "A02-0", serial="S1"))
    assert cold.ledger.get(Serial, "DRILL", "S1").place == "A02-0"
    with pytest.raises(StockConflict, match="serial S1 of DRILL is in A02-0 by the books: count it there first"):
        cold.do(RecordCount("A01-0", "DRILL", 1, serial="S1"))
    cold.do(RecordCount("A02-0", "DRILL", 0, serial="S1"))
    assert cold.do(RecordCount("A01-0", "DRILL", 1, serial="S1"))["difference"] == 1
    assert cold.ledger.get(Serial, "DRILL", "S1").place == "A01-0"
    cold.do(RecordCount("A01-0", "DRILL", 0, serial="S1"))
    cold.do(SettleUnresolved("A01-0", "DRILL", "eve"))
    cold.stock("DRILL", 1, "A00-5", serials=("S1",))  # written off, and there it is again
    assert cold.ledger.get(Serial, "DRILL", "S1").place == "A00-5"
    for counted, serial in ((2, "S1"), (1, "")):
        with pytest.raises(BadInput, match="count each serial, as 0 or 1"):
            cold.do(RecordCount("A01-0", "DRILL", counted, serial=serial))


def test_a_serial_goes_with_its_unit_into_tote_and_parcel_and_may_come_back_once_it_is_gone(cold):
    cold.stock("DRILL", 1, "A00-0", serials=("S1",))
    cold.order("R1", ("DRILL", 1))
    (pick,) = walk(cold)
    with pytest.raises(BadInput, match="serial S1 is one unit, not 2"):
        cold.do(ConfirmPick(pick.tour, 1, 2, "ann"))
    cold.do(ConfirmPick(pick.tour, 1, 1, "ann"))
    assert cold.ledger.get(Serial, "DRILL", "S1").place == f"tote:{pick.part}"
    (parcel,) = cold.pack()
    assert cold.ledger.get(Serial, "DRILL", "S1").place == parcel.place
    with pytest.raises(StockConflict, match=f"is in {parcel.place}"):
        cold.stock("DRILL", 1, "A00-0", serials=("S1",))


def test_the_picker_may_take_another_serial_of_the_same_bin_but_not_one_that_is_elsewhere(cold):
    cold.stock("DRILL", 2, "A00-0", serials=("S1", "S2"))
    cold.stock("DRILL", 1, "DOCK", serials=("S9",))
    cold.order("R1", ("DRILL", 1))
    (pick,) = walk(cold)
    with pytest.raises(WrongState, match="serial S9 is not free in A00-0; S1 is the one to take"):
        cold.do(ConfirmPick(pick.tour, 1, 1, "ann", serial="S9"))
    cold.do(ConfirmPick(pick.tour, 1, 1, "ann", serial="S2"))
    assert [cold.ledger.get(Serial, "DRILL", s).place for s in ("S1", "S2")] == ["A00-0", f"tote:{pick.part}"]


def test_a_serial_in_an_offline_pickers_tote_is_taken_from_whoever_it_was_promised_to_since(cold):
    cold.stock("DRILL", 1, "A00-0", serials=("S1",))
    first = cold.order("R1", ("DRILL", 1))
    (pick,) = walk(cold)
    cold.do(ChangeStatus("A00-0", "DRILL", "available", "held", "doubt"))  # the pick gives way …
    cold.do(ChangeStatus("A00-0", "DRILL", "held", "available", "no doubt"))
    cold.release()
    cold.plan()  # … and is planned anew
    assert cold.do(ConfirmPick(pick.tour, 1, 1, "ann", serial="S1"))["picked"] in (0, 1)
    assert cold.ledger.get(Serial, "DRILL", "S1").place == f"tote:{pick.part}"
    assert sum(cold.buckets(first).values()) == 1
