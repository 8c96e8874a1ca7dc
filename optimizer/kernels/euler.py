"""Euler circuits on small multigraphs: turns a set of walked edges into one closed walk.

A graph is three arrays kept by the caller: head int64[nodes] (-1 = no edge), link and goal int64[2 * edges]; edge e is the two half-edges
2e and 2e + 1, goal[h] is where half-edge h leads, link[h] the next half-edge of the same node.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def add_edge(head, link, goal, edges, a, b):
    """Add one edge between nodes a and b and return the new number of edges."""
    h = 2 * edges
    goal[h] = b
    link[h] = head[a]
    head[a] = h
    goal[h + 1] = a
    link[h + 1] = head[b]
    head[b] = h + 1
    return edges + 1


@njit(cache=True, nogil=True)
def euler_circuit(head, link, goal, edges, source, circuit):
    """Fill `circuit` (int64[edges + 1]) with the nodes of a closed walk over every edge reachable from `source`; return its node count.

    Every node must have even degree. The count is edges + 1 exactly when the graph is connected. `head` is used up.
    Source: C. Hierholzer, Mathematische Annalen 6, 1873.
    """
    used = np.zeros(max(edges, 1), dtype=np.bool_)
    stack = np.empty(edges + 1, dtype=np.int64)
    stack[0] = source
    size = 1
    filled = 0
    while size > 0:
        node = stack[size - 1]
        h = head[node]
        while h >= 0 and used[h >> 1]:
            h = link[h]
        if h < 0:
            head[node] = -1
            circuit[filled] = node
            filled += 1
            size -= 1
        else:
            used[h >> 1] = True
            head[node] = link[h]
            stack[size] = goal[h]
            size += 1
    return filled


@njit(cache=True, nogil=True)
def euler_order(head, link, goal, edges, source, stops, order):
    """Fill `order` with the nodes below `stops` as an Euler circuit from `source` first meets them; return how many were met."""
    circuit = np.empty(edges + 1, dtype=np.int64)
    nodes = euler_circuit(head, link, goal, edges, source, circuit)
    seen = np.zeros(stops, dtype=np.bool_)
    met = 0
    for i in range(nodes):
        node = circuit[i]
        if node < stops and not seen[node]:
            seen[node] = True
            order[met] = node
            met += 1
    return met
