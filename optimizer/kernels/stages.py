"""Shortest walks through stages: all stops of a stage come before any stop of the next (heavy before light, cold last).

matrix int64[n, n] holds depots first: row 0 is the start, row `last` the end; stops are rows depots.. in order of stage, and
first int64[S + 1] says where each stage begins among them.
"""

import numpy as np
from numba import njit

MOST_EXACT = 11  # stops a stage
FAR = np.int64(1) << 60


@njit(cache=True, nogil=True)
def walk_length(matrix, last, order):
    """Return the length from row 0 along int64[n] rows to row `last`."""
    total, here = np.int64(0), np.int64(0)
    for row in order:
        total += matrix[here, row]
        here = row
    return total + matrix[here, last]


@njit(cache=True, nogil=True)
def staged_order(matrix, last, depots, first, order):
    """Fill order int64[n] with the rows of a shortest walk and return its length; at most MOST_EXACT stops a stage.

    Held & Karp (1962) within each stage, begun from every stop the stage before may end at. O(Σ 2**m m**2).
    """
    stages = len(first) - 1
    most = 1
    for s in range(stages):
        most = max(most, first[s + 1] - first[s])
    came = np.zeros((stages, np.int64(1) << most, most), np.int8)
    before_cost = np.zeros(1, np.int64)
    before_row = np.zeros(1, np.int64)
    for s in range(stages):
        m = first[s + 1] - first[s]
        base = depots + first[s]
        best = np.full((np.int64(1) << m, m), FAR, np.int64)
        for j in range(m):
            for i in range(len(before_cost)):
                cost = before_cost[i] + matrix[before_row[i], base + j]
                if cost < best[np.int64(1) << j, j]:
                    best[np.int64(1) << j, j] = cost
                    came[s, np.int64(1) << j, j] = i
        for have in range(1, np.int64(1) << m):
            for j in range(m):
                if best[have, j] >= FAR:
                    continue
                for k in range(m):
                    if have >> k & 1:
                        continue
                    cost = best[have, j] + matrix[base + j, base + k]
                    wider = have | np.int64(1) << k
                    if cost < best[wider, k]:
                        best[wider, k] = cost
                        came[s, wider, k] = j
        before_cost = best[(np.int64(1) << m) - 1].copy()
        before_row = base + np.arange(m)
    end, total = 0, FAR
    for i in range(len(before_cost)):
        cost = before_cost[i] + matrix[before_row[i], last]
        if cost < total:
            end, total = i, cost
    at = first[stages] - 1
    for s in range(stages - 1, -1, -1):
        have = (np.int64(1) << (first[s + 1] - first[s])) - 1
        while have:
            order[at] = depots + first[s] + end
            at -= 1
            previous = came[s, have, end]
            have ^= np.int64(1) << end
            end = previous
    return total


@njit(cache=True, nogil=True)
def staged_search(matrix, last, depots, first, order, passes):
    """Fill order with a short walk and return its length: nearest stop next, then stretches of a stage turned and stops moved in it."""
    n = first[len(first) - 1]
    is_used = np.zeros(n, np.bool_)
    here, at = np.int64(0), 0
    for s in range(len(first) - 1):
        for _ in range(first[s + 1] - first[s]):
            best = -1
            for j in range(first[s], first[s + 1]):
                if not is_used[j] and (best < 0 or matrix[here, depots + j] < matrix[here, depots + best]):
                    best = j
            is_used[best] = True
            here = depots + best
            order[at] = here
            at += 1
    length = walk_length(matrix, last, order)
    trial = order.copy()
    for _ in range(passes):
        is_better = False
        for s in range(len(first) - 1):
            for i in range(first[s], first[s + 1]):
                for j in range(first[s], first[s + 1]):
                    if i == j:
                        continue
                    trial[:] = order
                    if i < j:
                        trial[i : j + 1] = order[i : j + 1][::-1]
                        found = walk_length(matrix, last, trial)
                        if found < length:
                            length, is_better = found, True
                            order[:] = trial
                        trial[:] = order
                    row = order[i]
                    if i < j:
                        trial[i:j] = order[i + 1 : j + 1]
                    else:
                        trial[j + 1 : i + 1] = order[j:i]
                    trial[j] = row
                    found = walk_length(matrix, last, trial)
                    if found < length:
                        length, is_better = found, True
                        order[:] = trial
        if not is_better:
            break
    return length
