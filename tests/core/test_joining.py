"""A rush order goes with somebody who walks already: where there is room, with few changed stops, and nothing flips behind the picker."""

import pytest

from floorwise.core.adapters.bus_local import LocalBus
from floorwise.core.errors import NotFound, WrongState
from floorwise.core.flow.joining import JoinTour
from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.model.device_messages import TourSheet, decode
from floorwise.core.model.policies import CART, MOST_CHANGED_STOPS, RUSH_MS
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import dispatch

TOUR = "T00000001"


@pytest.fixture
def walk(floor):
    """ann walks A00-2, A00-8, A02-8 for one order."""
    for place in ("A00-2", "A00-8", "A02-8"):
        floor.stock("MUG", 5, place)
    floor.order("R1", ("MUG", 15))
    floor.release()
    floor.plan()
    floor.take("ann")
    yield floor
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def wait(floor, *lines: tuple[str, int], **more) -> str:
    """A part of these lines that waits for a plan."""
    order = floor.order(f"R{len(floor.told('OrderPlaced')) + 1}", *lines, **more)
    floor.release()
    return f"{order}.1"


def stops(floor) -> list[tuple[str, str, str]]:
    return [(p.location, p.sku, p.state) for p in in_walking_order(floor.ledger.find(Pick, "key", TOUR))]


def test_its_stops_come_between_those_ahead_and_its_tote_onto_the_cart(walk):
    walk.stock("BOWL", 5, "A01-9")
    part = wait(walk, ("BOWL", 2))
    walk.do(ConfirmPick(TOUR, 1, 5, "ann"))
    # From A00-8 to A02-8 by the back: one metre into aisle 1 and out again.
    assert walk.do(JoinTour(TOUR, part)) == {"extra_walk_mm": 2_000, "changed_stops": 1}
    assert stops(walk) == [("A00-2", "MUG", "done"), ("A00-8", "MUG", "open"), ("A01-9", "BOWL", "open"), ("A02-8", "MUG", "open")]
    row = walk.ledger.get(Part, part)
    assert (row.state, row.tour, row.tote) == ("touring", TOUR, f"tote:{part}")
    bus = LocalBus()
    dispatch.step(walk.warehouse, bus, 10)
    sheet = decode(TourSheet, bus.retained[f"down/ann/tours/{TOUR}"])
    assert [(pick.location, pick.tote) for pick in sheet.picks][:2] == [("A00-8", "O00000001.1"), ("A01-9", part)]
    walk.pick()
    assert walk.ledger.get(Part, part).state == "picked"
    walk.pack()
    assert walk.buckets("O00000002") == {"packed": 2}


def test_a_tour_that_nobody_has_yet_is_joined_too_and_brings_its_tote_when_it_is_taken(floor):
    floor.stock("MUG", 9, "A00-2")
    floor.stock("BOWL", 9, "A00-5")
    floor.order("R1", ("MUG", 1))
    floor.release()
    floor.plan()
    part = wait(floor, ("BOWL", 1))
    assert floor.do(JoinTour(TOUR, part))["changed_stops"] == 0
    floor.take("ann")
    assert floor.ledger.get(Part, part).tote == f"tote:{part}"
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def test_more_changed_stops_than_the_limit_are_refused_and_nothing_is_bound(walk):
    for n in range(MOST_CHANGED_STOPS + 1):
        walk.stock("BOWL", 1, f"A01-{n}")
    part = wait(walk, ("BOWL", MOST_CHANGED_STOPS + 1))
    head = walk.ledger.head
    with pytest.raises(WrongState, match=f"more than {MOST_CHANGED_STOPS} of its stops"):
        walk.do(JoinTour(TOUR, part))
    assert walk.ledger.head == head and walk.ledger.get(Part, part).state == "waiting"


def test_a_full_cart_another_owner_and_what_does_not_wait_are_refused_by_name(walk):
    walk.stock("BOWL", 200, "A00-8")
    parts = [wait(walk, ("BOWL", 1)) for _ in range(CART.parts)]
    for part in parts[:-1]:
        walk.do(JoinTour(TOUR, part))
    with pytest.raises(WrongState, match=f"no room: parts {CART.parts + 1} > {CART.parts}"):
        walk.do(JoinTour(TOUR, parts[-1]))
    with pytest.raises(WrongState, match="is touring"):
        walk.do(JoinTour(TOUR, parts[0]))
    walk.stock("BOWL", 5, "A00-8", owner="acme")
    with pytest.raises(WrongState, match="acme's"):
        walk.do(JoinTour(TOUR, wait(walk, ("BOWL", 1), owner="acme")))
    for tour, part in (("T9", parts[-1]), (TOUR, "O9.1")):
        with pytest.raises(NotFound, match="unknown"):
            walk.do(JoinTour(tour, part))


def test_a_done_tour_and_bins_without_units_are_refused(walk):
    walk.stock("BOWL", 2, "A00-8")
    part, other = wait(walk, ("BOWL", 1)), wait(walk, ("BOWL", 1))
    walk.do(JoinTour(TOUR, other))
    walk.stock("MUG", 1, "A01-1")
    walk.pick()
    with pytest.raises(WrongState, match="is done"):
        walk.do(JoinTour(TOUR, part))


def test_a_part_whose_truck_leaves_soon_joins_before_anything_is_planned_and_others_do_not(walk):
    walk.stock("BOWL", 9, "A00-8")
    urgent, late = wait(walk, ("BOWL", 1), carrier="bike"), wait(walk, ("BOWL", 1))  # the bike goes at 12:00, the truck at 17:00
    walk.clock.set(walk.ledger.get(Part, urgent).cut_off_ms - RUSH_MS)
    walk.plan()
    assert [told["part"] for told in walk.told("PartJoined")] == [urgent]
    assert walk.ledger.get(Part, late).tour == "T00000002"


def test_of_two_walks_the_one_is_joined_to_which_it_adds_least(floor):
    floor.stock("MUG", 1, "A00-9")
    floor.order("R1", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.stock("MUG", 1, "A02-9")
    floor.order("R2", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.take("ann")
    floor.stock("BOWL", 1, "A02-5")
    part = wait(floor, ("BOWL", 1), carrier="bike")
    floor.clock.set(floor.ledger.get(Part, part).cut_off_ms - 1)
    floor.plan()
    assert floor.ledger.get(Part, part).tour == "T00000002"
    assert floor.ledger.get(Tour, "T00000002").changed_stops == 1


def test_units_that_are_bound_to_another_part_are_passed_by(walk):
    walk.stock("BOWL", 1, "A00-8")
    walk.do(JoinTour(TOUR, wait(walk, ("BOWL", 1))))
    walk.stock("BOWL", 1, "A00-9")
    second = wait(walk, ("BOWL", 1))
    walk.do(JoinTour(TOUR, second))
    assert [p.location for p in walk.ledger.find(Pick, "by_part", second)] == ["A00-9"]


def test_a_part_that_joins_a_walk_somebody_left_has_its_tote_at_once(walk):
    walk.stock("BOWL", 5, "A01-9")
    part = wait(walk, ("BOWL", 2))
    walk.do(LeaveTour(TOUR, "ann"))
    walk.do(JoinTour(TOUR, part))
    assert walk.ledger.get(Part, part).tote == f"tote:{part}"
    bowl = next(pick.number for pick in walk.ledger.find(Pick, "key", TOUR) if pick.sku == "BOWL")
    assert walk.do(ConfirmPick(TOUR, bowl, 2, "ann")) == {"picked": 2}  # a fact, whoever has the tour
    walk.take("bob")
    assert len(walk.told("UnitBuilt")) == 2
