"""A single block as the arrays that the mask kernels read: columns, heights, one bit a place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from floorwise.optimizer.kernels.states import OPTIONS, state_space
from floorwise.optimizer.layout import BlockLayout

WORD_BITS = 64


class Floor(NamedTuple):
    """Columns, heights and the depot, in the order the kernels take them; `arrays()` is what they are called with.

    ys        int64[C, 64 W]  heights above the depot's cross-aisle, ascending within a column
    x         int64[C]
    walkable  bool[C]  False where the depot stands between aisles
    depot     column of the depot
    height    length of an aisle
    pitch     from each height to the next, where one serves all columns; else 0
    """

    ys: np.ndarray
    x: np.ndarray
    walkable: np.ndarray
    depot: int
    height: int
    column_of_aisle: tuple[int, ...]
    place_of: dict[tuple[int, int], tuple[int, int]]  # (aisle, height) -> (column, bit)
    pitch: int = 0

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
        """What `block_masks` takes."""
        return self.ys, self.x, self.walkable, self.depot, self.height

    def kernel(self, a_tour: int = 0, a_place: int = 0) -> tuple:
        """What `lengths.length_of` takes."""
        return (*self.arrays(), a_tour, a_place, self.pitch)

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
    ys, pitch = _heights([sorted(heights) for heights in by_column])
    bit_of = [{y: bit for bit, y in reversed(list(enumerate(row)))} for row in ys.tolist()]
    place_of = {(aisle, y): (column_of_aisle[aisle], bit_of[column_of_aisle[aisle]][y]) for aisle, y in places}
    walkable = np.array([x in aisles_at for x in xs])
    return Floor(ys, np.array(xs, np.int64), walkable, xs.index(depot_x), int(height), column_of_aisle, place_of, pitch)


def _heights(columns: Sequence[Sequence[int]]) -> tuple[np.ndarray, int]:
    """Return (int64[C, 64 W] the height of every bit, pitch) for the heights of each column in ascending order.

    Where a grid from the lowest height takes in all of them in one word, every column gets the grid: the kernel is faster on it.
    """
    found = sorted({int(y) for heights in columns for y in heights})
    pitch = math.gcd(*(y - found[0] for y in found)) or 1 if found else 1
    if found and (found[-1] - found[0]) // pitch < WORD_BITS:
        return np.tile(found[0] + pitch * np.arange(WORD_BITS, dtype=np.int64), (len(columns), 1)), pitch
    words = max(1, max((len(heights) + WORD_BITS - 1) // WORD_BITS for heights in columns))
    ys = np.zeros((len(columns), words * WORD_BITS), np.int64)
    for column, heights in enumerate(columns):
        ys[column, : len(heights)] = heights
    return ys, 0


class MaskedLayout(NamedTuple):
    """A `BlockLayout` for the mask kernels: the tuple `lengths.length_of` takes, and the bit of every location."""

    kernel: tuple
    columns: int
    words: int
    column: np.ndarray  # int64[locations]
    bit: np.ndarray  # int64[locations]

    def masks(self, sets: Sequence[Sequence[int]]) -> np.ndarray:
        """Return uint64[len(sets), C, W] with the places of each set of location numbers."""
        masks = np.zeros((len(sets), self.columns, self.words), np.uint64)
        for number, locations in enumerate(sets):
            index = np.asarray(locations, np.int64)
            column, bit = self.column[index], self.bit[index]
            np.bitwise_or.at(masks[number], (column, bit // WORD_BITS), np.uint64(1) << (bit % WORD_BITS).astype(np.uint64))
        return masks


def masked(layout: BlockLayout, used: Iterable[int], start: int = 0, a_tour: int = 0, a_place: int = 0) -> MaskedLayout:
    """Return bits for the places of the locations in `used`; the depot's approach is part of every tour.

    One open block with the depot at an end of an aisle takes the fast kernel, seen from the depot's cross-aisle.
    """
    depot = layout.depots[start]
    a_tour += 2 * depot.approach_mm
    height = int(layout.line_mm[-1])
    index = np.array(sorted(set(used)), np.int64)
    from_depot = height - layout.location_mm if depot.mm == height else layout.location_mm
    fast = layout.blocks == 1 and layout.is_plain and depot.mm in (0, height)
    heights = from_depot if fast else layout.location_mm
    columns = len(layout.aisle_x_mm)
    per_column = [np.unique(heights[index[layout.location_aisle[index] == aisle]]) for aisle in range(columns)]
    ys, pitch = _heights(per_column)
    words = ys.shape[1] // WORD_BITS
    bit = np.full(layout.locations, -1, np.int64)
    for aisle, ordered in enumerate(per_column):
        here = index[layout.location_aisle[index] == aisle]
        bit[here] = np.searchsorted(ys[aisle] if pitch else ordered, heights[here])
    if fast:
        kernel = (ys, layout.aisle_x_mm, np.ones(columns, np.bool_), int(depot.aisle), height, a_tour, a_place, pitch)
    else:
        space = state_space(layout.blocks + 1)
        kernel = (
            ys, np.zeros(columns + 1, np.int64), np.zeros(ys.size, np.int64), layout.line_mm, layout.closed_mm, layout.width_mm,
            int(depot.aisle), int(depot.mm), space.into, space.source, space.option, space.closed,
            np.zeros((columns, layout.blocks, OPTIONS), np.int64), np.zeros((2, space.states), np.int64), a_tour, a_place,
        )  # fmt: skip
    return MaskedLayout(kernel, columns, words, layout.location_aisle, bit)
