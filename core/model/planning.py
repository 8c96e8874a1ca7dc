"""The planning question and its answer: which parts are picked together, from which bins, along which walk.

A `PlanRequest` is complete: a planner needs nothing else, so the same request gives the same plan live, in the twin
and in a test. Lengths are mm, weights g, volumes mm³, times UTC ms; all are integers.
"""

from typing import NamedTuple


class Block(NamedTuple):
    """A single-block floor: parallel aisles between a front and a back cross-aisle.

    Aisle i is walked along x = aisle_x_mm[i], from y = 0 (front cross-aisle) to y = length_mm (back); the depot lies on
    the front cross-aisle at x = depot_x_mm. Both sides of an aisle are reached from its centre line.
    """

    aisle_x_mm: tuple[int, ...]  # ascending
    length_mm: int
    depot_x_mm: int


class BinPoint(NamedTuple):
    """Where one location stands on the block; a level above 0 costs `climb_ms` of its own, not metres."""

    location: str
    aisle: int  # index into Block.aisle_x_mm
    y_mm: int  # 0 … Block.length_mm
    level: int


class Cart(NamedTuple):
    """What one walk can carry; a part never exceeds it, a batch never may."""

    parts: int  # totes on the cart, one a part
    lines: int
    units: int
    weight_g: int
    volume_mm3: int


class DemandLine(NamedTuple):
    """Units of one order line that a part needs; `line` is its number within the order."""

    line: int
    sku: str
    quantity: int  # smallest stock units
    min_expiry_ms: int  # lots that expire before are not eligible; 0 = any


class PartDemand(NamedTuple):
    """One part of an order: picked by one person on one walk, never split."""

    part: str
    cut_off_ms: int
    weight_g: int
    volume_mm3: int
    lines: tuple[DemandLine, ...]


class BinStock(NamedTuple):
    """Unbound units of one SKU and lot in one bin at the version that was read."""

    location: str
    sku: str
    lot: str
    expires_at_ms: int
    available: int
    version: int


class PlanRequest(NamedTuple):
    """Everything a planner may know. `parts` come in order of cut-off, `stock` in order of (sku, expiry, location)."""

    site: str
    at_ms: int
    block: Block
    bins: tuple[BinPoint, ...]  # every location named in `stock`
    cart: Cart
    parts: tuple[PartDemand, ...]
    stock: tuple[BinStock, ...]
    seed: int
    effort: int  # improvement steps allowed; a planner stops by count, never by clock


class Take(NamedTuple):
    """Units to take at a stop for one line of one part."""

    location: str
    sku: str
    lot: str
    quantity: int
    part: str
    line: int


class PlannedTour(NamedTuple):
    """One walk: its parts, its takes in walking order, its length from depot to depot."""

    parts: tuple[str, ...]
    takes: tuple[Take, ...]
    length_mm: int


class Unplanned(NamedTuple):
    """A part that got no tour and the constraint that fails, in words with names."""

    part: str
    reason: str


class Plan(NamedTuple):
    """An answer with its trust: `lower_bound_mm` ≤ any plan's total for the same parts; 0 = none known."""

    planner: str
    tours: tuple[PlannedTour, ...]
    unplanned: tuple[Unplanned, ...]
    length_mm: int
    lower_bound_mm: int
    read: tuple[BinStock, ...]  # the stock rows used, at the versions read
