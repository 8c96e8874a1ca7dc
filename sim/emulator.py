"""A synthetic floor that drives a live system from outside: `python -m floorwise.sim.emulator --url … --broker … --data DIR`.

It has a physical world of its own (sim.emulated.world) and speaks only HTTP and MQTT. People, vans and customers live in the gateway's
floor time. Kill it at any moment and start it again: it goes on from its own file and from what the gateway tells.
"""

import argparse
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from floorwise.core.errors import BadInput, FloorError
from floorwise.core.model.places import zone_named
from floorwise.core.model.policies import HOUR_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated import plan as plans
from floorwise.sim.emulated import season as seasons
from floorwise.sim.emulated.api import ask
from floorwise.sim.emulated.benches import Benches
from floorwise.sim.emulated.carriers import Carriers
from floorwise.sim.emulated.customers import Customers
from floorwise.sim.emulated.devices import Devices
from floorwise.sim.emulated.feed import SUPPLY as FEED_SUPPLY
from floorwise.sim.emulated.feed import Feed, head_of, shape_for
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.mishaps import Mishaps, plant_short
from floorwise.sim.emulated.pickers import Pickers
from floorwise.sim.emulated.plan import Plan
from floorwise.sim.emulated.trackers import Trackers
from floorwise.sim.emulated.world import World

STATUS_FILE = "emulator.json"
STATUS_EVERY_S = 0.5
START_S = 60.0  # for the gateway to answer and the floor to be set up
RETRY_S = 0.2
PICKERS, PACKERS, ORDERS_AN_HOUR = 12, 6, 120.0


class Wanted(NamedTuple):
    """What floor to emulate; the same world is the same floor for ever."""

    seed: int = 1
    orders_an_hour: float = ORDERS_AN_HOUR
    pickers: int = PICKERS
    packers: int = PACKERS
    feed: str = ""  # a file of real orders (sim.emulated.feed) instead of the season's


class Unreachable(FloorError):
    """The gateway did not answer in time."""


class Emulation:
    """The whole emulated floor: made from a world and its two ways to tell, then started and run."""

    def __init__(self, directory: Path, url: str, broker: str, wanted: Wanted) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._wanted = directory, wanted
        self.world = World(directory)
        known = self.world.note("floor")
        if known is not None and known != list(wanted):
            raise BadInput(f"{directory} holds another floor: {Wanted(*known)}; take the same, or another --data")
        self._url = url
        self.floor = Floor(self.world, url, broker, "emulated-floor")
        self.plan: Plan | None = None

    def set_up(self, is_over: Callable[[], bool]) -> None:
        """Wait for the gateway, give it the floor's master data once, and put people and devices in their places."""
        now_ms = _patient(self._url, "GET", "/api/clock", "", "", is_over)["now_ms"]
        world, wanted = self.world, self._wanted
        opening_ms = world.note("opening", now_ms // HOUR_MS * HOUR_MS)
        chance = Chance(wanted.seed)
        if wanted.feed:
            self.plan, self.customers = _fed(self.floor, wanted), Feed(self.floor, Path(wanted.feed))
            shares = {"lost_share": 0.0, "return_share": 0.0}
        else:
            season = seasons.Season(seasons.load(), wanted.seed, wanted.orders_an_hour, plans.sku_names(), plans.CURRENCY, plans.ZONE)
            day = datetime.fromtimestamp(opening_ms / 1000, zone_named(plans.ZONE)).date()
            self.plan = plans.make(wanted.seed, season.units_a_day(day), wanted.pickers, wanted.packers)
            self.customers, shares = Customers(self.floor, season, chance, opening_ms), {}
        plan = self.plan
        if world.note("floor") is None:
            for sku, units, place in plan.opening():
                world.move(sku, units, "", place)
            if not wanted.feed:
                plant_short(world, plan, season, opening_ms)
            world.set_note("opening", opening_ms)
            world.set_note("floor", list(wanted))
            world.commit()
        if not world.note("is set up", False):
            for name, body, key in plans.set_up(plan):
                _patient(self._url, "POST", f"/api/commands/{name}", json.dumps(body), key, is_over)
            world.set_note("is set up", True)
            world.set_note("began", _patient(self._url, "GET", "/api/clock", "", "", is_over)["now_ms"])
            world.commit()
        self.floor.time.told(now_ms, 0.0)
        self.floor.start()
        self.pickers = Pickers(self.floor, plan, chance)
        self.benches = Benches(self.floor, plan, chance)
        self.trackers = Trackers(self.floor, plan, chance)
        self.carriers = Carriers(self.floor, chance, self.trackers, **shares)
        self.devices = Devices(self.floor, plan, chance, world.note("began"))
        self.mishaps = Mishaps(self.floor, plan, chance)
        self.benches.on_work.append(self.carriers.hear)
        for part in (self.customers, self.pickers, self.benches, self.trackers, self.carriers, self.devices, self.mishaps):
            part.start()
        self.floor.every(STATUS_EVERY_S, self._tell)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Let the floor live until `is_over`."""
        self.floor.run(is_over)

    def stop(self) -> None:
        """Save and say good-bye."""
        self._tell()
        self.floor.stop()

    def status(self) -> dict[str, Any]:
        """Counts since this process started, for whoever watches."""
        floor, wire = self.floor, self.floor.wire
        return {
            "pid": os.getpid(),
            "now_ms": floor.now_ms,
            "lag_ms": floor.lag_ms,
            "connected": wire.connected,
            "orders_placed": self.customers.placed,
            "is_done": getattr(self.customers, "is_done", False),
            "picks": self.pickers.picked,
            "shorts": self.pickers.shorts,
            "mispicks": self.pickers.mispicks,
            "units_lost": self.mishaps.lost,
            "packed": self.benches.packed,
            "repacked": self.benches.repacked,
            "received": self.benches.received,
            "counted": self.benches.counted,
            "refunded": self.benches.refunded,
            "fetched": self.carriers.fetched,
            "delivered": self.carriers.delivered,
            "parcels_lost": self.carriers.lost,
            "trackers_bound": self.trackers.bound,
            "messages": wire.published,
            "said_again": wire.said_again,
            "refused_sayings": wire.refused,
            "thinned": wire.thinned,
            "unacknowledged": wire.waiting,
            "questions": floor.api.asked,
            "refused_questions": floor.api.refused,
            "unanswered": floor.api.unanswered,
            "errands_waiting": floor.api.waiting,
        }

    def _tell(self) -> None:
        fresh = self._directory / f"{STATUS_FILE}.new"
        fresh.write_text(json.dumps(self.status()), encoding="utf-8")
        os.replace(fresh, self._directory / STATUS_FILE)


def _fed(floor: Floor, wanted: Wanted) -> Plan:
    """The floor that a file of real orders needs."""
    head = head_of(Path(wanted.feed))
    a_day = dict(head["skus"])
    plan = plans.make(wanted.seed, a_day, wanted.pickers, wanted.packers, shape_for(len(a_day)), FEED_SUPPLY, 0.0)
    return plan._replace(zone=head["zone"], currency=head["currency"])


def _patient(url: str, method: str, path: str, body: str, key: str, is_over: Callable[[], bool]) -> dict[str, Any]:
    """Ask until there is an answer; BadInput when it is a refusal, Unreachable after START_S."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=START_S)
    end_s = time.monotonic() + START_S
    while not is_over() and time.monotonic() < end_s:
        answer = ask(connection, method, path, body, key)
        if answer.ok:
            connection.close()
            return answer.body
        if answer.is_final:
            raise BadInput(f"{method} {path}: {answer.status} {answer.body}")
        time.sleep(RETRY_S)
    raise Unreachable(f"{url} did not answer {method} {path} within {START_S:g} s")


def main(words: list[str] | None = None) -> int:
    """Run an emulated floor until SIGTERM or Ctrl-C."""
    told = argparse.ArgumentParser(prog="floorwise.sim.emulator", description=__doc__)
    told.add_argument("--url", required=True, help="the gateway, http://127.0.0.1:8420")
    told.add_argument("--broker", required=True, help="the devices' broker, mqtt://127.0.0.1:1883")
    told.add_argument("--data", required=True, type=Path, help="directory of the world")
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--orders-an-hour", type=float, default=ORDERS_AN_HOUR)
    told.add_argument("--pickers", type=int, default=PICKERS)
    told.add_argument("--packers", type=int, default=PACKERS)
    told.add_argument("--feed", default="", help="a file of real orders instead of the season's")
    words_of = told.parse_args(words)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))

    def is_over() -> bool:
        return bool(stopping)

    wanted = Wanted(words_of.seed, words_of.orders_an_hour, words_of.pickers, words_of.packers, words_of.feed)
    try:
        emulation = Emulation(words_of.data, words_of.url, words_of.broker, wanted)
        emulation.set_up(is_over)
    except Unreachable as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 0 if stopping else 1
    except BadInput as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 2
    print("emulator: the floor is at work", file=sys.stderr, flush=True)
    emulation.run(is_over)
    emulation.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
