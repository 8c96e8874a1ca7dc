"""Is a schedule what it says it is? Recomputed from the problem in plain Python; walks by the search of `check`, not by the solver."""

from itertools import pairwise

from floorwise.optimizer.check import depot_node, location_node, shortest_ways, walk_graph, walk_length
from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.schedule import DISTANCE, MAKESPAN, TIME, Schedule, ScheduleProblem, Trip


def check_schedule(problem: ScheduleProblem, found: Schedule) -> list[str]:
    """Return what is wrong with a schedule: orders, carts, skills, segregation, stages, walks, times, waits, lateness, objective, bound."""
    wrong: list[str] = []
    if sorted(n for trip in found.trips for n in trip.orders) != list(range(len(problem.jobs))):
        wrong.append("not every order is picked once")
    waits = waited_ms(problem, found)
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
        if not keeps_stages(trip.stops, visits):
            wrong.append(f"trip {at} misses a location or visits a stage too early")
        way, _ = walk_length(problem.floor, who.start, trip.stops, who.end)
        if way != trip.length_mm:
            wrong.append(f"trip {at} is {way} mm long and says {trip.length_mm}")
        if trip.lost_ms != waits[at]:
            wrong.append(f"trip {at} waits {waits[at]} ms in the aisles and says {trip.lost_ms}")
        takes = takes_ms(problem, trip) + waits[at]
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


def takes_ms(problem: ScheduleProblem, trip: Trip) -> int:
    """Return what a trip takes alone on the floor: set-up, walk (rounded up), stops, lifts, the orders' work, sorting if they share it."""
    jobs = [problem.jobs[n] for n in trip.orders]
    visits = {visit for job in jobs for visit in job.visits}
    points = {(location_node(problem.floor, location), stage) for location, stage in visits}
    lifts = sum(int(problem.floor.lift_ms[location]) for location, _ in visits)
    sorting = sum(job.sort_ms for job in jobs) if len(jobs) > 1 else 0
    walking = -(-trip.length_mm * 1_000 // problem.speed_mm_s)
    return problem.setup_ms + walking + problem.stop_ms * len(points) + lifts + sum(job.work_ms for job in jobs) + sorting


def waited_ms(problem: ScheduleProblem, found: Schedule) -> list[int]:
    """Return what each trip loses in full aisles when all begin as told: arrival by arrival, counting who is still inside."""
    waits = [0] * len(found.trips)
    if not problem.aisle_room or len(problem.people) < 2:
        return waits
    stays = [_stays(problem, trip) for trip in found.trips]
    to_walk: dict[int, list[int]] = {}
    for at in sorted(range(len(found.trips)), key=lambda at: (found.trips[at].begin_ms, at)):
        if stays[at]:
            to_walk.setdefault(found.trips[at].person, []).append(at)
    now_at = {person: (trips[0], 0) for person, trips in to_walk.items()}  # trip, run
    left: dict[tuple, list[int]] = {}  # when each who ever came to an aisle leaves it
    while now_at:
        arrivals = [(found.trips[at].begin_ms + waits[at] + stays[at][run][1], person) for person, (at, run) in now_at.items()]
        now, person = min(arrivals)
        at, run = now_at[person]
        aisle, _, inside = stays[at][run]
        still = sorted(leaves for leaves in left.get(aisle, []) if leaves > now)
        enters = still[len(still) - problem.aisle_room] if len(still) >= problem.aisle_room else now
        waits[at] += enters - now
        left.setdefault(aisle, []).append(enters + inside)
        if run + 1 < len(stays[at]):
            now_at[person] = at, run + 1
        elif (later := to_walk[person].index(at) + 1) < len(to_walk[person]):
            now_at[person] = to_walk[person][later], 0
        else:
            del now_at[person]
    return waits


def _stays(problem: ScheduleProblem, trip: Trip) -> list[tuple[tuple, int, int]]:
    """Return (aisle, ms from begin to first stop, ms inside) for each row of stops in one aisle."""
    floor, who = problem.floor, problem.people[trip.person]
    graph = walk_graph(floor, trip.stops)
    stages = sorted(stage for _, stage in {visit for n in trip.orders for visit in problem.jobs[n].visits})
    walked, clock, here = floor.depots[who.start].approach_mm, problem.setup_ms, depot_node(floor, who.start)
    stopped, made = set(), []
    for stop, stage in zip(trip.stops, stages, strict=False):
        node = location_node(floor, stop)
        walked += shortest_ways(graph, here)[node]
        here = node
        spends = int(floor.lift_ms[stop]) + (problem.stop_ms if (node, stage) not in stopped else 0)
        stopped.add((node, stage))
        for n in trip.orders:
            job = problem.jobs[n]
            if (stop, stage) in job.visits:
                k, of = job.visits.index((stop, stage)), len(job.visits)
                spends += job.work_ms * (k + 1) // of - job.work_ms * k // of
        arrives = clock + -(-walked * 1_000 // problem.speed_mm_s)
        clock += spends
        aisle = _aisle(floor, stop)
        if made and made[-1][0] == aisle:
            made[-1] = (aisle, made[-1][1], arrives + spends - made[-1][1])
        else:
            made.append((aisle, arrives, spends))
    return made


def _aisle(floor, location: int) -> tuple:
    if not isinstance(floor, BlockLayout):
        spot = floor.location_spots[location]
        return (spot.way, spot.node)
    inner = [line for line in floor.line_mm.tolist()[1:-1] if floor.location_mm[location] >= line]
    return (int(floor.location_aisle[location]), len(inner))


def keeps_stages(stops: tuple[int, ...], visits: set[tuple[int, int]]) -> bool:
    """Are the stops all visits, stage by stage? Without stages (one walk past all) any order will do."""
    at = 0
    for stage in sorted({stage for _, stage in visits}):
        wanted = sorted(location for location, own in visits if own == stage)
        if sorted(stops[at : at + len(wanted)]) != wanted:
            return False
        at += len(wanted)
    return at == len(stops)
