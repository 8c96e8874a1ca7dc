"""A single block as the arrays that the mask kernels read: columns, heights, one bit a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

WORD_BITS = 64


class Floor(NamedTuple):
    """Columns, heights and the depot, in the order the kernels take them; `arrays()` is what they are called with.

    ys        int64[C, 64 W]  heights above the depot's cross-aisle, ascending within a column
    x         int64[C]
    walkable  bool[C]  False where the depot stands between aisles
    depot     column of the depot
    height    length of an aisle
    """

    ys: np.ndarray
    x: np.ndarray
    walkable: np.ndarray
    depot: int
    height: int
    column_of_aisle: tuple[int, ...]
    place_of: dict[tuple[int, int], tuple[int, int]]  # (aisle, height) -> (column, bit)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
        return self.ys, self.x, self.walkable, self.depot, self.height

    def empty_masks(self, count: int) -> np.ndarray:
        return np.zeros((count, len(self.x), self.ys.shape[1] // WORD_BITS), np.uint64)

    def mark(self, mask: np.ndarray, place: tuple[int, int]) -> None:
        """Set the bit of a (column, bit) place in uint64[C, W]."""
        column, bit = place
        mask[column, bit // WORD_BITS] |= np.uint64(1 << bit % WORD_BITS)


def floor_of(aisle_x: Sequence[int], height: int, depot_x: int, places: Iterable[tuple[int, int]]) -> Floor:
    """Return the floor with a bit for every distinct (aisle, height above the depot's cross-aisle) in `places`."""
    if list(aisle_x) != sorted(set(aisle_x)):
        raise ValueError("aisles must stand at ascending, different x")
    xs = sorted({*aisle_x, depot_x})
    aisles_at = set(aisle_x)
    column_of_aisle = tuple(xs.index(x) for x in aisle_x)
    by_column: list[set[int]] = [set() for _ in xs]
    places = list(places)
    for aisle, y in places:
        if not 0 <= y <= height:
            raise ValueError(f"a place at height {y} lies outside an aisle of length {height}")
        by_column[column_of_aisle[aisle]].add(y)
    words = max(1, max((len(heights) + WORD_BITS - 1) // WORD_BITS for heights in by_column))
    ys = np.zeros((len(xs), words * WORD_BITS), np.int64)
    bit_of: list[dict[int, int]] = []
    for column, heights in enumerate(by_column):
        ordered = sorted(heights)
        ys[column, : len(ordered)] = ordered
        bit_of.append({y: bit for bit, y in enumerate(ordered)})
    place_of = {(aisle, y): (column_of_aisle[aisle], bit_of[column_of_aisle[aisle]][y]) for aisle, y in places}
    return Floor(
        ys, np.array(xs, np.int64), np.array([x in aisles_at for x in xs]), xs.index(depot_x), int(height), column_of_aisle, place_of
    )
