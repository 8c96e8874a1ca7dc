"""Returns: what comes back, in which condition, and what is paid back."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record

GRADES = {"A": "available", "B": "returned", "C": "damaged"}  # grade -> stock status; B is for an outlet, C for scrap


@record(
    key="rma",
    indexes=[
        Index("by_state", "site state requested_at_ms rma", where="state in ('approved', 'received', 'graded')"),
        Index("by_line", "order_id line rma"),
    ],
    checks=["quantity > 0", "refund_minor >= 0"],
)
class Rma(NamedTuple):
    """A permission to send units of one order line back, until they are refunded."""

    rma: str
    order_id: str
    line: int
    site: str
    sku: str
    quantity: int
    reference: str  # what asked for it, the number of a return slip
    state: str  # approved, received, graded, refunded
    grade: str  # "" until graded
    requested_at_ms: int
    received_at_ms: int
    closed_at_ms: int
    refund_minor: int
    version: int = 0


def refund_for(price_minor: int, quantity: int, paid_minor: int, refunded_minor: int) -> int:
    """What to pay back: the price of the units, never more in sum than was paid for the line."""
    return min(price_minor * quantity, paid_minor - refunded_minor)
