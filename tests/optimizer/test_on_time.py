"""Nothing slow is begun once the time is over, and whoever has had enough gets the plan that there is."""

import itertools

import pytest

from floorwise.optimizer import in_turn, patience, schedule_search
from floorwise.optimizer.in_turn import choose_in_turn, least_alone_mm
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.location import NotEnoughStock, Offer, choose
from floorwise.optimizer.schedule import MAKESPAN, Job, Person, ScheduleProblem
from floorwise.optimizer.schedule_search import plan

#                                    0      1      2      3
LAYOUT = BlockLayout([0, 4_000], [0, 10_000], [0, 0, 1, 1], [2_000, 8_000, 3_000, 9_000], (Depot("desk", 0, 0),))
OFFERS = [Offer(1, "mug", 5), Offer(0, "mug", 2), Offer(2, "bowl", 1, 7), Offer(3, "bowl", 9, 6)]


@pytest.fixture
def ticking(monkeypatch):
    """A clock that is one second on at each look, and a count of the choices made by then."""
    ticks, made = itertools.count(), []
    monkeypatch.setattr(in_turn.patience, "now", lambda: float(next(ticks)))

    def counted(*words, **more):
        made.append(words)
        return choose(*words, **more)

    monkeypatch.setattr(in_turn, "choose", counted)
    return made


def test_no_order_is_chosen_for_after_the_deadline_and_each_still_gets_its_goods(ticking):
    demands = [{"mug": 1}] * 5 + [{"bowl": 2, "mug": 1}]
    chosen = choose_in_turn(LAYOUT, OFFERS, demands, 0, 0, deadline=5.0)
    assert 1 <= len(ticking) <= 3  # each order looks at the clock more than once
    assert [objection for one in chosen for objection in one.objections(LAYOUT, 0)] == []
    assert sum(units for one in chosen for number, units in one.choice.takes if OFFERS[number].article == "mug") == 6
    assert (3, 2) in chosen[-1].choice.takes  # the lot of date 6 before the nearer one of date 7


def test_what_is_taken_in_haste_is_the_nearest_and_is_measured():
    (first, second) = choose_in_turn(LAYOUT, OFFERS, [{"mug": 2}, {"mug": 1}], 0, 0, deadline=0.0)
    assert (first.choice.takes, first.choice.cost_mm) == (((1, 2),), 4_000)  # 2 m up aisle 0 and back
    assert (second.choice.takes, second.choice.cost_mm) == (((0, 1),), 16_000)


def test_haste_names_the_order_that_finds_the_shelf_empty():
    with pytest.raises(NotEnoughStock) as refused:
        choose_in_turn(LAYOUT, OFFERS, [{"mug": 7}, {"mug": 1}], 0, 0, deadline=0.0)
    assert refused.value.args == ("article mug: 1 wanted, 0 in stock", 1)


def test_a_bound_found_in_haste_is_below_what_the_order_takes_and_costs_no_choice(ticking):
    demands = [{"mug": 1}, {"bowl": 1}, {"mug": 1, "bowl": 1}]
    quick = least_alone_mm(LAYOUT, OFFERS, demands, [(0, 0)], deadline=-1.0)
    assert ticking == []
    assert quick == [4_000, 14_000, 14_000]  # bowl in aisle 1: 4 m across and 3 m up, there and back
    slow = least_alone_mm(LAYOUT, OFFERS, demands, [(0, 0)], deadline=100.0)
    assert len(ticking) == 3 and all(q <= s for q, s in zip(quick, slow, strict=True))


def problem(orders: int, room: int) -> ScheduleProblem:
    jobs = tuple(Job(str(n), ((n % 4, 0),), (1,), work_ms=1_000) for n in range(orders))
    return ScheduleProblem(LAYOUT, jobs, (Person("a", (room,)), Person("b", (room,))), ("orders",), MAKESPAN)


def test_a_first_plan_without_time_fills_carts_and_shares_them_out():
    found = plan(problem(12, 3), seconds=0.0)
    assert sorted(n for trip in found.trips for n in trip.orders) == list(range(12))
    assert [len(trip.orders) for trip in found.trips] == [3] * 4
    assert sorted(trip.person for trip in found.trips) == [0, 0, 1, 1]


def test_hurry_ends_a_search_that_has_hours_left(monkeypatch):
    begin = schedule_search._Search.begin

    def begun(*words):
        method = begin(*words)
        patience.hurry()
        return method

    monkeypatch.setattr(schedule_search._Search, "begin", begun)
    with patience.patience():
        found = plan(problem(8, 2), seconds=36_000.0)
    assert sorted(n for trip in found.trips for n in trip.orders) == list(range(8))


def test_nobody_is_hurried_for_ever():
    with pytest.raises(RuntimeError):
        patience.hurry()
    with patience.patience():
        before = patience.now()
        patience.hurry()
        assert patience.now() > before + 900_000_000
    assert patience.now() < before + 800_000_000
