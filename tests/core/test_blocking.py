"""A blocked aisle: nobody is sent there, walks under way go on elsewhere, and what lies there alone waits without end or harm."""

import pytest

from floorwise.core.errors import NotFound
from floorwise.core.flow.blocking import BlockAisle, OpenAisle
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import timers, waving


@pytest.fixture
def sound(floor):
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def stops(floor, tour: str = "T00000001") -> list[tuple[str, str, int, str]]:
    """(location, SKU, units, state) in walking order."""
    return [(p.location, p.sku, p.quantity, p.state) for p in in_walking_order(floor.ledger.find(Pick, "key", tour))]


def walk(floor, *lines: tuple[str, int]) -> None:
    floor.order("R1", *lines)
    floor.release()
    floor.plan()
    floor.take()


@pytest.mark.usefixtures("sound")
def test_a_walk_under_way_goes_on_to_another_bin(floor):
    floor.stock("BOWL", 5, "A00-2")
    floor.stock("MUG", 5, "A01-4")
    walk(floor, ("BOWL", 2), ("MUG", 3))
    floor.stock("MUG", 5, "A02-4")
    assert floor.do(BlockAisle(1, "a pallet fell")) == {"elsewhere": 3, "waiting": 0}
    # What was ended stands where its turn was: it came second, and now nobody goes there.
    assert stops(floor) == [("A01-4", "MUG", 3, "short"), ("A00-2", "BOWL", 2, "open"), ("A02-4", "MUG", 3, "open")]
    assert floor.told("AisleBlocked") == [{"aisle": 1, "cause": "a pallet fell"}]
    assert floor.told("StopsAdded")[0]["cause"] == "aisle 1 is blocked"
    assert floor.told("TourChanged")[-1]["revision"] == floor.ledger.get(Tour, "T00000001").revision
    floor.pick()
    assert floor.buckets("O00000001", 2) == {"picked": 3}


@pytest.mark.usefixtures("sound")
def test_what_lies_there_alone_waits_is_not_released_again_and_again_and_comes_when_the_aisle_is_open(floor):
    floor.stock("BOWL", 5, "A00-2")
    floor.stock("MUG", 5, "A01-4")
    walk(floor, ("BOWL", 2), ("MUG", 3))
    assert floor.do(BlockAisle(1)) == {"elsewhere": 0, "waiting": 3}
    assert floor.buckets("O00000001", 2) == {"reserved": 3}
    head = floor.ledger.head
    floor.release()
    floor.release()
    assert floor.ledger.head == head
    floor.pick()
    assert floor.ledger.get(Tour, "T00000001").state == "done"
    assert floor.do(OpenAisle(1)) == {"opened": 1}
    floor.deliver()
    assert floor.buckets("O00000001", 2) == {"delivered": 3}


@pytest.mark.usefixtures("sound")
def test_a_part_that_waited_for_a_plan_when_its_aisle_was_blocked_is_given_up_once(floor):
    floor.stock("MUG", 5, "A01-4")
    floor.order("R1", ("MUG", 3))
    floor.release()
    floor.do(BlockAisle(1))
    floor.clock.set(floor.clock.now_ms() + 5 * 60_000)
    timers.step(floor.warehouse, floor.clock.now_ms(), 10)
    assert [part.state for part in floor.ledger.find(Part, "key")] == ["dropped"]
    floor.release()
    assert len(floor.ledger.find(Part, "key")) == 1
    floor.do(OpenAisle(1))
    floor.release()
    floor.plan()
    assert stops(floor) == [("A01-4", "MUG", 3, "open")]


@pytest.mark.usefixtures("sound")
def test_plans_pass_a_blocked_aisle_by_and_a_line_with_stock_elsewhere_is_released(floor):
    floor.stock("MUG", 9, "A01-0")
    floor.stock("MUG", 3, "A02-9")
    floor.do(BlockAisle(1))
    floor.order("R1", ("MUG", 3))
    floor.release()
    floor.plan()
    assert stops(floor) == [("A02-9", "MUG", 3, "open")]


@pytest.mark.usefixtures("sound")
def test_a_tour_whose_every_stop_is_out_of_reach_ends_and_its_part_is_given_up(floor):
    floor.stock("MUG", 9, "A01-0")
    walk(floor, ("MUG", 3))
    assert floor.do(BlockAisle(1)) == {"elsewhere": 0, "waiting": 3}
    assert floor.ledger.get(Tour, "T00000001").state == "done"
    assert floor.ledger.get(Part, "O00000001.1").state == "dropped"


def test_blocking_twice_and_opening_an_open_aisle_change_nothing(floor):
    floor.do(BlockAisle(1))
    head = floor.ledger.head
    assert floor.do(BlockAisle(1)) == {"elsewhere": 0, "waiting": 0}
    assert floor.do(OpenAisle(2)) == {"opened": 0}
    assert floor.ledger.head == head
    floor.do(OpenAisle(1))
    floor.do(BlockAisle(1, "again"))
    assert [told["cause"] for told in floor.told("AisleBlocked")] == ["asked for", "again"]


@pytest.mark.parametrize("aisle", [-1, 3])
@pytest.mark.parametrize("command", [BlockAisle, OpenAisle])
def test_an_aisle_that_is_not_there_is_refused(floor, command, aisle):
    with pytest.raises(NotFound, match="they are 0 to 2"):
        floor.do(command(aisle))


@pytest.mark.usefixtures("sound")
def test_orders_that_wait_for_a_blocked_aisle_do_not_stand_before_those_that_can_be_picked(floor):
    floor.stock("MUG", 9, "A01-4")
    floor.stock("BOWL", 2, "A00-2")
    for number in range(3):
        floor.order(f"M{number}", ("MUG", 3))
    last = floor.order("B", ("BOWL", 2))
    floor.do(BlockAisle(1))
    released = waving.step(floor.warehouse, "main", floor.clock.now_ms(), 30 * 86_400_000, 2)
    assert released == 1 and [part.order_id for part in floor.ledger.find(Part, "by_state", "main", "waiting")] == [last]
