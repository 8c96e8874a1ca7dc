"""Shorts at the pack bench: fewer good units of a line are in the tote than were picked. A fact, and the way on for the packer.

The line gets its promise back by the rule of a short pick (flow.shrinking): it waits for other units, or is backordered when every
unit left is promised to older orders. What is left in the tote can be packed at once.
"""

from typing import NamedTuple

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow import books, counting, shrinking
from floorwise.core.flow.packing import left_in_tote, part_named
from floorwise.core.model import events
from floorwise.core.model.handling import HandlingUnit, unit_of
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Part, Pick
from floorwise.core.ports import Desk

SCRAP = "SCRAP"


class ReportPackShort(NamedTuple):
    """Only `found` good units of a line are in the tote; `damaged` more are and cannot be sent.

    lot, serial  say which of the line's units are meant, "" = any
    place        the bin that the damaged ones lie in now, "" = thrown away
    """

    part: str
    line: int
    found: int
    damaged: int = 0
    lot: str = ""
    serial: str = ""
    place: str = ""


def report_pack_short(desk: Desk, told: ReportPackShort) -> dict:
    """Take what is missing or damaged out of the part, and promise the line other units as after a short pick. The same report again
    changes nothing. A part of which nothing is left is dropped, and its bench is free.

    Missing units go to UNRESOLVED of the bin they were picked from, and a count of it is opened: the picker may have left them there.
    """
    part = part_named(desk, told.part)
    if part.state != "packing":
        raise WrongState(f"part {part.part} is {part.state}; a short is reported while it is packed")
    own = [pick for pick in desk.ledger.find(Pick, "by_part", part.part) if pick.line == told.line]
    picks = [p for p in own if told.lot in ("", p.lot) and told.serial in ("", p.serial)]
    if not picks:
        raise NotFound(f"part {part.part} has no line {told.line}" + (f" with {told.lot} {told.serial}".rstrip() if own else ""))
    picked = sum(pick.picked for pick in picks)
    if told.found == picked:
        return {"part": part.part, "missing": 0, "damaged": 0, "again": 1}
    short = picked - told.found
    if min(told.found, told.damaged) < 0 or told.damaged > short:
        raise BadInput(f"part {part.part} line {told.line}: {told.found} good and {told.damaged} damaged units, {picked} were picked")
    if told.place:
        books.location_at(desk, told.place)
    left, broken = short, told.damaged
    for pick in sorted(picks, key=lambda pick: (-_lacking(desk, part, pick), -pick.number)):
        if units := min(left, pick.picked):
            pick = desk.ledger.change(pick, picked=pick.picked - units)
            _take_out(desk, part, pick, units, min(broken, units), told.place or SCRAP)
            left, broken = left - units, broken - min(broken, units)
    line = books.shift(desk, books.line_at(desk, part.order_id, told.line), "picked", "backordered", short)
    missing = short - told.damaged
    desk.tell(events.PackShort(part.part, part.order_id, told.line, line.sku, told.found, missing, told.damaged))
    shrinking.promise_again(desk, line, short, "pack short")
    reply = {"part": part.part, "missing": missing, "damaged": told.damaged}
    if any(pick.picked for pick in desk.ledger.find(Pick, "by_part", part.part)):
        return reply
    left_in_tote(desk, part)
    desk.ledger.change(part, state="dropped", state_at_ms=desk.now_ms)
    desk.tell(events.PartDropped(part.part, part.order_id, "nothing left to pack"))
    return reply | {"dropped": 1}


def _in_tote(desk: Desk, part: Part, pick: Pick) -> int:
    row = desk.ledger.get(Balance, part.tote, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    return row.on_hand if row else 0


def _wanted(desk: Desk, part: Part, pick: Pick) -> int:
    """Units that the part's picks count on of what this pick took."""
    alike = (pick.sku, pick.lot, pick.serial, pick.owner)
    return sum(p.picked for p in desk.ledger.find(Pick, "by_part", part.part) if (p.sku, p.lot, p.serial, p.owner) == alike)


def _lacking(desk: Desk, part: Part, pick: Pick) -> int:
    """Units that the books themselves miss in the tote, since a count of it: those are the ones that are short."""
    return max(0, _wanted(desk, part, pick) - _in_tote(desk, part, pick))


def _take_out(desk: Desk, part: Part, pick: Pick, units: int, damaged: int, place: str) -> None:
    """Write the moves for `units` that the pick has lost already; what a count of the tote took out is not taken twice."""
    there = _in_tote(desk, part, pick)
    gone = max(0, min(units - damaged, there - damaged - _wanted(desk, part, pick)))
    source = _bin_of(desk, pick)
    in_tote = min(damaged, there)
    for quantity, way, to_status, cause in (
        (in_tote, (part.tote, place), "damaged", "damaged"),
        (damaged - in_tote, (counting.unresolved(part.tote), place), "damaged", "damaged"),
        (gone, (part.tote, counting.unresolved(source)), "available", "pack short"),
    ):
        if quantity:
            words = {"lot": pick.lot, "serial": pick.serial, "owner": pick.owner, "to_status": to_status}
            books.move(desk, pick.sku, quantity, *way, cause, part.part, **words)
    if units > damaged:
        rows = desk.ledger.find(Balance, "key", source, pick.sku, pick.lot)
        expected = sum(row.on_hand for row in rows if row.owner == pick.owner and row.status == "available")
        counting.open_task(desk, source, pick.sku, pick.lot, pick.owner, expected, "pack short")


def _bin_of(desk: Desk, pick: Pick) -> str:
    """Where the pick was taken from, as far as it is still there: a pallet that was unpacked since is its bin."""
    unit = desk.ledger.get(HandlingUnit, unit_of(pick.place)) if unit_of(pick.place) else None
    return pick.location if unit is not None and unit.state == "gone" else pick.place
