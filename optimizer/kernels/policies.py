"""Picking habits of real floors, for comparison with the shortest walk: S-shape, return, midpoint, largest gap.

All work in one block between a front and a back cross-aisle; shapes and units are those of `kernels.block`. Each fills `order` (int64[n])
with indices into pos_mm in walking order and returns the length of the walk as the habit prescribes it, in int64 millimetres. The walk
begins with the aisle farthest to the left that holds a stop; the depot must lie at an end of its aisle (0 or height_mm) and that
end is the *near* cross-aisle. Lengths are never below that of `block_length`. Callable from other njit code.

Source of the habits: R. W. Hall, Distance approximations for routing manual pickers in a warehouse, IIE Transactions 25(4), 1993.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def s_shape_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order):
    """Aisles with stops are walked through, one upwards and one downwards; the last odd one is entered and left by the near end."""
    first, last, busy = _ends(start, len(aisle_x_mm))
    if busy == 0:
        return np.int64(0)
    at = 0
    length = _between(aisle_x_mm, depot_aisle, first) + _between(aisle_x_mm, first, last) + _between(aisle_x_mm, last, depot_aisle)
    is_away = True  # walking from the near to the far cross-aisle
    for aisle in range(first, last + 1):
        if start[aisle] == start[aisle + 1]:
            continue
        at = _take(start, aisle, is_away == (depot_mm == 0), order, at)
        if aisle == last and is_away:
            length += 2 * _depth(start, pos_mm, aisle, height_mm, depot_mm)
        else:
            length += height_mm
        is_away = not is_away
    return length


@njit(cache=True, nogil=True)
def return_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order):
    """Every aisle is entered and left by the near end."""
    first, last, busy = _ends(start, len(aisle_x_mm))
    if busy == 0:
        return np.int64(0)
    at = 0
    length = _between(aisle_x_mm, depot_aisle, first) + _between(aisle_x_mm, first, last) + _between(aisle_x_mm, last, depot_aisle)
    for aisle in range(first, last + 1):
        if start[aisle] < start[aisle + 1]:
            at = _take(start, aisle, depot_mm == 0, order, at)
            length += 2 * _depth(start, pos_mm, aisle, height_mm, depot_mm)
    return length


@njit(cache=True, nogil=True)
def midpoint_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order):
    """First and last aisle are walked through; of the others each half is visited from its own cross-aisle."""
    return _two_sided(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order, False)


@njit(cache=True, nogil=True)
def largest_gap_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order):
    """First and last aisle are walked through; of the others the widest gap between neighbours (ends included) is left out."""
    return _two_sided(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order, True)


@njit(cache=True, nogil=True)
def _two_sided(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order, by_gap):
    first, last, busy = _ends(start, len(aisle_x_mm))
    if busy <= 1:  # nothing to walk through: in and out by the near end
        return return_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order)
    from_front = depot_mm == 0
    length = _between(aisle_x_mm, depot_aisle, first) + _between(aisle_x_mm, first, last) + _between(aisle_x_mm, last, depot_aisle)
    length += 2 * height_mm
    # Near side on the way out to the first aisle, far side on the way to the last one, the rest of the near side on the way home.
    at = 0
    for aisle in range(min(depot_aisle, last - 1), first, -1):
        length += _visit_end(start, pos_mm, aisle, height_mm, from_front, by_gap, order, at)
        at += _size_of_end(start, pos_mm, aisle, height_mm, from_front, by_gap)
    at = _take(start, first, from_front, order, at)
    for aisle in range(first + 1, last):
        length += _visit_end(start, pos_mm, aisle, height_mm, not from_front, by_gap, order, at)
        at += _size_of_end(start, pos_mm, aisle, height_mm, not from_front, by_gap)
    at = _take(start, last, not from_front, order, at)
    for aisle in range(last - 1, max(depot_aisle, first), -1):
        length += _visit_end(start, pos_mm, aisle, height_mm, from_front, by_gap, order, at)
        at += _size_of_end(start, pos_mm, aisle, height_mm, from_front, by_gap)
    return length


@njit(cache=True, nogil=True)
def _visit_end(start, pos_mm, aisle, height_mm, by_front, by_gap, order, at):
    """Write the stops that are visited from one end of an aisle into `order` and return the length of the detour."""
    begin, end = start[aisle], start[aisle + 1]
    cut = _cut(start, pos_mm, aisle, height_mm, by_gap)
    if by_front:
        for i in range(begin, cut):
            order[at + i - begin] = i
        return 2 * pos_mm[cut - 1] if cut > begin else np.int64(0)
    for i in range(end - 1, cut - 1, -1):
        order[at + end - 1 - i] = i
    return 2 * (np.int64(height_mm) - pos_mm[cut]) if cut < end else np.int64(0)


@njit(cache=True, nogil=True)
def _size_of_end(start, pos_mm, aisle, height_mm, by_front, by_gap):
    cut = _cut(start, pos_mm, aisle, height_mm, by_gap)
    return cut - start[aisle] if by_front else start[aisle + 1] - cut


@njit(cache=True, nogil=True)
def _cut(start, pos_mm, aisle, height_mm, by_gap):
    """Return the index of the first stop that is visited from the back cross-aisle."""
    begin, end = start[aisle], start[aisle + 1]
    if not by_gap:
        cut = begin
        while cut < end and 2 * pos_mm[cut] <= height_mm:
            cut += 1
        return cut
    best, cut = np.int64(-1), begin
    for i in range(begin, end + 1):
        below = pos_mm[i - 1] if i > begin else np.int64(0)
        above = pos_mm[i] if i < end else np.int64(height_mm)
        if above - below > best:
            best, cut = above - below, i
    return cut


@njit(cache=True, nogil=True)
def _ends(start, aisles):
    """Return first and last aisle with a stop and how many aisles have one."""
    first, last, busy = -1, -1, 0
    for aisle in range(aisles):
        if start[aisle] < start[aisle + 1]:
            if first < 0:
                first = aisle
            last = aisle
            busy += 1
    return first, last, busy


@njit(cache=True, nogil=True)
def _between(aisle_x_mm, a, b):
    return np.int64(abs(aisle_x_mm[a] - aisle_x_mm[b]))


@njit(cache=True, nogil=True)
def _depth(start, pos_mm, aisle, height_mm, depot_mm):
    """Return how far from the near end the farthest stop of an aisle lies."""
    if depot_mm == 0:
        return np.int64(pos_mm[start[aisle + 1] - 1])
    return np.int64(height_mm - pos_mm[start[aisle]])


@njit(cache=True, nogil=True)
def _take(start, aisle, upwards, order, at):
    """Write all stops of an aisle into `order` and return the next free place."""
    for i in range(start[aisle], start[aisle + 1]):
        order[at] = i if upwards else start[aisle] + start[aisle + 1] - 1 - i
        at += 1
    return at
