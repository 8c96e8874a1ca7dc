"""Counts, damage and holds: facts about what lies at a place. Facts are recorded as they are; promises give way to them."""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, promising, shrinking
from floorwise.core.model import events
from floorwise.core.model.stock import STATUSES, Balance
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
    """`counted` units of a SKU and lot lie at a place, with status available."""

    place: str
    sku: str
    counted: int
    lot: str = ""
    owner: str = "house"
    task: str = ""
    at_ms: int = 0


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
    there = _balance(desk, wanted.place, wanted.sku, wanted.lot, wanted.owner)
    return {"task": open_task(desk, wanted.place, wanted.sku, wanted.lot, wanted.owner, there.on_hand if there else 0, wanted.cause)}


def record_count(desk: Desk, told: RecordCount) -> dict:
    """Make the books say what was counted: the difference goes to or comes from UNRESOLVED, promises give way, tasks close.

    What is gone from the bin is taken from promises by the victim rule (flow.shrinking); what is found can be promised at once.
    """
    if told.counted < 0:
        raise BadInput(f"count of {told.sku} at {told.place}: {told.counted} is below zero")
    balance = _balance(desk, told.place, told.sku, told.lot, told.owner)
    expected = balance.on_hand if balance else 0
    difference = told.counted - expected
    if difference < 0:
        shrinking.lose(desk, balance, -difference, unresolved(told.place), "count", told.task, at_ms=told.at_ms)
    elif difference > 0:
        books.move(
            desk,
            told.sku,
            difference,
            unresolved(told.place),
            told.place,
            "count",
            told.task,
            lot=told.lot,
            owner=told.owner,
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
    source = unresolved(wanted.place)
    there = _balance(desk, source, wanted.sku, wanted.lot, wanted.owner)
    units = there.on_hand if there else 0
    if units:
        way = (source, "ADJUST") if units > 0 else ("ADJUST", source)
        books.move(desk, wanted.sku, abs(units), *way, "settled", wanted.approved_by, lot=wanted.lot, owner=wanted.owner)
        desk.tell(events.StockMoved(wanted.sku, wanted.lot, abs(units), *way, "settled"))
    return {"settled": units}


def change_status(desk: Desk, wanted: ChangeStatus) -> dict:
    """Hold, release, damage or expire units where they lie. Leaving "available" is a fact that takes promises with it;
    coming back to it fills backorders. StockConflict when fewer units have that status there."""
    for status in (wanted.status, wanted.to_status):
        if status not in STATUSES:
            raise BadInput(f"status {status!r}; known are {', '.join(STATUSES)}")
    if wanted.status == wanted.to_status:
        raise WrongState(f"{wanted.sku} at {wanted.place} is {wanted.status} already")
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


def _balance(desk: Desk, place: str, sku: str, lot: str, owner: str) -> Balance | None:
    rows = [r for r in desk.ledger.find(Balance, "key", place, sku, lot) if r.owner == owner and r.status == "available"]
    if len([r for r in rows if r.serial]) > 0:
        raise NotFound(f"{sku} at {place} is tracked by serial: count each serial, not a quantity")
    return rows[0] if rows else None
