"""The stored best plans and bounds of generated instances: every plan is re-walked, bounds are re-proven without solver or kernels."""

import json

import pytest

from floorwise.optimizer.batching import walked
from floorwise.optimizer.bounds import price_bound
from floorwise.optimizer.check_batching import check_batches, check_bound
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import CLASS_BASED, UNIFORM, henn_waescher

ORDERS = 100


@pytest.fixture(scope="module")
def table(repository):
    found = json.loads((repository / "benchmarks" / "batching_table.json").read_text())
    return {(entry["demand"], entry["capacity"], entry["seed"]): entry for entry in found}


def problem_at(demand, capacity, seed):
    return problem_of(hessler_irnich.parse(henn_waescher(seed, ORDERS, capacity, demand)))


def objections_to_bound(key, entry, bound_mm):
    fines = [((a, b, c), fine) for a, b, c, fine in entry["fines"]]
    return check_bound(problem_at(*key), entry["prices_mm"], fines, entry["batch_price_mm"], bound_mm)


@pytest.mark.parametrize("demand", [UNIFORM, CLASS_BASED])
@pytest.mark.parametrize("capacity", [30, 45, 60, 75])
def test_a_stored_plan_is_whole_fits_its_carts_and_is_as_long_as_it_says(table, demand, capacity):
    entry = table[demand, capacity, 1]
    problem = problem_at(demand, capacity, 1)
    assert check_batches(problem, walked(problem, entry["groups"]), entry["best_mm"]) == []


@pytest.mark.parametrize("demand", [UNIFORM, CLASS_BASED])
def test_stored_bounds_of_small_carts_hold_and_a_higher_one_is_refused(table, demand):
    key = (demand, 30, 1)
    assert objections_to_bound(key, table[key], table[key]["bound_mm"]) == []
    too_much = table[key]["best_mm"] + 1
    assert "its prices prove" in objections_to_bound(key, table[key], too_much)[0]


def test_the_listing_proves_every_stored_bound_again(table):
    for key, entry in table.items():
        fines = tuple(((a, b, c), fine) for a, b, c, fine in entry["fines"])
        proof = price_bound(problem_at(*key), tuple(entry["prices_mm"]), fines, entry["batch_price_mm"])
        assert proof.is_complete and entry["bound_mm"] <= proof.lower_bound_mm
        assert entry["bound_mm"] <= entry["solver_bound_mm"] <= entry["best_mm"]


@pytest.mark.slow
@pytest.mark.parametrize("demand", [UNIFORM, CLASS_BASED])
@pytest.mark.parametrize("capacity", [45, 60, 75])
def test_stored_bounds_of_large_carts_hold(table, demand, capacity):
    key = (demand, capacity, 1)
    assert objections_to_bound(key, table[key], table[key]["bound_mm"]) == []
