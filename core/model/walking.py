"""Ways on one block, and where a stop is put into a walk that has begun: nothing that a picker has passed or heads for ever moves."""

from collections.abc import Sequence
from typing import NamedTuple

from floorwise.core.model.planning import Block


class Spot(NamedTuple):
    """A place on the block, as it is walked to."""

    aisle: int
    y_mm: int


def way_mm(block: Block, start: Spot | None, end: Spot | None) -> int:
    """The shortest way between two spots, None is the depot: along the aisle, or round by the nearer cross-aisle."""
    (x, y), (u, v) = (
        (block.aisle_x_mm[spot.aisle], spot.y_mm) if spot is not None else (block.depot_x_mm, 0) for spot in (start, end)
    )
    return abs(y - v) if x == u else abs(x - u) + min(y + v, 2 * block.length_mm - y - v)


def put_in(block: Block, ahead: Sequence[Spot], fresh: Spot) -> tuple[int, int]:
    """(index, extra way in mm) at which `fresh` adds least to the walk over `ahead` and home.

    The first spot ahead is where the picker heads, so it stays first; of equal ways the earliest. With nothing ahead the way is there and
    back: where the picker stands then is not known.
    """
    if not ahead:
        return 0, 2 * way_mm(block, None, fresh)
    ends = [*ahead[1:], None]
    extra = [
        way_mm(block, before, fresh) + way_mm(block, fresh, after) - way_mm(block, before, after)
        for before, after in zip(ahead, ends, strict=True)
    ]
    least = min(range(len(extra)), key=extra.__getitem__)
    return least + 1, extra[least]
