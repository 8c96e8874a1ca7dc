"""Devices that stand still: load cells under shelves, scanners at the dock doors, climate sensors. They sense the world, never the books.

A load cell shows tare, what really lies on it, a slow drift and noise. The cold room's door stands open now and then, and once soon after
the floor began: planted, long enough that what lies there has been too warm.
"""

from math import exp, pi, sin
from statistics import NormalDist

from floorwise.core.model.device_messages import Birth
from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import Plan, Scale

COLD_ROOM, HALL = "climate-cold", "climate-hall"
PROBES = 4  # in cold bins, where goods lie: what they see is what the goods were exposed to
DOCKS = ("dock-1", "dock-2")
LOOK_MS = 20_000  # how often a scale looks, and says so when something changed
REST_MS = MINUTE_MS  # how often everything says how it is
NOISE_G = 4.0  # standard deviation of a look
SIGMA_G = 8  # what is told of a cell's error, drift included
DRIFT_G, DRIFT_MS = 6.0, 6 * HOUR_MS  # amplitude and period of a cell's zero
KEEPS = 5_000
COLD_C, HALL_C, OUTSIDE_C = 4.0, 18.5, 15.0
OPENINGS_SHARE = 0.35  # of hours in which the door is left open
OPEN_MS = (1 * MINUTE_MS, 3 * MINUTE_MS)  # too short to warm anything up
PLANTED_AFTER_MS, PLANTED_OPEN_MS = 6 * MINUTE_MS, 30 * MINUTE_MS
WARMING_MS, COOLING_MS = 8 * MINUTE_MS, 12 * MINUTE_MS  # time constants of the room
_NORMAL = NormalDist()


class Devices:
    """All of them; one look is one deed of the floor."""

    def __init__(self, floor: Floor, plan: Plan, chance: Chance, began_ms: int) -> None:
        """`began_ms` is when the floor began to live, from which the planted opening is reckoned."""
        self._floor, self._world, self._plan, self._chance = floor, floor.world, plan, chance
        self._began_ms = began_ms
        self._said: dict[str, tuple[int, int]] = {}  # scale -> (units, when) as last said
        self.looks = 0
        cold = [sku for sku in plan.articles if sku in plan.cold][:PROBES]
        self.probes = {f"probe-{n}": plan.homes.pick[sku] for n, sku in enumerate(cold, 1)}  # device -> bin

    def start(self) -> None:
        """Wake everything and begin to look."""
        told = [(scale.device, "scale", ["gross_g"]) for scale in self._plan.scales]
        told += [
            (COLD_ROOM, "climate", ["temperature_c", "humidity_pct", "door_open"]),
            (HALL, "climate", ["temperature_c", "humidity_pct"]),
        ]
        told += [(dock, "scanner", ["code"]) for dock in DOCKS]
        told += [(probe, "climate", ["temperature_c"]) for probe in self.probes]
        for name, profile, kinds in told:
            self._floor.wire.born(Birth(name, self._world.boot(name), self._floor.now_ms, profile, "emulated", kinds, KEEPS))
        self._bind()
        self._look(self._floor.now_ms)

    def _bind(self) -> None:
        """Tell once which device measures what."""
        if self._world.note("devices bound", False):
            return
        self._world.set_note("devices bound", True)
        bodies = [
            {"device": scale.device, "subject": scale.place, "tare_g": scale.tare_g, "sigma_g": SIGMA_G} for scale in self._plan.scales
        ]
        bodies += [{"device": probe, "subject": place, "product_class": "chilled"} for probe, place in self.probes.items()]
        for body in bodies:
            name = body["device"]
            self._world.send(f"bind/{name}", "/api/commands/BindTracker", f"bind/{name}", body | {"at_ms": self._began_ms})

    def _look(self, due_ms: int) -> None:
        now_ms = max(due_ms, self._floor.now_ms - REST_MS)  # what was slept through is not made up
        for scale in self._plan.scales:
            units = self._world.units(scale.place, scale.sku)
            before, at_ms = self._said.get(scale.device, (-1, 0))
            if units != before or now_ms - at_ms >= REST_MS:
                self._said[scale.device] = units, now_ms
                self._world.say(scale.device, "readings", now_ms, {"gross_g": self.gross_g(scale, units, now_ms)})
        if now_ms // REST_MS != (now_ms - LOOK_MS) // REST_MS:
            humid = self._chance.unit("humid", now_ms)
            door = {"door_open": 1.0 if self.is_open(now_ms) else 0.0}
            cold = {"temperature_c": round(self.cold_room_c(now_ms), 2), "humidity_pct": round(60 + 8 * humid, 1)}
            self._world.say(COLD_ROOM, "readings", now_ms, cold | door)
            for probe in self.probes:
                off_c = 0.6 * (self._chance.unit("probe", probe) - 0.5)
                self._world.say(probe, "readings", now_ms, {"temperature_c": round(cold["temperature_c"] + off_c, 2)})
            hall_c = HALL_C + 1.5 * sin(2 * pi * now_ms / (24 * HOUR_MS)) + 0.2 * (humid - 0.5)
            self._world.say(HALL, "readings", now_ms, {"temperature_c": round(hall_c, 2), "humidity_pct": round(42 + 5 * humid, 1)})
        self.looks += 1
        following_ms = (now_ms // LOOK_MS + 1) * LOOK_MS
        self._floor.at(following_ms, self._look, following_ms)

    def gross_g(self, scale: Scale, units: int, at_ms: int) -> float:
        """What the cell shows with so many units on it."""
        noise = NOISE_G * _NORMAL.inv_cdf(self._chance.unit("cell", f"{scale.device}.{at_ms}"))
        phase = self._chance.unit("phase", scale.device)
        return round(scale.tare_g + units * scale.unit_g + DRIFT_G * sin(2 * pi * (at_ms / DRIFT_MS + phase)) + noise, 1)

    def openings(self, at_ms: int) -> list[tuple[int, int]]:
        """(from, to) of the door's openings in this hour and the one before, the planted one included."""
        planted_ms = self._began_ms + PLANTED_AFTER_MS
        found = [(planted_ms, planted_ms + PLANTED_OPEN_MS)]
        for hour in (at_ms // HOUR_MS - 1, at_ms // HOUR_MS):
            if self._chance.happens("door", hour, OPENINGS_SHARE):
                from_ms = hour * HOUR_MS + self._chance.whole("door at", hour, 0, HOUR_MS - OPEN_MS[1])
                found.append((from_ms, from_ms + self._chance.whole("door for", hour, *OPEN_MS)))
        return found

    def is_open(self, at_ms: int) -> bool:
        """Whether the cold room's door stands open."""
        return any(from_ms <= at_ms < to_ms for from_ms, to_ms in self.openings(at_ms))

    def cold_room_c(self, at_ms: int) -> float:
        """The cold room's temperature: what the door let in, less what the cooling has taken out since."""
        warmth = 0.0
        for from_ms, to_ms in self.openings(at_ms):
            if at_ms > from_ms:
                came_in = 1 - exp(-(min(at_ms, to_ms) - from_ms) / WARMING_MS)
                warmth = max(warmth, came_in * exp(-max(0, at_ms - to_ms) / COOLING_MS))
        wobble = 0.15 * _NORMAL.inv_cdf(self._chance.unit("cold", at_ms))
        return COLD_C + (OUTSIDE_C - COLD_C) * warmth + wobble
