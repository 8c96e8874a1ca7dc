"""What the planner is asked: bulk from reserve, the rest from the pick face, lots by their dates alone."""

import pytest

from floorwise.core.flow import asking
from floorwise.core.model.policies import PART
from floorwise.core.model.work import Part


@pytest.fixture
def stocked(new_floor):
    """100 mugs on the face A00-0, 5,000 in reserve R00."""
    floor = new_floor(reserve=True)
    floor.stock("MUG", 100, "A00-0")
    floor.stock("MUG", 5_000, "R00")
    return floor


def asked(floor, kind: str) -> dict[str, int]:
    parts = floor.ledger.find(Part, "by_state", "main", "waiting", kind)
    return {row.location: row.available for row in asking.request(floor.ledger, "main", parts, floor.clock.now_ms()).stock}


def test_a_line_beyond_a_cart_is_picked_from_reserve(stocked):
    stocked.order("R1", ("MUG", PART.units + 1))
    stocked.release()
    assert asked(stocked, "bulk") == {"R00": 5_000}


def test_a_line_that_fits_a_cart_is_picked_from_the_face(stocked):
    stocked.order("R1", ("MUG", 100))
    stocked.release()
    assert asked(stocked, "cart") == {"A00-0": 100}


def test_both_are_asked_for_when_one_does_not_cover_the_demand(stocked):
    stocked.order("R1", ("MUG", 101))
    stocked.release()
    assert asked(stocked, "cart") == {"A00-0": 100, "R00": 5_000}
