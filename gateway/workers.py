"""What floorwise does by itself, each on a thread of its own: fire timers, release, plan, buy, label, dispatch, expire, keep the time.

A worker is one of the sync steps of `core.workers`, driven here by commits and by the wall. It reads what is committed and has
the writer do the rest (`writer.Clerk`). A step that fails is told once, tried again later and never ends the others.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from floorwise.core.errors import Conflict
from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.core.ports import Bus, Carrier
from floorwise.core.workers import buying, dispatch, expiry, labels, leaving, planning, timers, waving
from floorwise.gateway.clock import FloorClock
from floorwise.gateway.presence import Presence
from floorwise.gateway.reader import Readers
from floorwise.gateway.ready import WarmPlanner
from floorwise.gateway.writer import Clerk, Stopped, Writer

TIMERS_A_STEP, EVENTS_A_STEP, LABELS_A_STEP, TOURS_A_STEP, LOTS_A_STEP = 500, 500, 50, 200, 100
ORDERS_A_TICK = 400  # released at once
PARTS_A_PLAN = 400  # of one kind; planning them takes well under a second
TIMERS_EVERY_S = 0.25
EVENTS_EVERY_S = 1.0  # those who follow the journal look again after this, should a wake-up have been missed
GATHER_S = 0.05  # after a wake-up, so that a rush of commits makes few steps
LEAST_TICK_S = 0.25  # wall time between two releases, however fast the floor runs
EXPIRY_EVERY_MS = 10 * MINUTE_MS
BACK_OFF_S = (0.2, 15.0)  # after a failed step: first pause, doubled each time up to the last
STOP_S = 20.0  # for all steps to end

log = structlog.get_logger(__name__)

Step = Callable[[Clerk], int]


class Offline(Exception):
    """The world a step needs is not there now; it will be tried again and nobody needs to be told."""


class Pulse:
    """Tells threads that the journal has grown."""

    def __init__(self) -> None:
        self._grown = threading.Condition()
        self._number = 0

    def beat(self, number: int) -> None:
        """The journal ends at `number` now."""
        with self._grown:
            self._number = max(self._number, number)
            self._grown.notify_all()

    def beyond(self, number: int, timeout_s: float) -> int:
        """Wait until the journal is longer than `number`, at most `timeout_s`; give its end."""
        with self._grown:
            self._grown.wait_for(lambda: self._number > number, timeout_s)
            return self._number


class Worker(NamedTuple):
    """A step and what makes it run."""

    name: str
    step: Step  # gives how many things it did; when it did any, it runs again at once
    every_s: float = EVENTS_EVERY_S
    follows: bool = False  # runs when the journal has grown, too


class Crew:
    """The threads of all workers."""

    def __init__(self, writer: Writer, readers: Readers, pulse: Pulse) -> None:
        self._writer, self._readers, self._pulse = writer, readers, pulse
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.failing: dict[str, str] = {}  # worker -> what its last step said, while it fails

    def start(self, workers: list[Worker]) -> None:
        """Run these workers until `stop`."""
        for worker in workers:
            thread = threading.Thread(target=self._run, args=(worker,), name=worker.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Let each finish its step; before the writer stops, or they wait for replies that never come."""
        self._stop.set()
        self._pulse.beat(1 << 62)
        until = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, worker: Worker) -> None:
        ledger, seen, pause_s = self._readers.own(), 0, BACK_OFF_S[0]
        clerk = Clerk(self._writer, ledger)
        try:
            while not self._stop.is_set():
                try:
                    did = worker.step(clerk)
                except Stopped:
                    return
                except Exception as error:
                    self._tell(worker, error)
                    self._stop.wait(pause_s)
                    pause_s = min(2 * pause_s, BACK_OFF_S[1])
                    continue
                if self.failing.pop(worker.name, None) is not None:
                    log.info("worker_recovered", worker=worker.name)
                pause_s = BACK_OFF_S[0]
                if did:
                    continue
                if worker.follows:
                    seen = self._pulse.beyond(seen, worker.every_s)
                    self._stop.wait(GATHER_S)
                else:
                    self._stop.wait(worker.every_s)
        finally:
            ledger.close()

    def _tell(self, worker: Worker, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if worker.name not in self.failing and not isinstance(error, Offline | Conflict):
            log.error("worker_failing", worker=worker.name, error=text, exc_info=error)
        self.failing[worker.name] = text


class EveryFloorMs:
    """A step that runs once in so much floor time; in between it does nothing."""

    def __init__(self, clock: FloorClock, every_ms: int, step: Step) -> None:
        self._clock, self._every_ms, self._step = clock, every_ms, step
        self._next_ms = 0

    def __call__(self, clerk: Clerk) -> int:
        now_ms = self._clock.now_ms()
        if now_ms < self._next_ms:
            return 0
        did = self._step(clerk)
        self._next_ms = now_ms + self._every_ms
        return did


def office(clock: FloorClock, planner: WarmPlanner, site: str, tick_s: int, horizon_h: int, effort: int) -> list[Worker]:
    """Timers, release, planning, buying and expiry. While the planner is awaited nothing is released: at 300 times the wall's speed the
    seconds of its start are most of an hour, and every part would walk an S. What waits from before is for the fall-back timers."""

    def release(clerk: Clerk) -> int:
        waving.step(clerk, site, clock.now_ms(), horizon_h * HOUR_MS, ORDERS_A_TICK)
        return 0

    release_at_ticks = EveryFloorMs(clock, tick_s * 1000, release)

    def plan(clerk: Clerk) -> int:
        if planner.is_ready():
            planning.step(clerk, planner, site, clock.now_ms(), PARTS_A_PLAN, effort=effort, stopwatch_ms=_wall_ms)
        return 0  # what a plan leaves over is for the next tick or the fall-back

    tick = max(LEAST_TICK_S, min(EVENTS_EVERY_S, tick_s / clock.speed / 2))
    return [
        Worker("timers", lambda clerk: timers.step(clerk, clock.now_ms(), TIMERS_A_STEP), TIMERS_EVERY_S),
        Worker("waving", lambda clerk: 0 if planner.is_awaited() else release_at_ticks(clerk), tick),
        Worker("planning", plan, tick),
        Worker("buying", lambda clerk: buying.step(clerk, EVENTS_A_STEP), follows=True),
        Worker("expiry", EveryFloorMs(clock, EXPIRY_EVERY_MS, lambda clerk: expiry.step(clerk, clock.now_ms(), LOTS_A_STEP))),
    ]


def _wall_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def shipping_desk(carrier: Carrier) -> Worker:
    """Buys labels."""
    return Worker("labels", lambda clerk: labels.step(clerk, carrier, LABELS_A_STEP), follows=True)


def roll_call(presence: Presence, site: str, after_s: int) -> Worker:
    """Opens the tours of those whose handheld has died and stays dead."""
    cause = f"handheld dead for {after_s} s"
    return Worker("presence", lambda clerk: leaving.step(clerk, site, presence.gone(after_s), cause))


def dispatcher(bus: Bus) -> Worker:
    """Puts tours on devices."""
    return Worker("dispatch", lambda clerk: dispatch.step(clerk, bus, TOURS_A_STEP), follows=True)
