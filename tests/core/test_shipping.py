"""Labels are bought once, trucks take what is theirs, and a parcel leaves the house as one thing."""

import pytest

from floorwise.core import journal
from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow import shipping
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.shipping import HandOver, RecordLabel
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.journal import Event
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.stock import Balance, Move
from floorwise.core.model.work import Part

ONE, TWO = "O00000001.1/1", "O00000002.1/1"


@pytest.fixture
def dock(floor):
    """Two labelled parcels of a mug: one for the carrier "paper", one for "bike"."""
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 1))
    floor.order("R2", ("MUG", 1), carrier="bike")
    floor.release()
    floor.plan()
    floor.take()
    floor.pick()
    floor.pack()
    return floor


def status(floor, parcel: str) -> str:
    return floor.ledger.get(Parcel, parcel).status


def test_a_parcel_on_the_wrong_truck_is_refused_with_the_whole_list(dock):
    with pytest.raises(WrongState, match=f"parcel {TWO} goes with bike, not with paper: wrong truck"):
        dock.do(HandOver("paper", "M1", (ONE, TWO)))
    assert (status(dock, ONE), status(dock, TWO)) == ("labelled", "labelled")
    assert dock.do(HandOver("paper", "M1", (ONE,))) == {"loaded": 1}
    assert dock.do(HandOver("bike", "M2", (TWO,))) == {"loaded": 1}


def test_a_parcel_leaves_once(dock):
    dock.do(HandOver("paper", "M1", (ONE,)))
    with pytest.raises(WrongState, match="is loaded; only a labelled parcel"):
        dock.do(HandOver("paper", "M2", (ONE,)))
    with pytest.raises(NotFound, match="nothing"):
        dock.do(HandOver("paper", "M2", ("nothing",)))
    assert len(dock.told("ParcelsHandedOver")) == 1


def test_a_parcel_named_twice_on_one_manifest_is_refused(dock):
    with pytest.raises(WrongState, match="is loaded"):
        dock.do(HandOver("paper", "M1", (ONE, ONE)))
    assert status(dock, ONE) == "labelled"


def test_a_retry_under_the_same_key_gets_the_first_answer(dock):
    assert dock.do(HandOver("paper", "M1", (ONE,)), key="m1") == dock.do(HandOver("paper", "M1", (ONE,)), key="m1")
    assert len(dock.told("ParcelsHandedOver")) == 1


def test_a_parcel_without_a_label_does_not_leave(floor):
    floor.stock("MUG", 1)
    floor.order("R1", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.take()
    floor.pick()
    floor.do(StartPack("O00000001.1", "P1"))
    floor.do(ClosePack("O00000001.1"))
    with pytest.raises(WrongState, match="is packed; only a labelled parcel"):
        floor.do(HandOver("paper", "M1", (ONE,)))


def test_a_parcel_moves_as_one_unit_with_all_that_is_in_it(dock):
    parcel = dock.ledger.get(Parcel, ONE)
    moves = len(dock.ledger.find(Move, "key"))
    dock.do(HandOver("paper", "M1", (ONE,)))
    (move,) = dock.ledger.find(Move, "key")[moves:]
    assert (move.unit, move.sku, move.source, move.target) == (parcel.sscc, "", "STAGE", "TRANSIT")
    assert dock.ledger.get(HandlingUnit, parcel.sscc).parent == "TRANSIT"
    assert [row.on_hand for row in dock.ledger.find(Balance, "key", parcel.place)] == [1]
    assert dock.buckets("O00000001") == {"shipped": 1}
    assert dock.ledger.get(Part, "O00000001.1").state == "shipped"


def test_a_manifest_beyond_the_limit_is_refused_and_not_cut(dock, monkeypatch):
    monkeypatch.setattr(shipping, "MOST_PARCELS", 1)
    with pytest.raises(BadInput, match="manifest M1: 2 parcels; 1 at most"):
        dock.do(HandOver("paper", "M1", (ONE, TWO)))


def wanted_for(floor, parcel: str) -> int:
    """The number of the event that wants this parcel's label."""
    found = floor.ledger.find(Event, "by_kind", "LabelWanted")
    return next(event.number for event in found if journal.body_of(event)["parcel"] == parcel)


def test_a_label_that_is_told_twice_is_noted_once(dock):
    wanted = wanted_for(dock, ONE)
    head = dock.ledger.head
    assert dock.do(RecordLabel(wanted, ONE, "ANOTHER", "another.zpl")) == {"parcel": ONE, "again": 1}
    assert dock.ledger.get(Parcel, ONE).tracking == "T" + dock.ledger.get(Parcel, ONE).sscc
    assert dock.ledger.head == head


def test_a_label_for_an_unknown_parcel_is_refused(dock):
    with pytest.raises(NotFound, match="X"):
        dock.do(RecordLabel(999, "X", "T1", "x.zpl"))


@pytest.fixture
def bench(floor):
    """Two closed parcels whose labels are wanted and not bought."""
    floor.stock("MUG", 2)
    for reference in ("R1", "R2"):
        floor.order(reference, ("MUG", 1))
    floor.release(), floor.plan(), floor.take(), floor.pick()
    for part in ("O00000001.1", "O00000002.1"):
        floor.do(StartPack(part, "P1"))
        floor.do(ClosePack(part))
    return floor


def test_a_label_belongs_to_the_event_that_wanted_it(bench):
    first, second = (wanted_for(bench, parcel) for parcel in (ONE, TWO))
    for number, error, names in (
        (second, NotFound, f"event {second} wants a label for parcel {TWO}, not for {ONE}"),
        (first - 1, NotFound, f"event {first - 1} is a ParcelPacked; labels follows LabelWanted"),
        (10**6, NotFound, "event 1000000 is not in the journal"),
    ):
        with pytest.raises(error, match=names):
            bench.do(RecordLabel(number, ONE, "T1", "x.zpl"))
    with pytest.raises(BadInput, match="tracking number"):
        bench.do(RecordLabel(first, ONE, "", "x.zpl"))
    assert status(bench, ONE) == "packed"


def test_no_label_that_is_still_wanted_is_passed_over(bench):
    first, second = (wanted_for(bench, parcel) for parcel in (ONE, TWO))
    with pytest.raises(WrongState, match=f"event {second} is not the next one for labels: event {first} comes first"):
        bench.do(RecordLabel(second, TWO, "T2", "x.zpl"))
    bench.do(RecordLabel(first, ONE, "T1", "x.zpl"))
    assert bench.do(RecordLabel(second, TWO, "T2", "x.zpl")) == {"parcel": TWO}
