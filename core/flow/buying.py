"""Buying: when what is free, on order and owed falls to the reorder point, one purchase fills it up."""

from typing import NamedTuple

from floorwise.core.flow.following import follow, require_own
from floorwise.core.model import events
from floorwise.core.model.orders import OrderLine
from floorwise.core.model.stock import Pool
from floorwise.core.model.supply import Purchase, StockRule
from floorwise.core.ports import Desk

BUYING = "buying"  # the consumer of the journal that reviews stock
KINDS = ("OrderPlaced", "PickShort", "PackShort", "PurchaseReceived", "StatusChanged", "StockCounted")  # what changes the position of a SKU


class ReviewStock(NamedTuple):
    """Look at these SKUs; `upto` is the last event that made somebody look."""

    skus: tuple[str, ...]
    owner: str = "house"
    upto: int = 0


def review_stock(desk: Desk, wanted: ReviewStock) -> dict:
    """Raise a purchase for each SKU at or below its reorder point that has none open; SKUs without a rule are passed over.

    NotFound when `upto` is no event that changes what there is of a SKU.
    """
    if wanted.upto:
        require_own(desk, BUYING, wanted.upto, KINDS)
    raised = []
    for sku in wanted.skus:
        rule = desk.ledger.get(StockRule, desk.site, sku, wanted.owner)
        if rule is None or desk.ledger.find(Purchase, "by_sku", desk.site, sku, wanted.owner, limit=1):
            continue
        position = _free(desk, sku, wanted.owner)
        if position <= rule.reorder_point:
            raised.append(_raise(desk, rule, rule.order_up_to - position))
    if wanted.upto:
        follow(desk, BUYING, wanted.upto)
    return {"raised": raised}


def _free(desk: Desk, sku: str, owner: str) -> int:
    """Units nobody was promised, less units owed."""
    pool = desk.ledger.get(Pool, desk.site, sku, owner)
    owed = sum(line.backordered for line in desk.ledger.find(OrderLine, "by_backorder", desk.site, sku, owner))
    return (pool.available if pool else 0) - owed


def _raise(desk: Desk, rule: StockRule, quantity: int) -> str:
    name = desk.ids.new("purchase")
    expected_at_ms = desk.now_ms + rule.lead_time_ms
    desk.ledger.insert(Purchase(name, desk.site, rule.sku, rule.owner, quantity, desk.now_ms, expected_at_ms, "open", 0))
    desk.tell(events.PurchaseRaised(name, rule.sku, quantity, expected_at_ms))
    return name
