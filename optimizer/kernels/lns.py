"""Annealing over batches: orders shift and change places, every tour exact, capacity soft on the way and hard in the answer.

The search is a walk of cheap moves (one or two orders against none, one or two) instead of rare large ones: a move touches
two batches, so it costs two tours, and most moves are refused before the first tour by monotone bounds (a tour over fewer
places is never longer). Overfull batches are allowed for a price that is too high to survive the cold end: bin-packing
walls between good plans can then be crossed.

Arrays as in `batching`. Randomness is splitmix64 over `random` uint64[1], so a seed and a count give one result.
"""

import math

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of

NONE = -1
UNKNOWN = -1
# Moves out of 100: the rest exchanges one order for one.
TWO_FOR_TWO, TWO_FOR_ONE, TWO_FOR_NONE, ONE_FOR_NONE = 8, 28, 32, 56
OPEN_A_BATCH = 2  # of ONE_FOR_NONE, how many out of 100 go into an empty batch
TEMPERATURE_EVERY = 256


@njit(cache=True, nogil=True, inline="always")
def next_random(random):
    """Return 64 random bits (splitmix64, Steele et al. 2014)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def below(random, n):
    """Return an int64 drawn from 0..n-1, n < 2**32."""
    return np.int64(((next_random(random) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@njit(cache=True, nogil=True, inline="always")
def unit(random):
    """Return a float64 in (0, 1]."""
    return (np.float64(next_random(random) >> np.uint64(11)) + 1.0) / 9007199254740992.0


@njit(cache=True, nogil=True)
def changed_length(flat, members, b, size, out1, out2, in1, in2, scratch, row, floor):
    """Return the tour length of batch b without orders out1, out2 and with orders in1, in2; -1 stands for none.

    flat  uint64[n, C W]  the masks, a row an order; `row` uint64[C W] is the memory of `scratch` uint64[C, W], overwritten
    """
    words = row.shape[0]
    if in1 >= 0:
        for c in range(words):
            row[c] = flat[in1, c]
    else:
        for c in range(words):
            row[c] = np.uint64(0)
    if in2 >= 0:
        for c in range(words):
            row[c] |= flat[in2, c]
    for k in range(size):
        member = members[b, k]
        if member != out1 and member != out2:
            for c in range(words):
                row[c] |= flat[member, c]
    return length_of(scratch, floor)


@njit(cache=True, nogil=True)
def _remembered(flat, members, b, size, key, out1, out2, in1, in2, scratch, row, floor, name, keys, known):
    """Return `changed_length` from the memory of sets seen before, or measure and remember; (length, tours measured)."""
    if out1 >= 0:
        key ^= name[out1]
    if out2 >= 0:
        key ^= name[out2]
    if in1 >= 0:
        key ^= name[in1]
    if in2 >= 0:
        key ^= name[in2]
    slot = np.int64(key & np.uint64(keys.shape[0] - 1))
    if keys[slot] == key:
        return known[slot], 0
    length = changed_length(flat, members, b, size, out1, out2, in1, in2, scratch, row, floor)
    keys[slot] = key
    known[slot] = length
    return length, 1


@njit(cache=True, nogil=True)
def _move(order, source, target, members, size, where, at):
    last = members[source, size[source] - 1]
    members[source, at[order]] = last
    at[last] = at[order]
    size[source] -= 1
    members[target, size[target]] = order
    at[order] = size[target]
    size[target] += 1
    where[order] = target


@njit(cache=True, nogil=True)
def anneal(
    masks, load, capacity, kind, floor, batch, best, best_length, price, slack, hot, cold, begin, end, steps, random, name, keys, known
):  # fmt: skip
    """Walk `steps` moves on from `batch`; return (best length, tours measured). `batch` and `best` int64[n] are updated.

    best_length  what `best` costs; `best` changes only for a shorter plan in which every batch fits
    price        float64[R]  length one unit above a capacity costs
    slack        int64[R]    how far above its capacity a batch may go at all
    hot, cold    float64  temperatures at the two ends of the whole search
    name         uint64[n]  random names; a set of orders is known by the exclusive or of its names
    keys, known  uint64[m], int64[m]  memory of measured sets, m a power of two, kept between calls; starts as zeros
    begin, end   float64  which part of the search these steps are, 0 … 1
    Batch numbers lie in 0..n-1. A step is O(orders of two batches) + two tours at most.
    """
    n = masks.shape[0]
    resources = capacity.shape[0]
    members = np.full((n, n), NONE, np.int32)
    size = np.zeros(n, np.int64)
    held = np.zeros((n, resources), np.int64)
    cost = np.zeros(n, np.int64)
    key = np.zeros(n, np.uint64)
    where = batch.copy()
    at = np.zeros(n, np.int64)
    without = np.full(n, UNKNOWN, np.int64)  # length of the order's batch without it
    flat = np.ascontiguousarray(masks).reshape(n, masks.shape[1] * masks.shape[2])
    row = np.empty(flat.shape[1], np.uint64)
    scratch = row.reshape(masks.shape[1:])
    for i in range(n):
        b = batch[i]
        members[b, size[b]] = i
        at[i] = size[b]
        size[b] += 1
        key[b] ^= name[i]
        for r in range(resources):
            held[b, r] += load[i, r]
    length = np.int64(0)
    over = np.int64(0)
    for b in range(n):
        if size[b] > 0:
            cost[b] = changed_length(flat, members, b, size[b], NONE, NONE, NONE, NONE, scratch, row, floor)
            length += cost[b]
            for r in range(resources):
                over += max(np.int64(0), held[b, r] - capacity[r])
    if over == 0 and length < best_length:
        best_length = length
        best[:] = where
    tours = 0
    temperature = hot
    for step in range(steps):
        if step % TEMPERATURE_EVERY == 0:
            temperature = hot * (cold / hot) ** (begin + (end - begin) * step / steps)
        i = below(random, n)
        j = below(random, n)
        a, b = where[i], where[j]
        kind_of_move = below(random, 100)
        if a == b or kind[i] != kind[j]:
            continue
        i2, j2 = NONE, NONE
        if kind_of_move < TWO_FOR_NONE:
            if size[a] < 2:
                continue
            i2 = np.int64(members[a, below(random, size[a])])
            if i2 == i:
                continue
            if kind_of_move < TWO_FOR_TWO:
                if size[b] < 2:
                    continue
                j2 = np.int64(members[b, below(random, size[b])])
                if j2 == j:
                    continue
            elif kind_of_move >= TWO_FOR_ONE:
                j = NONE
        elif kind_of_move < ONE_FOR_NONE:
            j = NONE
            if below(random, 100) < OPEN_A_BATCH:
                b = NONE
                for k in range(n):
                    if size[k] == 0:
                        b = k
                        break
                if b == NONE:
                    continue
        more_over = np.int64(0)
        penalty = 0.0
        fits = True
        for r in range(resources):
            q = load[i, r]
            if i2 >= 0:
                q += load[i2, r]
            if j >= 0:
                q -= load[j, r]
            if j2 >= 0:
                q -= load[j2, r]
            if (q < 0 and held[a, r] - q > capacity[r] + slack[r]) or (q > 0 and held[b, r] + q > capacity[r] + slack[r]):
                fits = False
                break
            change = (
                max(np.int64(0), held[a, r] - q - capacity[r])
                + max(np.int64(0), held[b, r] + q - capacity[r])
                - max(np.int64(0), held[a, r] - capacity[r])
                - max(np.int64(0), held[b, r] - capacity[r])
            )
            more_over += change
            penalty += price[r] * change
        if not fits:
            continue
        may_lose = -temperature * math.log(unit(random))
        limit = cost[a] + cost[b] + may_lose - penalty  # the two tours together may not be longer
        least_a = np.int64(0)
        least_b = np.int64(0)
        if i2 < 0:
            if without[i] == UNKNOWN:
                without[i], measured = _remembered(
                    flat, members, a, size[a], key[a], i, NONE, NONE, NONE, scratch, row, floor, name, keys, known
                )
                tours += measured
            least_a = without[i]
        if j < 0:
            least_b = cost[b]
        elif j2 < 0:
            if without[j] == UNKNOWN:
                without[j], measured = _remembered(
                    flat, members, b, size[b], key[b], j, NONE, NONE, NONE, scratch, row, floor, name, keys, known
                )
                tours += measured
            least_b = without[j]
        if least_a + least_b > limit:
            continue
        if j < 0 and i2 < 0:
            new_a = without[i]
        else:
            new_a, measured = _remembered(flat, members, a, size[a], key[a], i, i2, j, j2, scratch, row, floor, name, keys, known)
            tours += measured
        if new_a + least_b > limit:
            continue
        new_b, measured = _remembered(flat, members, b, size[b], key[b], j, j2, i, i2, scratch, row, floor, name, keys, known)
        tours += measured
        if new_a + new_b > limit:
            continue
        for r in range(resources):
            q = load[i, r]
            if i2 >= 0:
                q += load[i2, r]
            if j >= 0:
                q -= load[j, r]
            if j2 >= 0:
                q -= load[j2, r]
            held[a, r] -= q
            held[b, r] += q
        for order in (i, i2, j, j2):
            if order >= 0:
                key[a] ^= name[order]
                key[b] ^= name[order]
        _move(i, a, b, members, size, where, at)
        if i2 >= 0:
            _move(i2, a, b, members, size, where, at)
        if j >= 0:
            _move(j, b, a, members, size, where, at)
        if j2 >= 0:
            _move(j2, b, a, members, size, where, at)
        length += new_a + new_b - cost[a] - cost[b]
        over += more_over
        cost[a] = new_a
        cost[b] = new_b
        for k in range(size[a]):
            without[members[a, k]] = UNKNOWN
        for k in range(size[b]):
            without[members[b, k]] = UNKNOWN
        if over == 0 and length < best_length:
            best_length = length
            best[:] = where
    batch[:] = where
    return best_length, tours
