"""Shortest picking walk in one block: parallel aisles between a front and a back cross-aisle.

What callers get (all callable from other njit code, all int64 millimetres, none of the length kernels allocates):

    block_length(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm) -> length
    block_length_of_stops(stop_aisle, stop_mm, count, aisle_x_mm, height_mm, depot_aisle, depot_mm) -> length
    block_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order) -> length, and `order` filled
    vertical_step(uu, e0, oe, e1, e2, lo, hi, gap, height_mm) / across_step(uu, e0, oe, e1, e2, width_mm)
                                           the two halves of one aisle, for callers who keep prefixes of the sweep

Shapes and units, the same everywhere:

    start        int64[A+1]  stops of aisle a are pos_mm[start[a]:start[a+1]] (CSR)
    pos_mm       int64[n]    distance from the front cross-aisle, 0..height_mm, ascending within an aisle; repeats are free
    stop_aisle   int64[>=n]  the same stops as a flat list sorted by (aisle, position); only the first `count` are read
    stop_mm      int64[>=n]
    aisle_x_mm   int64[A]    ascending
    height_mm    int64       from the front to the back cross-aisle
    depot_aisle  int         the aisle on which the walk starts and ends
    depot_mm     int64       0 = front end, height_mm = back end, anything between = inside the aisle

Exact: the minimum over all closed walks that start at the depot and pass every stop, U-turns in aisles allowed. O(A + n), about
0.2 µs for 10 aisles and 30 stops. No stop at all gives 0. Nothing is checked here; `optimizer.routing` checks shapes and ranges.

Source: H. D. Ratliff and A. S. Rosenthal, Order-picking in a rectangular warehouse: a solvable case of the traveling salesman
problem, Operations Research 31(3), 1983. The depot is one more stop, which keeps its aisle free of special cases.
Trap: numba's on-disk cache watches only the file of the outermost kernel. After a change here, delete the `*.nbi` files of callers.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.euler import add_edge, euler_order

INFINITE = np.int64(1) << np.int64(60)

# How one aisle is walked; the numbers are shared with the multi-block kernel and the drawing.
NONE, PASS, DOUBLE, BACK, FRONT, GAP = 0, 1, 2, 3, 4, 5


@njit(cache=True, nogil=True, inline="always")
def vertical_step(uu, e0, oe, e1, e2, lo, hi, gap, height_mm):
    """Return the five state values after an aisle has been walked, given those before it.

    A state tells the degrees of (back end, front end) of the aisle in the part of the walk to its left:
    uu odd and odd, e0 even and untouched, oe untouched and even, e1 even and even in one piece, e2 even and even in two pieces.
    `lo`, `hi` are the lowest and highest stop of the aisle and `gap` the widest distance between neighbours; lo < 0 means no stop.
    """
    double = 2 * height_mm
    if lo < 0:
        to_uu = min(min(e0, oe), min(e1, e2)) + height_mm
        to_e1 = min(min(e0, oe), e2) + double
        return min(uu, to_uu), e0, oe, min(min(uu + height_mm, e1), to_e1), e2
    back = 2 * (height_mm - lo)
    front = 2 * hi
    both = 2 * height_mm - 2 * gap
    turn = min(min(back, front), both)
    new_uu = min(uu + turn, min(min(e0, oe), min(e1, e2)) + height_mm)
    new_e1 = min(min(uu + height_mm, e1 + turn), min(min(e0, oe), e2) + double)
    new_e2 = min(e2 + turn, min(e0 + min(front, both), oe + min(back, both)))
    return new_uu, e0 + back, oe + front, new_e1, new_e2


@njit(cache=True, nogil=True, inline="always")
def first_step(lo, hi, gap, height_mm):
    """Return the five state values after the leftmost aisle with a stop in it (lo >= 0)."""
    return height_mm, 2 * (height_mm - lo), 2 * hi, 2 * height_mm, 2 * height_mm - 2 * gap


@njit(cache=True, nogil=True, inline="always")
def across_step(uu, e0, oe, e1, e2, width_mm):
    """Return the five state values after walking on to the next aisle, `width_mm` to the right."""
    double = 2 * width_mm
    return uu + double, min(e0, e1) + double, min(oe, e1) + double, e1 + 2 * double, e2 + 2 * double


@njit(cache=True, nogil=True, inline="always")
def aisle_span(pos_mm, begin, end, extra_mm):
    """Return lowest, highest position and widest inner gap of pos_mm[begin:end] with `extra_mm` among them; lowest < 0 if empty.

    `extra_mm` is the depot's position in its own aisle, negative elsewhere.
    """
    lo = np.int64(-1)
    last = np.int64(-1)
    gap = np.int64(0)
    for i in range(begin, end):
        p = pos_mm[i]
        if extra_mm >= 0 and extra_mm <= p:
            if last < 0:
                lo = extra_mm
            else:
                gap = max(gap, extra_mm - last)
            last = extra_mm
            extra_mm = np.int64(-1)
        if last < 0:
            lo = p
        else:
            gap = max(gap, p - last)
        last = p
    if extra_mm >= 0:
        if last < 0:
            lo = extra_mm
        else:
            gap = max(gap, extra_mm - last)
        last = extra_mm
    return lo, last, gap


@njit(cache=True, nogil=True, inline="always")
def _one_aisle(pos_mm, begin, end, depot_mm):
    """Return the length of a walk that never leaves the depot's aisle."""
    return 2 * (max(pos_mm[end - 1], depot_mm) - min(pos_mm[begin], depot_mm))


@njit(cache=True, nogil=True)
def block_length_of_stops(stop_aisle, stop_mm, count, aisle_x_mm, height_mm, depot_aisle, depot_mm):
    """Return the length of the shortest walk past the first `count` stops, which are sorted by (aisle, position)."""
    if count == 0:
        return np.int64(0)
    height = np.int64(height_mm)
    first = min(np.int64(stop_aisle[0]), np.int64(depot_aisle))
    last = max(np.int64(stop_aisle[count - 1]), np.int64(depot_aisle))
    i = 0
    if first == last:
        return _one_aisle(stop_mm, 0, count, np.int64(depot_mm))
    uu = e0 = oe = e1 = e2 = INFINITE
    for aisle in range(first, last + 1):
        j = i
        while j < count and stop_aisle[j] == aisle:
            j += 1
        lo, hi, gap = aisle_span(stop_mm, i, j, np.int64(depot_mm) if aisle == depot_aisle else np.int64(-1))
        i = j
        if aisle == first:
            uu, e0, oe, e1, e2 = first_step(lo, hi, gap, height)
        else:
            uu, e0, oe, e1, e2 = across_step(uu, e0, oe, e1, e2, aisle_x_mm[aisle] - aisle_x_mm[aisle - 1])
            uu, e0, oe, e1, e2 = vertical_step(uu, e0, oe, e1, e2, lo, hi, gap, height)
    return min(min(e0, oe), e1)


@njit(cache=True, nogil=True)
def block_length(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm):
    """Return the length of the shortest walk past all stops given per aisle (CSR)."""
    if start[len(start) - 1] == start[0]:
        return np.int64(0)
    height = np.int64(height_mm)
    first = 0
    while start[first + 1] == start[0]:
        first += 1
    last = len(aisle_x_mm) - 1
    while start[last] == start[last + 1]:
        last -= 1
    first = min(first, depot_aisle)
    last = max(last, depot_aisle)
    if first == last:
        return _one_aisle(pos_mm, start[first], start[first + 1], np.int64(depot_mm))
    uu = e0 = oe = e1 = e2 = INFINITE
    for aisle in range(first, last + 1):
        extra = np.int64(depot_mm) if aisle == depot_aisle else np.int64(-1)
        lo, hi, gap = aisle_span(pos_mm, start[aisle], start[aisle + 1], extra)
        if aisle == first:
            uu, e0, oe, e1, e2 = first_step(lo, hi, gap, height)
        else:
            uu, e0, oe, e1, e2 = across_step(uu, e0, oe, e1, e2, aisle_x_mm[aisle] - aisle_x_mm[aisle - 1])
            uu, e0, oe, e1, e2 = vertical_step(uu, e0, oe, e1, e2, lo, hi, gap, height)
    return min(min(e0, oe), e1)


@njit(cache=True, nogil=True)
def block_walk(start, pos_mm, aisle_x_mm, height_mm, depot_aisle, depot_mm, order):
    """Fill `order` (int64[n]) with the indices into pos_mm in walking order and return the walk's length.

    The walk is one shortest walk; which of several equal ones is fixed by the input. Allocates a few small arrays.
    """
    count = start[len(start) - 1] - start[0]
    if count == 0:
        return np.int64(0)
    height = np.int64(height_mm)
    first = 0
    while start[first + 1] == start[0]:
        first += 1
    last = len(aisle_x_mm) - 1
    while start[last] == start[last + 1]:
        last -= 1
    first = min(first, depot_aisle)
    last = max(last, depot_aisle)
    aisles = last - first + 1
    if aisles == 1:
        at = 0
        for i in range(start[first], start[first + 1]):
            if pos_mm[i] >= depot_mm:
                order[at] = i
                at += 1
        for i in range(start[first + 1] - 1, start[first] - 1, -1):
            if pos_mm[i] < depot_mm:
                order[at] = i
                at += 1
        return _one_aisle(pos_mm, start[first], start[first + 1], np.int64(depot_mm))
    # before[j] and after[j]: the five values before and after walking aisle first + j
    before = np.full((aisles, 5), INFINITE, dtype=np.int64)
    after = np.full((aisles, 5), INFINITE, dtype=np.int64)
    span = np.empty((aisles, 3), dtype=np.int64)
    for j in range(aisles):
        aisle = first + j
        extra = np.int64(depot_mm) if aisle == depot_aisle else np.int64(-1)
        lo, hi, gap = aisle_span(pos_mm, start[aisle], start[aisle + 1], extra)
        span[j, 0], span[j, 1], span[j, 2] = lo, hi, gap
        if j == 0:
            after[j, 0], after[j, 1], after[j, 2], after[j, 3], after[j, 4] = first_step(lo, hi, gap, height)
        else:
            a = after[j - 1]
            b = before[j]
            b[0], b[1], b[2], b[3], b[4] = across_step(a[0], a[1], a[2], a[3], a[4], aisle_x_mm[aisle] - aisle_x_mm[aisle - 1])
            c = after[j]
            c[0], c[1], c[2], c[3], c[4] = vertical_step(b[0], b[1], b[2], b[3], b[4], lo, hi, gap, height)
    state = 1
    if after[aisles - 1, 2] < after[aisles - 1, state]:
        state = 2
    if after[aisles - 1, 3] < after[aisles - 1, state]:
        state = 3
    length = after[aisles - 1, state]

    # Walk back through the tables, laying the edges of the multigraph whose Euler circuit is the walk.
    # Nodes: stop i -> i - start[0]; depot -> count; back and front end of aisle first + j -> count + 1 + 2 j, + 1.
    nodes = count + 1 + 2 * aisles
    most = 2 * (count + 1 + aisles) + 4 * aisles
    head = np.full(nodes, -1, dtype=np.int64)
    link = np.empty(2 * most, dtype=np.int64)
    goal = np.empty(2 * most, dtype=np.int64)
    edges = 0
    chain = np.empty(count + 3, dtype=np.int64)
    for j in range(aisles - 1, -1, -1):
        aisle = first + j
        how, came = _choice(before[j], after[j], state, span[j], height, j == 0)
        size = _chain(start, pos_mm, aisle, depot_aisle, depot_mm, count, chain, count + 2 + 2 * j, count + 1 + 2 * j)
        edges = lay_aisle(head, link, goal, edges, chain, size, how, _gap_at(pos_mm, start[0], depot_mm, count, chain, size))
        state = came
        if j > 0:
            state, back_times, front_times = _cross_choice(after[j - 1], before[j], state, aisle_x_mm[aisle] - aisle_x_mm[aisle - 1])
            for _ in range(back_times):
                edges = add_edge(head, link, goal, edges, count + 1 + 2 * j, count - 1 + 2 * j)
            for _ in range(front_times):
                edges = add_edge(head, link, goal, edges, count + 2 + 2 * j, count + 2 * j)
    euler_order(head, link, goal, edges, count, count, order)
    if start[0] != 0:
        for i in range(count):
            order[i] += start[0]
    return length


@njit(cache=True, nogil=True)
def lay_aisle(head, link, goal, edges, chain, size, how, gap_at):
    """Add the edges of one walked aisle and return the new number of edges.

    chain[:size] holds the node of the front end, the stops upwards, the node of the back end; `gap_at` is the index in the chain
    of the stop below the widest gap.
    """
    if how == NONE:
        return edges
    for i in range(size - 1):
        times = 0
        if how == PASS:
            times = 1
        elif how == DOUBLE or (how == BACK and i > 0) or (how == FRONT and i < size - 2) or (how == GAP and i != gap_at):
            times = 2
        for _ in range(times):
            edges = add_edge(head, link, goal, edges, chain[i], chain[i + 1])
    return edges


@njit(cache=True, nogil=True)
def _chain(start, pos_mm, aisle, depot_aisle, depot_mm, count, chain, front_node, back_node):
    """Fill `chain` with front end, stops upwards (the depot among them) and back end; return how many."""
    chain[0] = front_node
    size = 1
    pending = aisle == depot_aisle
    for i in range(start[aisle], start[aisle + 1]):
        if pending and depot_mm <= pos_mm[i]:
            chain[size] = count
            size += 1
            pending = False
        chain[size] = i - start[0]
        size += 1
    if pending:
        chain[size] = count
        size += 1
    chain[size] = back_node
    return size + 1


@njit(cache=True, nogil=True)
def _gap_at(pos_mm, base, depot_mm, count, chain, size):
    best, at = np.int64(-1), -1
    for i in range(1, size - 2):
        below = depot_mm if chain[i] == count else pos_mm[base + chain[i]]
        above = depot_mm if chain[i + 1] == count else pos_mm[base + chain[i + 1]]
        if above - below > best:
            best, at = above - below, i
    return at


@njit(cache=True, nogil=True)
def _choice(before, after, state, span, height, is_first):
    """Return how the aisle was walked and the state before it, by finding the term that gave the minimum."""
    lo, hi, gap = span[0], span[1], span[2]
    value = after[state]
    for how in range(6):
        if (lo < 0) != (how == NONE) and how not in (PASS, DOUBLE):
            continue
        if how == NONE:
            cost = np.int64(0)
        elif how == PASS:
            cost = height
        elif how == DOUBLE:
            cost = 2 * height
        elif how == BACK:
            cost = 2 * (height - lo)
        elif how == FRONT:
            cost = 2 * hi
        else:
            cost = 2 * height - 2 * gap
        if is_first:
            if _first_leads_to(how) == state and cost == value:
                return how, -1
            continue
        for came in range(5):
            if before[came] < INFINITE and before[came] + cost == value and _leads_to(came, how) == state:
                return how, came
    return -1, -1


@njit(cache=True, nogil=True)
def _first_leads_to(how):
    if how == PASS:
        return 0
    if how == BACK:
        return 1
    if how == FRONT:
        return 2
    if how == DOUBLE:
        return 3
    return 4


@njit(cache=True, nogil=True)
def _leads_to(came, how):
    """Return the state that walking an aisle in the given way leads to; 0 uu, 1 e0, 2 oe, 3 e1, 4 e2."""
    if how == PASS:
        return 3 if came == 0 else 0
    if how == DOUBLE:
        return 0 if came == 0 else 3
    if how == NONE or came in (0, 3, 4):
        return came
    if came == 1:
        return 1 if how == BACK else 4
    return 2 if how == FRONT else 4


@njit(cache=True, nogil=True)
def _cross_choice(after, before, state, width):
    """Return the state left of the gap between two aisles and how often back and front cross-aisle are walked there."""
    value = before[state]
    if state == 0:
        return 0, 1, 1
    if state == 1:
        return (1 if after[1] + 2 * width == value else 3), 2, 0
    if state == 2:
        return (2 if after[2] + 2 * width == value else 3), 0, 2
    return state, 2, 2
