"""Customers: the season's orders, placed over HTTP when their time has come; each once, whatever stops in between."""

from typing import Any

from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.carriers import carrier_of
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.season import Season
from floorwise.sim.emulated.world import Errand

OVERNIGHT = 40  # orders that wait when the house opens
UNANSWERED_MOST = 300  # orders not yet answered; beyond it customers wait


class Customers:
    """Places orders from where the world's last commit left off."""

    def __init__(self, floor: Floor, season: Season, chance: Chance, opening_ms: int) -> None:
        self._floor, self._world, self._season, self._chance = floor, floor.world, season, chance
        self._opening_ms = opening_ms
        self._unanswered = 0
        self.placed = 0
        floor.on_errand["order"] = self._answered

    def start(self) -> None:
        """Go on after the last order that was sent."""
        self._unanswered = sum(errand.lane.startswith("order/") for errand in self._world.errands())
        since_ms = self._world.note("ordered up to", 0)
        if not since_ms:
            for at_ms, order in self._season.overnight(self._opening_ms, OVERNIGHT):
                self._send(at_ms, order)
            since_ms = self._opening_ms - 1
            self._world.set_note("ordered up to", since_ms)
        self._plan_hour(since_ms // HOUR_MS * HOUR_MS, since_ms)

    def _plan_hour(self, hour_ms: int, since_ms: int) -> None:
        for at_ms, order in self._season.orders_of_hour(hour_ms):
            if at_ms > since_ms:
                self._floor.at(at_ms, self._place, at_ms, order)
        self._floor.at(hour_ms + HOUR_MS, self._plan_hour, hour_ms + HOUR_MS, since_ms)

    def _place(self, at_ms: int, order: dict[str, Any]) -> None:
        if self._unanswered >= UNANSWERED_MOST:
            self._floor.at(self._floor.now_ms + MINUTE_MS, self._place, at_ms, order)
            return
        self._send(at_ms, order)
        self._world.set_note("ordered up to", at_ms)

    def _send(self, at_ms: int, order: dict[str, Any]) -> None:
        reference = order["reference"]
        self._unanswered += 1
        self._world.send(
            f"order/{reference}", "/api/orders", f"order/{reference}", order | {"carrier": carrier_of(self._chance, reference)}
        )

    def _answered(self, errand: Errand, answer: Answer) -> None:
        self._unanswered -= 1
        self.placed += answer.status == 201
