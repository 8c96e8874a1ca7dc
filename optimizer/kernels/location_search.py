"""The search for good locations: walks suggested by prices, then ruin and recreate from the best of them.

    choose_locations(store…, price_rounds, rounds, grain, seed, chosen, best_price) -> (cost, lower bound)

The store's arrays are those of `kernels.location`. Prices (see `kernels.prices`) give the lower bound and, on the way to it, walks of very
different shape, each completed to a covering one; ruin and recreate then works on details. Deterministic in its arguments.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.location import fill_backward, fill_forward, prune, recreate, ruin, stretch_row, walk_cost
from floorwise.optimizer.kernels.prices import priced_walk
from floorwise.optimizer.kernels.states import OPTIONS
from floorwise.optimizer.kernels.tours import next_random

POOL = 8  # suggestions that are worked on, no two alike
SEEDS = 16  # suggestions begun with whole aisles
ADOPTED = 3  # of so many price rounds one suggests a walk


@njit(cache=True, nogil=True)
def choose_locations(
    mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, demand,
    into, source, option, closed_states, price_rounds, rounds, grain, seed, chosen, best_price,
):  # fmt: skip
    """Fill `chosen` (bool[n]) with candidates that cover the demand; return (cost, lower bound), cost INFINITE if impossible.

    price_rounds  rounds of price raising, every third suggests a walk
    rounds        rounds of ruin and recreate
    grain         every cost is a multiple of this; bounds are rounded up to it
    best_price    int64[m], filled with the prices that gave the bound
    Ends when cost and bound meet.
    """
    n, articles = len(mm), len(demand)
    lines, aisles = width.shape
    stretches = aisles * (lines - 1)
    states = len(closed_states)
    sweep_rows = aisles * (2 * lines - 1) + 1
    rows = np.empty((stretches, OPTIONS), dtype=np.int64)
    forward = np.full((sweep_rows, states), INFINITE, dtype=np.int64)
    backward = np.full((sweep_rows, states), INFINITE, dtype=np.int64)
    values = np.empty((stretches, OPTIONS), dtype=np.int64)
    known = np.zeros(stretches, dtype=np.int64)
    row = np.empty(OPTIONS, dtype=np.int64)
    stretch = np.empty(n, dtype=np.int64)
    for g in range(stretches):
        for i in range(first[g], first[g + 1]):
            stretch[i] = g
    state = np.array([np.uint64(seed) * np.uint64(2862933555777941757) + np.uint64(3037000493)], dtype=np.uint64)
    next_random(state)

    now = np.zeros(n, dtype=np.bool_)
    missing = demand.copy()
    for i in range(n):
        now[i] = article[i] < 0
        chosen[i] = now[i]
    for g in range(stretches):
        stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])
    fill_forward(rows, width, into, source, option, forward, 0)
    fill_backward(rows, width, into, source, option, closed_states, backward, aisles - 1)
    best = _complete(
        mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
        into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, 0,
    )  # fmt: skip
    best_price[:] = 0
    if best >= INFINITE:
        return INFINITE, INFINITE
    chosen[:] = now

    # Prices: each round a bound and a suggestion.
    price = np.empty(articles, dtype=np.int64)
    wanted = max(demand.sum(), 1)
    for a in range(articles):
        price[a] = best // (2 * wanted)
    priced_rows = np.empty((stretches, OPTIONS), dtype=np.int64)
    priced_forward = np.full((sweep_rows, states), INFINITE, dtype=np.int64)
    ends = np.empty((stretches, 4), dtype=np.int64)
    paid = np.zeros(articles, dtype=np.int64)
    covered = np.zeros(articles, dtype=np.int64)
    passed = np.zeros(n, dtype=np.bool_)
    before = np.zeros(n, dtype=np.bool_)
    best_price[:] = price
    pool = np.zeros((POOL, n), dtype=np.bool_)
    pool_cost = np.full(POOL, INFINITE, dtype=np.int64)
    pool[0], pool_cost[0] = now, best
    bound = np.int64(0)
    step = 1.0
    quiet = 0
    for turn in range(price_rounds):
        value = priced_walk(
            mm, article, units, extra, first, low, high, closed, width, demand, into, source, option, closed_states,
            price, priced_rows, ends, priced_forward, paid, covered, passed,
        )  # fmt: skip
        if value > bound:
            bound = value
            best_price[:] = price
            quiet = 0
        else:
            quiet += 1
            if quiet >= 6:
                step *= 0.7
                quiet = 0
        if _up(bound, grain) >= best:
            break
        if turn % ADOPTED == 0 and _differ(passed, before):
            before[:] = passed
            cost = _adopt(
                passed, mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
                into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, 0,
            )  # fmt: skip
            if cost < best:
                best = cost
                chosen[:] = now
            _remember(pool, pool_cost, now, cost)
        norm = np.int64(0)
        for a in range(articles):
            norm += (demand[a] - covered[a]) ** 2
        if norm == 0:
            break
        scale = step * (best - value) / norm
        for a in range(articles):
            price[a] = max(np.int64(0), price[a] + np.int64(scale * (demand[a] - covered[a])))
    bound = _up(bound, grain)
    if bound >= best:
        return best, best

    # Prices shaken around the best ones suggest walks of other shapes.
    for _ in range(price_rounds // 6):
        for a in range(articles):
            price[a] = best_price[a] * (next_random(state) % 200) // 100
        priced_walk(
            mm, article, units, extra, first, low, high, closed, width, demand, into, source, option, closed_states,
            price, priced_rows, ends, priced_forward, paid, covered, passed,
        )  # fmt: skip
        cost = _adopt(
            passed, mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
            into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, 0,
        )  # fmt: skip
        if cost < best:
            best = cost
            chosen[:] = now
        _remember(pool, pool_cost, now, cost)
    # Neighbouring aisles taken whole suggest walks that no single stop would begin.
    turns = min(aisles, SEEDS)
    for turn in range(turns):
        a = (turn * aisles + next_random(state) % aisles) // turns
        b = min(a + next_random(state) % 4, aisles - 1)
        passed[:] = False
        for side in (a, b):
            for i in range(first[side * (lines - 1)], first[(side + 1) * (lines - 1)]):
                passed[i] = True
        cost = _adopt(
            passed, mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
            into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, 0,
        )  # fmt: skip
        if cost < best:
            best = cost
            chosen[:] = now
        _remember(pool, pool_cost, now, cost)
    if bound >= best:
        return best, best

    # Ruin and recreate: a little from every suggestion, more from the better half, most from the best.
    kept, kept_missing = now.copy(), missing.copy()
    line_best = now.copy()
    lines_left = POOL
    used = 0
    while used < rounds and best > bound:
        ranked = np.argsort(pool_cost, kind="mergesort")
        share = rounds // (4 * lines_left) if lines_left > 1 else rounds - used
        for turn in range(lines_left):
            at = ranked[turn]
            if pool_cost[at] >= INFINITE or best <= bound:
                break
            _restore(pool[at], mm, article, units, first, low, high, closed, stretch, demand, rows, now, missing)
            fill_forward(rows, width, into, source, option, forward, 0)
            fill_backward(rows, width, into, source, option, closed_states, backward, aisles - 1)
            current = pool_cost[at]
            kept[:], kept_missing[:], line_best[:] = now, missing, now
            floor = current
            for left in range(share, 0, -1):
                if best <= bound:
                    break
                used += 1
                lowest, highest = ruin(article, units, first, by_first, by_candidate, stretch, missing, now, state, stretches, lines)
                if lowest > highest:
                    continue
                for g in range(lowest, highest + 1):
                    stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])
                fill_forward(rows, width, into, source, option, forward, lowest // (lines - 1))
                fill_backward(rows, width, into, source, option, closed_states, backward, highest // (lines - 1))
                cost = _complete(
                    mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
                    into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, 5,
                )  # fmt: skip
                allowance = floor * 4 * left // (100 * share)  # falls from 4 % to nothing
                if cost <= current or cost - floor < next_random(state) % max(allowance, 1):
                    current = cost
                    kept[:] = now
                    kept_missing[:] = missing
                    if cost < floor:
                        floor = cost
                        line_best[:] = now
                        if cost < best:
                            best = cost
                            chosen[:] = now
                else:
                    lowest, highest = np.int64(stretches), np.int64(-1)
                    for i in range(n):
                        if now[i] != kept[i]:
                            now[i] = kept[i]
                            lowest, highest = min(lowest, stretch[i]), max(highest, stretch[i])
                    missing[:] = kept_missing
                    if lowest <= highest:
                        for g in range(lowest, highest + 1):
                            stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])
                        fill_forward(rows, width, into, source, option, forward, lowest // (lines - 1))
                        fill_backward(rows, width, into, source, option, closed_states, backward, highest // (lines - 1))
            pool[at], pool_cost[at] = line_best, floor
        if lines_left == 1:
            break
        lines_left = max(1, lines_left // 2)
    return best, min(bound, best)


@njit(cache=True, nogil=True)
def _remember(pool, pool_cost, now, cost):
    """Keep the choice if it is better than one like it, or than the dearest of the pool; no two of the pool are alike."""
    size = 0
    for i in range(len(now)):
        size += now[i]
    at = np.argmax(pool_cost)
    for k in range(len(pool)):
        if pool_cost[k] >= INFINITE:
            continue
        shared = 0
        for i in range(len(now)):
            shared += now[i] and pool[k, i]
        if 10 * shared >= 7 * size:
            at = k
            break
    if cost < pool_cost[at]:
        pool[at], pool_cost[at] = now, cost


@njit(cache=True, nogil=True)
def _up(value, grain):
    return (value + grain - 1) // grain * grain


@njit(cache=True, nogil=True)
def _differ(a, b):
    return (a != b).any()


@njit(cache=True, nogil=True)
def _restore(wanted, mm, article, units, first, low, high, closed, stretch, demand, rows, now, missing):
    """Make `now` the wanted choice, with what it misses and its cost rows."""
    missing[:] = demand
    for i in range(len(now)):
        now[i] = wanted[i] or article[i] < 0
        if now[i] and article[i] >= 0:
            missing[article[i]] -= units[i]
    for g in range(len(low)):
        stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])


@njit(cache=True, nogil=True)
def _adopt(
    passed, mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
    into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, blink,
):  # fmt: skip
    """Complete the choice of everything passed to a covering one without needless stops; return its cost."""
    _restore(passed, mm, article, units, first, low, high, closed, stretch, demand, rows, now, missing)
    fill_forward(rows, width, into, source, option, forward, 0)
    fill_backward(rows, width, into, source, option, closed_states, backward, width.shape[1] - 1)
    return _complete(
        mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
        into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, blink,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _complete(
    mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
    into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, blink,
):  # fmt: skip
    if recreate(
        mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch,
        into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, blink,
    ) >= INFINITE:  # fmt: skip
        return INFINITE
    prune(
        mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
        into, source, option, closed_states, rows, forward, backward, values, row, missing, now,
    )  # fmt: skip
    return walk_cost(forward, closed_states, width, extra, now)
