"""Locations chosen again inside schedules, against every plan of tiny cases; and the rules of a file as the check asks for them."""

import itertools
import json
import random
from dataclasses import replace

import pytest

from floorwise.optimizer.check_rules import check_rules
from floorwise.optimizer.formats import floorwise_json
from floorwise.optimizer.packing import Packed
from floorwise.optimizer.routing import shortest_tour
from floorwise.optimizer.schedule import Trip
from floorwise.optimizer.scheduling import people_of
from floorwise.optimizer.solving import solve_file


def shop(stock, orders, articles=(), **more):
    """Two aisles four metres apart, ten long, one metre a second; stock: (aisle, mm, article, units)."""
    return {
        "format": "floorwise-solve-1",
        "objective": "time",
        "layout": {"kind": "blocks", "aisles": [{"name": "A", "x_mm": 0}, {"name": "B", "x_mm": 4_000}], "cross_aisles_mm": [0, 10_000]},
        "depots": [{"name": "desk", "aisle": "A", "at_mm": 0}],
        "locations": [
            {"name": f"{n}", "aisle": aisle, "at_mm": mm, "side": str(n), "stock": [{"article": article, "units": units}]}
            for n, (aisle, mm, article, units) in enumerate(stock)
        ],
        "articles": list(articles),
        "orders": [{"name": str(n), "lines": [{"article": a} for a in wanted], "due_s": 900} for n, wanted in enumerate(orders)],
        "pickers": [{"name": "ann", "capacity": {"orders": 2}}, {"name": "bob", "capacity": {"orders": 2}}],
        "times": {"speed_mm_s": 1_000},
        **more,
    }


def answer(tmp_path, task, seconds=0.6):
    (tmp_path / "case.json").write_text(json.dumps(task))
    return solve_file(tmp_path / "case.json", seconds=seconds)


def test_a_mug_is_taken_where_the_cart_goes_anyway(tmp_path):
    # Alone the mug costs 6 s in aisle A, and 12 s in B. With the bowl at 4 m in B (16 s) the mug of B is on the way.
    stock = [("A", 3_000, "mug", 9), ("B", 2_000, "mug", 9), ("B", 4_000, "bowl", 9)]
    found = answer(tmp_path, shop(stock, [["mug"], ["bowl"]]))
    assert (found.objective, found.wrong) == (16_000, ()) and len(found.tours) == 1
    assert set(found.tours[0].stops) == {1, 2} and found.method.endswith("locations chosen again")


def every_plan(task, floor):
    """Least time over all splits into walks of two and all locations; stock is plentiful and nothing is late."""
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
            total += min(shortest_tour(floor, sorted(set(stops))).length_mm for stops in itertools.product(*(where[a] for a in articles)))
        best = total if best is None else min(best, total)
    return best


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_holds_for_every_choice_and_the_schedule_is_near_the_best(tmp_path, seed):
    rng = random.Random(seed)
    stock = [(rng.choice("AB"), 1_000 * rng.randint(0, 10), article, 99) for article in "xyz" for _ in range(2)]
    task = shop(stock, [rng.sample("xyz", rng.randint(1, 2)) for _ in range(3)])
    found = answer(tmp_path, task)
    best = every_plan(task, found.floor)
    assert found.wrong == ()
    assert found.lower_bound <= best <= found.objective <= 1.2 * best


def test_the_rules_of_the_file_are_asked_of_the_file():
    stock = [("A", 2_000, "case", 9), ("A", 8_000, "milk", 9), ("B", 3_000, "soap", 9)]
    articles = [
        {"name": "case", "stage": 0, "volume_cm3": 900},
        {"name": "milk", "stage": 2, "segregation": "food", "volume_cm3": 900},
        {"name": "soap", "stage": 1, "segregation": "soap", "volume_cm3": 900},
    ]
    told = shop(stock, [["case", "milk"], ["soap"]], articles, tote={"volume_cm3": 1_000})
    told["pickers"][0]["capacity"] = {"totes": 1}
    task = floorwise_json.parse(json.dumps(told))
    people, takes = people_of(task), [((0, 1), (1, 1)), ((2, 1),)]
    apart = [Trip(1, (0,), (0, 1), 0, 1, 1), Trip(0, (1,), (2,), 0, 1, 1)]
    assert check_rules(task, people, apart, takes) == []
    assert check_rules(task, people, [replace(apart[0], stops=(1, 0)), apart[1]], takes) == [
        "trip 0 does not stop where its units lie, lower stages first"
    ]
    assert check_rules(task, people, [Trip(1, (0, 1), (0, 2, 1), 0, 1, 1)], takes) == ["trip 0 carries food and soap, which never meet"]
    assert check_rules(task, people, [replace(apart[0], person=0), apart[1]], takes) == ["trip 0 carries 2 totes, the cart takes 1"]
    assert check_rules(task, people, apart, [((0, 1),), ((2, 1),)])[0].startswith("walk 0 brings")
    short = replace(task, orders=(replace(task.orders[0], totes=(Packed((), (("case", 1), ("milk", 1))),)), task.orders[1]))
    assert check_rules(short, people, apart, takes) == ["order 0: tote 0 holds volume_cm3 1800 > 1000"]
