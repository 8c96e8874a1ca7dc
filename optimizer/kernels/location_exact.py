"""Locations and walk at the least cost, proven: the aisle sweep with what has been collected so far as part of the state.

    least_cost(store…, radix, moves, reach) -> cost
    trace_choice(store…, chosen)            one best choice, after least_cost has filled `kept`

What has been collected is one number, the *code*: digit a (0..demand[a], never more) stands for article a, radix[a] = product of
(demand + 1) of the articles before it. Work grows with codes * states * candidates, so this is for few articles: 15 with demand one are
32,768 codes. The depot is no article: its stretch allows only visits that reach it.

int32 inside: `location.choose` refuses sizes above MOST_MM. Store arrays as in `kernels.location`, state spaces `with_end`,
`moves` from `states.visit_moves`. Exact. Source: the sweep of `kernels.multiblock` times the subsets of M. Held and R. M. Karp, 1962.
"""

import numpy as np
from numba import njit

FAR = np.int32(1) << np.int32(30)
MOST_MM = 1 << 28

# columns of `moves`: the state after a stretch is passed, walked twice, not visited, visited from the front, the back, both
PASS, DOUBLE, NONE, FRONT, BACK, BOTH = range(6)


@njit(cache=True, nogil=True)
def _add(values, units, extra, demand, radix):
    """Let every code take up to `units` of an article for `extra`: values[code after] = min(itself, values[code] + extra)."""
    span = radix * (demand + 1)
    for base in range(0, len(values), span):
        for digit in range(demand - 1, -1, -1):
            after = min(digit + units, demand)
            a, b = base + digit * radix, base + after * radix
            for k in range(radix):
                value = values[a + k] + extra
                if value < values[b + k]:
                    values[b + k] = value


@njit(cache=True, nogil=True)
def _lower(values, others, cost):
    for k in range(len(values)):
        value = others[k] + cost
        if value < values[k]:
            values[k] = value


@njit(cache=True, nogil=True)
def visit_stretch(mm, article, units, extra, first, low, high, closed, demand, radix, g, front, gap, back, both, none, history, is_kept):
    """Run the codes of one state through stretch g; on return the five arrays hold the least costs by kind of visit.

    none    what was before the stretch, FAR where the depot asks for a visit
    front   everything from the front end on is taken (the way itself not yet paid: `moves` PASS and DOUBLE add it)
    gap     visited from the front and left the same way; back: from the back; both: from either end
    history int32[7, candidates, codes], filled if is_kept: front, gap, back, both after each candidate; front, back, both before it
    """
    codes = len(none)
    front[:] = none
    for k in range(codes):
        gap[k] = back[k] = both[k] = FAR
    for i in range(first[g], first[g + 1]):
        to_front, to_back = np.int32(2 * (mm[i] - low[g])), np.int32(2 * (high[g] - mm[i]))
        if closed[g] < 0 or mm[i] > closed[g]:
            _lower(back, none, to_back)
            _lower(both, gap, to_back)
        if closed[g] >= 0 and mm[i] > closed[g]:
            front[:] = FAR
        if is_kept:
            j = i - first[g]
            history[4, j], history[5, j], history[6, j] = front, back, both
        a = article[i]
        if a >= 0:
            much, cost = min(units[i], demand[a]), np.int32(extra[i])
            _add(front, much, cost, demand[a], radix[a])
            _add(back, much, cost, demand[a], radix[a])
            _add(both, much, cost, demand[a], radix[a])
        else:
            none[:] = FAR
            gap[:] = FAR
        _lower(gap, front, to_front)
        if is_kept:
            history[0, j], history[1, j], history[2, j], history[3, j] = front, gap, back, both
    for k in range(codes):
        front[k] = min(front[k], FAR)


@njit(cache=True, nogil=True)
def _step(
    mm, article, units, extra, first, low, high, closed, width, demand, radix, moves, into, source, option,
    a, step, old, new, front, gap, back, both, none, history,
):  # fmt: skip
    """Carry all states and codes through one step of the sweep over aisle a."""
    lines = width.shape[0]
    states, codes = old.shape
    new[:, :] = FAR
    if step >= lines - 1:
        along = width[step - lines + 1, a]
        for s in range(states):
            for t in range(into[step, s], into[step, s + 1]):
                if option[t] * along < FAR:
                    _lower(new[s], old[source[t]], np.int32(option[t] * along))
        return
    g = a * (lines - 1) + step
    length = np.int32(high[g] - low[g])
    for s in range(states):
        is_live = False
        for k in range(codes):
            if old[s, k] < FAR:
                is_live = True
                break
        if not is_live:
            continue
        none[:] = old[s]
        move = moves[step, s]
        if first[g] == first[g + 1]:
            _lower(new[move[NONE]], none, np.int32(0))
            if closed[g] < 0 and move[PASS] >= 0:
                _lower(new[move[PASS]], none, length)
                if move[DOUBLE] >= 0:
                    _lower(new[move[DOUBLE]], none, 2 * length)
            continue
        visit_stretch(mm, article, units, extra, first, low, high, closed, demand, radix, g, front, gap, back, both, none, history, False)
        _lower(new[move[NONE]], none, np.int32(0))
        if move[PASS] < 0:  # the walk has ended: nothing may be visited
            continue
        _lower(new[move[FRONT]], gap, np.int32(0))
        _lower(new[move[BACK]], back, np.int32(0))
        _lower(new[move[BOTH]], both, np.int32(0))
        if closed[g] < 0:
            _lower(new[move[PASS]], front, length)
            if move[DOUBLE] >= 0:
                _lower(new[move[DOUBLE]], front, 2 * length)


@njit(cache=True, nogil=True)
def least_cost(
    mm, article, units, extra, first, low, high, closed, width, demand, radix, codes, moves, into, source, option, closed_states, kept,
):  # fmt: skip
    """Return the least cost of a walk that covers the demand, FAR if there is none; kept[a] (int32[A, states, codes]) is before aisle a."""
    lines, aisles = width.shape
    states = len(closed_states)
    old = np.full((states, codes), FAR, dtype=np.int32)
    new = np.full((states, codes), FAR, dtype=np.int32)
    front, gap, back, both, none = (
        np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32),
        np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32),
    )  # fmt: skip
    history = np.empty((7, 1, 1), dtype=np.int32)
    old[0, 0] = 0
    for a in range(aisles):
        kept[a] = old
        for step in range(2 * lines - 1 if a + 1 < aisles else lines - 1):
            _step(
                mm, article, units, extra, first, low, high, closed, width, demand, radix, moves, into, source, option,
                a, step, old, new, front, gap, back, both, none, history,
            )  # fmt: skip
            old, new = new, old
    best = FAR
    for s in range(states):
        if closed_states[s]:
            best = min(best, old[s, codes - 1])
    return best


@njit(cache=True, nogil=True)
def trace_choice(
    mm, article, units, extra, first, low, high, closed, width, demand, radix, codes, moves, into, source, option, closed_states,
    kept, chosen,
):  # fmt: skip
    """Fill `chosen` (bool[n]) with the candidates of one best choice; `kept` comes from least_cost. Works back aisle by aisle."""
    lines, aisles = width.shape
    states = len(closed_states)
    steps = 2 * lines - 1
    most = 1
    for g in range(len(low)):
        most = max(most, first[g + 1] - first[g])
    front, gap, back, both, none = (
        np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32),
        np.empty(codes, dtype=np.int32), np.empty(codes, dtype=np.int32),
    )  # fmt: skip
    history = np.empty((7, most, codes), dtype=np.int32)
    layer = np.empty((steps + 1, states, codes), dtype=np.int32)
    for i in range(len(chosen)):
        chosen[i] = article[i] < 0
    state, code, value = -1, codes - 1, FAR
    for a in range(aisles - 1, -1, -1):
        count = steps if a + 1 < aisles else lines - 1
        layer[0] = kept[a]
        for step in range(count):
            _step(
                mm, article, units, extra, first, low, high, closed, width, demand, radix, moves, into, source, option,
                a, step, layer[step], layer[step + 1], front, gap, back, both, none, history,
            )  # fmt: skip
        if a == aisles - 1:
            for s in range(states):
                if closed_states[s] and layer[count, s, code] < value:
                    state, value = s, layer[count, s, code]
        for step in range(count - 1, -1, -1):
            old = layer[step]
            if step >= lines - 1:
                for t in range(into[step, state], into[step, state + 1]):
                    cost = option[t] * width[step - lines + 1, a]
                    if cost < FAR and old[source[t], code] + cost == value:
                        state, value = source[t], old[source[t], code]
                        break
                continue
            g = a * (lines - 1) + step
            length = np.int32(high[g] - low[g])
            for s in range(states):
                move = moves[step, s]
                none[:] = old[s]
                if first[g] == first[g + 1]:
                    kind = -1
                    if move[NONE] == state and none[code] == value:
                        kind = NONE
                    elif closed[g] < 0 and move[PASS] == state and none[code] + length == value:
                        kind = PASS
                    elif closed[g] < 0 and move[DOUBLE] == state and none[code] + 2 * length == value:
                        kind = DOUBLE
                    if kind >= 0:
                        state, value = s, none[code]
                        break
                    continue
                visit_stretch(
                    mm, article, units, extra, first, low, high, closed, demand, radix, g, front, gap, back, both, none, history, True
                )
                last = first[g + 1] - first[g] - 1
                which = -1
                paid = np.int32(0)
                if move[NONE] == state and none[code] == value:
                    which = 4
                elif move[PASS] < 0:
                    which = -1
                elif move[FRONT] == state and gap[code] == value:
                    which = 1
                elif move[BACK] == state and back[code] == value:
                    which = 2
                elif move[BOTH] == state and both[code] == value:
                    which = 3
                elif closed[g] < 0 and move[PASS] == state and front[code] + length == value:
                    which, paid = 0, length
                elif closed[g] < 0 and move[DOUBLE] == state and front[code] + 2 * length == value:
                    which, paid = 0, 2 * length
                if which < 0:
                    continue
                code, value = _trace_stretch(
                    mm, article, units, extra, first, low, high, demand, radix, g, history, last, which, code, value - paid, chosen
                )
                state = s
                break


@njit(cache=True, nogil=True)
def _trace_stretch(mm, article, units, extra, first, low, high, demand, radix, g, history, last, which, code, value, chosen):
    """Follow one visit of a stretch back to the code and value before it; 0 front, 1 gap, 2 back, 3 both, 4 none."""
    if which == 4:
        return code, value
    for j in range(last, -1, -1):
        i = first[g] + j
        to_front, to_back = 2 * (mm[i] - low[g]), 2 * (high[g] - mm[i])
        if which == 1:
            if j > 0 and article[i] >= 0 and history[1, j - 1, code] == value:
                continue
            which, value = 0, value - to_front  # the front visit ended here
        # taken here, or only passed?
        a = article[i]
        if a >= 0:
            digit = code // radix[a] % (demand[a] + 1)
            much = min(units[i], demand[a])
            fewest = max(digit - much, 0) if digit == demand[a] else digit - much
            most = digit - much if digit < demand[a] else digit - 1
            found = False
            before_row = 4 if which == 0 else which + 3
            if history[before_row, j, code] != value:
                for d in range(fewest, most + 1):
                    if d < 0:
                        continue
                    other = code + (d - digit) * radix[a]
                    if history[before_row, j, other] + extra[i] == value:
                        code, value, found = other, value - extra[i], True
                        break
                if found:
                    chosen[i] = True
        if which == 2:
            if j == 0 or history[2, j - 1, code] != value:
                return code, value - to_back  # entered here
        elif which == 3 and (j == 0 or history[3, j - 1, code] != value):
            which, value = 1, value - to_back
    return code, value
