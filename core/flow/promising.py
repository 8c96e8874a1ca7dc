"""The first level of reservation: units of a SKU at a site are promised to order lines, none of them bound to a bin yet.

A pool row is the lock and the count. For SKUs with lots a promise may ask for a minimum date, and then counting is not
enough: `promisable` finds how many such promises every lot in stock can still keep at once.
"""

from floorwise.core.flow import books
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import NEVER_MS, Balance, Lot, Pool, promisable
from floorwise.core.model.work import Pick
from floorwise.core.ports import Desk


def promise(desk: Desk, sku: Sku, owner: str, quantity: int, min_expiry_ms: int) -> int:
    """Promise up to `quantity` units and give how many; every promise made before can still be kept."""
    pool = desk.ledger.get(Pool, desk.site, sku.sku, owner)
    units = min(quantity, pool.available if pool else 0)
    if units > 0 and sku.is_lot_tracked:
        units = max(0, min(units, eligible(desk, sku.sku, owner, min_expiry_ms)))
    if units > 0:
        desk.ledger.change(pool, reserved=pool.reserved + units)
    return max(units, 0)


def free(desk: Desk, sku: str, owner: str, quantity: int) -> None:
    """Take a promise back; the units may be promised again."""
    books.change_pool(desk, sku, owner, 0, -quantity)


def eligible(desk: Desk, sku: str, owner: str, min_expiry_ms: int) -> int:
    """Units with at least this expiry that may still be promised; what expires by now is never eligible."""
    return promisable(*positions(desk, sku, owner), max(min_expiry_ms, desk.now_ms))


def positions(desk: Desk, sku: str, owner: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What promises of a SKU stand on: unbound sellable units as (expiry, units), and promises without a bin as (minimum, units)."""
    supply = []
    for balance in desk.ledger.find(Balance, "stock", sku, owner, "available"):
        if books.is_sellable(desk, balance.place, "available"):
            lot = desk.ledger.get(Lot, sku, balance.lot)
            supply.append((lot.expires_at_ms if lot else NEVER_MS, balance.on_hand - balance.reserved))
    promised = []
    for line in desk.ledger.find(OrderLine, "by_promised", desk.site, sku, owner):
        bound = sum(pick.quantity for pick in desk.ledger.find(Pick, "by_line", line.order_id, line.line))
        promised.append((max(line.min_expiry_ms, desk.now_ms), line.reserved + line.released - bound))
    return supply, promised


def fill_backorders(desk: Desk, sku: str, owner: str) -> int:
    """Promise free units to backordered lines, the oldest order first; give how many units were filled."""
    pool = desk.ledger.get(Pool, desk.site, sku, owner)
    if pool is None or pool.available <= 0:
        return 0
    article, filled = desk.ledger.get(Sku, sku), 0
    for line in desk.ledger.find(OrderLine, "by_backorder", desk.site, sku, owner):
        units = promise(desk, article, owner, line.backordered, line.min_expiry_ms)
        if units:
            books.shift(desk, line, "backordered", "reserved", units)
            order = desk.ledger.get(Order, line.order_id)
            desk.ledger.change(order, waiting=order.waiting + units)
            desk.tell(events.BackorderFilled(line.order_id, line.line, sku, units))
            filled += units
        elif not line.min_expiry_ms:
            break  # nothing left that anybody behind could take either
    return filled
