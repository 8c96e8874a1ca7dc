"""Every feasible batch whose length, less the prices of its orders, is below a limit: depth first, pruned by a knapsack.

Arrays as in `batching`; `price` int64[n] are the orders' prices in the unit of lengths, none negative. Exact: nothing is
skipped that could be below the limit, for a tour over more places is never shorter and a fine never goes away. Used to
price columns, to prove a bound (no batch below zero), and to list all batches that a better plan could contain.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of

MOST_MEMBERS = 64  # orders in one batch while listing


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
def cheap_batches(
    masks, load, capacity, kind, floor, price, knapsack, cut_start, cut_of, cut_price, limit, most_nodes, members, sizes, lengths, reduced
):
    """List feasible batches with length - prices + fines < limit; return (count, lowest, nodes, complete).

    load, capacity  as in `batching`, the first resource scaled as in `knapsack` (its table for orders in this row order)
    cut_start, cut_of  int64[n + 1], int64  the cuts that order k belongs to are cut_of[cut_start[k]:cut_start[k + 1]]
    cut_price  int64[q], none negative: the fine of a batch with two or three orders of a cut
    members  int32[m, MOST_MEMBERS], sizes int64[m], lengths int64[m], reduced int64[m]  filled with up to m of them: when
             full, the worst of every later one is dropped (a heap on `reduced`), so the m lowest remain
    lowest   the least length - prices + fines of any feasible batch met, or `limit` if none lies below it
    complete False when `most_nodes` ran out: then `lowest` proves nothing
    """
    n = masks.shape[0]
    resources = capacity.shape[0]
    most = members.shape[0]
    count = 0
    lowest = limit
    nodes = np.int64(0)
    union = np.zeros((MOST_MEMBERS + 1, masks.shape[1], masks.shape[2]), np.uint64)
    held = np.zeros((MOST_MEMBERS + 1, resources), np.int64)
    paid = np.zeros(MOST_MEMBERS + 1, np.int64)
    shortest = np.zeros(MOST_MEMBERS + 1, np.int64)
    chosen = np.zeros(MOST_MEMBERS + 1, np.int64)
    hits = np.zeros(cut_price.shape[0], np.int64)
    depth = 0
    k = 0  # next order to try at this depth
    while True:
        if k < n and depth < MOST_MEMBERS and shortest[depth] - paid[depth] - knapsack[k, capacity[0] - held[depth, 0]] < limit:
            fits = depth == 0 or kind[k] == kind[chosen[0]]
            for r in range(resources):
                if held[depth, r] + load[k, r] > capacity[r]:
                    fits = False
            if not fits:
                k += 1
                continue
            # Even before measuring: the batch with k, at least as long as now, and all that could still come.
            ahead = paid[depth] + price[k] + knapsack[k + 1, capacity[0] - held[depth, 0] - load[k, 0]]
            if shortest[depth] - ahead >= limit:
                k += 1
                continue
            if nodes >= most_nodes:
                return count, lowest, nodes, False
            nodes += 1
            for c in range(masks.shape[1]):
                for w in range(masks.shape[2]):
                    union[depth + 1, c, w] = union[depth, c, w] | masks[k, c, w]
            length = length_of(union[depth + 1], floor)
            if length - ahead >= limit:
                k += 1
                continue
            fine = np.int64(0)
            for t in range(cut_start[k], cut_start[k + 1]):
                if hits[cut_of[t]] == 1:
                    fine += cut_price[cut_of[t]]
            if length - ahead + fine >= limit:
                k += 1
                continue
            for t in range(cut_start[k], cut_start[k + 1]):
                hits[cut_of[t]] += 1
            chosen[depth] = k
            depth += 1
            shortest[depth] = length
            paid[depth] = paid[depth - 1] + price[k] - fine
            for r in range(resources):
                held[depth, r] = held[depth - 1, r] + load[k, r]
            value = length - paid[depth]
            if value < limit:
                lowest = min(lowest, value)
                if count < most:
                    at = count
                    count += 1
                    while at > 0 and reduced[(at - 1) // 2] < value:
                        parent = (at - 1) // 2
                        _copy(members, sizes, lengths, reduced, parent, at)
                        at = parent
                    _write(members, sizes, lengths, reduced, at, chosen, depth, length, value)
                elif most > 0 and value < reduced[0]:
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
                    _write(members, sizes, lengths, reduced, at, chosen, depth, length, value)
            k += 1
            continue
        # The knapsack only falls as k rises, so nothing is left at this depth.
        if depth == 0:
            break
        depth -= 1
        k = chosen[depth]
        for t in range(cut_start[k], cut_start[k + 1]):
            hits[cut_of[t]] -= 1
        k += 1
    return count, lowest, nodes, True


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
