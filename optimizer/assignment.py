"""Orders into batches, batches to pickers, in an order that keeps every due time; least total time.

Hard due times (van Gils et al. 2019): a batch must end before the earliest due time of its orders and before its picker's shift does. A
batch takes set-up, walking and the orders' own picking time. `solve_due` anneals over exact tours, and finds and proves the best plan of
few orders (`exact_due`); `check_due` re-computes a plan.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from floorwise.optimizer import exact_due, patience
from floorwise.optimizer.batching import Problem, walked
from floorwise.optimizer.kernels.block_masks import INFINITE
from floorwise.optimizer.kernels.lengths import all_lengths
from floorwise.optimizer.kernels.schedule import NONE, anneal_schedule
from floorwise.optimizer.routing import shortest_tour

MOST_ORDERS = 400  # the search keeps an order × order table
DEFAULT_SECONDS = 2.0
HOT, COLD = 0.2, 0.001  # in shares of a mean batch
LATE_PRICE = 3.0  # what a ms of lateness costs on the way
SEARCH_SHARE = 0.25  # of the time for a plan before the proof of more orders than a moment proves
ROUNDS = 4  # searches from the start, each with its own cooling; the best of them counts
FIRST_STEPS, MOST_STEPS_AT_ONCE, LOOK_AT_CLOCK_S, FINISH_S = 200, 20_000, 0.01, 0.005


@dataclass(frozen=True)
class Picker:
    """A person with a shift; `skills` are kinds of orders (skill, equipment, zone) they may pick, None = all."""

    name: str
    begin_ms: int
    end_ms: int
    skills: frozenset[str] | None = None


@dataclass(frozen=True, eq=False)
class DueProblem:
    """A batching problem with times: due time, own work and needed skills ("" = none) of each order, and the pickers."""

    batching: Problem
    due_ms: tuple[int, ...]
    work_ms: tuple[int, ...]
    needs: tuple[str, ...]
    pickers: tuple[Picker, ...]
    setup_ms: int = 0
    speed_mm_s: int = 1_000

    def __post_init__(self) -> None:
        n = len(self.batching.orders)
        if not n == len(self.due_ms) == len(self.work_ms) == len(self.needs) or n > MOST_ORDERS:
            raise ValueError(f"each of at most {MOST_ORDERS} orders has one due time, one work time and one need")
        if not self.pickers or self.speed_mm_s <= 0 or min((0, self.setup_ms, *self.work_ms)) < 0:
            raise ValueError("there are pickers, they walk, and nothing takes less than no time")

    def may(self, order: int, picker: int) -> bool:
        skills = self.pickers[picker].skills
        return skills is None or not self.needs[order] or self.needs[order] in skills

    def time_ms(self, length_mm: int) -> int:
        return -(-length_mm * 1_000 // self.speed_mm_s)


@dataclass(frozen=True)
class Work:
    """One batch of one picker, with its walk and when it begins and ends."""

    picker: int
    orders: tuple[int, ...]
    stops: tuple[int, ...]
    begin_ms: int
    end_ms: int


@dataclass(frozen=True)
class DuePlan:
    """A plan in which nothing is late. `infeasible` names the orders that no plan can serve in time; they are left out.

    `is_proven`: every split, assignment and sequence was considered, and none takes less.
    """

    work: tuple[Work, ...]
    total_ms: int
    infeasible: tuple[tuple[int, str], ...]
    steps: int
    seconds: float
    is_proven: bool = False

    @property
    def makespan_ms(self) -> int:
        return max((work.end_ms for work in self.work), default=0)


class NothingInTime(ValueError):
    """No plan was found in which every order is in time, though each alone could be."""


def infeasible_orders(problem: DueProblem) -> dict[int, str]:
    """Return the orders that fail even alone, with the constraint: capacity, reach, skill, shift or due time."""
    found = {refused.order: refused.reason for refused in problem.batching.refused}
    alone = all_lengths(problem.batching.floor.masks([o.locations for o in problem.batching.orders]), problem.batching.floor.kernel)
    for number, order in enumerate(problem.batching.orders):
        if number in found or alone[number] >= INFINITE:
            continue
        takes = problem.setup_ms + problem.work_ms[number] + problem.time_ms(int(alone[number]))
        able = [picker for at, picker in enumerate(problem.pickers) if problem.may(number, at)]
        if not able:
            found[number] = f"order {order.name}: nobody has {problem.needs[number]}"
        elif all(picker.begin_ms + takes > picker.end_ms for picker in able):
            found[number] = f"order {order.name}: takes {takes} ms, longer than any shift"
        elif all(picker.begin_ms + takes > min(problem.due_ms[number], picker.end_ms) for picker in able):
            first = min(picker.begin_ms for picker in able) + takes
            found[number] = f"order {order.name}: due at {problem.due_ms[number]} ms, alone it is done at {first} ms"
    return found


def solve_due(
    problem: DueProblem,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    clock: Callable[[], float] = patience.now,
) -> DuePlan:
    """Return the plan of least total time found in which nothing is late; NothingInTime if there is none.

    Stops after `steps` moves (then a seed gives one plan) or `seconds` (default 2).
    """
    begun = clock()
    out = infeasible_orders(problem)
    rows = [n for n in range(len(problem.batching.orders)) if n not in out]
    if not rows:
        return DuePlan((), 0, tuple(sorted(out.items())), 0, clock() - begun, True)
    search = _Search(problem, rows, seed)
    budget = DEFAULT_SECONDS if seconds is None and steps is None else seconds
    size = len(rows), len(problem.pickers), problem.batching.has_one_block
    is_tiny = exact_due.is_small(*size, None)
    is_small = not is_tiny and budget is not None and exact_due.is_small(*size, budget)
    if is_tiny and (budget is None or budget > 0) and (found := search.prove(begun, None, clock, exact_due.MOST_STEPS_BY_COUNT)):
        return _planned(problem, search, found, out, 0, begun, clock)
    count, chunk = 0, FIRST_STEPS
    while steps is None or count < steps:
        looked = clock()
        left = None if budget is None else budget - FINISH_S - (looked - begun)
        if is_small and looked - begun > SEARCH_SHARE * budget:
            is_small = False
            if found := search.prove(begun, budget - FINISH_S, clock):
                return _planned(problem, search, found, out, count, begun, clock)
            continue
        if left is not None and left <= 0:
            break
        wanted = chunk if steps is None else min(chunk, steps - count)
        done = count / steps if budget is None else max(0.0 if steps is None else count / steps, (looked - begun) / budget)
        search.walk(wanted, done)
        count += wanted
        aim = LOOK_AT_CLOCK_S if left is None else min(LOOK_AT_CLOCK_S, max(left, 0.001) / 2)
        chunk = FIRST_STEPS if budget is None else int(min(MOST_STEPS_AT_ONCE, max(1, chunk * min(4.0, aim / max(clock() - looked, 1e-6)))))
    if search.best_cost >= INFINITE:
        raise NothingInTime(f"{len(rows)} orders, {len(problem.pickers)} pickers: every plan met was late somewhere")
    return DuePlan(search.work(), int(search.best_cost), tuple(sorted(out.items())), count, clock() - begun)


def _planned(problem: DueProblem, search: _Search, total: int, out: dict[int, str], count: int, begun: float, clock) -> DuePlan:
    """Return the best plan of all, or say that there is none."""
    if total >= INFINITE:
        raise NothingInTime(f"{len(search.rows)} orders, {len(problem.pickers)} pickers: in every plan something is late")
    return DuePlan(search.work(), total, tuple(sorted(out.items())), count, clock() - begun, True)


def warm_up(problem: DueProblem) -> None:
    """Load the kernels for floors like that of `problem`."""
    if problem.batching.orders:
        with suppress(NothingInTime):
            search = _Search(problem, [0], 0)
            search.walk(1, 0.0)
            search.prove(0.0, None, patience.now)
            search.work()
            exact_due.warm_up()


def check_due(problem: DueProblem, plan: DuePlan) -> list[str]:
    """Return what is wrong with a plan, re-computed from the description; the search is not asked."""
    wrong = []
    orders = problem.batching.orders
    served = sorted(n for work in plan.work for n in work.orders)
    if served != sorted(set(range(len(orders))) - {n for n, _ in plan.infeasible}):
        wrong.append("not every order is served once")
    total = 0
    for work in plan.work:
        picker = problem.pickers[work.picker]
        members = [orders[n] for n in work.orders]
        wrong += [f"{picker.name} may not pick order {orders[n].name}" for n in work.orders if not problem.may(n, work.picker)]
        for r, limit in enumerate(problem.batching.capacity):
            if sum(order.load[r] for order in members) > limit:
                wrong.append(f"a batch exceeds {problem.batching.resources[r]}")
        if set(work.stops) != {location for order in members for location in order.locations}:
            wrong.append("a walk misses a location")
        walk = shortest_tour(problem.batching.layout, work.stops, problem.batching.start).length_mm
        takes = problem.setup_ms + sum(problem.work_ms[n] for n in work.orders) + problem.time_ms(walk)
        total += takes
        if work.end_ms - work.begin_ms != takes or work.begin_ms < picker.begin_ms or work.end_ms > picker.end_ms:
            wrong.append(f"a batch of {picker.name} has wrong times")
        wrong += [f"order {orders[n].name} is late" for n in work.orders if work.end_ms > problem.due_ms[n]]
    for at, picker in enumerate(problem.pickers):
        spans = sorted((work.begin_ms, work.end_ms) for work in plan.work if work.picker == at)
        if any(a[1] > b[0] for a, b in pairwise(spans)):
            wrong.append(f"{picker.name} walks two batches at once")
    if total != plan.total_ms:
        wrong.append(f"the plan says {plan.total_ms} ms, it is {total}")
    return wrong


class _Search:
    def __init__(self, problem: DueProblem, rows: list[int], seed: int) -> None:
        self.problem, self.rows = problem, rows
        orders = problem.batching.orders
        n = len(rows)
        self.masks = problem.batching.floor.masks([orders[row].locations for row in rows])
        self.due, self.own = (np.array([values[row] for row in rows], np.int64) for values in (problem.due_ms, problem.work_ms))
        self.load = np.array([orders[row].load for row in rows], np.int64).reshape(n, len(problem.batching.resources))
        self.may = np.array([[problem.may(row, p) for p in range(len(problem.pickers))] for row in rows])
        self.free = np.array([(picker.begin_ms, picker.end_ms) for picker in problem.pickers], np.int64)
        alone = all_lengths(self.masks, problem.batching.floor.kernel)
        self.mean = float(problem.setup_ms + self.own.mean() + alone.mean() * 1_000 / problem.speed_mm_s)
        self.random = np.array([random.Random(seed).getrandbits(64)], np.uint64)
        self.best_where, self.best_picker, self.best_cost = np.zeros(n, np.int64), np.zeros(n, np.int64), int(INFINITE)
        self.round = -1

    def walk(self, steps: int, done: float) -> None:
        """Make `steps` moves at a share `done` of the whole search; each of ROUNDS begins with one order a batch."""
        at = min(ROUNDS - 1, int(done * ROUNDS))
        if at != self.round:
            self.round = at
            self.where = np.arange(len(self.rows), dtype=np.int64)
            self.picker = np.argmax(self.may, axis=1).astype(np.int64)
        within = min(1.0, done * ROUNDS - at)
        batching = self.problem.batching
        self.best_cost = int(
            anneal_schedule(
                self.masks, self.own, self.due, self.load, np.array(batching.capacity, np.int64), self.may, batching.floor.kernel,
                self.problem.setup_ms, self.problem.speed_mm_s, self.free, self.where, self.picker, self.best_where, self.best_picker,
                np.int64(self.best_cost), HOT * self.mean, COLD * self.mean, within, within, steps, LATE_PRICE, self.random,
            )
        )  # fmt: skip

    def prove(self, begun: float, most_s: float | None, clock: Callable[[], float], most_steps: int | None = None) -> int | None:
        """Try every split, assignment and sequence; return the least total (INFINITE if all are late), None if that takes too long."""
        batching = self.problem.batching
        best = exact_due.BestPlan(
            self.masks, self.load, np.array(batching.capacity, np.int64), batching.floor.kernel, self.problem.setup_ms,
            self.problem.speed_mm_s, self.own, self.due, self.may, self.free,
        )  # fmt: skip
        if most_steps is not None and best.steps > most_steps:
            return None
        found = best.run(lambda: most_s is not None and clock() - begun > most_s)
        if found is None:
            return None
        total, plan = found
        if total < INFINITE:
            self.best_cost = total
            self.best_where, self.best_picker = exact_due.members(plan, len(self.rows))
        return total

    def work(self) -> tuple[Work, ...]:
        problem = self.problem
        numbers = sorted(set(self.best_where.tolist()))
        groups = [[self.rows[k] for k in np.flatnonzero(self.best_where == number)] for number in numbers]
        bare = walked(problem.batching, groups)
        now = [picker.begin_ms for picker in problem.pickers]
        made = []
        by_due = sorted(range(len(numbers)), key=lambda k: (min(problem.due_ms[n] for n in groups[k]), numbers[k]))
        for k in by_due:
            picker = int(self.best_picker[numbers[k]])
            assert picker != NONE
            own = sum(problem.work_ms[n] for n in groups[k])
            end = now[picker] + problem.setup_ms + own + problem.time_ms(bare[k].length_mm)
            made.append(Work(picker, tuple(groups[k]), bare[k].stops, now[picker], end))
            now[picker] = end
        return tuple(made)
