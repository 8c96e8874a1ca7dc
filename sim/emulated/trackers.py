"""In-transit trackers on some parcels: position, temperature, humidity, shock, tilt, light.

Six devices travel with courier parcels, those with cold goods first, and come back when the parcel is delivered. The first journey of the
first tracker is warm for a while: planted, so that a cold chain breaks before one's eyes.
"""

from math import exp
from typing import Any

from floorwise.core.model.device_messages import Birth
from floorwise.core.model.policies import MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import COURIER, Plan

TRACKERS = 6
LOOK_MS = 2 * MINUTE_MS
KINDS = ["temperature_c", "humidity_pct", "shock_mps2", "tilt_deg", "light_lx", "lat_deg", "lon_deg", "position_error_m", "battery_pct"]
KEEPS = 5_000
HOUSE = (51.5074, -0.1278)  # where journeys begin: a town in the site's time zone
REACH_DEG = 0.08  # how far a courier's door is, north-south
COLD_C, WARM_C, BROKEN_C = 4.5, 17.0, 16.0
WARM_FROM, WARM_TO = 0.05, 0.97  # of the planted journey, when the box stands open: longer than the 15 min that chilled goods bear
HEATING_MS = 6 * MINUTE_MS
OTHERS_SHARE = 0.15  # of parcels without cold goods that get a tracker when one is free


class Trackers:
    """All trackers of the floor, on a parcel or on the shelf."""

    def __init__(self, floor: Floor, plan: Plan, chance: Chance) -> None:
        self._floor, self._world, self._plan, self._chance = floor, floor.world, plan, chance
        self._names = [f"tracker-{n:02}" for n in range(1, TRACKERS + 1)]
        self._journeys: dict[str, dict[str, Any]] = {}  # tracker -> its journey
        self.bound = 0

    def start(self) -> None:
        """Wake the trackers; those that were on a journey are still on it."""
        for name in self._names:
            boot = self._world.boot(name)
            self._floor.wire.born(Birth(name, boot, self._floor.now_ms, "tracker", "emulated", KINDS, KEEPS))
            journey = self._world.note(f"journey/{name}")
            if journey:
                self._journeys[name] = journey
                self._floor.at(self._floor.now_ms, self._look, name, journey["parcel"])

    def consider(self, parcel: dict[str, Any]) -> None:
        """A parcel has left: put a tracker on it if one is free and it is worth it."""
        free = [name for name in self._names if name not in self._journeys]
        if not free or parcel["carrier"] != COURIER or any(j["parcel"] == parcel["parcel"] for j in self._journeys.values()):
            return
        is_cold = any(line["sku"] in self._plan.cold for line in parcel["lines"])
        is_planted = is_cold and not self._world.note("broken chain planted", False)
        if not is_cold and not (len(free) > 2 and self._chance.happens("tracked", parcel["parcel"], OTHERS_SHARE)):
            return
        name, sent_ms = free[0], parcel["handed_over_at_ms"]
        if is_planted:
            self._world.set_note("broken chain planted", True)
        journey = {"parcel": parcel["parcel"], "from_ms": sent_ms, "to_ms": 0, "cold": is_cold, "planted": is_planted}
        self._journeys[name] = journey
        self._world.set_note(f"journey/{name}", journey)
        goods = "chilled" if is_cold else "ambient"
        body = {"device": name, "subject": parcel["parcel"], "product_class": goods, "at_ms": sent_ms}
        self._world.send(f"bind/{name}", "/api/commands/BindTracker", f"bind/{name}/{parcel['parcel']}", body)
        self.bound += 1
        self._floor.at(sent_ms, self._look, name, parcel["parcel"])

    def travel(self, parcel: str, to_ms: int) -> None:
        """The parcel will be at the door at `to_ms`."""
        for name, journey in self._journeys.items():
            if journey["parcel"] == parcel and not journey["to_ms"]:
                journey["to_ms"] = to_ms
                self._world.set_note(f"journey/{name}", journey)

    def arrived(self, parcel: str, at_ms: int) -> None:
        """The parcel is at the door, or lost: its tracker comes back."""
        for name, journey in list(self._journeys.items()):
            if journey["parcel"] == parcel:
                del self._journeys[name]
                self._world.set_note(f"journey/{name}", None)
                body = {"device": name, "at_ms": at_ms}
                self._world.send(f"bind/{name}", "/api/commands/UnbindTracker", f"unbind/{name}/{parcel}", body)

    def _look(self, name: str, parcel: str) -> None:
        journey = self._journeys.get(name)
        if journey is None or journey["parcel"] != parcel:
            return
        now_ms = self._floor.now_ms
        self._world.say(name, "readings", now_ms, self._values(name, journey, now_ms))
        self._floor.at(now_ms // LOOK_MS * LOOK_MS + LOOK_MS, self._look, name, parcel)

    def _values(self, name: str, journey: dict[str, Any], now_ms: int) -> dict[str, float]:
        entity, chance = f"{name}.{now_ms}", self._chance
        span_ms = max(1, (journey["to_ms"] or journey["from_ms"] + 60 * MINUTE_MS) - journey["from_ms"])
        way = min(1.0, max(0.0, (now_ms - journey["from_ms"]) / span_ms))
        north, east = (2 * chance.unit(side, journey["parcel"]) - 1 for side in ("north", "east"))
        wobble = chance.unit("wobble", entity) - 0.5
        return {
            "temperature_c": round(self._temperature(journey, way, span_ms) + 0.4 * wobble, 2),
            "humidity_pct": round(52 + 6 * wobble, 1),
            "shock_mps2": round(2.0 + 6.0 * chance.unit("shock", entity) ** 4 * 6, 1),
            "tilt_deg": round(4 + 3 * wobble, 1),
            "light_lx": round(260 * chance.unit("light", entity), 1) if self._is_open(journey, way) else 0.2,
            "lat_deg": round(HOUSE[0] + way * north * REACH_DEG, 5),
            "lon_deg": round(HOUSE[1] + way * east * REACH_DEG * 1.6, 5),
            "position_error_m": round(8 + 20 * chance.unit("error", entity), 1),
            "battery_pct": round(60 + 40 * chance.unit("battery", name), 0),
        }

    def _is_open(self, journey: dict[str, Any], way: float) -> bool:
        return bool(journey["planted"]) and WARM_FROM <= way <= WARM_TO

    def _temperature(self, journey: dict[str, Any], way: float, span_ms: int) -> float:
        if not journey["cold"]:
            return WARM_C
        if not journey["planted"] or way < WARM_FROM:
            return COLD_C
        heated_ms = (min(way, WARM_TO) - WARM_FROM) * span_ms
        cooled_ms = max(0.0, way - WARM_TO) * span_ms
        return COLD_C + (BROKEN_C - COLD_C) * (1 - exp(-heated_ms / HEATING_MS)) * exp(-cooled_ms / HEATING_MS)
