"""DGA, the distance greedy of Abelli et al. 2024 (arXiv 2401.04563), as a yardstick; the product does not use it.

The steps are those of the authors' published code (zalandoresearch/batching-benchmarks, MIT): a batch begins empty; of all orders left, the
one joins whose items lie nearest on average to what the batch has in their zones (the conveyor at (0, 0) included), each line taking the
free copy that is nearest, lines in the order's sequence. Items of a zone are then cut into picklists by aisle and row, as the container
holds them. The first version of that code fills every batch before it looks at the goal and so picks more than is asked; a later
one stops inside a batch. `whole_batches` chooses. Walks are those of the instances' README (rows are always left by a cross-aisle).

Assumed: ties go to the order, then to the copy, that comes first in its file (the authors' sets and ids make them arbitrary); an order
whose articles have run out is passed over (their code ends there).
"""

import time
from itertools import pairwise

import numpy as np
from numba import njit

from floorwise.optimizer import zalando
from floorwise.optimizer.formats.zalando import Store
from floorwise.optimizer.kernels.picklists import NONE, walk

FAR = np.int64(1) << 60


def solve(store: Store, whole_batches: bool = True) -> zalando.SelectionPlan:
    """Return DGA's plan; `seconds` is that of this compiled version (the authors' is plain Python)."""
    begun = time.perf_counter()
    lines = np.cumsum([0, *(len(order) for order in store.orders)]).astype(np.int64)
    article = np.array([article for order in store.orders for article in order], np.int64)
    copies = np.argsort(store.article, kind="stable").astype(np.int64)
    first = np.searchsorted(store.article[copies], np.arange(store.articles + 1)).astype(np.int64)
    limits = np.array([store.half_rows, store.orders_a_batch, store.items_asked, whole_batches], np.int64)
    batch_of, item_of = _greedy(store.items, lines, article, first, copies, limits, len(store.zones))
    batches = []
    for batch in range(int(batch_of.max(initial=-1)) + 1):
        orders = tuple(np.flatnonzero(batch_of == batch).tolist())
        items = [int(item) for order in orders for item in item_of[lines[order] : lines[order + 1]]]
        batches.append(zalando.PickBatch(orders, tuple(_picklists(store, items))))
    length = sum(picklist.length for batch in batches for picklist in batch.picklists)
    items = sum(len(picklist.items) for batch in batches for picklist in batch.picklists)
    seconds = time.perf_counter() - begun
    return zalando.SelectionPlan(tuple(batches), items, length, 0, seconds, seconds)


def _picklists(store: Store, items: list[int]):
    """Yield picklists: items of a zone by aisle, then row, a new list where the container is full."""
    for zone in range(len(store.zones)):
        here = [item for item in items if store.items[item, 2] == zone]
        cut, volume = [], 0
        for item in sorted(here, key=lambda n: (store.items[n, 1], store.items[n, 0])):
            if volume + store.items[item, 3] > store.container_volume:
                yield _walked(store, cut)
                cut, volume = [], 0
            cut.append(item)
            volume += int(store.items[item, 3])
        if cut:
            yield _walked(store, cut)


def _walked(store: Store, items: list[int]) -> zalando.Picklist:
    stops = [NONE, *items, NONE]
    return zalando.Picklist(tuple(items), sum(zalando.distance(store, a, b) for a, b in pairwise(stops)))


@njit(cache=True)
def _greedy(item, lines, article, first, copies, limits, zones):
    """Return (batch of each order or -1, item of each line: of no meaning for orders without a batch).

    near  distance of each item to the nearest one that the batch picks in its zone, kept up as the batch grows
    """
    half, most_orders, asked, whole = limits
    orders = lines.shape[0] - 1
    items = item.shape[0]
    by_zone = np.argsort(item[:, 2], kind="mergesort")
    zone_first = np.searchsorted(item[by_zone, 2], np.arange(zones + 1))
    batch_of, item_of = np.full(orders, NONE), np.full(article.shape[0], NONE)
    is_used = np.zeros(items, np.bool_)
    near = np.empty(items, np.int64)
    picked, left, batch = 0, orders, 0
    while picked < asked and left > 0:
        for thing in range(items):
            near[thing] = walk(item, half, NONE, thing)
        in_batch, picked_in_batch = 0, 0
        while left > 0 and in_batch < most_orders and (whole == 1 or picked + picked_in_batch < asked):
            best, chosen = np.inf, NONE
            for order in range(orders):
                if batch_of[order] == NONE:
                    total = _nearest(item, half, lines, article, first, copies, is_used, near, order, item_of)
                    if total >= 0 and total / (lines[order + 1] - lines[order]) < best:
                        best, chosen = total / (lines[order + 1] - lines[order]), order
            if chosen == NONE:
                left = 0
                break
            _nearest(item, half, lines, article, first, copies, is_used, near, chosen, item_of)
            batch_of[chosen] = batch
            left -= 1
            in_batch += 1
            for line in range(lines[chosen], lines[chosen + 1]):
                thing = item_of[line]
                is_used[thing] = True
                picked_in_batch += 1
                for at in range(zone_first[item[thing, 2]], zone_first[item[thing, 2] + 1]):
                    near[by_zone[at]] = min(near[by_zone[at]], walk(item, half, by_zone[at], thing))
        picked += picked_in_batch
        batch += 1
    return batch_of, item_of


@njit(cache=True)
def _nearest(item, half, lines, article, first, copies, is_used, near, order, item_of):
    """Write the nearest free copy of each line to `item_of`; return the sum of their distances, or -1 if an article has run out."""
    total = np.int64(0)
    for line in range(lines[order], lines[order + 1]):
        best, chosen = FAR, NONE
        for at in range(first[article[line]], first[article[line] + 1]):
            thing = copies[at]
            distance = near[thing]
            is_free = not is_used[thing]
            for before in range(lines[order], line):
                other = item_of[before]
                if other == thing:
                    is_free = False
                if item[other, 2] == item[thing, 2]:
                    distance = min(distance, walk(item, half, other, thing))
            if is_free and distance < best:
                best, chosen = distance, thing
        if chosen == NONE:
            return np.int64(-1)
        item_of[line] = chosen
        total += best
    return total
