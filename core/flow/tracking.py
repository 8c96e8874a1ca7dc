"""Tracking: scans of carriers become one status a parcel, whatever their order of arrival."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow import books, promising
from floorwise.core.flow.shipping import move_unit
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.orders import BUCKETS, Order, OrderLine
from floorwise.core.model.parcels import Parcel, ParcelLine, Scan, status_after
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import Balance
from floorwise.core.ports import Desk

SCANNED = ("in_transit", "out_for_delivery", "failed_attempt", "lost", "delivered", "delivered_in_error")


class RecordScan(NamedTuple):
    """A carrier saw the parcel with this tracking number at `at_ms`."""

    tracking: str
    status: str
    at_ms: int
    source: str
    proof: str = ""


def record_scan(desk: Desk, told: RecordScan) -> dict:
    """Keep the scan and derive the parcel's status from all of them; the same scan again changes nothing.

    The first "delivered" delivers the lines and stays so whatever is seen later; "delivered_in_error" alone takes it back. The first
    time a parcel is "lost" its lines are replaced, linked to the lost ones; found again and lost again it is replaced no more.
    BadInput for an unknown status or a delivery without proof; WrongState when what was delivered in error came back as a return.
    """
    if told.status not in SCANNED:
        raise BadInput(f"scan of {told.tracking}: status {told.status!r}; known are {', '.join(SCANNED)}")
    if told.at_ms <= 0:
        raise BadInput(f"scan of {told.tracking}: it needs the time it was made at, not {told.at_ms}")
    if told.status == "delivered" and not told.proof:
        raise BadInput(f"scan of {told.tracking}: a delivery needs a proof (signature, photo, code or place)")
    found = desk.ledger.find(Parcel, "by_tracking", told.tracking, limit=1)
    if not told.tracking or not found:
        raise NotFound(f"tracking number {told.tracking!r} is unknown")
    parcel = found[0]
    if not parcel.handed_over_at_ms:
        raise WrongState(f"parcel {parcel.parcel} is {parcel.status}: it has not been handed over")
    if not desk.ledger.insert(Scan(parcel.parcel, told.at_ms, told.status, told.source, told.proof, desk.now_ms)):
        return {"parcel": parcel.parcel, "status": parcel.status, "again": 1}
    latest, delivery = status_after(desk.ledger.find(Scan, "key", parcel.parcel))
    delivered_at_ms, was_at_ms = delivery.at_ms if delivery else 0, parcel.delivered_at_ms
    values = {"status": latest.status, "status_at_ms": latest.at_ms}
    if delivered_at_ms != was_at_ms:
        values |= {"delivered_at_ms": delivered_at_ms, "proof": delivery.proof if delivery else ""}
    kept, is_given_up = "lost" if parcel.lost_at_ms else "shipped", latest.status == "lost" and not parcel.lost_at_ms
    if is_given_up:
        values |= {"lost_at_ms": desk.now_ms}
    parcel = desk.ledger.change(parcel, **values)
    desk.tell(events.ParcelScanned(parcel.parcel, told.status, told.at_ms, told.source))
    if was_at_ms and delivery is None:
        _undo_delivery(desk, parcel, kept, told.at_ms)
    elif delivery is not None and not was_at_ms:
        _deliver(desk, parcel, kept, delivery)
    elif delivered_at_ms != was_at_ms:
        for row in desk.ledger.find(ParcelLine, "key", parcel.parcel):
            line = books.line_at(desk, row.order_id, row.line)
            desk.ledger.change(line, delivered_at_ms=_last_delivery_ms(desk, line))
    if is_given_up:
        _replace(desk, parcel)
    return {"parcel": parcel.parcel, "status": parcel.status}


def _deliver(desk: Desk, parcel: Parcel, bucket: str, delivery: Scan) -> None:
    move_unit(desk, parcel, "TRANSIT", "CUSTOMER", parcel.tracking)
    for row in desk.ledger.find(ParcelLine, "key", parcel.parcel):
        line = books.line_at(desk, row.order_id, row.line)
        books.shift(desk, line, bucket, "delivered", row.quantity, delivered_at_ms=max(line.delivered_at_ms, delivery.at_ms))
    desk.tell(events.ParcelDelivered(parcel.parcel, parcel.order_id, delivery.at_ms, delivery.proof))


def _undo_delivery(desk: Desk, parcel: Parcel, bucket: str, at_ms: int) -> None:
    """It was delivered in error: the units are on the road again, or lost again."""
    for row in desk.ledger.find(ParcelLine, "key", parcel.parcel):
        line = books.line_at(desk, row.order_id, row.line)
        with_customer = line.delivered - sum(
            rma.quantity for rma in desk.ledger.find(Rma, "by_line", line.order_id, line.line) if rma.state == "approved"
        )
        there = sum(balance.on_hand for balance in desk.ledger.find(Balance, "key", parcel.place, row.sku))
        if with_customer < row.quantity or there < row.quantity:
            raise WrongState(f"parcel {parcel.parcel}: units of it come or came back as a return, so it was delivered to the customer")
        books.shift(desk, line, "delivered", bucket, row.quantity, delivered_at_ms=_last_delivery_ms(desk, line))
    move_unit(desk, parcel, "CUSTOMER", "TRANSIT", parcel.tracking)
    desk.tell(events.DeliveryUndone(parcel.parcel, parcel.order_id, at_ms))


def _last_delivery_ms(desk: Desk, line: OrderLine) -> int:
    """When the last of a line's parcels was delivered; 0 when none is."""
    rows = desk.ledger.find(ParcelLine, "by_line", line.order_id, line.line)
    return max((desk.ledger.get(Parcel, row.parcel).delivered_at_ms for row in rows), default=0)


def _replace(desk: Desk, parcel: Parcel) -> None:
    """Lost: the units stay with the carrier (TRANSIT), and new lines of the same order take their place."""
    order = desk.ledger.get(Order, parcel.order_id)
    numbers, waiting = [], 0
    for row in desk.ledger.find(ParcelLine, "key", parcel.parcel):
        line = books.shift(desk, books.line_at(desk, row.order_id, row.line), "shipped", "lost", row.quantity)
        number = desk.ledger.find(OrderLine, "key", order.order_id)[-1].line + 1
        units = promising.promise(desk, desk.ledger.get(Sku, line.sku), line.owner, row.quantity, line.min_expiry_ms)
        buckets = dict.fromkeys(BUCKETS, 0) | {"reserved": units, "backordered": row.quantity - units}
        desk.ledger.insert(
            line._replace(
                line=number,
                source_row=0,
                replaces_line=line.line,
                paid_minor=line.paid_minor * row.quantity // line.ordered,
                delivered_at_ms=0,
                ordered=row.quantity,
                version=0,
                **buckets,
            )
        )
        numbers.append(number)
        waiting += units
    desk.ledger.change(order, waiting=order.waiting + waiting)
    desk.tell(events.ParcelLost(parcel.parcel, parcel.order_id, numbers))
