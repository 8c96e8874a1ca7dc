"""Walks by stages, against every order of the stops."""

import itertools
import random

import pytest

from floorwise.optimizer.check import walk_length
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.stages import staged_tour

#                                    0      1      2      3      4
LAYOUT = BlockLayout(
    [0, 4_000], [0, 10_000], [0, 0, 1, 1, 0], [2_000, 8_000, 3_000, 9_000, 5_000], (Depot("desk", 0, 0), Depot("dock", 1, 10_000))
)


def test_heavy_at_the_far_end_is_walked_to_before_light_at_the_near_one():
    # 8 m up to the heavy case, 6 m back to the light one, 2 m home; without stages it is the same 16 m the other way round.
    tour = staged_tour(LAYOUT, [(0, 1), (1, 0)])
    assert (tour.stops, tour.length_mm) == ((1, 0), 16_000)


def test_cold_last_may_cost_a_second_way_through_an_aisle():
    # Location 0 (2 m) cold, 2 (B, 3 m) not: 4 + 3 to it, 3 + 4 + 2 to the cold one, 2 home.
    assert staged_tour(LAYOUT, [(0, 2), (2, 0), (1, 1)]).stops == (2, 1, 0)
    assert staged_tour(LAYOUT, [(0, 2), (2, 0)]).length_mm == 18_000


def test_one_location_with_two_stages_is_visited_twice():
    # 0 heavy and cold, 1 between: 2 + 6 + 6 + 2.
    tour = staged_tour(LAYOUT, [(0, 0), (1, 1), (0, 2)])
    assert (tour.stops, tour.length_mm) == ((0, 1, 0), 16_000)


@pytest.mark.parametrize("seed", range(12))
def test_no_order_that_keeps_the_stages_is_shorter(seed, monkeypatch):
    rng = random.Random(seed)
    visits = sorted({(location, rng.randint(0, 2)) for location in rng.choices(range(5), k=6)}, key=lambda visit: visit[1])
    start, end = rng.choice([(0, 0), (0, 1)])
    orders = [order for order in itertools.permutations(visits) if [s for _, s in order] == sorted(s for _, s in order)]
    lengths = [walk_length(LAYOUT, start, [location for location, _ in order], end)[0] for order in orders]
    exact = staged_tour(LAYOUT, visits, start, end)
    assert exact.length_mm == min(lengths) == walk_length(LAYOUT, start, exact.stops, end)[0]
    monkeypatch.setattr("floorwise.optimizer.stages.MOST_EXACT", 0)
    found = staged_tour(LAYOUT, visits, start, end)
    assert found.lower_bound_mm <= min(lengths) <= found.length_mm == walk_length(LAYOUT, start, found.stops, end)[0]
