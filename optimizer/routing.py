"""Shortest tours: which way to walk past given locations, how long that is, and how far from the best it can be at most.

`shortest_tour(floor, stops)` and `shortest_tours(floor, many)` take any floor (`layout.BlockLayout`, `walkgraph.WalkGraph`) and location
numbers in any order. The method follows from the floor:

- up to 6 cross-aisles, two-way aisles, start = end: exact by dynamic programming over the aisles, closed stretches included;
- anything else with up to MOST_EXACT_STOPS stops: exact by dynamic programming over sets of stops;
- anything else: local search with restarts from shaken tours, with a lower bound (1-trees, or the aisle sweep of the round trip).

`policy_tour` walks by a habit instead (S-shape, largest gap, midpoint, return), for comparison. Lengths include the depot's approach.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from floorwise.optimizer.kernels import policies
from floorwise.optimizer.kernels.multiblock import multiblock_walks
from floorwise.optimizer.kernels.states import MOST_CROSS_AISLES, state_space
from floorwise.optimizer.kernels.tours import MOST_EXACT_STOPS, best_order, one_tree_bound, order_length, search_order
from floorwise.optimizer.layout import NO_WAY_MM, BlockLayout, LayoutError, UnknownPlace, UnreachableBin
from floorwise.optimizer.walkgraph import WalkGraph

Floor = BlockLayout | WalkGraph

MOST_STOPS = 5_000  # a distance matrix of 200 MB
BOUND_ROUNDS = 300
DEFAULT_ROUNDS = 400  # shakes of the local search: some tens of milliseconds at 50 stops

POLICIES = {
    "s-shape": policies.s_shape_walk,
    "largest-gap": policies.largest_gap_walk,
    "midpoint": policies.midpoint_walk,
    "return": policies.return_walk,
}


@dataclass(frozen=True)
class Tour:
    """One walk: locations in walking order, its length, and the length that no walk can beat."""

    stops: tuple[int, ...]
    length_mm: int
    lower_bound_mm: int
    start: int
    end: int
    method: str

    @property
    def is_exact(self) -> bool:
        return self.lower_bound_mm == self.length_mm

    @property
    def gap(self) -> float:
        """How much longer than the best it can be at most, as a share of the lower bound."""
        return (self.length_mm - self.lower_bound_mm) / self.lower_bound_mm if self.lower_bound_mm else 0.0


def shortest_tour(
    floor: Floor,
    stops: Sequence[int],
    start: int = 0,
    end: int | Sequence[int] | None = None,
    *,
    rounds: int = DEFAULT_ROUNDS,
    seed: int = 0,
) -> Tour:
    """Return the shortest tour found past `stops`, from depot `start` to `end` (default: back to the start; of several, the best).

    The same arguments give the same tour. UnreachableBin names a stop that the tour cannot take in.
    """
    ends = (start,) if end is None else (end,) if isinstance(end, int) else tuple(end)
    _check_depots(floor, (start, *ends))
    places = _checked_stops(floor, stops)
    tours, refused = [], UnknownPlace("no depot to end at")
    for e in ends:
        try:
            is_swept = can_sweep(floor) and e == start
            tours.append(_by_aisles(floor, [places], start)[0] if is_swept else _by_stops(floor, places, start, e, rounds, seed))
        except UnreachableBin as error:  # another depot may still be reached
            refused = error
    if not tours:
        raise refused
    best = min(tours, key=lambda tour: tour.length_mm)
    return replace(best, lower_bound_mm=min(tour.lower_bound_mm for tour in tours))


def shortest_tours(
    floor: Floor, many: Sequence[Sequence[int]], start: int = 0, *, rounds: int = DEFAULT_ROUNDS, seed: int = 0
) -> list[Tour]:
    """Return one round trip for each list of stops, exact where `can_sweep(floor)`."""
    _check_depots(floor, (start,))
    places = [_checked_stops(floor, stops) for stops in many]
    if can_sweep(floor):
        return _by_aisles(floor, places, start)
    return [_by_stops(floor, stops, start, start, rounds, seed) for stops in places]


def sweep_arrays(floor: BlockLayout, first_stop: np.ndarray, stops: np.ndarray, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths (int64[T]) and locations in walking order (int64[n]) of many exact round trips, arrays in and out.

    Set t is stops[first_stop[t]:first_stop[t + 1]]. This is the fast lane: no object is made for a tour.
    """
    if not can_sweep(floor):
        raise LayoutError(f"the aisle sweep needs two-way aisles and 2 to {MOST_CROSS_AISLES} cross-aisles")
    first_stop = np.ascontiguousarray(first_stop, dtype=np.int64)
    stops = np.ascontiguousarray(stops, dtype=np.int64)
    if len(first_stop) == 0 or first_stop[0] != 0 or first_stop[-1] != len(stops) or (np.diff(first_stop) < 0).any():
        raise ValueError("first_stop must rise from 0 to the number of stops")
    if len(stops) and not 0 <= stops.min() <= stops.max() < floor.locations:
        raise UnknownPlace(f"a stop lies outside locations 0..{floor.locations - 1}")
    _check_depots(floor, (start,))
    depot = floor.depots[start]
    space = state_space(floor.blocks + 1)
    by_rank = floor.by_rank
    lengths = np.empty(len(first_stop) - 1, dtype=np.int64)
    order = np.empty(len(stops), dtype=np.int64)
    multiblock_walks(
        first_stop, stops, floor.rank, by_rank, floor.location_aisle, floor.location_mm, floor.line_mm, floor.closed_mm, floor.width_mm,
        depot.aisle, depot.mm, space.into, space.source, space.option, space.closed, lengths, order,
    )  # fmt: skip
    return lengths + np.where(np.diff(first_stop) > 0, 2 * depot.approach_mm, 0), order


def policy_tour(floor: BlockLayout, stops: Sequence[int], policy: str, start: int = 0) -> Tour:
    """Return the tour that a habit of the floor prescribes; one block, nothing closed or one-way, the depot on a cross-aisle."""
    if policy not in POLICIES:
        raise ValueError(f"policy {policy!r} is none of {', '.join(POLICIES)}")
    _check_depots(floor, (start,))
    depot = floor.depots[start]
    if not isinstance(floor, BlockLayout) or not floor.is_plain or floor.blocks != 1 or depot.mm not in (0, int(floor.line_mm[-1])):
        raise LayoutError(f"{policy} is defined for one open block with the depot on a cross-aisle")
    places = np.sort(floor.rank[_checked_stops(floor, stops)])
    locations = floor.by_rank[places]
    begin = np.searchsorted(floor.location_aisle[locations], np.arange(len(floor.aisle_x_mm) + 1)).astype(np.int64)
    order = np.zeros(len(locations), dtype=np.int64)
    length = POLICIES[policy](begin, floor.location_mm[locations], floor.aisle_x_mm, int(floor.line_mm[-1]), depot.aisle, depot.mm, order)
    exact = shortest_tour(floor, stops, start)
    length = int(length) + (2 * depot.approach_mm if len(locations) else 0)
    return Tour(tuple(locations[order].tolist()), length, exact.length_mm, start, start, policy)


def tour_of(floor: Floor, stops: Sequence[int], start: int, end: int, lower_bound_mm: int, method: str) -> Tour:
    """Return the tour past `stops` in the order given."""
    depots = (start,) if start == end else (start, end)
    matrix = floor.distances_mm(np.asarray(stops, dtype=np.int64), depots)
    length = int(order_length(matrix, len(depots) - 1, np.arange(len(stops)) + len(depots)))
    length += floor.depots[start].approach_mm + floor.depots[end].approach_mm
    return Tour(tuple(int(stop) for stop in stops), length, min(lower_bound_mm, length), start, end, method)


def can_sweep(floor: Floor) -> bool:
    """Return whether round trips on this floor are exact by the aisle sweep."""
    return isinstance(floor, BlockLayout) and not floor.is_directed and floor.blocks + 1 <= MOST_CROSS_AISLES


def _by_aisles(floor: BlockLayout, many: Sequence[np.ndarray], start: int) -> list[Tour]:
    first_stop = np.concatenate([[0], np.cumsum([len(stops) for stops in many])]).astype(np.int64)
    flat = np.concatenate([*many, np.empty(0, dtype=np.int64)])
    lengths, order = sweep_arrays(floor, first_stop, flat, start)
    tours = []
    for t, length in enumerate(lengths.tolist()):
        stops = tuple(order[first_stop[t] : first_stop[t + 1]].tolist())
        if length >= NO_WAY_MM:
            raise UnreachableBin(
                f"no round trip from depot {floor.depots[start].name} takes in {floor.location_name(stops[0])} and the rest"
            )
        tours.append(Tour(stops, length, length, start, start, "aisle sweep"))
    return tours


def _by_stops(floor: Floor, stops: np.ndarray, start: int, end: int, rounds: int, seed: int) -> Tour:
    depots = (start,) if start == end else (start, end)
    matrix = floor.distances_mm(stops, depots)
    last = len(depots) - 1
    approach = floor.depots[start].approach_mm + floor.depots[end].approach_mm
    if len(stops) == 0:
        length = int(matrix[0, last]) + approach if start != end else 0
        return Tour((), length, length, start, end, "nothing to visit")
    for i, stop in enumerate(stops):
        if matrix[0, len(depots) + i] >= NO_WAY_MM or matrix[len(depots) + i, last] >= NO_WAY_MM:
            raise UnreachableBin(
                f"location {floor.location_name(int(stop))} does not lie on a way from depot {floor.depots[start].name} to "
                f"depot {floor.depots[end].name}"
            )
    order = np.zeros(len(stops), dtype=np.int64)
    if len(stops) <= MOST_EXACT_STOPS:
        length, method = int(best_order(matrix, last, order)), "sets of stops"
        bound = length
    else:
        is_symmetric = not floor.is_directed
        length = int(search_order(matrix, last, order, is_symmetric, 0, seed, 0))
        bound = int(one_tree_bound(matrix, last, length, BOUND_ROUNDS))
        if can_sweep(floor):  # the round trip through both depots is at most the way home longer
            both = _sweep_through(floor, stops, start, end)
            bound = max(bound, both - int(matrix[last, 0]))
        if length > bound:
            length = int(search_order(matrix, last, order, is_symmetric, rounds, seed, bound))
        method = "local search"
    assert length == order_length(matrix, last, order)
    if length >= NO_WAY_MM:
        raise UnreachableBin(f"no order takes in location {floor.location_name(int(stops[0]))} and the rest")
    walked = tuple(stops[order - len(depots)].tolist())
    return Tour(walked, length + approach, bound + approach, start, end, method)


def _sweep_through(floor: BlockLayout, stops: np.ndarray, start: int, end: int) -> int:
    """Return the exact round trip from `start` through all stops and the other depot."""
    other = floor.depots[end]
    wider = floor.with_location(other.aisle, other.mm)
    lengths, _ = sweep_arrays(wider, np.array([0, len(stops) + 1]), np.append(stops, floor.locations), start)
    return int(lengths[0]) - 2 * floor.depots[start].approach_mm


def _check_depots(floor: Floor, depots: Sequence[int]) -> None:
    for depot in depots:
        if not 0 <= depot < len(floor.depots):
            raise UnknownPlace(f"depot {depot} of {len(floor.depots)}")


def _checked_stops(floor: Floor, stops: Sequence[int]) -> np.ndarray:
    places = np.asarray(stops if len(stops) else np.empty(0), dtype=np.int64)
    if len(places) > MOST_STOPS:
        raise ValueError(f"{len(places)} stops in one tour, more than {MOST_STOPS}")
    if len(places) and not 0 <= places.min() <= places.max() < floor.locations:
        raise UnknownPlace(f"a stop lies outside locations 0..{floor.locations - 1}")
    return places
