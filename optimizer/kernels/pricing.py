"""Every feasible batch whose length, less the prices of its orders, is below a limit: depth first, over what can still help.

Arrays as in `batching`; `price` int64[n] are the orders' prices in the unit of lengths, none negative. Exact: nothing is
skipped that could be below the limit, for a tour over more places is never shorter and a fine never goes away. Used to
price columns, to prove a bound (no batch below zero), and to list all batches that a better plan could contain.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of

MOST_MEMBERS = 64  # orders in one batch while listing; where a larger one could matter the listing ends, not complete


@njit(cache=True, nogil=True)
def knapsack_table(load, capacity, price):
    """Return int64[n + 1, capacity + 1]: the most price that orders k.. bring within each remaining capacity (one resource)."""
    n = load.shape[0]
    table = np.zeros((n + 1, capacity + 1), np.int64)
    for k in range(n - 1, -1, -1):
        for room in range(capacity + 1):
            best = table[k + 1, room]
            if load[k] <= room:
                best = max(best, table[k + 1, room - load[k]] + price[k])
            table[k, room] = best
    return table


@njit(cache=True, nogil=True)
def most_price(rows, first, count, load, price, room):
    """Return at least the price that any of rows[first:count] bring within `room`: whole orders by price per load, the last one in part.

    Rows come in falling order of price per load of the first resource, those without load first.
    """
    total = np.int64(0)
    for at in range(first, count):
        k = rows[at]
        if load[k, 0] > room:
            return total + price[k] * room // load[k, 0] + 1  # 1: of two nearly equal ratios the rounded ones decided
        total += price[k]
        room -= load[k, 0]
    return total


@njit(cache=True, nogil=True)
def cheap_batches(
    masks, load, capacity, kind, floor, price, knapsack, cut_start, cut_of, cut_price, limit, most_nodes, members, sizes, lengths, reduced
):
    """List feasible batches with length - prices + fines < limit; return (count, lowest, nodes, complete).

    load, capacity  as in `batching`, the first resource scaled as in `knapsack` (its table for orders in this row order)
    rows            in falling order of price per load of the first resource, those without load first
    cut_start, cut_of  int64[n + 1], int64  the cuts that order k belongs to are cut_of[cut_start[k]:cut_start[k + 1]]
    cut_price  int64[q], none negative: the fine of a batch with two or three orders of a cut
    members  int32[m, MOST_MEMBERS], sizes int64[m], lengths int64[m], reduced int64[m]  filled with up to m of them: when
             there are more, the m lowest remain (a heap on `reduced`), and only lower ones are looked for
    lowest   the least length - prices + fines of any feasible batch, or `limit` if none lies below it
    complete False when `most_nodes` tours ran out, or a batch of more than MOST_MEMBERS orders could be below the limit: then
             `lowest` proves nothing

    A batch grows by rows in ascending order. With it goes the list of orders that may still join: an order whose joining, with
    the best that room and prices of the others on the list allow, stays at the limit or above leaves the list for good.
    """
    n = masks.shape[0]
    resources = capacity.shape[0]
    most = members.shape[0]
    count = 0
    lowest = limit
    nodes = np.int64(0)
    union = np.zeros((MOST_MEMBERS + 1, masks.shape[1], masks.shape[2]), np.uint64)
    held = np.zeros((MOST_MEMBERS + 1, resources), np.int64)
    paid = np.zeros(MOST_MEMBERS + 1, np.int64)  # prices - fines
    chosen = np.zeros(MOST_MEMBERS + 1, np.int64)
    hits = np.zeros(cut_price.shape[0], np.int64)
    may = np.zeros((MOST_MEMBERS + 1, n), np.int64)  # by depth: the orders that may join,
    joined = np.zeros((MOST_MEMBERS + 1, n), np.int64)  # the tour with each of them,
    fine = np.zeros((MOST_MEMBERS + 1, n), np.int64)  # and the fine each brings
    size = np.zeros(MOST_MEMBERS + 1, np.int64)
    at = np.zeros(MOST_MEMBERS + 1, np.int64)  # how many of them were tried
    offered = np.arange(n)
    depth = 0
    enters = True
    while True:
        if enters:
            # `offered` and their least tours came from the depth above; those that fit and may still pay remain.
            enters = False
            room = capacity[0] - held[depth, 0]
            offers = 0
            first = 0
            before = 0
            if depth > 0:
                first = at[depth - 1]
                before = size[depth - 1]
            else:
                before = n
            for position in range(first, before):
                k = may[depth - 1, position] if depth > 0 else position
                fits = depth == 0 or kind[k] == kind[chosen[0]]
                for r in range(resources):
                    if held[depth, r] + load[k, r] > capacity[r]:
                        fits = False
                if fits:
                    offered[offers] = k
                    # Never shorter than with the smaller set of the depth above.
                    joined[depth, offers] = max(joined[depth - 1, position], joined[depth - 1, at[depth - 1] - 1]) if depth > 0 else 0
                    offers += 1
            kept = 0
            for position in range(offers):
                k = offered[position]
                more = np.int64(0)
                for t in range(cut_start[k], cut_start[k + 1]):
                    if hits[cut_of[t]] == 1:
                        more += cut_price[cut_of[t]]
                after = room - load[k, 0]
                others = min(most_price(offered, 0, offers, load, price, after), knapsack[offered[0], after])
                ahead = paid[depth] + price[k] - more + others
                if joined[depth, position] - ahead >= limit:
                    continue
                if nodes >= most_nodes:
                    return count, lowest, nodes, False
                nodes += 1
                for c in range(masks.shape[1]):
                    for w in range(masks.shape[2]):
                        union[depth + 1, c, w] = union[depth, c, w] | masks[k, c, w]
                length = length_of(union[depth + 1], floor)
                if length - ahead >= limit:
                    continue
                may[depth, kept] = k
                joined[depth, kept] = length
                fine[depth, kept] = more
                kept += 1
            # The others on the list are fewer now: what each can still come to has fallen.
            while True:
                before = kept
                kept = 0
                for position in range(before):
                    k = may[depth, position]
                    offered[position] = k
                for position in range(before):
                    k = offered[position]
                    after = room - load[k, 0]
                    others = most_price(offered, 0, before, load, price, after)
                    if joined[depth, position] - paid[depth] - price[k] + fine[depth, position] - others < limit:
                        may[depth, kept] = k
                        joined[depth, kept] = joined[depth, position]
                        fine[depth, kept] = fine[depth, position]
                        kept += 1
                if kept == before:
                    break
            size[depth] = kept
            at[depth] = 0
        if at[depth] == size[depth]:
            if depth == 0:
                break
            depth -= 1
            k = chosen[depth]
            for t in range(cut_start[k], cut_start[k + 1]):
                hits[cut_of[t]] -= 1
            continue
        position = at[depth]
        at[depth] += 1
        k = may[depth, position]
        length = joined[depth, position]
        value = length - paid[depth] - price[k] + fine[depth, position]
        after = capacity[0] - held[depth, 0] - load[k, 0]
        others = min(most_price(may[depth], position + 1, size[depth], load, price, after), knapsack[k + 1, after])
        if value - others >= limit:
            continue
        chosen[depth] = k
        if value < limit:
            lowest = min(lowest, value)
            if most > 0:
                count = _keep(members, sizes, lengths, reduced, count, chosen, depth + 1, length, value)
                if count == most:
                    limit = min(limit, reduced[0])
        if position + 1 == size[depth]:
            continue
        if depth + 1 == MOST_MEMBERS:
            for other in range(position + 1, size[depth]):
                fits = True
                for r in range(resources):
                    if held[depth, r] + load[k, r] + load[may[depth, other], r] > capacity[r]:
                        fits = False
                if fits:
                    return count, lowest, nodes, False
            continue
        for t in range(cut_start[k], cut_start[k + 1]):
            hits[cut_of[t]] += 1
        for c in range(masks.shape[1]):
            for w in range(masks.shape[2]):
                union[depth + 1, c, w] = union[depth, c, w] | masks[k, c, w]
        for r in range(resources):
            held[depth + 1, r] = held[depth, r] + load[k, r]
        paid[depth + 1] = paid[depth] + price[k] - fine[depth, position]
        depth += 1
        enters = True
    return count, lowest, nodes, True


@njit(cache=True, nogil=True)
def _keep(members, sizes, lengths, reduced, count, chosen, size, length, value):
    """Put a batch into the heap, in place of the worst where it is full and that one is worse; return how many it holds."""
    most = members.shape[0]
    if count < most:
        at = count
        while at > 0 and reduced[(at - 1) // 2] < value:
            _copy(members, sizes, lengths, reduced, (at - 1) // 2, at)
            at = (at - 1) // 2
        _write(members, sizes, lengths, reduced, at, chosen, size, length, value)
        return count + 1
    if value < reduced[0]:
        at = 0
        while True:
            child = 2 * at + 1
            if child >= most:
                break
            if child + 1 < most and reduced[child + 1] > reduced[child]:
                child += 1
            if reduced[child] <= value:
                break
            _copy(members, sizes, lengths, reduced, child, at)
            at = child
        _write(members, sizes, lengths, reduced, at, chosen, size, length, value)
    return count


@njit(cache=True, nogil=True)
def violated_triples(member, value, least, most):
    """Return (triples int64[t, 3], excess float64[t]): sets of three orders of which the batches with two or more weigh over 1.

    member  bool[m, n]  which order is in which batch; value float64[m]  their weights in the relaxation
    The t <= most largest excesses above `least`. A triple in one plan is split or together: at most one batch has two of it
    (subset-row inequality, Jepsen et al. 2008).
    """
    m, n = member.shape
    pair = np.zeros((n, n))
    for s in range(m):
        for i in range(n):
            if member[s, i]:
                for j in range(i + 1, n):
                    if member[s, j]:
                        pair[i, j] += value[s]
    triples = np.zeros((most, 3), np.int64)
    excess = np.zeros(most)
    count = 0
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                total = pair[i, j] + pair[i, k] + pair[j, k] - 1.0
                if total <= least or (count == most and total <= excess[most - 1]):
                    continue
                for s in range(m):
                    if member[s, i] and member[s, j] and member[s, k]:
                        total -= 2.0 * value[s]
                if total <= least or (count == most and total <= excess[most - 1]):
                    continue
                at = count if count < most else most - 1
                count = min(most, count + 1)
                while at > 0 and excess[at - 1] < total:
                    excess[at] = excess[at - 1]
                    triples[at] = triples[at - 1]
                    at -= 1
                excess[at] = total
                triples[at, 0], triples[at, 1], triples[at, 2] = i, j, k
    return triples[:count].copy(), excess[:count].copy()


@njit(cache=True, nogil=True)
def _copy(members, sizes, lengths, reduced, source, target):
    members[target, : sizes[source]] = members[source, : sizes[source]]
    sizes[target] = sizes[source]
    lengths[target] = lengths[source]
    reduced[target] = reduced[source]


@njit(cache=True, nogil=True)
def _write(members, sizes, lengths, reduced, at, chosen, depth, length, value):
    for i in range(depth):
        members[at, i] = chosen[i]
    sizes[at] = depth
    lengths[at] = length
    reduced[at] = value
