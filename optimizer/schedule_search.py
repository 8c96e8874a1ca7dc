"""The search for a schedule.

`plan(problem, …)` returns a `Schedule`. It starts from `assignment.solve_due` where that model holds (one kind of cart, hard due times, no
more), otherwise from insertion by due time, and goes on by taking some orders out and putting them back where they cost least (Schrimpf
et al. 2000). Nothing is later than `most_late_ms`; NothingInTime if no such plan was met.
"""

import random
from collections.abc import Sequence

from floorwise.optimizer import assignment, batching, patience
from floorwise.optimizer.congestion import paced, runs_of
from floorwise.optimizer.routing import Tour, can_sweep
from floorwise.optimizer.schedule import (
    DISTANCE,
    MAKESPAN,
    TARDINESS,
    TIME,
    UNLIMITED,
    NothingInTime,
    Schedule,
    ScheduleProblem,
    Trip,
    sort_time_ms,
    stop_time_ms,
)
from floorwise.optimizer.schedule_bounds import lower_bound
from floorwise.optimizer.stages import Visit, staged_tour

LATE_PRICE = 1_000.0  # what a ms too late costs on the way
MOST_OUT = 5  # orders taken out at once
HOT, COLD = 0.05, 0.0005  # shares of the objective that a worse plan may be worse
FINISH_S = 0.02
RUNS_S = 0.001  # an order: laying out who is where when, for the first count of waits
DUE_SHARE = 0.4  # of the time, for the start from solve_due
DEFAULT_STEPS = 2_000
HOLD_PASSES = 5
HOLD_SHARE = 0.6  # of the time, by when the first plan must have let go of waiting
LEAST_LOOKED_AT, MOST_LOOKED_AT = 3, 200  # places for an order whose waiting is counted; the most is shared by all orders


Route = list[tuple[int, ...]]


def plan(
    problem: ScheduleProblem, seconds: float | None = None, steps: int | None = None, seed: int = 0, start: Sequence[Route] | None = None
) -> Schedule:
    """Return the best schedule found in `seconds`, or after `steps` (then a seed gives one schedule); NothingInTime if all are late.

    Orders in `problem.infeasible` must be taken out before. `start`: trips of each person to go on from.
    """
    if problem.infeasible:
        raise ValueError("; ".join(problem.infeasible.values()))
    search = _Search(problem, seed)
    begun = patience.now()
    finish_s = FINISH_S + (RUNS_S * len(problem.jobs) if search.is_crowded else 0.0)
    deadline = None if seconds is None else begun + max(0.0, seconds - finish_s)
    method = search.begin(deadline, seconds, steps) if start is None else search.go_on_from(start)
    search.hold_back(None if deadline is None else begun + HOLD_SHARE * (deadline - begun))
    search.improve(deadline, DEFAULT_STEPS if seconds is None and steps is None else steps)
    search.hold_back(None if deadline is None else deadline + FINISH_S / 2)
    late = search.late(search.best)
    if late:
        names = ", ".join(late[:5])
        raise NothingInTime(f"{len(problem.jobs)} orders, {len(problem.people)} people: in the best plan found these are too late: {names}")
    trips, tours = [], []
    for person, (route, times) in enumerate(zip(search.best, search.times(search.best), strict=True)):
        for orders, (begin, end, lost) in zip(route, times, strict=True):
            tour = search.tour(orders, person)
            trips.append(Trip(person, orders, tour.stops, begin, end, tour.length_mm, lost))
            tours.append(tour)
    objective = round(search.objective(search.best))
    bound = min(objective, max(search.proven, lower_bound(problem)))
    return Schedule(tuple(trips), objective, bound, method, tuple(tours))


def value_of(problem: ScheduleProblem, routes: Sequence[Route], walks: dict | None = None) -> int | None:
    """Return the objective of these trips as sequenced, None if something is late or past a shift.

    `walks` remembers tours between calls, also for problems with other visits on the same floor.
    """
    search = _Search(problem, 0, walks)
    return None if search.late(routes) else search.objective(routes)


def routes_of(problem: ScheduleProblem, found: Schedule) -> list[Route]:
    """Return the trips of each person in sequence."""
    routes: list[Route] = [[] for _ in problem.people]
    for trip in sorted(found.trips, key=lambda trip: (trip.person, trip.begin_ms)):
        routes[trip.person].append(trip.orders)
    return routes


class _Search:
    def __init__(self, problem: ScheduleProblem, seed: int, walks: dict | None = None) -> None:
        self.problem, self.random = problem, random.Random(seed)
        self._walks = {} if walks is None else walks
        self._tours: dict[tuple, Tour] = {}
        self._takes: dict[tuple, int] = {}
        self._runs: dict[tuple, tuple] = {}
        self.holds: dict[tuple[int, ...], int] = {}  # trips that begin no earlier, so that they need not wait in the aisles
        self.proven = 0  # what no schedule takes less than, whatever is lost in aisles
        self.is_crowded = bool(problem.aisle_room) and len(problem.people) > 1
        self.able = problem.able
        self.best: list[Route] = [[] for _ in problem.people]

    def tour(self, orders: tuple[int, ...], person: int) -> Tour:
        who = self.problem.people[person]
        key = (orders, who.start, who.end)
        if key not in self._tours:
            visits = tuple(self._visits(orders))
            walk = visits, who.start, who.end
            if walk not in self._walks:
                self._walks[walk] = staged_tour(self.problem.floor, visits, who.start, who.end)
            self._tours[key] = self._walks[walk]
        return self._tours[key]

    def _visits(self, orders: tuple[int, ...]) -> list[Visit]:
        return sorted({visit for n in orders for visit in self.problem.jobs[n].visits})

    def takes(self, orders: tuple[int, ...], person: int) -> int:
        who = self.problem.people[person]
        key = (orders, who.start, who.end)
        if key not in self._takes:
            work = sum(self.problem.jobs[n].work_ms for n in orders)
            walk = self.problem.walk_ms(self.tour(orders, person).length_mm)
            stops = stop_time_ms(self.problem, self._visits(orders))
            self._takes[key] = self.problem.setup_ms + walk + work + stops + sort_time_ms(self.problem, orders)
        return self._takes[key]

    def runs(self, orders: tuple[int, ...], person: int) -> tuple:
        who = self.problem.people[person]
        key = (orders, who.start, who.end)
        if key not in self._runs:
            self._runs[key] = runs_of(self.problem, orders, self.tour(orders, person))
        return self._runs[key]

    def earliest(self, orders: tuple[int, ...]) -> int:
        return max(self.holds.get(orders, 0), *(self.problem.jobs[n].release_ms for n in orders))

    def alone(self, person: int, route: Route) -> list[tuple[int, int, int]]:
        """Return (begin, end, 0) of each trip if nobody else is on the floor."""
        now, made = self.problem.people[person].begin_ms, []
        for orders in route:
            begin = max(now, self.earliest(orders))
            now = begin + self.takes(orders, person)
            made.append((begin, now, 0))
        return made

    def times(self, routes: Sequence[Route]) -> list[list[tuple[int, int, int]]]:
        """Return (begin, end, lost) of each trip of each person, all on the floor together."""
        if not self.is_crowded:
            return [self.alone(p, route) for p, route in enumerate(routes)]
        told = [
            [(self.earliest(orders), self.takes(orders, p), self.runs(orders, p)) for orders in route] for p, route in enumerate(routes)
        ]
        return paced([person.begin_ms for person in self.problem.people], told, self.problem.aisle_room)

    def cost(self, person: int, route: Route, times: Sequence[tuple[int, int, int]] | None = None) -> tuple[float, int]:
        """Return (what the route costs, with a price for what is forbidden; when it ends); `times` if it is not alone on the floor."""
        problem, who = self.problem, self.problem.people[person]
        length = busy = tardy = over = now = 0
        for orders, (begin, now, _) in zip(route, self.alone(person, route) if times is None else times, strict=True):
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

    def together(self, routes: Sequence[Route], costs: Sequence[tuple[float, int]]) -> float:
        """Return what all routes cost with what is lost in the aisles; `costs` are those of each alone."""
        if not self.is_crowded:
            return self.total(costs)
        return self.total([self.cost(p, route, times) for p, (route, times) in enumerate(zip(routes, self.times(routes), strict=True))])

    def objective(self, routes: Sequence[Route]) -> int:
        problem = self.problem
        trips = [
            (p, orders, begin, end)
            for p, (route, times) in enumerate(zip(routes, self.times(routes), strict=True))
            for orders, (begin, end, _) in zip(route, times, strict=True)
        ]
        if problem.objective == DISTANCE:
            return sum(self.tour(orders, p).length_mm for p, orders, _, _ in trips)
        if problem.objective == TIME:
            return sum(end - begin for _, _, begin, end in trips)
        if problem.objective == MAKESPAN:
            return max((end for *_, end in trips), default=0)
        return sum(max(0, end - due) for _, orders, _, end in trips for n in orders if (due := problem.jobs[n].due_ms) is not None)

    def late(self, routes: Sequence[Route]) -> list[str]:
        found = []
        for person, (route, times) in enumerate(zip(routes, self.times(routes), strict=True)):
            for orders, (_, end, _) in zip(route, times, strict=True):
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
                self.proven = start.total_ms if start.is_proven and not start.infeasible else 0
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
        for at, n in enumerate(order):
            if deadline is not None and patience.now() > deadline:
                self._append(order[at:], [max(end, person.begin_ms) for (_, end), person in zip(costs, self.problem.people, strict=True)])
                break
            self._insert(self.best, costs, n)
        return "insertion, ruin and recreate"

    def go_on_from(self, start: Sequence[Route]) -> str:
        self.best = [[tuple(sorted(orders)) for orders in route] for route in start]
        return "ruin and recreate"

    def hold_back(self, deadline: float | None) -> None:
        """Let trips begin later by what they wait in aisles, where the plan gets better by it: waiting at the desk is free."""
        if not self.is_crowded:
            return
        least = self.together(self.best, ())
        for _ in range(HOLD_PASSES):
            is_better = False
            losing = [
                (begin, orders, lost)
                for route, times in zip(self.best, self.times(self.best), strict=True)
                for orders, (begin, _, lost) in zip(route, times, strict=True)
                if lost
            ]
            for begin, orders, lost in sorted(losing):
                if deadline is not None and patience.now() > deadline:
                    return
                before = self.holds.get(orders, 0)
                self.holds[orders] = begin + lost
                if (found := self.together(self.best, ())) < least:
                    least, is_better = found, True
                else:
                    self.holds[orders] = before
            if not is_better:
                return

    def improve(self, deadline: float | None, steps: int | None) -> None:
        """Take orders out and put them back, keeping what is better or not much worse, until time or count is up."""
        routes, n = [list(route) for route in self.best], len(self.problem.jobs)
        costs = [self.cost(p, route) for p, route in enumerate(routes)]
        value = least = self.together(routes, costs)
        begun, count = patience.now(), 0
        while n and (steps is None or count < steps):
            now = patience.now()
            if (deadline is not None and now >= deadline) or (self.proven and value <= self.proven):
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
                if deadline is not None and patience.now() >= deadline:
                    return  # one place is looked for in milliseconds, but not where there are thousands of trips
                self._insert(trial, trial_costs, k)
            found = self.together(trial, trial_costs)
            if found < value + HOT * (COLD / HOT) ** done * abs(value) * self.random.random() or found <= value:
                routes, costs, value = trial, trial_costs, found
                if found < least:
                    least, self.best = found, [list(route) for route in trial]

    def _append(self, orders: Sequence[int], free_ms: list[int]) -> None:
        """Give orders in turn to whoever is free first (as guessed without walks), into the last trip if there is room."""
        problem = self.problem
        for n in orders:
            p = min(self.able[n], key=lambda p: (free_ms[p], p))
            job, route = problem.jobs[n], self.best[p]
            if route and problem.fits((*route[-1], n), p):
                route[-1] = tuple(sorted((*route[-1], n)))
                free_ms[p] = max(free_ms[p], job.release_ms) + job.work_ms
            else:
                route.append((n,))
                free_ms[p] = max(free_ms[p], job.release_ms) + problem.least_ms(n) + job.work_ms

    def _insert(self, routes: list[Route], costs: list[tuple[float, int]], n: int) -> None:
        """Put order n where the plan gets least dearer: into a trip that has room, or as a trip of its own.

        Waiting in aisles is looked at for the options that are cheapest without: more of them where orders are few.
        """
        found = []
        for p in self.able[n]:
            route = routes[p]
            options = [
                [*route[:at], tuple(sorted((*orders, n))), *route[at + 1 :]]
                for at, orders in enumerate(route)
                if self.problem.fits((*orders, n), p)
            ]
            options += [[*route[:at], (n,), *route[at:]] for at in range(len(route) + 1)]
            for option in options:
                cost = self.cost(p, option)
                found.append((self.total([*costs[:p], cost, *costs[p + 1 :]]), len(found), p, option, cost))
        best = min(found)
        if self.is_crowded:
            looked = sorted(found)[: max(LEAST_LOOKED_AT, MOST_LOOKED_AT // len(self.problem.jobs))]
            best = min(looked, key=lambda found: (self.together([*routes[: found[2]], found[3], *routes[found[2] + 1 :]], ()), found[1]))
        _, _, p, routes[p], costs[p] = best

    def _as_due_problem(self) -> assignment.DueProblem | None:
        """Return the problem as `assignment` has it, or None where it asks for more than that."""
        problem, people, jobs = self.problem, self.problem.people, self.problem.jobs
        alike = len({(person.capacity, person.start, person.end) for person in people}) == 1 and people[0].start == people[0].end
        is_plain = not any(job.release_ms or job.apart or len(job.needs) > 1 or any(stage for _, stage in job.visits) for job in jobs)
        if (
            not (alike and is_plain and jobs and can_sweep(problem.floor) and problem.objective == TIME and problem.most_late_ms == 0)
            or problem.stop_ms
            or any(job.sort_ms for job in jobs)
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
