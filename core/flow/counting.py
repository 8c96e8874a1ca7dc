"""Counts, damage and holds: facts about what lies at a place. Facts are recorded as they are; promises give way to them."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, promising, shrinking
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.handling import unit_of
from floorwise.core.model.stock import STATUSES, STOCK_UNITS, Balance, Lot, Serial, place_kind
from floorwise.core.model.work import CountTask
from floorwise.core.ports import Desk


class OpenCount(NamedTuple):
    """Ask for a count of one SKU and lot at a place."""

    place: str
    sku: str
    lot: str = ""
    owner: str = "house"
    cause: str = "asked for"


class RecordCount(NamedTuple):
    """`counted` good units of a SKU and lot lie at a place; with `serial`, 1 when it is there and 0 when it is not.

    Units of a lot whose date has passed are counted as expired ones; held and damaged units are not counted here.
    """

    place: str
    sku: str
    counted: int
    lot: str = ""
    owner: str = "house"
    task: str = ""
    at_ms: int = 0
    serial: str = ""


class SettleUnresolved(NamedTuple):
    """Somebody approves the difference at a place: what is UNRESOLVED there becomes an adjustment."""

    place: str
    sku: str
    approved_by: str
    lot: str = ""
    owner: str = "house"


class ChangeStatus(NamedTuple):
    """`quantity` units at a place become available, held, damaged or expired; 0 = all of them."""

    place: str
    sku: str
    status: str
    to_status: str
    cause: str
    quantity: int = 0
    lot: str = ""
    owner: str = "house"


class ExpireLot(NamedTuple):
    """The date of a lot has passed: what is available of it becomes expired, wherever it lies for sale."""

    sku: str
    lot: str


def unresolved(place: str) -> str:
    """Where the difference between floor and books of a place is kept until somebody settles it."""
    return f"UNRESOLVED:{place}"


def open_task(desk: Desk, place: str, sku: str, lot: str, owner: str, expected: int, cause: str) -> str:
    """Open a count of this place, or give the one that is open."""
    for task in desk.ledger.find(CountTask, "by_place", place, sku, lot, "open"):
        return task.task
    name = desk.ids.new("task")
    desk.ledger.insert(CountTask(name, desk.site, place, sku, lot, owner, cause, "open", desk.now_ms, expected, 0, 0))
    desk.tell(events.CountWanted(name, place, sku, lot, expected, cause))
    return name


def open_count(desk: Desk, wanted: OpenCount) -> dict:
    """Open a count task unless one is open for the same place, SKU and lot."""
    _known(desk, wanted.place, wanted.sku, wanted.lot)
    status = books.status_now(desk, wanted.sku, wanted.lot)
    there = desk.ledger.find(Balance, "key", wanted.place, wanted.sku, wanted.lot)
    expected = sum(row.on_hand for row in there if row.owner == wanted.owner and row.status == status)
    return {"task": open_task(desk, wanted.place, wanted.sku, wanted.lot, wanted.owner, expected, wanted.cause)}


def record_count(desk: Desk, told: RecordCount) -> dict:
    """Make the books say what was counted: the difference goes to or comes from UNRESOLVED, promises give way, tasks close.

    What is gone from the bin is taken from promises by the victim rule (flow.shrinking); what is found can be promised at once.
    BadInput for a count below zero and for a SKU tracked by serial without one; NotFound for what nobody has heard of.
    """
    sku = _known(desk, told.place, told.sku, told.lot)
    if told.counted < 0:
        raise BadInput(f"count of {told.sku} at {told.place}: {told.counted} is below zero")
    if sku.is_serial_tracked != bool(told.serial) or (told.serial and told.counted > 1):
        raise BadInput(f"count of {told.sku} at {told.place}: count each serial, as 0 or 1, and nothing else by serial")
    status = books.status_now(desk, told.sku, told.lot)
    balance = desk.ledger.get(Balance, told.place, told.sku, told.lot, told.serial, told.owner, status)
    expected = balance.on_hand if balance else 0
    difference = told.counted - expected
    if difference < 0:
        shrinking.lose(desk, balance, -difference, unresolved(told.place), "count", told.task, "available", at_ms=told.at_ms)
    elif difference > 0:
        books.move(
            desk,
            told.sku,
            difference,
            _missing_from(desk, told),
            told.place,
            "count",
            told.task,
            lot=told.lot,
            serial=told.serial,
            owner=told.owner,
            to_status=status,
            at_ms=told.at_ms,
        )
        promising.fill_backorders(desk, told.sku, told.owner)
    tasks = desk.ledger.find(CountTask, "by_place", told.place, told.sku, told.lot, "open")
    for task in tasks:
        desk.ledger.change(task, state="done", counted=told.counted, closed_at_ms=desk.now_ms)
    name = tasks[0].task if tasks else told.task
    desk.tell(events.StockCounted(name, told.place, told.sku, told.lot, expected, told.counted))
    return {"expected": expected, "counted": told.counted, "difference": difference, "task": name}


def settle_unresolved(desk: Desk, wanted: SettleUnresolved) -> dict:
    """Move what is UNRESOLVED at a place to ADJUST; nothing there is no error, the count may have come out even."""
    if not wanted.approved_by:
        raise BadInput(f"difference at {wanted.place}: somebody has to approve it")
    source, settled = unresolved(wanted.place), 0
    for there in desk.ledger.find(Balance, "key", source, wanted.sku, wanted.lot):
        if there.owner == wanted.owner and there.on_hand:
            way = (source, "ADJUST") if there.on_hand > 0 else ("ADJUST", source)
            books.move(
                desk,
                wanted.sku,
                abs(there.on_hand),
                *way,
                "settled",
                wanted.approved_by,
                lot=wanted.lot,
                serial=there.serial,
                owner=wanted.owner,
                status=there.status,
            )
            desk.tell(events.StockMoved(wanted.sku, wanted.lot, abs(there.on_hand), *way, "settled"))
            settled += there.on_hand
    return {"settled": settled}


def change_status(desk: Desk, wanted: ChangeStatus) -> dict:
    """Hold, release, damage or expire units where they lie. Leaving "available" is a fact that takes promises with it;
    coming back to it fills backorders. StockConflict when fewer units have that status there, and when an expired lot is to
    become available; WrongState for good units in a tote and for those in a parcel, which belong to an order."""
    _known(desk, wanted.place, wanted.sku, wanted.lot)
    is_set_apart = place_kind(wanted.place) == "tote" and wanted.status != "available"
    if place_kind(wanted.place) not in ("bin", *STOCK_UNITS) and not is_set_apart:
        raise WrongState(f"{wanted.place} holds what was picked for an order; a status is for stock in bins, pallets and cases")
    if wanted.quantity < 0:
        raise BadInput(f"{wanted.sku} at {wanted.place}: {wanted.quantity} units")
    for status in (wanted.status, wanted.to_status):
        if status not in STATUSES:
            raise BadInput(f"status {status!r}; known are {', '.join(STATUSES)}")
    if wanted.status == wanted.to_status:
        raise WrongState(f"{wanted.sku} at {wanted.place} is {wanted.status} already")
    if wanted.to_status == "available" and books.status_now(desk, wanted.sku, wanted.lot) == "expired":
        raise StockConflict(f"lot {wanted.lot} of {wanted.sku} has expired; it cannot become available")
    balances = [
        row
        for row in desk.ledger.find(Balance, "key", wanted.place, wanted.sku, wanted.lot)
        if row.owner == wanted.owner and row.status == wanted.status and row.on_hand > 0
    ]
    total = sum(row.on_hand for row in balances)
    quantity = wanted.quantity or total
    if not balances or quantity > total:
        raise StockConflict(f"{wanted.sku} {wanted.lot} at {wanted.place}: {total} units are {wanted.status}, {quantity} asked for")
    left = quantity
    for row in balances:
        if units := min(left, row.on_hand):
            shrinking.lose(desk, row, units, wanted.place, wanted.cause, to_status=wanted.to_status)
            left -= units
    desk.tell(events.StatusChanged(wanted.sku, wanted.lot, quantity, wanted.place, wanted.status, wanted.to_status, wanted.cause))
    if wanted.to_status == "available":
        promising.fill_backorders(desk, wanted.sku, wanted.owner)
    return {"changed": quantity}


def expire_lot(desk: Desk, wanted: ExpireLot) -> dict:
    """Take the lot out of sale with promises and picks that stand on it; WrongState before its date, a second time changes nothing."""
    lot = desk.ledger.get(Lot, wanted.sku, wanted.lot)
    if lot is None:
        raise NotFound(f"lot {wanted.lot!r} of {wanted.sku} is unknown")
    if desk.now_ms < lot.expires_at_ms:
        raise WrongState(f"lot {lot.lot} of {lot.sku} expires at {lot.expires_at_ms}, it is {desk.now_ms}")
    units = 0
    for row in desk.ledger.find(Balance, "stock", lot.sku):
        if row.lot == lot.lot and row.status == "available":
            units += row.on_hand
            shrinking.lose(desk, row, row.on_hand, row.place, "expired", to_status="expired")
    if not lot.is_expired:
        desk.ledger.change(lot, is_expired=1)
        desk.tell(events.LotExpired(lot.sku, lot.lot, lot.expires_at_ms, units))
    return {"expired": units}


def _known(desk: Desk, place: str, sku: str, lot: str) -> Sku:
    """The SKU, if it, its lot and the place are known and go together."""
    article = desk.ledger.get(Sku, sku)
    if article is None:
        raise NotFound(f"SKU {sku!r} is unknown; add it with AddSkus")
    if bool(article.is_lot_tracked) != bool(lot):
        raise BadInput(f"{sku} is {'' if article.is_lot_tracked else 'not '}tracked by lot, and {f'lot {lot}' if lot else 'none'} is given")
    if lot and desk.ledger.get(Lot, sku, lot) is None:
        raise NotFound(f"lot {lot!r} of {sku} is unknown; receive it with its date (source ADJUST)")
    kind = place_kind(place)
    if kind == "bin":
        books.location_at(desk, place)
    elif kind == "virtual" or books.unit_at(desk, unit_of(place)).place != place:
        raise BadInput(f"{place!r} is not a bin or a handling unit")
    elif place_kind(standing := books.location_of(desk, place)) == "virtual":
        raise WrongState(f"{place} is not on the floor any more, it went to {standing}: nobody can look at what is in it")
    return article


def _missing_from(desk: Desk, told: RecordCount) -> str:
    """The virtual place that what is found comes from; a serial must not be in another real place by the books."""
    row = desk.ledger.get(Serial, told.sku, told.serial) if told.serial else None
    if row is None:
        return unresolved(told.place)
    if place_kind(row.place) != "virtual":
        raise StockConflict(f"serial {told.serial} of {told.sku} is in {row.place} by the books: count it there first, as 0")
    return row.place
