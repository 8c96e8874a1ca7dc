"""Orders into trips, trips to people, with releases, due times, shifts, skills, stages and carts that differ.

`plan(problem, …)` returns a `Schedule`. It starts from `assignment.solve_due` where that model holds (one kind of cart, hard due times, no
more), otherwise from insertion by due time, and goes on by taking some orders out and putting them back where they cost least (Schrimpf
et al. 2000). Objectives: distance (mm), time, tardiness, makespan (ms). Nothing is later than `most_late_ms`; NothingInTime if no such plan
was met. The bounds relax everything but the walk of each order alone, and hold with stages, too.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from floorwise.optimizer import assignment, batching
from floorwise.optimizer.rechoice import places
from floorwise.optimizer.routing import Floor, Tour, can_sweep
from floorwise.optimizer.stages import Visit, staged_tour

DISTANCE, TIME, TARDINESS, MAKESPAN = "distance", "time", "tardiness", "makespan"
MOST_PEOPLE, MOST_JOBS = 200, 2_000
UNLIMITED = 2**53
LATE_PRICE = 1_000.0  # what a ms too late costs on the way
MOST_OUT = 5  # orders taken out at once
HOT, COLD = 0.05, 0.0005  # shares of the objective that a worse plan may be worse
FINISH_S = 0.02
DUE_SHARE = 0.4  # of the time, for the start from solve_due
DEFAULT_STEPS = 2_000


@dataclass(frozen=True)
class Job:
    """An order: visits, load by resource, own work; `due_ms` None = any time; `least_mm`: no walk with it is shorter."""

    name: str
    visits: tuple[Visit, ...]
    load: tuple[int, ...]
    work_ms: int = 0
    release_ms: int = 0
    due_ms: int | None = None
    needs: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()  # segregation classes: a trip holds one at most
    least_mm: int = 0


@dataclass(frozen=True)
class Person:
    """Somebody who walks; `skills` None = all, `end_ms` None = no end of the shift."""

    name: str
    capacity: tuple[int, ...]
    begin_ms: int = 0
    end_ms: int | None = None
    skills: frozenset[str] | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, eq=False)
class ScheduleProblem:
    floor: Floor
    jobs: tuple[Job, ...]
    people: tuple[Person, ...]
    resources: tuple[str, ...]
    objective: str = TIME
    most_late_ms: int | None = 0
    setup_ms: int = 0
    stop_ms: int = 0
    speed_mm_s: int = 1_000

    def __post_init__(self) -> None:
        if not self.people or len(self.people) > MOST_PEOPLE or len(self.jobs) > MOST_JOBS:
            raise ValueError(f"1 to {MOST_PEOPLE} people for at most {MOST_JOBS} orders")
        if self.objective not in (DISTANCE, TIME, TARDINESS, MAKESPAN) or self.speed_mm_s <= 0:
            raise ValueError("the objective is distance, time, tardiness or makespan, and people walk")

    def lacks(self, job: int, person: int) -> str:
        """Return which constraint keeps this order from this person whatever the time, or nothing."""
        order, who = self.jobs[job], self.people[person]
        if who.skills is not None and not order.needs <= who.skills:
            return f"nobody has {', '.join(sorted(order.needs))}"
        over = [f"{name} {has} > {may}" for name, has, may in zip(self.resources, order.load, who.capacity, strict=True) if has > may]
        return f"exceeds every cart that may take it: {', '.join(over)}" if over else ""

    def fits(self, orders: Sequence[int], person: int) -> bool:
        jobs = [self.jobs[n] for n in orders]
        if len(frozenset().union(*(job.apart for job in jobs))) > 1:
            return False
        return all(sum(job.load[r] for job in jobs) <= limit for r, limit in enumerate(self.people[person].capacity))

    def walk_ms(self, length_mm: int) -> int:
        return -(-length_mm * 1_000 // self.speed_mm_s)

    def least_ms(self, job: int) -> int:
        """Return what a trip with this order takes at least, less the work of all its orders."""
        return self.setup_ms + self.walk_ms(self.jobs[job].least_mm) + (self.stop_ms if self.jobs[job].visits else 0)

    @cached_property
    def infeasible(self) -> dict[int, str]:
        """Orders that no plan can hold, each with the constraint that fails."""
        found = {}
        for n, job in enumerate(self.jobs):
            lacks = [self.lacks(n, p) for p in range(len(self.people))]
            able = [person for person, lack in zip(self.people, lacks, strict=True) if not lack]
            takes = self.least_ms(n) + job.work_ms
            ends = [max(person.begin_ms, job.release_ms) + takes for person in able]
            done = [end for end, person in zip(ends, able, strict=True) if person.end_ms is None or end <= person.end_ms]
            if len(job.apart) > 1:
                found[n] = f"order {job.name}: holds {' and '.join(sorted(job.apart))}, which never meet"
            elif not able:
                found[n] = f"order {job.name}: {min(lacks, key=lambda lack: (lack.startswith('nobody'), lack))}"
            elif not done:
                found[n] = f"order {job.name}: shift: takes at least {takes} ms, and no shift has that left after its release"
            elif job.due_ms is not None and self.most_late_ms is not None and min(done) > job.due_ms + self.most_late_ms:
                found[n] = f"order {job.name}: due at {job.due_ms} ms, alone it is done at {min(done)} ms at the earliest"
        return found


@dataclass(frozen=True)
class Trip:
    """One batch of one person; `stops` in walking order, a location once a stage."""

    person: int
    orders: tuple[int, ...]
    stops: tuple[int, ...]
    begin_ms: int
    end_ms: int
    length_mm: int


@dataclass(frozen=True)
class Schedule:
    trips: tuple[Trip, ...]
    objective: int
    lower_bound: int
    method: str
    tours: tuple[Tour, ...] = field(default=(), compare=False)


class NothingInTime(ValueError):
    """Every plan met was late somewhere or past a shift; the message names the orders of the best of them."""


def stop_time_ms(problem: ScheduleProblem, visits: Sequence[Visit]) -> int:
    """Return what stopping and reaching up takes: a stop for each point of each stage, a lift for each location of each stage."""
    by_stage: dict[int, set[int]] = {}
    for location, stage in visits:
        by_stage.setdefault(stage, set()).add(location)
    stops = sum(places(problem.floor, sorted(some)) for some in by_stage.values())
    return problem.stop_ms * stops + sum(int(problem.floor.lift_ms[location]) for location, _ in set(visits))


def lower_bound(problem: ScheduleProblem) -> int:
    """Return what no plan can beat, from each order alone and from how many fit a cart."""
    n = len(problem.jobs)
    load = np.array([job.load for job in problem.jobs], np.int64).reshape(n, len(problem.resources))
    widest = np.array([max(person.capacity[r] for person in problem.people) for r in range(len(problem.resources))], np.int64)
    radial = batching.radial_bound
    if problem.objective == DISTANCE:
        return radial(np.array([job.least_mm for job in problem.jobs], np.int64), load, widest)
    total = radial(np.array([problem.least_ms(n) for n in range(n)], np.int64), load, widest) + sum(job.work_ms for job in problem.jobs)
    if problem.objective == TIME:
        return total
    ends = []
    for k, job in enumerate(problem.jobs):
        able = [person for p, person in enumerate(problem.people) if not problem.lacks(k, p)] or problem.people
        ends.append(min(max(person.begin_ms, job.release_ms) for person in able) + problem.least_ms(k) + job.work_ms)
    if problem.objective == TARDINESS:
        return sum(max(0, end - job.due_ms) for end, job in zip(ends, problem.jobs, strict=True) if job.due_ms is not None)
    first = min(person.begin_ms for person in problem.people)
    return max([*ends, first + -(-total // len(problem.people))], default=0)


def plan(problem: ScheduleProblem, seconds: float | None = None, steps: int | None = None, seed: int = 0) -> Schedule:
    """Return the best schedule found in `seconds`, or after `steps` (then a seed gives one schedule); NothingInTime if all are late.

    Orders in `problem.infeasible` must be taken out before.
    """
    if problem.infeasible:
        raise ValueError("; ".join(problem.infeasible.values()))
    search = _Search(problem, seed)
    begun = time.perf_counter()
    deadline = None if seconds is None else begun + max(0.0, seconds - FINISH_S)
    method = search.begin(deadline, seconds, steps)
    search.improve(deadline, DEFAULT_STEPS if seconds is None and steps is None else steps)
    late = search.late(search.best)
    if late:
        names = ", ".join(late[:5])
        raise NothingInTime(f"{len(problem.jobs)} orders, {len(problem.people)} people: in the best plan found these are too late: {names}")
    trips, tours = [], []
    for person, route in enumerate(search.best):
        for orders, begin, end in search.timed(person, route):
            tour = search.tour(orders, person)
            trips.append(Trip(person, orders, tour.stops, begin, end, tour.length_mm))
            tours.append(tour)
    objective = round(search.objective(search.best))
    return Schedule(tuple(trips), objective, min(objective, lower_bound(problem)), method, tuple(tours))


Route = list[tuple[int, ...]]


class _Search:
    def __init__(self, problem: ScheduleProblem, seed: int) -> None:
        self.problem, self.random = problem, random.Random(seed)
        self._tours: dict[tuple, Tour] = {}
        self._takes: dict[tuple, int] = {}
        self.able = [[p for p in range(len(problem.people)) if not problem.lacks(n, p)] for n in range(len(problem.jobs))]
        self.best: list[Route] = [[] for _ in problem.people]

    def tour(self, orders: tuple[int, ...], person: int) -> Tour:
        who = self.problem.people[person]
        key = (orders, who.start, who.end)
        if key not in self._tours:
            self._tours[key] = staged_tour(self.problem.floor, self._visits(orders), who.start, who.end)
        return self._tours[key]

    def _visits(self, orders: tuple[int, ...]) -> list[Visit]:
        return sorted({visit for n in orders for visit in self.problem.jobs[n].visits})

    def takes(self, orders: tuple[int, ...], person: int) -> int:
        who = self.problem.people[person]
        key = (orders, who.start, who.end)
        if key not in self._takes:
            work = sum(self.problem.jobs[n].work_ms for n in orders)
            walk = self.problem.walk_ms(self.tour(orders, person).length_mm)
            self._takes[key] = self.problem.setup_ms + walk + work + stop_time_ms(self.problem, self._visits(orders))
        return self._takes[key]

    def timed(self, person: int, route: Route) -> list[tuple[tuple[int, ...], int, int]]:
        now, made = self.problem.people[person].begin_ms, []
        for orders in route:
            begin = max(now, *(self.problem.jobs[n].release_ms for n in orders))
            now = begin + self.takes(orders, person)
            made.append((orders, begin, now))
        return made

    def cost(self, person: int, route: Route) -> tuple[float, int]:
        """Return (what the route costs, with a price for what is forbidden; when it ends)."""
        problem, who = self.problem, self.problem.people[person]
        length = busy = tardy = over = now = 0
        for orders, begin, now in self.timed(person, route):
            busy += now - begin
            if problem.objective == DISTANCE:
                length += self.tour(orders, person).length_mm
            if who.end_ms is not None:
                over += max(0, now - who.end_ms)
            for n in orders:
                if (due := problem.jobs[n].due_ms) is not None:
                    tardy += max(0, now - due)
                    if problem.most_late_ms is not None:
                        over += max(0, now - due - problem.most_late_ms)
        main = {DISTANCE: length, TIME: busy, TARDINESS: tardy, MAKESPAN: 0}[problem.objective]
        return main + LATE_PRICE * over + (0.001 * busy if main != busy else 0), now

    def total(self, costs: Sequence[tuple[float, int]]) -> float:
        own = sum(cost for cost, _ in costs)
        return own + max(end for _, end in costs) if self.problem.objective == MAKESPAN else own

    def objective(self, routes: Sequence[Route]) -> int:
        problem = self.problem
        trips = [(p, *timed) for p, route in enumerate(routes) for timed in self.timed(p, route)]
        if problem.objective == DISTANCE:
            return sum(self.tour(orders, p).length_mm for p, orders, _, _ in trips)
        if problem.objective == TIME:
            return sum(end - begin for _, _, begin, end in trips)
        if problem.objective == MAKESPAN:
            return max((end for *_, end in trips), default=0)
        return sum(max(0, end - due) for _, orders, _, end in trips for n in orders if (due := problem.jobs[n].due_ms) is not None)

    def late(self, routes: Sequence[Route]) -> list[str]:
        found = []
        for person, route in enumerate(routes):
            for orders, _, end in self.timed(person, route):
                past = self.problem.people[person].end_ms is not None and end > self.problem.people[person].end_ms
                for n in orders:
                    job, most = self.problem.jobs[n], self.problem.most_late_ms
                    if past or (job.due_ms is not None and most is not None and end > job.due_ms + most):
                        found.append(job.name)
        return found

    def begin(self, deadline: float | None, seconds: float | None, steps: int | None) -> str:
        """Make the first plan; return how."""
        if (due := self._as_due_problem()) is not None:
            try:
                share = None if seconds is None else max(0.05, DUE_SHARE * seconds)
                moves = 5 * (steps or DEFAULT_STEPS) if share is None else None
                start = assignment.solve_due(due, share, moves, self.random.getrandbits(32))
                if not start.infeasible:
                    for work in sorted(start.work, key=lambda work: work.begin_ms):
                        self.best[work.picker].append(tuple(sorted(work.orders)))
                    return "annealing on due times, ruin and recreate"
            except assignment.NothingInTime:
                pass
        self.best = [[] for _ in self.problem.people]
        costs = [self.cost(p, []) for p in range(len(self.best))]
        jobs = self.problem.jobs
        order = sorted(range(len(jobs)), key=lambda n: (jobs[n].due_ms is None, jobs[n].due_ms or 0, jobs[n].release_ms, n))
        for n in order:
            self._insert(self.best, costs, n, is_quick=deadline is not None and time.perf_counter() > deadline)
        return "insertion, ruin and recreate"

    def improve(self, deadline: float | None, steps: int | None) -> None:
        """Take orders out and put them back, keeping what is better or not much worse, until time or count is up."""
        routes, n = [list(route) for route in self.best], len(self.problem.jobs)
        costs = [self.cost(p, route) for p, route in enumerate(routes)]
        value = least = self.total(costs)
        begun, count = time.perf_counter(), 0
        while n and (steps is None or count < steps):
            now = time.perf_counter()
            if deadline is not None and now >= deadline:
                break
            done = max(0.0 if steps is None else count / steps, 0.0 if deadline is None else (now - begun) / (deadline - begun))
            count += 1
            trial, trial_costs = [list(route) for route in routes], list(costs)
            out = self.random.sample(range(n), self.random.randint(1, min(MOST_OUT, n)))
            if self.random.random() < 0.3:  # a whole trip
                trips = [orders for route in routes for orders in route]
                out = list(self.random.choice(trips))[: 2 * MOST_OUT]
            gone = set(out)
            for p, route in enumerate(trial):
                if any(gone & set(orders) for orders in route):
                    trial[p] = [left for orders in route if (left := tuple(k for k in orders if k not in gone))]
                    trial_costs[p] = self.cost(p, trial[p])
            self.random.shuffle(out)
            for k in out:
                self._insert(trial, trial_costs, k)
            found = self.total(trial_costs)
            if found < value + HOT * (COLD / HOT) ** done * abs(value) * self.random.random() or found <= value:
                routes, costs, value = trial, trial_costs, found
                if found < least:
                    least, self.best = found, [list(route) for route in trial]

    def _insert(self, routes: list[Route], costs: list[tuple[float, int]], n: int, is_quick: bool = False) -> None:
        """Put order n where the plan gets least dearer: into a trip that has room, or as a trip of its own."""
        best = None
        if is_quick:
            p = min(self.able[n], key=lambda p: costs[p][1])
            best = (0.0, p, [*routes[p], (n,)], self.cost(p, [*routes[p], (n,)]))
        for p in () if is_quick else self.able[n]:
            route = routes[p]
            options = [
                [*route[:at], tuple(sorted((*orders, n))), *route[at + 1 :]]
                for at, orders in enumerate(route)
                if self.problem.fits((*orders, n), p)
            ]
            options += [[*route[:at], (n,), *route[at:]] for at in range(len(route) + 1)]
            for option in options:
                cost = self.cost(p, option)
                whole = self.total([*costs[:p], cost, *costs[p + 1 :]])
                if best is None or whole < best[0]:
                    best = (whole, p, option, cost)
        _, p, routes[p], costs[p] = best

    def _as_due_problem(self) -> assignment.DueProblem | None:
        """Return the problem as `assignment` has it, or None where it asks for more than that."""
        problem, people, jobs = self.problem, self.problem.people, self.problem.jobs
        alike = len({(person.capacity, person.start, person.end) for person in people}) == 1 and people[0].start == people[0].end
        is_plain = not any(job.release_ms or job.apart or len(job.needs) > 1 or any(stage for _, stage in job.visits) for job in jobs)
        if (
            not (alike and is_plain and jobs and can_sweep(problem.floor) and problem.objective == TIME and problem.most_late_ms == 0)
            or problem.stop_ms
            or len(jobs) > assignment.MOST_ORDERS
            or any(stop_time_ms(problem, job.visits) for job in jobs)
        ):
            return None
        orders = tuple(batching.Order(job.name, tuple(location for location, _ in job.visits), job.load) for job in jobs)
        base = batching.Problem(problem.floor, orders, problem.resources, people[0].capacity, people[0].start)
        pickers = tuple(
            assignment.Picker(person.name, person.begin_ms, UNLIMITED if person.end_ms is None else person.end_ms, person.skills)
            for person in people
        )
        return assignment.DueProblem(
            base, tuple(UNLIMITED if job.due_ms is None else job.due_ms for job in jobs), tuple(job.work_ms for job in jobs),
            tuple(next(iter(job.needs), "") for job in jobs), pickers, problem.setup_ms, problem.speed_mm_s,
        )  # fmt: skip
