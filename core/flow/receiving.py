"""Receiving: goods come from a supplier, from the opening count or from nowhere known, and are promised at once."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, entry, promising, tree
from floorwise.core.model import events
from floorwise.core.model.catalog import PackLevel, Sku
from floorwise.core.model.gs1 import Fault
from floorwise.core.model.journal import Review
from floorwise.core.model.stock import NEVER_MS, Lot, Serial, Weighing, place_kind
from floorwise.core.model.supply import Purchase
from floorwise.core.model.units import to_base, weigh
from floorwise.core.ports import Desk

MOST_SERIALS = 10_000  # in one receipt
MOST_RECEIVED = 10**12  # stock units in one receipt: thousands of them still add up below 2^53
SOURCES = ("SUPPLIER", "OPENING", "ADJUST")


class ReceiveStock(NamedTuple):
    """`quantity` in `unit` of a SKU arrived and lies at `place` (a bin or an open handling unit)."""

    sku: str
    quantity: int
    place: str
    unit: str = "each"
    lot: str = ""
    expires_at_ms: int = 0  # 0 = by the SKU's shelf life, or never
    serials: tuple[str, ...] = ()
    net_g: int = 0  # catch weight: the weight of all pieces
    source: str = "SUPPLIER"
    owner: str = "house"
    reference: str = ""


class StockArrived(NamedTuple):
    """One row of a larger receipt."""

    sku: str
    quantity: int
    place: str


class ReceiveOpening(NamedTuple):
    """Opening balances: many SKUs at once, without lots."""

    rows: tuple[StockArrived, ...]
    owner: str = "house"


class ReceivePurchase(NamedTuple):
    """A purchase arrived with `quantity` smallest stock units, and lies at `place`."""

    purchase: str
    quantity: int
    place: str


def receive_stock(desk: Desk, told: ReceiveStock) -> dict:
    """Book the goods in and fill backorders. A unit nobody knows, a quantity that is no whole number of stock units and a weight
    out of tolerance book nothing: the receipt is parked for review and the reply says so.

    BadInput when a lot or serials are missing; StockConflict when a serial is already somewhere in the house, TreeConflict when
    the unit to fill is closed or gone. Units whose date has passed are booked as expired.
    """
    sku = desk.ledger.get(Sku, told.sku)
    if sku is None:
        raise NotFound(f"SKU {told.sku!r} is unknown; add it with AddSkus")
    if told.source not in SOURCES:
        raise BadInput(f"receipt of {told.sku}: source {told.source!r}; known are {', '.join(SOURCES)}")
    levels = [] if told.unit == "each" else desk.ledger.find(PackLevel, "key", told.sku, told.unit)
    quantity = to_base(told.quantity, told.unit, desk.now_ms, levels)
    if isinstance(quantity, Fault):
        return _park(desk, told, "unit" if quantity.reason == "unit_unknown" else "quantity", quantity)
    if not 0 < quantity <= MOST_RECEIVED:
        raise BadInput(f"receipt of {told.sku}: {told.quantity} {told.unit}; 1 to {MOST_RECEIVED:,} stock units are possible")
    if sku.is_catch_weight and isinstance(fault := weigh(quantity, told.net_g, sku.weight_g, sku.tolerance_g), Fault):
        return _park(desk, told, "net_g", fault)
    _require_place(desk, told.place)
    _lot(desk, sku, told)
    status = books.status_now(desk, told.sku, told.lot)
    if sku.is_serial_tracked:
        _receive_serials(desk, told, quantity, status)
    else:
        if told.serials:
            raise BadInput(f"receipt of {told.sku}: serials given, but the SKU is not tracked by serial")
        moved = books.move(
            desk,
            told.sku,
            quantity,
            told.source,
            told.place,
            "receipt",
            told.reference,
            lot=told.lot,
            owner=told.owner,
            to_status=status,
        )
        if sku.is_catch_weight:
            desk.ledger.insert(Weighing(moved.number, told.sku, told.lot, quantity, told.net_g, "receipt"))
            desk.tell(events.StockWeighed(told.sku, told.lot, quantity, told.net_g, "receipt", told.reference))
    desk.tell(events.StockReceived(told.sku, told.lot, quantity, told.place, told.source, told.reference))
    filled = promising.fill_backorders(desk, told.sku, told.owner)
    return {"received": quantity, "filled": filled, "net_g": told.net_g}


def receive_opening(desk: Desk, told: ReceiveOpening) -> dict:
    """Book opening balances from OPENING in one command."""
    for row in told.rows:
        receive_stock(desk, ReceiveStock(row.sku, row.quantity, row.place, source="OPENING", owner=told.owner, reference="opening"))
    return {"rows": len(told.rows), "units": sum(row.quantity for row in told.rows)}


def receive_purchase(desk: Desk, told: ReceivePurchase) -> dict:
    """Book a purchase in and close it; over and short deliveries are taken as they come."""
    purchase = desk.ledger.get(Purchase, told.purchase)
    if purchase is None:
        raise NotFound(f"purchase {told.purchase} is unknown")
    if purchase.state != "open":
        raise WrongState(f"purchase {told.purchase} is {purchase.state}; book further goods as a receipt of their own")
    desk.ledger.change(purchase, state="received", received=told.quantity)
    desk.tell(events.PurchaseReceived(told.purchase, purchase.sku, told.quantity))
    return receive_stock(desk, ReceiveStock(purchase.sku, told.quantity, told.place, owner=purchase.owner, reference=told.purchase))


def _lot(desk: Desk, sku: Sku, told: ReceiveStock) -> None:
    """Know the lot, or refuse: a lot has one expiry for ever."""
    if not sku.is_lot_tracked:
        if told.lot:
            raise BadInput(f"receipt of {told.sku}: lot {told.lot} given, but the SKU is not tracked by lot")
        return
    if not told.lot:
        raise BadInput(f"receipt of {told.sku}: the SKU is tracked by lot, and none was given")
    expires_at_ms = told.expires_at_ms or (desk.now_ms + sku.shelf_life_ms if sku.shelf_life_ms else NEVER_MS)
    if not desk.ledger.insert(Lot(told.sku, told.lot, expires_at_ms, desk.now_ms)):
        there = desk.ledger.get(Lot, told.sku, told.lot)
        if told.expires_at_ms and there.expires_at_ms != told.expires_at_ms:
            raise StockConflict(f"lot {told.lot} of {told.sku} expires at {there.expires_at_ms}, the receipt says {told.expires_at_ms}")


def _require_place(desk: Desk, place: str) -> None:
    kind = place_kind(place)
    if kind == "virtual":
        raise BadInput(f"goods cannot be received at {place}")
    if kind == "bin":
        books.location_at(desk, place)
    else:
        tree.require_open(desk, place)


def _park(desk: Desk, told: ReceiveStock, column: str, fault: Fault) -> dict:
    """Put the receipt before a person, once; nothing of it is booked."""
    source, text = f"receipt/{told.reference}/{told.sku}/{told.lot}", f"{told.quantity} {told.unit} at {told.place}: {fault.text}"
    there = desk.ledger.find(Review, "key", source)
    if not any(row.text == text[: entry.REVIEW_TEXT] for row in there):
        entry.park_row(desk, entry.ParkRow(source, len(there) + 1, column, fault.reason, text))
    return {"received": 0, "filled": 0, "parked": 1, "reason": fault.reason, "detail": fault.text}


def _receive_serials(desk: Desk, told: ReceiveStock, quantity: int, status: str) -> None:
    if len(told.serials) != quantity or len(set(told.serials)) != quantity or quantity > MOST_SERIALS or "" in told.serials:
        raise BadInput(
            f"receipt of {told.sku}: {quantity} units need {quantity} different serials (at most {MOST_SERIALS}), {len(told.serials)} given"
        )
    for serial in told.serials:
        row = desk.ledger.get(Serial, told.sku, serial)
        if row is not None and place_kind(row.place) != "virtual":
            raise StockConflict(f"serial {serial} of {told.sku} is in {row.place}; it cannot arrive at {told.place} too")
        books.move(
            desk,
            told.sku,
            1,
            row.place if row else told.source,  # one that was lost or scrapped comes back from where the books have it
            told.place,
            "receipt",
            told.reference,
            lot=told.lot,
            serial=serial,
            owner=told.owner,
            to_status=status,
        )
