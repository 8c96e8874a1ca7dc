"""Waiting in full aisles and sorting at the bench: by hand, against every schedule of tiny cases, and as the check re-computes them."""

import itertools
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.optimizer.check_schedule import check_schedule, waited_ms
from floorwise.optimizer.congestion import paced, runs_of
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.schedule import MAKESPAN, TARDINESS, TIME, Job, NothingInTime, Person, ScheduleProblem
from floorwise.optimizer.schedule_search import _Search, plan
from floorwise.optimizer.solving import solve_file
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way

#                                    0      1      2      3
LAYOUT = BlockLayout([0, 4_000], [0, 10_000], [0, 0, 1, 1], [2_000, 8_000, 3_000, 9_000], (Depot("desk", 0, 0),))
ANN, BOB = Person("ann", (3,)), Person("bob", (3,))


def problem(jobs, people=(ANN, BOB), objective=TIME, room=1, **more):
    return ScheduleProblem(LAYOUT, tuple(jobs), tuple(people), ("orders",), objective, aisle_room=room, **more)


def test_who_comes_to_a_full_aisle_waits_until_the_other_has_done():
    # Bob is inside from 2 s to 12 s; Ann comes at 8 s, waits 4, works 5, and is home 8 s later.
    near, far = (("A", 0), 2_000, 10_000), (("A", 0), 8_000, 5_000)
    assert paced([0, 0], [[(0, 21_000, [far])], [(0, 14_000, [near])]], 1) == [[(0, 25_000, 4_000)], [(0, 14_000, 0)]]
    assert paced([0, 0], [[(0, 21_000, [far])], [(0, 14_000, [near])]], 2) == [[(0, 21_000, 0)], [(0, 14_000, 0)]]


def test_of_two_who_come_at_once_the_first_in_the_list_enters_and_the_third_waits_for_both():
    run = ("A", 1_000, 3_000)
    assert [trips[0][2] for trips in paced([0, 0, 0], [[(0, 5_000, [run])]] * 3, 1)] == [0, 3_000, 6_000]
    assert [trips[0][2] for trips in paced([0, 0, 0], [[(0, 5_000, [run])]] * 3, 2)] == [0, 0, 3_000]


def test_what_a_trip_loses_delays_the_next_trip_of_the_same_person():
    run = ("A", 1_000, 3_000)
    assert paced([0, 0], [[(0, 5_000, [run])], [(0, 5_000, [run]), (0, 2_000, [])]], 1)[1] == [(0, 8_000, 3_000), (8_000, 10_000, 0)]


def test_a_row_of_stops_in_one_aisle_is_one_stay_and_the_other_aisle_another():
    task = problem([Job("a", ((0, 0), (1, 0), (3, 0)), (1,), work_ms=3_000)], setup_ms=500, stop_ms=100)
    tour = _Search(task, 0).tour((0,), 0)
    # By the back: 2 m, 8 m, 9 m in the other aisle; 1,100 ms at each stop.
    assert tour.stops in ((0, 1, 3), (3, 1, 0))
    runs = runs_of(task, (0,), replace(tour, stops=(0, 1, 3)))
    assert runs == (((0, 0), 2_500, 1_100 + 6_000 + 1_100), ((1, 0), 500 + 15_000 + 2_200, 1_100))


def test_two_who_need_the_same_aisle_lose_as_little_as_any_schedule_without_idling_does():
    jobs = [Job("a", ((1, 0),), (3,), work_ms=20_000), Job("b", ((0, 0),), (3,), work_ms=20_000)]
    # Alone: 36 s and 24 s. At once: Bob is inside from 2 s to 22 s, Ann loses 14 s. One who leaves the desk later loses nothing.
    task = problem(jobs)
    found = plan(task, steps=50)
    assert (found.objective, check_schedule(task, found)) == (60_000, [])
    at_once = plan(replace(task, objective=MAKESPAN), steps=50)
    assert (at_once.objective, check_schedule(replace(task, objective=MAKESPAN), at_once)) == (22_000 + 20_000 + 8_000, [])
    assert plan(replace(task, objective=MAKESPAN, aisle_room=2), steps=50).objective == 36_000


def value(task, routes, search):
    """The objective of trips begun as early as may be, waits by arrival after arrival; None if something is late."""
    trips, order = [], []
    for p, route in enumerate(routes):
        for orders in route:
            trips.append((p, orders, search.takes(orders, p), runs_of(task, orders, search.tour(orders, p))))
    state = {p: [0, 0, task.people[p].begin_ms] for p in range(len(routes)) if routes[p]}  # trip, run, clock at its begin with waits
    mine = {p: [trip for trip in trips if trip[0] == p] for p in state}
    begins = {p: max(task.people[p].begin_ms, *(task.jobs[n].release_ms for n in mine[p][0][1])) for p in state}
    lost = dict.fromkeys(state, 0)
    leaves, done = {}, []
    while state:
        now, p = min((begins[p] + lost[p] + mine[p][trip][3][run][1], p) for p, (trip, run, _) in state.items())
        trip, run, _ = state[p]
        aisle, _, stays = mine[p][trip][3][run]
        inside = sorted(end for end in leaves.get(aisle, []) if end > now)
        enters = now if len(inside) < task.aisle_room else inside[-task.aisle_room]
        leaves.setdefault(aisle, []).append(enters + stays)
        lost[p] += enters - now
        state[p][1] += 1
        if state[p][1] == len(mine[p][trip][3]):
            end = begins[p] + mine[p][trip][2] + lost[p]
            done.append((begins[p], end, mine[p][trip][1]))
            order.append(p)
            state[p], lost[p] = [trip + 1, 0, 0], 0
            if trip + 1 == len(mine[p]):
                del state[p]
            else:
                begins[p] = max(end, *(task.jobs[n].release_ms for n in mine[p][trip + 1][1]))
    late = [max(0, end - task.jobs[n].due_ms) for _, end, orders in done for n in orders if task.jobs[n].due_ms is not None]
    if task.most_late_ms is not None and any(ms > task.most_late_ms for ms in late):
        return None
    return {TIME: sum(end - begin for begin, end, _ in done), MAKESPAN: max(end for _, end, _ in done)}.get(task.objective, sum(late))


@pytest.mark.parametrize("objective", [TIME, MAKESPAN, TARDINESS])
@pytest.mark.parametrize("seed", range(3))
def test_no_schedule_of_three_orders_that_begins_as_early_as_may_be_is_better(objective, seed):
    rng = random.Random(f"{objective} {seed}")
    jobs = [
        Job(
            str(n), tuple((place, 0) for place in sorted(rng.sample(range(4), 2))), (1,), rng.choice([5_000, 20_000]),
            rng.choice([0, 5_000]), rng.choice([None, 60_000]), sort_ms=rng.choice([0, 4_000]),
        )
        for n in range(3)
    ]  # fmt: skip
    task = problem(jobs, (ANN, Person("bob", (2,), 3_000)), objective, most_late_ms=None if objective == TARDINESS else 0)
    search, best = _Search(task, 0), None
    for marks in itertools.product(range(3), repeat=3):
        split = [tuple(n for n in range(3) if marks[n] == mark) for mark in sorted(set(marks))]
        for sequence in itertools.permutations(split):
            for who in itertools.product(range(2), repeat=len(split)):
                routes = [[trip for trip, p in zip(sequence, who, strict=True) if p == person] for person in range(2)]
                if all(len(trip) <= task.people[p].capacity[0] for trip, p in zip(sequence, who, strict=True)):
                    found = value(task, routes, search)
                    best = found if best is None or (found is not None and found < best) else best
    if best is None:
        with pytest.raises(NothingInTime):
            plan(task, steps=300, seed=seed)
        return
    found = plan(task, steps=300, seed=seed)
    assert check_schedule(task, found) == []
    assert found.lower_bound <= found.objective <= best


@given(st.randoms(use_true_random=False), st.integers(1, 2))
def test_waiting_is_what_the_check_counts_arrival_by_arrival(rng, room):
    jobs = [
        Job(str(n), tuple((place, 0) for place in sorted(rng.sample(range(4), rng.randint(1, 3)))), (1,), 1_000 * rng.randint(0, 20),
            1_000 * rng.randint(0, 9))
        for n in range(6)
    ]  # fmt: skip
    people = [Person(name, (2,), 1_000 * rng.randint(0, 5)) for name in ("ann", "bob", "cem")]
    task = problem(jobs, people, room=room, stop_ms=700)
    found = plan(task, steps=3, seed=1)
    assert check_schedule(task, found) == []
    assert waited_ms(task, found) == [trip.lost_ms for trip in found.trips]


def test_on_a_graph_an_aisle_is_a_way():
    floor = WalkGraph(
        [Way("gate", "yard", 10_000, name="lane"), Way("yard", "shed", 10_000, name="ramp")],
        [Spot("milk", way="lane", at_mm=4_000), Spot("eggs", way="lane", at_mm=6_000), Spot("hay", way="ramp", at_mm=1_000)],
        [Spot("desk", node="gate")],
    )
    jobs = [Job(str(n), ((n, 0),), (1,), work_ms=10_000) for n in range(3)]
    task = replace(problem(jobs, (ANN, BOB, Person("cem", (1,))), objective=MAKESPAN), floor=floor)
    for routes, lost in ((([(0,)], [(1,)], []), [0, 8_000]), (([(0,)], [(2,)], []), [0, 0])):
        assert [trip[0][2] for trip in _Search(task, 0).times(routes) if trip] == lost


def test_the_check_sees_a_wait_that_a_schedule_hides(monkeypatch):
    monkeypatch.setattr("floorwise.optimizer.schedule_search.HOLD_PASSES", 0)
    jobs = [Job("a", ((1, 0),), (3,), work_ms=20_000), Job("b", ((0, 0),), (3,), work_ms=20_000)]
    task = problem(jobs, objective=MAKESPAN)
    found = plan(task, steps=50)
    at, waiting = next((at, trip) for at, trip in enumerate(found.trips) if trip.lost_ms)
    trips = list(found.trips)
    trips[at] = replace(waiting, end_ms=waiting.end_ms - waiting.lost_ms, lost_ms=0)
    said = check_schedule(task, replace(found, trips=tuple(trips)))
    assert f"trip {at} waits {waiting.lost_ms} ms in the aisles and says 0" in said and any("the objective is" in one for one in said)


@pytest.mark.parametrize(("sort_line_ms", "tote", "expected"), [(1_000, False, 18_000), (3_000, False, 20_000), (3_000, True, 16_000)])
def test_orders_share_a_cart_where_the_walk_saves_more_than_sorting_costs(tmp_path, sort_line_ms, tote, expected):
    # The mug alone takes 4 s, the case 16 s; together 16 s and twice the sorting, unless each order has a tote of its own.
    task = {
        "format": "floorwise-solve-1",
        "objective": "time",
        "layout": {"kind": "blocks", "aisles": [{"name": "A", "x_mm": 0}], "cross_aisles_mm": [0, 10_000]},
        "depots": [{"name": "desk", "aisle": "A", "at_mm": 0}],
        "locations": [
            {"name": article, "aisle": "A", "at_mm": mm, "stock": [{"article": article, "units": 9}]}
            for mm, article in ((2_000, "mug"), (8_000, "case"))
        ],
        "articles": [{"name": "mug", "volume_cm3": 100}, {"name": "case", "volume_cm3": 100}],
        "orders": [{"name": article, "lines": [{"article": article}]} for article in ("mug", "case")],
        "pickers": [{"name": "ann"}],
        "times": {"speed_mm_s": 1_000, "sort_line_ms": sort_line_ms},
    } | ({"tote": {"volume_cm3": 1_000}} if tote else {})
    (tmp_path / "case.json").write_text(json.dumps(task))
    found = solve_file(tmp_path / "case.json", seconds=0.5)
    assert (found.objective, found.wrong) == (expected, ())
