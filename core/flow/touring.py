"""Tours: a plan binds bins, lots and units to parts, and walks come into being."""

from typing import NamedTuple

from floorwise.core.errors import Conflict, NotFound, OutOfStock, StalePlan, WrongState
from floorwise.core.flow import asking, books, promising, shrinking
from floorwise.core.model import events
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.planning import BinStock, Plan, PlannedTour, Take
from floorwise.core.model.policies import PLAN_LIFE_MS
from floorwise.core.model.s_shape import s_shape_plan
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Part, PartLine, Pick, Tour
from floorwise.core.ports import Desk

CARTS = "CARTS"  # where totes are while somebody walks with them
MOST_TOLD = 50  # parts without a tour that the event of a plan names


class ReleaseTours(NamedTuple):
    """Turn a plan into tours; it was made from the stock rows it names, at `made_at_ms`, in `took_ms` of wall time (0 = not measured)."""

    plan: Plan
    made_at_ms: int
    took_ms: int = 0


class FallBack(NamedTuple):
    """Give these parts an S-shape tour each if they still wait; `cause` says why they have none yet."""

    parts: tuple[str, ...]
    cause: str = "no plan in time"


class TakeTour(NamedTuple):
    """A picker takes a tour and puts a tote on the cart for each of its parts, or goes on with the cart of somebody who left it."""

    tour: str
    picker: str


def release_tours(desk: Desk, wanted: ReleaseTours) -> dict:
    """Bind every take and make the tours. StalePlan, with nothing done, when the plan is too old, a stock row it read has
    changed, or one of its parts no longer waits; OutOfStock or WrongState when its takes do not add up to its parts."""
    plan = wanted.plan
    if desk.now_ms - wanted.made_at_ms > PLAN_LIFE_MS:
        raise StalePlan(f"the plan is {(desk.now_ms - wanted.made_at_ms) // 1000} s old; {PLAN_LIFE_MS // 1000} s is the limit")
    owner = _owner(desk, [name for tour in plan.tours for name in tour.parts])
    rows = _rows(desk, plan.read, owner)
    names = [_release(desk, plan.planner, tour, rows, owner) for tour in plan.tours]
    _tell(desk, plan, names, wanted.took_ms)
    return {"tours": len(names), "unplanned": len(plan.unplanned)}


def fall_back(desk: Desk, wanted: FallBack) -> dict:
    """Plan what still waits with nothing but the habit of walking an S. A part that stock cannot cover is given up: its units are
    backordered, and those that can be promised again are released again with their order."""
    parts = [part for name in wanted.parts if (part := desk.ledger.get(Part, name)) is not None and part.state == "waiting"]
    tours = dropped = 0
    for owner, kind in sorted({(part.owner, part.kind) for part in parts}):
        alike = [part for part in parts if (part.owner, part.kind) == (owner, kind)]
        plan = s_shape_plan(asking.request(desk.ledger, desk.site, alike, desk.now_ms))
        rows: dict[tuple[str, str, str], list[Balance]] = {}
        names = [_release(desk, plan.planner, tour, rows, owner) for tour in plan.tours]
        _tell(desk, plan, names, 0, wanted.cause)
        for left in plan.unplanned:
            shrinking.drop(desk, desk.ledger.get(Part, left.part), left.reason)
        for sku in sorted({row.sku for left in plan.unplanned for row in desk.ledger.find(PartLine, "key", left.part)}):
            promising.fill_backorders(desk, sku, owner)
        tours, dropped = tours + len(names), dropped + len(plan.unplanned)
    return {"tours": tours, "dropped": dropped}


def take_tour(desk: Desk, wanted: TakeTour) -> dict:
    """Hand the tour to one picker; WrongState when somebody else has it, the same picker may ask again."""
    tour = desk.ledger.get(Tour, wanted.tour)
    if tour is None:
        raise NotFound(f"tour {wanted.tour} is unknown")
    if tour.state != "open":
        if tour.picker == wanted.picker and tour.state == "taken":
            return {"tour": tour.tour, "picks": tour.picks}
        raise WrongState(f"tour {tour.tour} is {tour.state}" + (f" by {tour.picker}" if tour.picker else "") + "; take another one")
    for name in sorted({pick.part for pick in desk.ledger.find(Pick, "key", tour.tour)}):
        if not desk.ledger.get(Part, name).tote:  # else somebody has walked a part of this tour, and left it on the cart
            put_tote(desk, name)
    desk.ledger.change(tour, state="taken", picker=wanted.picker, taken_at_ms=desk.now_ms, revision=tour.revision + 1)
    desk.tell(events.TourTaken(tour.tour, wanted.picker))
    return {"tour": tour.tour, "picks": tour.picks}


def put_tote(desk: Desk, name: str) -> None:
    """Put a tote for a part on the cart; it bears the part's name."""
    books.location_at(desk, CARTS)
    tote = HandlingUnit(name, "tote", CARTS, desk.site, "open")
    if not desk.ledger.insert(tote):
        raise Conflict(f"tote {name} is in use")
    desk.tell(events.UnitBuilt(name, "tote", CARTS))
    desk.ledger.change(desk.ledger.get(Part, name), tote=tote.place)


def _tell(desk: Desk, plan: Plan, tours: list[str], took_ms: int, cause: str = "") -> None:
    """What the dispatcher sees of a plan: its walks, how far from the best they can be at most, and what it left out."""
    if tours or plan.unplanned:
        parts, left = sum(len(tour.parts) for tour in plan.tours), [[one.part, one.reason] for one in plan.unplanned[:MOST_TOLD]]
        desk.tell(events.ToursReleased(plan.planner, plan.length_mm, plan.lower_bound_mm, tours, parts, left, took_ms, cause))


def _owner(desk: Desk, names: list[str]) -> str:
    """The one owner of these parts; WrongState when a plan mixes owners, whose stock must not stand in for each other."""
    owners = {part.owner for name in names if (part := desk.ledger.get(Part, name)) is not None}
    if len(owners) > 1:
        raise WrongState(f"the plan mixes parts of {', '.join(sorted(owners))}; plan each owner's apart")
    return next(iter(owners), "")


def _rows(desk: Desk, read: tuple[BinStock, ...], owner: str) -> dict[tuple[str, str, str], list[Balance]]:
    """The balances behind the rows a plan read, by (place, SKU, lot); StalePlan when one has changed since."""
    rows = {}
    for row in read:
        key = (row.location, row.sku, row.lot)
        rows[key] = asking.balances_at(desk.ledger, *key, owner)
        if sum(balance.version for balance in rows[key]) != row.version:
            raise StalePlan(f"{row.sku} {row.lot} in {row.location} has changed since the plan was made; plan again")
    return rows


def _release(desk: Desk, planner: str, planned: PlannedTour, rows: dict[tuple[str, str, str], list[Balance]], owner: str) -> str:
    if not planned.parts:
        raise WrongState("the plan has a tour without parts")
    parts = {name: desk.ledger.get(Part, name) for name in planned.parts}
    for name, part in parts.items():
        if part is None or part.state != "waiting":
            raise StalePlan(f"part {name} does not wait any more; plan again")
    owed = {(row.part, row.line): row.quantity for name in parts for row in desk.ledger.find(PartLine, "key", name)}
    for take in planned.takes:
        owed[take.part, take.line] = owed.get((take.part, take.line), 0) - take.quantity
    if wrong := [f"{part} line {line} by {units}" for (part, line), units in sorted(owed.items()) if units]:
        raise WrongState(f"the plan's takes miss {', '.join(wrong[:5])}")
    tour_id = desk.ids.new("tour")
    picks: list[Pick] = []
    for take in planned.takes:
        for balance, quantity in _bind(desk, take, rows, owner):
            part = parts[take.part]
            picks.append(
                Pick(
                    tour_id,
                    len(picks) + 1,
                    take.part,
                    part.order_id,
                    take.line,
                    take.sku,
                    take.lot,
                    balance.serial,
                    balance.owner,
                    balance.place,
                    books.location_of(desk, balance.place),
                    quantity,
                    0,
                    "open",
                    0,
                    len(picks) + 1,
                )
            )
    for pick in picks:
        desk.ledger.insert(pick)
    kind = next(iter(parts.values())).kind
    count = len(picks)
    desk.ledger.insert(Tour(tour_id, desk.site, kind, "open", "", planner, desk.now_ms, 0, 0, planned.length_mm, count, count, 1, 0))
    for part in parts.values():
        desk.ledger.change(part, state="touring", tour=tour_id, state_at_ms=desk.now_ms)
    told = [[p.number, p.place, p.sku, p.lot, p.quantity, p.part, p.line] for p in picks]
    desk.tell(events.TourReleased(tour_id, kind, list(planned.parts), planned.length_mm, told))
    return tour_id


def _bind(desk: Desk, take: Take, rows: dict[tuple[str, str, str], list[Balance]], owner: str) -> list[tuple[Balance, int]]:
    """Reserve a take's units in its bin, serial by serial where there are serials; the rows are kept as they now are."""
    key = (take.location, take.sku, take.lot)
    if key not in rows:
        rows[key] = asking.balances_at(desk.ledger, *key, owner)
    bound, left = [], take.quantity
    for i, balance in enumerate(rows[key]):
        units = min(left, balance.on_hand - balance.reserved)
        if units > 0:
            rows[key][i] = desk.ledger.change(balance, reserved=balance.reserved + units)
            bound.append((balance, units))
            left -= units
    if left:
        raise OutOfStock(f"{take.quantity} {take.sku} {take.lot} planned from {take.location}, {take.quantity - left} are free there")
    return bound
