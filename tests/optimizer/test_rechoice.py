"""Locations chosen again for whole walks, against every choice and every split of tiny cases."""

import itertools
import json
import random
from dataclasses import replace

import pytest

from floorwise.optimizer.check import check_takes
from floorwise.optimizer.location import Offer
from floorwise.optimizer.routing import shortest_tour
from floorwise.optimizer.solving import solve_file


def floor(stock, orders, capacity=2, **more):
    """Two aisles four metres apart, ten long; stock: (aisle, mm, article, units, expires)."""
    locations = [
        {"name": f"{n}", "aisle": aisle, "at_mm": mm, "side": str(n), "stock": [{"article": article, "units": units, "expires": expires}]}
        for n, (aisle, mm, article, units, expires) in enumerate(stock)
    ]
    aisles = [{"name": "A", "x_mm": 0}, {"name": "B", "x_mm": 4_000}]
    return {
        "format": "floorwise-solve-1",
        "layout": {"kind": "blocks", "aisles": aisles, "cross_aisles_mm": [0, 10_000]},
        "depots": [{"name": "desk", "aisle": "A", "at_mm": 0}],
        "locations": locations,
        "orders": [{"name": str(n), "lines": [{"article": a} for a in articles]} for n, articles in enumerate(orders)],
        "pickers": [{"name": "cart", "capacity": {"orders": capacity}}],
        **more,
    }


def answer(tmp_path, task):
    (tmp_path / "case.json").write_text(json.dumps(task))
    return solve_file(tmp_path / "case.json", seconds=1.0)


def test_a_mug_that_is_near_alone_is_taken_elsewhere_when_the_cart_goes_there_anyway(tmp_path):
    # Alone the mug costs 6 m in aisle A, and 12 m in B. With the bowl at 4 m in B (16 m) the mug of B is on the way.
    stock = [("A", 3_000, "mug", 9, 0), ("B", 2_000, "mug", 9, 0), ("B", 4_000, "bowl", 9, 0)]
    found = answer(tmp_path, floor(stock, [["mug"], ["bowl"]]))
    assert (found.objective, found.lower_bound, found.proven, found.wrong) == (16_000, 16_000, True, ())
    assert set(found.tours[0].stops) == {1, 2}


def test_an_earlier_lot_is_not_left_for_a_nearer_one(tmp_path):
    stock = [("A", 3_000, "mug", 1, 1), ("B", 2_000, "mug", 9, 2), ("B", 4_000, "bowl", 9, 0)]
    found = answer(tmp_path, floor(stock, [["mug"], ["bowl"]]))
    assert {stop for tour in found.tours for stop in tour.stops} == {0, 2} and found.wrong == ()


def every_plan(task, length):
    """Least length over all splits into walks and all locations; stock is plentiful."""
    where = {}
    for n, place in enumerate(task["locations"]):
        where.setdefault(place["stock"][0]["article"], []).append(n)
    wanted = [{line["article"] for line in order["lines"]} for order in task["orders"]]
    best = None
    for marks in itertools.product(range(len(wanted)), repeat=len(wanted)):
        groups = [[n for n, mark in enumerate(marks) if mark == group] for group in set(marks)]
        if any(len(group) > 2 for group in groups):
            continue
        total = 0
        for group in groups:
            articles = sorted(set().union(*(wanted[n] for n in group)))
            total += min(length(set(stops)) for stops in itertools.product(*(where[a] for a in articles)))
        best = total if best is None else min(best, total)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_holds_for_every_plan_and_the_plan_is_one_of_them(tmp_path, seed):
    rng = random.Random(seed)
    stock = [(rng.choice("AB"), 1_000 * rng.randint(0, 10), article, 99, 0) for article in "xyz" for _ in range(2)]
    task = floor(stock, [rng.sample("xyz", rng.randint(1, 2)) for _ in range(3)])
    found = answer(tmp_path, task)
    best = every_plan(task, lambda stops: shortest_tour(found.floor, sorted(stops)).length_mm)
    assert found.wrong == ()
    assert found.lower_bound <= best <= found.objective <= 1.3 * best


def test_the_check_sees_units_taken_twice_and_a_demand_not_met():
    offers = [Offer(0, "mug", 1), Offer(1, "mug", 1)]
    assert check_takes(offers, [{"mug": 1}, {"mug": 1}], [[(0, 1)], [(1, 1)]]) == []
    assert check_takes(offers, [{"mug": 1}, {"mug": 1}], [[(0, 1)], [(0, 1)]]) == ["all walks take 2 from offer 0, which holds 1"]
    assert check_takes(offers, [{"mug": 2}], [[(0, 1)]]) == ["walk 0 brings {'mug': 1} instead of {'mug': 2}"]
    lots = [replace(offer, expires=2 - n) for n, offer in enumerate(offers)]
    assert check_takes(lots, [{"mug": 1}], [[(0, 1)]]) == ["takes from offer 0 though offer 1 expires earlier and holds more"]
