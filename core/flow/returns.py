"""Returns: permission, arrival, grade, refund; each a step of its own, each once."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, promising
from floorwise.core.flow.entry import ParkRow, park_row
from floorwise.core.model import events
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.returns import GRADES, ReturnedUnits, Rma, refund_for
from floorwise.core.model.stock import Balance
from floorwise.core.ports import Desk, Ledger

RETURNS = "RETURNS"  # the bench where parcels are opened
OUTLET = "OUTLET"


class RequestReturn(NamedTuple):
    """A customer wants to send units of a delivered line back."""

    order_id: str
    line: int
    quantity: int
    reference: str = ""


class MatchReturn(NamedTuple):
    """A return slip that names customer and SKU only; `source` and `row` say where it stands, for review."""

    customer: str
    sku: str
    quantity: int
    reference: str
    source: str
    row: int
    at_ms: int = 0


class ReceiveReturn(NamedTuple):
    """The goods of a return lie on the bench."""

    rma: str


class GradeReturn(NamedTuple):
    """What the goods are worth: A goes back to `place`, B to the outlet, C to scrap."""

    rma: str
    grade: str
    place: str = ""


class RefundReturn(NamedTuple):
    """Pay for a graded return."""

    rma: str


def request_return(desk: Desk, wanted: RequestReturn) -> dict:
    """Approve the return; the same reference for the same line again gives the same RMA. WrongState when fewer units can come back."""
    line = books.line_at(desk, wanted.order_id, wanted.line)
    rmas = desk.ledger.find(Rma, "by_line", line.order_id, line.line)
    for rma in rmas:
        if wanted.reference and rma.reference == wanted.reference and rma.quantity == wanted.quantity:
            return {"rma": rma.rma, "again": 1}
    able = returnable(line, rmas)
    if not 0 < wanted.quantity <= able:
        raise WrongState(f"order {line.order_id} line {line.line}: {wanted.quantity} units asked to come back, {able} can")
    name = f"{line.order_id}.{line.line}R{len(rmas) + 1}"
    desk.ledger.insert(
        Rma(name, line.order_id, line.line, desk.site, line.sku, wanted.quantity, wanted.reference, "approved", "", desk.now_ms, 0, 0, 0)
    )
    desk.tell(events.ReturnApproved(name, line.order_id, line.line, wanted.quantity, wanted.reference))
    return {"rma": name}


def match_return(desk: Desk, wanted: MatchReturn) -> dict:
    """Approve the return against the sale that `sale_of` finds; without one the row is parked.

    The same slip again gives the RMA it got the first time, whatever the customer bought or sent back since.
    """
    slip = f"{wanted.reference or wanted.source}#{wanted.row}"
    for rma in desk.ledger.find(Rma, "by_reference", slip):
        is_theirs = books.line_at(desk, rma.order_id, rma.line).customer == wanted.customer
        if is_theirs and (rma.sku, rma.quantity) == (wanted.sku, wanted.quantity):
            return {"rma": rma.rma, "again": 1}
    if line := sale_of(desk.ledger, wanted):
        return request_return(desk, RequestReturn(line.order_id, line.line, wanted.quantity, slip))
    park_row(desk, ParkRow(wanted.source, wanted.row, "sku", "no_sale_in_history", f"{wanted.quantity} {wanted.sku}", wanted.at_ms))
    return {"rma": ""}


def sale_of(ledger: Ledger, wanted: MatchReturn) -> OrderLine | None:
    """The latest delivered line of that customer and SKU, placed before the slip was written, with enough units left.

    A slip without a customer matches nothing: all unknown customers are not one person.
    """
    if not wanted.customer or wanted.quantity <= 0:
        return None
    for line in reversed(ledger.find(OrderLine, "by_customer", wanted.customer, wanted.sku)):
        was_placed = not wanted.at_ms or line.placed_at_ms <= wanted.at_ms
        if was_placed and returnable(line, ledger.find(Rma, "by_line", line.order_id, line.line)) >= wanted.quantity:
            return line
    return None


def receive_return(desk: Desk, told: ReceiveReturn) -> dict:
    """Book the goods from the customer's parcels onto the bench, with status "returned"."""
    rma = _rma(desk, told.rma, "approved")
    left, number = rma.quantity, 0
    for row in desk.ledger.find(ParcelLine, "by_line", rma.order_id, rma.line):
        parcel = desk.ledger.get(Parcel, row.parcel)
        for there in desk.ledger.find(Balance, "key", parcel.place, rma.sku) if parcel.delivered_at_ms else ():
            if units := min(left, there.on_hand):
                books.move(
                    desk,
                    rma.sku,
                    units,
                    there.place,
                    RETURNS,
                    "return",
                    rma.rma,
                    lot=there.lot,
                    serial=there.serial,
                    owner=there.owner,
                    status=there.status,
                    to_status="returned",
                )
                number += 1
                desk.ledger.insert(ReturnedUnits(rma.rma, number, there.lot, there.serial, there.owner, units))
                left -= units
    if left:
        raise WrongState(f"return {rma.rma}: {left} of {rma.quantity} {rma.sku} are in no delivered parcel of the order")
    books.location_at(desk, RETURNS)
    books.shift(desk, books.line_at(desk, rma.order_id, rma.line), "delivered", "returned", rma.quantity)
    desk.ledger.change(rma, state="received", received_at_ms=desk.now_ms)
    desk.tell(events.ReturnReceived(rma.rma, rma.order_id, rma.line, rma.sku, rma.quantity))
    return {"rma": rma.rma, "received": rma.quantity}


def grade_return(desk: Desk, told: GradeReturn) -> dict:
    """Move the goods that came with this return where their grade belongs; grade A can be promised at once.

    StockConflict when they are not on the bench any more; those of other returns and owners stay there.
    """
    rma = _rma(desk, told.rma, "received")
    if told.grade not in GRADES:
        raise BadInput(f"return {rma.rma}: grade {told.grade!r}; known are {', '.join(GRADES)}")
    if told.grade == "A" and not told.place:
        raise BadInput(f"return {rma.rma}: grade A needs the bin it goes to")
    target = {"A": told.place, "B": OUTLET, "C": "SCRAP"}[told.grade]
    if told.grade != "C":
        books.location_at(desk, target)
    came = desk.ledger.find(ReturnedUnits, "key", rma.rma)
    for own in came:
        there = desk.ledger.get(Balance, RETURNS, rma.sku, own.lot, own.serial, own.owner, "returned")
        if there is None or there.on_hand < own.quantity:
            lies = there.on_hand if there else 0
            named = " ".join(filter(None, (rma.sku, own.lot, own.serial)))
            raise StockConflict(f"return {rma.rma}: {lies} of its {own.quantity} {named} are on the bench")
        books.move(
            desk,
            rma.sku,
            own.quantity,
            RETURNS,
            target,
            "grade",
            rma.rma,
            lot=own.lot,
            serial=own.serial,
            owner=own.owner,
            status="returned",
            to_status=books.status_now(desk, rma.sku, own.lot) if told.grade == "A" else GRADES[told.grade],
        )
    desk.ledger.change(rma, state="graded", grade=told.grade)
    desk.tell(events.ReturnGraded(rma.rma, told.grade, target))
    if told.grade == "A":
        for owner in sorted({own.owner for own in came}):
            promising.fill_backorders(desk, rma.sku, owner)
    return {"rma": rma.rma, "grade": told.grade}


def refund_return(desk: Desk, told: RefundReturn) -> dict:
    """Pay the units' share of the line back; all refunds of an order together never exceed what was paid for it."""
    rma = _rma(desk, told.rma, "graded")
    line = books.line_at(desk, rma.order_id, rma.line)
    before = [r for r in desk.ledger.find(Rma, "by_line", rma.order_id, rma.line) if r.state == "refunded"]
    refunded = sum(r.refund_minor for r in before)
    # What was paid for lost units went over to the lines that replace them; a customer who got both has paid for one.
    replaced = sum(r.paid_minor for r in desk.ledger.find(OrderLine, "key", rma.order_id) if r.replaces_line == rma.line)
    share = refund_for(line.paid_minor, line.ordered, sum(r.quantity for r in before), rma.quantity, refunded)
    amount = min(share, line.paid_minor - replaced - refunded)
    currency = desk.ledger.get(Order, rma.order_id).currency
    desk.ledger.change(rma, state="refunded", refund_minor=amount, closed_at_ms=desk.now_ms)
    desk.tell(events.RefundGiven(rma.rma, rma.order_id, rma.line, amount, currency))
    return {"rma": rma.rma, "refund_minor": amount, "currency": currency}


def returnable(line: OrderLine, rmas: list[Rma]) -> int:
    """Units of a line that may still come back: delivered ones without a return under way."""
    return line.delivered - sum(rma.quantity for rma in rmas if rma.state == "approved")


def _rma(desk: Desk, name: str, state: str) -> Rma:
    rma = desk.ledger.get(Rma, name)
    if rma is None:
        raise NotFound(f"return {name} is unknown")
    if rma.state != state:
        raise WrongState(f"return {name} is {rma.state}; this step needs it {state}")
    return rma
