"""What all processes of the twin share: floor time, the warehouse, chance, and a way to do something later.

The style is lean SimPy: callbacks on bare timeouts, no process and no resource on the hot path. Every process can start from
the ledger alone, so a run that was cut off goes on where its last commit left it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

import simpy

from floorwise.core.model.places import Location, local_ms, zone_named
from floorwise.core.model.policies import DAY_MS
from floorwise.core.ports import Ledger
from floorwise.core.warehouse import Warehouse
from floorwise.sim.chance import Chance
from floorwise.sim.scenario import Scenario

SITE = "main"
DEPOT = (0, 0)


class TwinClock:
    """Floor time is SimPy's: whole milliseconds since 1970 UTC."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env

    def now_ms(self) -> int:
        return int(self._env.now)


class World:
    """One run: its time, its warehouse, its dice."""

    def __init__(self, env: simpy.Environment, warehouse: Warehouse, scenario: Scenario, chance: Chance) -> None:
        self.env = env
        self.warehouse = warehouse
        self.scenario = scenario
        self.chance = chance
        self.pending = 0  # things that will happen, housekeeping not counted
        self._places: dict[str, Location] = {}
        self._zone = zone_named(scenario.zone)
        self._from, self._to = time.fromisoformat(scenario.people.shift_from), time.fromisoformat(scenario.people.shift_to)
        self._shift = (0, 0)

    @property
    def now_ms(self) -> int:
        """Floor time."""
        return int(self.env.now)

    @property
    def ledger(self) -> Ledger:
        """For reading; every change goes through `execute`."""
        return self.warehouse.ledger

    def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        """Do the command on the warehouse, as anybody on the floor would."""
        return self.warehouse.execute(command, key)

    def at(self, at_ms: int, act: Callable[..., None], *args: Any) -> None:
        """Call `act` at that time, or at once if it is past."""
        self.pending += 1

        def happen(_: simpy.Event) -> None:
            self.pending -= 1
            act(*args)

        self.env.timeout(max(0, at_ms - self.now_ms)).callbacks.append(happen)

    def keep(self, at_ms: int, act: Callable[[], None]) -> None:
        """As `at`, for housekeeping that does not hold the end of the run back."""
        self.env.timeout(max(0, at_ms - self.now_ms)).callbacks.append(lambda _: act())

    def place(self, location: str) -> Location:
        """Where a bin stands."""
        if location not in self._places:
            self._places[location] = self.ledger.get(Location, location)
        return self._places[location]

    def walk_ms(self, start: str, end: str) -> int:
        """Walking time between two bins; "" is the depot."""
        return self.distance_mm(start, end) * 1000 // self.scenario.people.walk_mm_s

    def distance_mm(self, start: str, end: str) -> int:
        """Shortest way between two bins on the block: along the aisle, or round by the nearer cross-aisle."""
        (a, y), (b, z) = (((p := self.place(name)).aisle, p.y_mm) if name else DEPOT for name in (start, end))
        if a == b:
            return abs(y - z)
        floor = self.scenario.floor
        length_mm = floor.bays * floor.bay_mm
        return abs(a - b) * floor.pitch_mm + min(y + z, 2 * length_mm - y - z)

    def is_staffed(self) -> bool:
        """Whether people are at work now; Saturdays and Sundays follow the carrier's open days."""
        now_ms = self.now_ms
        if not self._shift[0] <= now_ms < self._shift[1]:
            self._shift = self._shift_around(now_ms)
        return self._shift[0] <= now_ms < self._shift[1]

    def next_shift_ms(self, at_ms: int) -> int:
        """The first beginning of a shift at or after `at_ms`."""
        day_before = self.shifts(at_ms - DAY_MS, at_ms + 15 * DAY_MS)  # two weeks hold every weekday
        return next(begin for begin, _ in day_before if begin >= at_ms)

    def shifts(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
        """The working hours between two times, day by day."""
        day = datetime.fromtimestamp(start_ms / 1000, self._zone).date()
        while local_ms(day, time(0), self._zone) < end_ms:
            if str(day.weekday()) in self.scenario.carriers.open_days:
                begin, end = local_ms(day, self._from, self._zone), local_ms(day, self._to, self._zone)
                if begin < end_ms and end > start_ms:
                    yield max(begin, start_ms), min(end, end_ms)
            day += timedelta(days=1)

    def first_days(self) -> tuple[int, int]:
        """From midnight of the scenario's first day to midnight after its last."""
        day = self.scenario.day
        return local_ms(day, time(0), self._zone), local_ms(day + timedelta(days=self.scenario.days), time(0), self._zone)

    def _shift_around(self, now_ms: int) -> tuple[int, int]:
        day = datetime.fromtimestamp(now_ms / 1000, self._zone).date()
        if str(day.weekday()) not in self.scenario.carriers.open_days:
            return (0, 0)
        return local_ms(day, self._from, self._zone), local_ms(day, self._to, self._zone)
