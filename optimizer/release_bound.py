"""Lengths that no plan of a release can beat, cheap enough for every tick: what each walk must reach, and how many walks must reach it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def staircase(values: np.ndarray, load: np.ndarray, capacity: np.ndarray) -> int:
    """Return the least that Σ over walks of max over their parts of `values` can be.

    values    int64[n]     >= 0, what each part alone asks of its walk
    load      int64[n, r]  what it takes of each limit
    capacity  int64[r]     the limits of one walk; 0 = not asked

    At every height t the parts with a value of at least t need ⌈their load / capacity⌉ walks, whatever shares a walk with what; the sum is
    the area under these counts. It is never below the radial bound Σ load · value / capacity (Haimovich & Rinnooy Kan 1985), nor the
    largest value.
    """
    asked = capacity > 0
    if not len(values) or not asked.any():
        return int(values.max(initial=0))
    order = np.argsort(-values, kind="stable")
    heights = np.append(values[order], 0)
    walks = (-(-np.cumsum(load[order][:, asked], axis=0) // capacity[asked])).max(axis=1).clip(1)
    return int((walks * (heights[:-1] - heights[1:])).sum())


def aisle_bound(
    reach_left: np.ndarray, reach_right: np.ndarray, inside: np.ndarray, load: np.ndarray, capacity: np.ndarray
) -> int:
    """Return a length that follows from single aisles: a walk goes at least twice as far sideways as its farthest part asks, and in each
    aisle at least what one of its parts alone asks there. Every aisle and either side count their walks for themselves.

    reach_left, reach_right  int64[n]     how far from the depot a part must be walked for, to either side
    inside                   int64[n, C]  `least_inside` of each part in each aisle
    """
    sideways = 2 * (staircase(reach_left, load, capacity) + staircase(reach_right, load, capacity))
    return sideways + sum(staircase(inside[:, aisle], load, capacity) for aisle in range(inside.shape[1]))


def least_inside(heights: Sequence[int], length: int) -> int:
    """Return the least way inside an aisle that meets these heights: through it, or from its ends up to the widest gap and back."""
    if not heights:
        return 0
    ends = [0, *sorted(heights), length]
    return min(length, 2 * (length - max(b - a for a, b in pairwise(ends))))
