"""What a schedule is: orders into trips, trips to people, with releases, due times, shifts, skills, stages and carts that differ.

Objectives: distance (mm), time, tardiness, makespan (ms). A trip takes set-up, walk, stops, lifts, its orders' own work, sorting where
several orders without totes of their own share it, and what it waits for others in the aisles (`congestion`). `schedule_search.plan` makes
a `Schedule`, `schedule_bounds` says what no plan can beat, `check_schedule` re-computes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from floorwise.optimizer.rechoice import places
from floorwise.optimizer.routing import Floor, Tour
from floorwise.optimizer.stages import Visit

DISTANCE, TIME, TARDINESS, MAKESPAN = "distance", "time", "tardiness", "makespan"
MOST_PEOPLE, MOST_JOBS = 200, 2_000
UNLIMITED = 2**53


@dataclass(frozen=True)
class Job:
    """An order: visits, load by resource, own work; `due_ms` None = any time; `least_mm`: no walk with it is shorter.

    `sort_ms`: what sorting it out takes at the bench if it shares a trip; 0 where it fills totes of its own.
    """

    name: str
    visits: tuple[Visit, ...]
    load: tuple[int, ...]
    work_ms: int = 0
    release_ms: int = 0
    due_ms: int | None = None
    needs: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()  # segregation classes: a trip holds one at most
    least_mm: int = 0
    sort_ms: int = 0


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
    """`aisle_room`: how many people work in one aisle between two cross-aisles at a time (0 = any number).

    `is_chosen`: visits could lie elsewhere, so bounds rest on `least_mm` and not on them.
    """

    floor: Floor
    jobs: tuple[Job, ...]
    people: tuple[Person, ...]
    resources: tuple[str, ...]
    objective: str = TIME
    most_late_ms: int | None = 0
    setup_ms: int = 0
    stop_ms: int = 0
    speed_mm_s: int = 1_000
    aisle_room: int = 0
    is_chosen: bool = False

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

    @cached_property
    def able(self) -> tuple[tuple[int, ...], ...]:
        """Who may take each order, ascending; orders alike are looked at once."""
        known: dict[tuple, tuple[int, ...]] = {}
        for n, job in enumerate(self.jobs):
            if (job.load, job.needs) not in known:
                known[job.load, job.needs] = tuple(p for p in range(len(self.people)) if not self.lacks(n, p))
        return tuple(known[job.load, job.needs] for job in self.jobs)

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
            able = [self.people[p] for p in self.able[n]]
            takes = self.least_ms(n) + job.work_ms
            ends = [max(person.begin_ms, job.release_ms) + takes for person in able]
            done = [end for end, person in zip(ends, able, strict=True) if person.end_ms is None or end <= person.end_ms]
            if len(job.apart) > 1:
                found[n] = f"order {job.name}: holds {' and '.join(sorted(job.apart))}, which never meet"
            elif not able:
                lacks = [self.lacks(n, p) for p in range(len(self.people))]
                found[n] = f"order {job.name}: {min(lacks, key=lambda lack: (lack.startswith('nobody'), lack))}"
            elif not done:
                found[n] = f"order {job.name}: shift: takes at least {takes} ms, and no shift has that left after its release"
            elif job.due_ms is not None and self.most_late_ms is not None and min(done) > job.due_ms + self.most_late_ms:
                found[n] = f"order {job.name}: due at {job.due_ms} ms, alone it is done at {min(done)} ms at the earliest"
        return found


@dataclass(frozen=True)
class Trip:
    """One batch of one person; `stops` in walking order, a location once a stage; `lost_ms` of its time it waits for others."""

    person: int
    orders: tuple[int, ...]
    stops: tuple[int, ...]
    begin_ms: int
    end_ms: int
    length_mm: int
    lost_ms: int = 0


@dataclass(frozen=True)
class Schedule:
    trips: tuple[Trip, ...]
    objective: int
    lower_bound: int
    method: str
    tours: tuple[Tour, ...] = field(default=(), compare=False)

    @property
    def gap(self) -> float:
        return (self.objective - self.lower_bound) / self.lower_bound if self.lower_bound else float(self.objective > 0)


class NothingInTime(ValueError):
    """Every plan met was late somewhere or past a shift; the message names the orders of the best of them."""


def sort_time_ms(problem: ScheduleProblem, orders: Sequence[int]) -> int:
    """Return what sorting takes after a trip: nothing for one order, else what each of them takes."""
    return sum(problem.jobs[n].sort_ms for n in orders) if len(orders) > 1 else 0


def stop_time_ms(problem: ScheduleProblem, visits: Sequence[Visit]) -> int:
    """Return what stopping and reaching up takes: a stop for each point of each stage, a lift for each location of each stage."""
    by_stage: dict[int, set[int]] = {}
    for location, stage in visits:
        by_stage.setdefault(stage, set()).add(location)
    stops = sum(places(problem.floor, sorted(some)) for some in by_stage.values())
    return problem.stop_ms * stops + sum(int(problem.floor.lift_ms[location]) for location, _ in set(visits))
