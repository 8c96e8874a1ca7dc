"""Dispatch: the note that an event about a tour has reached its picker's device."""

from typing import NamedTuple

from floorwise.core.flow.following import follow, require_next, require_own
from floorwise.core.model.journal import Delivered
from floorwise.core.ports import Desk

DISPATCH = "dispatch"  # the consumer of the journal that puts tours on devices
KINDS = ("TourTaken", "TourChanged", "TourLeft", "TourDone")


class RecordDispatch(NamedTuple):
    """Event `number` was handed to the bus; `outcome` says what was published."""

    number: int
    outcome: str


def record_dispatch(desk: Desk, told: RecordDispatch) -> dict:
    """Note the delivery and how far dispatch has come; the same event again changes nothing.

    NotFound for an event that is none of dispatch's, WrongState for one that is not its next: devices would miss those between.
    """
    require_own(desk, DISPATCH, told.number, KINDS)
    if not desk.ledger.insert(Delivered(DISPATCH, told.number, told.outcome)):
        return {"again": 1}
    require_next(desk, DISPATCH, told.number, KINDS)
    follow(desk, DISPATCH, told.number)
    return {"number": told.number}
