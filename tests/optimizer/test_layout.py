"""Floors: what can be walked is measured right, what cannot is refused by name."""

import numpy as np
import pytest

from floorwise.optimizer.check import shortest_ways, walk_graph
from floorwise.optimizer.layout import (
    NO_WAY_MM,
    BlockLayout,
    Depot,
    DuplicateLocation,
    LayoutError,
    UnknownPlace,
    UnreachableBin,
    ZeroLengthAisle,
)
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way, read_csv

DESK = (Depot("desk", 0, 0),)


def block(**more) -> BlockLayout:
    given = {"aisle_x_mm": [0, 10], "line_mm": [0, 20], "location_aisle": [0, 1], "location_mm": [5, 6], "depots": DESK}
    return BlockLayout(**{**given, **more})


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"aisle_x_mm": [0, 0], "aisle_names": ["A", "B"]}, ZeroLengthAisle, "aisle B lies 0 mm right of aisle A"),
        ({"line_mm": [0, 20, 20]}, ZeroLengthAisle, "block 1 has no length"),
        ({"location_names": ["x", "x"]}, DuplicateLocation, "location x appears twice"),
        ({"aisle_names": ["A", "A"]}, DuplicateLocation, "aisle A appears twice"),
        ({"depots": (*DESK, *DESK)}, DuplicateLocation, "depot desk appears twice"),
        ({"location_aisle": [1, 1], "location_mm": [6, 6], "may_share_places": False}, DuplicateLocation, "lie in one place"),
        ({"location_mm": [5, 21], "location_names": ["x", "y"]}, UnknownPlace, "location y"),
        ({"location_aisle": [0, 2], "location_names": ["x", "y"]}, UnknownPlace, "location y"),
        ({"depots": (Depot("far", 0, 99),)}, UnknownPlace, "depot far"),
        ({"depots": ()}, LayoutError, "needs a depot"),
        ({"line_mm": [0]}, LayoutError, "two cross-aisles"),
        ({"line_mm": [1, 20]}, LayoutError, "must lie at 0"),
        ({"closed": [(0, 0, 20)]}, LayoutError, "outside block 0"),
        ({"closed": [(0, 1, 3)]}, UnknownPlace, "block 1"),
    ],
)
def test_a_floor_that_cannot_be_is_refused_by_name(more, error, words):
    with pytest.raises(error, match=words):
        block(**more)


def test_a_bin_cut_off_by_closed_ways_is_refused_by_name():
    with pytest.raises(UnreachableBin, match=r"location far cannot be reached"):
        block(closed_ways=[(0, 0), (1, 0)], location_names=["near", "far"])


def test_a_bin_at_the_dead_end_of_a_one_way_aisle_is_refused_because_nobody_comes_back():
    with pytest.raises(UnreachableBin, match="no way leads back from location trap"):
        block(one_way={1: 1}, closed_ways=[(1, 0)], location_names=["near", "trap"])


def test_ways_are_measured_over_the_nearer_cross_aisle():
    floor = block(line_mm=[0, 8, 20], location_mm=[5, 12])
    # 0: (aisle 0, 5), 1: (aisle 1, 12): over the cross-aisle at 8: 3 + 10 + 4
    assert floor.distances_mm([0, 1])[0, 1] == 17
    assert floor.distances_mm([0], (0,)).tolist() == [[0, 5], [5, 0]]


def test_ways_through_closed_and_one_way_aisles_equal_those_of_a_plain_graph_search():
    rng = np.random.default_rng(2)
    compared = 0
    for _ in range(60):
        aisles, lines = int(rng.integers(2, 5)), [0, 9, 15][: int(rng.integers(2, 4))]
        place = rng.integers(0, aisles, 6), rng.integers(0, lines[-1] + 1, 6)
        closed = [(int(rng.integers(aisles)), 0, int(rng.integers(0, 9)))] if rng.random() < 0.6 else []
        one_way = {int(a): int(rng.choice([-1, 1])) for a in range(aisles) if rng.random() < 0.4}
        try:
            floor = BlockLayout(np.arange(aisles) * 4, lines, *place, DESK, closed=closed, one_way=one_way)
        except UnreachableBin:
            continue
        ways = floor.distances_mm(range(6), (0,))
        graph = walk_graph(floor, range(6))
        nodes = [(0, 0), *zip(place[0].tolist(), place[1].tolist(), strict=True)]
        for i, node in enumerate(nodes):
            found = shortest_ways(graph, node)
            assert [found.get(other, NO_WAY_MM) for other in nodes] == ways[i].tolist()
            compared += 1
    assert compared > 100


def test_a_location_lies_part_way_along_a_way_and_is_reached_from_both_sides():
    floor = WalkGraph([Way("a", "b", 10, name="long"), Way("b", "a", 2)], [Spot("bin", way="long", at_mm=9)], [Spot("desk", "a")])
    assert floor.distances_mm([0], (0,)).tolist() == [[0, 3], [3, 0]]


@pytest.mark.parametrize(
    ("ways", "spots", "error", "words"),
    [
        ([Way("a", "b", 0)], [], ZeroLengthAisle, "way a - b has no length"),
        ([Way("a", "a", 5, name="loop")], [], ZeroLengthAisle, "way loop has no length"),
        ([Way("a", "b", 5), Way("c", "d", 5)], [Spot("island", "d")], UnreachableBin, "location island cannot be reached"),
        ([Way("a", "b", 5, True)], [Spot("trap", "b")], UnreachableBin, "no way leads back from location trap"),
        ([Way("a", "b", 5)], [Spot("x", "b"), Spot("x", "a")], DuplicateLocation, "location x appears twice"),
        ([Way("a", "b", 5)], [Spot("x", "z")], UnknownPlace, "x lies on node z"),
        ([Way("a", "b", 5)], [Spot("x", way="a - b", at_mm=6)], UnknownPlace, "6 mm along way a - b of 5 mm"),
    ],
)
def test_a_graph_that_cannot_be_walked_is_refused_by_name(ways, spots, error, words):
    with pytest.raises(error, match=words):
        WalkGraph(ways, spots, [Spot("desk", "a")])


def test_a_floor_comes_from_two_csv_tables():
    ways = "from,to,length_mm,one_way,name\na,b,3000,,spine\nb,c,4000,yes,\nc,a,5000,,\n"
    places = "kind,name,node,way,at_mm,x_mm,y_mm\ndepot,desk,a,,,,\nlocation,bin-1,,spine,1000,,\nnode,a,,,,0,0\n"
    floor = read_csv(ways, places)
    assert floor.distances_mm([0], (0,))[0, 1] == 1_000
    assert floor.location_name(0) == "bin-1"


@pytest.mark.parametrize(
    ("ways", "places", "words"),
    [
        ("from,to\na,b\n", "kind,name\n", "no column length_mm"),
        ("from,to,length_mm\na,b,wide\n", "kind,name\n", "line 2: length_mm is 'wide'"),
        ("from,to,length_mm\na,b,5\n", "kind,name,node\nshelf,x,a\n", "neither location, depot nor node"),
        ("from,to,length_mm\na,b,5\n", "kind,name,node,way\nlocation,x,a,a - b\n", "needs a node or a way"),
        ("from,to,length_mm\n,b,5\n", "kind,name\n", "from is empty"),
    ],
)
def test_a_wrong_row_of_a_floor_table_is_named(ways, places, words):
    with pytest.raises(LayoutError, match=words):
        read_csv(ways, places)
