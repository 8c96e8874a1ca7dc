"""The checker of batch plans and price bounds: its lengths are the router's, and it finds what is wrong."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.optimizer.batching import Order, Problem, solve
from floorwise.optimizer.bounds import price_bound
from floorwise.optimizer.check_batching import _Floor, check_batches, check_bound, lowest_value
from floorwise.optimizer.kernels.partition import INFINITE, set_lengths
from floorwise.optimizer.layout import BlockLayout, Depot


def small_problem(seed, orders=7):
    rng = random.Random(seed)
    aisles, height = rng.randint(1, 5), 12_000
    places = [(a, 1_000 * y) for a in range(aisles) for y in range(1, 12)]
    depot = Depot("d", rng.randrange(aisles), rng.choice([0, height]), rng.randint(0, 3) * 500)
    layout = BlockLayout([4_000 * a for a in range(aisles)], [0, height], [a for a, _ in places], [y for _, y in places], (depot,))
    made = tuple(Order(str(n), tuple(rng.sample(range(len(places)), rng.randint(1, 4))), (rng.randint(1, 6),)) for n in range(orders))
    return Problem(layout, made, ("units",), (rng.randint(6, 14),))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_checker_measures_every_set_of_orders_as_the_router_does(seed):
    problem = small_problem(seed)
    lengths = set_lengths(*problem.arrays)
    fits = [chosen for chosen in range(1, len(lengths)) if lengths[chosen] < INFINITE]
    sets = np.array([[chosen >> row & 1 for row in range(7)] for chosen in fits], np.int8)
    assert _Floor(problem, np.arange(7)).lengths(sets).tolist() == [lengths[chosen] for chosen in fits]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_lowest_value_is_that_of_the_cheapest_batch_of_all(seed):
    problem, rng = small_problem(seed), random.Random(seed + 1)
    prices = [rng.randint(0, 20_000) for _ in range(7)]
    fines = [((0, 1, 2), rng.randint(0, 9_000)), ((2, 4, 6), rng.randint(0, 9_000))]
    values = [0]
    for chosen, length in enumerate(set_lengths(*problem.arrays).tolist()):
        members = {row for row in range(7) if chosen >> row & 1}
        if members and length < INFINITE:
            values.append(length - sum(prices[row] for row in members) + sum(fine for rows, fine in fines if len(members & set(rows)) > 1))
    assert lowest_value(problem, prices, fines) == min(values)


@pytest.mark.parametrize("seed", range(6))
def test_a_bound_holds_as_far_as_its_prices_prove_it_and_not_a_millimetre_further(seed):
    problem, rng = small_problem(seed), random.Random(seed)
    plan, fines = solve(problem), (((0, 1, 2), 500),)
    prices = tuple(rng.randint(plan.length_mm // 10, plan.length_mm // 7) for _ in range(7))
    proven = int(check_bound(problem, prices, fines, 1_000, 10**9)[0].split()[-1])
    assert check_bound(problem, prices, fines, 1_000, proven) == []
    assert check_bound(problem, prices, fines, 1_000, proven + 1) != []
    assert proven <= plan.length_mm
    radial = price_bound(problem, (0,) * 7).lower_bound_mm
    assert price_bound(problem, prices, fines, 1_000).lower_bound_mm == max(radial, proven)


def test_prices_below_zero_or_too_few_and_fines_for_other_than_three_orders_are_refused():
    problem = small_problem(5)
    assert check_bound(problem, (6_000,) * 6, (), 1_000, 0) == ["names a price below 0, or not one price for each order"]
    assert check_bound(problem, (-1, *(0,) * 6), (), 0, 0) == ["names a price below 0, or not one price for each order"]
    assert check_bound(problem, (0,) * 7, (((1, 1, 2), 5),), 0, 0) == ["fines something else than three orders"]


def test_two_orders_alone_prove_their_two_walks_and_no_more():
    layout = BlockLayout([0], [0, 10], [0, 0], [4, 8], (Depot("depot", 0, 0),))
    problem = Problem(layout, (Order("a", (0,), (1,)), Order("b", (1,), (1,))), ("orders",), (1,))
    assert check_bound(problem, (8, 16), (), 0, 24) == []
    assert check_bound(problem, (8, 16), (), 0, 25) == ["is 25 mm, and its prices prove 24"]
    # A price of 9 is undercut by 1, once for each of the two batches: 25 - 2.
    assert check_bound(problem, (9, 16), (), 0, 24) == ["is 24 mm, and its prices prove 23"]


def test_a_plan_that_leaves_out_an_order_overfills_a_cart_or_shortens_a_walk_is_named():
    problem = small_problem(9)
    plan = solve(problem)
    assert check_batches(problem, plan.batches, plan.length_mm) == []
    first, *others = plan.batches
    assert "not every order is in one batch" in check_batches(problem, others, plan.length_mm - first.length_mm)
    shorter = replace(first, length_mm=first.length_mm - 1)
    assert any("mm long and says" in objection for objection in check_batches(problem, [shorter, *others], plan.length_mm - 1))
    tight = replace(problem, capacity=(1,))
    assert any("units of 1" in objection for objection in check_batches(tight, plan.batches, plan.length_mm))


def test_other_floors_are_refused_and_not_checked_wrongly():
    problem = small_problem(9)
    assert check_bound(replace(problem, tour_mm=5), (0,) * 7, (), 0, 0) == ["is checked for one resource, one kind and plain lengths only"]
    layout = BlockLayout([0], [0, 5, 10], [0], [4], (Depot("depot", 0, 0),))
    with pytest.raises(ValueError, match="one open block"):
        check_bound(Problem(layout, (Order("a", (0,), (1,)),), ("orders",), (1,)), (8,), (), 0, 8)
