"""Lower bounds for location choice: the shortest walk when every unit passed is paid for (Lagrangian relaxation of the demand).

    price_rows(store…, price, rows, ends)                  what each stretch costs by each option when stops pay
    priced_walk(…) -> value                                the cheapest walk, with what it passes
    raise_prices(store…, rounds, upper, price, passed) -> bound

For any prices >= 0, (cheapest walk with paid stops) + (price of the demand) is a length that no covering walk can beat; the prices are
moved by subgradient steps so that this becomes large. Everything is int64, so the bound is exact in the arithmetic too. The store's
arrays are those of `kernels.location`; state spaces come `with_end`.

What is given away, so that a stretch is priced in one scan: an article met from both ends of a stretch is paid twice there, and each
stretch pays an article for at most its demand.

Source: M. L. Fisher, The Lagrangian relaxation method for solving integer programming problems, Management Science 27(1), 1981; the sweep
is that of `kernels.multiblock`.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.location import fill_forward
from floorwise.optimizer.kernels.states import (
    ADD_BACK,
    ADD_FRONT,
    BACK,
    DOUBLE,
    FRONT,
    GAP,
    NONE,
    PASS,
    STAY_BACK,
    STAY_BOTH,
    STAY_FRONT,
)


@njit(cache=True, nogil=True, inline="always")
def _worth(i, article, units, extra, demand, price, paid):
    """Return what passing candidate i pays beyond `paid` of its article in this scan."""
    a = article[i]
    offer = max(price[a] * min(units[i], demand[a]) - extra[i], np.int64(0))
    return min(offer, price[a] * demand[a] - paid[a])


@njit(cache=True, nogil=True)
def price_rows(mm, article, units, extra, first, low, high, closed, demand, price, paid, rows, ends):
    """Fill the cost rows, and ends[g] = (front, back, front with depot, back with depot): how far each best visit goes, -1 if not at all.

    paid  int64[m] workspace, all zero before and after
    """
    for g in range(len(low)):
        begin, end = first[g], first[g + 1]
        shut = closed[g]
        depot = -1
        for i in range(begin, end):
            if article[i] < 0:
                depot = i
        front = front_depot = back = back_depot = INFINITE
        ends[g, :] = -1
        won = np.int64(0)
        for i in range(begin, end):
            if article[i] >= 0:
                worth = _worth(i, article, units, extra, demand, price, paid)
                paid[article[i]] += worth
                won += worth
            if shut >= 0 and mm[i] > shut:
                continue
            value = 2 * (mm[i] - low[g]) - won
            if value < front:
                front, ends[g, 0] = value, i
            if depot >= 0 and i >= depot and value < front_depot:
                front_depot, ends[g, 2] = value, i
        everything = won
        for i in range(begin, end):
            if article[i] >= 0:
                paid[article[i]] = 0
        won = np.int64(0)
        for i in range(end - 1, begin - 1, -1):
            if shut >= 0 and mm[i] <= shut:
                break
            if article[i] >= 0:
                worth = _worth(i, article, units, extra, demand, price, paid)
                paid[article[i]] += worth
                won += worth
            value = 2 * (high[g] - mm[i]) - won
            if value < back:
                back, ends[g, 1] = value, i
            if depot >= 0 and i <= depot and value < back_depot:
                back_depot, ends[g, 3] = value, i
        for i in range(begin, end):
            if article[i] >= 0:
                paid[article[i]] = 0
        row = rows[g]
        row[PASS] = high[g] - low[g] - everything if shut < 0 else INFINITE
        row[DOUBLE] = 2 * (high[g] - low[g]) - everything if shut < 0 else INFINITE
        none = np.int64(0)
        if depot < 0:
            row[NONE] = 0
            row[FRONT], row[BACK], row[GAP] = front, back, min(front + back, INFINITE)
            row[STAY_FRONT], row[STAY_BACK] = min(front, none), min(back, none)
            row[STAY_BOTH] = min(front, none) + min(back, none)
            row[ADD_FRONT], row[ADD_BACK] = front + min(back, none), back + min(front, none)
        else:
            row[NONE] = INFINITE
            row[FRONT] = row[STAY_FRONT] = front_depot
            row[BACK] = row[STAY_BACK] = back_depot
            row[GAP] = min(min(front_depot + back, front + back_depot), INFINITE)
            row[STAY_BOTH] = min(front_depot + min(back, none), back_depot + min(front, none))
            row[ADD_FRONT] = min(front_depot + min(back, none), front + back_depot)
            row[ADD_BACK] = min(back_depot + min(front, none), front_depot + back)
        for o in range(len(row)):
            row[o] = min(row[o], INFINITE)


@njit(cache=True, nogil=True)
def _visit(option, row, ends, g, has_depot, visit):
    """Fill visit (front, back) with the candidates up to and from which an option's best visit goes; (-2, -2) means all of them."""
    visit[0] = visit[1] = -1
    if option in (PASS, DOUBLE):
        visit[0] = visit[1] = -2
        return
    if option == NONE:
        return
    front, back, front_depot, back_depot = ends[g, 0], ends[g, 1], ends[g, 2], ends[g, 3]
    if not has_depot:
        if option in (FRONT, GAP, ADD_FRONT) or (option in (STAY_FRONT, STAY_BOTH, ADD_BACK) and row[FRONT] < 0):
            visit[0] = front
        if option in (BACK, GAP, ADD_BACK) or (option in (STAY_BACK, STAY_BOTH, ADD_FRONT) and row[BACK] < 0):
            visit[1] = back
        return
    if option in (FRONT, STAY_FRONT):
        visit[0] = front_depot
    elif option in (BACK, STAY_BACK):
        visit[1] = back_depot
    else:
        visit[0], visit[1] = front_depot, back  # one of several equal readings; refined by the caller's own count


@njit(cache=True, nogil=True)
def count_passed(
    mm, article, units, extra, first, low, high, demand, width, into, source, option, closed_states,
    price, rows, ends, forward, paid, covered, passed,
):  # fmt: skip
    """Fill passed (bool[n]) and covered (int64[m], units as the relaxation counts them) for the cheapest walk; return its value."""
    lines, aisles = width.shape
    steps = 2 * lines - 1
    passed[:] = False
    covered[:] = 0
    visit = np.empty(2, dtype=np.int64)
    r = (aisles - 1) * steps + lines - 1
    state, best = -1, INFINITE
    for s in range(len(closed_states)):
        if closed_states[s] and forward[r, s] < best:
            best, state = forward[r, s], s
    if state < 0:
        return INFINITE
    while r > 0:
        r -= 1
        a, step = r // steps, r % steps
        target = forward[r + 1, state]
        for t in range(into[step, state], into[step, state + 1]):
            o = option[t]
            g = a * (lines - 1) + step
            cost = rows[g, o] if step < lines - 1 else o * width[step - lines + 1, a]
            if forward[r, source[t]] < INFINITE and forward[r, source[t]] + cost == target:
                if step < lines - 1:
                    _count(mm, article, units, extra, first, low, high, demand, price, rows, ends, g, o, paid, covered, passed, visit)
                state = source[t]
                break
    return best


@njit(cache=True, nogil=True)
def _count(mm, article, units, extra, first, low, high, demand, price, rows, ends, g, o, paid, covered, passed, visit):
    begin, end = first[g], first[g + 1]
    if begin == end:
        return
    has_depot = ends[g, 2] >= 0 or ends[g, 3] >= 0
    _visit(o, rows[g], ends, g, has_depot, visit)
    if has_depot and o in (GAP, STAY_BOTH, ADD_FRONT, ADD_BACK):
        _refine(mm, article, units, extra, first, low, high, demand, price, rows, ends, g, o, paid, visit)
    if visit[0] == -2:
        _scan(article, units, extra, demand, price, begin, end, paid, covered, passed)
        return
    if visit[0] >= 0:
        _scan(article, units, extra, demand, price, begin, visit[0] + 1, paid, covered, passed)
    if visit[1] >= 0:
        _scan(article, units, extra, demand, price, visit[1], end, paid, covered, passed)


@njit(cache=True, nogil=True)
def _refine(mm, article, units, extra, first, low, high, demand, price, rows, ends, g, o, paid, visit):
    """Find the pair of visits that gave the row of the depot's stretch its value."""
    for kind in range(4):
        front = (ends[g, 2], ends[g, 2], ends[g, 0], np.int64(-1))[kind]
        back = (ends[g, 1], np.int64(-1), ends[g, 3], ends[g, 3])[kind]
        value = np.int64(0)
        is_possible = True
        for side in range(2):
            stop = front if side == 0 else back
            is_needed = (kind == 0) or (kind == 2) or (kind == 1 and side == 0) or (kind == 3 and side == 1)
            if stop < 0:
                is_possible = is_possible and not is_needed
                continue
            begin = first[g] if side == 0 else stop
            end = stop + 1 if side == 0 else first[g + 1]
            won = np.int64(0)
            for i in range(begin, end):
                if article[i] >= 0:
                    worth = _worth(i, article, units, extra, demand, price, paid)
                    paid[article[i]] += worth
                    won += worth
            for i in range(begin, end):
                if article[i] >= 0:
                    paid[article[i]] = 0
            value += 2 * (mm[stop] - low[g]) - won if side == 0 else 2 * (high[g] - mm[stop]) - won
        if is_possible and value == rows[g, o]:
            visit[0], visit[1] = front, back
            return


@njit(cache=True, nogil=True)
def _scan(article, units, extra, demand, price, begin, end, paid, covered, passed):
    """Count what one visit of candidates begin..end - 1 covers, as `_worth` pays it."""
    for i in range(begin, end):
        passed[i] = True
        a = article[i]
        if a >= 0:
            if price[a] * min(units[i], demand[a]) < extra[i]:
                continue
            counted = min(min(units[i], demand[a]), demand[a] - paid[a])
            paid[a] += counted
            covered[a] += counted
    for i in range(begin, end):
        if article[i] >= 0:
            paid[article[i]] = 0


@njit(cache=True, nogil=True)
def priced_walk(
    mm, article, units, extra, first, low, high, closed, width, demand, into, source, option, closed_states,
    price, rows, ends, forward, paid, covered, passed,
):  # fmt: skip
    """Return the value of the cheapest walk with paid stops plus the price of the demand: a lower bound. Fills covered and passed."""
    price_rows(mm, article, units, extra, first, low, high, closed, demand, price, paid, rows, ends)
    fill_forward(rows, width, into, source, option, forward, 0)
    value = count_passed(
        mm, article, units, extra, first, low, high, demand, width, into, source, option, closed_states,
        price, rows, ends, forward, paid, covered, passed,
    )  # fmt: skip
    if value >= INFINITE // 2:
        return INFINITE
    for a in range(len(demand)):
        value += price[a] * demand[a]
    return value
