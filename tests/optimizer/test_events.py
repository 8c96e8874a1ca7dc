"""Events under way: what changes for begun tours, within the limit; and a replay beside FIFO and the optimum that knows all."""

import itertools
import random

import pytest

from floorwise.optimizer.batching import Order, Problem
from floorwise.optimizer.events import ahead_mm, blocked_aisle, changed_stops, picker_gone, rush_order, short_pick
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.online import BegunTour
from floorwise.optimizer.online_replay import FIFO_S_SHAPE, RE_OPTIMISE, best_makespan, best_turnover, replay
from floorwise.optimizer.routing import shortest_tour

#          0      1      2      3
PLACES = [0, 0, 1, 0], [2_000, 8_000, 3_000, 5_000]
LAYOUT = BlockLayout([0, 4_000], [0, 10_000], *PLACES, (Depot("desk", 0, 0),))


def problem(*orders, capacity=3):
    return Problem(LAYOUT, tuple(Order(str(n), places, (1,)) for n, places in enumerate(orders)), ("orders",), (capacity,))


def test_changes_are_counted_as_put_in_taken_out_and_moved():
    assert [changed_stops((1, 2, 3), after) for after in [(1, 2, 3), (1, 4, 2, 3), (1, 3), (1, 3, 2), (4, 1)]] == [0, 1, 1, 1, 3]


def test_a_rush_order_joins_even_where_a_walk_of_its_own_is_as_short():
    # From 8 m in A by the back to 3 m in B is 13 m, 7 m home instead of 8: 12 m extra.
    task, begun = problem((0, 1), (2,)), [BegunTour((0,), (0, 1))]
    assert rush_order(task, begun, 1, most_changed=1).begun == (BegunTour((0, 1), (0, 1, 2), 1),)
    assert rush_order(task, begun, 1, most_changed=0).orders == (1,)


def test_a_short_pick_goes_on_at_the_other_place_that_adds_least():
    begun = [BegunTour((0,), (0, 1))]
    assert short_pick(LAYOUT, begun, 0, 0, (2, 3), 1).begun == (BegunTour((0,), (0, 3, 1), 1),)
    assert short_pick(LAYOUT, begun, 0, 0, (2, 1), 0).begun == tuple(begun)  # 1 is ahead anyway
    assert short_pick(LAYOUT, begun, 0, 0, (3,), 0).picks == ((0, 3),)
    assert short_pick(LAYOUT, begun, 0, 0, (), 5).picks == ((0, -1),)


def test_past_a_blocked_aisle_one_stop_moves_and_saves_most():
    now = BlockLayout([0, 4_000], [0, 10_000], *PLACES, (Depot("desk", 0, 0),), closed=[(0, 0, 6_000)])
    begun = [BegunTour((0,), (0, 1, 3, 2))]
    assert blocked_aisle(now, problem((0, 1, 2, 3)), begun, 0).begun == tuple(begun)
    (after,) = blocked_aisle(now, problem((0, 1, 2, 3)), begun, 1).begun
    # 22 + 25 + 12 + 7 = 66 m as it was; 3 + 25 + 13 + 7 = 48 m
    assert (ahead_mm(now, begun[0].ahead), ahead_mm(now, after.ahead)) == (66_000, 48_000)
    assert changed_stops(begun[0].ahead, after.ahead) == after.changed == 1


def test_a_stop_out_of_reach_is_taken_out_and_handed_back():
    after = blocked_aisle(LAYOUT, problem((0, 1), (1, 3)), [BegunTour((0, 1), (0, 3, 1))], 0, out_of_reach=[1])
    assert after.begun == (BegunTour((0, 1), (0, 3), 1),)
    assert after.picks == ((0, 1), (1, 1))


def test_what_a_gone_picker_had_ahead_goes_to_others_within_the_limit():
    begun = [BegunTour((0,), (1,)), BegunTour((1,), (0,))]
    assert picker_gone(problem((3, 1), (0,)), begun, 0, 1).begun == (BegunTour((1, 0), (0, 1), 1),)
    after = picker_gone(problem((3, 1), (0,)), begun, 0, 0)
    assert (after.begun, after.orders, after.picks) == ((begun[1],), (0,), ((0, 1),))


def test_an_order_that_comes_while_its_place_is_on_the_way_is_home_with_the_walk():
    task = problem((1,), (3,))
    joined = replay(task, [0, 1_000], RE_OPTIMISE, most_changed=1)
    assert (joined.done_ms, joined.turnover_ms, joined.most_changed) == ((16_000, 16_000), 15_500, 1)
    assert replay(task, [0, 1_000], FIFO_S_SHAPE).done_ms[1] == 16_000 + 10_000


def every_plan(task, arrivals):
    """Least makespan and least turnover over all splits and sequences."""
    best, turnover = None, None
    n = len(arrivals)
    for marks in itertools.product(range(n), repeat=n):
        trips = [[k for k in range(n) if marks[k] == mark] for mark in set(marks)]
        if any(len(trip) > task.capacity[0] for trip in trips):
            continue
        for sequence in itertools.permutations(trips):
            now, waited = 0, 0
            for trip in sequence:
                stops = sorted({stop for k in trip for stop in task.orders[k].locations})
                now = max(now, *(arrivals[k] for k in trip)) + shortest_tour(LAYOUT, stops).length_mm
                waited += sum(now - arrivals[k] for k in trip)
            turnover = waited / n if turnover is None else min(turnover, waited / n)
            best = now if best is None else min(best, now)
    return best, turnover


@pytest.mark.parametrize("seed", range(8))
def test_without_changes_under_way_nothing_beats_the_optimum_that_knows_all(seed):
    rng = random.Random(seed)
    task = problem(*(tuple(rng.sample(range(4), rng.randint(1, 2))) for _ in range(4)), capacity=2)
    arrivals = sorted(rng.randint(0, 40) * 1_000 for _ in range(4))
    best = best_makespan(task, arrivals)
    least = best_turnover(task, arrivals)
    assert (best, least) == every_plan(task, arrivals)
    for plan in (RE_OPTIMISE, FIFO_S_SHAPE):
        found = replay(task, arrivals, plan)
        assert best <= found.makespan_ms and least <= found.turnover_ms
    changed = replay(task, arrivals, RE_OPTIMISE, pickers=2, most_changed=2)
    assert changed.most_changed <= 2
    assert all(home > came for home, came in zip(changed.done_ms, arrivals, strict=True))
