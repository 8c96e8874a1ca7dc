"""Annealing for joint order selection, copy choice, batching and picking in a zoned mixed-shelves warehouse.

Problem and distance: Abelli et al. 2024 (arXiv 2401.04563). A picklist is an explicit round trip from (0, 0) over items of one
zone for orders of one batch; list p = (batch · zones + zone) · LISTS + k. Arrays that all functions share (int64 unless told):

item    int64[n, 4]   row, aisle, zone, volume of each warehouse item
copies  (first int64[articles + 1], of int64)  items of article a are of[first[a]:first[a + 1]]
lines   (first int64[orders + 1], article int64[lines])  lines of order o are first[o] .. first[o + 1] - 1
plan    (batch_of int64[orders], item_of int64[lines], list_of int64[lines], is_used bool[n], route int32[P, ROUTE_PLACES],
        stops int64[P], volume int64[P], orders_in int64[batches]); -1 = none
limits  int64[4]  half the height in rows, largest volume of a list, most orders of a batch, items asked for
"""

import math

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lns import below, unit

NONE = -1
LISTS = 3  # picklists a batch may have in one zone
ROUTE_PLACES = 96  # items in one picklist
MOST_LINES = 64  # lines of an order
# Moves out of 100: exchange an order for one outside, move it to another batch, drop it, add one, turn a piece of a route;
# the rest takes one line out and puts it back where it costs least.
EXCHANGE, TRANSFER, DROP, ADD, TURN = 40, 50, 54, 58, 66
TEMPERATURE_EVERY = 64


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


@njit(cache=True, nogil=True)
def best_place(item, half, route, stops, thing):
    """Return (extra length, position) of the cheapest insertion of an item into a route."""
    best = np.int64(1) << 60
    where = 0
    before = NONE
    from_before = walk(item, half, NONE, thing)
    for k in range(stops + 1):
        after = np.int64(route[k]) if k < stops else np.int64(NONE)
        from_after = walk(item, half, thing, after)
        extra = from_before + from_after - (walk(item, half, before, after) if stops > 0 else np.int64(0))
        if extra < best:
            best = extra
            where = k
        before = after
        from_before = from_after
    return best, where


@njit(cache=True, nogil=True)
def _put(plan, item, line, thing, p, k):
    _, item_of, list_of, is_used, route, stops, volume, _ = plan
    for m in range(stops[p], k, -1):
        route[p, m] = route[p, m - 1]
    route[p, k] = thing
    stops[p] += 1
    volume[p] += item[thing, 3]
    is_used[thing] = True
    item_of[line] = thing
    list_of[line] = p


@njit(cache=True, nogil=True)
def _take(plan, item, half, line):
    """Take a line's item out of its route; return (length saved, item, list, position)."""
    _, item_of, list_of, is_used, route, stops, volume, _ = plan
    thing, p = item_of[line], list_of[line]
    k = 0
    while route[p, k] != thing:
        k += 1
    before = np.int64(route[p, k - 1]) if k > 0 else np.int64(NONE)
    after = np.int64(route[p, k + 1]) if k + 1 < stops[p] else np.int64(NONE)
    saved = walk(item, half, before, thing) + walk(item, half, thing, after)
    if stops[p] > 1:
        saved -= walk(item, half, before, after)
    for m in range(k, stops[p] - 1):
        route[p, m] = route[p, m + 1]
    stops[p] -= 1
    volume[p] -= item[thing, 3]
    is_used[thing] = False
    item_of[line] = NONE
    list_of[line] = NONE
    return saved, thing, p, k


@njit(cache=True, nogil=True)
def _place(plan, item, copies, limits, zones, line, article, batch):
    """Put a line where it costs least: over all free copies and lists of the batch; return the extra length or -1."""
    _, _, _, is_used, route, stops, volume, _ = plan
    first, of = copies
    half = limits[0]
    best = np.int64(1) << 60
    best_thing, best_list, best_k = NONE, NONE, 0
    for c in range(first[article], first[article + 1]):
        thing = of[c]
        if is_used[thing]:
            continue
        base = (batch * zones + item[thing, 2]) * LISTS
        for n in range(LISTS):
            p = base + n
            if volume[p] + item[thing, 3] <= limits[1] and stops[p] < ROUTE_PLACES:
                extra, k = best_place(item, half, route[p], stops[p], thing)
                if extra < best:
                    best, best_thing, best_list, best_k = extra, thing, p, k
            if stops[p] == 0:
                break
    if best_thing == NONE:
        return np.int64(-1)
    _put(plan, item, line, best_thing, best_list, best_k)
    return best


@njit(cache=True, nogil=True)
def _place_order(plan, item, copies, lines, limits, zones, order, batch):
    """Place all lines of an order into a batch; return the extra length, or -1 with nothing placed."""
    first, article = lines
    extra = np.int64(0)
    for line in range(first[order], first[order + 1]):
        more = _place(plan, item, copies, limits, zones, line, article[line], batch)
        if more < 0:
            for back in range(line - 1, first[order] - 1, -1):
                _take(plan, item, limits[0], back)
            return np.int64(-1)
        extra += more
    plan[0][order] = batch
    plan[7][batch] += 1
    return extra


@njit(cache=True, nogil=True)
def _take_order(plan, item, lines, half, order, old):
    """Take an order out, noting (item, list, position) of each line in old int64[MOST_LINES, 3]; return the length saved."""
    first = lines[0]
    saved = np.int64(0)
    for line in range(first[order], first[order + 1]):
        less, thing, p, k = _take(plan, item, half, line)
        saved += less
        old[line - first[order], 0] = thing
        old[line - first[order], 1] = p
        old[line - first[order], 2] = k
    plan[7][plan[0][order]] -= 1
    plan[0][order] = NONE
    return saved


@njit(cache=True, nogil=True)
def _put_back(plan, item, lines, order, batch, old):
    first = lines[0]
    for line in range(first[order + 1] - 1, first[order] - 1, -1):
        at = line - first[order]
        _put(plan, item, line, old[at, 0], old[at, 1], old[at, 2])
    plan[0][order] = batch
    plan[7][batch] += 1


@njit(cache=True, nogil=True)
def construct(plan, item, copies, lines, limits, zones, tries, random):
    """Fill batches one after the other, each time with the cheapest per item of `tries` random orders; return items placed."""
    orders = lines[0].shape[0] - 1
    batches = plan[7].shape[0]
    placed = np.int64(0)
    outside = np.arange(orders)
    left = orders
    old = np.empty((MOST_LINES, 3), np.int64)
    for batch in range(batches):
        while plan[7][batch] < limits[2] and left > 0 and placed < limits[3]:
            best = 1e300
            chosen = NONE
            for _ in range(min(tries, left)):
                at = below(random, left)
                order = outside[at]
                extra = _place_order(plan, item, copies, lines, limits, zones, order, batch)
                if extra < 0:
                    continue
                _take_order(plan, item, lines, limits[0], order, old)
                size = lines[0][order + 1] - lines[0][order]
                if extra / size < best:
                    best = extra / size
                    chosen = at
            if chosen == NONE:
                break
            order = outside[chosen]
            _place_order(plan, item, copies, lines, limits, zones, order, batch)
            placed += lines[0][order + 1] - lines[0][order]
            left -= 1
            outside[chosen] = outside[left]
    return placed


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


@njit(cache=True, nogil=True, inline="always")
def _promising(inside, selected, orders, promise, rounds, random):
    best = inside[selected + below(random, orders - selected)]
    for _ in range(rounds - 1):
        other = inside[selected + below(random, orders - selected)]
        if promise[other] < promise[best]:
            best = other
    return best


@njit(cache=True, nogil=True)
def anneal_picklists(plan, item, copies, lines, limits, zones, promise, rounds, fine, hot, cold, begin, end, steps, random):
    """Walk `steps` moves on; return (length, items) of the plan afterwards, which is `plan` itself.

    promise  float64[orders]  a guess of what an order costs an item; of `rounds` random orders outside, the one with the
             lowest guess is tried
    fine  float64  what each item below the number asked for costs on the way; a plan with fewer items is not an answer
    hot, cold, begin, end  temperatures, and which part of the search this is, as in `lns.anneal`
    """
    first, article = lines
    orders = first.shape[0] - 1
    batch_of = plan[0]
    route, stops = plan[4], plan[5]
    batches = plan[7].shape[0]
    half = limits[0]
    length, items = total_length(plan, item, half)
    inside = np.empty(orders, np.int64)  # selected orders first, then the others
    slot = np.empty(orders, np.int64)
    selected = 0
    for order in range(orders):
        if batch_of[order] != NONE:
            inside[selected] = order
            selected += 1
    other = selected
    for order in range(orders):
        if batch_of[order] == NONE:
            inside[other] = order
            other += 1
    for k in range(orders):
        slot[inside[k]] = k
    old = np.empty((MOST_LINES, 3), np.int64)
    temperature = hot
    for step in range(steps):
        if step % TEMPERATURE_EVERY == 0:
            temperature = hot * (cold / hot) ** (begin + (end - begin) * step / steps)
        kind = below(random, 100)
        if selected == 0 and kind != ADD - 1:
            continue
        limit = -temperature * math.log(unit(random))
        if kind < DROP or kind >= TURN:
            order = inside[below(random, selected)]
            batch = batch_of[order]
            size = first[order + 1] - first[order]
        if kind < EXCHANGE:
            if selected == orders:
                continue
            new = _promising(inside, selected, orders, promise, rounds, random)
            new_size = first[new + 1] - first[new]
            change = max(np.int64(0), limits[3] - items + size - new_size) - max(np.int64(0), limits[3] - items)
            saved = _take_order(plan, item, lines, half, order, old)
            extra = _place_order(plan, item, copies, lines, limits, zones, new, batch)
            if extra < 0 or extra - saved + fine * change > limit:
                if extra >= 0:
                    for line in range(first[new + 1] - 1, first[new] - 1, -1):
                        _take(plan, item, half, line)
                    plan[7][batch] -= 1
                    batch_of[new] = NONE
                _put_back(plan, item, lines, order, batch, old)
                continue
            length += extra - saved
            items += new_size - size
            a, b = slot[order], slot[new]
            inside[a], inside[b] = new, order
            slot[order], slot[new] = b, a
        elif kind < TRANSFER:
            target = below(random, batches)
            if target == batch or plan[7][target] >= limits[2]:
                continue
            saved = _take_order(plan, item, lines, half, order, old)
            extra = _place_order(plan, item, copies, lines, limits, zones, order, target)
            if extra < 0 or extra - saved > limit:
                if extra >= 0:
                    for line in range(first[order + 1] - 1, first[order] - 1, -1):
                        _take(plan, item, half, line)
                    plan[7][target] -= 1
                    batch_of[order] = NONE
                _put_back(plan, item, lines, order, batch, old)
                continue
            length += extra - saved
        elif kind < DROP:
            change = max(np.int64(0), limits[3] - items + size) - max(np.int64(0), limits[3] - items)
            saved = _take_order(plan, item, lines, half, order, old)
            if fine * change - saved > limit:
                _put_back(plan, item, lines, order, batch, old)
                continue
            length -= saved
            items -= size
            selected -= 1
            last = inside[selected]
            a = slot[order]
            inside[a], inside[selected] = last, order
            slot[last], slot[order] = a, selected
        elif kind < ADD:
            batch = below(random, batches)
            if selected == orders or plan[7][batch] >= limits[2]:
                continue
            order = _promising(inside, selected, orders, promise, rounds, random)
            size = first[order + 1] - first[order]
            change = max(np.int64(0), limits[3] - items - size) - max(np.int64(0), limits[3] - items)
            if fine * change > limit:
                continue
            extra = _place_order(plan, item, copies, lines, limits, zones, order, batch)
            if extra < 0:
                continue
            if extra + fine * change > limit:
                _take_order(plan, item, lines, half, order, old)
                continue
            length += extra
            items += size
            b = inside[selected]
            a = slot[order]
            inside[a], inside[selected] = b, order
            slot[b], slot[order] = a, selected
            selected += 1
        elif kind < TURN:
            p = below(random, stops.shape[0])
            if stops[p] < 3:
                continue
            i = below(random, stops[p])
            j = below(random, stops[p])
            if i > j:
                i, j = j, i
            before = np.int64(route[p, i - 1]) if i > 0 else np.int64(NONE)
            after = np.int64(route[p, j + 1]) if j + 1 < stops[p] else np.int64(NONE)
            a, b = np.int64(route[p, i]), np.int64(route[p, j])
            change = walk(item, half, before, b) + walk(item, half, a, after) - walk(item, half, before, a) - walk(item, half, b, after)
            if change > limit:
                continue
            while i < j:
                route[p, i], route[p, j] = route[p, j], route[p, i]
                i += 1
                j -= 1
            length += change
        else:
            line = first[order] + below(random, size)
            saved, thing, p, k = _take(plan, item, half, line)
            extra = _place(plan, item, copies, limits, zones, line, article[line], batch)
            if extra < 0 or extra - saved > limit:
                if extra >= 0:
                    _take(plan, item, half, line)
                _put(plan, item, line, thing, p, k)
                continue
            length += extra - saved
    return length, items
