"""One name for "how long is the tour over this mask", whether the floor has one block or several.

A floor is the tuple of arrays that its kernel needs; which kernel is meant follows from the tuple's size at compile time:

one block       (ys, x, walkable, depot, height, a_tour, a_place, pitch)              see block_masks
several blocks  (ys, start, pos, line, closed_at, width, depot_aisle, depot_pos, into, source, option, closed, costs, work,
                a_tour, a_place)
                see multiblock; `start` and `pos` are workspace for the places of one mask, columns are aisles

`a_tour` is added to every tour that is not empty (set-up, the way to the depot), `a_place` for every place it stops at.
Both are at least 0: a tour over fewer places is never longer, and the searches rely on it.
"""

import numpy as np
from numba import njit
from numba.extending import overload

from floorwise.optimizer.kernels.block_masks import count_bits, lowest_bit, tour_length
from floorwise.optimizer.kernels.multiblock import multiblock_length

ONE_BLOCK = 8


def length_of(mask, floor):
    """Return the exact tour length over uint64[C, W] as int64; 0 for an empty mask. Compiled code only."""
    raise NotImplementedError("compiled code only")


@overload(length_of)
def _length_of(mask, floor):
    if len(floor) == ONE_BLOCK:

        def one_block(mask, floor):
            length = tour_length(mask, floor[0], floor[1], floor[2], floor[3], floor[4], floor[7])
            if floor[5] == 0 and floor[6] == 0:
                return length
            places = places_of(mask)
            return length if places == 0 else length + floor[5] + floor[6] * places

        return one_block

    def several_blocks(mask, floor):
        places = unpack(mask, floor[0], floor[1], floor[2])
        if places == 0:
            return np.int64(0)
        length = multiblock_length(
            floor[1], floor[2], floor[3], floor[4], floor[5], floor[6], floor[7], floor[8], floor[9], floor[10], floor[11],
            floor[12], floor[13],
        )  # fmt: skip
        return length + floor[14] + floor[15] * places

    return several_blocks


@njit(cache=True, nogil=True)
def places_of(mask):
    """Return how many places a mask names."""
    count = np.int64(0)
    for c in range(mask.shape[0]):
        for w in range(mask.shape[1]):
            count += np.int64(count_bits(mask[c, w]))
    return count


@njit(cache=True, nogil=True)
def unpack(mask, ys, start, pos):
    """Write the places of a mask as CSR (start int64[C + 1], pos int64[>= places]); return how many there are."""
    count = 0
    for c in range(mask.shape[0]):
        start[c] = count
        for w in range(mask.shape[1]):
            word = mask[c, w]
            while word != np.uint64(0):
                pos[count] = ys[c, 64 * w + np.int64(lowest_bit(word))]
                word &= word - np.uint64(1)
                count += 1
    start[mask.shape[0]] = count
    return count


@njit(cache=True, nogil=True)
def all_lengths(masks, floor):
    """Return int64[n]: the exact tour length of each mask."""
    lengths = np.empty(masks.shape[0], np.int64)
    for i in range(masks.shape[0]):
        lengths[i] = length_of(masks[i], floor)
    return lengths
