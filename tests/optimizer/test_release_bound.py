"""The lower bound of a release: true against every way to share walks, and above the radial one."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.model.planning import BinPoint, BinStock, Block, Cart, DemandLine, PartDemand, PlanRequest
from floorwise.optimizer.batching import radial_bound
from floorwise.optimizer.floors import floor_of
from floorwise.optimizer.planner import SavingsPlanner
from floorwise.optimizer.release_bound import aisle_bound, least_inside, staircase
from floorwise.optimizer.walks import walk_order


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_the_far_parts_share_walks_first_and_the_near_ones_fill_up():
    # Two totes a cart: 90 and 70 share a walk at best, 40 and 10 another: 90 + 40.
    assert staircase(column(10, 90, 40, 70), np.ones((4, 1), np.int64), column(2)) == 130
    # By weight: 90 fills a cart alone, 70 and 40 weigh 5 together, 10 finds room nowhere: one walk up to 90, three up to 10 …
    load = np.array([[3], [4], [3], [2]], np.int64)
    assert staircase(column(10, 90, 40, 70), load, column(5)) == 90 + 70 + 10  # of 90, 70 and 40: 9 / 5 = 2 walks; of all: 12 / 5 = 3


def test_no_parts_ask_for_nothing_and_one_for_itself():
    assert staircase(column(), np.zeros((0, 1), np.int64), column(3)) == 0
    assert staircase(column(7), np.zeros((1, 1), np.int64), column(3)) == 7


def test_an_aisle_is_walked_through_or_from_its_ends_to_the_widest_gap():
    assert least_inside([], 100) == 0
    assert least_inside([30], 100) == 60
    assert least_inside([10, 90], 100) == 40  # 10 in and out at one end, 10 at the other
    assert least_inside([45, 55], 100) == 100  # through: 2 · 55 would be more


def test_two_carts_through_two_aisles_are_counted_aisle_by_aisle():
    # Four parts, two a cart, all in the middle of aisle 1, 5 to the right: each of two walks goes 10 sideways and through.
    inside = np.array([[0, 100]] * 4, np.int64)
    assert aisle_bound(np.zeros(4, np.int64), np.full(4, 5), inside, np.ones((4, 1), np.int64), column(2)) == 2 * (10 + 100)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 7), st.integers(0, 50)), max_size=30))
def test_it_is_never_below_the_radial_bound(rows):
    values = column(*(value for value, *_ in rows))
    load, capacity = np.array([row[1:] for row in rows], np.int64).reshape(len(rows), 2), column(7, 50)
    assert staircase(values, load, capacity) >= radial_bound(values, load, capacity)


def partitions(things: list[int]):
    """Every way to put things into groups."""
    if not things:
        yield []
        return
    first, *rest = things
    for groups in partitions(rest):
        yield [[first], *groups]
        for at, group in enumerate(groups):
            yield [*groups[:at], [first, *group], *groups[at + 1 :]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_no_way_to_share_walks_and_choose_bins_is_shorter_than_the_bound(seed):
    rng = random.Random(seed)
    aisles, length = rng.randint(1, 4), 12_000
    block = Block(tuple(3_000 * n for n in range(aisles)), length, 3_000 * rng.randrange(aisles))
    bins = [BinPoint(f"{a}-{b}", a, 500 + 1_000 * b, 0) for a in range(aisles) for b in range(12)]
    homes = {f"S{n}": rng.sample(bins, rng.choice([1, 1, 2])) for n in range(6)}
    stock = [BinStock(point.location, sku, "", 1, 99, 0) for sku, points in homes.items() for point in points]
    stock.sort(key=lambda row: (row.sku, row.expires_at_ms, row.location))
    lines = {n: rng.sample(sorted(homes), rng.randint(1, 3)) for n in range(rng.randint(1, 5))}
    parts = tuple(PartDemand(f"P{n}", 0, rng.randint(1, 9), 1, tuple(DemandLine(k, s, 1, 0) for k, s in enumerate(skus, 1)))
                  for n, skus in lines.items())  # fmt: skip
    cart = Cart(rng.randint(1, 3), 99, 99, 15, 99)
    plan = SavingsPlanner().plan(PlanRequest("S", 0, block, tuple(bins), cart, parts, tuple(stock), 0, 0))

    floor = floor_of(block.aisle_x_mm, length, block.depot_x_mm, [(b.aisle, b.y_mm) for b in bins])

    def walk(group: list[int]) -> int:
        """The shortest walk of some parts over every choice of bins."""
        wanted = sorted({sku for n in group for sku in lines[n]})
        best = None
        for choice in np.ndindex(*(len(homes[sku]) for sku in wanted)):
            mask = floor.empty_masks(1)[0]
            for sku, at in zip(wanted, choice, strict=True):
                floor.mark(mask, floor.place_of[homes[sku][at].aisle, homes[sku][at].y_mm])
            found, _ = walk_order(mask, *floor.arrays())
            best = found if best is None else min(best, found)
        return best

    fits = [groups for groups in partitions(list(lines)) if all(
        len(group) <= cart.parts and sum(parts[n].weight_g for n in group) <= cart.weight_g for group in groups)]  # fmt: skip
    assert plan.lower_bound_mm <= min(sum(map(walk, groups)) for groups in fits)


@pytest.mark.parametrize("count", [40, 120])
def test_on_a_floor_of_many_parts_the_bound_leaves_less_than_half_open(count):
    rng = random.Random(count)
    block = Block(tuple(3_000 * n for n in range(10)), 30_000, 0)
    bins = [BinPoint(f"{a}-{b}", a, 500 + 1_000 * b, 0) for a in range(10) for b in range(29)]
    stock = [BinStock(point.location, f"S{n:03}", "", 5, 9_999, 0) for n, point in enumerate(bins)]
    parts = tuple(PartDemand(f"P{n:03}", 0, 1, 1, tuple(DemandLine(k, f"S{rng.randrange(len(bins)):03}", 1, 0)
                  for k in range(rng.randint(2, 12)))) for n in range(count))  # fmt: skip
    plan = SavingsPlanner().plan(PlanRequest("S", 0, block, tuple(bins), Cart(8, 120, 4_000, 10**6, 10**9), parts, tuple(stock), 0, 0))
    assert plan.length_mm < 2 * plan.lower_bound_mm
