"""Releases orders to the floor: the next trucks first, as much as the floor can hold."""

from itertools import islice

from floorwise.core.flow.waving import ReleaseOrders, can_release, has_blocked_aisles
from floorwise.core.model.orders import Order
from floorwise.core.model.policies import CART, PALLET
from floorwise.core.model.work import Part, Tour
from floorwise.core.ports import Ledger
from floorwise.core.warehouse import Warehouse

MOST_PARTS = 400  # parts that wait for a plan or are being picked, while few walk; beyond it the floor is full and orders stay outside
MOST_LOOKED = 1_000  # orders that a step passes over while an aisle is blocked and only it has their units
CARTS_A_WALK = 2  # what somebody walks with, and what comes next


def step(warehouse: Warehouse, site: str, now_ms: int, horizon_ms: int, limit: int) -> int:
    """Release up to `limit` orders whose truck leaves within `horizon_ms`, in order of cut-off; give how many."""
    ledger = warehouse.ledger
    if not ledger.find(Order, "to_release", site, until=now_ms + horizon_ms, limit=1):
        return 0
    on_floor = sum(len(ledger.find(Part, "by_state", site, state)) for state in ("waiting", "touring"))
    most, until_ms = max(0, min(limit, room(ledger, site) - on_floor)), now_ms + horizon_ms
    if has_blocked_aisles(ledger, site):  # what only lies there must not stand before those that can be picked
        queued = ledger.find(Order, "to_release", site, until=until_ms, limit=most + MOST_LOOKED)
        orders = list(islice((order for order in queued if can_release(ledger, order, now_ms)), most))
    else:
        orders = ledger.find(Order, "to_release", site, until=until_ms, limit=most)
    if orders:
        warehouse.execute(ReleaseOrders(tuple(order.order_id for order in orders)))
    return len(orders)


def room(ledger: Ledger, site: str) -> int:
    """How many parts the floor holds: MOST_PARTS, or two full carts for each who walks if these are more.

    A large crew needs no setting: whoever starts to walk makes room for as much again.
    """
    walks = ((len(ledger.find(Tour, "by_state", site, "taken", kind)), cart) for kind, cart in (("bulk", PALLET), ("cart", CART)))
    return max(MOST_PARTS, CARTS_A_WALK * sum(count * cart.parts for count, cart in walks))
