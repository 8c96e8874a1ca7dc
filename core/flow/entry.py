"""Order entry: an order becomes lines in buckets, each unit promised from the pool or backordered."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, Conflict, NotFound, OrderDiffers, OutOfStock, WrongState
from floorwise.core.flow import books, promising
from floorwise.core.model import events
from floorwise.core.model.canonical import LARGEST_INTEGER, fingerprint
from floorwise.core.model.catalog import CarrierService, PackLevel, Sku
from floorwise.core.model.gs1 import Fault
from floorwise.core.model.journal import Review
from floorwise.core.model.orders import BUCKETS, Order, OrderLine, state_of
from floorwise.core.model.places import Site, next_cut_off_ms, zone_named
from floorwise.core.model.units import to_base
from floorwise.core.ports import Desk

REVIEW_TEXT = 200  # characters of a parked text that are kept
MOST_TOLD = 5  # differences a refusal spells out
MOST_LINES = 10_000  # lines an order may have
MOST_UNITS = 10_000_000  # smallest stock units a line may have
DAY_MS = 86_400_000


class LineWanted(NamedTuple):
    """One line as a channel gives it."""

    sku: str
    quantity: int  # in `unit`
    unit: str = "each"
    price_minor: int = 0  # for one `unit`
    source_row: int = 0
    min_shelf_life_days: int = 0


class PlaceOrder(NamedTuple):
    """Accept an order; idempotent on (channel, reference)."""

    channel: str
    reference: str
    customer: str
    country: str
    currency: str
    lines: tuple[LineWanted, ...]
    carrier: str = "paper"
    owner: str = "house"
    placed_at_ms: int = 0  # 0 = now
    allow_backorder: int = 1  # 0: refuse the order when any unit cannot be promised


class CancelOrder(NamedTuple):
    """Cancel every unit that nobody walks for yet."""

    order_id: str


class ParkRow(NamedTuple):
    """Put a row that cannot be understood before a person."""

    source: str
    row: int
    column: str
    reason: str
    text: str
    at_ms: int = 0


def place_order(desk: Desk, wanted: PlaceOrder) -> dict:
    """Promise what the pool has, backorder the rest, park lines that make no sense; the reply counts each.

    The same channel and reference with the same content gives the same reply; with other content OrderDiffers.
    OutOfStock when `allow_backorder` is 0 and units are missing. When every line is parked no order is made: its id is ""; mended and
    sent again under the same reference it is taken in, and its rows wait no more.
    """
    mark = fingerprint([wanted.customer, wanted.country, wanted.currency, wanted.owner, [list(line) for line in wanted.lines]])
    known = desk.ledger.find(Order, "by_reference", wanted.channel, wanted.reference, limit=1)
    if known:
        return _again(desk, known[0], wanted, mark)
    if not 0 < len(wanted.lines) <= MOST_LINES:
        raise BadInput(f"order {wanted.reference}: {len(wanted.lines)} lines; 1 to {MOST_LINES:,} are possible")
    rows = [line.source_row or number for number, line in enumerate(wanted.lines, 1)]
    if len(set(rows)) < len(rows):
        twice = next(row for row in rows if rows.count(row) > 1)
        raise BadInput(f"order {wanted.reference}: two of its lines are row {twice}; a row is one line")
    site, carrier = _site(desk), _carrier(desk, wanted.carrier)
    if wanted.currency != site.currency:
        raise BadInput(f"order {wanted.reference}: currency {wanted.currency!r}; {site.site} sells in {site.currency}")
    placed_at_ms = wanted.placed_at_ms or desk.now_ms
    order_id = desk.ids.new("order")
    lines, parked = [], []
    for number, line in enumerate(wanted.lines, 1):
        made, reason = _line(desk, wanted, line, order_id, number, placed_at_ms)
        if made is None:
            parked.append((line, number, reason))
        else:
            lines.append(made)
    for line, number, (column, reason, text) in parked:
        row = line.source_row or number
        park_row(desk, ParkRow(f"{wanted.channel}/{wanted.reference}", row, column, reason, text, placed_at_ms))
    reply = {
        "order_id": order_id if lines else "",
        "lines": len(lines),
        "parked": len(parked),
        "reserved": sum(line.reserved for line in lines),
        "backordered": sum(line.backordered for line in lines),
    }
    if not lines:
        return reply
    if reply["backordered"] and not wanted.allow_backorder:
        short = next(line for line in lines if line.backordered)
        raise OutOfStock(f"order {wanted.reference}: {short.reserved} of {short.ordered} {short.sku} are eligible")
    cut_off_ms = next_cut_off_ms(placed_at_ms, carrier.cut_off_time, zone_named(site.zone), carrier.days)
    order = Order(
        order_id,
        wanted.channel,
        wanted.reference,
        mark,
        wanted.customer,
        wanted.country,
        site.site,
        wanted.owner,
        wanted.currency,
        wanted.carrier,
        placed_at_ms,
        cut_off_ms,
        reply["reserved"],
        0,
    )
    if not desk.ledger.insert(order):
        raise Conflict(f"order {wanted.channel}/{wanted.reference} was placed by another writer")
    for line in lines:
        desk.ledger.insert(line)
    _mend(desk, wanted, lines)
    told = [[line.line, line.sku, line.ordered, line.reserved, line.backordered] for line in lines]
    desk.tell(
        events.OrderPlaced(order_id, wanted.channel, wanted.reference, wanted.customer, wanted.country, wanted.carrier, cut_off_ms, told)
    )
    return reply


def cancel_order(desk: Desk, wanted: CancelOrder) -> dict:
    """Cancel what is reserved or backordered, and promise the freed units to those who wait for them. WrongState, naming what
    is possible, when nothing of it is."""
    order = desk.ledger.get(Order, wanted.order_id)
    if order is None:
        raise NotFound(f"order {wanted.order_id} is unknown")
    lines, units, freed = desk.ledger.find(OrderLine, "key", wanted.order_id), 0, set()
    for line in lines:
        for bucket in ("reserved", "backordered"):
            if held := getattr(line, bucket):
                line = books.shift(desk, line, bucket, "cancelled", held)
                units += held
                if bucket == "reserved":
                    promising.free(desk, line.sku, line.owner, held)
                    freed.add((line.sku, line.owner))
    if not units:
        state = state_of(lines)
        raise WrongState(f"order {order.order_id} is {state}: nothing of it can be cancelled; after delivery it can be returned")
    desk.ledger.change(order, waiting=0)
    desk.tell(events.OrderCancelled(order.order_id, units))
    for sku, owner in sorted(freed):
        promising.fill_backorders(desk, sku, owner)
    return {"order_id": order.order_id, "cancelled": units}


def park_row(desk: Desk, wanted: ParkRow) -> dict:
    """Note the row for review; the same source and row again changes nothing. WrongState when it is a line of an order already."""
    channel, _, reference = wanted.source.partition("/")
    for order in desk.ledger.find(Order, "by_reference", channel, reference, limit=1) if reference else ():
        for line in desk.ledger.find(OrderLine, "key", order.order_id):
            if not line.replaces_line and (line.source_row or line.line) == wanted.row:
                raise WrongState(f"{wanted.source} row {wanted.row} is line {line.line} of order {order.order_id}; it cannot be parked too")
    row = Review(wanted.source, wanted.row, wanted.column, wanted.reason, wanted.text[:REVIEW_TEXT], wanted.at_ms or desk.now_ms)
    if desk.ledger.insert(row):
        desk.tell(events.RowParked(wanted.source, wanted.row, wanted.column, wanted.reason))
        return {"parked": 1}
    return {"parked": 0}


def _mend(desk: Desk, wanted: PlaceOrder, lines: list[OrderLine]) -> None:
    """Rows that were parked when no order could be made of them, and are lines now, wait for nobody."""
    source = f"{wanted.channel}/{wanted.reference}"
    parked = {row.row: row for row in desk.ledger.find(Review, "key", source) if not row.order_id}
    for line in lines if parked else ():
        if row := parked.get(line.source_row or line.line):
            desk.ledger.change(row, order_id=line.order_id)
            desk.tell(events.RowMended(source, row.row, line.order_id, line.line))


def _again(desk: Desk, order: Order, wanted: PlaceOrder, mark: str) -> dict:
    lines = [line for line in desk.ledger.find(OrderLine, "key", order.order_id) if not line.replaces_line]
    if order.fingerprint == mark:
        return {"order_id": order.order_id, "lines": len(lines), "parked": len(wanted.lines) - len(lines), "again": 1}
    told = [
        f"{name} {getattr(order, name)!r} there, {getattr(wanted, name)!r} now"
        for name in ("customer", "country", "currency", "owner")
        if getattr(order, name) != getattr(wanted, name)
    ]
    there = {line.line: _said(line, order.placed_at_ms) for line in lines}
    now = {n: _asked(desk, line, order.placed_at_ms) for n, line in enumerate(wanted.lines, 1)}
    told += [
        f"line {n}: {there.get(n, 'parked or absent')} there, {now.get(n, 'absent')} now"
        for n in sorted(there | now)
        if there.get(n) != now.get(n)
    ]
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    detail = "; ".join(told[:MOST_TOLD]) or "the numbering of rows in its source"
    raise OrderDiffers(f"{wanted.channel}/{wanted.reference} is already order {order.order_id} with other content: {detail}{more}")


def _said(line: OrderLine, placed_at_ms: int) -> str:
    """A stored line in words that can be compared with `_asked`."""
    days = (line.min_expiry_ms - placed_at_ms) // DAY_MS if line.min_expiry_ms else 0
    return _worded(line.ordered, line.sku, line.unit, line.paid_minor, days)


def _asked(desk: Desk, line: LineWanted, placed_at_ms: int) -> str:
    """A wanted line in the same words, in smallest stock units as they were when the order was placed."""
    levels = [] if line.unit == "each" else desk.ledger.find(PackLevel, "key", line.sku, line.unit)
    units = to_base(line.quantity, line.unit, placed_at_ms, levels)
    count = line.quantity if isinstance(units, Fault) else units
    return _worded(count, line.sku, line.unit, line.price_minor * line.quantity, line.min_shelf_life_days)


def _worded(units: int, sku: str, unit: str, paid_minor: int, days: int) -> str:
    return f"{units} {sku} by the {unit}, price {paid_minor}" + (f", good for {days} days" if days else "")


def _site(desk: Desk) -> Site:
    site = desk.ledger.get(Site, desk.site)
    if site is None:
        raise NotFound(f"site {desk.site!r} is unknown; add it with AddSite")
    return site


def _carrier(desk: Desk, name: str) -> CarrierService:
    carrier = desk.ledger.get(CarrierService, name)
    if carrier is None:
        raise NotFound(f"carrier {name!r} is unknown; add it with AddCarriers")
    return carrier


def _line(
    desk: Desk, wanted: PlaceOrder, line: LineWanted, order_id: str, number: int, placed_at_ms: int
) -> tuple[OrderLine | None, tuple[str, str, str]]:
    """The line with its units in buckets, or (column, reason, text) for review."""
    sku = desk.ledger.get(Sku, line.sku)
    if sku is None:
        return None, ("sku", "unknown_sku", line.sku)
    if line.quantity <= 0:
        return None, ("quantity", "not_positive", str(line.quantity))
    if line.price_minor < 0 or line.min_shelf_life_days < 0:
        return None, ("price_minor" if line.price_minor < 0 else "min_shelf_life_days", "out_of_range", "below zero")
    if line.price_minor * line.quantity > LARGEST_INTEGER:
        return None, ("price_minor", "out_of_range", f"{line.quantity} for {line.price_minor} each")
    levels = [] if line.unit == "each" else desk.ledger.find(PackLevel, "key", line.sku, line.unit)
    quantity = to_base(line.quantity, line.unit, placed_at_ms, levels)
    if isinstance(quantity, Fault):
        return None, ("unit" if quantity.reason == "unit_unknown" else "quantity", *quantity)
    if quantity > MOST_UNITS:
        return None, ("quantity", "out_of_range", f"{quantity} units")
    min_expiry_ms = placed_at_ms + line.min_shelf_life_days * DAY_MS if line.min_shelf_life_days else 0
    reserved = promising.promise(desk, sku, wanted.owner, quantity, min_expiry_ms)
    buckets = dict.fromkeys(BUCKETS, 0) | {"reserved": reserved, "backordered": quantity - reserved}
    made = OrderLine(
        order_id=order_id,
        line=number,
        source_row=line.source_row,
        site=desk.site,
        sku=line.sku,
        owner=wanted.owner,
        customer=wanted.customer,
        unit=line.unit,
        price_minor=_price_each(line.price_minor * line.quantity, quantity),
        paid_minor=line.price_minor * line.quantity,
        min_expiry_ms=min_expiry_ms,
        placed_at_ms=placed_at_ms,
        delivered_at_ms=0,
        replaces_line=0,
        ordered=quantity,
        **buckets,
    )
    return made, ("", "", "")


def _price_each(total_minor: int, units: int) -> int:
    """The price of one smallest stock unit, half up: a case of 12 for 100 is 8 each, for 102 it is 9. Refunds go by `paid_minor`."""
    return (2 * total_minor + units) // (2 * units)
