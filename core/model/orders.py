"""Orders, their lines as quantity buckets, and the one table of what may become what."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record

BUCKETS = ("backordered", "reserved", "released", "picked", "packed", "shipped", "delivered", "returned", "lost", "cancelled")


class Transition(NamedTuple):
    """Units of a line may go from one bucket to another."""

    source: str  # "" = a new line
    target: str
    command: str  # the one that usually does it; others that bring, lose or count stock may too
    by: str  # who may trigger it
    compensation: str  # what undoes it


TRANSITIONS = (
    Transition("", "reserved", "PlaceOrder", "channel", "CancelOrder"),
    Transition("", "backordered", "PlaceOrder", "channel", "CancelOrder"),
    Transition("backordered", "reserved", "ReceiveStock", "system", "none needed: the units are promised again"),
    Transition("reserved", "backordered", "RecordCount", "system", "none needed: promised again when stock comes"),
    Transition("reserved", "released", "ReleaseOrders", "system", "ReportShort"),
    Transition("released", "reserved", "ReportShort", "picker", "ReleaseOrders, from another bin"),
    Transition("released", "backordered", "ReportShort", "picker", "none needed: promised again when stock comes"),
    Transition("released", "picked", "ConfirmPick", "picker", "none: the units are in the tote; return them after delivery"),
    Transition("picked", "backordered", "ReportPackShort", "packer", "none needed: promised again when stock comes"),
    Transition("picked", "packed", "ClosePack", "packer", "none: the parcel is closed"),
    Transition("packed", "shipped", "HandOver", "carrier", "RequestReturn, after delivery"),
    Transition("shipped", "delivered", "RecordScan", "carrier", "RequestReturn"),
    Transition("shipped", "lost", "RecordScan", "carrier", "a replacement line, linked to this one"),
    Transition("lost", "delivered", "RecordScan", "carrier", "RequestReturn"),
    Transition("delivered", "shipped", "RecordScan", "carrier", "none needed: it was delivered in error and is on its way again"),
    Transition("delivered", "lost", "RecordScan", "carrier", "none: it had been replaced before it was delivered in error"),
    Transition("delivered", "returned", "ReceiveReturn", "returns desk", "none: a new order"),
    Transition("backordered", "cancelled", "CancelOrder", "customer", "a new order"),
    Transition("reserved", "cancelled", "CancelOrder", "customer", "a new order"),
)

_LEGAL = {(t.source, t.target) for t in TRANSITIONS}


def is_legal(source: str, target: str) -> bool:
    """Whether units may go from one bucket to the other."""
    return (source, target) in _LEGAL


def targets_of(source: str) -> list[str]:
    """The buckets that units of `source` can go to."""
    return sorted(t.target for t in TRANSITIONS if t.source == source)


@record(
    key="order_id",
    indexes=[
        Index("by_reference", "channel reference", unique=True),
        Index("to_release", "site cut_off_ms placed_at_ms", where="waiting > 0"),
        Index("by_customer", "customer placed_at_ms"),
    ],
    checks=["waiting >= 0", "parts >= 0"],
)
class Order(NamedTuple):
    """What a customer asked for. Its state follows from its lines: see `state_of`."""

    order_id: str
    channel: str
    reference: str
    fingerprint: str  # SHA-256 of the content, hex: the same reference with other content is another order
    customer: str  # a pseudonym
    country: str
    site: str
    owner: str
    currency: str
    carrier: str
    placed_at_ms: int
    cut_off_ms: int  # the truck it should leave with
    waiting: int  # units reserved and not yet released
    parts: int  # parts made so far
    version: int = 0


_SUM = " + ".join(BUCKETS)


@record(
    key="order_id line",
    indexes=[
        Index("by_backorder", "site sku owner placed_at_ms", where="backordered > 0"),
        Index("by_promised", "site sku owner placed_at_ms", where="reserved + released > 0"),
        Index("by_customer", "customer sku delivered_at_ms", where="delivered > 0"),
    ],
    checks=[f"{_SUM} = ordered", *(f"{b} >= 0" for b in BUCKETS)],
)
class OrderLine(NamedTuple):
    """One requested line; each of its units is in exactly one bucket, so the buckets always sum to `ordered`."""

    order_id: str
    line: int
    source_row: int  # its row in the order file, 0 = none
    site: str
    sku: str
    owner: str
    customer: str
    unit: str  # as ordered; quantities below are in smallest stock units
    price_minor: int  # for one smallest stock unit, rounded half up from the ordered unit; for people to read
    paid_minor: int  # for the whole line, exact
    min_expiry_ms: int  # lots that expire before are not accepted; 0 = any
    placed_at_ms: int
    delivered_at_ms: int  # of its last unit, 0 = none yet
    replaces_line: int  # the line of the same order that this one replaces, 0 = none
    ordered: int
    backordered: int
    reserved: int
    released: int
    picked: int
    packed: int
    shipped: int
    delivered: int
    returned: int
    lost: int
    cancelled: int
    version: int = 0


def state_of(lines: list[OrderLine]) -> str:
    """The order's state: that of its units which are furthest from the door, "cancelled" when all are.

    Returned and lost units do not hold an order back; an order with both delivered and waiting units says "partly".
    """
    sums = {b: sum(getattr(line, b) for line in lines) for b in BUCKETS}
    total = sum(sums.values())
    if sums["cancelled"] == total:
        return "cancelled"
    for bucket in ("backordered", "reserved", "released", "picked", "packed", "shipped"):
        if sums[bucket]:
            return f"partly {bucket}" if sums["delivered"] + sums["returned"] else bucket
    return "returned" if sums["returned"] and not sums["delivered"] else "delivered"
