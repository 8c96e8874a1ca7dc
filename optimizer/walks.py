"""From the moves of a shortest tour to its places in walking order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from floorwise.optimizer.kernels.block_masks import FROM_BOTH, FROM_FAR, FROM_NEAR, NOTHING, PASS, TWICE, tour_moves

NEAR_END, FAR_END = 0, 1


def _places(mask: np.ndarray, column: int) -> list[int]:
    """Bits of a column, ascending."""
    return [64 * w + bit for w, word in enumerate(mask[column].tolist()) if word for bit in range(64) if word >> bit & 1]


def _split_at_widest_gap(heights: list[int]) -> int:
    """How many places lie below the widest gap; the first of equal gaps, as the kernel takes it."""
    gaps = [b - a for a, b in pairwise(heights)]
    return gaps.index(max(gaps)) + 1 if gaps else 0


def walk_order(
    mask: np.ndarray, ys: np.ndarray, x: np.ndarray, walkable: np.ndarray, depot: int, height: int
) -> tuple[int, list[tuple[int, int]]]:
    """Return (length, places) of a shortest tour: (column, bit) pairs in the order a picker meets them.

    The tour is an Euler circuit of the moves that the kernel found; of equal circuits always the same one.
    """
    length, inside, along = tour_moves(mask, ys, x, walkable, depot, height)
    if length == 0 and not mask.any():
        return 0, []
    edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    arms: dict[tuple[int, int], list[int]] = {}
    through: dict[int, list[int]] = {}

    def join(a: tuple[int, int], b: tuple[int, int], times: int) -> None:
        for _ in range(times):
            edges.setdefault(a, []).append(b)
            edges.setdefault(b, []).append(a)

    for column in range(len(x)):
        for end in (NEAR_END, FAR_END):
            join((column - 1, end), (column, end), int(along[column, end]))
        bits = _places(mask, column)
        move = int(inside[column])
        if move in (PASS, TWICE):
            join((column, NEAR_END), (column, FAR_END), 1 if move == PASS else 2)
            through[column] = bits
        elif move == FROM_NEAR:
            arms[column, NEAR_END] = bits
        elif move == FROM_FAR:
            arms[column, FAR_END] = bits[::-1]
        elif move == FROM_BOTH:
            heights = [int(ys[column, bit]) for bit in bits]
            # The depot counts as a place at height 0, exactly as in the kernel.
            below = _split_at_widest_gap([0, *heights]) - 1 if column == depot else _split_at_widest_gap(heights)
            arms[column, NEAR_END], arms[column, FAR_END] = bits[:below], bits[below:][::-1]
        else:
            assert move == NOTHING
    circuit, stack = [], [(depot, NEAR_END)]
    while stack:
        node = stack[-1]
        if edges.get(node):
            ahead = edges[node].pop()
            edges[ahead].remove(node)
            stack.append(ahead)
        else:
            circuit.append(stack.pop())
    order: list[tuple[int, int]] = []
    previous = None
    for node in circuit:
        if previous is not None and previous[0] == node[0] and node[0] in through:
            bits = through.pop(node[0])
            order += [(node[0], bit) for bit in (bits if node[1] == FAR_END else bits[::-1])]
        order += [(node[0], bit) for bit in arms.pop(node, ())]
        previous = node
    return int(length), order
