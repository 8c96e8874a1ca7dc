"""The best plan of a few orders with due times, by dynamic programming over all sets of orders.

Bit i of a set is order i; orders are sorted by due time. Within one picker the batch that is walked last is walked after everything else,
so the earliest end of a set is the earliest end of what is left without some last batch, and the batch. Sets are then split between
pickers. O(batches · 2**n) and O(3**n) for each further picker; both stop after a number of steps and can be gone on with.
"""

from numba import njit

from floorwise.optimizer.kernels.partition import INFINITE


@njit(cache=True, nogil=True)
def extend_ends(ends, takes, due_ms, batches, forbidden, shift_end, first, most):
    """Go on filling `ends` from set `first`; return the next set to go on from (2**n = done) after about `most` steps.

    ends      int64[2**n]  earliest end of one picker who walks exactly these orders in time; ends[0] = begin of the shift, others INFINITE
    takes     int64[2**n]  what a set takes as one batch;  batches  int64[m]  the sets that fit a cart, any sequence
    due_ms    int64[n]  ascending;  forbidden  orders this picker may not pick, as a set
    """
    done = 0
    have = first
    while have < len(ends) and done < most:
        if ends[have] < INFINITE:
            lowest = have & -have
            for k in range(len(batches)):
                batch = batches[k]
                # By due time (Jackson 1955) the batch with the first order of all comes first.
                if batch & have or batch & forbidden or (batch & -batch) < lowest:
                    continue
                end = ends[have] + takes[batch]
                if end <= shift_end and end < ends[have | batch]:
                    number = 0
                    while not batch >> number & 1:
                        number += 1
                    if end <= due_ms[number]:
                        ends[have | batch] = end
            done += len(batches)
        have += 1
        done += 1
    return have


@njit(cache=True, nogil=True)
def extend_splits(total, one, other, are_alike, first, most):
    """Go on filling total[S] = min over T in S of one[T] + other[S - T]; return the next set to go on from.

    Where both are alike, T holds the first order of S, so each split is seen once. INFINITE twice does not overflow.
    """
    done = 0
    chosen = first
    while chosen < len(total) and done < most:
        best = INFINITE
        lowest = chosen & -chosen if are_alike else 0
        rest = chosen ^ lowest
        part = rest
        while True:
            best = min(best, one[part | lowest] + other[rest ^ part])
            done += 1
            if part == 0:
                break
            part = (part - 1) & rest
        total[chosen] = best
        chosen += 1
    return chosen


@njit(cache=True, nogil=True)
def best_split(one, other, chosen):
    """Return (least one[T] + other[S - T], T) for one set S; ties go to the larger T."""
    best, where = INFINITE, -1
    part = chosen
    while True:
        if one[part] < INFINITE and other[chosen ^ part] < INFINITE and one[part] + other[chosen ^ part] < best:
            best, where = one[part] + other[chosen ^ part], part
        if part == 0:
            break
        part = (part - 1) & chosen
    return best, where


@njit(cache=True, nogil=True)
def last_batch(ends, takes, due_ms, batches, forbidden, chosen):
    """Return the batch that a set with a finite end is ended with."""
    for k in range(len(batches)):
        batch = batches[k]
        rest = chosen ^ batch
        if batch & ~chosen or batch & forbidden or ends[rest] >= INFINITE or ends[rest] + takes[batch] != ends[chosen]:
            continue
        number = 0
        while not batch >> number & 1:
            number += 1
        if ends[chosen] <= due_ms[number]:
            return batch
    return -1
