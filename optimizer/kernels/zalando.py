"""Annealing for joint order selection, copy choice, batching and picking in a zoned mixed-shelves warehouse.

Problem and distance: Abelli et al. 2024 (arXiv 2401.04563). The arrays are those of `kernels/picklists.py`.
"""

import math

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lns import below, unit
from floorwise.optimizer.kernels.picklists import (
    MOST_LINES,
    NONE,
    place,
    place_order,
    put,
    put_back,
    take,
    take_order,
    total_length,
    turn,
    walk,
)

# Moves out of 100: exchange an order for one outside, move it to another batch, drop it, add one, turn a piece of a route;
# the rest takes one line out and puts it back where it costs least.
EXCHANGE, TRANSFER, DROP, ADD, TURN = 55, 63, 66, 69, 75
BESIDE = 50  # of 100 exchanges, how many bring in an order with an item near one of the order that goes
TEMPERATURE_EVERY = 64


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
                size = lines[0][order + 1] - lines[0][order]
                extra = place_order(plan, item, copies, lines, limits, zones, order, batch, best * size)
                if extra < 0:
                    continue
                take_order(plan, item, lines, limits[0], order, old)
                if extra / size < best:
                    best = extra / size
                    chosen = at
            if chosen == NONE:
                break
            order = outside[chosen]
            place_order(plan, item, copies, lines, limits, zones, order, batch, 1e300)
            placed += lines[0][order + 1] - lines[0][order]
            left -= 1
            outside[chosen] = outside[left]
    return placed


@njit(cache=True, nogil=True, inline="always")
def _promising(inside, selected, orders, promise, rounds, random):
    best = inside[selected + below(random, orders - selected)]
    for _ in range(rounds - 1):
        other = inside[selected + below(random, orders - selected)]
        if promise[other] < promise[best]:
            best = other
    return best


@njit(cache=True, nogil=True)
def near_items(item, half, of_zone, zone_first, most):
    """Return int32[items, most]: items of the same zone nearest to each, the nearest first, -1 where there are fewer.

    of_zone, zone_first  items of zone z that may be wanted are of_zone[zone_first[z]:zone_first[z + 1]]; the others get no row
    """
    near = np.full((item.shape[0], most), NONE, np.int32)
    far = np.empty(most, np.int64)
    for zone in range(zone_first.shape[0] - 1):
        for a in range(zone_first[zone], zone_first[zone + 1]):
            thing = of_zone[a]
            found = 0
            for b in range(zone_first[zone], zone_first[zone + 1]):
                other = of_zone[b]
                if other == thing:
                    continue
                distance = walk(item, half, thing, other)
                if found == most and distance >= far[most - 1]:
                    continue
                k = min(found, most - 1)
                while k > 0 and far[k - 1] > distance:
                    far[k] = far[k - 1]
                    near[thing, k] = near[thing, k - 1]
                    k -= 1
                far[k] = distance
                near[thing, k] = other
                found = min(found + 1, most)
    return near


@njit(cache=True, nogil=True)
def _beside(plan, article_of, first, order, hints, random):
    """Return a random order outside that wants an item near one of `order`'s, or -1."""
    near, wanted_first, wanted_by = hints
    thing = plan[1][first[order] + below(random, first[order + 1] - first[order])]
    other = near[thing, below(random, near.shape[1])]
    if other == NONE or plan[3][other]:
        return NONE
    article = article_of[other]
    choices = wanted_first[article + 1] - wanted_first[article]
    if choices == 0:
        return NONE
    new = wanted_by[wanted_first[article] + below(random, choices)]
    return new if plan[0][new] == NONE else NONE


@njit(cache=True, nogil=True)
def anneal_picklists(
    plan, item, copies, lines, limits, zones, article_of, hints, promise, rounds, fine, hot, cold, begin, end, steps, random
):
    """Walk `steps` moves on; return (length, items) of the plan afterwards, which is `plan` itself.

    article_of  int64[n]  article of each item
    hints    (near int32[n, k] by `near_items`, first int64[articles + 1], of int64): article a is wanted by of[first[a]:first[a + 1]]

    promise  float64[orders]  a guess of what an order costs an item; of `rounds` random orders outside, the one with the
             lowest guess is tried
    fine  float64  what each item below the number asked for costs on the way; a plan with fewer items is not an answer
    hot, cold, begin, end  temperatures, and which part of the search this is, as in `lns.anneal`
    """
    first, article = lines
    orders = first.shape[0] - 1
    batch_of = plan[0]
    route, stops, spot = plan[4], plan[5], plan[8]
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
            new = _beside(plan, article_of, first, order, hints, random) if below(random, 100) < BESIDE else NONE
            if new == NONE:
                new = _promising(inside, selected, orders, promise, rounds, random)
            new_size = first[new + 1] - first[new]
            change = max(np.int64(0), limits[3] - items + size - new_size) - max(np.int64(0), limits[3] - items)
            saved = take_order(plan, item, lines, half, order, old)
            extra = place_order(plan, item, copies, lines, limits, zones, new, batch, limit + saved - fine * change)
            if extra < 0:
                put_back(plan, item, lines, half, order, batch, old)
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
            saved = take_order(plan, item, lines, half, order, old)
            extra = place_order(plan, item, copies, lines, limits, zones, order, target, limit + saved)
            if extra < 0:
                put_back(plan, item, lines, half, order, batch, old)
                continue
            length += extra - saved
        elif kind < DROP:
            change = max(np.int64(0), limits[3] - items + size) - max(np.int64(0), limits[3] - items)
            saved = take_order(plan, item, lines, half, order, old)
            if fine * change - saved > limit:
                put_back(plan, item, lines, half, order, batch, old)
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
            extra = place_order(plan, item, copies, lines, limits, zones, order, batch, limit - fine * change)
            if extra < 0:
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
            turn(half, route[p], spot[p], stops[p], i, j)
            length += change
        else:
            line = first[order] + below(random, size)
            saved, thing, p, k = take(plan, item, half, line)
            extra = place(plan, item, copies, limits, zones, line, article[line], batch, limit + saved)
            if extra < 0:
                put(plan, item, half, line, thing, p, k)
                continue
            length += extra - saved
    return length, items
