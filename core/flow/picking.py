"""What pickers do: take units into the tote, or find fewer than the books say. Both are facts and never refused.

One thing is asked and not told: to send out units of a lot whose date has passed. That takes somebody whose role allows it.
"""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, counting, entry, promising, rerouting, sensing, shrinking, tree
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.gs1 import Fault
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.policies import EXPIRY_OVERRIDE_ROLES
from floorwise.core.model.stock import FLOW_UNITS, STATUSES, Balance, Lot, Move, Serial, Weighing, place_kind
from floorwise.core.model.units import weigh
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.ports import Desk

GOOD = ("available", "expired")  # what may be sent; an expired unit only with somebody's word
FROM_BINS = (*GOOD, "held")  # what a picker's hand finds in a bin; damaged and returned units stand apart from the others


class ConfirmPick(NamedTuple):
    """`quantity` units lie in the tote. `tote` and `serial` say what was scanned; "" = not scanned.

    net_g        catch weight: what these units weigh together, 0 = not weighed
    override_by  "role/name" of who allows units of an expired lot to go out
    """

    tour: str
    number: int
    quantity: int
    picker: str
    done_at_ms: int = 0  # 0 = now; an offline device tells when it was
    tote: str = ""
    serial: str = ""
    net_g: int = 0
    override_by: str = ""


class ReportShort(NamedTuple):
    """Only `found` units were in the bin, and lie in the tote now."""

    tour: str
    number: int
    found: int
    picker: str
    done_at_ms: int = 0
    tote: str = ""
    net_g: int = 0
    override_by: str = ""


def confirm_pick(desk: Desk, told: ConfirmPick) -> dict:
    """Record the pick. The same confirmation again changes nothing; fewer units than asked for are a short, more come out of
    UNRESOLVED and open a count. WrongState for another quantity than was confirmed before; StockConflict when the lot has expired
    and nobody who may has overridden that."""
    pick, part = _pick(desk, told.tour, told.number)
    tote = _tote(desk, part, told.tote)
    if told.quantity <= 0:
        raise BadInput(f"tour {told.tour} pick {told.number}: {told.quantity} units; report a short when there are none")
    if pick.serial and told.quantity > 1:
        raise BadInput(f"tour {told.tour} pick {told.number}: serial {told.serial or pick.serial} is one unit, not {told.quantity}")
    if pick.state == "done":
        if pick.quantity == told.quantity:
            return {"picked": pick.picked, "again": 1}
        raise WrongState(f"tour {told.tour} pick {told.number} is confirmed with {pick.picked} units; count the bin to correct it")
    if pick.state == "open" and told.quantity < pick.quantity:
        return report_short(
            desk,
            ReportShort(
                told.tour, told.number, told.quantity, told.picker, told.done_at_ms, told.tote, told.net_g, told.override_by
            ),
        )
    at_ms = told.done_at_ms or desk.now_ms
    _require_date(desk, pick, told.override_by, at_ms)
    if pick.state == "open" and told.serial and told.serial != pick.serial:
        pick = _swap_serial(desk, pick, told.serial)
    planned = pick.quantity if pick.state == "open" else 0
    moved = _into_tote(desk, pick, planned, tote, at_ms) if planned else None
    claimed, more = _extra(desk, pick, told.quantity - planned, tote, at_ms) if told.quantity > planned else (0, None)
    _weigh(desk, pick, moved or more, told.quantity, told.net_g)
    was_open = pick.state == "open"
    pick = desk.ledger.change(pick, state="done", picked=planned + claimed, quantity=told.quantity, done_at_ms=at_ms)
    _tell(desk, pick, told.quantity, tote, told.picker, at_ms)
    if was_open:
        shrinking.end_pick(desk, pick)
    return {"picked": pick.picked}


def report_short(desk: Desk, told: ReportShort) -> dict:
    """Record what was found; what the books still have in the bin goes to UNRESOLVED and a count task opens. Missing units that lie in
    other bins are put into the same walk (`elsewhere` of them), the rest waits for another release; if stock does not cover every promise
    now, the victim rule says whose are backordered."""
    pick, part = _pick(desk, told.tour, told.number)
    tote = _tote(desk, part, told.tote)
    if told.found < 0:
        raise BadInput(f"tour {told.tour} pick {told.number}: {told.found} found")
    if pick.state == "done" or (pick.state == "short" and not told.found):
        if told.found == (pick.quantity if pick.state == "done" else 0):
            return {"picked": pick.picked, "missing": 0, "again": 1}
        raise WrongState(f"tour {told.tour} pick {told.number} is {pick.state} with {pick.picked} units; count the bin to correct it")
    if pick.state == "short" or told.found >= pick.quantity:
        # Units were taken out of the pick after the picker's sheet was made: what was found is all it now asks for, or more.
        more = (told.done_at_ms, told.tote, "", told.net_g, told.override_by)
        return confirm_pick(desk, ConfirmPick(told.tour, told.number, told.found, told.picker, *more))
    at_ms, missing = told.done_at_ms or desk.now_ms, pick.quantity - told.found
    if told.found:
        _require_date(desk, pick, told.override_by, at_ms)
        _weigh(desk, pick, _into_tote(desk, pick, told.found, tote, at_ms), told.found, told.net_g)
        _tell(desk, pick, told.found, tote, told.picker, at_ms)
    desk.tell(events.PickShort(pick.tour, pick.number, pick.order_id, pick.line, pick.sku, pick.place, told.found, missing))
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    expected = balance.on_hand
    balance = desk.ledger.change(balance, reserved=balance.reserved - missing)
    shrinking.keep_promise(desk, books.line_at(desk, pick.order_id, pick.line), missing)
    pick = desk.ledger.change(
        pick, state="done" if told.found else "short", picked=told.found, quantity=told.found or pick.quantity, done_at_ms=at_ms
    )
    counting.open_task(desk, pick.place, pick.sku, pick.lot, pick.owner, expected, "short pick")
    if balance.on_hand:
        shrinking.lose(desk, balance, balance.on_hand, counting.unresolved(pick.place), "short", pick.tour, at_ms=at_ms)
    else:
        promising.fill_backorders(desk, pick.sku, pick.owner)
    elsewhere = rerouting.take_elsewhere(desk, pick, missing, "short pick")
    shrinking.end_pick(desk, pick)
    return {"picked": told.found, "missing": missing, "elsewhere": elsewhere}


def _pick(desk: Desk, tour_id: str, number: int) -> tuple[Pick, Part]:
    pick = desk.ledger.get(Pick, tour_id, number)
    if pick is None:
        raise NotFound(f"tour {tour_id} has no pick {number}")
    tour = desk.ledger.get(Tour, tour_id)
    if not tour.taken_at_ms:  # also when it ended because its units were gone
        raise WrongState(f"tour {tour_id} is {tour.state}: nobody has taken it" + ("; take it first" if tour.state == "open" else ""))
    return pick, desk.ledger.get(Part, pick.part)


def _tote(desk: Desk, part: Part, scanned: str) -> str:
    if scanned and scanned not in (part.tote, part.tote.partition(":")[2]):
        raise WrongState(f"tote {scanned} is not the one of part {part.part}; it goes into {part.tote}")
    return part.tote


def _require_date(desk: Desk, pick: Pick, override_by: str, at_ms: int) -> None:
    lot = desk.ledger.get(Lot, pick.sku, pick.lot) if pick.lot else None
    if lot is None or at_ms < lot.expires_at_ms:
        return
    role, _, name = override_by.partition("/")
    if role not in EXPIRY_OVERRIDE_ROLES or not name:
        raise StockConflict(
            f"tour {pick.tour} pick {pick.number}: lot {pick.lot} of {pick.sku} expired at {lot.expires_at_ms}; put it back, "
            f"or have it allowed by {' or '.join(EXPIRY_OVERRIDE_ROLES)} (override_by: ROLE/NAME)"
        )
    desk.tell(events.ExpiryOverridden(pick.tour, pick.number, pick.sku, pick.lot, override_by))


def _into_tote(desk: Desk, pick: Pick, quantity: int, tote: str, at_ms: int) -> Move:
    tree.break_seal(desk, pick.place, "pick")
    moved = books.move(
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
    books.shift(desk, books.line_at(desk, pick.order_id, pick.line), "released", "picked", quantity)
    return moved


def _extra(desk: Desk, pick: Pick, quantity: int, tote: str, at_ms: int) -> tuple[int, Move]:
    """Units in the tote beyond what is bound to the pick: free ones of the bin first, good, expired or held, then from UNRESOLVED;
    a serial from wherever the books have it.

    Give how many the line takes, and the first move. Good units serve the line as far as it still lacks any; the rest waits in
    the tote for the packer to bring back. Units that are held, or a serial that is no good, stay so in the tote and serve nobody: the
    line keeps its promise of others, and who decides about them finds them there.
    """
    place = _lies_at(desk, pick)
    key = (place, pick.sku, pick.lot, pick.serial, pick.owner)
    is_late = desk.ledger.get(Part, pick.part).state in ("packed", "shipped", "dropped")  # nobody packs that tote any more
    takes, left, expected = [], quantity, 0
    for status in STATUSES if pick.serial else FROM_BINS:
        balance = desk.ledger.get(Balance, *key, status)
        if balance and pick.serial and balance.reserved:  # this very unit is in the tote: whoever else was to take it cannot
            shrinking.unbind_at(desk, balance, 0)
            balance = desk.ledger.get(Balance, *key, status)
        free = min(left, balance.on_hand - balance.reserved) if balance else 0
        expected += balance.on_hand if balance and status in GOOD else 0
        if free:
            takes.append((free, place, status))
            left -= free
    if left:
        takes.append((left, counting.unresolved(pick.place), "available"))
    set_apart = sum(units for units, _, status in takes if status not in GOOD)
    if is_late or set_apart:
        cause = "left in the tote" if is_late else "held in the tote"
        counting.open_task(desk, tote, pick.sku, pick.lot, pick.owner, quantity if is_late else 0, cause)
    claimed = 0
    for bucket in () if is_late else ("backordered", "reserved"):
        line = books.line_at(desk, pick.order_id, pick.line)
        if units := min(quantity - set_apart - claimed, getattr(line, bucket)):
            _claim(desk, line, bucket, units)
            claimed += units
    moved = []
    for units, source, status in takes:
        if source == place and books.is_sellable(desk, place, status):
            shrinking.make_room(desk, pick.sku, pick.owner, units, "picked beyond the plan")
        moved.append(_beyond(desk, pick, units, source, tote, at_ms, status))
        if status == "held":
            sensing.follow_held(desk, source, pick, units, tote)
    if pick.lot:
        shrinking.keep_dates(desk, pick.sku, pick.owner, "picked beyond the plan")
    promising.fill_backorders(desk, pick.sku, pick.owner)
    counting.open_task(desk, pick.place, pick.sku, pick.lot, pick.owner, expected, "picked beyond the books")
    return claimed, moved[0]


def _lies_at(desk: Desk, pick: Pick) -> str:
    """Where the books have what was picked: the bin, but a serial wherever it is; WrongState when it was picked already."""
    row = desk.ledger.get(Serial, pick.sku, pick.serial) if pick.serial else None
    if row is None:
        return pick.place
    if place_kind(row.place) in FLOW_UNITS:
        raise WrongState(f"tour {pick.tour} pick {pick.number}: serial {pick.serial} is in {row.place} already; scan the one at hand")
    return row.place


def _beyond(desk: Desk, pick: Pick, quantity: int, source: str, tote: str, at_ms: int, status: str) -> Move:
    tree.break_seal(desk, source, "pick")
    return books.move(
        desk,
        pick.sku,
        quantity,
        source,
        tote,
        "pick",
        pick.tour,
        lot=pick.lot,
        serial=pick.serial,
        owner=pick.owner,
        status=status,
        to_status="available" if status in GOOD else status,
        at_ms=at_ms,
    )


def _weigh(desk: Desk, pick: Pick, moved: Move, quantity: int, net_g: int) -> None:
    """Keep what the pieces weigh; a weight that is not theirs is kept too, and a person is asked to look."""
    if not net_g or not (sku := desk.ledger.get(Sku, pick.sku)).is_catch_weight:
        return
    desk.ledger.insert(Weighing(moved.number, pick.sku, pick.lot, quantity, net_g, "pick"))
    desk.tell(events.StockWeighed(pick.sku, pick.lot, quantity, net_g, "pick", pick.tour))
    if isinstance(fault := weigh(quantity, net_g, sku.weight_g, sku.tolerance_g), Fault):
        entry.park_row(desk, entry.ParkRow(f"pick/{pick.tour}", pick.number, "net_g", *fault))


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


def _tell(desk: Desk, pick: Pick, quantity: int, tote: str, picker: str, at_ms: int) -> None:
    desk.tell(
        events.PickConfirmed(
            pick.tour, pick.number, pick.order_id, pick.line, pick.sku, pick.lot, pick.place, quantity, tote, picker, at_ms
        )
    )
