"""Tour lengths from bit masks against an exhaustive oracle, and the walking order behind them."""

import random
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.optimizer.floors import floor_of
from floorwise.optimizer.kernels.block_masks import single_lengths, tour_length
from floorwise.optimizer.walks import walk_order


def distance(p, q, height):
    """Walk between two (x, y) points: straight in one aisle, else by the nearer cross-aisle."""
    return abs(p[1] - q[1]) if p[0] == q[0] else abs(p[0] - q[0]) + min(p[1] + q[1], 2 * height - p[1] - q[1])


def shortest_closed_walk(points, height):
    """Held–Karp over all points, the first being the depot."""
    n = len(points)
    far = [[distance(p, q, height) for q in points] for p in points]
    best = {(1, 0): 0}
    for visited in range(1, 1 << n, 2):
        for last in range(n):
            if (visited, last) not in best:
                continue
            for ahead in range(n):
                if not visited >> ahead & 1:
                    key, length = (visited | 1 << ahead, ahead), best[visited, last] + far[last][ahead]
                    best[key] = min(length, best.get(key, length))
    return min(best[(1 << n) - 1, last] + far[last][0] for last in range(n) if ((1 << n) - 1, last) in best)


def random_floor(seed, most_places):
    rng = random.Random(seed)
    height = rng.randint(2, 12)
    aisles = sorted(rng.sample(range(0, 30), rng.randint(1, 6)))
    depot_x = rng.choice([*aisles, rng.randint(0, 30)])
    places = sorted({(rng.randrange(len(aisles)), rng.randint(0, height)) for _ in range(rng.randint(1, most_places))})
    floor = floor_of(aisles, height, depot_x, places)
    mask = floor.empty_masks(1)
    for place in places:
        floor.mark(mask[0], floor.place_of[place])
    return aisles, depot_x, height, places, floor, mask


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_the_length_equals_the_shortest_of_all_closed_walks(seed):
    aisles, depot_x, height, places, floor, mask = random_floor(seed, 7)
    points = [(depot_x, 0), *((aisles[a], y) for a, y in places)]
    assert tour_length(mask[0], *floor.arrays()) == shortest_closed_walk(points, height)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_the_walking_order_meets_every_place_once_and_is_as_long_as_claimed(seed):
    _, depot_x, height, places, floor, mask = random_floor(seed, 40)
    length, order = walk_order(mask[0], *floor.arrays())
    assert sorted(order) == sorted(floor.place_of[place] for place in places)
    walk = [(depot_x, 0), *((int(floor.x[c]), int(floor.ys[c, bit])) for c, bit in order), (depot_x, 0)]
    assert sum(distance(p, q, height) for p, q in pairwise(walk)) == length == single_lengths(mask, *floor.arrays())[0]


def test_heights_beyond_one_word_are_seen():
    # 130 places in one aisle need three words; the highest stands 129 above the depot.
    floor = floor_of([0], 200, 0, [(0, y) for y in range(130)])
    mask = floor.empty_masks(1)
    floor.mark(mask[0], floor.place_of[0, 129])
    assert tour_length(mask[0], *floor.arrays()) == 258


def test_a_depot_between_two_aisles_cannot_be_used_to_cross_over():
    # Depot at x = 5 between aisles 0 and 10, both with a pick at the back: up one aisle, across, down the other.
    floor = floor_of([0, 10], 20, 5, [(0, 20), (1, 20)])
    mask = floor.empty_masks(1)
    for place in ((0, 20), (1, 20)):
        floor.mark(mask[0], floor.place_of[place])
    assert tour_length(mask[0], *floor.arrays()) == 5 + 20 + 10 + 20 + 5
    assert np.array_equal(floor.walkable, [True, False, True])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_even_heights_are_measured_at_once_and_give_what_place_by_place_gives(seed):
    rng = random.Random(seed)
    pitch, cells, aisles = rng.randint(1, 4), rng.randint(1, 64), rng.randint(1, 5)
    places = [(a, pitch * rng.randint(1, cells)) for a in range(aisles) for _ in range(rng.randint(1, 30))]
    floor = floor_of([7 * a for a in range(aisles)], pitch * (cells + 1), 7 * rng.randrange(aisles), places)
    mask = floor.empty_masks(1)
    for place in places:
        if rng.random() < 0.7:
            floor.mark(mask[0], floor.place_of[place])
    assert floor.pitch > 0
    assert tour_length(mask[0], *floor.arrays(), floor.pitch) == tour_length(mask[0], *floor.arrays())


def test_heights_without_a_common_step_of_one_word_keep_a_bit_each():
    floor = floor_of([0], 1_000, 0, [(0, 1), (0, 2), (0, 900)])
    assert floor.pitch == 0 and floor.ys[0, :3].tolist() == [1, 2, 900]
