"""Tours: what is open, who walks, what was picked."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from floorwise.core.errors import NotFound
from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.touring import TakeTour
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.core.model.catalog import Sku
from floorwise.core.model.places import Location
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.ports import Ledger
from floorwise.gateway.http.context import Body, Here, Key, Name, Text, Whole
from floorwise.gateway.http.shapes import chosen

router = APIRouter(tags=["tours"])

TOUR_FIELDS = "tour state kind picker planner planned_at_ms taken_at_ms length_mm picks open_picks revision"
STOP_FIELDS = "number location place sku lot serial quantity picked state done_at_ms part order_id line"
Nth = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


class TakeIn(Body):
    picker: Name


class LeaveIn(Body):
    picker: Name
    cause: Text = "signed out"


class ConfirmIn(Body):
    quantity: Whole
    picker: Name
    tote: Text = ""
    serial: Text = ""
    done_at_ms: Whole = 0
    net_g: Whole = 0
    override_by: Text = ""

    def command(self, tour_id: str, number: int) -> ConfirmPick:
        """The command that this body asks for."""
        return ConfirmPick(tour=tour_id, number=number, **self.__dict__)


class ShortIn(Body):
    found: Whole
    picker: Name
    tote: Text = ""
    done_at_ms: Whole = 0
    net_g: Whole = 0
    override_by: Text = ""

    def command(self, tour_id: str, number: int) -> ReportShort:
        """The command that this body asks for."""
        return ReportShort(tour=tour_id, number=number, **self.__dict__)


@router.get("/tours")
def list_tours(
    gateway: Here, state: Literal["open", "taken"] = "open", limit: Annotated[int, Query(ge=1, le=1_000)] = 200
) -> dict[str, Any]:
    """Tours that wait for a picker, or that somebody walks; the oldest first."""
    with gateway.readers.read() as ledger:
        tours = [
            tour for kind in ("bulk", "cart") for tour in ledger.find(Tour, "by_state", gateway.settings.site, state, kind, limit=limit)
        ]
        tours.sort(key=lambda tour: (tour.planned_at_ms, tour.tour))
        return {"tours": [chosen(tour, TOUR_FIELDS) | {"cut_off_ms": _cut_off_ms(ledger, tour)} for tour in tours[:limit]]}


@router.get("/plans")
def list_plans(gateway: Here, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> dict[str, Any]:
    """The plans that were made last, the newest first: their walks, the lower bound, the gap to it, what was left out and why."""
    return {"plans": [plan._asdict() | {"gap": plan.gap} for plan in gateway.board.plans(limit)]}


@router.get("/tours/{tour_id}")
def read_tour(tour_id: Text, gateway: Here) -> dict[str, Any]:
    """One tour with its stops in walking order."""
    with gateway.readers.read() as ledger:
        tour = ledger.get(Tour, tour_id)
        if tour is None:
            raise NotFound(f"tour {tour_id} is unknown")
        stops = [_stop(ledger, pick) for pick in in_walking_order(ledger.find(Pick, "key", tour_id))]
        more = {"done_at_ms": tour.done_at_ms, "cut_off_ms": _cut_off_ms(ledger, tour), "stops": stops}
        return chosen(tour, TOUR_FIELDS) | more


@router.post("/tours/{tour_id}/take")
async def take_tour(tour_id: Text, body: TakeIn, gateway: Here, key: Key = "") -> dict[str, Any]:
    """Hand the tour to one picker."""
    reply = await gateway.writer.execute(TakeTour(tour_id, body.picker), key)
    gateway.spoke(body.picker)
    return reply


@router.post("/tours/{tour_id}/leave")
async def leave_tour(tour_id: Text, body: LeaveIn, gateway: Here, key: Key = "") -> dict[str, Any]:
    """The picker is gone: what is left of the tour is open for whoever takes it next."""
    return await gateway.writer.execute(LeaveTour(tour_id, body.picker, body.cause), key)


@router.post("/tours/{tour_id}/picks/{number}/confirm")
async def confirm_pick(tour_id: Text, number: Nth, body: ConfirmIn, gateway: Here, key: Key = "") -> dict[str, Any]:
    """Units lie in the tote; the same confirmation again changes nothing."""
    reply = await gateway.writer.execute(body.command(tour_id, number), key)
    gateway.spoke(body.picker)
    return reply


@router.post("/tours/{tour_id}/picks/{number}/short")
async def report_short(tour_id: Text, number: Nth, body: ShortIn, gateway: Here, key: Key = "") -> dict[str, Any]:
    """Fewer units than the books say were in the bin."""
    reply = await gateway.writer.execute(body.command(tour_id, number), key)
    gateway.spoke(body.picker)
    return reply


def _cut_off_ms(ledger: Ledger, tour: Tour) -> int:
    """The earliest truck that waits for this walk."""
    parts = {pick.part for pick in ledger.find(Pick, "key", tour.tour)}
    return min((part.cut_off_ms for name in parts if (part := ledger.get(Part, name))), default=0)


def _stop(ledger: Ledger, pick: Pick) -> dict[str, Any]:
    location, part, sku = ledger.get(Location, pick.location), ledger.get(Part, pick.part), ledger.get(Sku, pick.sku)
    return chosen(pick, STOP_FIELDS) | chosen(location, "check_digits aisle y_mm level") | {
        "gtin": sku.gtin, "tote": part.tote
    }  # fmt: skip
