"""Tours on a distance matrix: exact for few stops, search and a lower bound for many.

A matrix is int64[n, n], row 0 the start; `end` is the place where the tour ends (0 = a round trip). Ways may differ by direction.
Stops are 1..n-1 without `end`. All callable from other njit code; random numbers come from a seed of their own, so results repeat.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE

MOST_EXACT_STOPS = 13  # 2^13 * 13 * 13 steps, some milliseconds


@njit(cache=True, nogil=True)
def best_order(matrix, end, order):
    """Fill `order` (int64[stops]) with a shortest order of all stops and return its length; INFINITE if there is none.

    Exact. O(2^s s^2) time, O(2^s s) memory for s stops. Source: M. Held and R. M. Karp, SIAM Journal 10(1), 1962.
    """
    stops = len(order)
    if stops == 0:
        return matrix[0, end]
    place = np.empty(stops, dtype=np.int64)
    at = 0
    for i in range(1, len(matrix)):
        if i != end:
            place[at] = i
            at += 1
    full = (1 << stops) - 1
    least = np.full((full + 1, stops), INFINITE, dtype=np.int64)
    for j in range(stops):
        least[1 << j, j] = matrix[0, place[j]]
    for visited in range(1, full + 1):
        for j in range(stops):
            base = least[visited, j]
            if base >= INFINITE:
                continue
            for k in range(stops):
                if not visited >> k & 1:
                    value = base + matrix[place[j], place[k]]
                    after = visited | (1 << k)
                    if value < least[after, k]:
                        least[after, k] = value
    best, last = INFINITE, -1
    for j in range(stops):
        value = least[full, j] + matrix[place[j], end]
        if value < best:
            best, last = value, j
    if last < 0:
        return INFINITE
    visited = full
    for i in range(stops - 1, -1, -1):
        order[i] = place[last]
        before = visited ^ (1 << last)
        if before:
            for j in range(stops):
                if before >> j & 1 and least[before, j] + matrix[place[j], place[last]] == least[visited, last]:
                    last, visited = j, before
                    break
    return best


@njit(cache=True, nogil=True)
def order_length(matrix, end, order):
    """Return the length of a tour: start, the stops in `order`, end."""
    here, total = 0, np.int64(0)
    for i in range(len(order)):
        total += matrix[here, order[i]]
        here = order[i]
    return total + matrix[here, end]


@njit(cache=True, nogil=True)
def nearest_order(matrix, end, order):
    """Fill `order` by always walking to the nearest stop left."""
    n = len(matrix)
    is_left = np.ones(n, dtype=np.bool_)
    is_left[0] = False
    is_left[end] = False
    here = 0
    for i in range(len(order)):
        best = -1
        for j in range(n):
            if is_left[j] and (best < 0 or matrix[here, j] < matrix[here, best]):
                best = j
        order[i] = best
        is_left[best] = False
        here = best


@njit(cache=True, nogil=True)
def improve_order(matrix, end, order, is_symmetric):
    """Change `order` in place until no move of up to three stops, and no reversal, makes it shorter; return the length won.

    Or-opt moves a run of 1..3 stops elsewhere, either way round; 2-opt turns a stretch round (symmetric matrices only).
    """
    n = len(order)
    tour = np.empty(n + 2, dtype=np.int64)
    tour[0], tour[n + 1] = 0, end
    tour[1 : n + 1] = order
    won = np.int64(0)
    is_better = True
    while is_better:
        is_better = False
        for run in range(1, min(3, n - 1) + 1):
            for i in range(1, n - run + 2):
                j = i + run - 1
                a, b = tour[i - 1], tour[j + 1]
                inner = np.int64(0)
                inner_back = np.int64(0)
                for t in range(i, j):
                    inner += matrix[tour[t], tour[t + 1]]
                    inner_back += matrix[tour[t + 1], tour[t]]
                gain = matrix[a, tour[i]] + inner + matrix[tour[j], b] - matrix[a, b]
                best, where, is_turned = np.int64(0), -1, False
                for k in range(n + 1):
                    if i - 1 <= k <= j:
                        continue
                    p, q = tour[k], tour[k + 1]
                    straight = gain + matrix[p, q] - matrix[p, tour[i]] - inner - matrix[tour[j], q]
                    turned = gain + matrix[p, q] - matrix[p, tour[j]] - inner_back - matrix[tour[i], q]
                    if straight > best:
                        best, where, is_turned = straight, k, False
                    if turned > best:
                        best, where, is_turned = turned, k, True
                if where >= 0:
                    _move(tour, i, j, where, is_turned)
                    won += best
                    is_better = True
        if is_symmetric:
            for i in range(1, n):
                for j in range(i + 1, n + 1):
                    gain = matrix[tour[i - 1], tour[i]] + matrix[tour[j], tour[j + 1]]
                    gain -= matrix[tour[i - 1], tour[j]] + matrix[tour[i], tour[j + 1]]
                    if gain > 0:
                        tour[i : j + 1] = tour[i : j + 1][::-1].copy()
                        won += gain
                        is_better = True
    order[:] = tour[1 : n + 1]
    return won


@njit(cache=True, nogil=True)
def _move(tour, i, j, where, is_turned):
    """Move tour[i..j] behind position `where`, which lies outside it."""
    run = tour[i : j + 1].copy()
    if is_turned:
        run = run[::-1].copy()
    size = j - i + 1
    if where > j:
        tour[i : where - size + 1] = tour[j + 1 : where + 1].copy()
        tour[where - size + 1 : where + 1] = run
    else:
        tour[where + 1 + size : j + 1] = tour[where + 1 : i].copy()
        tour[where + 1 : where + 1 + size] = run


@njit(cache=True, nogil=True)
def next_random(state):
    """Advance a uint64[1] generator and return 63 random bits (xorshift64*, Marsaglia 2003, Vigna 2016)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return np.int64((x * np.uint64(2685821657736338717)) >> np.uint64(1))


@njit(cache=True, nogil=True)
def search_order(matrix, end, order, is_symmetric, rounds, seed, target):
    """Fill `order` with a good order: local search, then `rounds` rounds of shaking three cuts and repairing; return the length.

    Stops early when the length reaches `target` (a lower bound). Deterministic in (matrix, rounds, seed).
    Source of the shaking: O. Martin, S. Otto and E. Felten, Large-step Markov chains for the TSP, 1991.
    """
    nearest_order(matrix, end, order)
    improve_order(matrix, end, order, is_symmetric)
    n = len(order)
    best = order_length(matrix, end, order)
    if n < 4:
        return best
    state = np.array([np.uint64(seed) * np.uint64(2862933555777941757) + np.uint64(3037000493)], dtype=np.uint64)
    next_random(state)
    trial = np.empty(n, dtype=np.int64)
    for _ in range(rounds):
        if best <= target:
            break
        # exchange two neighbouring stretches; short ones keep the rest of a good tour
        longest = min(n // 2, 30)
        size_a = 1 + next_random(state) % longest
        size_b = 1 + next_random(state) % longest
        begin = next_random(state) % max(1, n - size_a - size_b + 1)
        middle, stop = min(begin + size_a, n), min(begin + size_a + size_b, n)
        trial[:begin] = order[:begin]
        trial[begin : begin + stop - middle] = order[middle:stop]
        trial[begin + stop - middle : stop] = order[begin:middle]
        trial[stop:] = order[stop:]
        improve_order(matrix, end, trial, is_symmetric)
        length = order_length(matrix, end, trial)
        if length <= best:
            best = length
            order[:] = trial
    return best


@njit(cache=True, nogil=True)
def one_tree_bound(matrix, end, upper, rounds):
    """Return a length no tour can beat, int64.

    Minimum 1-trees with node prices raised by subgradient steps; a way that differs by direction counts with its shorter one. A tour that
    ends elsewhere is closed by its end: the bound is for start + end joined by a free way. Valid for any prices: every tour is a 1-tree.
    Source: M. Held and R. M. Karp, The traveling-salesman problem and minimum spanning trees: part II, 1971.
    """
    n = len(matrix)
    if n == 1:
        return np.int64(0)
    if n == 2:
        return matrix[0, 1] + matrix[1, 0] if end == 0 else matrix[0, 1]
    price = np.zeros(n, dtype=np.float64)
    degree = np.zeros(n, dtype=np.int64)
    key = np.empty(n, dtype=np.float64)
    parent = np.empty(n, dtype=np.int64)
    best = 0.0
    step = 2.0
    since = 0
    for _ in range(rounds):
        degree[:] = 0
        total = 0.0
        is_in = np.zeros(n, dtype=np.bool_)
        is_in[0] = True
        key[:] = 1e300
        parent[:] = -1
        here = 1
        is_in[1] = True
        for _ in range(n - 2):  # spanning tree of all nodes but the start
            for j in range(2, n):
                if not is_in[j]:
                    d = min(matrix[here, j], matrix[j, here]) + price[here] + price[j]
                    if d < key[j]:
                        key[j], parent[j] = d, here
            nearest = -1
            for j in range(2, n):
                if not is_in[j] and (nearest < 0 or key[j] < key[nearest]):
                    nearest = j
            is_in[nearest] = True
            total += key[nearest]
            degree[nearest] += 1
            degree[parent[nearest]] += 1
            here = nearest
        # the start joins the tree by its two cheapest ways; a free way to `end` is one of them whenever the tour ends elsewhere
        first, second = -1, -1
        least, next_least = 1e300, 1e300
        for j in range(1, n):
            if end != 0 and j == end:
                continue
            d = min(matrix[0, j], matrix[j, 0]) + price[0] + price[j]
            if d < least:
                second, next_least = first, least
                first, least = j, d
            elif d < next_least:
                second, next_least = j, d
        if end != 0:
            second, next_least = end, price[0] + price[end]
        total += least + next_least
        degree[0] += 2
        degree[first] += 1
        degree[second] += 1
        bound = total
        norm = 0
        for j in range(n):
            bound -= 2.0 * price[j]
            norm += (degree[j] - 2) ** 2
        if bound > best:
            best = bound
            since = 0
        else:
            since += 1
            if since >= 10:
                step *= 0.7
                since = 0
        if norm == 0 or best >= upper - 0.5:
            break
        scale = step * max(upper - bound, 1.0) / norm
        for j in range(n):
            price[j] += scale * (degree[j] - 2)
    return np.int64(np.ceil(best - 1e-3 - 1e-9 * abs(best)))
