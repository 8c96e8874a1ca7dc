"""Time lost when walks share aisles at a time: who arrives at an aisle that is full waits until one of those inside has done.

The model is the narrow aisle of Chen et al. 2013 and Hong, Johnson & Peters 2012, kept simple enough to be re-computed by hand. An *aisle*
is the stretch between two cross-aisles (of a graph: the way or node that a location lies on). A *run* is a row of stops of one trip in one
aisle; its picker is inside from arriving at its first stop until leaving its last. `aisle_room` people fit in, first come first served, of
two who arrive in one ms the earlier in the list of people. Walking through without a stop hinders nobody, and nobody waits inside an
aisle for the next one, so no two ever wait for each other. All in whole ms, so a schedule says exactly what is lost.
"""

import heapq
from collections.abc import Sequence

from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.routing import Tour
from floorwise.optimizer.schedule import ScheduleProblem

Run = tuple[tuple, int, int]  # aisle, ms from the begin of the trip to its first stop without waiting, ms inside
Timed = tuple[int, int, int]  # begin, end, lost of a trip


def runs_of(problem: ScheduleProblem, orders: Sequence[int], tour: Tour) -> tuple[Run, ...]:
    """Return the runs of a trip in walking order. The work of an order is spread evenly over its visits, in whole ms."""
    stops = tour.stops
    if not stops:
        return ()
    floor = problem.floor
    spends = _spends(problem, orders, stops)
    depots = (tour.start,) if tour.start == tour.end else (tour.start, tour.end)
    way = floor.distances_mm(list(stops), depots)
    walked, busy, made = floor.depots[tour.start].approach_mm, problem.setup_ms, []
    before = 0
    for at, stop in enumerate(stops):
        row = at + len(depots)
        walked += int(way[before, row])
        before = row
        arrives = problem.walk_ms(walked) + busy
        busy += spends[at]
        aisle = aisle_of(problem, stop)
        if made and made[-1][0] == aisle:
            made[-1] = (aisle, made[-1][1], arrives + spends[at] - made[-1][1])
        else:
            made.append((aisle, arrives, spends[at]))
    return tuple(made)


def aisle_of(problem: ScheduleProblem, location: int) -> tuple:
    """Return the stretch that a location lies in; on a cross-aisle it is the one behind it, as far as there is one."""
    floor = problem.floor
    if isinstance(floor, BlockLayout):
        mm = int(floor.location_mm[location])
        return int(floor.location_aisle[location]), sum(1 for line in floor.line_mm[1:-1].tolist() if line <= mm)
    spot = floor.location_spots[location]
    return ("way", spot.way) if spot.way else ("node", spot.node)


def _spends(problem: ScheduleProblem, orders: Sequence[int], stops: Sequence[int]) -> list[int]:
    """Return the ms spent at each stop: stopping (once a point and stage), reaching up, and the work of orders."""
    work: dict[tuple[int, int], int] = {}
    for n in orders:
        job = problem.jobs[n]
        for k, visit in enumerate(job.visits):
            share = job.work_ms * (k + 1) // len(job.visits) - job.work_ms * k // len(job.visits)
            work[visit] = work.get(visit, 0) + share
    stages = sorted(stage for _, stage in work)  # walked in this sequence, a location once a stage
    spends, seen = [], set()
    for stop, stage in zip(stops, stages, strict=True):
        point = (*_point(problem, stop), stage)
        spends.append(work[stop, stage] + int(problem.floor.lift_ms[stop]) + (0 if point in seen else problem.stop_ms))
        seen.add(point)
    return spends


def _point(problem: ScheduleProblem, location: int) -> tuple:
    floor = problem.floor
    if isinstance(floor, BlockLayout):
        return int(floor.location_aisle[location]), int(floor.location_mm[location])
    return (int(floor.nodes([location])[0]),)


def paced(begins: Sequence[int], routes: Sequence[Sequence[tuple[int, int, Sequence[Run]]]], room: int) -> list[list[Timed]]:
    """Return when each trip begins and ends and what it loses, when all walk at once.

    begins  when each person is there;  routes  of each person (not before, takes alone, runs) of each trip in sequence
    """
    made: list[list[Timed]] = [[] for _ in routes]
    inside: dict[tuple, list[int]] = {}  # when those who came last, at most `room`, leave
    arrivals: list[tuple[int, int]] = []  # (ms, person): everybody is on the way to one run
    began, lost, run = [0] * len(routes), [0] * len(routes), [0] * len(routes)

    def begin(person: int, now: int) -> None:
        while len(made[person]) < len(routes[person]):
            earliest, takes, runs = routes[person][len(made[person])]
            began[person], lost[person], run[person] = max(now, earliest), 0, 0
            if runs:
                heapq.heappush(arrivals, (began[person] + runs[0][1], person))
                return
            now = began[person] + takes
            made[person].append((began[person], now, 0))

    for person, now in enumerate(begins):
        begin(person, now)
    while arrivals:
        now, person = heapq.heappop(arrivals)
        _, takes, runs = routes[person][len(made[person])]
        aisle, _, spends = runs[run[person]]
        leaving = inside.setdefault(aisle, [])
        enters = now
        if len(leaving) == room:
            enters = max(now, heapq.heappop(leaving))
        heapq.heappush(leaving, enters + spends)
        lost[person] += enters - now
        run[person] += 1
        if run[person] < len(runs):
            heapq.heappush(arrivals, (began[person] + lost[person] + runs[run[person]][1], person))
            continue
        end = began[person] + takes + lost[person]
        made[person].append((began[person], end, lost[person]))
        begin(person, end)
    return made
