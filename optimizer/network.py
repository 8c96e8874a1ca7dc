"""A floor as nodes and arcs, cut down to what walks between given places can use.

`network_of(floor, places, depots)` works on any floor. Nodes at which nobody stops and nothing branches are dissolved, dead ends without a
place are cut off, so that the size follows the places and the crossings, not the bins of the floor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from floorwise.optimizer.layout import NO_WAY_MM, BlockLayout
from floorwise.optimizer.routing import Floor
from floorwise.optimizer.walkgraph import WalkGraph


@dataclass(frozen=True, eq=False)
class Network:
    """Arcs tail → head with lengths, int64 arrays; `node` of each place, depots first. Ways that no place shares are in it once."""

    nodes: int
    tail: np.ndarray
    head: np.ndarray
    length_mm: np.ndarray
    node: np.ndarray

    @property
    def arcs(self) -> int:
        return len(self.tail)


def network_of(floor: Floor, locations: Sequence[int] | np.ndarray, depots: Sequence[int]) -> Network:
    """Return the network on which all shortest ways between these places lie."""
    arcs, node = _graph_arcs(floor, locations, depots) if isinstance(floor, WalkGraph) else _block_arcs(floor, locations, depots)
    return _dissolved(arcs, node)


def _graph_arcs(floor: WalkGraph, locations: Sequence[int] | np.ndarray, depots: Sequence[int]) -> tuple[dict, np.ndarray]:
    return _shortest(zip(*(column.tolist() for column in floor.arcs()), strict=True)), floor.nodes(locations, depots)


def _block_arcs(floor: BlockLayout, locations: Sequence[int] | np.ndarray, depots: Sequence[int]) -> tuple[dict, np.ndarray]:
    aisle, mm = floor.places(locations, depots)
    lines = len(floor.line_mm)
    number: dict[tuple[int, int], int] = {}
    for a in range(len(floor.aisle_x_mm)):
        for line in floor.line_mm.tolist():
            number[a, line] = len(number)
    for place in zip(aisle.tolist(), mm.tolist(), strict=True):
        number.setdefault(place, len(number))
    arcs: list[tuple[int, int, int]] = []
    for a in range(len(floor.aisle_x_mm)):
        along = sorted(at for where, at in number if where == a)
        for low, high in pairwise(along):
            block = int(np.searchsorted(floor.line_mm, low, side="right")) - 1
            closed = int(floor.closed_mm[a, block])
            if low <= closed < high:
                continue
            if floor.one_way[a] != -1:
                arcs.append((number[a, low], number[a, high], high - low))
            if floor.one_way[a] != 1:
                arcs.append((number[a, high], number[a, low], high - low))
        for k in range(lines):
            if a + 1 < len(floor.aisle_x_mm) and floor.width_mm[k, a] < NO_WAY_MM:
                here, there = number[a, int(floor.line_mm[k])], number[a + 1, int(floor.line_mm[k])]
                arcs += [(here, there, int(floor.width_mm[k, a])), (there, here, int(floor.width_mm[k, a]))]
    node = np.array([number[place] for place in zip(aisle.tolist(), mm.tolist(), strict=True)], dtype=np.int64)
    return _shortest(arcs), node


def _shortest(arcs) -> dict[int, dict[int, int]]:
    """Return head → length by tail; of parallel arcs the shortest stays."""
    by_tail: dict[int, dict[int, int]] = {}
    for tail, head, length in arcs:
        heads = by_tail.setdefault(tail, {})
        if tail != head and length < heads.get(head, NO_WAY_MM):
            heads[head] = length
        by_tail.setdefault(head, {})
    return by_tail


def _dissolved(out: dict[int, dict[int, int]], node: np.ndarray) -> Network:
    kept = set(node.tolist())
    into: dict[int, dict[int, int]] = {v: {} for v in out}
    for tail, heads in out.items():
        for head, length in heads.items():
            into[head][tail] = length
    todo = sorted(set(out) - kept, reverse=True)
    while todo:
        v = todo.pop()
        if v not in out or v in kept:
            continue
        beside = set(out[v]) | set(into[v])
        if len(beside) > 2:
            continue
        for tail, before in into[v].items():
            for head, after in out[v].items():
                if tail != head and before + after < out[tail].get(head, NO_WAY_MM):
                    out[tail][head] = into[head][tail] = before + after
        for u in beside:
            out[u].pop(v, None)
            into[u].pop(v, None)
        del out[v], into[v]
        todo += sorted(beside - kept, reverse=True)
    number = {v: k for k, v in enumerate(sorted(set(out) | kept))}
    table = sorted((number[t], number[h], mm) for t, heads in out.items() for h, mm in heads.items())
    tail, head, length = np.array(table, dtype=np.int64).reshape(-1, 3).T.copy()
    return Network(len(number), tail, head, length, np.array([number[v] for v in node.tolist()], dtype=np.int64))
