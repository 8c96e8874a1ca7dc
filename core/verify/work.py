"""I3: parts, tours and picks agree about who walks for what, and with what the journal and the moves say was taken."""

from collections import defaultdict

from floorwise.core.model.work import PART_STATES, Part, PartLine, Pick, Tour
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows
from floorwise.core.verify.history import History
from floorwise.core.verify.moves import Replay

ENDED = ("picked", "packing", "packed", "shipped", "dropped")  # states of a part that nobody walks for any more


class Picks:
    """What the picks of each tour and part add up to."""

    def __init__(self, ledger: Ledger, history: History) -> None:
        self.tally = Tally("I3 picks")
        self.of_tour: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # all, open
        self.of_part: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # open, picked units
        self.tours: dict[str, set[str]] = defaultdict(set)  # part -> tours
        told = dict(history.confirmed)
        for pick in rows(ledger, Pick):
            self._pick(pick, told.pop((pick.tour, pick.number), None))
        for tour, number in sorted(told):
            self.tally.broken(f"tour {tour} pick {number}: confirmed, and not filed")

    def _pick(self, pick: Pick, told: tuple[int, int] | None) -> None:
        self.tally.saw()
        is_open = pick.state == "open"
        self.of_tour[pick.tour][0] += 1
        self.of_tour[pick.tour][1] += is_open
        self.of_part[pick.part][0] += is_open
        self.of_part[pick.part][1] += pick.picked
        self.tours[pick.part].add(pick.tour)
        times, units = told or (0, 0)
        fault = ""
        if times > 1:
            fault = f"confirmed {times} times"
        elif pick.state == "done" and (times != 1 or units != pick.quantity):
            fault = f"done with {pick.quantity} units, the journal confirms {units}"
        elif pick.state != "done" and (times or pick.picked):
            fault = f"{pick.state}, yet {units or pick.picked} units were confirmed"
        elif not 0 <= pick.picked <= pick.quantity:
            fault = f"{pick.picked} of {pick.quantity} picked"
        if fault:
            self.tally.broken(f"tour {pick.tour} pick {pick.number}: {fault}")


def checks(ledger: Ledger, history: History, replay: Replay) -> list[Check]:
    """The checks of work on the floor."""
    picks = Picks(ledger, history)
    for key in sorted({*history.taken, *replay.picked}):
        tour, sku, lot, tote = key
        where = f"tour {tour}: {sku} {lot} into {tote}".replace("  ", " ")
        told, moved = history.taken.get(key, 0), replay.picked.get(key, 0)
        if told != moved:
            picks.tally.broken(f"{where}: {told} confirmed, {moved} moved")
    lines = _part_lines(ledger)
    return [picks.tally.check(), _tours(ledger, picks, history), _parts(ledger, picks, lines), _plans(history, lines)]


def _tours(ledger: Ledger, picks: Picks, history: History) -> Check:
    tally, left = Tally("I3 tours"), dict(picks.of_tour)
    for tour in rows(ledger, Tour):
        tally.saw()
        number, still_open = left.pop(tour.tour, (0, 0))
        tally.equal(f"tour {tour.tour} picks", tour.picks, number)
        tally.equal(f"tour {tour.tour} picks as told", tour.picks, history.stops.get(tour.tour, 0))
        tally.equal(f"tour {tour.tour} open picks", tour.open_picks, still_open)
        if tour.state not in ("open", "taken", "done") or (tour.state == "done") != (still_open == 0):
            tally.broken(f"tour {tour.tour}: {tour.state} with {still_open} open picks")
        if (tour.state == "taken" and not tour.picker) or (tour.state == "open" and tour.picker):
            tally.broken(f"tour {tour.tour}: {tour.state}, its picker is {tour.picker!r}")
    for tour in sorted(left):
        tally.broken(f"tour {tour}: it has picks and is not filed")
    return tally.check()


def _part_lines(ledger: Ledger) -> dict[str, dict[int, int]]:
    lines: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows(ledger, PartLine):
        lines[row.part][row.line] = row.quantity
    return lines


def _parts(ledger: Ledger, picks: Picks, lines: dict[str, dict[int, int]]) -> Check:
    tally, left = Tally("I3 parts"), set(lines)
    tours = {row.tour: row.state for row in rows(ledger, Tour)}
    for part in rows(ledger, Part):
        tally.saw()
        left.discard(part.part)
        own = lines.get(part.part, {})
        tally.equal(f"part {part.part} lines", part.lines, len(own))
        tally.equal(f"part {part.part} units", part.units, sum(own.values()))
        still_open, picked = picks.of_part.get(part.part, (0, 0))
        if wrong := _state_fault(part, still_open, picked, tours):
            tally.broken(f"part {part.part} is {part.state}: {wrong}")
        if picks.tours.get(part.part, set()) - {part.tour}:
            tally.broken(f"part {part.part}: tour {part.tour!r}, its picks are in {', '.join(sorted(picks.tours[part.part]))}")
    for part in sorted(left):
        tally.broken(f"part {part}: it has lines and is not filed")
    return tally.check()


def _state_fault(part: Part, still_open: int, picked: int, tours: dict[str, str]) -> str:
    if part.state not in PART_STATES:
        return "no such state"
    if part.state == "waiting" and part.tour:
        return f"it has tour {part.tour}"
    if part.state == "touring" and tours.get(part.tour) not in ("open", "taken"):
        return f"its tour {part.tour!r} is {tours.get(part.tour, 'not filed')}"
    if part.state in ENDED and still_open:
        return f"{still_open} of its picks are open"
    if part.state in ENDED and part.tour and (part.state == "dropped") != (picked == 0):
        return f"{picked} units were picked for it"
    if part.state in ("picked", "packing", "packed", "shipped") and not part.tote:
        return "it has no tote"
    return ""


def _plans(history: History, lines: dict[str, dict[int, int]]) -> Check:
    """Every released tour took exactly the units its parts were made for."""
    tally = Tally("I3 picks of a part = its lines")
    for part, planned in history.planned.items():
        tally.saw()
        tally.equal(f"part {part} as released in a tour", planned, lines.get(part, {}))
    return tally.check()
