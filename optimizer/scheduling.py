"""A floorwise JSON with people, times or rules of picking, as a schedule: locations in turn, then `schedule.plan`, then the check."""

import time
from dataclasses import replace

from floorwise.optimizer import solving
from floorwise.optimizer.check_schedule import check_schedule
from floorwise.optimizer.formats import floorwise_json
from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.location import Choice, NotEnoughStock, choose
from floorwise.optimizer.schedule import (
    DISTANCE,
    MOST_JOBS,
    MOST_PEOPLE,
    UNLIMITED,
    Job,
    NothingInTime,
    Person,
    Schedule,
    ScheduleProblem,
    lower_bound,
    plan,
)

SPEED_MM_S = 1_000  # where a file without times asks for distance
CHOOSE_SHARE = 0.3  # of the time
MOST_NAMED = 5


def solve_schedule(task: floorwise_json.Task, deadline: float, seed: int) -> "solving.Answer":
    """Return the best schedule found; NoPlan names orders and the constraint that fails."""
    people = people_of(task)
    if len(task.orders) > MOST_JOBS or len(people) > MOST_PEOPLE:
        raise FormatError(f"a schedule is made for at most {MOST_JOBS} orders and {MOST_PEOPLE} pickers")
    left = deadline - time.perf_counter()
    until = time.perf_counter() + CHOOSE_SHARE * left
    picker = task.pickers[0] if task.pickers else floorwise_json.Picker("anyone", 1, {"orders": 1})
    speed = task.speed_mm_s if task.objective != DISTANCE else 0
    choices, wrong = solving._choose_in_turn(task, picker, speed, until, seed)
    problem = problem_of(task, people, choices)
    named = {n: f"order {order.name}: {order.fault}" for n, order in enumerate(task.orders) if order.fault}
    named = {**problem.infeasible, **named}
    if named:
        raise solving.NoPlan("; ".join(named[n] for n in sorted(named)[:MOST_NAMED]))
    try:
        found = plan(problem, seconds=max(deadline - time.perf_counter(), 0.0), seed=seed)
    except NothingInTime as error:
        raise solving.NoPlan(str(error)) from None
    solved = time.perf_counter()
    wrong += check_schedule(problem, found)
    return _answer(task, problem, found, wrong, time.perf_counter() - solved)


def people_of(task: floorwise_json.Task) -> list[Person]:
    """Return everybody by name; of a picker with a count, `name 1`, `name 2`, …"""
    found = []
    for picker in task.pickers or (floorwise_json.Picker("anyone", 1, {"orders": 1}),):
        capacity = tuple(picker.capacity.get(name, UNLIMITED) for name in floorwise_json.RESOURCES)
        one = Person(
            picker.name, capacity, picker.shift_from_s * 1_000, picker.shift_to_s * 1_000 if picker.shift_to_s else None,
            None if picker.skills is None else frozenset(picker.skills), picker.start, picker.end,
        )  # fmt: skip
        names = [picker.name] if picker.count == 1 else [f"{picker.name} {k + 1}" for k in range(min(picker.count, MOST_PEOPLE + 1))]
        found += [replace(one, name=name) for name in names]
    return found


def problem_of(task: floorwise_json.Task, people: list[Person], choices: list[Choice]) -> ScheduleProblem:
    """Return the problem with the chosen locations; the bound of each order holds for every choice and every picker's ends."""
    offers = [replace(offer, expires=0) for offer in task.offers]
    ends = sorted({(person.start, person.end) for person in people})
    jobs = []
    for order, choice in zip(task.orders, choices, strict=True):
        articles = {name: task.articles.get(name, floorwise_json.Article()) for name, _ in order.lines}
        visits = {(task.offers[number].location, articles[task.offers[number].article].stage) for number, _ in choice.takes}
        demand = solving._demand(order.lines)
        try:
            least = min(choose(task.floor, offers, demand, *pair).lower_bound_mm for pair in ends)
        except NotEnoughStock as error:
            raise solving.NoPlan(f"order {order.name}: {error}") from None
        jobs.append(
            Job(
                order.name, tuple(sorted(visits)), order.load, task.line_ms * len(order.lines), order.release_s * 1_000,
                order.due_s * 1_000 if order.due_s else None, frozenset(order.needs),
                frozenset(article.segregation for article in articles.values()) - {""}, least,
            )
        )  # fmt: skip
    return ScheduleProblem(
        task.floor, tuple(jobs), tuple(people), floorwise_json.RESOURCES, task.objective,
        None if task.most_late_s is None else task.most_late_s * 1_000, task.setup_ms, task.stop_ms, task.speed_mm_s or SPEED_MM_S,
    )  # fmt: skip


def _answer(task: floorwise_json.Task, problem: ScheduleProblem, found: Schedule, wrong: list[str], outside_s: float) -> "solving.Answer":
    is_distance = task.objective == DISTANCE
    bound = min(found.objective, lower_bound(problem))
    has_stages = len({stage for job in problem.jobs for _, stage in job.visits}) > 1
    has_rules = has_stages or any(job.apart or job.load[-1] for job in problem.jobs)  # the last resource: totes
    walks = tuple(
        solving.Walk(trip.orders, trip.stops, trip.length_mm if is_distance else trip.end_ms - trip.begin_ms) for trip in found.trips
    )
    shifts = tuple(solving.Shift(problem.people[trip.person].name, trip.begin_ms, trip.end_ms) for trip in found.trips)
    return solving.Answer(
        found.objective, bound, found.objective == bound and not has_rules, walks, found.method, "mm" if is_distance else "ms",
        tuple(wrong), outside_s=outside_s, floor=task.floor, drawn=found.tours, schedule=shifts,
    )  # fmt: skip
