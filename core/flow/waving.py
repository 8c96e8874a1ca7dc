"""Release: orders whose truck comes next become parts that one person can pick in one walk."""

from typing import NamedTuple

from floorwise.core.errors import NotFound
from floorwise.core.flow import asking, books, timers
from floorwise.core.flow.touring import FallBack
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.places import AisleBlock
from floorwise.core.model.policies import PALLET, PART, PLAN_DEADLINE_MS
from floorwise.core.model.work import Part, PartLine
from floorwise.core.ports import Desk, Ledger

MOST_ORDERS = 500  # orders one command releases


class ReleaseOrders(NamedTuple):
    """Make parts of everything reserved in these orders."""

    orders: tuple[str, ...]


class Load(NamedTuple):
    """Units of one line on their way into a part."""

    line: OrderLine
    quantity: int
    weight_g: int
    volume_mm3: int


def release_orders(desk: Desk, wanted: ReleaseOrders) -> dict:
    """Release each order; those with nothing reserved are passed over, as are lines that only a blocked aisle has units
    for. A timer sees to it that no part waits for a plan for ever."""
    made: list[Part] = []
    for order_id in wanted.orders[:MOST_ORDERS]:
        order = desk.ledger.get(Order, order_id)
        if order is None:
            raise NotFound(f"order {order_id} is unknown")
        if order.waiting:
            made += _release(desk, order)
    if made:
        names = tuple(part.part for part in made)
        timers.set_timer(desk, desk.now_ms + PLAN_DEADLINE_MS, FallBack(names))
    return {"parts": len(made)}


def _release(desk: Desk, order: Order) -> list[Part]:
    loads, bulk, units = [], [], 0
    has_blocks = has_blocked_aisles(desk.ledger, desk.site)
    for line in desk.ledger.find(OrderLine, "key", order.order_id):
        if line.reserved and not (has_blocks and _is_out_of_reach(desk.ledger, line, desk.now_ms)):
            units += line.reserved
            sku = desk.ledger.get(Sku, line.sku)
            load = Load(line, line.reserved, line.reserved * sku.weight_g, line.reserved * sku.volume_mm3)
            if load.quantity > PART.units or load.weight_g > PART.weight_g or load.volume_mm3 > PART.volume_mm3:
                bulk += [("bulk", [piece]) for piece in _pallets(load, sku)]
            else:
                loads.append(load)
            books.shift(desk, line, "reserved", "released", line.reserved)
    parts = []
    for number, (kind, content) in enumerate([*[("cart", c) for c in _carts(loads)], *bulk], order.parts + 1):
        part = Part(
            part=f"{order.order_id}.{number}",
            order_id=order.order_id,
            site=order.site,
            owner=order.owner,
            kind=kind,
            state="waiting",
            cut_off_ms=order.cut_off_ms,
            released_at_ms=desk.now_ms,
            lines=len(content),
            units=sum(c.quantity for c in content),
            weight_g=sum(c.weight_g for c in content),
            volume_mm3=sum(c.volume_mm3 for c in content),
            tour="",
            tote="",
            station="",
            state_at_ms=desk.now_ms,
        )
        desk.ledger.insert(part)
        for load in content:
            desk.ledger.insert(PartLine(part.part, load.line.line, load.line.sku, load.quantity, load.line.min_expiry_ms))
        parts.append(part)
    if not parts:
        return []
    desk.ledger.change(order, waiting=order.waiting - units, parts=order.parts + len(parts))
    desk.tell(events.OrderReleased(order.order_id, [[p.part, p.kind, p.lines, p.units] for p in parts]))
    return parts


def has_blocked_aisles(ledger: Ledger, site: str) -> bool:
    """Whether there is an aisle that nobody can enter."""
    return any(block.is_blocked for block in ledger.find(AisleBlock, "key", site))


def can_release(ledger: Ledger, order: Order, now_ms: int) -> bool:
    """Whether the order has a line that is reserved and lies where somebody can walk."""
    lines = ledger.find(OrderLine, "key", order.order_id)
    return any(line.reserved and not _is_out_of_reach(ledger, line, now_ms) for line in lines)


def _is_out_of_reach(ledger: Ledger, line: OrderLine, now_ms: int) -> bool:
    """Whether bins that can be entered hold fewer free units than the line is promised."""
    rows, _ = asking.shelves(ledger, line.sku, line.owner, "cart", line.reserved)
    date = max(line.min_expiry_ms, now_ms)
    return sum(row.available for row in rows if row.expires_at_ms >= date) < line.reserved


def _carts(loads: list[Load]) -> list[list[Load]]:
    """Lines in their order, a new part where one would overflow."""
    parts: list[list[Load]] = []
    units = weight_g = volume_mm3 = 0
    for load in loads:
        units, weight_g, volume_mm3 = units + load.quantity, weight_g + load.weight_g, volume_mm3 + load.volume_mm3
        is_over = units > PART.units or weight_g > PART.weight_g or volume_mm3 > PART.volume_mm3
        if not parts or len(parts[-1]) == PART.lines or is_over:
            parts.append([])
            units, weight_g, volume_mm3 = load.quantity, load.weight_g, load.volume_mm3
        parts[-1].append(load)
    return parts


def _pallets(load: Load, sku: Sku) -> list[Load]:
    """One line over as many pallets as its units need."""
    most = min(PALLET.units, PALLET.weight_g // max(sku.weight_g, 1), PALLET.volume_mm3 // max(sku.volume_mm3, 1))
    most, pieces, left = max(most, 1), [], load.quantity
    while left:
        units = min(most, left)
        pieces.append(Load(load.line, units, units * sku.weight_g, units * sku.volume_mm3))
        left -= units
    return pieces
