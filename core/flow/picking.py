"""What pickers do: take units into the tote, or find fewer than the books say. Both are facts and never refused."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow import books, counting, promising, shrinking
from floorwise.core.model import events
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import Balance, Serial
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.ports import Desk


class ConfirmPick(NamedTuple):
    """`quantity` units lie in the tote. `tote` and `serial` say what was scanned; "" = not scanned."""

    tour: str
    number: int
    quantity: int
    picker: str
    done_at_ms: int = 0  # 0 = now; an offline device tells when it was
    tote: str = ""
    serial: str = ""


class ReportShort(NamedTuple):
    """Only `found` units were in the bin."""

    tour: str
    number: int
    found: int
    picker: str
    done_at_ms: int = 0
    tote: str = ""


def confirm_pick(desk: Desk, told: ConfirmPick) -> dict:
    """Record the pick. The same confirmation again changes nothing; fewer units than asked for are a short, more come out of
    UNRESOLVED and open a count. WrongState for another quantity than was confirmed before; StockConflict never."""
    pick, part = _pick(desk, told.tour, told.number)
    tote = _tote(desk, part, told.tote)
    if told.quantity <= 0:
        raise BadInput(f"tour {told.tour} pick {told.number}: {told.quantity} units; report a short when there are none")
    if pick.state == "done":
        if pick.quantity == told.quantity:
            return {"picked": pick.picked, "again": 1}
        raise WrongState(f"tour {told.tour} pick {told.number} is confirmed with {pick.picked} units; count the bin to correct it")
    if pick.state == "open" and told.quantity < pick.quantity:
        return report_short(desk, ReportShort(told.tour, told.number, told.quantity, told.picker, told.done_at_ms, told.tote))
    at_ms = told.done_at_ms or desk.now_ms
    if pick.state == "open" and told.serial and told.serial != pick.serial:
        pick = _swap_serial(desk, pick, told.serial)
    planned = pick.quantity if pick.state == "open" else 0
    if planned:
        _into_tote(desk, pick, planned, tote, at_ms)
    claimed = _extra(desk, pick, told.quantity - planned, tote, at_ms) if told.quantity > planned else 0
    was_open = pick.state == "open"
    pick = desk.ledger.change(pick, state="done", picked=planned + claimed, quantity=told.quantity, done_at_ms=at_ms)
    _tell(desk, pick, told.quantity, tote, told.picker, at_ms)
    if was_open:
        shrinking.end_pick(desk, pick)
    return {"picked": pick.picked}


def report_short(desk: Desk, told: ReportShort) -> dict:
    """Record what was found; what the books still have in the bin goes to UNRESOLVED, a count task opens, and the missing
    units are promised again from other bins or backordered."""
    pick, part = _pick(desk, told.tour, told.number)
    tote = _tote(desk, part, told.tote)
    if pick.state != "open":
        if pick.picked == told.found:
            return {"picked": pick.picked, "missing": 0, "again": 1}
        raise WrongState(f"tour {told.tour} pick {told.number} is {pick.state} with {pick.picked} units; count the bin to correct it")
    if not 0 <= told.found < pick.quantity:
        raise BadInput(f"tour {told.tour} pick {told.number}: {told.found} found of {pick.quantity} is not a short")
    at_ms, missing = told.done_at_ms or desk.now_ms, pick.quantity - told.found
    if told.found:
        _into_tote(desk, pick, told.found, tote, at_ms)
        _tell(desk, pick, told.found, tote, told.picker, at_ms)
    desk.tell(events.PickShort(pick.tour, pick.number, pick.order_id, pick.line, pick.sku, pick.place, told.found, missing))
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    expected = balance.on_hand
    balance = desk.ledger.change(balance, reserved=balance.reserved - missing)
    shrinking.give_back(desk, books.line_at(desk, pick.order_id, pick.line), pick.owner, missing, "short")
    pick = desk.ledger.change(
        pick, state="done" if told.found else "short", picked=told.found, quantity=told.found or pick.quantity, done_at_ms=at_ms
    )
    counting.open_task(desk, pick.place, pick.sku, pick.lot, pick.owner, expected, "short pick")
    if balance.on_hand:
        shrinking.lose(desk, balance, balance.on_hand, counting.unresolved(pick.place), "short", pick.tour, at_ms=at_ms)
    else:
        promising.fill_backorders(desk, pick.sku, pick.owner)
    shrinking.end_pick(desk, pick)
    return {"picked": told.found, "missing": missing}


def _pick(desk: Desk, tour_id: str, number: int) -> tuple[Pick, Part]:
    pick = desk.ledger.get(Pick, tour_id, number)
    if pick is None:
        raise NotFound(f"tour {tour_id} has no pick {number}")
    tour = desk.ledger.get(Tour, tour_id)
    if tour.state == "open":
        raise WrongState(f"tour {tour_id} is open: nobody has taken it; take it first")
    return pick, desk.ledger.get(Part, pick.part)


def _tote(desk: Desk, part: Part, scanned: str) -> str:
    if scanned and scanned not in (part.tote, part.tote.partition(":")[2]):
        raise WrongState(f"tote {scanned} is not the one of part {part.part}; it goes into {part.tote}")
    return part.tote


def _into_tote(desk: Desk, pick: Pick, quantity: int, tote: str, at_ms: int) -> None:
    books.move(
        desk,
        pick.sku,
        quantity,
        pick.place,
        tote,
        "pick",
        pick.tour,
        lot=pick.lot,
        serial=pick.serial,
        owner=pick.owner,
        bound=quantity,
        promised=quantity,
        at_ms=at_ms,
    )
    if pick.serial:
        _serial_goes(desk, pick.sku, pick.serial, tote)
    books.shift(desk, books.line_at(desk, pick.order_id, pick.line), "released", "picked", quantity)


def _extra(desk: Desk, pick: Pick, quantity: int, tote: str, at_ms: int) -> int:
    """Units in the tote beyond what is bound to the pick: free ones of the bin first, then from UNRESOLVED. Give how many the line takes."""
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    free = min(quantity, balance.on_hand - balance.reserved) if balance else 0
    expected = balance.on_hand if balance else 0
    if free:
        shrinking.make_room(desk, pick.sku, pick.owner, free, "picked beyond the plan")
    for source, units in ((pick.place, free), (counting.unresolved(pick.place), quantity - free)):
        if units:
            books.move(
                desk, pick.sku, units, source, tote, "pick", pick.tour, lot=pick.lot, serial=pick.serial, owner=pick.owner, at_ms=at_ms
            )
    counting.open_task(desk, pick.place, pick.sku, pick.lot, pick.owner, expected, "picked beyond the books")
    # The units serve the line as far as it still lacks any; the rest waits in the tote for the packer to bring back.
    claimed = 0
    for bucket in ("backordered", "reserved"):
        line = books.line_at(desk, pick.order_id, pick.line)
        if units := min(quantity - claimed, getattr(line, bucket)):
            _claim(desk, line, bucket, units)
            claimed += units
    return claimed


def _claim(desk: Desk, line: OrderLine, bucket: str, units: int) -> None:
    """Units that are in the tote already count as picked, whatever the line still waited for."""
    if bucket == "backordered":
        line = books.shift(desk, line, "backordered", "reserved", units)
    else:
        promising.free(desk, line.sku, line.owner, units)
        order = desk.ledger.get(Order, line.order_id)
        desk.ledger.change(order, waiting=order.waiting - units)
    line = books.shift(desk, line, "reserved", "released", units)
    books.shift(desk, line, "released", "picked", units)


def _swap_serial(desk: Desk, pick: Pick, serial: str) -> Pick:
    """The picker took another serial out of the same bin: bind that one instead."""
    other = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, serial, pick.owner, "available")
    if other is None or other.on_hand - other.reserved < 1:
        raise WrongState(f"serial {serial} is not free in {pick.place}; {pick.serial} is the one to take")
    mine = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    desk.ledger.change(mine, reserved=mine.reserved - 1)
    desk.ledger.change(other, reserved=other.reserved + 1)
    return desk.ledger.change(pick, serial=serial)


def _serial_goes(desk: Desk, sku: str, serial: str, place: str) -> None:
    row = desk.ledger.get(Serial, sku, serial)
    if row is not None:
        desk.ledger.change(row, place=place)


def _tell(desk: Desk, pick: Pick, quantity: int, tote: str, picker: str, at_ms: int) -> None:
    desk.tell(
        events.PickConfirmed(
            pick.tour, pick.number, pick.order_id, pick.line, pick.sku, pick.lot, pick.place, quantity, tote, picker, at_ms
        )
    )
