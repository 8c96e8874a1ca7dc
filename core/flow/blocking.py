"""An aisle nobody can enter: plans pass it by, tours under way go on to other bins, and what lies in it alone waits until it is open."""

from typing import NamedTuple

from floorwise.core.errors import NotFound
from floorwise.core.flow import books, rerouting, shrinking
from floorwise.core.model import events
from floorwise.core.model.places import AisleBlock, Location, Site
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Pick, Tour
from floorwise.core.ports import Desk


class BlockAisle(NamedTuple):
    """Nobody can enter this aisle (from 0); `cause` says why, as "a fork-lift stands in it"."""

    aisle: int
    cause: str = "asked for"


class OpenAisle(NamedTuple):
    """The aisle can be entered again."""

    aisle: int


def block_aisle(desk: Desk, told: BlockAisle) -> dict:
    """Take every open pick in the aisle out of its tour: its units come from other bins on the same walk where they lie there too
    (`elsewhere`), else their lines wait (`waiting`) for another bin or for the aisle. A blocked aisle stays as it is."""
    _require(desk, told.aisle)
    block = desk.ledger.get(AisleBlock, desk.site, told.aisle)
    if block is not None and block.is_blocked:
        return {"elsewhere": 0, "waiting": 0}
    if block is None:
        desk.ledger.insert(AisleBlock(desk.site, told.aisle, 1, told.cause, desk.now_ms))
    else:
        desk.ledger.change(block, is_blocked=1, cause=told.cause, since_ms=desk.now_ms)
    desk.tell(events.AisleBlocked(told.aisle, told.cause))
    cause, elsewhere, waiting = f"aisle {told.aisle} is blocked", 0, 0
    for tour in sorted(tour for state in ("open", "taken") for tour in desk.ledger.find(Tour, "by_state", desk.site, state)):
        for pick in desk.ledger.find(Pick, "key", tour.tour):
            pick = desk.ledger.get(Pick, pick.tour, pick.number)  # the one before may have moved its turn
            if pick.state == "open" and _aisle_of(desk, pick.location) == told.aisle:
                found = _take_out(desk, pick, cause)
                elsewhere, waiting = elsewhere + found, waiting + pick.quantity - found
    return {"elsewhere": elsewhere, "waiting": waiting}


def open_aisle(desk: Desk, told: OpenAisle) -> dict:
    """Plans use the aisle again, and what waited for it is released at the next tick; an open one stays as it is."""
    _require(desk, told.aisle)
    block = desk.ledger.get(AisleBlock, desk.site, told.aisle)
    if block is None or not block.is_blocked:
        return {"opened": 0}
    desk.ledger.change(block, is_blocked=0)
    desk.tell(events.AisleOpened(told.aisle))
    return {"opened": 1}


def _take_out(desk: Desk, pick: Pick, cause: str) -> int:
    """End a pick that cannot be reached; give how many of its units are picked elsewhere on the same walk."""
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    desk.ledger.change(balance, reserved=balance.reserved - pick.quantity)
    shrinking.keep_promise(desk, books.line_at(desk, pick.order_id, pick.line), pick.quantity)
    ended = desk.ledger.change(pick, state="short", done_at_ms=desk.now_ms)
    found = rerouting.take_elsewhere(desk, ended, pick.quantity, cause)
    shrinking.end_pick(desk, ended)
    if not found:
        shrinking.tell_picker(desk, pick.tour)
    return found


def _aisle_of(desk: Desk, location: str) -> int:
    found = desk.ledger.get(Location, location)
    return found.aisle if found is not None else -1


def _require(desk: Desk, aisle: int) -> None:
    site = desk.ledger.get(Site, desk.site)
    if site is None or not 0 <= aisle < site.aisles:
        raise NotFound(f"aisle {aisle} is not on this floor" + (f"; they are 0 to {site.aisles - 1}" if site else ""))
