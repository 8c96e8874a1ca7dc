"""Returns: what comes back, in which condition, and what is paid back."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record

GRADES = {"A": "available", "B": "returned", "C": "damaged"}  # grade -> stock status; B is for an outlet, C for scrap


@record(
    key="rma",
    indexes=[
        Index("by_state", "site state requested_at_ms rma", where="state in ('approved', 'received', 'graded')"),
        Index("by_line", "order_id line rma"),
        Index("by_reference", "reference rma", where="reference <> ''"),
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


@record(key="rma number", append_only=True)
class ReturnedUnits(NamedTuple):
    """What came back with a return: units of one lot or one serial, as they were taken out of its parcels."""

    rma: str
    number: int  # from 1
    lot: str
    serial: str
    owner: str
    quantity: int


def refund_for(paid_minor: int, ordered: int, units_before: int, units_now: int, refunded_minor: int) -> int:
    """What to pay back for `units_now` more of a line of `ordered` units, `units_before` of which were refunded already.

    Each unit's share is counted on the running total and rounded down there: parts of a line never add up to more than was
    paid for it, and all of it together is exactly what was paid.
    """
    return paid_minor * (units_before + units_now) // ordered - refunded_minor
