"""Batches for pickers with hard due times, against every split, every assignment and every sequence."""

import itertools
import random

import pytest

from floorwise.optimizer.assignment import DueProblem, NothingInTime, Picker, check_due, solve_due
from floorwise.optimizer.batching import Order, Problem
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.routing import shortest_tour

LAYOUT = BlockLayout([0, 4_000], [0, 10_000], [0, 0, 1, 1], [2_000, 8_000, 3_000, 9_000], (Depot("depot", 0, 0),))


def due_problem(orders, due, pickers, capacity=3, needs=None, setup_ms=0):
    made = tuple(Order(str(n), locations, (1,)) for n, locations in enumerate(orders))
    count = len(made)
    return DueProblem(Problem(LAYOUT, made, ("orders",), (capacity,)), due, (0,) * count, needs or ("",) * count, pickers, setup_ms)


def partitions(items):
    if not items:
        yield []
        return
    for split in partitions(items[1:]):
        yield [[items[0]], *split]
        for n in range(len(split)):
            yield [*split[:n], [items[0], *split[n]], *split[n + 1 :]]


def oracle(problem):
    """Least total time over all splits, assignments and sequences in which nothing is late; None if there is none."""
    best = None
    orders = problem.batching.orders
    for split in partitions(list(range(len(orders)))):
        if any(sum(orders[n].load[0] for n in group) > problem.batching.capacity[0] for group in split):
            continue
        takes = []
        for group in split:
            places = sorted({location for n in group for location in orders[n].locations})
            takes.append(problem.setup_ms + problem.time_ms(shortest_tour(problem.batching.layout, places).length_mm))
        if best is not None and sum(takes) >= best:
            continue
        for who in itertools.product(range(len(problem.pickers)), repeat=len(split)):
            if all(can_be_in_time(problem, split, takes, who, picker) for picker in range(len(problem.pickers))):
                best = sum(takes)
                break
    return best


def can_be_in_time(problem, split, takes, who, picker):
    mine = [k for k in range(len(split)) if who[k] == picker]
    if any(not problem.may(n, picker) for k in mine for n in split[k]):
        return False
    for sequence in itertools.permutations(mine):
        now, good = problem.pickers[picker].begin_ms, True
        for k in sequence:
            now += takes[k]
            good &= now <= min(problem.pickers[picker].end_ms, *(problem.due_ms[n] for n in split[k]))
        if good:
            return True
    return False


@pytest.mark.parametrize("seed", range(30))
def test_five_orders_cost_what_the_best_of_all_plans_costs(seed):
    rng = random.Random(seed)
    orders = [tuple(rng.sample(range(4), rng.randint(1, 2))) for _ in range(5)]
    due = tuple(rng.choice([25_000, 45_000, 90_000]) for _ in orders)
    pickers = (Picker("ann", 0, 100_000, frozenset({"lift"})), Picker("bob", rng.choice([0, 20_000]), 100_000, frozenset()))
    needs = tuple(rng.choice(["", "", "lift"]) for _ in orders)
    problem = due_problem(orders, due, pickers, needs=needs, setup_ms=2_000)
    best = oracle(problem)
    try:
        plan = solve_due(problem, steps=20_000, seed=1)
    except NothingInTime:
        assert best is None
        return
    assert check_due(problem, plan) == [] and plan.is_proven
    assert plan.total_ms == best or plan.infeasible


@pytest.mark.parametrize("seed", range(4))
def test_four_pickers_of_two_kinds_share_five_orders_as_well_as_can_be(seed):
    rng = random.Random(f"four {seed}")
    orders = [tuple(rng.sample(range(4), rng.randint(1, 2))) for _ in range(5)]
    due = tuple(rng.choice([35_000, 45_000, 60_000]) for _ in orders)
    pickers = tuple(Picker(str(n), 5_000 * (n % 2), 60_000, None if n % 2 else frozenset()) for n in range(4))
    problem = due_problem(orders, due, pickers, needs=("lift", "", "", "", ""), setup_ms=1_000)
    plan = solve_due(problem, steps=0)
    assert (check_due(problem, plan), plan.total_ms) == ([], oracle(problem))


def test_the_search_alone_comes_near_the_best_plan(monkeypatch):
    """Without the proof, over ten days: no plan is better than the best, all are found in time, and the mean gap is small."""
    gaps = []
    for seed in range(10):
        rng = random.Random(seed)
        orders = [tuple(rng.sample(range(4), rng.randint(1, 2))) for _ in range(8)]
        due = tuple(rng.choice([60_000, 90_000, 120_000]) for _ in orders)
        problem = due_problem(orders, due, (Picker("ann", 0, 200_000), Picker("bob", 10_000, 200_000)), setup_ms=2_000)
        best = solve_due(problem, steps=1)
        with monkeypatch.context() as without:
            without.setattr("floorwise.optimizer.exact_due.is_small", lambda *size: False)
            found = solve_due(problem, steps=12_000, seed=1)
        assert best.is_proven and not found.is_proven and check_due(problem, found) == []
        gaps.append(found.total_ms / best.total_ms - 1)
    assert min(gaps) >= 0 and sum(gaps) / len(gaps) <= 0.01


def test_that_no_plan_is_in_time_is_proven_where_orders_are_few():
    problem = due_problem([(1,), (3,), (2,)], (16_000, 26_000, 20_000), (Picker("ann", 0, 90_000),), capacity=1)
    with pytest.raises(NothingInTime, match="in every plan something is late"):
        solve_due(problem, steps=1)


def test_a_tight_due_time_breaks_up_a_batch_that_walking_alone_would_keep():
    # Both orders lie in aisle 0; together 16 s. The near one is due after 5 s and takes 4 s alone.
    orders, anyone = [(0,), (1,)], (Picker("ann", 0, 60_000),)
    assert solve_due(due_problem(orders, (60_000, 60_000), anyone), steps=2_000).total_ms == 16_000
    plan = solve_due(due_problem(orders, (5_000, 60_000), anyone), steps=2_000)
    assert [(work.orders, work.begin_ms, work.end_ms) for work in plan.work] == [((0,), 0, 4_000), ((1,), 4_000, 20_000)]


def test_orders_that_fail_alone_are_named_with_what_fails_and_the_rest_is_planned():
    pickers = (Picker("ann", 0, 15_000, frozenset()), Picker("bob", 10_000, 15_000))
    problem = due_problem([(0,), (1,), (0,), (0,)], (60_000, 60_000, 3_000, 60_000), pickers, needs=("", "", "", "crane"))
    plan = solve_due(problem, steps=500)
    assert dict(plan.infeasible) == {
        1: "order 1: takes 16000 ms, longer than any shift",
        2: "order 2: due at 3000 ms, alone it is done at 4000 ms",
    }
    assert check_due(problem, plan) == []
    assert {work.picker for work in plan.work if 3 in work.orders} == {1}


def test_too_much_work_for_the_time_is_said_and_not_papered_over():
    problem = due_problem([(1,), (3,)], (16_000, 26_000), (Picker("ann", 0, 26_000),), capacity=1)
    with pytest.raises(NothingInTime, match="2 orders, 1 pickers"):
        solve_due(problem, steps=500)


def test_the_check_sees_a_late_order_and_a_false_total():
    problem = due_problem([(0,), (1,)], (60_000, 60_000), (Picker("ann", 0, 60_000),))
    plan = solve_due(problem, steps=500)
    strict = due_problem([(0,), (1,)], (5_000, 60_000), (Picker("ann", 0, 60_000),))
    assert check_due(problem, plan) == []
    assert check_due(strict, plan) == ["order 0 is late"]
