"""Purchases that keep stock coming."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record


@record(
    key="purchase",
    indexes=[
        Index("by_sku", "site sku owner", where="state = 'open'", unique=True),
        Index("by_expected", "site expected_at_ms purchase", where="state = 'open'"),
    ],
    checks=["quantity > 0"],
)
class Purchase(NamedTuple):
    """An order to a supplier; at most one is open for a SKU and owner at a site."""

    purchase: str
    site: str
    sku: str
    owner: str
    quantity: int
    ordered_at_ms: int
    expected_at_ms: int
    state: str  # open, received
    received: int
    version: int = 0


@record(key="site sku owner")
class StockRule(NamedTuple):
    """When to buy a SKU, and up to how much: at or below `reorder_point` promised-free units, fill up to `order_up_to`."""

    site: str
    sku: str
    owner: str
    reorder_point: int
    order_up_to: int
    lead_time_ms: int
    version: int = 0
