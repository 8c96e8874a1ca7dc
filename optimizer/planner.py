"""The house's planner: bins by expiry and walk, carts by savings on exact tours, improved by count, exact walks in one block."""

from __future__ import annotations

import numpy as np

from floorwise.core.model.planning import (
    BinPoint,
    BinStock,
    Block,
    Cart,
    DemandLine,
    PartDemand,
    Plan,
    PlannedTour,
    PlanRequest,
    Take,
    Unplanned,
)
from floorwise.optimizer.batching import improved
from floorwise.optimizer.floors import Floor, floor_of
from floorwise.optimizer.kernels.allocate import PLANNED, choose_bins
from floorwise.optimizer.kernels.batching import savings
from floorwise.optimizer.kernels.block_masks import single_lengths
from floorwise.optimizer.release_bound import aisle_bound, least_inside, staircase
from floorwise.optimizer.walks import walk_order

# Savings need memory and time in the square of the parts: more parts than this are batched in groups, in order of cut-off.
PARTS_A_GROUP = 1_000
_CART_LIMITS = ("parts", "lines", "units", "weight_g", "volume_mm3")


class SavingsPlanner:
    """Plans a release: the same request gives the same plan, whatever the machine or its load.

    Walks are exact for the chosen bins. Bins are chosen part by part in the order given, so an earlier cut-off has the
    first choice; `effort` moves of the batching search improve the carts; the lower bound holds for any choice of bins and
    carts.
    """

    name = "savings"

    def plan(self, request: PlanRequest) -> Plan:
        """Return a plan for all parts that fit a cart and are covered by stock; the others come back with the reason."""
        too_big = {p.part: reason for p in request.parts if (reason := _overfull(p, request.cart))}
        parts = [p for p in request.parts if p.part not in too_big]
        points = {b.location: b for b in request.bins}
        stock = sorted((s for s in request.stock if s.location in points and s.available > 0), key=_stock_order)
        floor = _floor(request, stock, points)
        choice = _Choice(floor, points, stock, parts)
        unplanned = {**too_big, **choice.unplanned}
        numbers = [n for n, part in enumerate(parts) if part.part not in choice.unplanned]
        tours = []
        for batch in self._batches(request, floor, choice.masks, parts, numbers):
            tours.append(_tour(floor, points, choice, parts, batch))
        used = {row for n in numbers for _, row, _ in choice.takes[n]}
        return Plan(
            planner=self.name,
            tours=tuple(tours),
            unplanned=tuple(Unplanned(p.part, unplanned[p.part]) for p in request.parts if p.part in unplanned),
            length_mm=sum(tour.length_mm for tour in tours),
            lower_bound_mm=_lower_bound(request.cart, floor, choice, parts, numbers),
            read=tuple(row for number, row in enumerate(stock) if number in used),
        )

    def warm_up(self) -> None:
        """Compile or load every kernel that `plan` needs, on a floor of one bin; a service calls it before it says ready."""
        point, row = BinPoint("A", 0, 500, 0), BinStock("A", "S", "", 0, 9, 0)
        part = PartDemand("P", 0, 1, 1, (DemandLine(1, "S", 1, 0),))
        cart = Cart(2, 2, 2, 2, 2)
        self.plan(PlanRequest("", 0, Block((0,), 1_000, 0), (point,), cart, (part, part._replace(part="Q")), (row,), 0, 1))

    def _batches(
        self, request: PlanRequest, floor: Floor, masks: np.ndarray, parts: list[PartDemand], numbers: list[int]
    ) -> list[list[int]]:
        """Group part numbers into carts, each group in the order of the request."""
        capacity = np.array(request.cart, np.int64)
        batches: list[list[int]] = []
        for start in range(0, len(numbers), PARTS_A_GROUP):
            group = np.array(numbers[start : start + PARTS_A_GROUP], np.int64)
            load = np.array([_load(parts[n]) for n in group], np.int64).reshape(len(group), len(capacity))
            arrays = (masks[group], load, capacity, np.zeros(len(group), np.int64), floor.kernel())
            steps = request.effort * len(group) // len(numbers)
            label = improved(arrays, savings(*arrays), steps, request.seed)
            members: dict[int, list[int]] = {}
            for number, batch in zip(group.tolist(), label.tolist(), strict=True):
                members.setdefault(batch, []).append(number)
            batches += members.values()
        return batches


class _Choice:
    """Bins for every part: `masks` uint64[parts, C, W] and `takes[part]` = (line index in the part, stock row, units)."""

    def __init__(self, floor: Floor, points: dict[str, BinPoint], stock: list[BinStock], parts: list[PartDemand]) -> None:
        span: dict[str, tuple[int, int]] = {}
        for row, entry in enumerate(stock):
            first, _ = span.get(entry.sku, (row, row))
            span[entry.sku] = (first, row + 1)
        self.stock, self.span = stock, span
        lines = [line for part in parts for line in part.lines]
        part_first = np.cumsum([0, *(len(part.lines) for part in parts)]).astype(np.int64)
        place = [_place(floor, points[entry.location]) for entry in stock]
        self.column = np.array([c for c, _ in place], np.int64)
        self.bit = np.array([b for _, b in place], np.int64)
        self.masks = floor.empty_masks(len(parts))
        takes, failed = choose_bins(
            part_first,
            np.array([span.get(line.sku, (0, 0))[0] for line in lines], np.int64),
            np.array([span.get(line.sku, (0, 0))[1] for line in lines], np.int64),
            np.array([line.quantity for line in lines], np.int64),
            np.array([line.min_expiry_ms for line in lines], np.int64),
            np.array([entry.available for entry in stock], np.int64),
            np.array([entry.expires_at_ms for entry in stock], np.int64),
            self.column,
            self.bit,
            self.masks,
            *floor.arrays(),
        )
        self.takes: list[list[tuple[int, int, int]]] = [[] for _ in parts]
        part_of_line = np.repeat(np.arange(len(parts)), np.diff(part_first)).tolist()
        for line, row, units in takes.tolist():
            part = part_of_line[line]
            self.takes[part].append((line - int(part_first[part]), row, units))
        self.unplanned = {
            part.part: self._shortage(part.lines[line - first])
            for part, line, first in zip(parts, failed.tolist(), part_first.tolist(), strict=False)
            if line != PLANNED
        }

    def eligible(self, line: DemandLine) -> list[int]:
        """Stock rows that may serve a line, whoever else wants them."""
        first, last = self.span.get(line.sku, (0, 0))
        return [r for r in range(first, last) if self.stock[r].expires_at_ms >= line.min_expiry_ms]

    def _shortage(self, line: DemandLine) -> str:
        rows = self.eligible(line)
        units = sum(self.stock[r].available for r in rows)
        if units < line.quantity:
            return f"stock: {line.quantity} {line.sku} wanted, {units} eligible in reachable bins"
        return f"stock: {line.quantity} {line.sku} wanted, {units} eligible but taken by parts with an earlier cut-off"


def _stock_order(entry: BinStock) -> tuple[str, int, str, str]:
    return (entry.sku, entry.expires_at_ms, entry.location, entry.lot)


def _load(part: PartDemand) -> tuple[int, ...]:
    """What a part takes of each limit of the cart, in the order of `Cart`."""
    return (1, len(part.lines), sum(line.quantity for line in part.lines), part.weight_g, part.volume_mm3)


def _overfull(part: PartDemand, cart: Cart) -> str:
    """Name the limits of the cart that a part alone exceeds; empty when it fits."""
    over = [f"{name} {has} > {may}" for name, has, may in zip(_CART_LIMITS, _load(part), cart, strict=True) if has > may]
    return "cart: " + ", ".join(over) if over else ""


def _floor(request: PlanRequest, stock: list[BinStock], points: dict[str, BinPoint]) -> Floor:
    block = request.block
    places = [(points[entry.location].aisle, points[entry.location].y_mm) for entry in stock]
    return floor_of(block.aisle_x_mm, block.length_mm, block.depot_x_mm, places)


def _place(floor: Floor, point: BinPoint) -> tuple[int, int]:
    return floor.place_of[point.aisle, point.y_mm]


def _tour(floor: Floor, points: dict[str, BinPoint], choice: _Choice, parts: list[PartDemand], batch: list[int]) -> PlannedTour:
    """The exact walk of one cart; takes at one place go bottom-up, then by bin, part and line."""
    mask = np.bitwise_or.reduce(choice.masks[batch], axis=0)
    length, order = walk_order(mask, *floor.arrays())
    rank = {place: number for number, place in enumerate(order)}
    takes = []
    for number in batch:
        part = parts[number]
        for line, row, units in choice.takes[number]:
            entry, asked = choice.stock[row], part.lines[line]
            point = points[entry.location]
            at = rank[_place(floor, point)]
            take = Take(entry.location, entry.sku, entry.lot, units, part.part, asked.line)
            takes.append(((at, point.level, entry.location, part.part, asked.line, entry.sku, entry.lot), take))
    takes.sort(key=lambda keyed: keyed[0])
    return PlannedTour(tuple(parts[n].part for n in batch), tuple(take for _, take in takes), length)


def _lower_bound(cart: Cart, floor: Floor, choice: _Choice, parts: list[PartDemand], numbers: list[int]) -> int:
    """A length no plan for these parts can beat, whatever bins and carts it chooses.

    From what each part must walk alone: the exact tour over lines with one possible place, or the way to the farthest line's nearest
    place; and aisle by aisle (`release_bound`). The larger of both.
    """
    if not numbers:
        return 0
    masks = floor.empty_masks(len(numbers))
    farthest = np.zeros(len(numbers), np.int64)
    left, right = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    inside = np.zeros((len(numbers), len(floor.x)), np.int64)
    to_row, beside = _from_depot(floor, choice), floor.x[choice.column] - floor.x[floor.depot]
    for at, number in enumerate(numbers):
        sure: dict[int, list[int]] = {}
        for line in parts[number].lines:
            rows = np.array(choice.eligible(line), np.int64)
            places = sorted({(int(choice.column[r]), int(choice.bit[r])) for r in rows})
            aisles = {column for column, _ in places}
            if len(places) == 1:
                floor.mark(masks[at], places[0])
                sure.setdefault(places[0][0], []).append(int(floor.ys[places[0]]))
            elif len(aisles) == 1:
                least = min(least_inside([int(floor.ys[place])], floor.height) for place in places)
                inside[at, places[0][0]] = max(inside[at, places[0][0]], least)
            farthest[at] = max(farthest[at], 2 * to_row[rows].min())
            left[at], right[at] = max(left[at], -beside[rows].max()), max(right[at], beside[rows].min())
        for column, heights in sure.items():
            inside[at, column] = max(inside[at, column], least_inside(heights, floor.height))
    alone = np.maximum(farthest, single_lengths(masks, *floor.arrays()))
    load, capacity = np.array([_load(parts[n]) for n in numbers], np.int64), np.array(cart, np.int64)
    return max(staircase(alone, load, capacity), aisle_bound(left, right, inside, load, capacity))


def _from_depot(floor: Floor, choice: _Choice) -> np.ndarray:
    """Walking distance from the depot to each stock row's bin."""
    y = floor.ys[choice.column, choice.bit]
    sideways = np.abs(floor.x[choice.column] - floor.x[floor.depot])
    return sideways + np.where(sideways == 0, y, np.minimum(y, 2 * floor.height - y))
