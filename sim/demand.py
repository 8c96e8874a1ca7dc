"""Demand: a day's orders drawn before it begins, so that every alternative meets the same customers."""

from collections.abc import Iterator
from datetime import time, timedelta

import numpy as np

from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.model.places import local_ms, zone_named
from floorwise.core.model.policies import DAY_MS, HOUR_MS
from floorwise.sim.scenario import Scenario

COUNTRIES = (("GB", 0.9), ("IE", 0.04), ("DE", 0.03), ("FR", 0.03))
DEAREST_MINOR = 2_500


def sku_names(scenario: Scenario) -> list[str]:
    """The catalogue in order of popularity."""
    return [f"SKU-{number:05}" for number in range(1, scenario.demand.skus + 1)]


def popularity(scenario: Scenario) -> np.ndarray:
    """Share of lines of each SKU, float64[skus], summing to 1: Zipf with the scenario's exponent."""
    weights = np.arange(1, scenario.demand.skus + 1, dtype=np.float64) ** -scenario.demand.popularity
    return weights / weights.sum()


def units_a_day(scenario: Scenario) -> dict[str, float]:
    """Mean units of each SKU that a day asks for."""
    demand = scenario.demand
    a_day = demand.orders * demand.mean_lines * demand.mean_units
    return dict(zip(sku_names(scenario), (popularity(scenario) * a_day).tolist(), strict=True))


def orders(scenario: Scenario, seed: int) -> Iterator[tuple[int, PlaceOrder]]:
    """(time, order) in order of time. Every day and every property of an order has a stream of its own."""
    demand, names = scenario.demand, sku_names(scenario)
    shares, zone = popularity(scenario), zone_named(scenario.zone)
    weights = np.array(demand.hours) / sum(demand.hours)
    codes, chances = zip(*COUNTRIES, strict=True)
    for day in range(scenario.days):
        midnight_ms = local_ms(scenario.day + timedelta(days=day), time(0), zone)
        streams = [np.random.default_rng([seed, day, source]) for source in range(7)]
        count = int(streams[0].poisson(demand.orders))
        hours = streams[1].choice(24, size=count, p=weights)
        at_ms = np.sort(midnight_ms + hours * HOUR_MS + streams[2].integers(0, HOUR_MS, size=count))
        lines = np.minimum(streams[3].geometric(1 / demand.mean_lines, size=count), len(names))
        customers = streams[4].integers(1, max(2, demand.orders * 20), size=count)
        countries = streams[4].choice(len(codes), size=count, p=chances)
        skus = streams[5].choice(len(names), size=int(lines.sum()), p=shares)
        units = streams[6].poisson(demand.mean_units - 1, size=len(skus)) + 1
        first = 0
        for number in range(count):
            last = first + int(lines[number])
            wanted = tuple(
                LineWanted(names[s], int(q), price_minor=99 + int(s) * 37 % DEAREST_MINOR)
                for s, q in zip(skus[first:last], units[first:last], strict=True)
            )
            first = last
            yield (
                int(at_ms[number]),
                PlaceOrder("shop", f"D{day}-{number:06}", f"C{customers[number]}", codes[countries[number]], scenario.currency, wanted),
            )
        assert at_ms.size == 0 or at_ms[-1] < midnight_ms + DAY_MS + 2 * HOUR_MS  # a day with a clock change has 25 hours
