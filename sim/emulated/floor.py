"""The emulated floor's one thread: floor time as the gateway tells it, things that happen when their time has come, messages that come in.

Everything that happens in one turn is one transaction of the world; what has to be told about it leaves after the commit.
"""

import heapq
import itertools
import time
from collections.abc import Callable
from queue import Empty, Queue
from typing import Any

from floorwise.sim.emulated.api import Answer, Api
from floorwise.sim.emulated.wire import Wire
from floorwise.sim.emulated.world import Errand, Kept, World

TURN_S = 0.05  # longest sleep: floor time goes on while nothing comes in
DEEDS_A_TURN = 500  # things that happen in one transaction
CALLS_A_TURN = 1_000  # messages and answers taken in between
CLOCK_EVERY_S = 0.4
CLOCK_BLIND_S = 1.2  # without a word from the gateway floor time stands still after this
CALLS_WAITING = 20_000

Deed = Callable[..., None]


class FloorTime:
    """Floor time between two words of the gateway's clock; never goes back."""

    def __init__(self, wall: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._anchor_ms, self._anchor_s, self._rate = 0.0, wall(), 0.0
        self._last_ms = 0

    def told(self, now_ms: int, rate: float) -> None:
        """The gateway's clock says `now_ms`, and goes at `rate` floor ms a wall ms."""
        self._anchor_ms, self._anchor_s, self._rate = float(now_ms), self._wall(), rate

    def now_ms(self) -> int:
        """Floor time; 0 before the first word."""
        passed_s = min(self._wall() - self._anchor_s, CLOCK_BLIND_S)
        self._last_ms = max(self._last_ms, int(self._anchor_ms + passed_s * 1000 * self._rate))
        return self._last_ms


class Floor:
    """What the people and devices of the floor share: time, the world, the two ways to tell, and a way to do something later."""

    def __init__(self, world: World, api_url: str, broker_url: str, client_id: str) -> None:
        self.world = world
        self.time = FloorTime()
        self._calls: Queue[Callable[[], None]] = Queue(CALLS_WAITING)
        self.api = Api(api_url, self._calls.put)
        self.wire = Wire(broker_url, client_id, self._calls.put, self._tour, self._acked, self._silent)
        self.api.on_told = self._told
        self.on_tour: Callable[[str, bytes], None] = lambda topic, payload: None
        self.on_silence: Callable[[Kept], None] = lambda kept: None
        self.on_errand: dict[str, Callable[[Errand, Answer], None]] = {}  # by the first word of a lane
        self._deeds: list[tuple[int, int, Deed, tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._every: list[list[Any]] = []  # [next wall time, period, act]
        self._is_asking_time = False
        self.is_stopping = False
        self.lag_ms = 0

    def start(self) -> None:
        """Open both ways, and take up what was still to be told."""
        self.api.start()
        self.wire.start()
        self.every(CLOCK_EVERY_S, self._ask_time)
        for kept in self.world.kept():
            self.wire.keep(kept)
        for errand in self.world.errands():
            self.api.run(errand)

    def run(self, until: Callable[[], bool]) -> None:
        """Let things happen until `until` says so."""
        while not until():
            self.turn()

    def turn(self) -> None:
        """Take what came in, do what is due, save, tell."""
        self._take_in()
        now_s = time.monotonic()
        for entry in self._every:
            if entry[0] <= now_s:
                entry[0] = now_s + entry[1]
                entry[2]()
        now_ms = self.time.now_ms()
        for _ in range(DEEDS_A_TURN):
            if not self._deeds or self._deeds[0][0] > now_ms:
                break
            at_ms, _, deed, words = heapq.heappop(self._deeds)
            self.lag_ms = now_ms - at_ms
            deed(*words)
        else:
            self._calls.put(lambda: None)  # there is more: do not sleep before the next turn
        self._save()

    def stop(self) -> None:
        """Save everything and close both ways."""
        self._save()
        self.wire.flush()
        self.wire.stop(self.time.now_ms())
        self.api.stop()
        self._take_in(wait=False)
        self.world.close()

    def at(self, at_ms: int, deed: Deed, *words: Any) -> None:
        """Do this at that floor time, or in the next turn if it is past; in order of time."""
        heapq.heappush(self._deeds, (at_ms, next(self._order), deed, words))

    def every(self, period_s: float, act: Callable[[], None]) -> None:
        """Do this every so many wall seconds, beginning now."""
        self._every.append([0.0, period_s, act])

    @property
    def waiting(self) -> int:
        """What has happened and was not heard yet; the gateway's clock slows down for it."""
        return self.wire.waiting + self.api.waiting

    @property
    def now_ms(self) -> int:
        """Floor time."""
        return self.time.now_ms()

    def _take_in(self, wait: bool = True) -> None:
        try:
            call = self._calls.get(timeout=TURN_S) if wait else self._calls.get_nowait()
            for _ in range(CALLS_A_TURN):
                call()
                call = self._calls.get_nowait()
            call()
        except Empty:
            return

    def _save(self) -> None:
        kept, errands = self.world.commit()
        for one in kept:
            self.world.release(self.wire.keep(one))
        for errand in errands:
            self.api.run(errand)
        self.wire.flush()

    def _ask_time(self) -> None:
        if not self._is_asking_time:
            self._is_asking_time = True
            self.api.get(f"/api/clock?waiting={self.waiting}", self._hear_time)

    def _hear_time(self, answer: Answer) -> None:
        self._is_asking_time = False
        if answer.ok:
            self.time.told(answer.body["now_ms"], answer.body["rate"])

    def _tour(self, topic: str, payload: bytes) -> None:
        self.on_tour(topic, payload)

    def _acked(self, keys: list[tuple[str, int, int]]) -> None:
        self.world.release(keys)

    def _silent(self, kept: Kept) -> None:
        self.on_silence(kept)

    def _told(self, errand: Errand, answer: Answer) -> None:
        self.world.done(errand)
        hear = self.on_errand.get(errand.lane.partition("/")[0])
        if hear:
            hear(errand, answer)
