"""The digital twin: the real order and planning code on a simulated clock. This is where its rooms are put together."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import simpy

from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.ledger import SqlLedger
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.flow.entry import PlaceOrder
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.journal import Event
from floorwise.core.model.parcels import ParcelLine
from floorwise.core.ports import Carrier, Planner
from floorwise.core.warehouse import Warehouse
from floorwise.optimizer.planner import SavingsPlanner
from floorwise.sim import demand, floorplan
from floorwise.sim.carriers import Trucks, TwinCarrier
from floorwise.sim.chance import Chance
from floorwise.sim.office import Office
from floorwise.sim.people import Packers, Pickers
from floorwise.sim.scenario import Scenario
from floorwise.sim.world import TwinClock, World

GROUP = 500  # commands a transaction holds; people and warehouse live in one process, so nobody sees an uncommitted reply
STEPS_A_REPORT = 2_000

Feed = Iterable[tuple[int, Any]]  # (time, command or callable(twin)), in order of time


class Result(NamedTuple):
    """How a run ended."""

    started_at_ms: int
    ended_at_ms: int
    journal_head: str
    events: int
    is_drained: bool


class Twin:
    """A warehouse with people, carriers and suppliers around it.

    directory   keeps the ledger in a file there, and goes on with what it holds; None keeps it in memory
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        homes: floorplan.Homes,
        directory: Path | None = None,
        carrier: Carrier | None = None,
        planner: Planner | None = None,
        start_ms: int = 0,
    ) -> None:
        self.ledger: SqlLedger = open_ledger(directory)
        self.started_at_ms = max(start_ms, _last_ms(self.ledger))
        env = simpy.Environment(initial_time=self.started_at_ms)
        self.warehouse = Warehouse(self.ledger, TwinClock(env), CountedIds(self.ledger), HANDLERS, group=GROUP)
        self.world = World(env, self.warehouse, scenario, Chance(seed))
        self.carrier = carrier or TwinCarrier()
        self.packers = Packers(self.world, self.carrier)
        self.pickers = Pickers(self.world, self.packers)
        self.office = Office(self.world, planner or SavingsPlanner(), self.pickers, self.packers, homes)
        self.trucks = Trucks(self.world, self._delivered)
        self.on_delivered: list[Callable[[str, int], None]] = []

    def run(self, feed: Feed, on_progress: Callable[[int], None] | None = None) -> Result:
        """Let orders come and time go on until nothing is in flight; `on_progress` is told the steps done now and then."""
        world = self.world
        self._feed(iter(feed))
        self.packers.resume()
        self.pickers.resume()
        self.trucks.resume()
        self.office.resume()
        steps = 0
        while not self.office.is_done:
            world.env.step()
            steps += 1
            if on_progress and steps % STEPS_A_REPORT == 0:
                on_progress(steps)
        self.warehouse.commit()
        number, head = self.ledger.head
        return Result(self.started_at_ms, world.now_ms, head, number, self.office.is_idle())

    def close(self) -> None:
        """Let the ledger go."""
        self.ledger.close()

    def _feed(self, feed: Any) -> None:
        """Hand over the next thing of the feed when its time has come, one at a time."""
        following = next(feed, None)
        if following is None:
            self.office.fed()
            return
        at_ms, act = following
        self.world.at(at_ms, self._do, act, feed)

    def _do(self, act: Any, feed: Any) -> None:
        if callable(act) and not isinstance(act, tuple):
            act(self)
        else:
            self.world.execute(act)
        self._feed(feed)

    def _delivered(self, parcel: str, at_ms: int) -> None:
        for row in self.ledger.find(ParcelLine, "key", parcel):
            self.office.consider_return(row.order_id, row.line, at_ms)
        for hear in self.on_delivered:
            hear(parcel, at_ms)


def run_scenario(
    scenario: Scenario, seed: int, directory: Path | None = None, on_progress: Callable[[int], None] | None = None
) -> tuple[Twin, Result]:
    """One day of a scenario from opening stock to the last refund; the caller closes the twin."""
    feed: list[tuple[int, PlaceOrder]] = list(demand.orders(scenario, seed))
    chance, names, a_day = Chance(seed), demand.sku_names(scenario), demand.units_a_day(scenario)
    articles = [floorplan.article(chance, sku) for sku in names]
    homes = floorplan.Homes(scenario.floor, names, {a.sku: a.volume_mm3 for a in articles})
    start_ms = feed[0][0] if feed else 0
    twin = Twin(scenario, seed, homes, directory, start_ms=start_ms)
    stock = {sku: floorplan.stocking(a_day[sku], scenario.supply) for sku in names}
    floorplan.build(
        twin.warehouse, scenario.floor, scenario.zone, scenario.currency, scenario.carriers, articles, homes, stock, scenario.supply
    )
    return twin, twin.run(feed, on_progress)


def _last_ms(ledger: SqlLedger) -> int:
    number, _ = ledger.head
    return ledger.get(Event, number).at_ms if number else 0
