"""Which locations to pick from on any floor, from a distance matrix: exact for few articles, ruin and recreate for many.

    least_walk(matrix, end, article, units, bit, demand, by_first, by_candidate, codes, extra, chosen) -> cost
    search_walk(matrix, end, article, units, demand, by_first, by_candidate, extra, rounds, seed, target, order) -> (cost, stops)

matrix       int64[m, m]  ways between places: 0 the start, then `end` (0 = the start again), candidates from `base` on
article      int64[n]     of candidate i, which is place base + i; base = 1 if end == 0 else 2
units, extra int64[n]     what can be taken there; what stopping there costs, in millimetres
demand       int64[a]; by_first, by_candidate: the candidates of each article (CSR)
bit          int64[n]     what taking from candidate i adds to the code: articles that any one of their candidates covers share one bit,
                          the others have a bit a candidate, because nobody may take the same units twice
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.tours import improve_order, next_random


@njit(cache=True, nogil=True)
def _covers(code, units, bit, demand, by_first, by_candidate):
    for a in range(len(demand)):
        have = np.int64(0)
        for k in range(by_first[a], by_first[a + 1]):
            i = by_candidate[k]
            if code & bit[i]:
                have += units[i]
                if units[i] >= demand[a]:
                    have = demand[a]
        if have < demand[a]:
            return False
    return True


@njit(cache=True, nogil=True)
def least_walk(matrix, end, article, units, bit, demand, by_first, by_candidate, codes, extra, order):
    """Fill `order` (int64[>= n]) with the candidates of a cheapest walk in walking order; return (cost, how many).

    Exact. O(codes * n^2) time, O(codes * n) memory. Source: Held and Karp 1962, with generalised nodes as in K. Hessler and S. Irnich 2024.
    """
    n = len(article)
    base = 1 if end == 0 else 2
    least = np.full((codes, n), INFINITE, dtype=np.int64)
    for i in range(n):
        least[bit[i], i] = matrix[0, base + i] + extra[i]
    best, best_code, last = INFINITE, np.int64(-1), -1
    if _covers(np.int64(0), units, bit, demand, by_first, by_candidate):
        return matrix[0, end], 0
    for code in range(1, codes):
        is_done = -1
        for i in range(n):
            cost = least[code, i]
            if cost >= INFINITE:
                continue
            if is_done < 0:
                is_done = 1 if _covers(np.int64(code), units, bit, demand, by_first, by_candidate) else 0
            if is_done == 1:
                if cost + matrix[base + i, end] < best:
                    best, best_code, last = cost + matrix[base + i, end], np.int64(code), i
                continue
            for j in range(n):
                if not code & bit[j]:
                    value = cost + matrix[base + i, base + j] + extra[j]
                    if value < least[code | bit[j], j]:
                        least[code | bit[j], j] = value
    if last < 0:
        return INFINITE, 0
    count = 0
    code = best_code
    while True:
        order[count] = last
        count += 1
        before = code ^ bit[last]
        value = least[code, last] - extra[last]
        if before == 0:
            break
        for j in range(n):
            if least[before, j] < INFINITE and least[before, j] + matrix[base + j, base + last] == value:
                code, last = before, j
                break
    order[:count] = order[:count][::-1].copy()
    return best, count


@njit(cache=True, nogil=True)
def _walk_cost(matrix, end, base, extra, order, count):
    here, total = 0, np.int64(0)
    for k in range(count):
        total += matrix[here, base + order[k]] + extra[order[k]]
        here = base + order[k]
    return total + matrix[here, end]


@njit(cache=True, nogil=True)
def _recreate(matrix, end, base, article, units, extra, by_first, by_candidate, missing, is_in, order, count, blink, state):
    """Insert candidates where they cost least a unit until nothing is missing; return the number of stops, -1 if impossible."""
    while True:
        best, where, who = 1e300, -1, -1
        is_short = False
        for a in range(len(missing)):
            if missing[a] <= 0:
                continue
            is_short = True
            for k in range(by_first[a], by_first[a + 1]):
                i = by_candidate[k]
                if is_in[i] or (blink > 0 and next_random(state) % 100 < blink):
                    continue
                p = base + i
                here = 0
                for at in range(count + 1):
                    there = base + order[at] if at < count else end
                    price = (matrix[here, p] + matrix[p, there] - matrix[here, there] + extra[i]) / min(units[i], missing[a])
                    if price < best:
                        best, where, who = price, at, i
                    here = there
        if not is_short:
            return count
        if who < 0 or best >= 1e17:
            if blink > 0:
                blink = 0
                continue
            return -1
        for at in range(count, where, -1):
            order[at] = order[at - 1]
        order[where] = who
        count += 1
        is_in[who] = True
        missing[article[who]] -= units[who]


@njit(cache=True, nogil=True)
def _drop_needless(matrix, end, base, article, units, extra, missing, is_in, order, count):
    """Take out stops that are not needed, the one that saves most first."""
    while True:
        best, where = np.int64(-1), -1
        for at in range(count):
            i = order[at]
            if missing[article[i]] + units[i] <= 0:
                here = base + order[at - 1] if at > 0 else 0
                there = base + order[at + 1] if at + 1 < count else end
                saved = matrix[here, base + i] + matrix[base + i, there] - matrix[here, there] + extra[i]
                if saved > best:
                    best, where = saved, at
        if where < 0:
            return count
        i = order[where]
        is_in[i] = False
        missing[article[i]] += units[i]
        for at in range(where, count - 1):
            order[at] = order[at + 1]
        count -= 1


@njit(cache=True, nogil=True)
def _smooth(matrix, end, base, order, count, is_symmetric):
    if count < 3:
        return
    size = count + base
    near = np.empty((size, size), dtype=np.int64)
    place = np.empty(size, dtype=np.int64)
    place[0] = 0
    if base == 2:
        place[1] = end
    for k in range(count):
        place[base + k] = base + order[k]
    for i in range(size):
        for j in range(size):
            near[i, j] = matrix[place[i], place[j]]
    sequence = np.arange(base, size)
    improve_order(near, end if base == 1 else 1, sequence, is_symmetric)
    for k in range(count):
        order[k] = place[sequence[k]] - base


@njit(cache=True, nogil=True)
def search_walk(matrix, end, article, units, demand, by_first, by_candidate, extra, is_symmetric, rounds, seed, target, order):
    """Fill `order` (int64[n]) with candidates that cover the demand in walking order; return (cost, how many).

    Each round takes some articles, or a stretch of the walk, out and puts cheapest candidates in. Stops when the cost reaches `target`.
    """
    n, articles = len(article), len(demand)
    base = 1 if end == 0 else 2
    state = np.array([np.uint64(seed) * np.uint64(2862933555777941757) + np.uint64(3037000493)], dtype=np.uint64)
    next_random(state)
    missing = demand.copy()
    is_in = np.zeros(n, dtype=np.bool_)
    now = np.zeros(n, dtype=np.int64)
    count = _recreate(matrix, end, base, article, units, extra, by_first, by_candidate, missing, is_in, now, 0, 0, state)
    if count < 0:
        return INFINITE, 0
    count = _drop_needless(matrix, end, base, article, units, extra, missing, is_in, now, count)
    _smooth(matrix, end, base, now, count, is_symmetric)
    cost = _walk_cost(matrix, end, base, extra, now, count)
    best, size = cost, count
    order[:count] = now[:count]
    current = cost
    kept, kept_in, kept_missing, kept_count = now.copy(), is_in.copy(), missing.copy(), count
    for turn in range(rounds):
        if best <= target or articles == 0:
            break
        if next_random(state) % 2 == 0:
            for _ in range(1 + next_random(state) % min(articles, 6)):
                a = next_random(state) % articles
                keep = 0
                for at in range(count):
                    i = now[at]
                    if article[i] == a:
                        is_in[i] = False
                        missing[a] += units[i]
                    else:
                        now[keep] = i
                        keep += 1
                count = keep
        else:
            length = 1 + next_random(state) % max(1, min(count, 8))
            begin = next_random(state) % max(1, count - length + 1)
            for at in range(begin, min(begin + length, count)):
                is_in[now[at]] = False
                missing[article[now[at]]] += units[now[at]]
            for at in range(begin + length, count):
                now[at - length] = now[at]
            count = max(count - length, begin)
        count = _recreate(matrix, end, base, article, units, extra, by_first, by_candidate, missing, is_in, now, count, 4, state)
        count = _drop_needless(matrix, end, base, article, units, extra, missing, is_in, now, count)
        _smooth(matrix, end, base, now, count, is_symmetric)
        cost = _walk_cost(matrix, end, base, extra, now, count)
        allowance = best * 2 * (rounds - turn) // (100 * rounds)
        if cost <= current or cost - best < next_random(state) % max(allowance, 1):
            current = cost
            kept[:], kept_in[:], kept_missing[:], kept_count = now, is_in, missing, count
            if cost < best:
                best, size = cost, count
                order[:count] = now[:count]
        else:
            now[:], is_in[:], missing[:], count = kept, kept_in, kept_missing, kept_count
    return best, size
