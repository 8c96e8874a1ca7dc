"""Savings batching and re-costing of batches over masks.

Orders are rows of `masks` uint64[n, C, W]; `load` int64[n, R] is what each takes of each resource, `capacity` int64[R]
what one batch may hold, `kind` int64[n] separates orders that must never share a batch. `floor` is a tuple of `lengths`;
lengths are int64 in the unit of its heights.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of

NONE = -1


@njit(cache=True, nogil=True)
def joint_length(masks, a, b, scratch, floor):
    """Return the length of one tour over two masks; `scratch` uint64[C, W] is overwritten."""
    for c in range(scratch.shape[0]):
        for w in range(scratch.shape[1]):
            scratch[c, w] = masks[a, c, w] | masks[b, c, w]
    return length_of(scratch, floor)


@njit(cache=True, nogil=True)
def _fit_together(load, capacity, a, b):
    for r in range(capacity.shape[0]):  # noqa: SIM110 - a generator would allocate in compiled code
        if load[a, r] + load[b, r] > capacity[r]:
            return False
    return True


@njit(cache=True, nogil=True)
def savings(masks, load, capacity, kind, floor):
    """Return int64[n]: a batch number (the smallest order in it) for every order.

    Clarke & Wright with savings re-computed after each merge (de Koster et al. 1999, "C&W(ii)"), on exact lengths; ties
    go to the smaller pair. About n² tours, and n² memory: the caller bounds n. Each order must fit alone.
    """
    n = masks.shape[0]
    merged = masks.copy()
    held = load.copy()
    batch = np.arange(n)
    alive = np.ones(n, np.bool_)
    length = np.empty(n, np.int64)
    scratch = np.empty(masks.shape[1:], np.uint64)
    for i in range(n):
        length[i] = length_of(masks[i], floor)
    saving = np.full((n, n), np.int64(-1), np.int64)  # i < j; -1 where they do not fit together
    best = np.full(n, NONE, np.int64)  # partner j > i of the largest saving
    for i in range(n):
        for j in range(i + 1, n):
            if kind[i] == kind[j] and _fit_together(held, capacity, i, j):
                saving[i, j] = length[i] + length[j] - joint_length(merged, i, j, scratch, floor)
                if best[i] == NONE or saving[i, j] > saving[i, best[i]]:
                    best[i] = j
    for _ in range(n):
        a = NONE
        for i in range(n):
            if alive[i] and best[i] != NONE and (a == NONE or saving[i, best[i]] > saving[a, best[a]]):
                a = i
        if a == NONE:
            break
        b = best[a]
        length[a] = length[a] + length[b] - saving[a, b]
        for c in range(masks.shape[1]):
            for w in range(masks.shape[2]):
                merged[a, c, w] |= merged[b, c, w]
        for r in range(capacity.shape[0]):
            held[a, r] += held[b, r]
        alive[b] = False
        for i in range(n):
            if batch[i] == b:
                batch[i] = a
        for i in range(n):
            if not alive[i] or i == a:
                continue
            low, high = min(i, a), max(i, a)
            if kind[i] == kind[a] and _fit_together(held, capacity, i, a):
                saving[low, high] = length[i] + length[a] - joint_length(merged, i, a, scratch, floor)
            else:
                saving[low, high] = -1
        for i in range(n):
            if not alive[i]:
                continue
            if i == a or best[i] == a or best[i] == b:
                best[i] = NONE
                for j in range(i + 1, n):
                    if alive[j] and saving[i, j] >= 0 and (best[i] == NONE or saving[i, j] > saving[i, best[i]]):
                        best[i] = j
            elif i < a and saving[i, a] >= 0 and (best[i] == NONE or saving[i, a] > saving[i, best[i]]):
                best[i] = a
    return batch


@njit(cache=True, nogil=True)
def batch_lengths(masks, batch, floor):
    """Return int64[n]: at each batch number its exact tour length, 0 elsewhere. A number is below n."""
    n = masks.shape[0]
    merged = np.zeros(masks.shape, np.uint64)
    for i in range(n):
        for c in range(masks.shape[1]):
            for w in range(masks.shape[2]):
                merged[batch[i], c, w] |= masks[i, c, w]
    lengths = np.empty(n, np.int64)
    for number in range(n):
        lengths[number] = length_of(merged[number], floor)
    return lengths
