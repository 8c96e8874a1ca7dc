"""A floorwise JSON with people, times or rules, as a schedule: locations in turn, the search, locations chosen again, the check."""

import time
from contextlib import suppress
from dataclasses import replace

from floorwise.optimizer import patience, schedule_bounds, solving
from floorwise.optimizer.check_rules import check_rules
from floorwise.optimizer.check_schedule import check_schedule
from floorwise.optimizer.formats import floorwise_json
from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.in_turn import least_alone_mm
from floorwise.optimizer.location import Choice
from floorwise.optimizer.rechoice_schedule import Picks, Plan, choose_again
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
)
from floorwise.optimizer.schedule_search import plan, routes_of

SPEED_MM_S = 1_000  # where a file without times asks for distance
CHOOSE_SHARE = 0.3  # of the time
ALONE_SHARE = 0.1  # of the time: for what each order needs alone
FIRST_SHARE, RECHOICE_SHARE, SECOND_SHARE = 0.5, 0.4, 0.6  # of the time left each time, where articles lie in several places
BOUND_SHARE, LEAST_SECONDS_FOR_BOUND = 0.35, 2.0
MOST_NAMED = 5
MOST_REHEARSED = 20  # orders


def load(task: floorwise_json.Task, seed: int, seconds: float) -> None:
    """Load the kernels that a schedule of this task needs: by making one of a few orders in no time, and those of the bound by one."""
    few = replace(task, orders=task.orders[:MOST_REHEARSED])
    with suppress(solving.NoPlan):  # the run that counts says so
        solve_schedule(few, patience.now(), seed)
        if seconds >= LEAST_SECONDS_FOR_BOUND:
            people = people_of(few)
            picks = picks_of(few, [one.choice for one in solving.choose_for(few, _first_picker(few), 0, patience.now(), seed)])
            relaxed = schedule_bounds.as_batching(problem_of(few, people, picks, patience.now()))
            if relaxed and not relaxed.refused:
                schedule_bounds.bounds.warm_up(relaxed.layout, relaxed.start)


def solve_schedule(task: floorwise_json.Task, deadline: float, seed: int) -> "solving.Answer":
    """Return the best schedule found; NoPlan names orders and the constraint that fails."""
    people = people_of(task)
    if len(task.orders) > MOST_JOBS or len(people) > MOST_PEOPLE:
        raise FormatError(f"a schedule is made for at most {MOST_JOBS} orders and {MOST_PEOPLE} pickers")
    left = deadline - patience.now()
    until = patience.now() + CHOOSE_SHARE * left
    picker = _first_picker(task)
    speed = task.speed_mm_s if task.objective != DISTANCE else 0
    chosen = solving.choose_for(task, picker, speed, until, seed)
    picks = picks_of(task, [one.choice for one in chosen])
    problem = problem_of(task, people, picks, patience.now() + ALONE_SHARE * left)
    named = {n: f"order {order.name}: {order.fault}" for n, order in enumerate(task.orders) if order.fault}
    named = {**problem.infeasible, **named}
    if named:
        raise solving.NoPlan("; ".join(named[n] for n in sorted(named)[:MOST_NAMED]))
    left = deadline - patience.now()
    bound_s = BOUND_SHARE * left if left >= LEAST_SECONDS_FOR_BOUND and schedule_bounds.as_batching(problem) else 0.0
    try:
        problem, picks, found = _planned(problem, picks, deadline - bound_s, seed)
    except NothingInTime as error:
        raise solving.NoPlan(str(error)) from None
    prices = schedule_bounds.column_prices(problem, deadline - patience.now(), seed) if bound_s and found.gap else None
    bound = max(found.lower_bound, schedule_bounds.lower_bound(problem, prices)) if prices else found.lower_bound
    if prices and found.objective > bound:  # the bound may be ready before its time
        more = plan(problem, seconds=max(deadline - patience.now(), 0.0), seed=seed + 2, start=routes_of(problem, found))
        found = replace(more, method=found.method) if more.objective < found.objective else found
    solved = time.perf_counter()
    wrong = solving.check_chosen(task, chosen, speed)
    wrong += check_schedule(problem, found) + check_rules(task, people, found.trips, picks.takes)
    return _answer(task, problem, replace(found, lower_bound=min(found.objective, bound)), wrong, time.perf_counter() - solved)


def _planned(problem: ScheduleProblem, picks: Picks, deadline: float, seed: int) -> tuple[ScheduleProblem, Picks, Schedule]:
    """Plan with the locations as they are; where articles lie in several, choose again trip by trip and go on from there."""
    left = max(deadline - patience.now(), 0.0)
    found = plan(problem, seconds=left * (FIRST_SHARE if problem.is_chosen else 1.0), seed=seed)
    if not problem.is_chosen:
        return problem, picks, found
    chosen = 0
    for share in (RECHOICE_SHARE, 1.0):
        until = patience.now() + share * max(deadline - patience.now(), 0.0)
        again, changed = choose_again(Plan(problem, picks, routes_of(problem, found)), until, seed)
        problem, picks, chosen = again.problem, again.picks, chosen + changed
        if changed or share < 1.0:  # a schedule stands for its problem: made anew wherever visits moved
            seconds = max(deadline - patience.now(), 0.0) * SECOND_SHARE if share < 1.0 else 0.0
            found = plan(problem, seconds=seconds, seed=seed + 1, start=again.routes)
    return problem, picks, replace(found, method=f"{found.method}, locations chosen again" if chosen else found.method)


def _first_picker(task: floorwise_json.Task) -> floorwise_json.Picker:
    return task.pickers[0] if task.pickers else floorwise_json.Picker("anyone", 1, {"orders": 1})


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


def picks_of(task: floorwise_json.Task, choices: list[Choice]) -> Picks:
    """Return what the orders take as chosen."""
    stages = [task.articles.get(offer.article, floorwise_json.Article()).stage for offer in task.offers]
    return Picks(task.offers, stages, [solving._demand(order.lines) for order in task.orders], tuple(choice.takes for choice in choices))


def problem_of(task: floorwise_json.Task, people: list[Person], picks: Picks, deadline: float) -> ScheduleProblem:
    """Return the problem with the chosen locations; the bound of each order holds for every choice and every picker's ends.

    These bounds are the better the more of them are found before `deadline`.
    """
    ends = sorted({(person.start, person.end) for person in people})
    offers = [replace(offer, expires=0) for offer in task.offers]
    alone = least_alone_mm(task.floor, offers, picks.demands, ends, deadline)
    jobs = []
    for order, takes, least in zip(task.orders, picks.takes, alone, strict=True):
        articles = {name: task.articles.get(name, floorwise_json.Article()) for name, _ in order.lines}
        jobs.append(
            Job(
                order.name, picks.visits(takes), order.load, task.line_ms * len(order.lines), order.release_s * 1_000,
                order.due_s * 1_000 if order.due_s else None, frozenset(order.needs),
                frozenset(article.segregation for article in articles.values()) - {""}, least,
                0 if order.load[-1] else task.sort_order_ms + task.sort_line_ms * len(order.lines),
            )
        )  # fmt: skip
    return ScheduleProblem(
        task.floor, tuple(jobs), tuple(people), floorwise_json.RESOURCES, task.objective,
        None if task.most_late_s is None else task.most_late_s * 1_000, task.setup_ms, task.stop_ms, task.speed_mm_s or SPEED_MM_S,
        task.aisle_room, len({offer.article for offer in task.offers}) < len(task.offers),
    )  # fmt: skip


def _answer(task: floorwise_json.Task, problem: ScheduleProblem, found: Schedule, wrong: list[str], outside_s: float) -> "solving.Answer":
    is_distance = task.objective == DISTANCE
    bound = found.lower_bound
    has_stages = len({stage for job in problem.jobs for _, stage in job.visits}) > 1
    has_rules = has_stages or any(job.apart or job.load[-1] for job in problem.jobs)  # the last resource: totes
    walks = tuple(
        solving.Walk(trip.orders, trip.stops, trip.length_mm if is_distance else trip.end_ms - trip.begin_ms) for trip in found.trips
    )
    shifts = tuple(solving.Shift(problem.people[trip.person].name, trip.begin_ms, trip.end_ms, trip.lost_ms) for trip in found.trips)
    return solving.Answer(
        found.objective, bound, found.objective == bound and not has_rules, walks, found.method, "mm" if is_distance else "ms",
        tuple(wrong), outside_s=outside_s, floor=task.floor, drawn=found.tours, schedule=shifts,
    )  # fmt: skip
