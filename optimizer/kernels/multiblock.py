"""Shortest picking walk in a rectangular warehouse with any number of blocks (2..6 cross-aisles), closed stretches allowed.

    stretch_costs(start, pos_mm, line_mm, closed_mm, depot_aisle, depot_mm, costs)   fills what one set of stops costs a stretch
    sweep_length(costs, width_mm, first, last, busy, into, source, option, closed, work) -> length
    multiblock_length(start, pos_mm, line_mm, closed_mm, width_mm, depot_aisle, depot_mm, into, source, option, closed, costs, work)
    multiblock_walk(same, order) -> length, `order` filled
    multiblock_walks(first_stop, stops, …, lengths, order)                           many sets of locations in one call

Shapes and units, int64 millimetres; A aisles, K cross-aisles, n stops, S states:

    start      int64[A+1]    stops of aisle a are pos_mm[start[a]:start[a+1]], ascending
    pos_mm     int64[n]      distance from the front cross-aisle, line_mm[0]..line_mm[K-1]
    line_mm    int64[K]      where the cross-aisles lie, ascending from 0
    closed_mm  int64[A, K-1] where a stretch is closed to walking, negative = open; stops on either side are reached from that side
    width_mm   int64[K, A]   along cross-aisle k from aisle a to a + 1 (the last column is unused); INFINITE = closed
    into, source, option, closed        the arrays of `states.state_space(K)`
    costs      int64[A, K-1, OPTIONS]   workspace, one row a stretch
    work       int64[2, S]              workspace

Exact, closed walk from the depot past every stop. INFINITE when a closed stretch cuts a stop off. Time grows with A * S * K: per walk of
30 stops in 10 aisles a few µs for three cross-aisles, some ten for four. Source: see `kernels.states`.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels import block
from floorwise.optimizer.kernels.block import INFINITE, lay_aisle
from floorwise.optimizer.kernels.euler import add_edge, euler_order
from floorwise.optimizer.kernels.states import (
    ADD_BACK,
    ADD_FRONT,
    BACK,
    DOUBLE,
    FRONT,
    GAP,
    NONE,
    OPTIONS,
    PASS,
    STAY_BACK,
    STAY_BOTH,
    STAY_FRONT,
)


@njit(cache=True, nogil=True)
def stretch_costs(start, pos_mm, line_mm, closed_mm, depot_aisle, depot_mm, costs):
    """Fill costs[a, b, option] for every stretch and return (first, last) aisle with a stop or the depot in it."""
    aisles = len(start) - 1
    stretches = len(line_mm) - 1
    first, last = np.int64(depot_aisle), np.int64(depot_aisle)
    for a in range(aisles):
        i, end = start[a], start[a + 1]
        if i < end:
            first = min(first, np.int64(a))
            last = max(last, np.int64(a))
        pending = a == depot_aisle
        for b in range(stretches):
            low, high, closed = line_mm[b], line_mm[b + 1], closed_mm[a, b]
            lo = hi = np.int64(-1)
            gap = np.int64(0)
            below = above = np.int64(-1)  # highest stop below and lowest stop above the closed place
            while True:
                has_stop = i < end and pos_mm[i] <= high
                if pending and depot_mm <= high and (not has_stop or depot_mm <= pos_mm[i]):
                    p = np.int64(depot_mm)
                    pending = False
                elif has_stop:
                    p = pos_mm[i]
                    i += 1
                else:
                    break
                if lo < 0:
                    lo = p
                else:
                    gap = max(gap, p - hi)
                hi = p
                if p <= closed:
                    below = p
                elif above < 0:
                    above = p
            row = costs[a, b]
            fill_costs(row, low, high, lo, hi, gap, closed, below, above)
    return first, last


@njit(cache=True, nogil=True, inline="always")
def fill_costs(row, low, high, lo, hi, gap, closed, below, above):
    """Fill one cost row: stretch low..high, stops from lo to hi (lo < 0: none), widest inner gap, and where it is closed (< 0: open).

    `below` is the highest stop below the closed place, `above` the lowest above it, negative if there is none.
    """
    row[PASS] = high - low
    row[DOUBLE] = 2 * (high - low)
    if lo < 0:
        row[NONE] = row[STAY_BOTH] = row[STAY_BACK] = row[STAY_FRONT] = 0
        row[BACK] = row[FRONT] = row[GAP] = row[ADD_FRONT] = row[ADD_BACK] = INFINITE
    else:
        back = 2 * (high - lo)
        front = 2 * (hi - low)
        both = 2 * (high - low) - 2 * gap
        if closed >= 0:
            back = 2 * (high - lo) if below < 0 else INFINITE
            front = 2 * (hi - low) if above < 0 else INFINITE
            both = 2 * (high - above) + 2 * (below - low) if below >= 0 and above >= 0 else INFINITE
        row[NONE] = INFINITE
        row[BACK] = row[STAY_BACK] = back
        row[FRONT] = row[STAY_FRONT] = front
        row[GAP] = both
        row[ADD_FRONT] = min(front, both)
        row[ADD_BACK] = min(back, both)
        row[STAY_BOTH] = min(min(back, front), both)
    if closed >= 0:
        row[PASS] = row[DOUBLE] = INFINITE


@njit(cache=True, nogil=True)
def sweep_length(costs, width_mm, first, last, busy, into, source, option, closed, work):
    """Return the shortest walk's length over aisles first..last; no stop and no depot lies right of aisle `busy`."""
    states = len(closed)
    lines = len(width_mm)
    old, new = work[0], work[1]
    for s in range(states):
        old[s] = INFINITE
    old[0] = 0
    best = INFINITE
    for a in range(first, last + 1):
        for step in range(lines - 1):
            row = costs[a, step]
            for s in range(states):
                value = INFINITE
                for t in range(into[step, s], into[step, s + 1]):
                    value = min(value, old[source[t]] + row[option[t]])
                new[s] = value
            old, new = new, old
        if a >= busy:
            for s in range(states):
                if closed[s]:
                    best = min(best, old[s])
        if a == last:
            break
        for step in range(lines - 1, 2 * lines - 1):
            width = width_mm[step - lines + 1, a]
            for s in range(states):
                value = INFINITE
                for t in range(into[step, s], into[step, s + 1]):
                    value = min(value, old[source[t]] + option[t] * width)
                new[s] = value
            old, new = new, old
    return best


@njit(cache=True, nogil=True)
def has_closed(closed_mm, width_mm):
    """Return whether any stretch or way is closed: then the walk may have to leave the aisles between its stops."""
    for a in range(closed_mm.shape[0]):
        for b in range(closed_mm.shape[1]):
            if closed_mm[a, b] >= 0:
                return True
    for k in range(width_mm.shape[0]):
        for a in range(width_mm.shape[1] - 1):
            if width_mm[k, a] >= INFINITE:
                return True
    return False


@njit(cache=True, nogil=True)
def _lies_in_one_stretch(start, pos_mm, line_mm, closed_mm, first, last, depot_aisle, depot_mm):
    """Return the stretch that holds all stops and the depot, the depot not on a cross-aisle; -1 if there is none."""
    if first != last:
        return -1
    for b in range(len(line_mm) - 1):
        if line_mm[b] < depot_mm < line_mm[b + 1]:
            lo = min(pos_mm[start[first]], np.int64(depot_mm))
            hi = max(pos_mm[start[first + 1] - 1], np.int64(depot_mm))
            closed = closed_mm[first, b]
            is_open = closed < 0 or hi <= closed or lo > closed
            return b if is_open and line_mm[b] <= lo and hi <= line_mm[b + 1] else -1
    return -1


@njit(cache=True, nogil=True)
def multiblock_length(start, pos_mm, line_mm, closed_mm, width_mm, depot_aisle, depot_mm, into, source, option, closed, costs, work):
    """Return the length of the shortest walk past all stops; 0 for none, INFINITE if one cannot be reached."""
    if start[len(start) - 1] == start[0]:
        return np.int64(0)
    first, last = stretch_costs(start, pos_mm, line_mm, closed_mm, depot_aisle, depot_mm, costs)
    if _lies_in_one_stretch(start, pos_mm, line_mm, closed_mm, first, last, depot_aisle, depot_mm) >= 0:
        return 2 * (max(pos_mm[start[first + 1] - 1], np.int64(depot_mm)) - min(pos_mm[start[first]], np.int64(depot_mm)))
    busy = last
    if has_closed(closed_mm, width_mm):
        first, last = np.int64(0), np.int64(len(start) - 2)
    return sweep_length(costs, width_mm, first, last, busy, into, source, option, closed, work)


@njit(cache=True, nogil=True)
def multiblock_walk(start, pos_mm, line_mm, closed_mm, width_mm, depot_aisle, depot_mm, into, source, option, closed, costs, work, order):
    """Fill `order` (int64[n]) with indices into pos_mm, counted from start[0], in walking order; return the length."""
    count = start[len(start) - 1] - start[0]
    if count == 0:
        return np.int64(0)
    first, last = stretch_costs(start, pos_mm, line_mm, closed_mm, depot_aisle, depot_mm, costs)
    if _lies_in_one_stretch(start, pos_mm, line_mm, closed_mm, first, last, depot_aisle, depot_mm) >= 0:
        at = 0
        for i in range(count):
            if pos_mm[start[0] + i] >= depot_mm:
                order[at] = i
                at += 1
        for i in range(count - 1, -1, -1):
            if pos_mm[start[0] + i] < depot_mm:
                order[at] = i
                at += 1
        return 2 * (max(pos_mm[start[first + 1] - 1], np.int64(depot_mm)) - min(pos_mm[start[first]], np.int64(depot_mm)))
    busy = last
    if has_closed(closed_mm, width_mm):
        first, last = np.int64(0), np.int64(len(start) - 2)
    lines, states = len(line_mm), len(closed)
    steps = 2 * lines - 1
    # value[r]: before step r of the sweep, r = (aisle - first) * steps + step
    value = np.empty(((last - first + 1) * steps + 1, states), dtype=np.int64)
    value[0, :] = INFINITE
    value[0, 0] = 0
    best, end_row, end_state = INFINITE, -1, -1
    r = 0
    for a in range(first, last + 1):
        for step in range(steps):
            if step == lines - 1:
                if a >= busy:
                    for s in range(states):
                        if closed[s] and value[r, s] < best:
                            best, end_row, end_state = value[r, s], r, s
                if a == last:
                    break
            old, new = value[r], value[r + 1]
            width = width_mm[step - lines + 1, a] if step >= lines - 1 else np.int64(0)
            for s in range(states):
                least = INFINITE
                if step < lines - 1:
                    row = costs[a, step]
                    for t in range(into[step, s], into[step, s + 1]):
                        least = min(least, old[source[t]] + row[option[t]])
                else:
                    for t in range(into[step, s], into[step, s + 1]):
                        least = min(least, old[source[t]] + option[t] * width)
                new[s] = least
            r += 1
    if end_row < 0:
        return INFINITE

    # Nodes: stop i -> i; depot -> count; crossing of aisle first + j and line k -> count + 1 + j * lines + k.
    aisles = last - first + 1
    most = 2 * (count + 1 + aisles * (lines - 1)) + 2 * aisles * lines + 2
    head = np.full(count + 1 + aisles * lines, -1, dtype=np.int64)
    link = np.empty(2 * most, dtype=np.int64)
    goal = np.empty(2 * most, dtype=np.int64)
    chain = np.empty(count + 3, dtype=np.int64)
    edges = 0
    state = end_state
    for r in range(end_row - 1, -1, -1):
        j, step = r // steps, r % steps
        a = first + j
        target = value[r + 1, state]
        for t in range(into[step, state], into[step, state + 1]):
            cost = costs[a, step, option[t]] if step < lines - 1 else option[t] * width_mm[step - lines + 1, a]
            if value[r, source[t]] < INFINITE and value[r, source[t]] + cost == target:
                here = count + 1 + j * lines
                if step >= lines - 1:
                    for _ in range(option[t]):
                        edges = add_edge(head, link, goal, edges, here + step - lines + 1, here + step + 1)
                else:
                    how = _plain(option[t], costs[a, step])
                    size, gap_at = _chain_of(start, pos_mm, line_mm, closed_mm, a, step, depot_aisle, depot_mm, count, chain, here + step)
                    edges = lay_aisle(head, link, goal, edges, chain, size, how, gap_at)
                state = source[t]
                break
    euler_order(head, link, goal, edges, count, count, order)
    return best


@njit(cache=True, nogil=True)
def _plain(option, row):
    """Return which of the six plain ways an option stands for."""
    if option == STAY_BOTH:
        if row[NONE] == 0:
            return block.NONE
        if row[STAY_BOTH] == row[BACK]:
            return block.BACK
        return block.FRONT if row[STAY_BOTH] == row[FRONT] else block.GAP
    if option == STAY_BACK:
        return block.NONE if row[NONE] == 0 else block.BACK
    if option == STAY_FRONT:
        return block.NONE if row[NONE] == 0 else block.FRONT
    if option == ADD_FRONT:
        return block.FRONT if row[ADD_FRONT] == row[FRONT] else block.GAP
    if option == ADD_BACK:
        return block.BACK if row[ADD_BACK] == row[BACK] else block.GAP
    return option


@njit(cache=True, nogil=True)
def _chain_of(start, pos_mm, line_mm, closed_mm, a, b, depot_aisle, depot_mm, count, chain, front_node):
    """Fill `chain` with the nodes of one stretch from front to back; return how many and after which one the gap lies."""
    low = line_mm[b] if b > 0 else np.int64(-1)  # a stop on a cross-aisle belongs to the stretch in front of it
    high = line_mm[b + 1]
    closed = closed_mm[a, b]
    pending = a == depot_aisle and low < depot_mm <= high
    chain[0] = front_node
    size, gap_at, widest = 1, 0, np.int64(-1)
    before = np.int64(-1)
    i, end = start[a], start[a + 1]
    while i < end and pos_mm[i] <= low:
        i += 1
    while True:
        has_stop = i < end and pos_mm[i] <= high
        if pending and (not has_stop or depot_mm <= pos_mm[i]):
            chain[size] = count
            p = np.int64(depot_mm)
            pending = False
        elif has_stop:
            chain[size] = i - start[0]
            p = pos_mm[i]
            i += 1
        else:
            break
        size += 1
        if before >= 0:
            splits = before <= closed < p if closed >= 0 else p - before > widest
            if splits:
                widest, gap_at = p - before, size - 2
        before = p
    chain[size] = front_node + 1
    return size + 1, gap_at


@njit(cache=True, nogil=True)
def multiblock_walks(
    first_stop, stops, rank, by_rank, location_aisle, location_mm, line_mm, closed_mm, width_mm,
    depot_aisle, depot_mm, into, source, option, closed, lengths, order,
):  # fmt: skip
    """Walk many sets of locations: set t is stops[first_stop[t]:first_stop[t + 1]], in any order, repeats allowed.

    rank      int64[L]  place of each location when all are sorted by (aisle, position); by_rank is its inverse
    lengths   int64[T]  filled with the shortest walks' lengths
    order     int64[n]  filled with the same locations, each set in walking order
    """
    aisles = len(width_mm[0])
    costs = np.empty((aisles, len(line_mm) - 1, OPTIONS), dtype=np.int64)
    work = np.empty((2, len(closed)), dtype=np.int64)
    start = np.empty(aisles + 1, dtype=np.int64)
    for t in range(len(first_stop) - 1):
        begin, end = first_stop[t], first_stop[t + 1]
        ranks = np.empty(end - begin, dtype=np.int64)
        for i in range(begin, end):
            ranks[i - begin] = rank[stops[i]]
        ranks.sort()
        pos = np.empty(end - begin, dtype=np.int64)
        start[:] = 0
        for i in range(end - begin):
            location = by_rank[ranks[i]]
            pos[i] = location_mm[location]
            start[location_aisle[location] + 1] += 1
        for a in range(aisles):
            start[a + 1] += start[a]
        walk = np.zeros(end - begin, dtype=np.int64)
        lengths[t] = multiblock_walk(
            start, pos, line_mm, closed_mm, width_mm, depot_aisle, depot_mm, into, source, option, closed, costs, work, walk
        )
        for i in range(end - begin):
            order[begin + i] = by_rank[ranks[walk[i]]]
