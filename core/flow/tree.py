"""The tree of handling units: who stands in whom, what is open, what may stand where; and the one way to write a unit's place."""

from floorwise.core.errors import BadInput, NotFound, TreeConflict, WrongState
from floorwise.core.flow import books
from floorwise.core.model import events
from floorwise.core.model.gs1 import SSCC_LENGTH, Fault, is_digits, parse_sscc
from floorwise.core.model.handling import GONE, TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.stock import STOCK_UNITS, Move, place_kind
from floorwise.core.ports import Desk

MOST_UNITS = 10_000  # units within one unit that a command moves
UNIT_CHARACTERS = 40  # of a licence plate


def stock_unit(desk: Desk, name: str) -> HandlingUnit:
    """The pallet or case with this name; WrongState for totes and parcels, TreeConflict for what is gone."""
    unit = books.unit_at(desk, name)
    if unit.kind not in STOCK_UNITS:
        way = {"tote": "its tour and the pack bench move it", "parcel": "HandOver and scans move it"}[unit.kind]
        raise WrongState(f"unit {name} is a {unit.kind} on its way to a customer; {way}")
    if unit.state == "gone":
        raise TreeConflict(f"unit {name} is gone: it was opened, merged or relabelled")
    return unit


def make(desk: Desk, name: str, kind: str, place: str) -> HandlingUnit:
    """A new, open, empty unit at a place; BadInput for a name or SSCC that is none, TreeConflict when it is taken."""
    if not 0 < len(name) <= UNIT_CHARACTERS or ":" in name or not name.isprintable() or name.strip() != name:
        raise BadInput(f"unit {name!r}: a name of 1 to {UNIT_CHARACTERS} printable characters without a colon is needed")
    if len(name) == SSCC_LENGTH and is_digits(name) and isinstance(fault := parse_sscc(name), Fault):
        raise BadInput(f"unit {name}: {fault.text}")
    require_fit(desk, name, kind, place, [])
    unit = HandlingUnit(name, kind, place, desk.site, "open")
    if not desk.ledger.insert(unit):
        there = books.unit_at(desk, name)
        if there.state == "gone":
            raise TreeConflict(f"unit {name} is gone and its name with it; use a new one")
        raise TreeConflict(f"unit {name} is a {there.kind} in {there.parent}; it cannot stand in {place} too")
    desk.tell(events.UnitBuilt(name, kind, place))
    return unit


def require_open(desk: Desk, place: str) -> HandlingUnit:
    """The pallet or case that is this place, when it and all units around it are open; TreeConflict naming the one that is not."""
    if place_kind(place) not in STOCK_UNITS:
        raise BadInput(f"{place!r} is not a bin, a pallet or a case")
    found = first = books.unit_at(desk, unit_of(place))
    for _ in range(TREE_DEPTH):
        if found.place != place:
            raise NotFound(f"{place} is unknown; unit {found.unit} is a {found.kind}")
        if found.state != "open":
            raise TreeConflict(f"unit {found.unit} is {found.state}" + ("; reopen it first" if found.state == "closed" else ""))
        place = found.parent
        if not unit_of(place):
            return first
        found = books.unit_at(desk, unit_of(place))
    raise TreeConflict(f"units around {first.unit} are more than {TREE_DEPTH} deep")


def break_seal(desk: Desk, place: str, cause: str) -> None:
    """Somebody took units out: the unit that is this place, and those around it, are open now."""
    for _ in range(TREE_DEPTH):
        if not (name := unit_of(place)):
            return
        unit = books.unit_at(desk, name)
        if unit.state == "closed":
            set_state(desk, unit, "open", cause)
        place = unit.parent


def require_fit(desk: Desk, name: str, kind: str, target: str, inside: list[HandlingUnit]) -> None:
    """Whether a unit with what is inside it may stand at `target`; TreeConflict names what is against it."""
    if place_kind(target) == "bin":
        books.location_at(desk, target)
        return
    if place_kind(target) not in STOCK_UNITS:
        raise BadInput(f"unit {name} cannot stand at {target!r}; a bin, a pallet or a case is needed")
    if target.startswith("case:") and kind == "pallet":
        raise TreeConflict(f"pallet {name} cannot stand in {target}")
    own, path, place = {unit.place for unit in inside}, [], target
    while unit_of(place):
        path.append(place)
        if place in own:
            raise TreeConflict(f"unit {name} cannot stand in {target}, which is in {name} itself: {' in '.join([*path])}")
        if len(path) > TREE_DEPTH:
            break
        place = books.unit_at(desk, unit_of(place)).parent
    require_open(desk, target)
    if len(path) + max(_height(inside), 1) > TREE_DEPTH:
        raise TreeConflict(f"unit {name} in {target} would be more than {TREE_DEPTH} units deep")


def inside_of(desk: Desk, unit: HandlingUnit) -> list[HandlingUnit]:
    """The unit and all units in it, each after its parent."""
    found = [unit]
    for each in found:
        found += children_of(desk, each)
        if len(found) > MOST_UNITS:
            raise TreeConflict(f"unit {unit.unit} holds more than {MOST_UNITS:,} units")
    return found


def children_of(desk: Desk, unit: HandlingUnit) -> list[HandlingUnit]:
    """The units that stand in it, one level down."""
    return desk.ledger.find(HandlingUnit, "by_parent", unit.place)


def stand(desk: Desk, unit: HandlingUnit, target: str, cause: str, at_ms: int = 0) -> HandlingUnit:
    """Write the one move of a unit, and its new parent."""
    at_ms = at_ms or desk.now_ms
    desk.ledger.append_move(
        Move(0, at_ms, desk.now_ms, "", "", "", unit.unit, 1, unit.parent, target, "house", "available", "available", cause, unit.unit)
    )
    return desk.ledger.change(unit, parent=target)


def end(desk: Desk, unit: HandlingUnit, cause: str) -> None:
    """The unit is gone, and its name is used up."""
    desk.ledger.change(stand(desk, unit, GONE, cause), state="gone")
    desk.tell(events.UnitChanged(unit.unit, "gone", cause))


def set_state(desk: Desk, unit: HandlingUnit, state: str, cause: str) -> dict:
    """Seal or unseal; the state it has already changes nothing."""
    if unit.state == state:
        return {"unit": unit.unit, "state": state, "again": 1}
    desk.ledger.change(unit, state=state)
    desk.tell(events.UnitChanged(unit.unit, state, cause))
    return {"unit": unit.unit, "state": state}


def _height(inside: list[HandlingUnit]) -> int:
    depth: dict[str, int] = {}
    for unit in inside:
        depth[unit.place] = depth.get(unit.parent, 0) + 1
    return max(depth.values(), default=0)
