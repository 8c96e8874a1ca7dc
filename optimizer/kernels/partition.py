"""The best split of a few orders into batches, by dynamic programming over all sets of orders."""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of

INFINITE = np.int64(1) << np.int64(60)


@njit(cache=True, nogil=True)
def set_lengths(masks, load, capacity, kind, floor):
    """Return int64[2**n]: the exact tour length of every set of orders, INFINITE for one that does not fit. Bit i is order i."""
    n = masks.shape[0]
    sets = 1 << n
    lengths = np.full(sets, INFINITE, np.int64)
    lengths[0] = 0
    scratch = np.empty(masks.shape[1:], np.uint64)
    for chosen in range(1, sets):
        fits = True
        first = -1
        for i in range(n):
            if chosen >> i & 1:
                if first < 0:
                    first = i
                elif kind[i] != kind[first]:
                    fits = False
        for r in range(capacity.shape[0]):
            total = np.int64(0)
            for i in range(n):
                if chosen >> i & 1:
                    total += load[i, r]
            if total > capacity[r]:
                fits = False
        if not fits:
            continue
        scratch[:] = np.uint64(0)
        for i in range(n):
            if chosen >> i & 1:
                for c in range(scratch.shape[0]):
                    for w in range(scratch.shape[1]):
                        scratch[c, w] |= masks[i, c, w]
        lengths[chosen] = length_of(scratch, floor)
    return lengths


@njit(cache=True, nogil=True)
def best_partition(lengths, n):
    """Return (total, batch int64[n]) of the cheapest split of all n orders into sets with finite length. O(3**n).

    The lowest order not yet placed is always in the next set, so each split is seen once; ties go to the smaller set number.
    """
    everyone = (1 << n) - 1
    total = np.full(everyone + 1, INFINITE, np.int64)
    choice = np.zeros(everyone + 1, np.int64)
    total[0] = 0
    for left in range(1, everyone + 1):
        lowest = left & -left
        others = left ^ lowest
        extra = others
        while True:
            chosen = extra | lowest
            if lengths[chosen] < INFINITE and lengths[chosen] + total[left ^ chosen] <= total[left]:
                total[left] = lengths[chosen] + total[left ^ chosen]
                choice[left] = chosen
            if extra == 0:
                break
            extra = (extra - 1) & others
    batch = np.full(n, -1, np.int64)
    left = everyone
    while left and total[everyone] < INFINITE:
        number = -1
        for i in range(n):
            if choice[left] >> i & 1:
                if number < 0:
                    number = i
                batch[i] = number
        left ^= choice[left]
    return total[everyone], batch
