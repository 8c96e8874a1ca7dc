"""Is a batch plan, or a lower bound made of prices, what it says it is? Recomputed in numpy from the orders, without solver or kernels.

A bound is prices of orders, fines for batches with two or three orders of a triple, and a price of a batch, as `bounds` tells.
`check_bound` tries to undercut them: it grows every batch order by order, measures each by its own table of tours, and leaves a
branch only where all prices that still fit could not pay for the walk so far. One open block, the depot at an end of an aisle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from floorwise.optimizer.batching import Batch, Problem
from floorwise.optimizer.check import check_tour
from floorwise.optimizer.routing import Tour

AT_ONCE = 100_000  # sets measured in one go: some 100 MB
MOST_SETS = 30_000_000  # a listing that measures more sets than this is given up
FAR_AWAY = 10**15

# What a tour has behind it between two aisles: nothing yet, both cross-aisles walked once, the near one twice, the far one twice, both
# twice and joined further left, both twice and in two pieces, all done.
BEFORE, BOTH_ONCE, NEAR, FAR, JOINED, APART, DONE = range(7)
TIMES_ALONG = np.array([0, 2, 2, 2, 4, 4, 0])
# What happens inside an aisle: passed, from the near end, from the far end, from both but for the widest gap, up and down, nothing.
PASS, FROM_NEAR, FROM_FAR, FROM_BOTH, TWICE, NOTHING = range(6)
_WHOLE = (JOINED, NEAR, FAR, DONE)  # one piece in which every crossing is even: it may go on as it likes
# GOES_ON[state][what happens inside] = the states to go on in (Ratliff & Rosenthal 1983).
GOES_ON = {
    BEFORE: {
        NOTHING: (BEFORE,), PASS: (BOTH_ONCE,), FROM_NEAR: (NEAR, DONE), FROM_FAR: (FAR, DONE), FROM_BOTH: (APART,), TWICE: _WHOLE,
    },
    BOTH_ONCE: {NOTHING: (BOTH_ONCE,), PASS: _WHOLE, FROM_NEAR: (BOTH_ONCE,), FROM_FAR: (BOTH_ONCE,), FROM_BOTH: (BOTH_ONCE,)},
    NEAR: {NOTHING: (NEAR,), PASS: (BOTH_ONCE,), FROM_NEAR: (NEAR, DONE), FROM_FAR: (APART,), FROM_BOTH: (APART,), TWICE: _WHOLE},
    FAR: {NOTHING: (FAR,), PASS: (BOTH_ONCE,), FROM_NEAR: (APART,), FROM_FAR: (FAR, DONE), FROM_BOTH: (APART,), TWICE: _WHOLE},
    JOINED: {NOTHING: _WHOLE, PASS: (BOTH_ONCE,), FROM_NEAR: _WHOLE, FROM_FAR: _WHOLE, FROM_BOTH: _WHOLE},
    APART: {NOTHING: (APART,), PASS: (BOTH_ONCE,), FROM_NEAR: (APART,), FROM_FAR: (APART,), FROM_BOTH: (APART,), TWICE: _WHOLE},
    DONE: {NOTHING: (DONE,)},
}  # fmt: skip


def check_batches(problem: Problem, batches: Sequence[Batch], length_mm: int) -> list[str]:
    """Return what is wrong with a plan for all orders of the problem that says it is `length_mm` long."""
    wrong = []
    if sorted(number for batch in batches for number in batch.orders) != list(range(len(problem.orders))):
        wrong.append("not every order is in one batch")
    for batch in batches:
        orders = [problem.orders[number] for number in batch.orders]
        for r, (name, limit) in enumerate(zip(problem.resources, problem.capacity, strict=True)):
            if (held := sum(order.load[r] for order in orders)) > limit:
                wrong.append(f"batch {batch.orders} holds {held} {name} of {limit}")
        if len({order.kind for order in orders}) > 1:
            wrong.append(f"batch {batch.orders} mixes kinds")
        places = {place for order in orders for place in order.locations}
        stops = set(zip(*problem.layout.places(batch.stops), strict=True))
        bare = batch.length_mm - problem.tour_mm - problem.place_mm * len(stops)
        tour = Tour(batch.stops, bare, bare, problem.start, problem.start, "")
        wrong += [f"batch {batch.orders} {objection}" for objection in check_tour(problem.layout, tour, sorted(places))]
    if (total := sum(batch.length_mm for batch in batches)) != length_mm:
        wrong.append(f"the batches are {total} mm long together, not {length_mm}")
    return wrong


def check_bound(
    problem: Problem, prices_mm: Sequence[int], fines: Sequence[tuple[tuple[int, int, int], int]], batch_price_mm: int, bound_mm: int
) -> list[str]:
    """Return why `bound_mm` is not proven by the prices; empty when no plan for all orders can be shorter.

    Whatever batches undercut their prices by lowers the bound once for each batch that a plan may need.
    """
    orders, capacity = problem.orders, problem.capacity[0]
    if len(problem.capacity) != 1 or len({order.kind for order in orders}) > 1 or problem.tour_mm or problem.place_mm:
        return ["is checked for one resource, one kind and plain lengths only"]
    if len(prices_mm) != len(orders) or min((0, *prices_mm, batch_price_mm, *(fine for _, fine in fines))) < 0:
        return ["names a price below 0, or not one price for each order"]
    if any(len(set(rows)) != 3 for rows, _ in fines):
        return ["fines something else than three orders"]
    try:
        lowest = lowest_value(problem, prices_mm, fines, batch_price_mm) - batch_price_mm
    except OverflowError as error:
        return [str(error)]
    load = sum(order.load[0] for order in orders)
    # Two batches that fit into one are never shorter apart: any two of the others exceed a capacity together.
    fewest, most = -(-load // capacity), min(len(orders), 2 * load // capacity + 1)
    proven = sum(prices_mm) - sum(fine for _, fine in fines) + batch_price_mm * fewest + lowest * most
    return [] if bound_mm <= proven else [f"is {bound_mm} mm, and its prices prove {proven}"]


def lowest_value(problem: Problem, prices_mm: Sequence[int], fines: Sequence[tuple[tuple[int, int, int], int]], limit: int = 0) -> int:
    """Return the least length - prices + fines of all batches that fit, or `limit` if none lies below it."""
    capacity = problem.capacity[0]
    load = np.array([order.load[0] for order in problem.orders], np.int64)
    price = np.array(prices_mm, np.int64)
    by_worth = np.lexsort((np.arange(len(load)), -price / np.maximum(load, 1)))
    load, price = load[by_worth], price[by_worth]
    rank = np.argsort(by_worth)
    triples = np.zeros((len(fines), len(load)), np.int8)
    for number, (rows, _) in enumerate(fines):
        triples[number, rank[list(rows)]] = 1
    fine = np.array([fine for _, fine in fines], np.int64)
    floor = _Floor(problem, by_worth)
    # pays[k, room]: the most price that orders k.. bring within a room
    pays = np.zeros((len(load) + 1, capacity + 1), np.int64)
    for k in range(len(load) - 1, -1, -1):
        pays[k] = pays[k + 1]
        if load[k] <= capacity:
            pays[k, load[k] :] = np.maximum(pays[k, load[k] :], price[k] + pays[k + 1, : capacity + 1 - load[k]])
    lowest, seen = limit, 0
    # The last piece of work first: members int8[m, n], last order, room, length, prices.
    work = [(np.zeros((1, len(load)), np.int8), np.array([-1]), np.array([capacity]), np.array([0]), np.array([0]))]
    while work:
        members, last, room, length, paid = work.pop()
        # every order after the last one that fits and may pay, by what the smaller set costs already
        after = np.arange(len(load))
        rest = room[:, None] - load[None, :]
        may = (after[None, :] > last[:, None]) & (rest >= 0)
        ahead = price[None, :] + pays[1:, :][after[None, :], np.maximum(rest, 0)]
        parent, order = np.nonzero(may & (length[:, None] - paid[:, None] - ahead < lowest))
        for first in range(0, len(parent), AT_ONCE):
            of, new = parent[first : first + AT_ONCE], order[first : first + AT_ONCE]
            seen += len(of)
            if seen > MOST_SETS:
                raise OverflowError(f"takes more than {MOST_SETS} batches to check")
            sets = members[of]
            sets[np.arange(len(of)), new] = 1
            lengths = floor.lengths(sets)
            due = np.zeros(len(of), np.int64)
            for number in range(len(fine)):
                due += fine[number] * (sets @ triples[number] >= 2)
            total = paid[of] + price[new]
            lowest = min(lowest, int((lengths - total + due).min()))
            left = room[of] - load[new]
            going = lengths - total + due - pays[new + 1, left] < lowest
            work.append((sets[going], new[going], left[going], lengths[going], total[going]))
    return lowest


class _Floor:
    """The heights at which each order is picked in each aisle, and the length of tours over sets of orders."""

    def __init__(self, problem: Problem, by_rank: np.ndarray) -> None:
        layout = problem.layout
        depot = layout.depots[problem.start]
        self.height = int(layout.line_mm[-1])
        if layout.blocks != 1 or not layout.is_plain or depot.mm not in (0, self.height):
            raise ValueError("one open block with the depot at an end of an aisle is checked, no other floor")
        self.x, self.depot, self.extra = layout.aisle_x_mm, int(depot.aisle), 2 * depot.approach_mm
        self.at = []  # by aisle: heights from the depot's cross-aisle, and which order (row) picks where
        for aisle in range(len(self.x)):
            spots: dict[int, set[int]] = {}
            for row, number in enumerate(by_rank):
                for location in problem.orders[number].locations:
                    if layout.location_aisle[location] == aisle:
                        mm = int(layout.location_mm[location])
                        spots.setdefault(self.height - mm if depot.mm else mm, set()).add(row)
            picks = np.zeros((len(by_rank), len(spots)), np.float32)
            for at, mm in enumerate(sorted(spots)):
                picks[sorted(spots[mm]), at] = 1
            self.at.append((sorted(spots), picks))

    def lengths(self, sets: np.ndarray) -> np.ndarray:
        """Return the length of the shortest tour for each set of orders, int64[m] from int8[m, n]."""
        m = len(sets)
        chosen = sets.astype(np.float32)
        cost = np.full((7, m), FAR_AWAY)
        cost[BEFORE] = 0
        for aisle, (heights, picks) in enumerate(self.at):
            inside = self._inside(chosen @ picks > 0, heights, aisle == self.depot)
            ahead = np.full((7, m), FAR_AWAY)
            for state, moves in GOES_ON.items():
                for move, targets in moves.items():
                    price = cost[state] + inside[move]
                    for target in targets:
                        np.minimum(ahead[target], price, out=ahead[target])
            cost = ahead
            if aisle + 1 < len(self.x):
                cost += (TIMES_ALONG * int(self.x[aisle + 1] - self.x[aisle]))[:, None]
        return cost[DONE] + self.extra

    def _inside(self, is_picked: np.ndarray, heights: list[int], has_depot: bool) -> np.ndarray:
        """Return int64[6, m]: what each way through an aisle costs a set; bool[m, places] says where it picks."""
        m = len(is_picked)
        low, high = np.full(m, FAR_AWAY), np.full(m, -1)
        gap = np.zeros(m, np.int64)
        if has_depot:
            low[:], high[:] = 0, 0
        for at, mm in enumerate(heights):
            here = is_picked[:, at]
            gap = np.where(here & (high >= 0), np.maximum(gap, mm - high), gap)
            low = np.where(here & (high < 0), mm, low)
            high = np.where(here, mm, high)
        inside = np.full((6, m), FAR_AWAY)
        some = high >= 0
        inside[PASS], inside[TWICE] = self.height, 2 * self.height
        inside[NOTHING][~some] = 0
        inside[FROM_NEAR] = np.where(some, 2 * high, FAR_AWAY)
        inside[FROM_FAR] = np.where(some, 2 * (self.height - low), FAR_AWAY)
        inside[FROM_BOTH] = np.where(some, 2 * (self.height - gap), FAR_AWAY)
        return inside
