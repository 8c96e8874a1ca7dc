"""Orders that come while picking goes on: joined on the way, within the allowed changes, never flipping what is ahead."""

from floorwise.optimizer.batching import Order, Problem
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.online import BegunTour, insert_stops, replan

#                                    0      1      2      3
LAYOUT = BlockLayout([0, 4_000], [0, 10_000], [0, 0, 1, 0], [2_000, 8_000, 3_000, 5_000], (Depot("depot", 0, 0),))


def problem(*orders, capacity=3, kinds=(0, 0, 0)):
    made = tuple(Order(str(n), locations, (1,), kind) for n, (locations, kind) in enumerate(zip(orders, kinds, strict=False)))
    return Problem(LAYOUT, made, ("orders",), (capacity,))


def test_a_stop_on_the_way_is_free_and_the_stops_ahead_keep_their_sequence():
    ahead, extra = insert_stops(LAYOUT, (0, 1), (3,))
    assert (ahead, extra) == ((0, 3, 1), 0)


def test_a_rush_order_on_the_way_joins_the_begun_tour():
    found = replan(problem((0, 1), (3,)), [BegunTour((0,), (0, 1))], [1], most_changed=1)
    assert found.joined == {1: 0}
    assert found.begun == (BegunTour((0, 1), (0, 3, 1), 1),)
    assert (found.extra_mm, found.waiting.batches) == (0, ())


def test_an_order_that_would_change_too_many_stops_waits_for_a_walk_of_its_own():
    found = replan(problem((0, 1), (3, 2)), [BegunTour((0,), (0, 1))], [1], most_changed=1)
    assert found.joined == {}
    assert [batch.orders for batch in found.waiting.batches] == [(1,)]


def test_a_full_cart_or_another_kind_is_not_joined():
    begun = [BegunTour((0,), (0, 1))]
    assert replan(problem((0, 1), (3,), capacity=1), begun, [1], most_changed=9).joined == {}
    assert replan(problem((0, 1), (3,), kinds=(0, 1)), begun, [1], most_changed=9).joined == {}


def test_what_a_walk_of_its_own_does_cheaper_is_not_forced_into_a_begun_one():
    found = replan(problem((0,), (1,)), [BegunTour((0,), (0,))], [1], most_changed=9)
    # From 2 m up to 8 m and back is 12 m extra, a walk of its own is 16 m: it joins.
    assert found.joined == {1: 0} and found.extra_mm == 12_000
    # Place 2 lies in the other aisle: 2 + 4 + 3 m there and 3 + 4 m home instead of 2 m, 14 m; a walk of its own is 14 m: it waits.
    found = replan(problem((0,), (2,)), [BegunTour((0,), (0,))], [1], most_changed=9)
    assert found.joined == {} and found.waiting.length_mm == 14_000
