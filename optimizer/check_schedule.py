"""Is a schedule what it says it is? Recomputed from the problem in plain Python; walks by the search of `check`, not by the solver."""

from itertools import pairwise

from floorwise.optimizer.check import walk_length
from floorwise.optimizer.schedule import DISTANCE, MAKESPAN, TIME, Schedule, ScheduleProblem, stop_time_ms


def check_schedule(problem: ScheduleProblem, found: Schedule) -> list[str]:
    """Return what is wrong with a schedule: orders, carts, skills, segregation, stages, walks, times, lateness, objective, bound."""
    wrong: list[str] = []
    if sorted(n for trip in found.trips for n in trip.orders) != list(range(len(problem.jobs))):
        wrong.append("not every order is picked once")
    length = busy = tardy = 0
    for at, trip in enumerate(found.trips):
        who, jobs = problem.people[trip.person], [problem.jobs[n] for n in trip.orders]
        wrong += [f"{who.name} lacks a skill for order {job.name}" for job in jobs if who.skills is not None and job.needs - who.skills]
        if len({name for job in jobs for name in job.apart}) > 1:
            wrong.append(f"trip {at} brings together what must stay apart")
        for r, limit in enumerate(who.capacity):
            if sum(job.load[r] for job in jobs) > limit:
                wrong.append(f"trip {at} exceeds {problem.resources[r]} {limit}")
        visits = {visit for job in jobs for visit in job.visits}
        if not _keeps_stages(trip.stops, visits):
            wrong.append(f"trip {at} misses a location or visits a stage too early")
        way, _ = walk_length(problem.floor, who.start, trip.stops, who.end)
        if way != trip.length_mm:
            wrong.append(f"trip {at} is {way} mm long and says {trip.length_mm}")
        work = sum(job.work_ms for job in jobs)
        takes = problem.setup_ms + -(-trip.length_mm * 1_000 // problem.speed_mm_s) + stop_time_ms(problem, sorted(visits)) + work
        if trip.end_ms - trip.begin_ms != takes:
            wrong.append(f"trip {at} takes {takes} ms and says {trip.end_ms - trip.begin_ms}")
        if trip.begin_ms < who.begin_ms or (who.end_ms is not None and trip.end_ms > who.end_ms):
            wrong.append(f"trip {at} leaves the shift of {who.name}")
        for job in jobs:
            if trip.begin_ms < job.release_ms:
                wrong.append(f"order {job.name} begins before its release")
            if job.due_ms is not None:
                late = max(0, trip.end_ms - job.due_ms)
                tardy += late
                if problem.most_late_ms is not None and late > problem.most_late_ms:
                    wrong.append(f"order {job.name} is {late} ms late")
        length, busy = length + trip.length_mm, busy + trip.end_ms - trip.begin_ms
    for person, who in enumerate(problem.people):
        spans = sorted((trip.begin_ms, trip.end_ms) for trip in found.trips if trip.person == person)
        if any(a[1] > b[0] for a, b in pairwise(spans)):
            wrong.append(f"{who.name} walks two trips at once")
    last = max((trip.end_ms for trip in found.trips), default=0)
    value = {DISTANCE: length, TIME: busy, MAKESPAN: last}.get(problem.objective, tardy)
    if value != found.objective:
        wrong.append(f"the objective is {value}, the schedule says {found.objective}")
    if found.lower_bound > found.objective:
        wrong.append(f"lower bound {found.lower_bound} lies above the objective {found.objective}")
    return wrong


def _keeps_stages(stops: tuple[int, ...], visits: set[tuple[int, int]]) -> bool:
    """Are the stops all visits, stage by stage? Without stages (one walk past all) any order will do."""
    at = 0
    for stage in sorted({stage for _, stage in visits}):
        wanted = sorted(location for location, own in visits if own == stage)
        if sorted(stops[at : at + len(wanted)]) != wanted:
            return False
        at += len(wanted)
    return at == len(stops)
