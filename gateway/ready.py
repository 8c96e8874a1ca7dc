"""What must be well before work is given to a gateway: kernels compiled, a sound journal, room on the disk, a clock that goes on."""

import json
import shutil
import threading
import time
from pathlib import Path

import structlog

from floorwise.core import journal
from floorwise.core.adapters.ledger_sql.sqlite import HEADS_FILE
from floorwise.core.errors import FloorError
from floorwise.core.model.journal import Event
from floorwise.core.model.planning import Plan, PlanRequest
from floorwise.core.ports import Ledger
from floorwise.gateway.clock import FloorClock
from floorwise.gateway.http.context import Check

CHECKED_EVENTS = 50_000  # the newest; `floorwise verify` checks all of them
CHECKED_PAGE = 5_000
HEADS_TAIL = 64 * 1024  # bytes of the saved heads that are compared: some 600 commits
AWAITED_S = 10.0  # how long orders wait for a planner whose kernels load; where they are compiled first, the S takes over meanwhile
SETBACK_MS = 60_000  # the wall may be this much behind the journal before it is worth a word

log = structlog.get_logger(__name__)


class WarmPlanner:
    """The house's planner, loaded and compiled on a thread of its own so that everything else can begin before it is there."""

    name = "savings"

    def __init__(self) -> None:
        self._planner = None
        self.fault = ""
        self.seconds = 0.0
        self._began_s = 0.0
        self._thread = threading.Thread(target=self._warm, name="kernels", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._began_s = time.monotonic()
        self._thread.start()

    def is_ready(self) -> bool:
        """Whether a plan can be asked for."""
        return self._planner is not None

    def is_awaited(self) -> bool:
        """Whether it will soon be ready: what is released meanwhile would only fall back to walks that nobody planned."""
        return not (self.is_ready() or self.fault) and time.monotonic() - self._began_s < AWAITED_S

    def plan(self, request: PlanRequest) -> Plan:
        """What the planner answers; never asked before `is_ready`."""
        assert self._planner is not None
        return self._planner.plan(request)

    def check(self) -> Check:
        """For /readyz."""
        detail = self.fault or (f"ready after {self.seconds:.1f} s" if self.is_ready() else "being compiled")
        return Check(name="kernels", ok=self.is_ready(), detail=detail)

    def _warm(self) -> None:
        began = time.monotonic()
        try:
            from floorwise.optimizer.planner import SavingsPlanner  # numba is loaded here, off the way to the first page

            planner = SavingsPlanner()
            planner.warm_up()
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"
            log.exception("kernels_failed")
            return
        self.seconds = time.monotonic() - began
        self._planner = planner


class JournalEnd:
    """Whether the newest events follow from each other and end where the head outside the database says."""

    def __init__(self) -> None:
        self._told: Check | None = None

    def check(self) -> Check:
        """For /readyz."""
        return self._told or Check(name="journal", ok=False, detail="being read")

    def read(self, ledger: Ledger, saved: list[tuple[int, str]]) -> None:
        """Look at the ledger as it was when nobody had written yet; `saved` was read before it."""
        last, _ = ledger.head
        try:
            self._told = Check(name="journal", ok=True, detail=f"{_check_end(ledger, last, dict(saved)):,} events of {last:,} checked")
        except FloorError as error:
            log.error("journal_damaged", detail=str(error))
            self._told = Check(name="journal", ok=False, detail=str(error))


def _check_end(ledger: Ledger, last: int, saved: dict[int, str]) -> int:
    from floorwise.core.errors import Damaged

    first = max(0, last - CHECKED_EVENTS)
    before = ledger.get(Event, first) if first else None
    head, number = (before.head, first) if before else (journal.GENESIS, 0)
    while number < last:
        page = ledger.find(Event, "key", after=number, until=last, limit=CHECKED_PAGE)
        for event in page:
            if event.number != number + 1 or journal.chained(head, event.line) != event.head:
                raise Damaged(f"event {event.number} does not follow from the one before")
            if saved.get(event.number, event.head) != event.head:
                raise Damaged(f"the head saved for event {event.number} is another one")
            head, number = event.head, event.number
        if not page:
            raise Damaged(f"the journal says that it has {last} events, and ends at {number}")
    if saved and max(saved) > last:
        raise Damaged(f"a head was saved for event {max(saved)}, the journal ends at {last}")
    return last - first


def newest_heads(directory: Path) -> list[tuple[int, str]]:
    """The heads that were saved last, outside the database."""
    try:
        with (directory / HEADS_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - HEADS_TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            told = json.loads(line)
            found.append((told["number"], told["head"]))
        except (ValueError, KeyError, TypeError):  # cut at the beginning of what was read, or by a crash at its end
            continue
    return found


def disk(directory: Path, least_mib: int) -> Check:
    """Whether there is room."""
    try:
        free = shutil.disk_usage(directory).free >> 20
    except OSError as error:
        return Check(name="disk", ok=False, detail=str(error))
    return Check(name="disk", ok=free >= least_mib, detail=f"{free:,} MiB free, {least_mib:,} wanted")


def wall(clock: FloorClock, wall_ms: int) -> Check:
    """Whether floor time goes on; a wall that was set back stands still until it has caught up."""
    behind = clock.now_ms() - wall_ms if clock.kind == "system" else 0
    detail = f"{clock.kind}, speed {clock.speed:g}, reached {clock.speed_reached:.3g}"
    if behind > SETBACK_MS:
        return Check(name="clock", ok=False, detail=f"the journal is {behind // 1000} s ahead of this machine's clock")
    return Check(name="clock", ok=True, detail=detail)
