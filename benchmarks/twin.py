"""T2: a day through the real order and planning code, beside a plain SimPy model of the same day.

    real     the twin: every command, ledger row, event and plan, ledger in memory
    plain    the yardstick: the same orders as SimPy processes with Resources for pickers and packers, nearest-neighbour walks and
             the same work times; no stock, no journal, no plans

CPU seconds, medians of `rounds`; rounds alternate. A ratio of 10 says that the true code costs ten times a toy of it.
"""

import statistics
import time
from typing import Any

import simpy

from floorwise.sim import demand, floorplan
from floorwise.sim.chance import Chance
from floorwise.sim.figures import figures
from floorwise.sim.scenario import Scenario, load
from floorwise.sim.twin import run_scenario

PARTS_A_TOUR = 8


def run(scenario: str = "peak_day", orders: int = 0, rounds: int = 3, seed: int = 1) -> dict[str, Any]:
    """Options: scenario (peak_day), orders (0 = as the scenario says; 20000 with mean 5 lines is T2's day), rounds, seed."""
    wanted = load(scenario)
    if orders:
        crew = max(1, orders // 600)
        wanted = wanted._replace(
            demand=wanted.demand._replace(orders=orders, mean_lines=5.0), people=wanted.people._replace(pickers=3 * crew, packers=2 * crew)
        )
    list(_timed(load("quiet_day"), 1))  # compiles the kernels
    seen = [tuple(_timed(wanted, seed)) for _ in range(rounds)]
    real, plain = (statistics.median(times[i] for times in seen) for i in (0, 1))
    lines, span_ms = seen[0][2], seen[0][3]
    return {
        "name": "twin",
        "figures": {
            "cpu_s": round(real, 2),
            "orders": seen[0][4],
            "lines": lines,
            "ms_a_line": round(1000 * real / lines, 3),
            "times_real_time": round(span_ms / 1000 / real),
            "rounds": rounds,
        },
        "yardstick": {"what": "plain SimPy model of the same day", "cpu_s": round(plain, 2), "ms_a_line": round(1000 * plain / lines, 3)},
        "ratio": round(real / plain, 2),
    }


def _timed(scenario: Scenario, seed: int):
    """CPU seconds of the real code, then of the plain model; lines, the day's length in ms, orders."""
    began = time.process_time()
    twin, _ = run_scenario(scenario, seed)
    yield time.process_time() - began
    seen = figures(twin)
    twin.close()
    began = time.process_time()
    plain_day(scenario, seed)
    yield time.process_time() - began
    yield seen.lines
    yield 86_400_000 * scenario.days
    yield seen.orders


def plain_day(scenario: Scenario, seed: int) -> int:
    """The day as a beginner would model it; gives the floor time at which the last order is packed."""
    env, people, chance = simpy.Environment(), scenario.people, Chance(seed)
    pickers, packers = simpy.Resource(env, people.pickers), simpy.Resource(env, people.packers)
    names = demand.sku_names(scenario)
    homes = floorplan.Homes(scenario.floor, names, dict.fromkeys(names, 1))
    spots = {sku: (int(place[1:3]) * scenario.floor.pitch_mm, int(place[4:7]) * scenario.floor.bay_mm) for sku, place in homes.pick.items()}

    def tour(number: int, batch: list[Any]):
        with pickers.request() as picker:
            yield picker
            yield env.timeout(chance.lognormal("setup", number, people.setup_ms, people.spread))
            here, left = (0, 0), [line for order in batch for line in order.lines]
            while left:
                line = min(left, key=lambda wanted: abs(spots[wanted.sku][0] - here[0]) + abs(spots[wanted.sku][1] - here[1]))
                left.remove(line)
                there = spots[line.sku]
                walk_ms = (abs(there[0] - here[0]) + abs(there[1] - here[1])) * 1000 // people.walk_mm_s
                hands_ms = people.search_ms + line.quantity * people.unit_ms
                yield env.timeout(walk_ms + chance.lognormal("pick", f"{number}.{len(left)}", hands_ms, people.spread))
                here = there
        for order in batch:
            env.process(pack(order))

    def pack(order: Any):
        with packers.request() as packer:
            yield packer
            yield env.timeout(
                chance.lognormal("pack", order.reference, people.pack_ms + len(order.lines) * people.pack_line_ms, people.spread)
            )

    def source():
        batch: list[Any] = []
        for number, (at_ms, order) in enumerate(demand.orders(scenario, seed)):
            yield env.timeout(max(0, at_ms - env.now))
            batch.append(order)
            if len(batch) == PARTS_A_TOUR:
                env.process(tour(number, batch))
                batch = []
        env.process(tour(-1, batch))

    env.process(source())
    env.run()
    return int(env.now)
