"""The plan that always exists: one walk a part, aisles crossed in an S, bins by expiry alone.

It is released when no better plan came in time, so it needs nothing but the request and the standard library.
"""

from floorwise.core.model.planning import BinPoint, BinStock, Block, PartDemand, Plan, PlannedTour, PlanRequest, Take, Unplanned
from floorwise.core.model.stock import ShelfStock, allocate


def s_shape_plan(request: PlanRequest) -> Plan:
    """Return one S-shape tour for every part that stock covers; parts choose in the order given.

    The walk is a picker's habit, not a shortest one; `lower_bound_mm` is 0. The cart is not asked: a part is one walk.
    """
    points = {b.location: b for b in request.bins}
    rows: dict[str, list[BinStock]] = {}
    for entry in request.stock:
        if entry.location in points:
            rows.setdefault(entry.sku, []).append(entry)
    left = {(entry.location, entry.sku, entry.lot): entry.available for entry in request.stock}
    tours, unplanned = [], []
    used: set[tuple[str, str, str]] = set()
    for part in request.parts:
        takes, reason = _takes(part, rows, left)
        if reason:
            unplanned.append(Unplanned(part.part, reason))
            continue
        used.update((take.location, take.sku, take.lot) for take in takes)
        tours.append(_tour(request.block, points, part, takes))
    return Plan(
        planner="s-shape",
        tours=tuple(tours),
        unplanned=tuple(unplanned),
        length_mm=sum(tour.length_mm for tour in tours),
        lower_bound_mm=0,
        read=tuple(entry for entry in request.stock if (entry.location, entry.sku, entry.lot) in used),
    )


def _takes(
    part: PartDemand, rows: dict[str, list[BinStock]], left: dict[tuple[str, str, str], int]
) -> tuple[list[Take], str]:
    """Take every line of a part from what is left, or nothing and the line that fails."""
    takes: list[Take] = []
    for line in part.lines:
        shelves = [
            ShelfStock(entry.location, left[entry.location, entry.sku, entry.lot], entry.expires_at_ms, entry.lot)
            for entry in rows.get(line.sku, ())
        ]
        chosen, short = allocate(line.quantity, shelves, line.min_expiry_ms)
        for take in chosen:
            left[take.location, line.sku, take.lot] -= take.quantity
            takes.append(Take(take.location, line.sku, take.lot, take.quantity, part.part, line.line))
        if short:
            for take in takes:
                left[take.location, take.sku, take.lot] += take.quantity
            return [], f"stock: {line.quantity} {line.sku} wanted, {line.quantity - short} left in reachable bins"
    return takes, ""


def _tour(block: Block, points: dict[str, BinPoint], part: PartDemand, takes: list[Take]) -> PlannedTour:
    """Cross the aisles with picks from left to right, each in full, the first from the front; out of an odd last one the same way."""
    aisles = sorted({points[take.location].aisle for take in takes})
    from_front = {aisle: number % 2 == 0 for number, aisle in enumerate(aisles)}

    def place(take: Take) -> tuple[int, int, int, str, int]:
        point = points[take.location]
        along = point.y_mm if from_front[point.aisle] else -point.y_mm
        return (point.aisle, along, point.level, take.location, take.line)

    if not aisles:
        return PlannedTour((part.part,), (), 0)
    left, right = block.aisle_x_mm[aisles[0]], block.aisle_x_mm[aisles[-1]]
    sideways = abs(block.depot_x_mm - left) + (right - left) + abs(right - block.depot_x_mm)
    inside = block.length_mm * len(aisles)
    if len(aisles) % 2 == 1:
        deepest = max(points[take.location].y_mm for take in takes if points[take.location].aisle == aisles[-1])
        inside += 2 * deepest - block.length_mm
    return PlannedTour((part.part,), tuple(sorted(takes, key=place)), sideways + inside)
