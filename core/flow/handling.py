"""Pallets and cases: built, filled, moved as one, split, merged, relabelled, sealed and opened.

A unit has one parent, and what is in it lies at the place that is the unit: moving a pallet of forty lots is one move of the pallet.
What may be sold and where picks lead follow from where the outermost unit stands. Totes and parcels are units too, but they
belong to picking and shipping and are refused here. Every command conserves what is in the units; none of them counts.
"""

from typing import NamedTuple

from floorwise.core.errors import BadInput, StockConflict, TreeConflict, WrongState
from floorwise.core.flow import books, promising, shrinking, tree
from floorwise.core.model import events
from floorwise.core.model.handling import HandlingUnit, unit_of
from floorwise.core.model.stock import STATUSES, STOCK_UNITS, Balance, place_kind
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.ports import Desk

MOST_TAKES = 1_000  # quantities one split takes over


class BuildUnit(NamedTuple):
    """Make an empty pallet or case at a place; `unit` is its LPN, or an SSCC of 18 digits."""

    unit: str
    kind: str
    place: str


class MoveStock(NamedTuple):
    """Bring loose units from one bin or open unit into another: putaway, relocation, filling a pallet. 0 = all that are free."""

    sku: str
    quantity: int
    source: str
    target: str
    lot: str = ""
    serial: str = ""
    owner: str = "house"
    status: str = "available"
    reference: str = ""


class MoveUnit(NamedTuple):
    """A unit with all that is in it goes to a bin or into an open unit. `source`, when given, is where it was scanned."""

    unit: str
    target: str
    source: str = ""
    at_ms: int = 0


class UnitTake(NamedTuple):
    """A quantity that a split takes over."""

    sku: str
    quantity: int
    lot: str = ""
    serial: str = ""
    owner: str = "house"
    status: str = "available"


class SplitUnit(NamedTuple):
    """Part of a unit goes into a new unit of the same kind, `into`, that stands beside it."""

    unit: str
    into: str
    takes: tuple[UnitTake, ...]


class MergeUnits(NamedTuple):
    """All that is in `unit` goes into the unit `into`; `unit` is gone."""

    unit: str
    into: str


class RelabelUnit(NamedTuple):
    """A unit gets a new LPN or SSCC; the old one is gone."""

    unit: str
    label: str


class OpenUnit(NamedTuple):
    """A pallet or case is unpacked: what is in it lies loose where it stood, and the unit is gone."""

    unit: str


class CloseUnit(NamedTuple):
    """Seal a unit: nothing goes in, and nothing but a pick comes out."""

    unit: str


class ReopenUnit(NamedTuple):
    """Break the seal of a unit."""

    unit: str


def build_unit(desk: Desk, wanted: BuildUnit) -> dict:
    """Make the unit; the same again changes nothing. TreeConflict when the name is taken or the place is no place for it."""
    if wanted.kind not in STOCK_UNITS:
        raise BadInput(f"unit {wanted.unit}: kind {wanted.kind!r}, not {', '.join(STOCK_UNITS)} (picking makes totes, packing parcels)")
    there = desk.ledger.get(HandlingUnit, wanted.unit)
    if there is not None and (there.kind, there.parent) == (wanted.kind, wanted.place):
        return {"unit": there.unit, "again": 1}
    tree.make(desk, wanted.unit, wanted.kind, wanted.place)
    return {"unit": wanted.unit}


def move_stock(desk: Desk, wanted: MoveStock) -> dict:
    """Move free units, also those left in a tote that no order takes. StockConflict, naming how many are free, when fewer are; those
    bound to picks stay. Promises give way by the victim rule when the units leave what is for sale, and backorders are filled when
    they come to it."""
    if wanted.quantity < 0 or wanted.status not in STATUSES or wanted.source == wanted.target:
        raise BadInput(f"move of {wanted.sku}: {wanted.quantity} {wanted.status} from {wanted.source} to {wanted.target}")
    for place in (wanted.source, wanted.target):
        if place_kind(place) == "tote" and place == wanted.source:
            books.unit_at(desk, unit_of(place))
        elif place_kind(place) == "bin":
            books.location_at(desk, place)
        else:
            tree.require_open(desk, place)
    there = desk.ledger.get(Balance, wanted.source, wanted.sku, wanted.lot, wanted.serial, wanted.owner, wanted.status)
    ordered = there.reserved if there and place_kind(wanted.source) != "tote" else _to_pack(desk, wanted)
    free = max(0, there.on_hand - ordered) if there else 0
    quantity = wanted.quantity or free
    if quantity > free or not free:
        bound = f", {ordered} are bound to picks" if ordered else ""
        raise StockConflict(f"{wanted.quantity} {wanted.sku} {wanted.lot} cannot leave {wanted.source}: {free} are free{bound}")
    _shift_stock(desk, there, quantity, wanted.target, wanted.reference)
    desk.tell(events.StockMoved(wanted.sku, wanted.lot, quantity, wanted.source, wanted.target, "moved"))
    promising.fill_backorders(desk, wanted.sku, wanted.owner)
    return {"moved": quantity}


def move_unit(desk: Desk, told: MoveUnit) -> dict:
    """Move the unit; again to where it stands changes nothing. Units inside that are bound to picks stay bound where the unit can still
    be picked from, and picks lead there; elsewhere picks and promises give way by the victim rule."""
    unit = tree.stock_unit(desk, told.unit)
    if told.source and unit.parent != told.source:
        raise TreeConflict(f"unit {unit.unit} stands in {unit.parent}, not in {told.source}; it has one parent")
    if unit.parent == told.target:
        return {"unit": unit.unit, "again": 1}
    if unit_of(unit.parent):
        tree.require_open(desk, unit.parent)
    inside = tree.inside_of(desk, unit)
    tree.require_fit(desk, unit.unit, unit.kind, told.target, inside)
    was, will = books.is_in_sellable_bin(desk, unit.place), _is_for_sale(desk, told.target)
    balances = [row for each in inside for row in desk.ledger.find(Balance, "key", each.place) if row.on_hand]
    if was and not will:
        _withdraw(desk, balances)
    tree.stand(desk, unit, told.target, "moved", told.at_ms)
    if will and not was:
        for row in _for_sale(balances):
            books.change_pool(desk, row.sku, row.owner, row.on_hand, 0)
    for sku, owner in sorted({(row.sku, row.owner) for row in balances}):
        if was and not will and any(row.lot for row in balances):
            shrinking.keep_dates(desk, sku, owner, f"unit {unit.unit} left")
        promising.fill_backorders(desk, sku, owner)
    _lead_picks(desk, inside)
    desk.tell(events.UnitMoved(unit.unit, unit.parent, told.target, "moved"))
    return {"unit": unit.unit, "units": len(inside), "rows": len(balances)}


def split_unit(desk: Desk, wanted: SplitUnit) -> dict:
    """Take units over into a new unit; StockConflict when fewer are free than a take asks for."""
    unit = tree.stock_unit(desk, wanted.unit)
    tree.require_open(desk, unit.place)
    if not 0 < len(wanted.takes) <= MOST_TAKES:
        raise BadInput(f"split of {unit.unit}: {len(wanted.takes)} takes; 1 to {MOST_TAKES:,} are possible")
    new, moved = tree.make(desk, wanted.into, unit.kind, unit.parent), 0
    for take in wanted.takes:
        if take.quantity <= 0:
            raise BadInput(f"split of {unit.unit}: {take.quantity} {take.sku}")
        told = MoveStock(take.sku, take.quantity, unit.place, new.place, take.lot, take.serial, take.owner, take.status, unit.unit)
        moved += move_stock(desk, told)["moved"]
    return {"unit": new.unit, "moved": moved}


def merge_units(desk: Desk, wanted: MergeUnits) -> dict:
    """Put all of one unit into another, its inner units and its picks too; WrongState when the two do not stand together."""
    unit, into = tree.stock_unit(desk, wanted.unit), tree.stock_unit(desk, wanted.into)
    if unit.parent != into.parent:
        raise WrongState(f"{unit.unit} stands in {unit.parent}, {into.unit} in {into.parent}; bring them together with MoveUnit first")
    if unit.unit == into.unit:
        raise TreeConflict(f"unit {unit.unit} cannot be put into itself")
    for each in (unit, into):
        tree.require_open(desk, each.place)
    inside = tree.inside_of(desk, unit)
    for child in tree.children_of(desk, unit):
        tree.require_fit(desk, child.unit, child.kind, into.place, tree.inside_of(desk, child))
    units = _empty(desk, unit, into.place, "merged")
    tree.end(desk, unit, "merged")
    return {"unit": into.unit, "moved": units, "units": len(inside) - 1}


def relabel_unit(desk: Desk, wanted: RelabelUnit) -> dict:
    """Give the unit its new name; sealed units stay sealed. TreeConflict when the name is taken."""
    unit = tree.stock_unit(desk, wanted.unit)
    if unit_of(unit.parent):
        tree.require_open(desk, unit.parent)
    new = tree.make(desk, wanted.label, unit.kind, unit.parent)
    units = _empty(desk, unit, new.place, "relabelled")
    if unit.state == "closed":
        desk.ledger.change(new, state="closed")
        desk.tell(events.UnitChanged(new.unit, "closed", "relabelled"))
    tree.end(desk, unit, "relabelled")
    return {"unit": new.unit, "moved": units}


def open_unit(desk: Desk, wanted: OpenUnit) -> dict:
    """Make the contents loose where the unit stands; inner units stay whole, and picks lead to the bin."""
    unit = tree.stock_unit(desk, wanted.unit)
    if unit_of(unit.parent):
        tree.require_open(desk, unit.parent)
    loose = _empty(desk, unit, unit.parent, "opened")
    tree.end(desk, unit, "opened")
    desk.tell(events.UnitOpened(unit.unit, unit.parent, loose))
    return {"unit": unit.unit, "place": unit.parent, "loose": loose}


def close_unit(desk: Desk, wanted: CloseUnit) -> dict:
    """Seal the unit; a sealed one stays as it is."""
    return tree.set_state(desk, tree.stock_unit(desk, wanted.unit), "closed", "closed")


def reopen_unit(desk: Desk, wanted: ReopenUnit) -> dict:
    """Break the seal; an open unit stays as it is."""
    return tree.set_state(desk, tree.stock_unit(desk, wanted.unit), "open", "reopened")


def _to_pack(desk: Desk, wanted: MoveStock) -> int:
    """Units in a tote that are still to be packed for its order."""
    part = desk.ledger.get(Part, unit_of(wanted.source))
    if part is None or wanted.status != "available" or part.state not in ("touring", "picked", "packing"):
        return 0
    alike = (wanted.sku, wanted.lot, wanted.serial, wanted.owner)
    return sum(p.picked for p in desk.ledger.find(Pick, "by_part", part.part) if (p.sku, p.lot, p.serial, p.owner) == alike)


def _is_for_sale(desk: Desk, target: str) -> bool:
    return books.is_sellable(desk, target, "available")


def _for_sale(balances: list[Balance]) -> list[Balance]:
    return [row for row in balances if row.status == "available"]


def _withdraw(desk: Desk, balances: list[Balance]) -> None:
    """Take what lies here out of sale: picks and promises give way, pools shrink."""
    leaving: dict[tuple[str, str], int] = {}
    for row in _for_sale(balances):
        shrinking.unbind_at(desk, row, 0)
        leaving[row.sku, row.owner] = leaving.get((row.sku, row.owner), 0) + row.on_hand
    for (sku, owner), units in sorted(leaving.items()):
        shrinking.make_room(desk, sku, owner, units, "unit left")
        books.change_pool(desk, sku, owner, -units, 0)


def _shift_stock(desk: Desk, row: Balance, quantity: int, target: str, reference: str, cause: str = "moved", bound: int = 0) -> None:
    """Move units of a balance; promises give way when they leave what is for sale."""
    leaves = books.is_sellable(desk, row.place, row.status) and not books.is_sellable(desk, target, row.status)
    if leaves:
        shrinking.make_room(desk, row.sku, row.owner, quantity, cause)
    books.move(
        desk,
        row.sku,
        quantity,
        row.place,
        target,
        cause,
        reference,
        lot=row.lot,
        serial=row.serial,
        owner=row.owner,
        status=row.status,
        bound=bound,
    )
    if leaves and row.lot:
        shrinking.keep_dates(desk, row.sku, row.owner, cause)


def _empty(desk: Desk, unit: HandlingUnit, target: str, cause: str) -> int:
    """Move all that is in a unit to `target`, which stands where the unit stands; picks bound here are bound there. Give the units."""
    units = 0
    for row in desk.ledger.find(Balance, "key", unit.place):
        if not row.on_hand:
            continue
        _shift_stock(desk, row, row.on_hand, target, unit.unit, cause, row.reserved)
        desk.tell(events.StockMoved(row.sku, row.lot, row.on_hand, unit.place, target, cause))
        if row.reserved:
            there = desk.ledger.get(Balance, target, row.sku, row.lot, row.serial, row.owner, row.status)
            desk.ledger.change(there, reserved=there.reserved + row.reserved)
        units += row.on_hand
    for pick in desk.ledger.find(Pick, "by_place", unit.place):
        desk.ledger.change(pick, place=target)
        _tell_tour(desk, pick.tour)
    for child in tree.children_of(desk, unit):
        tree.stand(desk, child, target, cause)
        desk.tell(events.UnitMoved(child.unit, unit.place, target, cause))
    return units


def _lead_picks(desk: Desk, inside: list[HandlingUnit]) -> None:
    """Open picks from these units lead to where the units stand now."""
    for unit in inside:
        for pick in desk.ledger.find(Pick, "by_place", unit.place):
            location = books.location_of(desk, unit.place)
            if pick.location != location:
                desk.ledger.change(pick, location=location)
                _tell_tour(desk, pick.tour)


def _tell_tour(desk: Desk, name: str) -> None:
    """A picker who has the tour already gets it anew."""
    tour = desk.ledger.get(Tour, name)
    if tour.state == "taken":
        tour = desk.ledger.change(tour, revision=tour.revision + 1)
        desk.tell(events.TourChanged(tour.tour, tour.picker, tour.revision))
