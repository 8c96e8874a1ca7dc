"""Picklists of a zoned mixed-shelves warehouse: the plan as arrays, and lines and orders put in and taken out at least cost.

A picklist is an explicit round trip from (0, 0) over items of one zone for orders of one batch; list p =
(batch · zones + zone) · LISTS + k. Arrays that these functions and those of `kernels/zalando.py` share (int64 unless told):

item    int64[n, 4]   row, aisle, zone, volume of each warehouse item
copies  (first int64[articles + 1], of int64)  items of article a are of[first[a]:first[a + 1]]
lines   (first int64[orders + 1], article int64[lines])  lines of order o are first[o] .. first[o + 1] - 1
plan    (batch_of int64[orders], item_of int64[lines], list_of int64[lines], is_used bool[n], route int32[P, ROUTE_PLACES],
        stops int64[P], volume int64[P], orders_in int64[batches], spot int32[P, ROUTE_PLACES, 3]); -1 = none
        spot: row and aisle of each stop, and how far it is from the one before (the walk back is not in it)
limits  int64[4]  half the height in rows, largest volume of a list, most orders of a batch, items asked for
"""

import numpy as np
from numba import njit

NONE = -1
FAR = np.int64(1) << 60
LISTS = 3  # picklists a batch may have in one zone
ROUTE_PLACES = 96  # items in one picklist
MOST_LINES = 64  # lines of an order


@njit(cache=True, nogil=True, inline="always")
def walk(item, half, a, b):
    """Return the distance between two items, -1 standing for the conveyor at (0, 0).

    Rows are always left by one of three cross-aisles, at 0 and at both ends, even between items of one aisle.
    """
    r1 = item[a, 0] if a >= 0 else np.int64(0)
    c1 = item[a, 1] if a >= 0 else np.int64(0)
    r2 = item[b, 0] if b >= 0 else np.int64(0)
    c2 = item[b, 1] if b >= 0 else np.int64(0)
    middle = abs(r1) + abs(r2)
    if r1 * r2 >= 0:
        middle = min(middle, 2 * half - middle)
    return abs(c1 - c2) + middle


@njit(cache=True, nogil=True, inline="always")
def _apart(half, r1, c1, r2, c2):
    """Return `walk` between two places told by row and aisle."""
    middle = abs(r1) + abs(r2)
    if r1 * r2 >= 0:
        middle = min(middle, 2 * half - middle)
    return abs(c1 - c2) + middle


@njit(cache=True, nogil=True)
def best_place(half, spots, stops, row, aisle):
    """Return (extra length, position) of the cheapest insertion of a place into a route; `spots` is that route's part of the plan."""
    best = FAR
    where = 0
    from_before = abs(row) + abs(aisle)
    for k in range(stops):
        from_after = _apart(half, row, aisle, np.int64(spots[k, 0]), np.int64(spots[k, 1]))
        extra = from_before + from_after - spots[k, 2]
        if extra < best:
            best = extra
            where = k
        from_before = from_after
    extra = from_before + abs(row) + abs(aisle)
    if stops > 0:
        extra -= abs(spots[stops - 1, 0]) + abs(spots[stops - 1, 1])
    return (extra, stops) if extra < best else (best, where)


@njit(cache=True, nogil=True, inline="always")
def _measure(half, spots, k):
    """Write how far stop k of a route is from the one before."""
    before_row = np.int64(spots[k - 1, 0]) if k > 0 else np.int64(0)
    before_aisle = np.int64(spots[k - 1, 1]) if k > 0 else np.int64(0)
    spots[k, 2] = _apart(half, before_row, before_aisle, np.int64(spots[k, 0]), np.int64(spots[k, 1]))


@njit(cache=True, nogil=True)
def put(plan, item, half, line, thing, p, k):
    _, item_of, list_of, is_used, route, stops, volume, _, spot = plan
    spots = spot[p]
    for m in range(stops[p], k, -1):
        route[p, m] = route[p, m - 1]
        spots[m, 0], spots[m, 1], spots[m, 2] = spots[m - 1, 0], spots[m - 1, 1], spots[m - 1, 2]
    route[p, k] = thing
    spots[k, 0], spots[k, 1] = item[thing, 0], item[thing, 1]
    stops[p] += 1
    _measure(half, spots, k)
    if k + 1 < stops[p]:
        _measure(half, spots, k + 1)
    volume[p] += item[thing, 3]
    is_used[thing] = True
    item_of[line] = thing
    list_of[line] = p


@njit(cache=True, nogil=True)
def take(plan, item, half, line):
    """Take a line's item out of its route; return (length saved, item, list, position)."""
    _, item_of, list_of, is_used, route, stops, volume, _, spot = plan
    thing, p = item_of[line], list_of[line]
    spots = spot[p]
    k = 0
    while route[p, k] != thing:
        k += 1
    left = stops[p] - 1
    saved = np.int64(spots[k, 2])
    saved += np.int64(spots[k + 1, 2]) if k < left else np.int64(abs(spots[k, 0]) + abs(spots[k, 1]))
    for m in range(k, left):
        route[p, m] = route[p, m + 1]
        spots[m, 0], spots[m, 1], spots[m, 2] = spots[m + 1, 0], spots[m + 1, 1], spots[m + 1, 2]
    stops[p] = left
    if k < left:
        _measure(half, spots, k)
        saved -= spots[k, 2]
    elif k > 0:
        saved -= abs(spots[k - 1, 0]) + abs(spots[k - 1, 1])
    volume[p] -= item[thing, 3]
    is_used[thing] = False
    item_of[line] = NONE
    list_of[line] = NONE
    return saved, thing, p, k


@njit(cache=True, nogil=True)
def place(plan, item, copies, limits, zones, line, article, batch, most):
    """Put a line where it costs least: over all free copies and lists of the batch; return the extra length, -1 if above `most`."""
    _, _, _, is_used, _, stops, volume, _, spot = plan
    first, of = copies
    half = limits[0]
    best = FAR
    best_thing, best_list, best_k = NONE, NONE, 0
    for c in range(first[article], first[article + 1]):
        thing = of[c]
        if is_used[thing]:
            continue
        row, aisle = item[thing, 0], item[thing, 1]
        base = (batch * zones + item[thing, 2]) * LISTS
        for n in range(LISTS):
            p = base + n
            if volume[p] + item[thing, 3] <= limits[1] and stops[p] < ROUTE_PLACES:
                extra, k = best_place(half, spot[p], stops[p], row, aisle)
                if extra < best:
                    best, best_thing, best_list, best_k = extra, thing, p, k
            if stops[p] == 0:
                break
    if best_thing == NONE or best > most:
        return np.int64(-1)
    put(plan, item, half, line, best_thing, best_list, best_k)
    return best


@njit(cache=True, nogil=True)
def place_order(plan, item, copies, lines, limits, zones, order, batch, most):
    """Place all lines of an order into a batch; return the extra length, or -1 with nothing placed if that is above `most`."""
    first, article = lines
    extra = np.int64(0)
    for line in range(first[order], first[order + 1]):
        more = place(plan, item, copies, limits, zones, line, article[line], batch, most - extra)
        if more < 0:
            for back in range(line - 1, first[order] - 1, -1):
                take(plan, item, limits[0], back)
            return np.int64(-1)
        extra += more
    plan[0][order] = batch
    plan[7][batch] += 1
    return extra


@njit(cache=True, nogil=True)
def take_order(plan, item, lines, half, order, old):
    """Take an order out, noting (item, list, position) of each line in old int64[MOST_LINES, 3]; return the length saved."""
    first = lines[0]
    saved = np.int64(0)
    for line in range(first[order], first[order + 1]):
        less, thing, p, k = take(plan, item, half, line)
        saved += less
        old[line - first[order], 0] = thing
        old[line - first[order], 1] = p
        old[line - first[order], 2] = k
    plan[7][plan[0][order]] -= 1
    plan[0][order] = NONE
    return saved


@njit(cache=True, nogil=True)
def put_back(plan, item, lines, half, order, batch, old):
    first = lines[0]
    for line in range(first[order + 1] - 1, first[order] - 1, -1):
        at = line - first[order]
        put(plan, item, half, line, old[at, 0], old[at, 1], old[at, 2])
    plan[0][order] = batch
    plan[7][batch] += 1


@njit(cache=True, nogil=True)
def total_length(plan, item, half):
    """Return (length of all routes, items in them)."""
    route, stops = plan[4], plan[5]
    total = np.int64(0)
    items = np.int64(0)
    for p in range(stops.shape[0]):
        if stops[p] == 0:
            continue
        items += stops[p]
        before = np.int64(NONE)
        for k in range(stops[p]):
            total += walk(item, half, before, np.int64(route[p, k]))
            before = np.int64(route[p, k])
        total += walk(item, half, before, np.int64(NONE))
    return total, items


@njit(cache=True, nogil=True)
def turn(half, route, spots, stops, i, j):
    """Walk stops i to j of a route the other way round."""
    last = j
    k = i
    while k < j:
        route[k], route[j] = route[j], route[k]
        for column in range(2):
            spots[k, column], spots[j, column] = spots[j, column], spots[k, column]
        k += 1
        j -= 1
    for k in range(i, min(last + 2, stops)):
        _measure(half, spots, k)
