"""The best plan with hard due times for up to MOST_ORDERS orders, and so the proof that there is none better, or none at all.

`BestPlan` works in bites, so a caller may stop it at a deadline; by count it always ends the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from floorwise.optimizer.kernels.due_sets import best_split, extend_ends, extend_splits, last_batch
from floorwise.optimizer.kernels.partition import INFINITE, set_lengths

MOST_ORDERS = 18  # 2**18 sets, some megabytes a picker; 3**18 splits
BITE = 3_000_000  # steps between looks at the clock: some milliseconds
STEPS_A_SECOND = 300_000_000
USUAL_BATCHES = 1_500  # that fit a cart; where they are far more, `steps` says so
MOST_STEPS_BY_COUNT = 100_000_000
MOST_ORDERS_SEVERAL_BLOCKS = 14  # every set is measured first, and that is not stopped
BY_COUNT_S = 0.1  # how long it may take about where no time is told
SHARE = 0.8  # of the time told


@dataclass(frozen=True, eq=False)
class _Node:
    """What some pickers together are busy with each set of orders: one picker, or those of two nodes."""

    busy: np.ndarray | None
    picker: int
    one: "_Node | None" = None
    other: "_Node | None" = None

    def shares(self, chosen: int) -> list[tuple[int, int]]:
        if self.one is None:
            return [(self.picker, chosen)]
        _, part = best_split(self.one.busy, self.other.busy, chosen)
        return [*self.one.shares(int(part)), *self.other.shares(chosen ^ int(part))]


class BestPlan:
    """Arrays as `assignment` has them, orders in any sequence; `end_ms[p]` of a shift, `may[order, picker]`."""

    def __init__(self, masks, load, capacity, floor, setup_ms, speed_mm_s, own_ms, due_ms, may, free_ms) -> None:
        self.order = np.lexsort((np.arange(len(due_ms)), due_ms))
        n = len(self.order)
        self.due = np.ascontiguousarray(due_ms[self.order])
        lengths = set_lengths(np.ascontiguousarray(masks[self.order]), np.ascontiguousarray(load[self.order]), capacity,
                              np.zeros(n, np.int64), floor)  # fmt: skip
        own = np.zeros(1 << n, np.int64)
        for bit in range(n):
            own[1 << bit : 2 << bit] = own[: 1 << bit] + own_ms[self.order[bit]]
        fits = lengths < INFINITE
        self.takes = np.where(fits, setup_ms + own - (-np.where(fits, lengths, 0) * 1_000 // speed_mm_s), INFINITE)
        self.batches = np.flatnonzero(fits)[1:]
        self.free = free_ms
        self.forbidden = [sum(1 << bit for bit in range(n) if not may[self.order[bit], p]) for p in range(len(free_ms))]
        # Pickers alike share their sets.
        self.kinds: dict[tuple[int, int, int], np.ndarray] = {}
        self.kind_of = [(int(begin), int(end), out) for (begin, end), out in zip(free_ms, self.forbidden, strict=True)]

    @property
    def steps(self) -> int:
        """At most how many steps the sets take, before pickers share them."""
        return len(self.kinds_told) * (len(self.batches) << len(self.order)) // 2

    @property
    def kinds_told(self) -> set[tuple[int, int, int]]:
        return set(self.kind_of)

    def run(self, is_over) -> tuple[int, list[tuple[int, list[int]]]] | None:
        """Return (total ms or INFINITE, batches as (picker, orders)); None if `is_over()` before the end."""
        for kind in sorted(self.kinds_told):
            begin, end, out = kind
            ends = np.full(len(self.takes), INFINITE, np.int64)
            ends[0] = begin
            at = 0
            while at < len(ends):
                if is_over():
                    return None
                at = extend_ends(ends, self.takes, self.due, self.batches, out, end, at, BITE)
            self.kinds[kind] = ends
        everyone = len(self.takes) - 1
        busy = {kind: np.where(ends < INFINITE, ends - kind[0], INFINITE) for kind, ends in self.kinds.items()}
        nodes = [_Node(busy[self.kind_of[p]], p) for p in sorted(range(len(self.kind_of)), key=lambda p: (self.kind_of[p], p))]
        known: dict[tuple[int, int], np.ndarray] = {}
        while len(nodes) > 2:  # pair by pair, so that pickers alike make pairs alike
            paired = []
            for one, other in zip(nodes[::2], nodes[1::2], strict=False):
                key = id(one.busy), id(other.busy)
                if key not in known:
                    both = np.full(len(self.takes), INFINITE, np.int64)
                    at = 0
                    while at < len(both):
                        if is_over():
                            return None
                        at = extend_splits(both, one.busy, other.busy, one.busy is other.busy, at, BITE)
                    known[key] = both
                paired.append(_Node(known[key], -1, one, other))
            nodes = paired + nodes[len(nodes) // 2 * 2 :]
        root = nodes[0] if len(nodes) == 1 else _Node(None, -1, *nodes)
        total = int(root.busy[everyone]) if root.busy is not None else int(best_split(nodes[0].busy, nodes[1].busy, everyone)[0])
        if total >= INFINITE:
            return int(INFINITE), []
        return total, [made for picker, share in root.shares(everyone) for made in self._batches(picker, share)]

    def _batches(self, picker: int, share: int) -> list[tuple[int, list[int]]]:
        made, kind = [], self.kind_of[picker]
        while share:
            batch = int(last_batch(self.kinds[kind], self.takes, self.due, self.batches, kind[2], share))
            made.append((picker, self._orders(batch)))
            share ^= batch
        return made

    def _orders(self, chosen: int) -> list[int]:
        return sorted(int(self.order[bit]) for bit in range(len(self.order)) if chosen >> bit & 1)


def is_small(orders: int, pickers: int, has_one_block: bool, seconds: float | None) -> bool:
    """May `BestPlan` be tried: in `seconds`, or (None) by count?"""
    if orders > (MOST_ORDERS if has_one_block else MOST_ORDERS_SEVERAL_BLOCKS):
        return False
    steps = (3**orders // 2 if pickers > 2 else 0) + (USUAL_BATCHES << orders) // 2
    return steps <= STEPS_A_SECOND * (BY_COUNT_S if seconds is None else seconds * SHARE)


def members(plan: Sequence[tuple[int, list[int]]], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (batch number of each order, picker of each batch) as the search keeps them."""
    where, picker = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for number, (person, orders) in enumerate(plan):
        where[orders] = number
        picker[number] = person
    return where, picker


def warm_up() -> None:
    """Load what only several pickers need."""
    ends = np.zeros(2, np.int64)
    extend_splits(ends, ends, ends, True, 0, 1)
    best_split(ends, ends, 1)
