"""Choosing locations jointly with the walk: putting stops in and taking them out on the aisle sweep.

    fill_forward, fill_backward, option_values      the sweep from both ends
    recreate, prune, ruin                           stops in until the demand is covered, needless ones out, some out
    (the search that uses them: `kernels.location_search`)

A *store* is one order's candidates on a rectangular floor, int64 and millimetres, A aisles, K cross-aisles, G = A * (K - 1) stretches:

    mm, article, units, extra   [n]  candidates sorted by (stretch, mm); article < 0 marks the depot, which is always chosen;
                                     units = how many can be taken there; extra = cost of stopping there at all, in millimetres
    first                       [G+1] candidates of stretch g = aisle * (K - 1) + block are first[g]:first[g + 1]
    low, high, closed           [G]  ends of the stretch and where it is closed (negative = open)
    width                       [K, A]  as in `kernels.multiblock`
    by_first, by_candidate      candidates of article a are by_candidate[by_first[a]:by_first[a + 1]]
    demand                      [m]

The exact cost of putting one more stop anywhere is read off the sweep from the left and the sweep from the right, without a new sweep.
Heuristic in the choice, exact in the walk. Source of the search: G. Schrimpf et al., Record breaking optimization results using the
ruin and recreate principle, Journal of Computational Physics 159, 2000.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.multiblock import fill_costs
from floorwise.optimizer.kernels.states import OPTIONS
from floorwise.optimizer.kernels.tours import next_random

BESIDE = 2  # aisles beyond the outermost stop from which stops are pulled in


@njit(cache=True, nogil=True)
def stretch_row(mm, first, low, high, closed, g, chosen, added, row):
    """Fill the cost row of stretch g for the chosen candidates and, if added >= 0, candidate `added`."""
    lo = hi = below = above = np.int64(-1)
    gap = np.int64(0)
    shut = closed[g]
    for i in range(first[g], first[g + 1]):
        if chosen[i] or i == added:
            p = mm[i]
            if lo < 0:
                lo = p
            elif p - hi > gap:
                gap = p - hi
            hi = p
            if p <= shut:
                below = p
            elif above < 0:
                above = p
    fill_costs(row, low[g], high[g], lo, hi, gap, shut, below, above)


@njit(cache=True, nogil=True)
def fill_forward(rows, width, into, source, option, forward, from_aisle):
    """Fill forward[r, s], the least cost of reaching state s before step r, from the given aisle's first step on.

    (Indices are made unsigned in the sweeps: a signed one costs a test for counting from the end.)
    """
    lines, aisles = width.shape
    steps = 2 * lines - 1
    states = forward.shape[1]
    if from_aisle == 0:
        forward[0, :] = INFINITE
        forward[0, 0] = 0
    for a in range(from_aisle, aisles):
        for step in range(steps if a + 1 < aisles else lines - 1):
            r = a * steps + step
            before, after, ends = forward[r], forward[r + 1], into[step]
            if step < lines - 1:
                row = rows[a * (lines - 1) + step]
                for s in range(states):
                    least = INFINITE
                    for t in range(np.uint64(ends[s]), np.uint64(ends[s + 1])):
                        least = min(least, before[np.uint64(source[t])] + row[np.uint64(option[t])])
                    after[s] = least
            else:
                along = width[step - lines + 1, a]
                for s in range(states):
                    least = INFINITE
                    for t in range(np.uint64(ends[s]), np.uint64(ends[s + 1])):
                        least = min(least, before[np.uint64(source[t])] + option[t] * along)
                    after[s] = least


@njit(cache=True, nogil=True)
def fill_backward(rows, width, into, source, option, closed_states, backward, from_aisle):
    """Fill backward[r, s], the least cost of ending well from state s before step r, from the given aisle's last step back."""
    lines, aisles = width.shape
    steps = 2 * lines - 1
    states = backward.shape[1]
    if from_aisle == aisles - 1:
        r = (aisles - 1) * steps + lines - 1
        for s in range(states):
            backward[r, s] = 0 if closed_states[s] else INFINITE
    for a in range(from_aisle, -1, -1):
        for step in range((steps if a + 1 < aisles else lines - 1) - 1, -1, -1):
            r = a * steps + step
            before, after, ends = backward[r], backward[r + 1], into[step]
            before[:] = INFINITE
            is_stretch = step < lines - 1
            row = rows[a * (lines - 1) + step] if is_stretch else rows[0]
            along = np.int64(0) if is_stretch else width[step - lines + 1, a]
            for s in range(states):
                ahead = after[s]
                if ahead >= INFINITE:
                    continue
                for t in range(np.uint64(ends[s]), np.uint64(ends[s + 1])):
                    cost = row[np.uint64(option[t])] if is_stretch else option[t] * along
                    u = np.uint64(source[t])
                    before[u] = min(before[u], ahead + cost)


@njit(cache=True, nogil=True)
def option_values(forward, backward, into, source, option, lines, g, values):
    """Fill values[o], the least cost of everything but stretch g when it is walked by option o."""
    a, step = g // (lines - 1), g % (lines - 1)
    r = a * (2 * lines - 1) + step
    for o in range(OPTIONS):
        values[o] = INFINITE
    for s in range(forward.shape[1]):
        ahead = backward[r + 1, s]
        if ahead >= INFINITE:
            continue
        for t in range(into[step, s], into[step, s + 1]):
            value = forward[r, source[t]] + ahead
            if value < values[option[t]]:
                values[option[t]] = value


@njit(cache=True, nogil=True, inline="always")
def best_option(values, row):
    least = INFINITE
    for o in range(OPTIONS):
        least = min(least, values[o] + row[o])
    return least


@njit(cache=True, nogil=True)
def walk_cost(forward, closed_states, width, extra, chosen):
    lines, aisles = width.shape
    r = (aisles - 1) * (2 * lines - 1) + lines - 1
    least = INFINITE
    for s in range(len(closed_states)):
        if closed_states[s]:
            least = min(least, forward[r, s])
    for i in range(len(chosen)):
        if chosen[i]:
            least += extra[i]
    return least


@njit(cache=True, nogil=True)
def ruin(article, units, first, by_first, by_candidate, stretch, missing, now, state, stretches, lines):
    """Take stops out: some articles, or all stops of neighbouring aisles; or take whole aisles in and what they make needless out.

    Return the lowest and highest stretch touched, the lowest above the highest if there is none.
    """
    articles = len(missing)
    touched = np.int64(stretches), np.int64(-1)
    kind = next_random(state) % 6
    if kind <= 1:  # a few articles anywhere
        some = 1 + next_random(state) % min(articles, 5)
        for _ in range(some):
            a = next_random(state) % articles
            for k in range(by_first[a], by_first[a + 1]):
                if now[by_candidate[k]]:
                    touched = _out(by_candidate[k], article, units, stretch, missing, now, touched)
        return touched
    if kind >= 4:
        for _ in range(1 + next_random(state) % 2):
            touched = _pull(article, units, first, by_first, by_candidate, stretch, missing, now, state, stretches, lines, touched)
        if next_random(state) % 2 == 0:
            return touched
    # around one chosen stop: its stretch, its aisle, or the aisles beside it too
    pick = next_random(state) % articles
    begin, end = np.int64(0), np.int64(0)
    for k in range(by_first[pick], by_first[pick + 1]):
        i = by_candidate[k]
        if now[i]:
            aisle = stretch[i] // (lines - 1)
            reach = next_random(state) % 3
            if reach == 0:
                begin, end = stretch[i], stretch[i] + 1
            else:
                begin = max((aisle - (reach - 1)) * (lines - 1), 0)
                end = min((aisle + reach) * (lines - 1), stretches)
            break
    for i in range(first[begin], first[end]):
        if now[i] and article[i] >= 0:
            touched = _out(i, article, units, stretch, missing, now, touched)
    return touched


@njit(cache=True, nogil=True, inline="always")
def _out(i, article, units, stretch, missing, now, touched):
    now[i] = False
    missing[article[i]] += units[i]
    return min(touched[0], stretch[i]), max(touched[1], stretch[i])


@njit(cache=True, nogil=True)
def _pull(article, units, first, by_first, by_candidate, stretch, missing, now, state, stretches, lines, touched):
    """Take in all that lies in one stretch, or one aisle, and out what is thereby needless elsewhere.

    One stop after the other this would not happen: the first pays for the whole aisle.
    """
    lowest, highest = np.int64(stretches - 1), np.int64(0)
    for i in range(len(now)):
        if now[i]:
            lowest, highest = min(lowest, stretch[i]), max(highest, stretch[i])
    lowest, highest = max(lowest - BESIDE * (lines - 1), 0), min(highest + BESIDE * (lines - 1), stretches - 1)
    begin = lowest + next_random(state) % (highest - lowest + 1)
    end = begin + 1
    if next_random(state) % 2 == 0:
        begin = begin // (lines - 1) * (lines - 1)
        end = begin + lines - 1
    for i in range(first[begin], first[end]):
        a = article[i]
        if a < 0 or now[i]:
            continue
        now[i] = True
        missing[a] -= units[i]
        touched = min(touched[0], stretch[i]), max(touched[1], stretch[i])
    for i in range(first[begin], first[end]):
        a = article[i]
        if a < 0:
            continue
        for k in range(by_first[a], by_first[a + 1]):
            j = by_candidate[k]
            if now[j] and (stretch[j] < begin or stretch[j] >= end) and missing[a] + units[j] <= 0:
                touched = _out(j, article, units, stretch, missing, now, touched)
    return touched


@njit(cache=True, nogil=True)
def recreate(
    mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch,
    into, source, option, closed_states, rows, forward, backward, values, known, row, missing, now, state, blink,
):  # fmt: skip
    """Put stops in, the one with the least cost a unit first, until nothing is missing; `blink` of 100 candidates are overlooked."""
    lines, aisles = width.shape
    articles = len(missing)
    known[:] = 0
    stamp = 0
    while True:
        stamp += 1
        best, where = 1e300, -1
        is_short = False
        base = INFINITE
        r = (aisles - 1) * (2 * lines - 1) + lines - 1
        for s in range(len(closed_states)):
            if closed_states[s]:
                base = min(base, forward[r, s])
        if base >= INFINITE:
            base = np.int64(0)
        for a in range(articles):
            if missing[a] <= 0:
                continue
            is_short = True
            for k in range(by_first[a], by_first[a + 1]):
                i = by_candidate[k]
                if now[i]:
                    continue
                if blink > 0 and next_random(state) % 100 < blink:
                    continue
                g = stretch[i]
                if known[g] != stamp:
                    option_values(forward, backward, into, source, option, lines, g, values[g])
                    known[g] = stamp
                stretch_row(mm, first, low, high, closed, g, now, i, row)
                price = (best_option(values[g], row) - base + extra[i]) / min(units[i], missing[a])
                if price < best:
                    best, where = price, i
        if not is_short:
            return np.int64(0)
        if where < 0:
            if blink > 0:
                blink = 0
                continue
            return INFINITE
        now[where] = True
        missing[article[where]] -= units[where]
        g = stretch[where]
        stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])
        fill_forward(rows, width, into, source, option, forward, g // (lines - 1))
        fill_backward(rows, width, into, source, option, closed_states, backward, g // (lines - 1))


@njit(cache=True, nogil=True)
def prune(
    mm, article, units, extra, first, low, high, closed, width, by_first, by_candidate, stretch, demand,
    into, source, option, closed_states, rows, forward, backward, values, row, missing, now,
):  # fmt: skip
    """Take out stops whose units are not needed: round by round the one of each stretch that saves most, biggest saving first.

    One sweep a round instead of one a stop: savings of a round are told for each stretch alone.
    """
    lines, _aisles = width.shape
    stretches = len(low)
    saved = np.empty(stretches, dtype=np.int64)
    where = np.empty(stretches, dtype=np.int64)
    while True:
        most = np.int64(-1)
        for g in range(stretches):
            saved[g], where[g] = -1, -1
            is_known = False
            for i in range(first[g], first[g + 1]):
                a = article[i]
                if not now[i] or a < 0 or missing[a] + units[i] > 0:
                    continue
                if not is_known:
                    option_values(forward, backward, into, source, option, lines, g, values[g])
                    base = best_option(values[g], rows[g])
                    is_known = True
                now[i] = False
                stretch_row(mm, first, low, high, closed, g, now, -1, row)
                now[i] = True
                gain = base - best_option(values[g], row) + extra[i]
                if gain > saved[g]:
                    saved[g], where[g] = gain, i
            most = max(most, saved[g])
        if most < 0:
            return
        lowest, highest = np.int64(stretches), np.int64(-1)
        for g in np.argsort(-saved, kind="mergesort"):
            i = where[g]
            if i >= 0 and missing[article[i]] + units[i] <= 0:
                now[i] = False
                missing[article[i]] += units[i]
                stretch_row(mm, first, low, high, closed, g, now, -1, rows[g])
                lowest, highest = min(lowest, np.int64(g)), max(highest, np.int64(g))
        fill_forward(rows, width, into, source, option, forward, lowest // (lines - 1))
        fill_backward(rows, width, into, source, option, closed_states, backward, highest // (lines - 1))
