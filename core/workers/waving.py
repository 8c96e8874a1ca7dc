"""Releases orders to the floor: the next trucks first, as much as the floor can hold."""

from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.orders import Order
from floorwise.core.model.work import Part
from floorwise.core.warehouse import Warehouse

MOST_PARTS = 400  # parts that wait for a plan or are being picked; beyond it the floor is full and orders stay outside


def step(warehouse: Warehouse, site: str, now_ms: int, horizon_ms: int, limit: int) -> int:
    """Release up to `limit` orders whose truck leaves within `horizon_ms`, in order of cut-off; give how many."""
    ledger = warehouse.ledger
    if not ledger.find(Order, "to_release", site, until=now_ms + horizon_ms, limit=1):
        return 0
    on_floor = sum(len(ledger.find(Part, "by_state", site, state)) for state in ("waiting", "touring"))
    orders = ledger.find(Order, "to_release", site, until=now_ms + horizon_ms, limit=max(0, min(limit, MOST_PARTS - on_floor)))
    if orders:
        warehouse.execute(ReleaseOrders(tuple(order.order_id for order in orders)))
    return len(orders)
