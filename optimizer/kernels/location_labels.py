"""Is there a cheaper choice? Sweeping the aisles with labels, each a state and what has been collected so far.

    sweep_labels(store…, demand, radix, moves, …, price, limit, most, chosen) -> (cost, has_given_up)

As `kernels.location_exact`, but only labels that can still lead below `limit` are kept: value + the priced way home + the price of what is
missing is a lower bound for everything that grows from a label. With at most `most` labels alive the result is exact: the cheapest choice
below `limit`, or INFINITE when there is none; beyond that it gives up. Shapes as there; codes are int64, so the product of (demand + 1)
must stay below 2**62. The prices are those of `location_search.choose_locations`. Stops must cost nothing (extra = 0): a useful stop that
is passed is taken.

Source: T. Morin and R. Marsten, Branch-and-bound strategies for dynamic programming, Operations Research 24(4), 1976.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.location import fill_backward
from floorwise.optimizer.kernels.location_exact import BACK, BOTH, DOUBLE, FRONT, NONE, PASS
from floorwise.optimizer.kernels.prices import price_rows
from floorwise.optimizer.kernels.states import OPTIONS

EMPTY = np.int64(-1)
SLACK = 4_096  # room for what one label may grow into before the count is looked at


@njit(cache=True, nogil=True, inline="always")
def _taken(code, i, article, units, demand, radix):
    """Return the code after candidate i, and how many units of it were of use."""
    a = article[i]
    digit = code // radix[a] % (demand[a] + 1)
    used = min(units[i], demand[a] - digit)
    return code + used * radix[a], used


@njit(cache=True, nogil=True)
def _put(table, state, code, value, rest, parent, how, front, back, size, s, c, v, left, p, kind, i, j):
    """Enter a label, or lower the one of equal state and code; return the new number of labels."""
    mask = len(table) - 1
    slot = (np.int64(c) * np.int64(1_000_003) + np.int64(s) * np.int64(7_919)) & np.int64(0x3FFFFFFFFFFFFFFF)
    slot = (slot ^ (slot >> np.int64(17))) & mask
    while table[slot] >= 0:
        at = table[slot]
        if code[at] == c and state[at] == s:
            if v < value[at]:
                value[at], parent[at], how[at], front[at], back[at] = v, p, kind, i, j
            return size
        slot = (slot + 1) & mask
    if size >= len(state):
        return size  # full, so more than `most`: the sweep will give up
    table[slot] = size
    state[size], code[size], value[size], rest[size] = s, c, v, left
    parent[size], how[size], front[size], back[size] = p, kind, i, j
    return size + 1


@njit(cache=True, nogil=True)
def _way_home(mm, article, units, extra, first, low, high, closed, width, demand, into, source, option, closed_states, price):
    """Return the least cost of ending well from each state before each step when stops pay, int64[steps, states]."""
    lines, aisles = width.shape
    rows = np.empty((len(low), OPTIONS), dtype=np.int64)
    ends = np.empty((len(low), 4), dtype=np.int64)
    paid = np.zeros(len(demand), dtype=np.int64)
    price_rows(mm, article, units, extra, first, low, high, closed, demand, price, paid, rows, ends)
    backward = np.full((aisles * (2 * lines - 1) + 1, len(closed_states)), INFINITE, dtype=np.int64)
    fill_backward(rows, width, into, source, option, closed_states, backward, aisles - 1)
    return backward


@njit(cache=True, nogil=True)
def sweep_labels(
    mm, article, units, extra, first, low, high, closed, width, demand, radix, moves, into, source, option, closed_states,
    price, limit, most, chosen,
):  # fmt: skip
    """Fill `chosen` with the cheapest choice below `limit` and return (cost, False); (INFINITE, True) when the labels are too many."""
    lines, aisles = width.shape
    steps = 2 * lines - 1
    rows = (aisles - 1) * steps + lines - 1
    states = len(closed_states)
    room = most + SLACK
    table = np.empty(1 << (int(np.ceil(np.log2(room))) + 1), dtype=np.int64)
    log_parent = np.empty((rows + 1, most), dtype=np.int32)
    log_how = np.empty((rows + 1, most), dtype=np.int8)
    log_front = np.empty((rows + 1, most), dtype=np.int32)
    log_back = np.empty((rows + 1, most), dtype=np.int32)
    log_code = np.empty((rows + 1, most), dtype=np.int64)
    state, code = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int64)
    value, rest = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    parent, how = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int8)
    front, back = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
    old_state, old_code = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int64)
    old_value, old_rest = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    backward = _way_home(mm, article, units, extra, first, low, high, closed, width, demand, into, source, option, closed_states, price)
    whole = np.int64(0)
    full = np.int64(0)
    for a in range(len(demand)):
        whole += price[a] * demand[a]
        full += demand[a] * radix[a]
    old_state[0], old_code[0], old_value[0], old_rest[0] = 0, 0, 0, whole
    log_code[0, 0] = 0
    count = 1
    for r in range(rows):
        a, step = r // steps, r % steps
        table[:] = EMPTY
        size = 0
        home = backward[r + 1]
        g = a * (lines - 1) + step
        for p in range(count):
            s, c, v, left = old_state[p], old_code[p], old_value[p], old_rest[p]
            if step >= lines - 1:
                along = width[step - lines + 1, a]
                for target in range(states):
                    for t in range(into[step, target], into[step, target + 1]):
                        if source[t] == s:
                            w = v + option[t] * along
                            if w + home[target] + left < limit:
                                size = _put(
                                    table, state, code, value, rest, parent, how, front, back, size, target, c, w, left, p, -1, -1, -1
                                )
                continue
            move = moves[step, s]
            begin, end = first[g], first[g + 1]
            depot = -1
            for i in range(begin, end):
                if article[i] < 0:
                    depot = i
            if depot < 0 and v + home[move[NONE]] + left < limit:
                size = _put(table, state, code, value, rest, parent, how, front, back, size, move[NONE], c, v, left, p, NONE, -1, -1)
            if move[PASS] < 0:
                continue
            shut = closed[g]
            # visits from the back alone, and from the front up to i with every visit from the back beyond it
            c_front, v_front, left_front = c, v, left
            for i in range(begin - 1, end):
                if i >= begin:
                    if shut >= 0 and mm[i] > shut:
                        break
                    if article[i] >= 0:
                        after, used = _taken(c_front, i, article, units, demand, radix)
                        if used == 0:
                            continue
                        c_front = after
                        v_front += extra[i]
                        left_front -= used * price[article[i]]
                    reach = v_front + 2 * (mm[i] - low[g])
                    if i >= depot and reach + home[move[FRONT]] + left_front < limit:
                        size = _put(
                            table,
                            state,
                            code,
                            value,
                            rest,
                            parent,
                            how,
                            front,
                            back,
                            size,
                            move[FRONT],
                            c_front,
                            reach,
                            left_front,
                            p,
                            FRONT,
                            i,
                            -1,
                        )
                else:
                    reach = v_front
                target = move[BOTH] if i >= begin else move[BACK]
                c_back, v_back, left_back = c_front, reach, left_front
                for j in range(end - 1, i, -1):
                    if shut >= 0 and mm[j] <= shut:
                        break
                    if article[j] >= 0:
                        after, used = _taken(c_back, j, article, units, demand, radix)
                        if used == 0:
                            continue
                        c_back = after
                        v_back += extra[j]
                        left_back -= used * price[article[j]]
                    far = v_back + 2 * (high[g] - mm[j])
                    if (i >= depot or j <= depot) and far + home[target] + left_back < limit:
                        size = _put(
                            table, state, code, value, rest, parent, how, front, back, size, target, c_back, far, left_back, p,
                            BOTH if i >= begin else BACK, i, j,
                        )  # fmt: skip
            if shut < 0:
                length = high[g] - low[g]
                if begin == end or i == end - 1:
                    c_all, v_all, left_all = c_front, v_front, left_front
                    if v_all + length + home[move[PASS]] + left_all < limit:
                        size = _put(
                            table,
                            state,
                            code,
                            value,
                            rest,
                            parent,
                            how,
                            front,
                            back,
                            size,
                            move[PASS],
                            c_all,
                            v_all + length,
                            left_all,
                            p,
                            PASS,
                            -1,
                            -1,
                        )
                    if move[DOUBLE] >= 0 and v_all + 2 * length + home[move[DOUBLE]] + left_all < limit:
                        size = _put(
                            table, state, code, value, rest, parent, how, front, back, size, move[DOUBLE], c_all, v_all + 2 * length,
                            left_all, p, DOUBLE, -1, -1,
                        )  # fmt: skip
            if size > room - (end - begin + 2) ** 2:
                return INFINITE, True
        if size > most:
            return INFINITE, True
        count = size
        for k in range(count):
            old_state[k], old_code[k], old_value[k], old_rest[k] = state[k], code[k], value[k], rest[k]
            log_parent[r + 1, k], log_how[r + 1, k] = parent[k], how[k]
            log_front[r + 1, k], log_back[r + 1, k] = front[k], back[k]
            log_code[r + 1, k] = code[k]
    best, at = INFINITE, -1
    for k in range(count):
        if closed_states[old_state[k]] and old_code[k] == full and old_value[k] < best:
            best, at = old_value[k], k
    if at < 0:
        return INFINITE, False
    for i in range(len(chosen)):
        chosen[i] = article[i] < 0
    for r in range(rows, 0, -1):
        step = (r - 1) % steps
        up = log_parent[r, at]
        if step < lines - 1:
            g = (r - 1) // steps * (lines - 1) + step
            c = log_code[r - 1, up]
            kind = log_how[r, at]
            stop = first[g + 1] - 1 if kind in (PASS, DOUBLE) else log_front[r, at]
            if kind in (PASS, DOUBLE, FRONT, BOTH):
                for i in range(first[g], stop + 1):
                    if article[i] >= 0:
                        c, used = _taken(c, i, article, units, demand, radix)
                        chosen[i] = used > 0
            if kind in (BACK, BOTH):
                for j in range(first[g + 1] - 1, log_back[r, at] - 1, -1):
                    if article[j] >= 0:
                        c, used = _taken(c, j, article, units, demand, radix)
                        chosen[j] = used > 0
        at = up
    return best, False
