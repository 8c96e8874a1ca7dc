"""Lower bounds: proven by prices alone, never above the best split, and refused when the prices lie."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.optimizer import batching
from floorwise.optimizer.batching import Order, Problem, solve
from floorwise.optimizer.bounds import _Pricing, column_bound, planned_by, price_bound
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import henn_waescher
from floorwise.optimizer.kernels.partition import INFINITE, set_lengths
from floorwise.optimizer.layout import BlockLayout, Depot


def small_problem(seed, orders=7):
    rng = random.Random(seed)
    aisles, height = rng.randint(1, 4), 12_000
    places = [(a, 1_000 * y) for a in range(aisles) for y in range(1, 12)]
    depot = Depot("d", 0, 0)
    layout = BlockLayout([4_000 * a for a in range(aisles)], [0, height], [a for a, _ in places], [y for _, y in places], (depot,))
    made = tuple(Order(str(n), tuple(rng.sample(range(len(places)), rng.randint(1, 4))), (rng.randint(1, 6),)) for n in range(orders))
    return Problem(layout, made, ("units",), (rng.randint(6, 14),))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_listing_finds_exactly_the_batches_below_their_prices_and_fines(seed):
    problem, rng = small_problem(seed), random.Random(seed + 1)
    prices = np.array([rng.randint(0, 20_000) for _ in problem.orders], np.int64)
    cuts = (((0, 1, 2), rng.randint(0, 9_000)), ((2, 4, 6), rng.randint(0, 9_000)))
    limit = rng.randint(-5_000, 5_000)
    groups, lengths, lowest, _, complete = _Pricing(problem).list(prices, cuts, limit, 1_000, 1 << 40)
    expected, values = set(), []
    for chosen, length in enumerate(set_lengths(*problem.arrays).tolist()):
        members = frozenset(i for i in range(7) if chosen >> i & 1)
        fines = sum(fine for rows, fine in cuts if len(members & set(rows)) >= 2)
        value = length - sum(int(prices[i]) for i in members) + fines
        if members and length < INFINITE and value < limit:
            expected.add((members, length))
            values.append(value)
    assert complete
    assert {(frozenset(group), length) for group, length in zip(groups, lengths, strict=True)} == expected
    assert lowest == min(values, default=limit)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_no_prices_and_fines_prove_more_than_the_best_split_costs(seed):
    problem, rng = small_problem(seed), random.Random(seed + 1)
    best = solve(problem).length_mm
    for _ in range(5):
        prices = tuple(rng.randint(0, 30_000) for _ in problem.orders)
        cuts = (((0, 3, 5), rng.randint(0, 5_000)), ((1, 2, 4), rng.randint(0, 5_000)))
        assert price_bound(problem, prices, cuts, rng.randint(0, 20_000)).lower_bound_mm <= best


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_column_generation_closes_small_problems_and_its_prices_prove_what_it_says(seed):
    problem = small_problem(seed, orders=9)
    exact = solve(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "EXACT_ORDERS", 0)
        start = solve(problem, steps=0)
        column_bound(problem, start, 0.01)  # loads the kernels
        found = column_bound(problem, start, 20.0)
    assert found.price_bound_mm <= found.lower_bound_mm <= exact.length_mm <= found.length_mm
    proof = price_bound(problem, found.prices_mm, found.cuts, found.batch_price_mm)
    assert proof.is_complete and proof.lower_bound_mm >= min(found.price_bound_mm, exact.length_mm)
    assert found.length_mm == exact.length_mm == found.lower_bound_mm


def test_a_bound_of_forty_orders_is_close_and_holds_without_the_solver():
    problem = problem_of(hessler_irnich.parse(henn_waescher(1, 40, 30)))
    plan = solve(problem, steps=200_000)
    found = column_bound(problem, plan, 6.0, may_branch=False)
    proof = price_bound(problem, found.prices_mm, found.cuts, found.batch_price_mm)
    assert proof.is_complete and proof.lower_bound_mm >= found.lower_bound_mm > plan.lower_bound_mm
    better = planned_by(problem, found, plan)
    assert better.gap < 0.01
    assert better.length_mm <= plan.length_mm


def test_a_listing_that_was_cut_off_proves_nothing_but_the_radial_bound():
    problem = problem_of(hessler_irnich.parse(henn_waescher(1, 40, 75)))
    proof = price_bound(problem, (200_000,) * 40, most_nodes=100)
    assert not proof.is_complete
    assert proof.lower_bound_mm == solve(problem, steps=0).lower_bound_mm


def alike(orders, capacity):
    """Orders that all want one place, 7 m from the depot: one walk of 14,000 mm a batch, whatever it holds."""
    layout = BlockLayout([0], [0, 12_000], [0], [7_000], (Depot("d", 0, 0),))
    return Problem(layout, tuple(Order(str(n), (0,), (1,)) for n in range(orders)), ("orders",), (capacity,))


def test_carts_of_more_orders_than_a_listing_goes_through_prove_nothing_but_the_radial_bound():
    # 70 prices of 210 are 14,700: only a batch of 67 orders or more, which is longer than the listing goes, undercuts them.
    proof = price_bound(alike(70, 70), (210,) * 70)
    assert not proof.is_complete
    assert proof.lower_bound_mm == 14_000


def test_a_listing_to_its_most_members_is_complete_where_no_cart_holds_more():
    # 64 prices of 219 are 14,016 and undercut by 16, in each of the 65 batches of 64; two batches are the fewest and 3 the most.
    groups, _, lowest, _, complete = _Pricing(alike(65, 64)).list(np.full(65, 219, np.int64), (), 0, 100, 1 << 40)
    assert complete and lowest == -16 and len(groups) == 65


def test_column_generation_over_carts_of_more_orders_than_a_listing_goes_through_claims_no_more_than_the_best_plan():
    problem = alike(70, 70)
    found = column_bound(problem, replace(solve(problem, steps=0), lower_bound_mm=13_000), 1.0)
    assert found.lower_bound_mm <= 14_000 == found.length_mm
    assert price_bound(problem, found.prices_mm, found.cuts, found.batch_price_mm).lower_bound_mm <= 14_000


def test_prices_below_zero_or_cuts_of_two_orders_are_refused():
    problem = small_problem(3)
    with pytest.raises(ValueError, match="price of at least 0"):
        price_bound(problem, (-1, *(0,) * 6))
    with pytest.raises(ValueError, match="three different rows"):
        price_bound(problem, (0,) * 7, (((0, 0, 1), 5),))
