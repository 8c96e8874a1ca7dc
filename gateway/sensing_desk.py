"""Follows the readings that the intake has stored and has the writer do what they ask for: excursions, weights that disagree.

It is a step for the gateway's crew. What it holds is in memory; at a start, after a new binding and after a time in which readings came
faster than it could follow, it reads the store instead, and idempotency keys make the second asking harmless.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from floorwise.core import journal
from floorwise.core.errors import Refused
from floorwise.core.model.excursions import TrackerBinding
from floorwise.core.model.journal import Event
from floorwise.core.model.readings import Reading
from floorwise.core.ports import Ledger, Store
from floorwise.core.workers.sensing import BINDINGS_KEPT, Ask, Sensing, bindings_of

READINGS_WAITING = 100_000  # stored and not yet looked at; beyond it they are passed over here and read from the store later
READINGS_A_STEP = 2_000
ASKS_WAITING = 10_000  # commands to be done before more readings are looked at
LOOK_BACK = 100_000  # events in which a start looks for bindings that were closed lately
KINDS = ("TrackerBound", "TrackerReleased")

log = structlog.get_logger(__name__)


class Doer(Protocol):
    """What a step of the crew works with."""

    ledger: Ledger

    def execute(self, command: object, key: str = "") -> dict:
        """The reply to a command, after its commit."""


class SensingDesk:
    """Give `take` to the intake as its follower and `step` to the crew."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store, self._now_ms = store, now_ms
        self._sensing = Sensing()
        self._waiting: deque[Reading] = deque()
        self._asks: deque[Ask] = deque()
        self._lock = threading.Lock()
        self._is_behind = False
        self._number = -1  # event up to which bindings are known; -1 before the first step
        self.passed_over = self.done = self.refused = 0

    @property
    def waiting(self) -> int:
        """Readings and commands that wait here."""
        return len(self._waiting) + len(self._asks)

    def take(self, batch: Sequence[Reading]) -> None:
        """Readings that were just stored; called on the intake's thread."""
        with self._lock:
            if len(self._waiting) + len(batch) > READINGS_WAITING:
                self._is_behind = True
                self.passed_over += len(batch)
            else:
                self._waiting.extend(batch)

    def step(self, desk: Doer) -> int:
        """Follow bindings and readings; give how much was done."""
        self._follow(desk.ledger)
        with self._lock:
            is_behind, self._is_behind = self._is_behind, False
            batch = [self._waiting.popleft() for _ in range(min(READINGS_A_STEP, len(self._waiting)))]
        if is_behind:
            log.warning("sensing_was_behind", passed_over=self.passed_over)
            self._asks.extend(self._sensing.recall(self._store, self._now_ms()))
        self._asks.extend(self._sensing.take(batch))
        did = len(batch)
        while self._asks:
            ask = self._asks[0]
            try:
                desk.execute(ask.command, ask.key)
                self.done += 1
            except Refused as error:  # its subject has gone, or somebody has settled it
                self.refused += 1
                log.warning("sensing_refused", key=ask.key, reason=str(error))
            self._asks.popleft()  # only now: a writer that is going down leaves it here
            did += 1
        return did

    def _follow(self, ledger: Ledger) -> None:
        """Take in bindings that have changed, with what their devices had said before we knew of them."""
        last = ledger.head[0]
        if last == self._number:
            return
        is_start = self._number < 0
        after = max(0, last - LOOK_BACK) if is_start else self._number
        devices = {row.device for row in bindings_of(ledger)} if is_start else set()
        for kind in KINDS:
            devices |= {journal.body_of(event)["device"] for event in ledger.find(Event, "by_kind", kind, after=after, until=last)}
        for device in sorted(devices):
            self._sensing.bind(ledger.find(TrackerBinding, "key", device)[-BINDINGS_KEPT:])
        if devices:
            self._asks.extend(self._sensing.recall(self._store, self._now_ms(), devices))
        self._number = last
