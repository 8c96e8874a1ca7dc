"""A picker is gone in the middle of a tour: what is left of it is open again, and the cart stands where it was left."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound
from floorwise.core.model import events
from floorwise.core.model.work import Tour
from floorwise.core.ports import Desk


class LeaveTour(NamedTuple):
    """`picker` walks this tour no more; `cause` says why, as "signed out"."""

    tour: str
    picker: str
    cause: str = "signed out"


def leave_tour(desk: Desk, told: LeaveTour) -> dict:
    """Open the rest of the tour for whoever takes it next, totes and all; give how many picks are left (0 when that picker walks it no
    more anyway). What the picker still tells of it later, as a handheld that was offline does, is recorded like any pick."""
    tour = desk.ledger.get(Tour, told.tour)
    if tour is None:
        raise NotFound(f"tour {told.tour} is unknown")
    if not told.picker:
        raise BadInput(f"tour {told.tour}: nobody is named who leaves it")
    if tour.state != "taken" or tour.picker != told.picker:
        return {"left": 0}
    tour = desk.ledger.change(tour, state="open", picker="", revision=tour.revision + 1)
    desk.tell(events.TourLeft(tour.tour, told.picker, told.cause, tour.open_picks))
    return {"left": tour.open_picks}
