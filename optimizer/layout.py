"""Where one can walk: rectangular layouts of parallel aisles and cross-aisles, with what is closed, one-way or high up.

`BlockLayout` keeps aisles and cross-aisles, not a matrix: ways are computed when asked. Free-form floors are `walkgraph.WalkGraph`; both
answer the same questions (`locations`, `depots`, `distances_mm`, `location_name`, `points`), so that everything above works on either.

Places are numbered: locations 0..n-1 in the order given, depots 0..d-1. What cannot be walked is refused when the layout is made, by the
name of the bin or aisle.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.graph import distances_over_crossings, plain_distances, shortest_between

FARTHEST_MM = 2**40  # coordinates beyond a thousand kilometres are a unit mistake; sums stay far below 2**60
NO_WAY_MM = int(INFINITE)


class LayoutError(ValueError):
    """The floor cannot be walked as described; the message names the place."""


class UnreachableBin(LayoutError):
    """No way leads from a depot to the bin, or none leads back."""


class ZeroLengthAisle(LayoutError):
    """An aisle, or the way between two, has no length."""


class DuplicateLocation(LayoutError):
    """Two locations, aisles or depots carry one name."""


class UnknownPlace(LayoutError):
    """A location, aisle, node or depot is named that the floor does not have."""


@dataclass(frozen=True)
class Depot:
    """Where walks start and end: an aisle, the distance from the front cross-aisle, and a way walked before and after each tour."""

    name: str
    aisle: int
    mm: int
    approach_mm: int = 0


class BlockLayout:
    """Parallel aisles joined by 2 or more cross-aisles; the space between two cross-aisles is a block.

    aisle_x_mm      where the aisles lie, ascending
    line_mm         where the cross-aisles lie, ascending from 0 (the front)
    location_aisle  aisle of each location
    location_mm     its distance from the front cross-aisle
    lift_ms         time to reach up to each location's level, 0 if not told
    closed          (aisle, block, mm): nobody passes this point of that stretch
    closed_ways     (cross-aisle, aisle): the way from that aisle to the next is closed there
    one_way         {aisle: 1 away from the front | -1 towards it}
    may_share_places  False refuses two locations at one spot of an aisle with one lift time
    """

    def __init__(
        self,
        aisle_x_mm: Sequence[int],
        line_mm: Sequence[int],
        location_aisle: Sequence[int],
        location_mm: Sequence[int],
        depots: Sequence[Depot],
        *,
        lift_ms: Sequence[int] | None = None,
        closed: Sequence[tuple[int, int, int]] = (),
        closed_ways: Sequence[tuple[int, int]] = (),
        one_way: dict[int, int] | None = None,
        location_names: Sequence[str] | None = None,
        aisle_names: Sequence[str] | None = None,
        may_share_places: bool = True,
    ) -> None:
        self.aisle_x_mm = np.array(aisle_x_mm, dtype=np.int64)
        self.line_mm = np.array(line_mm, dtype=np.int64)
        self.location_aisle = np.array(location_aisle, dtype=np.int64)
        self.location_mm = np.array(location_mm, dtype=np.int64)
        self.depots = tuple(depots)
        self.lift_ms = np.zeros(len(self.location_mm), dtype=np.int64) if lift_ms is None else np.array(lift_ms, dtype=np.int64)
        self.location_names = None if location_names is None else tuple(location_names)
        self.aisle_names = tuple(aisle_names) if aisle_names is not None else tuple(str(a) for a in range(len(self.aisle_x_mm)))
        aisles, lines = len(self.aisle_x_mm), len(self.line_mm)
        self._check_frame()
        self.closed_mm = np.full((aisles, lines - 1), -1, dtype=np.int64)
        for aisle, block, mm in closed:
            if not (0 <= aisle < aisles and 0 <= block < lines - 1):
                raise UnknownPlace(f"closed stretch: aisle {aisle}, block {block} is not on this floor")
            if not self.line_mm[block] <= mm < self.line_mm[block + 1]:
                raise LayoutError(f"closed stretch: {mm} mm lies outside block {block} of aisle {self.aisle_names[aisle]}")
            self.closed_mm[aisle, block] = mm
        self.width_mm = np.zeros((lines, aisles), dtype=np.int64)
        self.width_mm[:, : aisles - 1] = np.diff(self.aisle_x_mm)
        for line, aisle in closed_ways:
            if not (0 <= line < lines and 0 <= aisle < aisles - 1):
                raise UnknownPlace(f"closed way: cross-aisle {line} right of aisle {aisle} is not on this floor")
            self.width_mm[line, aisle] = NO_WAY_MM
        self.one_way = np.zeros(aisles, dtype=np.int64)
        for aisle, way in (one_way or {}).items():
            if not 0 <= aisle < aisles or way not in (-1, 0, 1):
                raise UnknownPlace(f"one-way aisle {aisle} ({way}) is not on this floor")
            self.one_way[aisle] = way
        self.is_directed = bool(self.one_way.any())
        self.is_plain = not self.is_directed and not closed and not closed_ways
        self._check_locations(may_share_places)
        self._check_ways()

    @property
    def blocks(self) -> int:
        return len(self.line_mm) - 1

    @property
    def locations(self) -> int:
        return len(self.location_mm)

    def location_name(self, location: int) -> str:
        if self.location_names is not None:
            return self.location_names[location]
        return f"{location} (aisle {self.aisle_names[self.location_aisle[location]]}, {self.location_mm[location]} mm)"

    def places(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Return aisle and distance from the front (int64 arrays) of depots first, then locations."""
        index = np.asarray(locations, dtype=np.int64)
        aisle = np.concatenate([np.array([self.depots[d].aisle for d in depots], dtype=np.int64), self.location_aisle[index]])
        mm = np.concatenate([np.array([self.depots[d].mm for d in depots], dtype=np.int64), self.location_mm[index]])
        return aisle, mm

    def distances_mm(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> np.ndarray:
        """Return the ways between depots and locations (depots first), int64[n, n]; NO_WAY_MM where none leads."""
        aisle, mm = self.places(locations, depots)
        matrix = np.empty((len(mm), len(mm)), dtype=np.int64)
        if self.is_plain:
            plain_distances(aisle, mm, self.aisle_x_mm, self.line_mm, matrix)
        else:
            distances_over_crossings(aisle, mm, self.line_mm, self.closed_mm, self.one_way, self._crossing_mm, matrix)
        return matrix

    def points(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> np.ndarray:
        """Return x and y in millimetres for a drawing, int64[n, 2], depots first."""
        aisle, mm = self.places(locations, depots)
        return np.column_stack([self.aisle_x_mm[aisle], mm])

    @cached_property
    def by_rank(self) -> np.ndarray:
        """Locations sorted by (aisle, distance from the front), int64[n]."""
        return np.lexsort((self.location_mm, self.location_aisle)).astype(np.int64)

    @cached_property
    def rank(self) -> np.ndarray:
        """The place of each location in `by_rank`, int64[n]."""
        rank = np.empty(self.locations, dtype=np.int64)
        rank[self.by_rank] = np.arange(self.locations)
        return rank

    def with_location(self, aisle: int, mm: int) -> "BlockLayout":
        """Return the same floor with one more, unnamed location behind the others."""
        wider = copy(self)
        for name in ("by_rank", "rank"):
            wider.__dict__.pop(name, None)
        wider.location_aisle = np.append(self.location_aisle, np.int64(aisle))
        wider.location_mm = np.append(self.location_mm, np.int64(mm))
        wider.lift_ms = np.append(self.lift_ms, np.int64(0))
        wider.location_names = None
        return wider

    @cached_property
    def _crossing_mm(self) -> np.ndarray:
        first, goal, length = self._crossing_graph()
        nodes = np.arange(len(first) - 1, dtype=np.int64)
        matrix = np.empty((len(nodes), len(nodes)), dtype=np.int64)
        shortest_between(first, goal, length, nodes, matrix)
        return matrix

    def _crossing_graph(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        lines, aisles = len(self.line_mm), len(self.aisle_x_mm)
        arcs: list[tuple[int, int, int]] = []
        for a in range(aisles):
            for k in range(lines):
                here = a * lines + k
                if k + 1 < lines and self.closed_mm[a, k] < 0:
                    length = int(self.line_mm[k + 1] - self.line_mm[k])
                    if self.one_way[a] != -1:
                        arcs.append((here, here + 1, length))
                    if self.one_way[a] != 1:
                        arcs.append((here + 1, here, length))
                if a + 1 < aisles and self.width_mm[k, a] < NO_WAY_MM:
                    arcs += [(here, here + lines, int(self.width_mm[k, a])), (here + lines, here, int(self.width_mm[k, a]))]
        return to_csr(arcs, aisles * lines)

    def _check_frame(self) -> None:
        if len(self.aisle_x_mm) == 0 or len(self.line_mm) < 2:
            raise LayoutError("a floor needs at least one aisle and two cross-aisles")
        if len(self.aisle_names) != len(self.aisle_x_mm):
            raise LayoutError(f"{len(self.aisle_names)} aisle names for {len(self.aisle_x_mm)} aisles")
        _refuse_twice(self.aisle_names, "aisle")
        if abs(self.aisle_x_mm).max() > FARTHEST_MM or abs(self.line_mm).max() > FARTHEST_MM:
            raise LayoutError(f"a coordinate lies beyond {FARTHEST_MM} mm")
        if self.line_mm[0] != 0:
            raise LayoutError(f"the front cross-aisle lies at {self.line_mm[0]} mm, it must lie at 0")
        for k in np.flatnonzero(np.diff(self.line_mm) <= 0):
            raise ZeroLengthAisle(f"block {k} has no length: cross-aisles at {self.line_mm[k]} and {self.line_mm[k + 1]} mm")
        for a in np.flatnonzero(np.diff(self.aisle_x_mm) <= 0):
            raise ZeroLengthAisle(
                f"aisle {self.aisle_names[a + 1]} lies {np.diff(self.aisle_x_mm)[a]} mm right of aisle {self.aisle_names[a]}"
            )

    def _check_locations(self, may_share_places: bool) -> None:
        if not self.depots:
            raise LayoutError("a floor needs a depot")
        _refuse_twice([depot.name for depot in self.depots], "depot")
        if not len(self.location_aisle) == len(self.location_mm) == len(self.lift_ms):
            raise LayoutError("locations need one aisle, one distance and one lift time each")
        if self.location_names is not None:
            if len(self.location_names) != len(self.location_mm):
                raise LayoutError(f"{len(self.location_names)} names for {len(self.location_mm)} locations")
            _refuse_twice(self.location_names, "location")
        top = int(self.line_mm[-1])
        for depot in self.depots:
            if not 0 <= depot.aisle < len(self.aisle_x_mm) or not 0 <= depot.mm <= top or not 0 <= depot.approach_mm <= FARTHEST_MM:
                raise UnknownPlace(f"depot {depot.name}: aisle {depot.aisle}, {depot.mm} mm is not on this floor")
        outside = (
            (self.location_aisle < 0) | (self.location_aisle >= len(self.aisle_x_mm)) | (self.location_mm < 0) | (self.location_mm > top)
        )
        for i in np.flatnonzero(outside):
            name = self.location_names[i] if self.location_names is not None else str(i)
            raise UnknownPlace(f"location {name}: aisle {self.location_aisle[i]}, {self.location_mm[i]} mm is not on this floor")
        if not may_share_places:
            seen: dict[tuple[int, int, int], int] = {}
            for i, place in enumerate(zip(self.location_aisle.tolist(), self.location_mm.tolist(), self.lift_ms.tolist(), strict=True)):
                if seen.setdefault(place, i) != i:
                    raise DuplicateLocation(f"locations {self.location_name(seen[place])} and {self.location_name(i)} lie in one place")

    def _check_ways(self) -> None:
        if self.is_plain:
            return
        everything = np.arange(self.locations)
        for begin in range(0, max(1, self.locations), 500):  # pieces: a full matrix of a big floor would not fit
            some = everything[begin : begin + 500]
            ways = self.distances_mm(some, range(len(self.depots)))
            check_reachable(self, ways, some)


def check_reachable(layout, ways: np.ndarray, locations: np.ndarray) -> None:
    """Refuse, by name, a location that no depot reaches or that reaches no depot."""
    depots = len(layout.depots)
    for i, location in enumerate(locations):
        if ways[:depots, depots + i].min() >= NO_WAY_MM:
            raise UnreachableBin(f"location {layout.location_name(int(location))} cannot be reached from any depot")
        if ways[depots + i, :depots].min() >= NO_WAY_MM:
            raise UnreachableBin(f"no way leads back from location {layout.location_name(int(location))} to a depot")


def to_csr(arcs: list[tuple[int, int, int]], nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first, goal, length (int64 arrays) of (from, to, length) arcs, in a fixed order."""
    table = np.array(sorted(arcs), dtype=np.int64).reshape(-1, 3)
    first = np.searchsorted(table[:, 0], np.arange(nodes + 1)).astype(np.int64)
    return first, table[:, 1].copy(), table[:, 2].copy()


def _refuse_twice(names: Sequence[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateLocation(f"{what} {name} appears twice")
        seen.add(name)
