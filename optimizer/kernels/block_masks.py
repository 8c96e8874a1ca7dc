"""Exact tour lengths of merged orders in one block, from one bit a place: a union of orders is an OR.

Arrays that all functions here share:

mask      uint64[C, W]    picked places of one tour; bit k of word w of column c stands for height ys[c, 64 w + k]
ys        int64[C, 64 W]  heights above the depot's cross-aisle, ascending within a column, 0 … height
x         int64[C]        columns from left to right, ascending; the depot stands at (x[depot], 0)
walkable  bool[C]         False for a column that is only the depot's place on the cross-aisle, no aisle
height    length of an aisle from cross-aisle to cross-aisle
pitch     distance from each height of a column to the next where all are alike and W is 1, else 0

Five states carry the tour from column to column (Ratliff & Rosenthal 1983, after horizontal edges): both ends
odd and joined, both even and joined, both even and apart, only the far end, only the near end.
"""

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

INFINITE = np.int64(1) << 60
ODD, JOINED, APART, FAR, NEAR = 0, 1, 2, 3, 4
STATES = 5
# What happens inside a column.
NOTHING, PASS, FROM_FAR, FROM_NEAR, FROM_BOTH, TWICE = 0, 1, 2, 3, 4, 5


@intrinsic
def lowest_bit(typingctx, word):
    """Index of the lowest set bit of a uint64 that is not zero."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.uint64(types.uint64), generate


@intrinsic
def count_bits(typingctx, word):
    """Number of set bits of a uint64."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def leading_zeros(typingctx, word):
    """Number of zero bits above the highest set bit of a uint64 that is not zero."""

    def generate(context, builder, signature, arguments):
        return builder.ctlz(arguments[0], cgutils.true_bit)

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def longest_run(word):
    """Return how many set bits of a uint64 stand side by side at most, as int64."""
    two = word & (word >> np.uint64(1))
    four = two & (two >> np.uint64(2))
    eight = four & (four >> np.uint64(4))
    sixteen = eight & (eight >> np.uint64(8))
    starts = sixteen & (sixteen >> np.uint64(16))  # where runs of at least `length` begin
    length = np.uint64(32)
    if starts == np.uint64(0):
        starts = ~np.uint64(0)
        length = np.uint64(0)
    for more, runs in ((16, sixteen), (8, eight), (4, four), (2, two), (1, word)):
        longer = starts & (runs >> length)
        if longer != np.uint64(0):
            starts = longer
            length += np.uint64(more)
    return np.int64(length)


@njit(cache=True, nogil=True)
def _even_column(mask, ys, column, at_depot, pitch):
    """Return what `_column` does, for a column of one word with a height every `pitch`: no place is looked at singly."""
    word = mask[column, 0]
    if word == np.uint64(0):
        return np.int64(at_depot), np.int64(0), np.int64(0), np.int64(0)
    low = lowest_bit(word)
    span = np.uint64(63) - leading_zeros(word) - low
    first = ys[column, 0] + pitch * np.int64(low)
    last = first + pitch * np.int64(span)
    gap = np.int64(0)
    if span > np.uint64(0):
        gap = pitch * (longest_run(~(word >> low) & ((np.uint64(1) << span) - np.uint64(1))) + 1)
    if at_depot:
        gap = max(gap, first)
        first = np.int64(0)
    return np.int64(1), first, last, gap


@njit(cache=True, nogil=True)
def _column(mask, ys, column, at_depot):
    """Return (places or 1 for some, lowest, highest, widest gap between neighbours) of a column; the depot counts as a place at 0."""
    places = np.int64(0)
    first = np.int64(0)
    last = np.int64(0)
    gap = np.int64(0)
    if at_depot:
        places = np.int64(1)
    for w in range(mask.shape[1]):
        word = mask[column, w]
        while word != np.uint64(0):
            y = ys[column, 64 * w + np.int64(lowest_bit(word))]
            word &= word - np.uint64(1)
            if places == 0:
                first = y
            elif y - last > gap:
                gap = y - last
            last = y
            places += 1
    return places, first, last, gap


@njit(cache=True, nogil=True)
def tour_length(mask, ys, x, walkable, depot, height, pitch=0):
    """Return the length of a shortest tour from the depot over all places of `mask`; 0 for none.

    Exact; O(places + C), with a pitch O(C).
    """
    columns = x.shape[0]
    left = columns
    right = -1
    for c in range(columns):
        for w in range(mask.shape[1]):
            if mask[c, w] != np.uint64(0):
                if left == columns:
                    left = c
                right = c
    if right < 0:
        return np.int64(0)
    left = min(left, depot)
    right = max(right, depot)
    odd = joined = apart = far = near = INFINITE
    for c in range(left, right + 1):
        if pitch > 0:
            places, first, last, gap = _even_column(mask, ys, c, c == depot, pitch)
        else:
            places, first, last, gap = _column(mask, ys, c, c == depot)
        if c > left:
            step = x[c] - x[c - 1]
            far = min(far, joined) + 2 * step
            near = min(near, joined) + 2 * step
            odd += 2 * step
            joined += 4 * step
            apart += 4 * step
        if not walkable[c]:
            # Only the depot on the near cross-aisle: whoever passes far only is not joined to it.
            if c == left:
                near = np.int64(0)
            else:
                apart = min(apart, far)
                far = INFINITE
            continue
        if places == 0:
            if c > left:
                crossed = min(min(joined, apart), min(far, near)) + height
                joined, odd = min(joined, odd + height), min(odd, crossed)
            continue
        only_far = 2 * (height - first)
        only_near = 2 * last
        both = 2 * (height - gap)
        if c == left:
            odd = height
            far = only_far
            near = only_near
            apart = both
            joined = 2 * height
            continue
        cheapest = min(both, min(only_far, only_near))
        crossed = min(min(joined, apart), min(far, near)) + height
        doubled = min(apart, min(far, near)) + 2 * height
        new_joined = min(min(joined + cheapest, odd + height), doubled)
        apart = min(apart + cheapest, min(far + min(only_near, both), near + min(only_far, both)))
        odd = min(odd + cheapest, crossed)
        joined = new_joined
        far += only_far
        near += only_near
    return min(joined, min(far, near))


@njit(cache=True, nogil=True)
def union(masks, members, count, out):
    """Write the OR of masks[members[:count]] to out."""
    for c in range(out.shape[0]):
        for w in range(out.shape[1]):
            out[c, w] = masks[members[0], c, w] if count > 0 else np.uint64(0)
    for k in range(1, count):
        member = members[k]
        for c in range(out.shape[0]):
            for w in range(out.shape[1]):
                out[c, w] |= masks[member, c, w]


@njit(cache=True, nogil=True)
def single_lengths(masks, ys, x, walkable, depot, height):
    """Return int64[n]: the exact tour length of every order alone."""
    lengths = np.empty(masks.shape[0], np.int64)
    for i in range(masks.shape[0]):
        lengths[i] = tour_length(masks[i], ys, x, walkable, depot, height)
    return lengths


@njit(cache=True, nogil=True)
def tour_moves(mask, ys, x, walkable, depot, height):
    """Return (length, inside int64[C], along int64[C, 2]) of a shortest tour.

    inside  what happens in each column: NOTHING … TWICE
    along   how often the near (0) and far (1) cross-aisle is walked between column c - 1 and c
    Ties prefer the move that comes first in NOTHING, FROM_NEAR, FROM_FAR, FROM_BOTH, PASS, TWICE.
    """
    columns = x.shape[0]
    inside = np.zeros(columns, np.int64)
    along = np.zeros((columns, 2), np.int64)
    left = columns
    right = -1
    for c in range(columns):
        for w in range(mask.shape[1]):
            if mask[c, w] != np.uint64(0):
                left = min(left, c)
                right = c
    if right < 0:
        return np.int64(0), inside, along
    left = min(left, depot)
    right = max(right, depot)
    cost = np.full((columns, 2, STATES), INFINITE, np.int64)  # [c, 0] on arrival, [c, 1] after the column
    came = np.full((columns, 2, STATES), -1, np.int64)
    did = np.zeros((columns, STATES), np.int64)
    for c in range(left, right + 1):
        places, first, last, gap = _column(mask, ys, c, c == depot)
        if c > left:
            step = x[c] - x[c - 1]
            for s in range(STATES):
                base = cost[c - 1, 1, s]
                if base >= INFINITE:
                    continue
                ahead = base + (2 if s in (ODD, FAR, NEAR) else 4) * step
                if ahead < cost[c, 0, s]:
                    cost[c, 0, s] = ahead
                    came[c, 0, s] = s
                if s == JOINED:
                    for t in (FAR, NEAR):
                        if base + 2 * step < cost[c, 0, t]:
                            cost[c, 0, t] = base + 2 * step
                            came[c, 0, t] = s
        # A move adds the near end (bit 0), the far end (bit 1), flips them (pass) or joins them (twice).
        for move in (NOTHING, FROM_NEAR, FROM_FAR, FROM_BOTH, PASS, TWICE):
            price = np.int64(0)
            if move == NOTHING:
                if places > 0:
                    continue
            elif move == FROM_NEAR:
                if places == 0:
                    continue
                price = 2 * last
            elif not walkable[c]:
                continue
            elif move == FROM_FAR:
                if places == 0:
                    continue
                price = 2 * (height - first)
            elif move == FROM_BOTH:
                if places == 0:
                    continue
                price = 2 * (height - gap)
            elif move == PASS:
                price = height
            else:
                price = 2 * height
            for s in range(-1, STATES):
                if s < 0 and c > left:
                    continue
                if s >= 0 and (c == left or cost[c, 0, s] >= INFINITE):
                    continue
                target = _after(s, move)
                if target < 0:
                    continue
                total = price + (cost[c, 0, s] if s >= 0 else np.int64(0))
                if total < cost[c, 1, target]:
                    cost[c, 1, target] = total
                    came[c, 1, target] = s
                    did[c, target] = move
    state = JOINED
    for s in (FAR, NEAR):
        if cost[right, 1, s] < cost[right, 1, state]:
            state = s
    length = cost[right, 1, state]
    for c in range(right, left - 1, -1):
        inside[c] = did[c, state]
        state = came[c, 1, state]
        if c > left:
            if state == ODD:
                along[c, 0] = 1
                along[c, 1] = 1
            else:
                along[c, 0] = 0 if state == FAR else 2
                along[c, 1] = 0 if state == NEAR else 2
            state = came[c, 0, state]
    return length, inside, along


@njit(cache=True, nogil=True)
def _after(state, move):
    """Return the state after `move` inside a column entered in `state` (-1 = first column), or -1 where impossible."""
    if move == NOTHING:
        return state
    if move == PASS:
        return JOINED if state == ODD else ODD
    if move == TWICE:
        return ODD if state == ODD else JOINED
    if state in (ODD, JOINED, APART):
        return state
    if move == FROM_NEAR:
        return NEAR if state == -1 or state == NEAR else APART
    if move == FROM_FAR:
        return FAR if state == -1 or state == FAR else APART
    return APART
