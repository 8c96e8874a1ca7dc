"""Puts tours on the devices of those who took them, and takes finished ones back.

A tour belongs to nobody until it is taken, so it is published when it is taken, retained, on the topic of its picker's device
(model.device_messages). The topic holds the newest revision until the tour is done; then an empty retained payload clears it.
"""

from collections.abc import Callable
from typing import Any

from floorwise.core import journal
from floorwise.core.failpoints import reach
from floorwise.core.flow.dispatching import DISPATCH, KINDS, RecordDispatch
from floorwise.core.model import device_messages
from floorwise.core.model.device_messages import LIST_LENGTH, SheetPick, TourSheet
from floorwise.core.model.handling import unit_of
from floorwise.core.model.journal import Cursor, Event
from floorwise.core.model.places import Location
from floorwise.core.model.readings import is_device_name
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.ports import Bus, Ledger
from floorwise.core.warehouse import Warehouse

LOOK_BACK = 10_000  # events before the cursor in which `republish` looks for finished tours to clear
DeviceOf = Callable[[str], str]


def signed_in(picker: str) -> str:
    """The device of a picker where nothing else is known: a handheld bears the name of whoever signed in on it."""
    return picker


def step(warehouse: Warehouse, bus: Bus, limit: int, device_of: DeviceOf = signed_in) -> int:
    """Publish what up to `limit` events say about tours, in their order; give how many events were read.

    After a crash the same event is read again and published again, with the same revision: the device drops it. A picker
    whose name is no device name gets nothing on the bus, and the event is noted as such.
    """
    cursor = warehouse.ledger.get(Cursor, DISPATCH)
    since = cursor.number if cursor else 0
    found = sorted(event for kind in KINDS for event in warehouse.ledger.find(Event, "by_kind", kind, after=since, limit=limit))[:limit]
    for event in found:
        body = journal.body_of(event)
        reach("dispatch_before_publish")
        outcome = _publish(warehouse.ledger, bus, body, device_of)
        reach("dispatch_after_publish")
        warehouse.execute(RecordDispatch(event.number, outcome))
    return len(found)


def republish(warehouse: Warehouse, bus: Bus, site: str, device_of: DeviceOf = signed_in) -> int:
    """Say again what every device should hold, after each (re)connect: a broker may have lost what it retained. Give how many
    topics were written.

    Taken tours are published, tours that ended or were left in the last `LOOK_BACK` events cleared. Nothing is recorded: saying it
    again is harmless.
    """
    ledger = warehouse.ledger
    cursor = ledger.get(Cursor, DISPATCH)
    if cursor is None:
        return 0
    since = max(0, cursor.number - LOOK_BACK)
    bodies: list[dict[str, Any]] = []
    for kind in ("TourDone", "TourLeft"):
        bodies += [journal.body_of(event) for event in ledger.find(Event, "by_kind", kind, after=since, until=cursor.number)]
    for kind in ("bulk", "cart"):
        bodies += [tour._asdict() for tour in ledger.find(Tour, "by_state", site, "taken", kind)]
    return sum(_publish(ledger, bus, body, device_of) != NO_DEVICE for body in bodies)


NO_DEVICE = "no device"


def _publish(ledger: Ledger, bus: Bus, about: dict[str, Any], device_of: DeviceOf) -> str:
    """Publish the tour as it now is on its picker's device, or clear it when it is over or somebody else's: the last word on the topic is
    always the present."""
    picker, device = about["picker"], device_of(about["picker"])
    if not is_device_name(device):
        return NO_DEVICE
    tour = ledger.get(Tour, about["tour"])
    topic = device_messages.tour(device, tour.tour)
    if tour.state != "taken" or tour.picker != picker:
        bus.publish(topic, b"", retain=True)
        return "cleared"
    bus.publish(topic, device_messages.encode(sheet(ledger, tour)), retain=True)
    return f"revision {tour.revision}"


def sheet(ledger: Ledger, tour: Tour) -> TourSheet:
    """The tour as its picker sees it: what is still to pick, in walking order, at most LIST_LENGTH stops.

    `ts` is the moment it was taken, so that a revision says the same whenever it is published, but for picks done since.
    """
    picks = []
    for pick in in_walking_order(ledger.find(Pick, "key", tour.tour)):
        if pick.state == "open" and len(picks) < LIST_LENGTH:
            location, tote = ledger.get(Location, pick.location), unit_of(ledger.get(Part, pick.part).tote)
            picks.append(
                SheetPick(pick.number, pick.location, location.check_digits, pick.place, pick.sku, pick.lot, pick.quantity, tote)
            )
    return TourSheet(tour.tour, tour.revision, tour.kind, tour.taken_at_ms, picks)
