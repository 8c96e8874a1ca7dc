"""Annealing for batches on pickers with hard due times: which orders share a walk, who walks it, in which order.

A batch takes set-up, walking and picking time; it is late when it ends after the earliest due time of its orders. Within one
picker batches go in the order of their due times, which is late only if every sequence is (Jackson 1955).
"""

import math

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.lengths import length_of
from floorwise.optimizer.kernels.lns import below, unit

NONE = -1


@njit(cache=True, nogil=True)
def batch_ms(masks, work_ms, members, count, scratch, floor, setup_ms, mm_per_s):
    """Return what a batch takes in ms: set-up + walk (rounded up) + the orders' own work; 0 for none."""
    if count == 0:
        return np.int64(0)
    scratch[:] = np.uint64(0)
    own = np.int64(0)
    for k in range(count):
        i = members[k]
        own += work_ms[i]
        for c in range(scratch.shape[0]):
            for w in range(scratch.shape[1]):
                scratch[c, w] |= masks[i, c, w]
    return setup_ms + own + (length_of(scratch, floor) * 1_000 + mm_per_s - 1) // mm_per_s


@njit(cache=True, nogil=True)
def late_ms(picker, due_ms, takes_ms, free_ms, pickers, batches, order):
    """Return how late all batches are together when each picker walks by due time; fills order int64[n] with that sequence.

    free_ms  int64[pickers, 2]  when a picker may begin and must be done
    """
    total = np.int64(0)
    count = 0
    for b in range(batches):
        if picker[b] == NONE:
            continue
        at = count
        while at > 0 and (due_ms[order[at - 1]] > due_ms[b] or (due_ms[order[at - 1]] == due_ms[b] and order[at - 1] > b)):
            order[at] = order[at - 1]
            at -= 1
        order[at] = b
        count += 1
    for p in range(pickers):
        now = free_ms[p, 0]
        for k in range(count):
            b = order[k]
            if picker[b] == p:
                now += takes_ms[b]
                total += max(np.int64(0), now - min(due_ms[b], free_ms[p, 1]))
    return total


@njit(cache=True, nogil=True)
def anneal_schedule(
    masks, work_ms, due_ms, load, capacity, may, floor, setup_ms, mm_per_s, free_ms, where, picker, best_where, best_picker, best_cost,
    hot, cold, begin, end, steps, price, random,
):  # fmt: skip
    """Walk `steps` moves on; return the least total time of a plan in which nothing is late (best_cost if none was found).

    where   int64[n]  batch of each order (updated), picker int64[n] picker of each batch, NONE where the batch is empty (updated)
    may     bool[n, pickers]  who may pick an order (skills, equipment, zones)
    price   float64  what a ms of lateness costs on the way; best_* hold the best plan that is never late
    """
    n = masks.shape[0]
    pickers = free_ms.shape[0]
    scratch = np.empty(masks.shape[1:], np.uint64)
    members = np.zeros((n, n), np.int64)
    size = np.zeros(n, np.int64)
    takes = np.zeros(n, np.int64)
    due = np.full(n, np.int64(1) << 60, np.int64)
    sequence = np.zeros(n, np.int64)
    for i in range(n):
        members[where[i], size[where[i]]] = i
        size[where[i]] += 1
        due[where[i]] = min(due[where[i]], due_ms[i])
    for b in range(n):
        takes[b] = batch_ms(masks, work_ms, members[b], size[b], scratch, floor, setup_ms, mm_per_s)
    late = late_ms(picker, due, takes, free_ms, pickers, n, sequence)
    total = takes.sum()
    if late == 0 and total < best_cost:
        best_cost = total
        best_where[:] = where
        best_picker[:] = picker
    changed = np.zeros(2, np.int64)
    old_members = np.zeros((2, n), np.int64)
    old_size = np.zeros(2, np.int64)
    old_takes = np.zeros(2, np.int64)
    old_due = np.zeros(2, np.int64)
    old_picker = np.zeros(2, np.int64)
    for step in range(steps):
        temperature = hot * (cold / hot) ** (begin + (end - begin) * step / steps)
        limit = -temperature * math.log(unit(random))
        i = below(random, n)
        a = where[i]
        move = below(random, 10)
        j = NONE
        if move < 2:  # another picker for a whole batch
            b = a
        elif move < 6:  # into another batch, perhaps an empty one
            b = below(random, n)
        else:  # change places with another order
            j = below(random, n)
            b = where[j]
        if move >= 2 and a == b:
            continue
        changed[0], changed[1] = a, b
        for k in range(2):
            x = changed[k]
            old_members[k, : size[x]] = members[x, : size[x]]
            old_size[k], old_takes[k], old_due[k], old_picker[k] = size[x], takes[x], due[x], picker[x]
        if move >= 2:
            at = 0
            while members[a, at] != i:
                at += 1
            if j == NONE:
                members[a, at] = members[a, size[a] - 1]
                size[a] -= 1
                members[b, size[b]] = i
                size[b] += 1
            else:
                other = 0
                while members[b, other] != j:
                    other += 1
                members[a, at], members[b, other] = j, i
        fits = True
        for k in range(2):
            x = changed[k]
            if size[x] == 0:
                picker[x] = NONE
            elif picker[x] == NONE or move < 2 or below(random, 8) == 0:
                picker[x] = below(random, pickers)
            for m in range(size[x]):
                if not may[members[x, m], picker[x]]:
                    fits = False
            for r in range(capacity.shape[0]):
                held = np.int64(0)
                for m in range(size[x]):
                    held += load[members[x, m], r]
                if held > capacity[r]:
                    fits = False
        new_total, new_late = total, late
        if fits:
            for k in range(2 if a != b else 1):
                x = changed[k]
                due[x] = np.int64(1) << 60
                for m in range(size[x]):
                    due[x] = min(due[x], due_ms[members[x, m]])
                if move >= 2:
                    takes[x] = batch_ms(masks, work_ms, members[x], size[x], scratch, floor, setup_ms, mm_per_s)
                    new_total += takes[x] - old_takes[k]
            new_late = late_ms(picker, due, takes, free_ms, pickers, n, sequence)
        if not fits or (new_total - total) + price * (new_late - late) > limit:
            for k in range(2):
                x = changed[k]
                size[x], takes[x], due[x], picker[x] = old_size[k], old_takes[k], old_due[k], old_picker[k]
                members[x, : size[x]] = old_members[k, : size[x]]
            continue
        total, late = new_total, new_late
        if move >= 2:
            where[i] = b
            if j != NONE:
                where[j] = a
        if late == 0 and total < best_cost:
            best_cost = total
            best_where[:] = where
            best_picker[:] = picker
    return best_cost
