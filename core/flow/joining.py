"""A rush order goes with somebody who walks already: its part joins a tour under way that has room, with few changed stops."""

from typing import NamedTuple

from floorwise.core.errors import NotFound, OutOfStock, WrongState
from floorwise.core.flow import asking, touring
from floorwise.core.flow.rerouting import Walk
from floorwise.core.model import events
from floorwise.core.model.policies import CART, MOST_CHANGED_STOPS
from floorwise.core.model.work import Part, PartLine, Pick, Tour
from floorwise.core.ports import Desk, Ledger

RUSH = "rush order"


class JoinTour(NamedTuple):
    """Put a part that waits for a plan into a tour that is open or walked."""

    tour: str
    part: str


def join_tour(desk: Desk, wanted: JoinTour) -> dict:
    """Bind the part's units to bins where they add least way, the earliest date first, and put the stops between those ahead; the stop the
    picker heads for stays the next one. WrongState when the tour has no room, is of another owner or kind, or more than
    MOST_CHANGED_STOPS of its stops would change after it was taken; OutOfStock when the bins that can be reached do not cover a line."""
    tour, part = desk.ledger.get(Tour, wanted.tour), desk.ledger.get(Part, wanted.part)
    if tour is None or part is None:
        raise NotFound(f"tour {wanted.tour} is unknown" if tour is None else f"part {wanted.part} is unknown")
    if reason := why_not(desk.ledger, tour, part):
        raise WrongState(reason)
    walk = Walk(desk, tour)
    for row in desk.ledger.find(PartLine, "key", part.part):
        _bind(desk, walk, part, row)
    desk.ledger.change(part, state="touring", tour=tour.tour, state_at_ms=desk.now_ms)
    if tour.taken_at_ms:  # also when its picker has left: the cart stands there, and what is told late of it needs a tote
        touring.put_tote(desk, part.part)
    desk.tell(events.PartJoined(tour.tour, part.part, walk.extra_walk_mm))
    walk.close(RUSH)
    return {"extra_walk_mm": walk.extra_walk_mm, "changed_stops": walk.changed_stops - tour.changed_stops}


def why_not(ledger: Ledger, tour: Tour, part: Part) -> str:
    """Why the part cannot go with this tour, as far as that is seen without asking for bins; "" when nothing speaks against it."""
    if part.state != "waiting" or tour.state == "done":
        return f"part {part.part} is {part.state}, tour {tour.tour} is {tour.state}; a part that waits joins a tour that is not done"
    if (part.kind, tour.kind) != ("cart", "cart"):
        return f"part {part.part} goes by {part.kind}, tour {tour.tour} by {tour.kind}; only carts are shared"
    names = sorted({pick.part for pick in ledger.find(Pick, "key", tour.tour)})
    parts = [ledger.get(Part, name) for name in names]
    if other := {one.owner for one in parts} - {part.owner}:
        return f"tour {tour.tour} is {min(other)}'s, part {part.part} is {part.owner}'s"
    load = (len(parts) + 1, *(sum(getattr(one, name) for one in (*parts, part)) for name in ("lines", "units", "weight_g", "volume_mm3")))
    over = [f"{name} {has} > {may}" for name, has, may in zip(CART._fields, load, CART, strict=True) if has > may]
    return f"the cart of tour {tour.tour} has no room: {', '.join(over)}" if over else ""


def _bind(desk: Desk, walk: Walk, part: Part, row: PartLine) -> None:
    date, left = max(row.min_expiry_ms, desk.now_ms), row.quantity
    found, _ = asking.shelves(desk.ledger, row.sku, part.owner, part.kind, left)
    shelves = [one for one in found if one.expires_at_ms >= date]
    pick = Pick(walk.tour.tour, 0, part.part, part.order_id, row.line, row.sku, "", "", part.owner, "", "", 1, 0, "open", 0, 0)
    while left and shelves:
        shelf = walk.best(shelves, left)
        shelves.remove(shelf)
        if not walk.may_stop(shelf.location):
            raise WrongState(f"tour {walk.tour.tour}: more than {MOST_CHANGED_STOPS} of its stops would change")
        units = min(left, shelf.available)
        walk.add(pick, shelf, units)
        left -= units
    if left:
        raise OutOfStock(f"{row.quantity} {row.sku} wanted for part {part.part}, {row.quantity - left} are free in reachable bins")
