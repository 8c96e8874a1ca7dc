"""Plans become tours whole or not at all; tours have one picker; what gets no plan in time walks an S."""

import pytest

from floorwise.core.errors import NotFound, OutOfStock, StalePlan, WrongState
from floorwise.core.flow import asking
from floorwise.core.flow.counting import RecordCount
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.touring import FallBack, ReleaseTours, TakeTour
from floorwise.core.model.planning import Plan, Unplanned
from floorwise.core.model.policies import PLAN_LIFE_MS
from floorwise.core.model.s_shape import s_shape_plan
from floorwise.core.model.stock import Balance, Pool
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.workers import planning, timers

HOUR_MS = 3_600_000


@pytest.fixture
def waiting(floor):
    """Ten mugs in A00-0, and a part of four that waits for a plan."""
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 4))
    floor.release()
    return floor


def plan_of(floor) -> Plan:
    parts = floor.ledger.find(Part, "by_state", "main", "waiting", "cart")
    return s_shape_plan(asking.request(floor.ledger, "main", parts, floor.clock.now_ms()))


def bound(floor, place: str = "A00-0", sku: str = "MUG", owner: str = "house") -> tuple[int, int]:
    row = floor.ledger.get(Balance, place, sku, "", "", owner, "available")
    return row.on_hand, row.reserved


def test_a_released_plan_binds_its_units_and_nobody_else_finds_them_free(waiting):
    assert waiting.do(ReleaseTours(plan_of(waiting), waiting.clock.now_ms())) == {"tours": 1, "unplanned": 0}
    assert bound(waiting) == (10, 4)
    waiting.order("R2", ("MUG", 6))
    waiting.release()
    (stock,) = asking.request(
        waiting.ledger, "main", waiting.ledger.find(Part, "by_state", "main", "waiting", "cart"), waiting.clock.now_ms()
    ).stock
    assert stock.available == 6


@pytest.mark.parametrize("change", [lambda f: f.stock("MUG", 1), lambda f: f.do(RecordCount("A00-0", "MUG", 9))])
def test_a_plan_made_from_stock_that_has_changed_is_refused_and_binds_nothing(waiting, change):
    plan = plan_of(waiting)
    change(waiting)
    with pytest.raises(StalePlan, match="MUG  in A00-0 has changed"):
        waiting.do(ReleaseTours(plan, waiting.clock.now_ms()))
    assert bound(waiting)[1] == 0
    assert waiting.ledger.find(Tour, "key") == []


def test_one_stale_row_refuses_the_tours_of_the_whole_plan(waiting):
    waiting.stock("BOWL", 5, "A02-3")
    waiting.order("R2", ("BOWL", 1))
    waiting.release()
    plan = plan_of(waiting)
    assert len(plan.tours) == 2
    waiting.stock("BOWL", 1, "A02-3")
    with pytest.raises(StalePlan):
        waiting.do(ReleaseTours(plan, waiting.clock.now_ms()))
    assert bound(waiting)[1] == 0


def test_a_plan_lives_ten_minutes(waiting):
    plan, made_at_ms = plan_of(waiting), waiting.clock.now_ms()
    waiting.clock.set(made_at_ms + PLAN_LIFE_MS + 1)
    with pytest.raises(StalePlan, match="600 s is the limit"):
        waiting.do(ReleaseTours(plan, made_at_ms))
    assert waiting.do(ReleaseTours(plan, made_at_ms + 1))["tours"] == 1


def test_a_part_that_walks_already_is_not_planned_twice(waiting):
    plan = plan_of(waiting)
    waiting.do(ReleaseTours(plan, waiting.clock.now_ms()))
    with pytest.raises(StalePlan):
        waiting.do(ReleaseTours(plan._replace(read=()), waiting.clock.now_ms()))
    assert bound(waiting) == (10, 4)


@pytest.mark.parametrize("quantity", [3, 5])
def test_takes_that_miss_their_part_are_refused_with_the_line(waiting, quantity):
    plan = plan_of(waiting)
    tour = plan.tours[0]
    wrong = plan._replace(tours=(tour._replace(takes=(tour.takes[0]._replace(quantity=quantity),)),))
    with pytest.raises(WrongState, match=r"O00000001\.1 line 1"):
        waiting.do(ReleaseTours(wrong, waiting.clock.now_ms()))


def test_takes_from_a_bin_that_lacks_them_are_refused(waiting):
    waiting.stock("MUG", 3, "A01-1")
    plan = plan_of(waiting)
    take = plan.tours[0].takes[0]._replace(location="A01-1", quantity=4)
    wrong = plan._replace(tours=(plan.tours[0]._replace(takes=(take,)),))
    with pytest.raises(OutOfStock, match="planned from A01-1, 3 are free there"):
        waiting.do(ReleaseTours(wrong, waiting.clock.now_ms()))
    assert bound(waiting) == (10, 0)


def test_a_plan_may_leave_a_part_out_and_it_goes_on_waiting(waiting):
    plan = plan_of(waiting)._replace(tours=(), read=())
    assert waiting.do(ReleaseTours(plan, waiting.clock.now_ms()))["tours"] == 0
    assert waiting.ledger.get(Part, "O00000001.1").state == "waiting"


def test_a_tour_has_one_picker(waiting):
    waiting.plan()
    assert waiting.do(TakeTour("T00000001", "ann")) == {"tour": "T00000001", "picks": 1}
    assert waiting.do(TakeTour("T00000001", "ann")) == {"tour": "T00000001", "picks": 1}
    with pytest.raises(WrongState, match="taken by ann; take another one"):
        waiting.do(TakeTour("T00000001", "bob"))
    assert len(waiting.told("TourTaken")) == 1


def test_a_tour_that_is_done_or_unknown_cannot_be_taken(waiting):
    waiting.plan()
    waiting.take()
    waiting.pick()
    with pytest.raises(WrongState, match="done by ann"):
        waiting.do(TakeTour("T00000001", "ann"))
    with pytest.raises(NotFound, match="T9"):
        waiting.do(TakeTour("T9", "ann"))


def test_a_part_without_a_plan_gets_an_s_shape_walk_after_five_minutes(waiting):
    timers.step(waiting.warehouse, waiting.clock.now_ms() + 5 * 60_000 - 1, 10)
    assert waiting.ledger.find(Tour, "key") == []
    waiting.clock.set(waiting.clock.now_ms() + 5 * 60_000)
    assert timers.step(waiting.warehouse, waiting.clock.now_ms(), 10) == 1
    (tour,) = waiting.ledger.find(Tour, "key")
    assert (tour.planner, tour.picks) == ("s-shape", 1)
    assert bound(waiting) == (10, 4)


def test_the_fall_back_leaves_what_walks_already_alone(waiting):
    waiting.plan()
    head = waiting.ledger.head
    assert waiting.do(FallBack(("O00000001.1", "O99.1"))) == {"tours": 0, "dropped": 0}
    assert waiting.ledger.head == head


def test_a_part_whose_lot_expired_while_it_waited_is_given_up_and_backordered(floor):
    floor.do(AddSkus((SkuWanted("MILK", weight_g=1_000, volume_mm3=1_000_000, is_lot_tracked=1),)))
    soon, later = floor.clock.now_ms() + HOUR_MS, floor.clock.now_ms() + 90 * 24 * HOUR_MS
    floor.stock("MILK", 5, lot="L1", expires_at_ms=soon)
    floor.stock("MUG", 5, "A01-1")
    order = floor.order("R1", ("MILK", 3), ("MUG", 2))
    floor.release()
    floor.clock.set(soon + 1)
    assert timers.step(floor.warehouse, floor.clock.now_ms(), 10) == 1
    assert floor.ledger.get(Part, "O00000001.1").state == "dropped"
    assert floor.told("PartDropped")[0]["cause"].startswith("stock: 3 MILK wanted")
    assert floor.buckets(order, 1) == {"backordered": 3}
    assert floor.buckets(order, 2) == {"reserved": 2}  # the mugs are there and are promised again
    floor.stock("MILK", 5, lot="L2", expires_at_ms=later)
    assert floor.buckets(order, 1) == {"reserved": 3}
    floor.deliver()
    assert (floor.buckets(order, 1), floor.buckets(order, 2)) == ({"delivered": 3}, {"delivered": 2})


def test_each_owners_orders_are_picked_from_their_own_stock(floor):
    floor.stock("MUG", 10, "A00-0")
    floor.stock("MUG", 5, "A00-0", owner="acme")
    mine, theirs = floor.order("R1", ("MUG", 4)), floor.order("R2", ("MUG", 3), owner="acme")
    floor.release()
    assert len(floor.plan()) == 1  # one owner's parts at a time
    assert len(floor.plan()) == 1
    picks = {pick.order_id: (pick.owner, pick.quantity) for pick in floor.ledger.find(Pick, "key")}
    assert picks == {mine: ("house", 4), theirs: ("acme", 3)}
    assert (bound(floor), bound(floor, owner="acme")) == ((10, 4), (5, 3))
    floor.take()
    floor.pick()
    assert (bound(floor), bound(floor, owner="acme")) == ((6, 0), (2, 0))
    assert floor.ledger.get(Pool, "main", "MUG", "acme")[3:5] == (2, 0)


def test_an_owner_without_stock_waits_beside_another_who_has_plenty(floor):
    floor.stock("MUG", 10)
    order = floor.order("R1", ("MUG", 3), owner="acme")
    assert floor.buckets(order) == {"backordered": 3}


def test_the_fall_back_too_keeps_owners_apart(floor):
    floor.stock("MUG", 10, "A00-0")
    floor.stock("MUG", 5, "A00-1", owner="acme")
    floor.order("R1", ("MUG", 4))
    floor.order("R2", ("MUG", 3), owner="acme")
    floor.release()
    assert floor.do(FallBack(("O00000001.1", "O00000002.1")))["tours"] == 2
    assert [(pick.owner, pick.place, pick.quantity) for pick in floor.ledger.find(Pick, "key")] == [
        ("acme", "A00-1", 3),
        ("house", "A00-0", 4),
    ]


def test_a_plan_that_mixes_owners_is_refused(floor):
    floor.stock("MUG", 10, "A00-0")
    floor.order("R1", ("MUG", 4))
    floor.order("R2", ("MUG", 3), owner="acme", allow_backorder=1)
    floor.stock("MUG", 5, "A00-1", owner="acme")
    floor.release()
    with pytest.raises(WrongState, match="mixes parts of acme, house"):
        floor.do(ReleaseTours(plan_of(floor), floor.clock.now_ms()))


class Meddled:
    """A planner during whose thinking goods arrive, the first `times` times."""

    def __init__(self, floor, times: int) -> None:
        self.floor, self.times, self.asked = floor, times, 0

    def plan(self, request):
        plan = s_shape_plan(request)
        self.asked += 1
        if self.asked <= self.times:
            self.floor.stock("MUG", 1)
        return plan


@pytest.mark.parametrize(("times", "asked", "released"), [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 3, 0), (9, 3, 0)])
def test_a_plan_that_stock_has_outrun_is_made_anew_three_times_and_then_left_to_the_fall_back(waiting, times, asked, released):
    planner = Meddled(waiting, times)
    assert len(planning.step(waiting.warehouse, planner, "main", waiting.clock.now_ms(), 10)) == released
    assert planner.asked == asked
    waiting.clock.set(waiting.clock.now_ms() + 5 * 60_000)
    timers.step(waiting.warehouse, waiting.clock.now_ms(), 10)
    assert len(waiting.ledger.find(Tour, "key")) == 1


def test_what_a_planner_leaves_out_walks_an_s_at_once(waiting):
    class Lazy:
        def plan(self, request):
            return Plan("lazy", (), tuple(Unplanned(part.part, "too tired") for part in request.parts), 0, 0, ())

    planning.step(waiting.warehouse, Lazy(), "main", waiting.clock.now_ms(), 10)
    (tour,) = waiting.ledger.find(Tour, "key")
    assert tour.planner == "s-shape"
