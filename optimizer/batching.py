"""Which orders share a walk: whole orders into batches that fit, exact tours, shortest total.

`solve` starts from savings, anneals, and stops by time or by count; a plan exists after the savings. Up to EXACT_ORDERS orders the plan
is proven by trying every split. Lengths are mm; what is not walking (set-up, stops) enters as the mm one could have walked
meanwhile, see `Problem.tour_mm` and `place_mm`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.floors import MaskedLayout, masked
from floorwise.optimizer.kernels.batching import batch_lengths, savings
from floorwise.optimizer.kernels.block_masks import INFINITE
from floorwise.optimizer.kernels.lengths import ONE_BLOCK, all_lengths
from floorwise.optimizer.kernels.lns import anneal
from floorwise.optimizer.kernels.partition import best_partition, set_lengths
from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.routing import shortest_tours

MOST_ORDERS = 5_000  # the search keeps an order × order table of members
EXACT_ORDERS = 13  # 3**13 splits: some milliseconds
EXACT_ORDERS_SEVERAL_BLOCKS = 12
# Tours the savings may measure before the first plan: a quarter of a second on either kernel.
SAVINGS_TOURS_ONE_BLOCK, SAVINGS_TOURS_SEVERAL_BLOCKS = 1_000_000, 40_000
DEFAULT_SECONDS = 10.0
MEMORY_ONE_BLOCK, MEMORY_SEVERAL_BLOCKS = 1 << 16, 1 << 20  # sets of orders whose tour is remembered
FIRST_STEPS, MOST_STEPS_AT_ONCE, LOOK_AT_CLOCK_S = 200, 50_000, 0.01
FINISH_S = 0.005  # kept back for the walking orders of the answer
# Annealing in shares of a mean tour, tuned on generated instances of 100 orders.
HOT, COLD = 0.015, 0.003
STEPS_AN_ORDER = 1_000  # a search with fewer starts colder in proportion: too little time to cool down is worse than little heat
STEPS_A_SECOND = 2_000_000, 300_000  # what to expect of a time limit; one block, several blocks
OVERLOAD_PRICE, OVERLOAD_SLACK = 5.0, 0.2  # a mean tour per capacity above it; how far above at all


@dataclass(frozen=True)
class Order:
    """Locations to visit, and what the order takes of each resource of the problem. Orders of different kinds never share a batch."""

    name: str
    locations: tuple[int, ...]
    load: tuple[int, ...]
    kind: int = 0


@dataclass(frozen=True)
class Refused:
    """An order that no batch can hold, and the constraint that fails."""

    order: int
    reason: str


@dataclass(frozen=True, eq=False)
class Problem:
    """Orders, what a batch may hold of each resource, and the floor they are picked on.

    tour_mm   added for every tour: set-up time × walking speed
    place_mm  added for every place a tour stops at
    """

    layout: BlockLayout
    orders: tuple[Order, ...]
    resources: tuple[str, ...]
    capacity: tuple[int, ...]
    start: int = 0
    tour_mm: int = 0
    place_mm: int = 0

    def __post_init__(self) -> None:
        if len(self.orders) > MOST_ORDERS:
            raise ValueError(f"{len(self.orders)} orders: at most {MOST_ORDERS} are batched at once")
        for order in self.orders:
            if len(order.load) != len(self.resources):
                raise ValueError(f"order {order.name}: {len(order.load)} loads for {len(self.resources)} resources")
            if any(load < 0 for load in order.load):
                raise ValueError(f"order {order.name}: a load is negative")
        if len(self.capacity) != len(self.resources) or min((0, *self.capacity, self.tour_mm, self.place_mm)) < 0:
            raise ValueError("each resource has one capacity, and nothing is below 0")

    @cached_property
    def refused(self) -> tuple[Refused, ...]:
        """Orders that cannot be in any plan."""
        alone = all_lengths(self.floor.masks([order.locations for order in self.orders]), self.floor.kernel) if self.orders else ()
        found = []
        for number, (order, length) in enumerate(zip(self.orders, alone, strict=True)):
            limits = zip(self.resources, order.load, self.capacity, strict=True)
            over = [f"{name} {has} > {may}" for name, has, may in limits if has > may]
            if over:
                found.append(Refused(number, f"order {order.name} exceeds a batch: {', '.join(over)}"))
            elif length >= INFINITE:
                found.append(Refused(number, f"order {order.name} has a location that cannot be reached"))
        return tuple(found)

    @cached_property
    def floor(self) -> MaskedLayout:
        used = {location for order in self.orders for location in order.locations}
        return masked(self.layout, used, self.start, self.tour_mm, self.place_mm)

    @cached_property
    def planned(self) -> tuple[int, ...]:
        """Numbers of the orders that can be planned; row k of `arrays` is order planned[k]."""
        out = {refused.order for refused in self.refused}
        return tuple(n for n in range(len(self.orders)) if n not in out)

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple]:
        """(masks, load, capacity, kind, floor) as the kernels take them."""
        orders = [self.orders[n] for n in self.planned]
        load = np.array([order.load for order in orders], np.int64).reshape(len(orders), len(self.resources))
        kinds = np.array([order.kind for order in orders], np.int64)
        return self.floor.masks([o.locations for o in orders]), load, np.array(self.capacity, np.int64), kinds, self.floor.kernel

    @property
    def has_one_block(self) -> bool:
        return len(self.floor.kernel) == ONE_BLOCK


@dataclass(frozen=True)
class Batch:
    """Orders of one walk (numbers of the problem), locations in walking order, and what the walk costs in mm."""

    orders: tuple[int, ...]
    stops: tuple[int, ...]
    length_mm: int


@dataclass(frozen=True)
class BatchPlan:
    """A plan with its trust. `lower_bound_mm` holds for every plan of the same orders; `steps` says how far the search went."""

    batches: tuple[Batch, ...]
    length_mm: int
    lower_bound_mm: int
    refused: tuple[Refused, ...]
    steps: int
    seconds: float
    first_plan_seconds: float
    method: str
    trace: tuple[tuple[float, int], ...] = field(default=(), compare=False)

    @property
    def is_proven(self) -> bool:
        return self.length_mm == self.lower_bound_mm

    @property
    def gap(self) -> float:
        """How much longer than the best the plan can be at most, as a share of the lower bound."""
        return (self.length_mm - self.lower_bound_mm) / self.lower_bound_mm if self.lower_bound_mm else 0.0


def solve(
    problem: Problem,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    lower_bound_mm: int = 0,
    clock: Callable[[], float] = patience.now,
) -> BatchPlan:
    """Return the best plan found within `seconds` (default 10), or after `steps` moves: then the same seed gives the same plan.

    `lower_bound_mm` is a bound the caller already has (see `bounds`); the search stops early when it reaches it. Compiled
    kernels are assumed loaded: call `warm_up` first where the first second matters.
    """
    begun = clock()
    search = _Search(problem, seed)
    if steps is None:
        search.cool_for((DEFAULT_SECONDS if seconds is None else seconds) * STEPS_A_SECOND[0 if problem.has_one_block else 1])
    else:
        search.cool_for(steps)
    first = clock() - begun
    count, trace = 0, [(first, search.best_length)]
    bound = max(lower_bound_mm, search.lower_bound)
    if not search.is_exact and search.best_length > bound:
        budget = DEFAULT_SECONDS if seconds is None and steps is None else seconds
        chunk = FIRST_STEPS
        while steps is None or count < steps:
            looked = clock()
            spent = looked - begun
            left = None if budget is None else budget - FINISH_S - spent
            if (left is not None and left <= 0) or search.best_length <= bound:
                break
            wanted = chunk if steps is None else min(chunk, steps - count)
            by_count = 0.0 if steps is None else count / steps
            now = by_count if budget is None else max(by_count, spent / budget)
            ahead = wanted / steps if steps is not None and budget is None else LOOK_AT_CLOCK_S / budget if budget else 0.0
            if search.walk(wanted, now, min(1.0, now + ahead)):
                trace.append((clock() - begun, search.best_length))
            count += wanted
            took = clock() - looked
            if steps is None or budget is not None:
                aim = LOOK_AT_CLOCK_S if left is None else min(LOOK_AT_CLOCK_S, max(left, 0.001) / 2)
                chunk = int(min(MOST_STEPS_AT_ONCE, max(1, chunk * min(4.0, aim / max(took, 1e-6)))))
            else:
                chunk = MOST_STEPS_AT_ONCE
    batches = search.batches()
    total = sum(batch.length_mm for batch in batches)
    assert total == search.best_length, "the search and the router disagree about a tour"
    bound = total if search.is_exact else bound
    return BatchPlan(batches, total, bound, problem.refused, count, clock() - begun, first, search.method, tuple(trace))


def warm_up(layout: BlockLayout, start: int = 0) -> None:
    """Load the kernels for floors like this one, so that `solve` keeps its time."""
    if layout.locations:
        orders = tuple(Order(str(n), (n % layout.locations,), (1,)) for n in range(EXACT_ORDERS + 1))
        search = _Search(Problem(layout, orders, ("orders",), (2,), start), 0)
        search.walk(1, 0.0, 1.0)
        solve(Problem(layout, orders[:2], ("orders",), (2,), start), steps=1)


class _Search:
    """The running search: the current batches, the best ones, and the memory of tours."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        masks, load, capacity, _kind, floor = self.arrays = problem.arrays
        self.n = len(masks)
        bits = random.Random(seed)  # neighbouring seeds must not start on one another's splitmix sequence
        self.random = np.array([bits.getrandbits(64)], np.uint64)
        self.is_exact = self.n <= (EXACT_ORDERS if problem.has_one_block else EXACT_ORDERS_SEVERAL_BLOCKS)
        self.method = "every split" if self.is_exact else "savings, annealing"
        if self.n == 0:
            self.best, self.best_length, self.lower_bound = np.empty(0, np.int64), 0, 0
            return
        if self.is_exact:
            length, self.best = best_partition(set_lengths(*self.arrays), self.n)
            self.best_length = self.lower_bound = int(length)
            return
        self.batch = self._savings()
        self.best = self.batch.copy()
        self.best_length = int(batch_lengths(masks, self.batch, floor).sum())
        alone = all_lengths(masks, floor)
        self.lower_bound = radial_bound(alone, load, capacity)
        mean = self.best_length / len(np.unique(self.batch))
        self.hot = self.cold = COLD * mean
        self.price = OVERLOAD_PRICE * mean / np.maximum(capacity, 1)
        self.slack = (OVERLOAD_SLACK * capacity).astype(np.int64)
        memory = MEMORY_ONE_BLOCK if problem.has_one_block else MEMORY_SEVERAL_BLOCKS
        self.keys, self.known = np.zeros(memory, np.uint64), np.zeros(memory, np.int64)
        self.name = np.array([bits.getrandbits(64) for _ in range(self.n)], np.uint64)

    def cool_for(self, steps: float) -> None:
        """Start as hot as a search of about `steps` moves can cool down from."""
        if self.n and not self.is_exact:
            mean = self.best_length / len(np.unique(self.best))
            self.cold = COLD * mean
            self.hot = max(COLD, HOT * min(1.0, steps / (STEPS_AN_ORDER * self.n))) * mean

    def walk(self, steps: int, begin: float, end: float) -> bool:
        """Make `steps` moves; return whether a better plan was found."""
        before = self.best_length
        length, _ = anneal(
            *self.arrays, self.batch, self.best, np.int64(before), self.price, self.slack, self.hot, self.cold, begin, end, steps,
            self.random, self.name, self.keys, self.known,
        )  # fmt: skip
        self.best_length = int(length)
        return self.best_length < before

    def batches(self) -> tuple[Batch, ...]:
        """The best plan with its walks, batches in the order of their first order."""
        members: dict[int, list[int]] = {}
        for row, number in enumerate(self.best.tolist()):
            members.setdefault(number, []).append(self.problem.planned[row])
        groups = sorted(members.values())
        return walked(self.problem, groups)

    def _savings(self) -> np.ndarray:
        """Savings in groups small enough for a quick first plan; orders whose picks lie in the same aisles share a group."""
        masks, load, capacity, kind, floor = self.arrays
        most = SAVINGS_TOURS_ONE_BLOCK if self.problem.has_one_block else SAVINGS_TOURS_SEVERAL_BLOCKS
        group = max(20, int(most / (1.5 * self.n)))
        if group >= self.n:
            return savings(masks, load, capacity, kind, floor)
        used = masks.any(axis=2)
        column = (used * np.arange(used.shape[1])).sum(axis=1) / np.maximum(used.sum(axis=1), 1)
        order = np.lexsort((np.arange(self.n), column, kind))
        batch = np.empty(self.n, np.int64)
        for first in range(0, self.n, group):
            rows = np.sort(order[first : first + group])
            batch[rows] = rows[savings(masks[rows], load[rows], capacity, kind[rows], floor)]
        return batch


def improved(arrays: tuple, batch: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Return batch numbers after `steps` moves from a given start, never a longer plan; `arrays` as in `Problem.arrays`.

    For callers with a floor of their own; by count only, so the same arguments give the same batches.
    """
    masks, _, capacity, _, floor = arrays
    if len(masks) < 2 or steps <= 0:
        return batch
    bits = random.Random(seed)
    length = int(batch_lengths(masks, batch, floor).sum())
    mean = length / len(np.unique(batch))
    hot = max(COLD, HOT * min(1.0, steps / (STEPS_AN_ORDER * len(masks)))) * mean
    walked_from, best = batch.astype(np.int64), batch.astype(np.int64)
    anneal(
        *arrays, walked_from, best, np.int64(length), OVERLOAD_PRICE * mean / np.maximum(capacity, 1),
        (OVERLOAD_SLACK * capacity).astype(np.int64), hot, COLD * mean, 0.0, 1.0, steps,
        np.array([bits.getrandbits(64)], np.uint64), np.array([bits.getrandbits(64) for _ in masks], np.uint64),
        np.zeros(MEMORY_ONE_BLOCK, np.uint64), np.zeros(MEMORY_ONE_BLOCK, np.int64),
    )  # fmt: skip
    return best


def walked(problem: Problem, groups: list[list[int]]) -> tuple[Batch, ...]:
    """Return a batch with its exact walk for each group of order numbers."""
    sets = [sorted({location for n in group for location in problem.orders[n].locations}) for group in groups]
    tours = shortest_tours(problem.layout, sets, problem.start)
    made = []
    for group, locations, tour in zip(groups, sets, tours, strict=True):
        places = {(int(problem.layout.location_aisle[s]), int(problem.layout.location_mm[s])) for s in locations}
        extra = (problem.tour_mm if locations else 0) + problem.place_mm * len(places)
        made.append(Batch(tuple(group), tour.stops, tour.length_mm + extra))
    return tuple(made)


def radial_bound(alone: np.ndarray, load: np.ndarray, capacity: np.ndarray) -> int:
    """Return a length no plan can beat: each tour is at least the mean of its orders' own tours, weighted by load.

    For any resource, Σ load · own tour / capacity (Haimovich & Rinnooy Kan 1985), and never less than the longest own tour.
    """
    if len(alone) == 0:
        return 0
    shares = [int(sum(int(q) * int(d) for q, d in zip(load[:, r], alone, strict=True)) // int(c)) for r, c in enumerate(capacity) if c > 0]
    return max([int(alone.max()), *shares])
