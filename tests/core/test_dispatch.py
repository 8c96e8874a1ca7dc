"""Tours reach the device of their picker, newest revision last, and leave it when they are done."""

import json

import jsonschema
import pytest

from floorwise.core.adapters.bus_local import LocalBus, LocalMessage, matches
from floorwise.core.errors import NotFound, WrongState
from floorwise.core.flow.counting import RecordCount
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.flow.touring import TakeTour
from floorwise.core.model.device_messages import TourSheet, decode
from floorwise.core.model.journal import Cursor, Delivered, Event
from floorwise.core.model.places import check_digits
from floorwise.core.model.work import Tour
from floorwise.core.workers import dispatch


@pytest.fixture
def bus():
    return LocalBus()


@pytest.fixture
def walk(floor):
    """A floor with one tour of two picks, taken by ann."""
    floor.stock("MUG", 10, "A00-3")
    floor.stock("BOWL", 5, "A02-5")
    floor.order("R1", ("MUG", 4), ("BOWL", 2))
    floor.release()
    floor.plan()
    floor.take("ann")
    return floor


def test_a_taken_tour_stands_on_its_pickers_topic_stop_by_stop(walk, bus):
    assert dispatch.step(walk.warehouse, bus, 10) == 1
    assert list(bus.retained) == ["down/ann/tours/T00000001"]
    sheet = decode(TourSheet, bus.retained["down/ann/tours/T00000001"])
    assert (sheet.tour, sheet.revision, sheet.kind) == ("T00000001", 2, "cart")  # released as 1, taken as 2
    stops = [(p.number, p.location, p.check_digits, p.sku, p.quantity, p.tote) for p in sheet.picks]
    assert stops == [
        (1, "A00-3", check_digits("A00-3"), "MUG", 4, "O00000001.1"),
        (2, "A02-5", check_digits("A02-5"), "BOWL", 2, "O00000001.1"),
    ]


def test_a_payload_is_canonical_json(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    payload = bus.retained["down/ann/tours/T00000001"]
    assert payload == json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()


def test_a_payload_fits_the_schema_that_firmware_is_written_against(walk, bus, repository):
    dispatch.step(walk.warehouse, bus, 10)
    schema = json.loads((repository / "firmware-interfaces/schemas/tour.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(bus.retained["down/ann/tours/T00000001"]), schema)


def test_an_open_tour_is_on_no_device(floor, bus):
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 4))
    floor.release()
    floor.plan()
    assert dispatch.step(floor.warehouse, bus, 10) == 0
    assert bus.retained == {}


def test_a_finished_tour_is_taken_back(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    listener = bus.subscribe("down/ann/#")
    walk.pick()
    assert dispatch.step(walk.warehouse, bus, 10) == 1
    assert bus.retained == {}
    assert listener.take()[-1] == LocalMessage("down/ann/tours/T00000001", b"", False)


def test_a_tour_that_was_taken_and_done_before_dispatch_came_leaves_nothing_behind(walk, bus):
    walk.pick()
    assert dispatch.step(walk.warehouse, bus, 10) == 2
    assert bus.retained == {}


def test_a_bin_counted_short_sends_the_picker_a_newer_revision_with_fewer_units(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    walk.do(RecordCount("A00-3", "MUG", 1))  # 4 are bound there, 1 is left: 3 go back
    assert dispatch.step(walk.warehouse, bus, 10) == 1
    sheet = decode(TourSheet, bus.retained["down/ann/tours/T00000001"])
    assert sheet.revision == 3
    assert [(p.sku, p.quantity) for p in sheet.picks] == [("MUG", 1), ("BOWL", 2)]


def test_each_event_has_its_effect_noted_once_and_moves_the_cursor(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    taken = walk.ledger.find(Event, "by_kind", "TourTaken")[0].number
    assert walk.ledger.find(Delivered, "key", "dispatch") == [Delivered("dispatch", taken, "revision 2")]
    assert walk.ledger.get(Cursor, "dispatch").number == taken
    assert dispatch.step(walk.warehouse, bus, 10) == 0
    assert walk.do(dispatch.RecordDispatch(taken, "revision 2")) == {"again": 1}


def test_events_are_dispatched_in_order_however_few_at_a_time(walk, bus):
    walk.pick()
    assert dispatch.step(walk.warehouse, bus, 1) == 1
    assert walk.ledger.find(Delivered, "key", "dispatch")[0].outcome == "cleared"
    assert dispatch.step(walk.warehouse, bus, 1) == 1
    assert dispatch.step(walk.warehouse, bus, 1) == 0


def test_after_the_broker_lost_its_memory_open_tours_stand_again_with_what_is_left_to_pick(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    walk.do(ConfirmPick("T00000001", 1, 4, "ann"))
    bus.forget()
    assert dispatch.republish(walk.warehouse, bus, "main") == 1
    sheet = decode(TourSheet, bus.retained["down/ann/tours/T00000001"])
    assert [pick.sku for pick in sheet.picks] == ["BOWL"]
    assert sheet.revision == 2  # a device that holds the tour knows this already and drops it


def test_a_tour_that_ended_while_the_line_was_cut_is_cleared_at_the_next_connect(walk, bus):
    dispatch.step(walk.warehouse, bus, 10)
    walk.pick()
    dispatch.step(walk.warehouse, LocalBus(), 10)  # this clearing never arrived
    assert list(bus.retained) == ["down/ann/tours/T00000001"]
    assert dispatch.republish(walk.warehouse, bus, "main") == 1
    assert bus.retained == {}


def test_a_picker_without_a_device_stops_nobody_else(floor, bus):
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.order("R2", ("MUG", 1))
    floor.release()
    floor.plan()
    first, second = floor.ledger.find(Tour, "by_state", "main", "open")
    floor.do(TakeTour(first.tour, "ann/b"))
    floor.do(TakeTour(second.tour, "bob"))
    assert dispatch.step(floor.warehouse, bus, 10) == 2
    assert list(bus.retained) == ["down/bob/tours/T00000002"]
    assert [d.outcome for d in floor.ledger.find(Delivered, "key", "dispatch")] == ["no device", "revision 2"]


def test_who_carries_which_device_is_for_the_caller_to_say(walk, bus):
    dispatch.step(walk.warehouse, bus, 10, device_of={"ann": "handheld-7"}.get)
    assert list(bus.retained) == ["down/handheld-7/tours/T00000001"]


def test_dispatch_adds_nothing_to_the_journal(walk, bus):
    head = walk.ledger.head
    dispatch.step(walk.warehouse, bus, 10)
    assert walk.ledger.head == head


def test_a_late_subscriber_gets_what_is_retained_and_then_what_comes(bus):
    bus.publish("a/1", b"old", retain=True)
    bus.publish("a/2", b"gone")
    listener = bus.subscribe("a/+")
    bus.publish("a/2", b"new")
    assert listener.take() == [LocalMessage("a/1", b"old", True), LocalMessage("a/2", b"new", False)]
    assert listener.take() == []


def test_a_full_queue_drops_the_newest_and_counts_it():
    bus = LocalBus(queue=2)
    listener = bus.subscribe("#")
    for n in range(5):
        bus.publish("a", bytes([n]))
    assert [message.payload for message in listener.take()] == [b"\0", b"\1"]
    assert listener.dropped == 3


def test_loss_and_duplicates_repeat_with_their_seed_and_never_touch_what_is_retained():
    def run(seed):
        bus = LocalBus(seed, loss=0.3, duplicates=0.3)
        listener = bus.subscribe("#")
        for n in range(1000):
            bus.publish("a", n.to_bytes(2, "big"), retain=True)
        return [message.payload for message in listener.take()], bus

    first, bus = run(5)
    assert first == run(5)[0] != run(6)[0]
    assert 200 < bus.lost < 400 and 100 < bus.doubled < 320
    assert len(first) == 1000 - bus.lost + bus.doubled
    assert bus.retained == {"a": (999).to_bytes(2, "big")}


@pytest.mark.parametrize(
    ("topic_filter", "topic", "is_match"),
    [("a/#", "a", True), ("a/#", "a/b/c", True), ("a/+", "a/b", True), ("a/+", "a", False), ("a/+", "a/b/c", False), ("a", "b", False)],
)
def test_filters_match_as_in_mqtt(topic_filter, topic, is_match):
    assert matches(topic_filter, topic) is is_match


@pytest.mark.parametrize("topic", ["", "a/+", "a/#"])
def test_nobody_publishes_on_a_wildcard(bus, topic):
    with pytest.raises(ValueError, match="not a topic"):
        bus.publish(topic, b"x")


def test_an_event_that_is_not_of_dispatch_or_not_its_next_is_refused(walk):
    walk.pick()
    taken, done = (walk.ledger.find(Event, "by_kind", kind)[0].number for kind in ("TourTaken", "TourDone"))
    with pytest.raises(NotFound, match="event 1 is a SiteAdded; dispatch follows TourTaken, TourChanged, TourLeft, TourDone"):
        walk.do(dispatch.RecordDispatch(1, "revision 2"))
    with pytest.raises(WrongState, match=f"event {done} is not the next one for dispatch: event {taken} comes first"):
        walk.do(dispatch.RecordDispatch(done, "cleared"))
    assert walk.ledger.get(Cursor, "dispatch") is None
