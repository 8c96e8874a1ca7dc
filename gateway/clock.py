"""Floor time of a live gateway: the wall's, or one that runs faster, survives a restart and waits for work that falls behind."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from floorwise.core.adapters.clocks import SystemClock

CLOCK_FILE = "floor_clock.json"  # in the data directory
EASE_FROM = 300  # undelivered pieces of work from which floor time slows down
EASE_UNTIL = 3_000  # … and at which it only creeps
CREEP = 0.02  # share of the speed that is left then: work that waits for a timer still gets it
SAVE_EVERY_S = 1.0  # a stop without warning repeats at most this much floor time that nobody had journalled


class PacedClock:
    """Floor time that runs `speed` times as fast as the wall, from `start_ms` on.

    It never goes back. `ease` slows it while work piles up, so that a floor on a small machine stays a floor and does not
    become a queue; `speed_reached` tells what was left of `speed`. Any thread may ask; the wall's own clock is not used, only its pace.
    """

    kind = "paced"

    def __init__(self, start_ms: int, speed: float, wall_ns: Callable[[], int] = time.monotonic_ns) -> None:
        assert speed > 0
        self.speed = speed
        self._wall_ns = wall_ns
        self._lock = threading.Lock()
        self._rate = speed
        self._began_ns = self._anchor_ns = wall_ns()
        self._began_ms = start_ms
        self._anchor_ms = float(start_ms)

    def now_ms(self) -> int:
        """Floor time now."""
        with self._lock:
            return int(self._now())

    def ease(self, undelivered: int) -> float:
        """Go on at a rate that fits so much undelivered work; give the rate, floor ms a wall ms."""
        share = 1.0 if undelivered <= EASE_FROM else max(CREEP, 1.0 - (undelivered - EASE_FROM) / (EASE_UNTIL - EASE_FROM))
        with self._lock:
            self._anchor_ms, self._anchor_ns = self._now(), self._wall_ns()
            self._rate = self.speed * share
        return self._rate

    @property
    def rate(self) -> float:
        """Floor ms a wall ms at this moment."""
        return self._rate

    @property
    def speed_reached(self) -> float:
        """Floor time a wall time since this process started."""
        with self._lock:
            wall_ms = (self._wall_ns() - self._began_ns) / 1e6
            return (self._now() - self._began_ms) / wall_ms if wall_ms > 0 else self._rate

    def _now(self) -> float:
        return self._anchor_ms + (self._wall_ns() - self._anchor_ns) / 1e6 * self._rate


class WallClock(SystemClock):
    """UTC now, with the paced clock's questions answered; begins no earlier than the journal's last event."""

    kind = "system"
    speed = rate = speed_reached = 1.0

    def __init__(self, last_ms: int = 0) -> None:
        super().__init__()
        self._last = last_ms

    def ease(self, undelivered: int) -> float:
        """The wall waits for nobody."""
        return 1.0


FloorClock = PacedClock | WallClock


def open_clock(directory: Path, speed: float, epoch_ms: int, last_ms: int) -> FloorClock:
    """The clock of a data directory: goes on at the latest of `epoch_ms`, what was saved and `last_ms`, the journal's last event.

    Speed 1 without an epoch is the wall's own time.
    """
    if speed == 1.0 and not epoch_ms:
        return WallClock(last_ms)
    begin_ms = epoch_ms or time.time_ns() // 1_000_000
    before_ms = max(saved_ms(directory), last_ms)
    return PacedClock(before_ms or begin_ms, speed)


def saved_ms(directory: Path) -> int:
    """The floor time that was saved last; 0 when none was, or when the file cannot be read: the journal tells the rest."""
    try:
        told = json.loads((directory / CLOCK_FILE).read_text(encoding="utf-8"))
        return told["now_ms"] if type(told["now_ms"]) is int else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def save(directory: Path, now_ms: int) -> None:
    """Note floor time, whole or not at all."""
    fresh = directory / f"{CLOCK_FILE}.new"
    fresh.write_text(json.dumps({"now_ms": now_ms}), encoding="utf-8")
    os.replace(fresh, directory / CLOCK_FILE)
