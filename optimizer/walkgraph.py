"""Floors of any shape: nodes joined by ways with lengths, some of them one-way.

`WalkGraph` answers the questions that `layout.BlockLayout` answers. A location sits on a node or part-way along a way. `read_csv` imports
a floor from two tables, one of ways and one of places.
"""

import csv
import io
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from floorwise.optimizer.kernels.graph import shortest_between, shortest_from
from floorwise.optimizer.layout import (
    FARTHEST_MM,
    DuplicateLocation,
    LayoutError,
    UnknownPlace,
    ZeroLengthAisle,
    check_reachable,
    to_csr,
)

MOST_NODES = 1_000_000


@dataclass(frozen=True)
class Way:
    """A way between two nodes; walked one way only if `is_one_way` (from start to end)."""

    start: str
    end: str
    length_mm: int
    is_one_way: bool = False
    name: str = ""

    @property
    def label(self) -> str:
        return self.name or f"{self.start} - {self.end}"


@dataclass(frozen=True)
class Spot:
    """A named place: on a node, or `at_mm` along the way called `way`."""

    name: str
    node: str = ""
    way: str = ""
    at_mm: int = 0
    lift_ms: int = 0
    approach_mm: int = 0  # depots only: walked before and after each tour


class WalkGraph:
    """Nodes, ways, locations and depots; refuses by name what cannot be walked."""

    is_plain = False

    def __init__(
        self, ways: Sequence[Way], locations: Sequence[Spot], depots: Sequence[Spot], xy_mm: dict[str, tuple[int, int]] | None = None
    ) -> None:
        self.ways, self.depots, self.location_spots = tuple(ways), tuple(depots), tuple(locations)
        self.lift_ms = np.array([spot.lift_ms for spot in locations], dtype=np.int64)
        self.is_directed = any(way.is_one_way for way in ways)
        self._number: dict[str, int] = {}
        for kind, spots in (("location", locations), ("depot", depots)):
            _refuse_twice((spot.name for spot in spots), kind)
        if not depots:
            raise LayoutError("a floor needs a depot")
        for way in ways:
            if not 0 <= way.length_mm <= FARTHEST_MM:
                raise LayoutError(f"way {way.label} has length {way.length_mm} mm")
            if way.length_mm == 0 or way.start == way.end:
                raise ZeroLengthAisle(f"way {way.label} has no length")
            self._number.setdefault(way.start, len(self._number))
            self._number.setdefault(way.end, len(self._number))
        if len(self._number) > MOST_NODES:
            raise LayoutError(f"{len(self._number)} nodes, more than {MOST_NODES}")
        self._lay(xy_mm or {})
        self._check_ways()

    @property
    def locations(self) -> int:
        return len(self.location_spots)

    def location_name(self, location: int) -> str:
        return self.location_spots[location].name

    def nodes(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> np.ndarray:
        return np.concatenate(
            [self._depot_node[np.asarray(depots, dtype=np.int64)], self._location_node[np.asarray(locations, dtype=np.int64)]]
        )

    def distances_mm(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> np.ndarray:
        """Return the ways between depots and locations (depots first), int64[n, n]; NO_WAY_MM where none leads."""
        nodes = self.nodes(locations, depots)
        matrix = np.empty((len(nodes), len(nodes)), dtype=np.int64)
        shortest_between(*self._csr, nodes, matrix)
        return matrix

    def arcs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tail, head and length_mm of everything that can be walked from node to node, int64 arrays."""
        first, head, length = self._csr
        return np.repeat(np.arange(len(first) - 1), np.diff(first)), head, length

    def path(self, start: int, end: int) -> list[int]:
        """Return the inner nodes passed from one node to another; empty if there is no way."""
        distance, came_from = (np.empty(len(self._csr[0]) - 1, dtype=np.int64) for _ in range(2))
        shortest_from(*self._csr, start, distance, came_from)
        path = [end]
        while came_from[path[-1]] >= 0:
            path.append(int(came_from[path[-1]]))
        return path[::-1]

    def points(self, locations: Sequence[int] | np.ndarray, depots: Sequence[int] = ()) -> np.ndarray:
        """Return x and y in millimetres for a drawing, int64[n, 2], depots first."""
        return self.node_xy_mm[self.nodes(locations, depots)]

    def xy_of(self, node: str) -> tuple[int, int]:
        """Return x and y of a named node in millimetres."""
        x, y = self.node_xy_mm[self._number[node]].tolist()
        return x, y

    def _lay(self, xy_mm: dict[str, tuple[int, int]]) -> None:
        """Number the nodes, cut ways where places lie on them, and keep the arcs as CSR."""
        by_name: dict[str, int] = {}
        for i, way in enumerate(self.ways):
            for label in {way.name, f"{way.start} - {way.end}"} - {""}:
                if by_name.setdefault(label, i) != i and way.name == label:
                    raise DuplicateLocation(f"way {label} appears twice")
        cuts: dict[int, set[int]] = {}
        for spot in (*self.location_spots, *self.depots):
            if spot.node:
                if spot.node not in self._number:
                    raise UnknownPlace(f"{spot.name} lies on node {spot.node}, which no way touches")
                continue
            if spot.way not in by_name:
                raise UnknownPlace(f"{spot.name} lies on way {spot.way!r}, which the floor does not have")
            way = by_name[spot.way]
            if not 0 <= spot.at_mm <= self.ways[way].length_mm:
                raise UnknownPlace(f"{spot.name} lies {spot.at_mm} mm along way {spot.way} of {self.ways[way].length_mm} mm")
            cuts.setdefault(way, set()).add(spot.at_mm)
        xy = {self._number[node]: place for node, place in xy_mm.items() if node in self._number}
        node_at: dict[tuple[int, int], int] = {}
        arcs: list[tuple[int, int, int]] = []
        count = len(self._number)
        for i, way in enumerate(self.ways):
            start, end = self._number[way.start], self._number[way.end]
            node_at[i, 0], node_at[i, way.length_mm] = start, end
            for at in sorted(cuts.get(i, ())):
                if (i, at) not in node_at:
                    node_at[i, at] = count
                    if start in xy and end in xy:
                        xy[count] = tuple(a + (b - a) * at // way.length_mm for a, b in zip(xy[start], xy[end], strict=True))
                    count += 1
            stops = sorted({0, way.length_mm, *cuts.get(i, ())})
            for a, b in itertools.pairwise(stops):
                arcs.append((node_at[i, a], node_at[i, b], b - a))
                if not way.is_one_way:
                    arcs.append((node_at[i, b], node_at[i, a], b - a))
        self._csr = to_csr(arcs, count)

        def node_of(spot: Spot) -> int:
            return self._number[spot.node] if spot.node else node_at[by_name[spot.way], spot.at_mm]

        self._location_node = np.array([node_of(spot) for spot in self.location_spots], dtype=np.int64)
        self._depot_node = np.array([node_of(spot) for spot in self.depots], dtype=np.int64)
        self.has_xy = len(xy) == count
        self.node_xy_mm = np.array([xy.get(n, (0, 0)) for n in range(count)], dtype=np.int64).reshape(-1, 2)

    def _check_ways(self) -> None:
        """Two searches a depot, with and against the arcs, instead of a matrix."""
        first, goal, length = self._csr
        sources = np.repeat(np.arange(len(first) - 1), np.diff(first))
        backwards = to_csr(list(zip(goal.tolist(), sources.tolist(), length.tolist(), strict=True)), len(first) - 1)
        depots, count = len(self.depots), self.locations
        there, back = (np.full((depots, count), 0, dtype=np.int64) for _ in range(2))
        distance, came_from = (np.empty(len(first) - 1, dtype=np.int64) for _ in range(2))
        for d, node in enumerate(self._depot_node):
            shortest_from(first, goal, length, node, distance, came_from)
            there[d] = distance[self._location_node]
            shortest_from(*backwards, node, distance, came_from)
            back[d] = distance[self._location_node]
        for begin in range(0, count, 1_000):
            some = np.arange(begin, min(count, begin + 1_000))
            table = np.zeros((depots + len(some), depots + len(some)), dtype=np.int64)
            table[:depots, depots:], table[depots:, :depots] = there[:, some], back[:, some].T
            check_reachable(self, table, some)


def read_csv(ways_text: str, places_text: str) -> WalkGraph:
    """Return a floor from two CSV texts; LayoutError names the row that is wrong.

    ways    from,to,length_mm[,one_way][,name]                       one_way: 1, yes, true
    places  kind,name[,node][,way][,at_mm][,lift_ms][,x_mm][,y_mm]   kind: location, depot or node (a node only tells its x and y)
    """
    ways = []
    for row, line in _rows(ways_text, "ways", ("from", "to", "length_mm")):
        one_way = (line.get("one_way") or "").strip().lower() in ("1", "yes", "true")
        ways.append(
            Way(line["from"].strip(), line["to"].strip(), _whole(line, "length_mm", row), one_way, (line.get("name") or "").strip())
        )
    locations, depots, xy = [], [], {}
    for row, line in _rows(places_text, "places", ("kind", "name")):
        kind, name = line["kind"].strip().lower(), line["name"].strip()
        if kind == "node":
            xy[name] = (_whole(line, "x_mm", row), _whole(line, "y_mm", row))
            continue
        if kind not in ("location", "depot"):
            raise LayoutError(f"{row}: kind is {kind!r}, neither location, depot nor node")
        node, way = (line.get("node") or "").strip(), (line.get("way") or "").strip()
        if bool(node) == bool(way):
            raise LayoutError(f"{row}: {name} needs a node or a way, and not both")
        spot = Spot(name, node, way, _whole(line, "at_mm", row, 0), _whole(line, "lift_ms", row, 0))
        (locations if kind == "location" else depots).append(spot)
    return WalkGraph(ways, locations, depots, xy)


def _rows(text: str, table: str, needed: tuple[str, ...]) -> Iterable[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text))
    for column in needed:
        if column not in (reader.fieldnames or ()):
            raise LayoutError(f"{table}: no column {column}")
    for line in reader:
        for column in needed:
            if not (line.get(column) or "").strip():
                raise LayoutError(f"{table} line {reader.line_num}: {column} is empty")
        yield f"{table} line {reader.line_num}", line


def _whole(line: dict[str, str], column: str, row: str, default: int | None = None) -> int:
    word = (line.get(column) or "").strip()
    if not word and default is not None:
        return default
    try:
        return int(word)
    except ValueError:
        raise LayoutError(f"{row}: {column} is {word[:40]!r}, not a whole number of millimetres") from None


def _refuse_twice(names: Iterable[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateLocation(f"{kind} {name} appears twice")
        seen.add(name)
