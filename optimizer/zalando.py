"""Which orders to pick now, from which copies, in which batches and along which picklists, in a zoned mixed-shelves store.

`solve` builds batches greedily and anneals; `check_plan` re-computes everything from the store in plain Python. The problem and its
distance are those of Abelli et al. 2024 (arXiv 2401.04563): rows are always left by a cross-aisle, even between items of one aisle.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.formats.zalando import Store
from floorwise.optimizer.kernels.picklists import LISTS, MOST_LINES, NONE, ROUTE_PLACES, total_length
from floorwise.optimizer.kernels.zalando import anneal_picklists, construct, near_items

DEFAULT_SECONDS = 10.0
SPARE_BATCHES = 1  # beyond what orders of average size need
TRIES = 30  # orders looked at for each place of the first plan
NEAR = 8  # items of a zone that are looked at beside one that is picked
TOURNAMENT = 2  # orders outside compared before one is tried
# In what an item costs in the first plan, so that no store is searched too hot or too cold; tuned on stores of 500 and 5,000 orders.
HOT, COLD = 0.45, 0.075
FINE_A_MISSING_ITEM, MOST_FINE = 0.95, 15.0  # what the last items cost differs from store to store:
FINE_STEP = 1.05  # the fine rises while items are missing after a stretch of moves, and falls back while none is
FIRST_STEPS, STEPS_A_LINE, MOST_STEPS_AT_ONCE, LOOK_AT_CLOCK_S, FINISH_S = 100, 30, 20_000, 0.01, 0.01


@dataclass(frozen=True)
class Picklist:
    """One round trip from (0, 0): items (numbers of the store) in walking order, all of one zone."""

    items: tuple[int, ...]
    length: int


@dataclass(frozen=True)
class PickBatch:
    """Orders (numbers of the store) and the picklists that bring their items."""

    orders: tuple[int, ...]
    picklists: tuple[Picklist, ...]


@dataclass(frozen=True)
class SelectionPlan:
    """A plan; `items` and `length` are what counts, `length_an_item` what compares plans of different size."""

    batches: tuple[PickBatch, ...]
    items: int
    length: int
    steps: int
    seconds: float
    first_plan_seconds: float

    @property
    def length_an_item(self) -> float:
        return self.length / self.items if self.items else 0.0


def solve(
    store: Store,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    items_asked: int | None = None,
    clock: Callable[[], float] = patience.now,
) -> SelectionPlan:
    """Return the best plan found in `seconds` (default 10) or after `steps` moves: then the same seed gives the same plan.

    `items_asked` replaces the goal of the store. ValueError when the stock cannot reach the goal.
    """
    begun = clock()
    search = _Search(store, seed, store.items_asked if items_asked is None else items_asked)
    first = clock() - begun
    budget = DEFAULT_SECONDS if seconds is None and steps is None else seconds
    most = min(MOST_STEPS_AT_ONCE, FIRST_STEPS + STEPS_A_LINE * len(search.lines[1]))  # the plan is looked at after so many
    count, chunk = 0, FIRST_STEPS
    while steps is None or count < steps:
        looked = clock()
        left = None if budget is None else budget - FINISH_S - (looked - begun)
        if left is not None and left <= 0:
            break
        wanted = chunk if steps is None else min(chunk, steps - count)
        now = count / steps if budget is None else max(0.0 if steps is None else count / steps, (looked - begun) / budget)
        ahead = wanted / steps if budget is None else LOOK_AT_CLOCK_S / budget
        search.walk(wanted, now, min(1.0, now + ahead))
        count += wanted
        if budget is None:
            chunk = most
        else:
            aim = min(LOOK_AT_CLOCK_S, max(left or 0.0, 0.001) / 2)
            chunk = int(min(most, max(1, chunk * min(4.0, aim / max(clock() - looked, 1e-6)))))
    batches = search.best_batches()
    length = sum(picklist.length for batch in batches for picklist in batch.picklists)
    items = sum(len(picklist.items) for batch in batches for picklist in batch.picklists)
    return SelectionPlan(batches, items, length, count, clock() - begun, first)


def lower_bound(store: Store, items_asked: int | None = None) -> int:
    """Return a length that no plan can beat: every item is entered from a cross-aisle and left to one.

    Orders are taken by their cheapest copies, the cheapest per item first, the last one in part; aisles are not counted.
    """
    left = float(store.items_asked if items_asked is None else items_asked)
    rows = np.abs(store.items[:, 0])
    best = np.full(store.articles, np.iinfo(np.int64).max // 2**20)
    np.minimum.at(best, store.article, 2 * np.minimum(rows, store.half_rows - rows))
    total = 0.0
    for cost, lines in sorted((int(best[list(order)].sum()) / len(order), len(order)) for order in store.orders):
        total += cost * min(left, lines)
        left -= lines
        if left <= 0:
            break
    return int(total)


def distance(store: Store, a: int, b: int) -> int:
    """Walk between two items; NONE (-1) is the conveyor at (0, 0)."""
    (r1, c1), (r2, c2) = (store.items[n, :2].tolist() if n >= 0 else (0, 0) for n in (a, b))
    middle = abs(r1) + abs(r2)
    if not min(r1, r2) < 0 < max(r1, r2):
        middle = min(middle, 2 * store.half_rows - middle)
    return abs(c1 - c2) + middle


def check_plan(store: Store, plan: SelectionPlan, items_asked: int | None = None) -> list[str]:
    """Return what is wrong with a plan, in words; nothing of the search is used."""
    wrong = []
    orders = [order for batch in plan.batches for order in batch.orders]
    items = [item for batch in plan.batches for picklist in batch.picklists for item in picklist.items]
    wrong += [f"order {order} is in two batches" for order, times in Counter(orders).items() if times > 1]
    wrong += [f"item {item} is picked twice" for item, times in Counter(items).items() if times > 1]
    asked = store.items_asked if items_asked is None else items_asked
    if len(items) < asked:
        wrong.append(f"{len(items)} items are picked where {asked} are asked for")
    total = 0
    for number, batch in enumerate(plan.batches):
        if len(batch.orders) > store.orders_a_batch:
            wrong.append(f"batch {number} has {len(batch.orders)} orders, {store.orders_a_batch} are allowed")
        picked = Counter(int(store.article[item]) for picklist in batch.picklists for item in picklist.items)
        if picked != Counter(article for order in batch.orders for article in store.orders[order]):
            wrong.append(f"batch {number} does not pick what its orders ask for")
        for picklist in batch.picklists:
            if len({int(store.items[item, 2]) for item in picklist.items}) > 1:
                wrong.append(f"a picklist of batch {number} serves several zones")
            if sum(int(store.items[item, 3]) for item in picklist.items) > store.container_volume:
                wrong.append(f"a picklist of batch {number} overflows its container")
            walk = [NONE, *picklist.items, NONE]
            length = sum(distance(store, a, b) for a, b in pairwise(walk))
            if length != picklist.length:
                wrong.append(f"a picklist of batch {number} is {length} long, not {picklist.length}")
            total += length
    if total != plan.length or len(items) != plan.items:
        wrong.append(f"the plan says {plan.length} for {plan.items} items; it is {total} for {len(items)}")
    return wrong


def warm_up() -> None:
    """Load the kernels, so that `solve` keeps its time."""
    items = np.array([[1, 1, 0, 1], [2, 1, 0, 1], [3, 0, 0, 1]], np.int64)
    store = Store("", items, np.arange(3), 3, ((0,), (1,), (2,)), ("z",), 5, 9, 2, 2, ("a", "b", "c"), ("a", "b", "c"))
    solve(store, steps=10)


class _Search:
    """The running plan as arrays (see the kernel), and the best complete plan so far."""

    def __init__(self, store: Store, seed: int, asked: int) -> None:
        self.store, self.asked = store, asked
        lines = np.cumsum([0, *(len(order) for order in store.orders)]).astype(np.int64)
        if len(store.orders) and int(np.diff(lines).max()) > MOST_LINES:
            raise ValueError(f"an order has more than {MOST_LINES} lines")
        if asked > int(lines[-1]):
            raise ValueError(f"{asked} items are asked for, all orders together have {int(lines[-1])}")
        self.lines = (lines, np.array([article for order in store.orders for article in order], np.int64))
        by_article = np.argsort(store.article, kind="stable").astype(np.int64)
        first = np.searchsorted(store.article[by_article], np.arange(store.articles + 1)).astype(np.int64)
        self.copies = (first, by_article)
        self.limits = np.array([store.half_rows, store.container_volume, store.orders_a_batch, asked], np.int64)
        self.zones = len(store.zones)
        self.random = np.array([random.Random(seed).getrandbits(64)], np.uint64)
        mean = lines[-1] / max(1, len(store.orders))
        batches = int(np.ceil(asked / mean / store.orders_a_batch)) + SPARE_BATCHES if asked else 1
        self.promise = self._promise()
        self.hints = self._hints()
        self.best = None
        while True:
            self.plan = self._empty(batches)
            placed = construct(self.plan, store.items, self.copies, self.lines, self.limits, self.zones, TRIES, self.random)
            if placed >= asked:
                break
            if batches > len(store.orders):
                raise ValueError(f"{asked} items are asked for, the stock fills only {placed}")
            batches += max(1, batches // 20)
        length, items = total_length(self.plan, store.items, self.limits[0])
        self.unit = max(1.0, length / max(1, items))
        self.fine = FINE_A_MISSING_ITEM
        self._note(length, items)

    def walk(self, steps: int, begin: float, end: float) -> None:
        length, items = anneal_picklists(
            self.plan, self.store.items, self.copies, self.lines, self.limits, self.zones, self.store.article, self.hints, self.promise,
            TOURNAMENT, self.fine * self.unit, HOT * self.unit, COLD * self.unit, begin, end, steps, self.random,
        )  # fmt: skip
        self._note(length, items)
        if items < self.asked:
            self.fine = min(self.fine * FINE_STEP, MOST_FINE)
        else:
            self.fine = max(self.fine / FINE_STEP, FINE_A_MISSING_ITEM)

    def best_batches(self) -> tuple[PickBatch, ...]:
        """The best plan that picks enough."""
        batch_of, route, stops = self.best[1:]
        made = []
        for batch in range(int(batch_of.max(initial=-1)) + 1):
            orders = tuple(np.flatnonzero(batch_of == batch).tolist())
            lists = []
            for p in range(batch * self.zones * LISTS, (batch + 1) * self.zones * LISTS):
                if stops[p]:
                    items = tuple(route[p, : stops[p]].tolist())
                    walk = [NONE, *items, NONE]
                    lists.append(Picklist(items, sum(distance(self.store, a, b) for a, b in pairwise(walk))))
            if orders:
                made.append(PickBatch(orders, tuple(lists)))
        return tuple(made)

    def _note(self, length: int, items: int) -> None:
        if items >= self.asked and (self.best is None or length < self.best[0]):
            self.best = (int(length), self.plan[0].copy(), self.plan[4].copy(), self.plan[5].copy())

    def _empty(self, batches: int) -> tuple[np.ndarray, ...]:
        orders, lines, lists = len(self.store.orders), len(self.lines[1]), batches * self.zones * LISTS
        return (
            np.full(orders, NONE, np.int64), np.full(lines, NONE, np.int64), np.full(lines, NONE, np.int64),
            np.zeros(len(self.store.items), np.bool_), np.full((lists, ROUTE_PLACES), NONE, np.int32), np.zeros(lists, np.int64),
            np.zeros(lists, np.int64), np.zeros(batches, np.int64), np.zeros((lists, ROUTE_PLACES, 3), np.int32),
        )  # fmt: skip

    def _hints(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Wanted items near each wanted item, and which orders want an article."""
        wanted = np.zeros(self.store.articles, np.bool_)
        wanted[self.lines[1]] = True
        may = np.flatnonzero(wanted[self.store.article])
        of_zone = may[np.argsort(self.store.items[may, 2], kind="stable")]
        zone_first = np.searchsorted(self.store.items[of_zone, 2], np.arange(self.zones + 1))
        near = near_items(self.store.items, self.store.half_rows, of_zone, zone_first, NEAR)
        order_of = np.repeat(np.arange(len(self.store.orders)), np.diff(self.lines[0]))
        by = np.argsort(self.lines[1], kind="stable")
        first = np.searchsorted(self.lines[1][by], np.arange(self.store.articles + 1)).astype(np.int64)
        return near, first, order_of[by].astype(np.int64)

    def _promise(self) -> np.ndarray:
        """Guess what each order costs an item: the nearest way to a cross-aisle and back of each line's best copy."""
        rows, aisles = np.abs(self.store.items[:, 0]), np.abs(self.store.items[:, 1])
        cost = 2 * np.minimum(rows, self.store.half_rows - rows) + 0.2 * aisles
        best = np.full(self.store.articles, np.inf)
        np.minimum.at(best, self.store.article, cost)
        return np.array([float(np.mean(best[list(order)])) for order in self.store.orders], np.float64)
