"""Dispatch: the note that an event about a tour has reached its picker's device."""

from typing import NamedTuple

from floorwise.core.flow.following import follow
from floorwise.core.model.journal import Delivered
from floorwise.core.ports import Desk

DISPATCH = "dispatch"  # the consumer of the journal that puts tours on devices
KINDS = ("TourTaken", "TourChanged", "TourDone")


class RecordDispatch(NamedTuple):
    """Event `number` was handed to the bus; `outcome` says what was published."""

    number: int
    outcome: str


def record_dispatch(desk: Desk, told: RecordDispatch) -> dict:
    """Note the delivery and how far dispatch has come; the same event again changes nothing."""
    if not desk.ledger.insert(Delivered(DISPATCH, told.number, told.outcome)):
        return {"again": 1}
    follow(desk, DISPATCH, told.number)
    return {"number": told.number}
