"""A hold finds a bin while somebody walks to it: units that are in the tote all the same stay held, and serve nobody unseen."""

import pytest

from floorwise.core.flow.counting import ChangeStatus
from floorwise.core.flow.handling import MoveStock
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.flow.sensing import RecordExcursion, SettleExcursion
from floorwise.core.model.excursions import Exposure
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import CountTask, Pick
from floorwise.core.verify.all_checks import verify

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def sound(floor):
    """Every invariant holds when the test has ended."""
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def there(floor, place: str, sku: str = "MUG") -> dict[str, int]:
    return {row.status: row.on_hand for row in floor.ledger.find(Balance, "key", place, sku) if row.on_hand}


def walk(floor) -> Pick:
    floor.release(), floor.plan(), floor.take()
    return floor.ledger.find(Pick, "key")[0]


def warm(floor, to_ms: int = 0) -> str:
    since_ms = floor.clock.now_ms() - HOUR_MS
    told = RecordExcursion("A00-0", "temperature_c", since_ms, to_ms, 12_000, 8_000, "probe-1")
    return floor.do(told)["excursion"]


def test_units_picked_from_a_bin_on_hold_leave_its_held_balance_and_stay_held(floor):
    floor.stock("MUG", 5)
    order = floor.order("R1", ("MUG", 2))
    pick = walk(floor)
    floor.do(ChangeStatus("A00-0", "MUG", "available", "held", "doubt"))
    assert floor.do(ConfirmPick(pick.tour, 1, 2, "ann", done_at_ms=floor.clock.now_ms() - 60_000)) == {"picked": 0}
    assert (there(floor, "A00-0"), there(floor, f"tote:{pick.part}")) == ({"held": 3}, {"held": 2})
    assert there(floor, "UNRESOLVED:A00-0") == {}
    assert floor.buckets(order) == {"backordered": 2}  # it waits for good units
    floor.stock("MUG", 2, "A01-0")
    floor.deliver()
    assert floor.buckets(order) == {"delivered": 2}
    assert there(floor, f"tote:{pick.part}") == {"held": 2}
    assert f"tote:{pick.part}" in {task.place for task in floor.ledger.find(CountTask, "key")}


def test_the_rest_of_the_tote_is_packed_and_the_held_units_stay_behind(floor):
    floor.stock("MUG", 5)
    floor.stock("BOWL", 1, "A01-0")
    order = floor.order("R1", ("MUG", 2), ("BOWL", 1))
    pick = walk(floor)
    mug = next(p for p in floor.ledger.find(Pick, "key") if p.sku == "MUG")
    floor.do(ChangeStatus("A00-0", "MUG", "available", "held", "doubt"))
    floor.do(ConfirmPick(mug.tour, mug.number, 2, "ann"))
    floor.pick()
    (parcel,) = floor.pack()
    assert (there(floor, parcel.place), there(floor, parcel.place, "BOWL")) == ({}, {"available": 1})
    assert floor.buckets(order, 2) == {"packed": 1}
    assert floor.do(MoveStock("MUG", 0, f"tote:{pick.part}", "A00-0", status="held")) == {"moved": 2}
    assert there(floor, "A00-0") == {"held": 5}


@pytest.mark.parametrize(("decision", "status"), [("release", "available"), ("reject", "damaged")])
def test_an_excursion_follows_the_unit_into_the_tote_and_its_decision_does_too(floor, decision, status):
    floor.stock("MUG", 5)
    floor.order("R1", ("MUG", 2))
    pick = walk(floor)
    name = warm(floor, to_ms=floor.clock.now_ms())
    floor.do(ConfirmPick(pick.tour, 1, 2, "ann", done_at_ms=floor.clock.now_ms() - 60_000))
    rows = [(row.what, row.place, row.quantity, row.order_id) for row in floor.ledger.find(Exposure, "key", name)]
    assert rows == [("held", "A00-0", 5, ""), ("held", f"tote:{pick.part}", 2, pick.order_id)]
    assert floor.told("ExcursionExtended")[-1]["exposed"] == [["held", f"tote:{pick.part}", "MUG", "", 2, pick.order_id, 1]]
    assert floor.do(SettleExcursion(name, decision, "eve")) == {"excursion": name, "units": 5}
    assert (there(floor, "A00-0"), there(floor, f"tote:{pick.part}")) == ({status: 3}, {status: 2})


def test_good_units_of_the_bin_are_taken_before_held_ones(floor):
    floor.stock("MUG", 5)
    order = floor.order("R1", ("MUG", 2))
    pick = walk(floor)
    floor.do(ChangeStatus("A00-0", "MUG", "available", "held", "doubt", 2))
    floor.do(ConfirmPick(pick.tour, 1, 4, "ann"))  # two bound, one free, one that was held
    assert (there(floor, "A00-0"), there(floor, f"tote:{pick.part}")) == ({"held": 1}, {"available": 3, "held": 1})
    assert floor.buckets(order) == {"picked": 2}


def test_a_held_serial_stays_held_in_the_tote(floor):
    floor.do(AddSkus((SkuWanted("CAM", is_serial_tracked=1),)))
    floor.stock("CAM", 1, serials=("S1",))
    order = floor.order("R1", ("CAM", 1))
    pick = walk(floor)
    floor.do(ChangeStatus("A00-0", "CAM", "available", "held", "doubt"))
    assert floor.do(ConfirmPick(pick.tour, 1, 1, "ann", serial="S1")) == {"picked": 0}
    assert there(floor, f"tote:{pick.part}", "CAM") == {"held": 1}
    assert floor.buckets(order) == {"backordered": 1}
