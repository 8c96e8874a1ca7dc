"""A picker who is gone: the rest of the tour goes on with somebody else, once, and what the first one did stays done."""

import pytest

from floorwise.core.adapters.bus_local import LocalBus
from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.touring import TakeTour
from floorwise.core.model.device_messages import TourSheet, decode
from floorwise.core.model.work import Part, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import dispatch, leaving

TOUR = "T00000001"


@pytest.fixture
def walk(floor):
    """One tour of two picks, taken by ann, the first one done."""
    floor.stock("MUG", 10, "A00-3")
    floor.stock("BOWL", 5, "A02-5")
    floor.order("R1", ("MUG", 4), ("BOWL", 2))
    floor.release()
    floor.plan()
    floor.take("ann")
    floor.do(ConfirmPick(TOUR, 1, 4, "ann"))
    yield floor
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def test_somebody_else_goes_on_with_the_same_totes_and_the_order_leaves_whole(walk):
    assert walk.do(LeaveTour(TOUR, "ann", "went home")) == {"left": 1}
    assert walk.ledger.get(Tour, TOUR)[3:5] == ("open", "")
    assert walk.told("TourLeft") == [{"tour": TOUR, "picker": "ann", "cause": "went home", "open_picks": 1}]
    assert walk.do(TakeTour(TOUR, "bob")) == {"tour": TOUR, "picks": 2}
    walk.do(ConfirmPick(TOUR, 2, 2, "bob"))
    assert walk.ledger.get(Part, "O00000001.1").state == "picked"
    assert len(walk.told("UnitBuilt")) == 1  # one tote, not two
    walk.pack()
    assert (walk.buckets("O00000001"), walk.buckets("O00000001", 2)) == ({"packed": 4}, {"packed": 2})


def test_the_device_that_was_left_is_cleared_and_the_next_one_hears_what_is_left(walk):
    bus = LocalBus()
    dispatch.step(walk.warehouse, bus, 10)
    walk.do(LeaveTour(TOUR, "ann"))
    walk.do(TakeTour(TOUR, "bob"))  # before anybody was told that ann has left
    assert dispatch.step(walk.warehouse, bus, 10) == 2
    assert list(bus.retained) == [f"down/bob/tours/{TOUR}"]
    sheet = decode(TourSheet, bus.retained[f"down/bob/tours/{TOUR}"])
    assert [(pick.number, pick.sku) for pick in sheet.picks] == [(2, "BOWL")]
    bus.publish(f"down/ann/tours/{TOUR}", b"old", retain=True)  # the clearing was lost
    dispatch.republish(walk.warehouse, bus, "main")
    assert list(bus.retained) == [f"down/bob/tours/{TOUR}"]


def test_whoever_left_may_come_back_to_it(walk):
    bus = LocalBus()
    walk.do(LeaveTour(TOUR, "ann"))
    walk.do(TakeTour(TOUR, "ann"))
    dispatch.step(walk.warehouse, bus, 10)
    assert decode(TourSheet, bus.retained[f"down/ann/tours/{TOUR}"]).revision == walk.ledger.get(Tour, TOUR).revision


@pytest.mark.parametrize("taken_again", [False, True])
def test_what_the_gone_picker_tells_late_is_a_fact_whoever_has_the_tour(walk, taken_again):
    walk.do(LeaveTour(TOUR, "ann"))
    if taken_again:
        walk.do(TakeTour(TOUR, "bob"))
    at_ms = walk.clock.now_ms() - 60_000
    assert walk.do(ConfirmPick(TOUR, 2, 2, "ann", at_ms)) == {"picked": 2}
    assert walk.ledger.get(Tour, TOUR).state == "done"
    assert walk.do(ConfirmPick(TOUR, 2, 2, "bob")) == {"picked": 2, "again": 1}
    with pytest.raises(WrongState, match="done"):
        walk.do(TakeTour(TOUR, "carl"))


def test_a_late_short_of_the_gone_picker_sends_the_next_one_to_another_bin(walk):
    walk.stock("BOWL", 5, "A01-5")
    walk.do(LeaveTour(TOUR, "ann"))
    assert walk.do(ReportShort(TOUR, 2, 0, "ann"))["elsewhere"] == 2
    walk.do(TakeTour(TOUR, "bob"))
    assert walk.do(ConfirmPick(TOUR, 3, 2, "bob")) == {"picked": 2}


@pytest.mark.parametrize("picker", ["bob", "ann"])
def test_leaving_what_one_does_not_walk_changes_nothing(walk, picker):
    if picker == "ann":
        walk.do(LeaveTour(TOUR, "ann"))
    head = walk.ledger.head
    assert walk.do(LeaveTour(TOUR, picker)) == {"left": 0}
    assert walk.ledger.head == head


def test_a_tour_or_a_name_that_is_none_is_refused(walk):
    with pytest.raises(NotFound, match="T9"):
        walk.do(LeaveTour("T9", "ann"))
    with pytest.raises(BadInput, match="nobody"):
        walk.do(LeaveTour(TOUR, ""))


def test_a_roll_call_opens_the_tours_of_those_who_are_gone_and_of_nobody_else(walk):
    walk.order("R2", ("MUG", 1))
    walk.release()
    walk.plan()
    walk.take("bob")
    assert leaving.step(walk.warehouse, "main", [], "gone") == 0
    assert leaving.step(walk.warehouse, "main", ["ann", "zoe"], "gone") == 1
    assert [(tour.state, tour.picker) for tour in walk.ledger.find(Tour, "key")] == [("open", ""), ("taken", "bob")]
