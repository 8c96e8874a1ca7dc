"""The best plan with hard due times for up to MOST_ORDERS orders, and so the proof that there is none better, or none at all.

`BestPlan` works in bites, so a caller may stop it at a deadline; by count it always ends the same.
"""

from collections.abc import Sequence

import numpy as np

from floorwise.optimizer.kernels.due_sets import best_split, extend_ends, extend_splits, last_batch
from floorwise.optimizer.kernels.partition import INFINITE, set_lengths

MOST_ORDERS = 18  # 2**18 sets, some megabytes a picker; 3**18 splits
BITE = 3_000_000  # steps between looks at the clock: some milliseconds
STEPS_A_SECOND = 200_000_000  # cautiously
BY_COUNT_S = 0.1  # how long it may take about where no time is told
SHARE = 0.8  # of the time told


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

    def run(self, is_over) -> tuple[int, list[tuple[int, list[int]]]] | None:
        """Return (total ms or INFINITE, batches as (picker, orders)); None if `is_over()` before the end."""
        for kind in sorted(set(self.kind_of)):
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
        busy = [np.where(self.kinds[kind] < INFINITE, self.kinds[kind] - kind[0], INFINITE) for kind in self.kind_of]
        if len(busy) == 1:
            total, shares = int(busy[0][everyone]), [everyone]
        else:
            wider = busy[:1]  # of the first k + 1 pickers together, all but the last
            for own in busy[1:-1]:
                both = np.full(len(own), INFINITE, np.int64)
                at = 0
                while at < len(both):
                    if is_over():
                        return None
                    at = extend_splits(both, wider[-1], own, at, BITE)
                wider.append(both)
            left, shares = everyone, []
            total, part = best_split(wider[-1], busy[-1], everyone)
            if total >= INFINITE:
                return int(INFINITE), []
            shares.append(left ^ part)
            left = part
            for k in range(len(wider) - 2, -1, -1):
                _, part = best_split(wider[k], busy[k + 1], left)
                shares.append(left ^ part)
                left = part
            shares = [left, *reversed(shares)]
        if total >= INFINITE:
            return int(INFINITE), []
        return int(total), [made for picker, share in enumerate(shares) for made in self._batches(picker, int(share))]

    def _batches(self, picker: int, share: int) -> list[tuple[int, list[int]]]:
        made, kind = [], self.kind_of[picker]
        while share:
            batch = int(last_batch(self.kinds[kind], self.takes, self.due, self.batches, kind[2], share))
            made.append((picker, self._orders(batch)))
            share ^= batch
        return made

    def _orders(self, chosen: int) -> list[int]:
        return sorted(int(self.order[bit]) for bit in range(len(self.order)) if chosen >> bit & 1)


def is_small(orders: int, pickers: int, seconds: float | None) -> bool:
    """May `BestPlan` be tried: in `seconds`, or (None) by count?"""
    if orders > MOST_ORDERS:
        return False
    steps = max(0, pickers - 2) * 3**orders + (2_000 << orders) // 2
    return steps <= STEPS_A_SECOND * (BY_COUNT_S if seconds is None else seconds * SHARE)


def members(plan: Sequence[tuple[int, list[int]]], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (batch number of each order, picker of each batch) as the search keeps them."""
    where, picker = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for number, (person, orders) in enumerate(plan):
        where[orders] = number
        picker[number] = person
    return where, picker
