"""Distances: on a walking graph by Dijkstra, in a rectangular layout by formula or over its crossings.

A directed graph is CSR: first int64[N+1], goal int64[M], length_mm int64[M] >= 0; arcs of node u are first[u]:first[u + 1].
INFINITE means "no way". All int64 millimetres, exact.
"""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import INFINITE


@njit(cache=True, nogil=True)
def shortest_from(first, goal, length_mm, source, distance, came_from):
    """Fill distance and came_from (int64[N]; -1 = source or unreached) from one node. O(M log M), binary heap."""
    nodes = len(first) - 1
    distance[:] = INFINITE
    came_from[:] = -1
    heap_key = np.empty(len(goal) + 1, dtype=np.int64)
    heap_node = np.empty(len(goal) + 1, dtype=np.int64)
    is_done = np.zeros(nodes, dtype=np.bool_)
    heap_key[0], heap_node[0] = 0, source
    distance[source] = 0
    size = 1
    while size > 0:
        u = heap_node[0]
        size -= 1
        key, node = heap_key[size], heap_node[size]
        i = 0
        while True:  # sift down
            child = 2 * i + 1
            if child >= size:
                break
            if child + 1 < size and heap_key[child + 1] < heap_key[child]:
                child += 1
            if heap_key[child] >= key:
                break
            heap_key[i], heap_node[i] = heap_key[child], heap_node[child]
            i = child
        heap_key[i], heap_node[i] = key, node
        if is_done[u]:
            continue
        is_done[u] = True
        for e in range(first[u], first[u + 1]):
            v = goal[e]
            through = distance[u] + length_mm[e]
            if through < distance[v]:
                distance[v] = through
                came_from[v] = u
                i = size
                size += 1
                while i > 0 and heap_key[(i - 1) // 2] > through:  # sift up
                    heap_key[i], heap_node[i] = heap_key[(i - 1) // 2], heap_node[(i - 1) // 2]
                    i = (i - 1) // 2
                heap_key[i], heap_node[i] = through, v


@njit(cache=True, nogil=True)
def shortest_between(first, goal, length_mm, nodes, matrix):
    """Fill matrix[i, j] (int64[n, n]) with the way from nodes[i] to nodes[j]."""
    distance = np.empty(len(first) - 1, dtype=np.int64)
    came_from = np.empty(len(first) - 1, dtype=np.int64)
    for i in range(len(nodes)):
        shortest_from(first, goal, length_mm, nodes[i], distance, came_from)
        for j in range(len(nodes)):
            matrix[i, j] = distance[nodes[j]]


@njit(cache=True, nogil=True)
def plain_distance(aisle_a, mm_a, aisle_b, mm_b, aisle_x_mm, line_mm):
    """Return the way between two places of a rectangular layout in which nothing is closed or one-way. O(cross-aisles)."""
    if aisle_a == aisle_b:
        return np.int64(abs(mm_a - mm_b))
    lo, hi = min(mm_a, mm_b), max(mm_a, mm_b)
    detour = INFINITE
    for k in range(len(line_mm)):
        detour = min(detour, max(lo - line_mm[k], np.int64(0)) + max(line_mm[k] - hi, np.int64(0)))
    return np.int64(abs(aisle_x_mm[aisle_a] - aisle_x_mm[aisle_b])) + hi - lo + 2 * detour


@njit(cache=True, nogil=True)
def plain_distances(aisle, mm, aisle_x_mm, line_mm, matrix):
    """Fill matrix int64[n, n] with `plain_distance` between all places (aisle[i], mm[i])."""
    for i in range(len(aisle)):
        matrix[i, i] = 0
        for j in range(i):
            d = plain_distance(aisle[i], mm[i], aisle[j], mm[j], aisle_x_mm, line_mm)
            matrix[i, j] = d
            matrix[j, i] = d


@njit(cache=True, nogil=True)
def distances_over_crossings(aisle, mm, line_mm, closed_mm, one_way, crossing_mm, matrix):
    """Fill matrix int64[n, n] between places of a layout with closed stretches and one-way aisles.

    one_way      int64[A]  0 both ways, 1 only away from the front, -1 only towards it
    closed_mm    int64[A, K-1]  as in `kernels.multiblock`
    crossing_mm  int64[A*K, A*K]  ways between crossings, node = aisle * K + cross-aisle
    """
    lines = len(line_mm)
    count = len(aisle)
    leave = np.full((count, 2), INFINITE, dtype=np.int64)  # to the crossing in front, to the one behind
    enter = np.full((count, 2), INFINITE, dtype=np.int64)
    stretch = np.zeros(count, dtype=np.int64)
    for i in range(count):
        a, p = aisle[i], mm[i]
        b = 0
        while b < lines - 2 and p > line_mm[b + 1]:
            b += 1
        stretch[i] = b
        closed = closed_mm[a, b]
        up, down = p - line_mm[b], line_mm[b + 1] - p
        if closed < 0 or p <= closed or up == 0:
            if one_way[a] != 1 or up == 0:
                leave[i, 0] = up
            if one_way[a] != -1 or up == 0:
                enter[i, 0] = up
        if closed < 0 or p > closed or down == 0:
            if one_way[a] != -1 or down == 0:
                leave[i, 1] = down
            if one_way[a] != 1 or down == 0:
                enter[i, 1] = down
    for i in range(count):
        for j in range(count):
            best = INFINITE
            if aisle[i] == aisle[j] and stretch[i] == stretch[j]:
                p, q = mm[i], mm[j]
                closed = closed_mm[aisle[i], stretch[i]]
                is_open = closed < 0 or (p <= closed) == (q <= closed)
                way = one_way[aisle[i]]
                if is_open and (p == q or way == 0 or (way == 1) == (q > p)):
                    best = abs(p - q)
            for s in range(2):
                if leave[i, s] >= INFINITE:
                    continue
                u = aisle[i] * lines + stretch[i] + s
                for t in range(2):
                    if enter[j, t] < INFINITE:
                        v = aisle[j] * lines + stretch[j] + t
                        if crossing_mm[u, v] < INFINITE:
                            best = min(best, leave[i, s] + crossing_mm[u, v] + enter[j, t])
            matrix[i, j] = best
