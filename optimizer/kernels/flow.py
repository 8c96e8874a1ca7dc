"""Cuts that a walk must cross: where what is walked on average does not reach the places that are said to be visited.

    weakest_cut(first, edge, goal, residual, source, sink, …) -> flow       Dinic's maximum flow, float64
    unreached(…) -> count                                                   sets that are entered too seldom

A network is int64: edge[first[u]:first[u + 1]] are the edges at node u; edge 2e walks arc e along, edge 2e + 1 against it, goal[edge] is
where it leads. Node N is a sink that only candidates' arcs lead to.

Source: E. A. Dinic, Soviet Mathematics Doklady 11, 1970; generalised cuts: M. Fischetti, J. Salazar González and P. Toth, Operations
Research 45(3), 1997.
"""

import numpy as np
from numba import njit

TINY = 1e-9


@njit(cache=True, nogil=True)
def weakest_cut(first, edge, goal, residual, source, sink, level, at, path, queue):
    """Push as much as possible from source to sink through `residual` (float64[edges], changed in place); return how much.

    level  int64[N+1]  afterwards >= 0 for the nodes that the source still reaches
    """
    total = 0.0
    while True:
        level[:] = -1
        level[source] = 0
        queue[0] = source
        begin, end = 0, 1
        while begin < end:
            u = queue[begin]
            begin += 1
            for k in range(first[u], first[u + 1]):
                v = goal[edge[k]]
                if level[v] < 0 and residual[edge[k]] > TINY:
                    level[v] = level[u] + 1
                    queue[end] = v
                    end += 1
        if level[sink] < 0:
            return total
        at[:] = first[:-1]
        depth = 0
        u = source
        while True:
            if u == sink:
                least = 1e300
                for d in range(depth):
                    least = min(least, residual[path[d]])
                back = depth
                for d in range(depth - 1, -1, -1):
                    residual[path[d]] -= least
                    residual[path[d] ^ 1] += least
                    if residual[path[d]] <= TINY:
                        back = d
                total += least
                depth = back
                u = goal[path[depth] ^ 1]
                continue
            is_on = False
            while at[u] < first[u + 1]:
                e = edge[at[u]]
                if residual[e] > TINY and level[goal[e]] == level[u] + 1:
                    path[depth] = e
                    depth += 1
                    u = goal[e]
                    is_on = True
                    break
                at[u] += 1
            if is_on:
                continue
            if depth == 0:
                break
            depth -= 1
            u = goal[path[depth] ^ 1]
            at[u] += 1


@njit(cache=True, nogil=True)
def unreached(first, edge, goal, source, walked, share, need, group_first, member, violation, side, group):
    """Fill side[k] (bool[N]) with sets of nodes that the walk enters too seldom for a group of candidates; return how many.

    walked       float64[arcs]  how often each arc of the network is walked
    share        float64[n]     how far candidate i is visited; its arc to the sink is arc `arcs + i`
    need         float64[g]     what must reach a group: member[group_first[k]:group_first[k + 1]] are its candidates
    group        int64          filled with the group of each set
    Sets hold neither source nor sink; at most two a group, the largest and the smallest of its weakest cuts.
    """
    nodes = len(first) - 2
    sink = nodes
    arcs = len(walked)
    residual = np.zeros(len(goal), dtype=np.float64)
    level = np.empty(nodes + 1, dtype=np.int64)
    at = np.empty(nodes + 1, dtype=np.int64)
    path = np.empty(nodes + 2, dtype=np.int64)
    queue = np.empty(nodes + 1, dtype=np.int64)
    reaches = np.empty(nodes + 1, dtype=np.bool_)
    count = 0
    for a in range(len(need)):
        if need[a] <= violation:
            continue
        residual[:] = 0.0
        for e in range(arcs):
            residual[2 * e] = walked[e]
        for k in range(group_first[a], group_first[a + 1]):
            residual[2 * (arcs + member[k])] = share[member[k]]
        flow = weakest_cut(first, edge, goal, residual, source, sink, level, at, path, queue)
        if flow > need[a] - violation:
            continue
        for v in range(nodes):
            side[count, v] = level[v] < 0
        group[count] = a
        count += 1
        reaches[:] = False  # against the arcs from the sink
        reaches[sink] = True
        queue[0] = sink
        begin, end = 0, 1
        while begin < end:
            u = queue[begin]
            begin += 1
            for k in range(first[u], first[u + 1]):
                v = goal[edge[k]]
                if not reaches[v] and residual[edge[k] ^ 1] > TINY:
                    reaches[v] = True
                    queue[end] = v
                    end += 1
        is_other = False
        for v in range(nodes):
            is_other = is_other or reaches[v] != side[count - 1, v]
        if is_other:
            side[count] = reaches[:nodes]
            group[count] = a
            count += 1
    return count
