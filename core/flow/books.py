"""Moves, pools and buckets: the few writes that all flows share, so that each keeps the books in one way.

The pool of a SKU counts what may be sold: units with status "available" in pick and reserve bins, or in pallets and cases
that stand there. `move` keeps it true by itself; other flows never write `Pool.eligible`.
"""

from floorwise.core.errors import NotFound, OutOfStock, StockConflict, TreeConflict, WrongState
from floorwise.core.model.handling import TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.orders import OrderLine, is_legal, targets_of
from floorwise.core.model.places import SELLABLE_KINDS, Location
from floorwise.core.model.stock import STOCK_UNITS, Lot, Move, Pool, Serial, place_kind
from floorwise.core.ports import Desk


def move(
    desk: Desk,
    sku: str,
    quantity: int,
    source: str,
    target: str,
    cause: str,
    reference: str = "",
    *,
    lot: str = "",
    serial: str = "",
    owner: str = "house",
    status: str = "available",
    to_status: str = "",
    bound: int = 0,
    promised: int = 0,
    at_ms: int = 0,
) -> Move:
    """Move units and keep the SKU's pool; `bound` were bound to a pick, `promised` were promised to an order line.

    Raises OutOfStock when the pool would promise more than it has: shrink the reservations first (flow.shrinking), and
    StockConflict when the serial is in another place than `source`.
    """
    to_status = to_status or status
    if serial and source != target:
        _carry_serial(desk, sku, serial, source, target)
    moved = desk.ledger.append_move(
        Move(
            0, at_ms or desk.now_ms, desk.now_ms, sku, lot, serial, "", quantity, source, target, owner, status, to_status, cause, reference
        ),
        bound,
    )
    gain = quantity * (is_sellable(desk, target, to_status) - is_sellable(desk, source, status))
    if gain or promised:
        change_pool(desk, sku, owner, gain, -promised)
    return moved


def change_pool(desk: Desk, sku: str, owner: str, eligible: int, reserved: int) -> Pool:
    """Add to a pool's two numbers; OutOfStock when more would be promised than is eligible."""
    pool = desk.ledger.get(Pool, desk.site, sku, owner)
    if pool is None:
        pool = Pool(desk.site, sku, owner, 0, 0)
        if not desk.ledger.insert(pool):
            raise WrongState(f"pool of {sku} was made by another writer")
    after = pool._replace(eligible=pool.eligible + eligible, reserved=pool.reserved + reserved)
    if after.reserved > after.eligible or after.reserved < 0:
        raise OutOfStock(
            f"{sku} at {desk.site}: {pool.eligible} eligible, {pool.reserved} promised; cannot change by {eligible:+}/{reserved:+}"
        )
    if not (eligible or reserved):
        return pool
    return desk.ledger.change(pool, eligible=after.eligible, reserved=after.reserved)


def is_sellable(desk: Desk, place: str, status: str) -> bool:
    """Whether units at this place and status may be promised to orders."""
    if status != "available":
        return False
    kind = place_kind(place)
    if kind == "bin":
        return location_at(desk, place).kind in SELLABLE_KINDS
    return kind in STOCK_UNITS and is_in_sellable_bin(desk, place)


def is_in_sellable_bin(desk: Desk, place: str) -> bool:
    """Whether the outermost unit around `place` stands in a pick or reserve bin, with none but stock units around it."""
    for _ in range(TREE_DEPTH + 1):
        kind = place_kind(place)
        if kind == "bin":
            return location_at(desk, place).kind in SELLABLE_KINDS
        if kind not in STOCK_UNITS:
            return False
        place = unit_at(desk, unit_of(place)).parent
    raise TreeConflict(f"{place}: units within units are more than {TREE_DEPTH} deep")


def status_now(desk: Desk, sku: str, lot: str) -> str:
    """The status of good units of a lot: "available" until its date, "expired" from then on."""
    row = desk.ledger.get(Lot, sku, lot) if lot else None
    return "expired" if row is not None and row.expires_at_ms <= desk.now_ms else "available"


def location_of(desk: Desk, place: str) -> str:
    """The bin or virtual place where a place stands: itself, or where the units around it stand."""
    for _ in range(TREE_DEPTH + 1):
        unit = unit_of(place)
        if not unit:
            return place
        place = unit_at(desk, unit).parent
    raise TreeConflict(f"{place}: units within units are more than {TREE_DEPTH} deep")


def location_at(desk: Desk, location: str) -> Location:
    """The location with this name; NotFound otherwise."""
    found = desk.ledger.get(Location, location)
    if found is None:
        raise NotFound(f"location {location!r} is not on this floor")
    return found


def unit_at(desk: Desk, unit: str) -> HandlingUnit:
    """The handling unit with this name; NotFound otherwise."""
    found = desk.ledger.get(HandlingUnit, unit)
    if found is None:
        raise NotFound(f"handling unit {unit!r} is unknown")
    return found


def line_at(desk: Desk, order_id: str, line: int) -> OrderLine:
    """The order line; NotFound otherwise."""
    found = desk.ledger.get(OrderLine, order_id, line)
    if found is None:
        raise NotFound(f"order {order_id} has no line {line}")
    return found


def shift(desk: Desk, line: OrderLine, source: str, target: str, quantity: int, **values: int) -> OrderLine:
    """Carry `quantity` units of a line from one bucket to another, with other fields of the line; WrongState if the table forbids it."""
    if not is_legal(source, target):
        raise WrongState(
            f"order {line.order_id} line {line.line}: {source} units cannot become {target}; they may be {', '.join(targets_of(source))}"
        )
    held = getattr(line, source)
    if not 0 < quantity <= held:
        raise WrongState(f"order {line.order_id} line {line.line}: {quantity} units should become {target}, {held} are {source}")
    return desk.ledger.change(line, **{source: held - quantity, target: getattr(line, target) + quantity}, **values)


def _carry_serial(desk: Desk, sku: str, serial: str, source: str, target: str) -> None:
    row = desk.ledger.get(Serial, sku, serial)
    if row is None:
        desk.ledger.insert(Serial(sku, serial, target))
    elif row.place != source:
        raise StockConflict(f"serial {serial} of {sku} is in {row.place}; it cannot come to {target} from {source} too")
    else:
        desk.ledger.change(row, place=target)
