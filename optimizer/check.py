"""Is a plan what it says it is? Recomputed in plain Python from the description of the floor, without solver or kernels.

`check_tour` and `check_choice` return the list of what is wrong, empty when all is well: lengths by an own search over an own graph of the
floor, every stop visited, demand covered, units and lots within what is offered, and the claimed lower bound not above the cost of any
walk that this module finds itself (all orders up to BRUTE_STOPS stops, nearest neighbour with 2-opt beyond).
"""

import heapq
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations

from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.location import Choice, Offer
from floorwise.optimizer.routing import Floor, Tour
from floorwise.optimizer.walkgraph import WalkGraph

BRUTE_STOPS = 6
FAR = 10**18

Node = tuple
Graph = dict[Node, list[tuple[Node, int]]]


def check_tour(floor: Floor, tour: Tour, stops: Sequence[int]) -> list[str]:
    """Return what is wrong with a tour that should take in `stops`."""
    wrong = []
    if sorted(tour.stops) != sorted(int(stop) for stop in stops):
        wrong.append(f"visits {sorted(tour.stops)} instead of {sorted(stops)}")
    length, walk = walk_length(floor, tour.start, tour.stops, tour.end)
    if length is None:
        return [*wrong, f"no way leads along {walk}"]
    if length > tour.length_mm:
        wrong.append(f"is {length} mm long and says {tour.length_mm}")
    if length < tour.length_mm and tour.is_exact:
        wrong.append(f"claims to be shortest with {tour.length_mm} mm; its own order of stops can be walked in {length}")
    if tour.lower_bound_mm > tour.length_mm:
        wrong.append(f"lower bound {tour.lower_bound_mm} lies above the length {tour.length_mm}")
    other = independent_length(floor, tour.start, tour.stops, tour.end)
    if tour.lower_bound_mm > other:
        wrong.append(f"lower bound {tour.lower_bound_mm} lies above a walk of {other} mm")
    return wrong


def check_choice(floor: Floor, offers: Sequence[Offer], demand: Mapping[int | str, int], choice: Choice, speed_mm_s: int = 0) -> list[str]:
    """Return what is wrong with a choice that should cover `demand` from `offers`."""
    wrong = []
    taken: dict[int | str, int] = {}
    for number, units in choice.takes:
        offer = offers[number]
        taken[offer.article] = taken.get(offer.article, 0) + units
        if not 0 < units <= offer.units:
            wrong.append(f"takes {units} from offer {number}, which holds {offer.units}")
        for other, later in enumerate(offers):
            if later.article == offer.article and later.expires < offer.expires:
                used = sum(much for n, much in choice.takes if n == other)
                if used < later.units:
                    wrong.append(f"takes from offer {number} though offer {other} expires earlier and holds more")
    numbers = [number for number, _ in choice.takes]
    if len(set(numbers)) != len(numbers):
        wrong.append("takes from one offer twice")
    for article in {*taken, *(a for a, units in demand.items() if units > 0)}:
        if taken.get(article, 0) != demand.get(article, 0):
            wrong.append(f"takes {taken.get(article, 0)} of article {article} instead of {demand.get(article, 0)}")
    places = {offers[number].location for number in numbers}
    wrong += [f"tour {problem}" for problem in check_tour(floor, choice.tour, sorted(places))]
    lift = sum(int(floor.lift_ms[offers[number].location]) * speed_mm_s // 1000 for number in numbers)
    if choice.cost_mm != choice.tour.length_mm + lift:
        wrong.append(f"costs {choice.tour.length_mm + lift} and says {choice.cost_mm}")
    if choice.lower_bound_mm > choice.cost_mm:
        wrong.append(f"lower bound {choice.lower_bound_mm} lies above the cost {choice.cost_mm}")
    return wrong


def check_takes(
    offers: Sequence[Offer], demands: Sequence[Mapping[int | str, int]], takes: Sequence[Sequence[tuple[int, int]]]
) -> list[str]:
    """Return what is wrong with several walks that share the stock: each brings its demand, and together they take what there is."""
    wrong, used, wanted = [], [0] * len(offers), {}
    for at, (demand, walk) in enumerate(zip(demands, takes, strict=True)):
        brought: dict[int | str, int] = {}
        for number, units in walk:
            brought[offers[number].article] = brought.get(offers[number].article, 0) + units
            used[number] += units
        for article, units in demand.items():
            wanted[article] = wanted.get(article, 0) + units
        if brought != {article: units for article, units in demand.items() if units}:
            wrong.append(f"walk {at} brings {brought} instead of {dict(demand)}")
    for number, (units, offer) in enumerate(zip(used, offers, strict=True)):
        if not 0 <= units <= offer.units:
            wrong.append(f"all walks take {units} from offer {number}, which holds {offer.units}")
        for other, earlier in enumerate(offers if units and offer.expires else ()):
            if earlier.article == offer.article and earlier.expires < offer.expires and used[other] < earlier.units:
                wrong.append(f"takes from offer {number} though offer {other} expires earlier and holds more")
    return wrong


def walk_length(floor: Floor, start: int, stops: Sequence[int], end: int) -> tuple[int | None, tuple[Node, ...]]:
    """Return the length of a walk from depot to depot along the stops as ordered, approach included; None where no way leads."""
    if not stops and start == end:
        return 0, ()
    graph = walk_graph(floor, stops)
    nodes = [depot_node(floor, start), *(location_node(floor, stop) for stop in stops), depot_node(floor, end)]
    total = floor.depots[start].approach_mm + floor.depots[end].approach_mm
    for here, there in pairwise(nodes):
        way = shortest_ways(graph, here).get(there)
        if way is None:
            return None, (here, there)
        total += way
    return total, tuple(nodes)


def independent_length(floor: Floor, start: int, stops: Sequence[int], end: int) -> int:
    """Return the length of some walk found without the solver: the best of all orders for few stops, else a simple one."""
    stops = sorted(set(stops))
    if not stops and start == end:
        return 0
    graph = walk_graph(floor, stops)
    nodes = [depot_node(floor, start), *(location_node(floor, stop) for stop in stops), depot_node(floor, end)]
    ways = [shortest_ways(graph, node) for node in nodes]
    far = [[ways[i].get(node, FAR) for node in nodes] for i in range(len(nodes))]
    last = len(nodes) - 1

    def length(order: Sequence[int]) -> int:
        return sum(far[a][b] for a, b in pairwise((0, *order, last)))

    if len(stops) <= BRUTE_STOPS:
        best = min(length(order) for order in permutations(range(1, last)))
    else:
        order, left = [], set(range(1, last))
        while left:
            here = order[-1] if order else 0
            order.append(min(left, key=lambda node: (far[here][node], node)))
            left.remove(order[-1])
        best, is_better = length(order), True
        while is_better:
            is_better = False
            for i in range(len(order)):
                for j in range(i + 2, len(order) + 1):
                    turned = order[:i] + order[i:j][::-1] + order[j:]
                    if length(turned) < best:
                        order, best, is_better = turned, length(turned), True
    return best + floor.depots[start].approach_mm + floor.depots[end].approach_mm


def depot_node(floor: Floor, depot: int) -> Node:
    if isinstance(floor, WalkGraph):
        return _spot_node(floor, floor.depots[depot])
    return (floor.depots[depot].aisle, floor.depots[depot].mm)


def location_node(floor: Floor, location: int) -> Node:
    if isinstance(floor, WalkGraph):
        return _spot_node(floor, floor.location_spots[location])
    return (int(floor.location_aisle[location]), int(floor.location_mm[location]))


def walk_graph(floor: Floor, stops: Sequence[int]) -> Graph:
    """Return the floor as a graph of its crossings, depots and the given locations."""
    return _graph_of_ways(floor, stops) if isinstance(floor, WalkGraph) else _graph_of_blocks(floor, stops)


def shortest_ways(graph: Graph, source: Node) -> dict[Node, int]:
    """Return the length of the shortest way to every node that can be reached."""
    return _search(graph, source)[0]


def shortest_path(graph: Graph, source: Node, goal: Node) -> list[Node]:
    """Return the nodes of a shortest way, both ends included."""
    came = _search(graph, source)[1]
    path = [goal]
    while path[-1] != source:
        path.append(came[path[-1]])
    return path[::-1]


def _search(graph: Graph, source: Node) -> tuple[dict[Node, int], dict[Node, Node]]:
    far, came, heap = {source: 0}, {}, [(0, source)]
    while heap:
        length, node = heapq.heappop(heap)
        if length > far[node]:
            continue
        for other, step in graph.get(node, ()):
            if length + step < far.get(other, FAR):
                far[other], came[other] = length + step, node
                heapq.heappush(heap, (length + step, other))
    return far, came


def _graph_of_blocks(floor: BlockLayout, stops: Sequence[int]) -> Graph:
    graph: Graph = {}
    lines = floor.line_mm.tolist()
    places = {depot_node(floor, d) for d in range(len(floor.depots))} | {location_node(floor, int(stop)) for stop in stops}
    for aisle in range(len(floor.aisle_x_mm)):
        points = sorted({*lines, *(mm for a, mm in places if a == aisle)})
        for low, high in pairwise(points):
            block = next(b for b in range(len(lines) - 1) if low < lines[b + 1])
            shut = int(floor.closed_mm[aisle, block])
            if low <= shut < high:
                continue
            if floor.one_way[aisle] >= 0:
                graph.setdefault((aisle, low), []).append(((aisle, high), high - low))
            if floor.one_way[aisle] <= 0:
                graph.setdefault((aisle, high), []).append(((aisle, low), high - low))
    x = floor.aisle_x_mm.tolist()
    for aisle in range(len(x) - 1):
        for k, mm in enumerate(lines):
            if floor.width_mm[k, aisle] == x[aisle + 1] - x[aisle]:
                graph.setdefault((aisle, mm), []).append(((aisle + 1, mm), x[aisle + 1] - x[aisle]))
                graph.setdefault((aisle + 1, mm), []).append(((aisle, mm), x[aisle + 1] - x[aisle]))
    return graph


def _spot_node(floor: WalkGraph, spot) -> Node:
    if spot.node:
        return ("node", spot.node)
    way = next(way for way in floor.ways if spot.way in (way.name, f"{way.start} - {way.end}"))
    if spot.at_mm in (0, way.length_mm):
        return ("node", way.end if spot.at_mm else way.start)
    return ("way", way.label, spot.at_mm)


def _graph_of_ways(floor: WalkGraph, stops: Sequence[int]) -> Graph:
    graph: Graph = {}
    spots = [*floor.depots, *(floor.location_spots[int(stop)] for stop in stops)]
    for way in floor.ways:
        inside = {spot.at_mm for spot in spots if spot.way and spot.way in (way.name, f"{way.start} - {way.end}")}
        points = sorted({0, way.length_mm, *inside})

        def node(at: int, way=way) -> Node:
            if at in (0, way.length_mm):
                return ("node", way.end if at else way.start)
            return ("way", way.label, at)

        for low, high in pairwise(points):
            graph.setdefault(node(low), []).append((node(high), high - low))
            if not way.is_one_way:
                graph.setdefault(node(high), []).append((node(low), high - low))
    return graph
