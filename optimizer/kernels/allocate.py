"""Which bins each part's lines are taken from: earliest expiry, then fewest bins, then least extra walk."""

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block_masks import tour_length

PLANNED = -1


@njit(cache=True, nogil=True)
def _extra(mask, column, word, bit, before, ys, x, walkable, depot, height):
    """Return how much longer the tour over `mask` gets with one more place."""
    if mask[column, word] >> np.uint64(bit) & np.uint64(1):
        return np.int64(0)
    mask[column, word] |= np.uint64(1) << np.uint64(bit)
    longer = tour_length(mask, ys, x, walkable, depot, height)
    mask[column, word] &= ~(np.uint64(1) << np.uint64(bit))
    return longer - before


@njit(cache=True, nogil=True)
def _pick_row(low, high, short, min_expiry, left, expiry, column, place, mask, before, ys, x, walkable, depot, height):
    """Return (row, is the only bin of its expiry) for the next take of a line, or (-1, False) when nothing is left.

    Rows low..high-1 hold the SKU in order of expiry. Among the rows of the earliest expiry with stock, one that covers
    the whole need comes before the fullest one, then the least extra walk, then the smaller remainder, then the row.
    """
    best = -1
    alone = True
    best_covers = False
    best_extra = np.int64(0)
    for row in range(low, high):
        if left[row] <= 0 or expiry[row] < min_expiry:
            continue
        if best >= 0 and expiry[row] != expiry[best]:
            break
        covers = left[row] >= short
        extra = _extra(mask, column[row], place[row] // 64, place[row] % 64, before, ys, x, walkable, depot, height)
        if best < 0:
            better = True
        else:
            alone = False
            if covers != best_covers:
                better = covers
            elif covers:
                better = extra < best_extra or (extra == best_extra and left[row] < left[best])
            else:
                better = left[row] > left[best] or (left[row] == left[best] and extra < best_extra)
        if better:
            best, best_covers, best_extra = row, covers, extra
    return best, alone


@njit(cache=True, nogil=True)
def choose_bins(
    part_first, sku_first, sku_last, quantity, min_expiry, left, expiry, column, place, masks, ys, x, walkable, depot, height
):
    """Choose bins for all lines of all parts, in order; return (takes int64[t, 3], failed int64[parts]).

    part_first  int64[parts + 1]  lines of part p are part_first[p] .. part_first[p + 1] - 1
    sku_first, sku_last  int64[lines]  stock rows of the line's SKU, in order of expiry
    left        int64[rows]  units free; lowered by what is taken
    column, place  int64[rows]  where the row's bin stands: column, bit
    masks       uint64[parts, C, W]  filled with the places each part visits
    takes       (line, row, units) in order of part and line; failed[p] = PLANNED or the first line that stock cannot
                cover: such a part takes nothing and leaves `left` as it was
    Lines with one possible bin are placed first, so that the others can be chosen near them.
    """
    parts = part_first.shape[0] - 1
    lines = quantity.shape[0]
    takes = np.empty((lines + left.shape[0], 3), np.int64)  # each further take of a line empties a row
    count = 0
    failed = np.full(parts, PLANNED, np.int64)
    for p in range(parts):
        begin = count
        before = np.int64(0)
        for only_alone in (True, False):
            for line in range(part_first[p], part_first[p + 1]):
                if failed[p] != PLANNED:
                    break
                short = quantity[line]
                for t in range(begin, count):
                    if takes[t, 0] == line:
                        short -= takes[t, 2]
                while short > 0:
                    row, alone = _pick_row(
                        sku_first[line], sku_last[line], short, min_expiry[line], left, expiry, column, place, masks[p], before,
                        ys, x, walkable, depot, height,
                    )
                    if row < 0:
                        failed[p] = line
                        break
                    if only_alone and not alone:
                        break
                    units = min(short, left[row])
                    left[row] -= units
                    short -= units
                    takes[count, 0] = line
                    takes[count, 1] = row
                    takes[count, 2] = units
                    count += 1
                    masks[p, column[row], place[row] // 64] |= np.uint64(1) << np.uint64(place[row] % 64)
                    before = tour_length(masks[p], ys, x, walkable, depot, height)
        if failed[p] != PLANNED:
            for t in range(begin, count):
                left[takes[t, 1]] += takes[t, 2]
            count = begin
            masks[p] = np.uint64(0)
    return takes[:count].copy(), failed
