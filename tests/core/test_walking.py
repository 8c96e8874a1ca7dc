"""Ways on a block, and the cheapest place for a stop behind the one a picker heads for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model.planning import Block
from floorwise.core.model.walking import Spot, put_in, way_mm

BLOCK = Block((0, 3_000, 6_000), 10_000, 0)
SPOTS = st.builds(Spot, st.integers(0, 2), st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("start", "end", "mm"),
    [
        (None, Spot(0, 4_000), 4_000),  # the depot stands at the mouth of the first aisle
        (Spot(0, 2_000), Spot(0, 9_000), 7_000),
        (Spot(0, 2_000), Spot(1, 3_000), 8_000),  # 2 m back, 3 m over, 3 m up
        (Spot(0, 9_000), Spot(2, 8_000), 9_000),  # round by the back: 1 + 6 + 2
        (None, None, 0),
    ],
)
def test_a_way_leads_along_the_aisle_or_round_by_the_nearer_end(start, end, mm):
    assert way_mm(BLOCK, start, end) == way_mm(BLOCK, end, start) == mm


def test_a_stop_comes_where_it_adds_least_and_never_before_the_one_the_picker_heads_for():
    ahead = [Spot(0, 5_000), Spot(1, 5_000), Spot(2, 5_000)]
    assert put_in(BLOCK, ahead, Spot(1, 5_000)) == (1, 0)  # the same spot, of equal ways the earliest
    assert put_in(BLOCK, ahead, Spot(0, 1_000)) == (1, 0)  # on the way out of the first aisle
    assert put_in(BLOCK, ahead[:1], Spot(0, 8_000)) == (1, 6_000)  # 3 m on and back, although it could have been passed before


def test_with_nothing_ahead_the_way_is_there_and_back():
    assert put_in(BLOCK, [], Spot(1, 4_000)) == (0, 14_000)


@given(st.lists(SPOTS, min_size=1, max_size=8), SPOTS)
def test_the_extra_way_is_what_the_walk_grows_by_and_no_other_place_adds_less(ahead, fresh):
    def length(spots):
        return sum(way_mm(BLOCK, a, b) for a, b in zip(spots, [*spots[1:], None], strict=True))

    index, extra = put_in(BLOCK, ahead, fresh)
    grown = {at: length([*ahead[:at], fresh, *ahead[at:]]) - length(ahead) for at in range(1, len(ahead) + 1)}
    assert 1 <= index <= len(ahead)
    assert extra == grown[index] == min(grown.values()) >= 0
