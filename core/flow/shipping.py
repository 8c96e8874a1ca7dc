"""Shipping: labels are recorded, parcels go on the truck, goods are issued."""

from typing import NamedTuple

from floorwise.core import journal
from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow import books
from floorwise.core.flow.following import follow, require_next, require_own
from floorwise.core.model import events
from floorwise.core.model.journal import Delivered
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.stock import Move
from floorwise.core.model.work import Part
from floorwise.core.ports import Desk

LABELS = "labels"  # the consumer of the journal that buys labels
KINDS = ("LabelWanted",)  # what it follows
MOST_PARCELS = 5_000  # on one manifest


class RecordLabel(NamedTuple):
    """The carrier gave a label, asked for by event `number`."""

    number: int
    parcel: str
    tracking: str
    document: str


class HandOver(NamedTuple):
    """These parcels were loaded on a carrier's truck."""

    carrier: str
    manifest: str
    parcels: tuple[str, ...]


def record_label(desk: Desk, told: RecordLabel) -> dict:
    """Note the label; the same event again changes nothing, so a label is never bought and noted twice.

    NotFound when the event does not want a label for this parcel, WrongState when an earlier one still waits for its label.
    """
    parcel = _parcel(desk, told.parcel)
    wanted = require_own(desk, LABELS, told.number, KINDS)
    if journal.body_of(wanted)["parcel"] != parcel.parcel:
        raise NotFound(f"event {told.number} wants a label for parcel {journal.body_of(wanted)['parcel']}, not for {parcel.parcel}")
    if not told.tracking:
        raise BadInput(f"label of parcel {parcel.parcel}: a label bears a tracking number")
    if not desk.ledger.insert(Delivered(LABELS, told.number, told.tracking)):
        return {"parcel": parcel.parcel, "again": 1}
    require_next(desk, LABELS, told.number, KINDS)
    desk.ledger.change(parcel, tracking=told.tracking, status="labelled" if parcel.status == "packed" else parcel.status)
    follow(desk, LABELS, told.number)
    desk.tell(events.LabelRecorded(parcel.parcel, told.tracking, told.document))
    return {"parcel": parcel.parcel}


def hand_over(desk: Desk, told: HandOver) -> dict:
    """Issue the goods. WrongState, with nothing loaded, when a parcel is meant for another truck, has no label, or has left."""
    if len(told.parcels) > MOST_PARCELS:
        raise BadInput(f"manifest {told.manifest}: {len(told.parcels)} parcels; {MOST_PARCELS} at most, split it")
    loaded = []
    for name in told.parcels:
        parcel = _parcel(desk, name)
        if parcel.carrier != told.carrier:
            raise WrongState(f"parcel {name} goes with {parcel.carrier}, not with {told.carrier}: wrong truck")
        if parcel.status != "labelled":
            raise WrongState(f"parcel {name} is {parcel.status}; only a labelled parcel can be loaded")
        move_unit(desk, parcel, "STAGE", "TRANSIT", told.manifest)
        for row in desk.ledger.find(ParcelLine, "key", name):
            books.shift(desk, books.line_at(desk, row.order_id, row.line), "packed", "shipped", row.quantity)
        desk.ledger.change(parcel, status="loaded", status_at_ms=desk.now_ms, handed_over_at_ms=desk.now_ms)
        part = desk.ledger.get(Part, parcel.part)
        if part.state == "packed":
            desk.ledger.change(part, state="shipped", state_at_ms=desk.now_ms)
        loaded.append(name)
    desk.tell(events.ParcelsHandedOver(told.carrier, told.manifest, loaded))
    return {"loaded": len(loaded)}


def move_unit(desk: Desk, parcel: Parcel, source: str, target: str, reference: str) -> None:
    """Move a parcel as a unit; what is in it moves with it."""
    unit = books.unit_at(desk, parcel.sscc)
    if unit.parent != source:
        raise WrongState(f"parcel {parcel.parcel} is at {unit.parent}, not at {source}")
    desk.ledger.append_move(
        Move(0, desk.now_ms, desk.now_ms, "", "", "", unit.unit, 1, source, target, "house", "available", "available", "ship", reference)
    )
    desk.ledger.change(unit, parent=target)


def _parcel(desk: Desk, name: str) -> Parcel:
    parcel = desk.ledger.get(Parcel, name)
    if parcel is None:
        raise NotFound(f"parcel {name} is unknown")
    return parcel
