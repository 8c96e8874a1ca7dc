"""What no schedule can beat."""

import numpy as np

from floorwise.optimizer import batching
from floorwise.optimizer.schedule import DISTANCE, TARDINESS, TIME, ScheduleProblem


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
