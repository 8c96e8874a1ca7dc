"""Walks that keep a sequence of stages: heavy before light, cold last.

A visit is (location, stage); every visit of a stage comes before any of a higher one, so a location that holds articles of two stages may
be walked to twice. Exact up to MOST_EXACT visits a stage, otherwise nearest next with turns and moves, bounded by the walk without stages.
"""

from collections.abc import Sequence

import numpy as np

from floorwise.optimizer.kernels.stages import MOST_EXACT, staged_order, staged_search
from floorwise.optimizer.layout import NO_WAY_MM, UnreachableBin
from floorwise.optimizer.routing import Floor, Tour, shortest_tour

PASSES = 20
Visit = tuple[int, int]


def staged_tour(floor: Floor, visits: Sequence[Visit], start: int = 0, end: int | None = None) -> Tour:
    """Return the shortest walk found past the visits, stage by stage; `stops` may name a location once a stage."""
    end = start if end is None else end
    visits = sorted(set(visits), key=lambda visit: (visit[1], visit[0]))
    bare = shortest_tour(floor, sorted({location for location, _ in visits}), start, end)
    stages = sorted({stage for _, stage in visits})
    if len(stages) < 2:
        return bare
    counts = [sum(1 for _, stage in visits if stage == s) for s in stages]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    depots = (start,) if start == end else (start, end)
    matrix = floor.distances_mm([location for location, _ in visits], depots)
    order = np.zeros(len(visits), np.int64)
    is_small = max(counts) <= MOST_EXACT
    if is_small:
        length = staged_order(matrix, len(depots) - 1, len(depots), first, order)
    else:
        length = staged_search(matrix, len(depots) - 1, len(depots), first, order, PASSES)
    if length >= NO_WAY_MM:
        raise UnreachableBin(f"no walk takes in location {floor.location_name(visits[0][0])} and the rest")
    total = int(length) + floor.depots[start].approach_mm + floor.depots[end].approach_mm
    stops = tuple(visits[row - len(depots)][0] for row in order.tolist())
    return Tour(stops, total, total if is_small else bare.lower_bound_mm, start, end, "stages" if is_small else "stages, local search")
