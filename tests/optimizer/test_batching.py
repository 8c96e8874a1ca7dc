"""Batching against an exhaustive oracle, its capacities, its time and its seed."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.optimizer import batching
from floorwise.optimizer.batching import Order, Problem, solve
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import CLASS_BASED, due_date_orders, henn_waescher, instance_text, two_block_orders
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.routing import shortest_tour


def henn_waescher_problem(seed, orders, capacity, demand="uniform"):
    return problem_of(hessler_irnich.parse(henn_waescher(seed, orders, capacity, demand)))


def two_block_problem(seed, orders):
    return problem_of(hessler_irnich.parse(instance_text("two-block", two_block_orders(seed, orders), 8, aisles=8, cells=44)), 2)


def partitions(items):
    """All ways to split a list into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for split in partitions(rest):
        yield [[first], *split]
        for n in range(len(split)):
            yield [*split[:n], [first, *split[n]], *split[n + 1 :]]


def oracle(problem):
    """The cheapest split, each group routed by the router; None where no split fits."""
    known = {}

    def cost(group):
        key = tuple(sorted(group))
        if key not in known:
            orders = [problem.orders[n] for n in key]
            loads = [sum(order.load[r] for order in orders) for r in range(len(problem.capacity))]
            fits = all(load <= limit for load, limit in zip(loads, problem.capacity, strict=True)) and len({o.kind for o in orders}) == 1
            places = {location for order in orders for location in order.locations}
            known[key] = shortest_tour(problem.layout, sorted(places)).length_mm + problem.tour_mm if fits else None
        return known[key]

    totals = []
    for split in partitions(list(range(len(problem.orders)))):
        costs = [cost(group) for group in split]
        if None not in costs:
            totals.append(sum(costs))
    return min(totals)


def small_problem(seed, blocks=1):
    rng = random.Random(seed)
    aisles, height = rng.randint(1, 4), 12
    lines = [0, height] if blocks == 1 else [0, 5, height]
    places = [(a, y) for a in range(aisles) for y in range(1, height) if y != 5]
    depot = Depot("depot", rng.randrange(aisles), rng.choice([0, height]), rng.randint(0, 2))
    layout = BlockLayout([4 * a for a in range(aisles)], lines, [a for a, _ in places], [y for _, y in places], (depot,))
    orders = tuple(
        Order(f"O{n}", tuple(rng.sample(range(len(places)), rng.randint(1, 4))), (rng.randint(1, 5), rng.randint(0, 3)), rng.randint(0, 1))
        for n in range(rng.randint(1, 6))
    )
    return Problem(layout, orders, ("units", "boxes"), (rng.randint(5, 12), rng.randint(3, 6)), tour_mm=rng.randint(0, 5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2]))
def test_a_few_orders_are_split_as_cheaply_as_any_split_allows(seed, blocks):
    problem = small_problem(seed, blocks)
    plan = solve(problem)
    assert plan.length_mm == oracle(problem) == plan.lower_bound_mm
    assert plan.is_proven


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2]))
def test_the_search_finds_what_trying_every_split_finds(seed, blocks):
    problem = small_problem(seed, blocks)
    exact = solve(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "EXACT_ORDERS", 0)
        patch.setattr(batching, "EXACT_ORDERS_SEVERAL_BLOCKS", 0)
        searched = solve(problem, steps=20_000, seed=1)
    assert exact.lower_bound_mm <= searched.length_mm
    assert searched.lower_bound_mm <= exact.length_mm
    assert searched.length_mm == exact.length_mm


def assert_sound(problem, plan):
    """Whole orders, once each, within every capacity, and lengths that the router confirms."""
    assert sorted(n for batch in plan.batches for n in batch.orders) == list(problem.planned)
    for batch in plan.batches:
        orders = [problem.orders[n] for n in batch.orders]
        assert all(sum(o.load[r] for o in orders) <= limit for r, limit in enumerate(problem.capacity))
        assert len({order.kind for order in orders}) == 1
        assert set(batch.stops) == {location for order in orders for location in order.locations}
        assert batch.length_mm == shortest_tour(problem.layout, batch.stops).length_mm + problem.tour_mm
    assert plan.length_mm == sum(batch.length_mm for batch in plan.batches) >= plan.lower_bound_mm


@pytest.mark.parametrize(
    "problem", [henn_waescher_problem(3, 40, 45), henn_waescher_problem(4, 40, 75, CLASS_BASED), two_block_problem(5, 25)]
)
def test_larger_plans_are_sound_and_beat_their_savings_start(problem):
    start, plan = solve(problem, steps=0), solve(problem, steps=20_000, seed=2)
    assert_sound(problem, start)
    assert_sound(problem, plan)
    assert plan.length_mm < start.length_mm


def test_a_seed_and_a_count_give_one_plan_and_another_seed_another_search():
    problem = henn_waescher_problem(6, 80, 75)
    first, again, other = (solve(problem, steps=5_000, seed=seed) for seed in (1, 1, 2))
    assert (first.batches, first.steps) == (again.batches, again.steps)
    assert other.batches != first.batches


def test_the_search_stops_when_its_clock_says_so():
    problem = henn_waescher_problem(7, 60, 45)
    ticks = itertools.count()
    plan = solve(problem, seconds=1.0, clock=lambda: next(ticks) * 0.05)  # each look at the clock costs 50 ms
    # 20 looks are a second; two a round, so at most ten rounds of at most MOST_STEPS_AT_ONCE.
    assert next(ticks) <= 24
    assert plan.steps <= 10 * batching.MOST_STEPS_AT_ONCE
    assert_sound(problem, plan)


def test_a_known_bound_ends_the_search_at_once():
    problem = henn_waescher_problem(8, 30, 45)
    start = solve(problem, steps=0)
    plan = solve(problem, steps=10**9, lower_bound_mm=start.length_mm)
    assert (plan.steps, plan.is_proven) == (0, True)


def test_orders_that_no_batch_can_hold_are_named_with_the_limit_and_the_rest_is_planned():
    layout = BlockLayout([0], [0, 10], [0, 0], [4, 8], (Depot("depot", 0, 0),))
    orders = (Order("big", (0,), (9, 1)), Order("ok", (1,), (1, 1)), Order("heavy", (0,), (1, 7)))
    plan = solve(Problem(layout, orders, ("units", "weight_g"), (5, 6)))
    assert [(r.order, r.reason) for r in plan.refused] == [
        (0, "order big exceeds a batch: units 9 > 5"),
        (2, "order heavy exceeds a batch: weight_g 7 > 6"),
    ]
    assert [batch.orders for batch in plan.batches] == [(1,)]
    assert plan.length_mm == 16


def test_kinds_never_share_a_batch_even_where_it_would_be_shorter():
    layout = BlockLayout([0], [0, 10], [0, 0], [8, 8], (Depot("depot", 0, 0),))
    food, acid = Order("food", (0,), (1,), kind=0), Order("acid", (1,), (1,), kind=1)
    assert solve(Problem(layout, (food, acid), ("orders",), (9,))).length_mm == 32
    assert solve(Problem(layout, (food, acid.__class__("salt", (1,), (1,))), ("orders",), (9,))).length_mm == 16


def test_no_orders_give_an_empty_proven_plan():
    layout = BlockLayout([0], [0, 10], [0], [8], (Depot("depot", 0, 0),))
    plan = solve(Problem(layout, (), ("orders",), (9,)))
    assert (plan.batches, plan.length_mm, plan.is_proven) == ((), 0, True)


def test_generated_orders_follow_the_specification_and_their_seed():
    instance = hessler_irnich.parse(henn_waescher(11, 100, 45, CLASS_BASED))
    sizes = [len(order.lines) for order in instance.orders]
    assert (min(sizes), max(sizes)) == (5, 25) and 13 < np.mean(sizes) < 17
    articles = [article for order in instance.orders for article, _ in order.lines]
    # 52 % of the draws fall on the first tenth of 900 articles; drawn without repeats in an order it is somewhat less.
    assert 0.44 < np.mean(np.array(articles) < 90) < 0.56
    assert henn_waescher(11, 20) == henn_waescher(11, 20) != henn_waescher(12, 20)
    assert {order.due_s for order in due_date_orders(1, 40, 4_000)} == {1_000, 2_000, 3_000, 4_000}


def test_boxes_are_the_capacity_of_a_two_block_store():
    problem = two_block_problem(1, 20)
    assert problem.resources == ("boxes",) and problem.capacity == (8,)
    assert {order.load[0] for order in problem.orders} == {1, 2, 3, 4}
