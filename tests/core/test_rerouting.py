"""A bin that lacks units sends its picker to another bin on the same walk, at once and with nobody's help."""

import pytest

from floorwise.core.adapters.bus_local import LocalBus
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.touring import TakeTour
from floorwise.core.model.device_messages import TourSheet, decode
from floorwise.core.model.policies import MOST_CHANGED_STOPS
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import dispatch

DAY_MS = 86_400_000


@pytest.fixture
def sound(floor):
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def begin(floor, *lines: tuple[str, int]) -> Tour:
    """An order of these lines on a tour that ann walks."""
    floor.order(f"R{len(floor.told('OrderPlaced'))}", *lines)
    floor.release()
    floor.plan()
    (tour,) = floor.take()
    return tour


def walk(floor, tour: Tour) -> list[tuple[str, int, str]]:
    """(location, units, state) in walking order."""
    return [(p.location, p.quantity, p.state) for p in in_walking_order(floor.ledger.find(Pick, "key", tour.tour))]


@pytest.mark.usefixtures("sound")
def test_what_a_bin_lacks_is_taken_from_another_bin_later_on_the_same_walk(floor):
    floor.stock("MUG", 5, "A00-2")
    floor.stock("BOWL", 5, "A00-8")
    floor.stock("BOWL", 5, "A02-8")
    tour = begin(floor, ("MUG", 4), ("BOWL", 9))  # up aisle 0, down aisle 2
    floor.stock("MUG", 5, "A01-9")
    assert walk(floor, tour) == [("A00-2", 4, "open"), ("A00-8", 5, "open"), ("A02-8", 4, "open")]
    assert floor.do(ReportShort(tour.tour, 1, 1, "ann")) == {"picked": 1, "missing": 3, "elsewhere": 3}
    # A01-9 lies 1 m off the back cross-aisle on the way from A00-8 to A02-8: 2 m more, and A00-8 stays the next stop.
    assert walk(floor, tour) == [("A00-2", 1, "done"), ("A00-8", 5, "open"), ("A01-9", 3, "open"), ("A02-8", 4, "open")]
    after = floor.ledger.get(Tour, tour.tour)
    assert (after.picks, after.open_picks, after.revision, after.changed_stops) == (4, 3, tour.revision + 1, 1)
    assert after.length_mm == tour.length_mm + 2_000
    assert floor.told("StopsAdded") == [
        {"tour": tour.tour, "cause": "short pick", "picks": [[4, "A01-9", "MUG", "", 3, "O00000001.1", 1]]}
    ]
    assert floor.buckets("O00000001") == {"picked": 1, "released": 3}


@pytest.mark.usefixtures("sound")
def test_the_picker_hears_of_it_at_once_and_walks_the_tour_to_its_end_in_one_parcel(floor):
    bus = LocalBus()
    floor.stock("MUG", 5, "A00-2")
    tour = begin(floor, ("MUG", 4))
    floor.stock("MUG", 5, "A01-5")
    dispatch.step(floor.warehouse, bus, 10)
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))  # it was the last stop: the tour goes on
    dispatch.step(floor.warehouse, bus, 10)
    sheet = decode(TourSheet, bus.retained[f"down/ann/tours/{tour.tour}"])
    assert (sheet.revision, [(p.number, p.location, p.quantity) for p in sheet.picks]) == (3, [(2, "A01-5", 4)])
    floor.do(ConfirmPick(tour.tour, 2, 4, "ann"))
    assert floor.ledger.get(Tour, tour.tour).state == "done"
    assert floor.ledger.get(Part, "O00000001.1").state == "picked"
    floor.pack()
    assert floor.buckets("O00000001") == {"packed": 4}


@pytest.mark.usefixtures("sound")
def test_what_no_other_bin_has_waits_and_only_the_rest_is_taken_elsewhere(floor):
    floor.stock("MUG", 5, "A00-2")
    tour = begin(floor, ("MUG", 5))
    floor.stock("MUG", 2, "A01-5")
    assert floor.do(ReportShort(tour.tour, 1, 1, "ann"))["elsewhere"] == 2
    assert walk(floor, tour) == [("A00-2", 1, "done"), ("A01-5", 2, "open")]
    assert floor.buckets("O00000001") == {"backordered": 2, "picked": 1, "released": 2}


@pytest.mark.usefixtures("sound")
def test_nothing_elsewhere_ends_the_tour_as_ever(floor):
    floor.stock("MUG", 5, "A00-2")
    tour = begin(floor, ("MUG", 5))
    assert floor.do(ReportShort(tour.tour, 1, 1, "ann"))["elsewhere"] == 0
    assert floor.ledger.get(Tour, tour.tour).state == "done"
    assert floor.told("StopsAdded") == []


@pytest.mark.usefixtures("sound")
def test_a_second_short_on_the_way_goes_on_to_a_third_bin(floor):
    floor.stock("MUG", 9, "A00-2")
    tour = begin(floor, ("MUG", 6))
    floor.stock("MUG", 9, "A00-4")
    floor.stock("MUG", 9, "A02-5")
    floor.do(ReportShort(tour.tour, 1, 1, "ann"))
    floor.do(ReportShort(tour.tour, 2, 2, "ann"))
    assert walk(floor, tour) == [("A00-2", 1, "done"), ("A00-4", 2, "done"), ("A02-5", 3, "open")]


@pytest.mark.usefixtures("sound")
def test_the_earliest_date_comes_first_however_far_it_lies_and_never_one_below_the_minimum(floor):
    floor.do(AddSkus((SkuWanted("MILK", weight_g=1_000, volume_mm3=1_000_000, is_lot_tracked=1),)))
    now_ms = floor.clock.now_ms()
    floor.stock("MILK", 4, "A00-2", lot="L1", expires_at_ms=now_ms + 40 * DAY_MS)
    tour = begin(floor, ("MILK", 4))
    floor.stock("MILK", 4, "A00-3", lot="L3", expires_at_ms=now_ms + 90 * DAY_MS)
    floor.stock("MILK", 3, "A02-9", lot="L2", expires_at_ms=now_ms + 60 * DAY_MS)
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))
    assert sorted((p.lot, p.quantity) for p in floor.ledger.find(Pick, "key", tour.tour) if p.state == "open") == [("L2", 3), ("L3", 1)]


@pytest.mark.usefixtures("sound")
def test_units_bound_to_another_picker_or_of_another_owner_stay_where_they_are(floor):
    floor.stock("MUG", 4, "A00-2")
    tour = begin(floor, ("MUG", 4))
    floor.stock("MUG", 4, "A01-5", owner="acme")
    floor.stock("MUG", 3, "A02-5")
    floor.order("R9", ("MUG", 3))
    floor.release()
    floor.plan()  # the three in A02-5 are bound to a tour of their own
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))
    assert floor.ledger.get(Tour, tour.tour).state == "done"
    assert floor.ledger.get(Balance, "A02-5", "MUG", "", "", "house", "available").reserved == 3


@pytest.mark.usefixtures("sound")
def test_only_so_many_stops_come_into_a_walk_and_the_rest_waits_for_another(floor):
    places = [f"A01-{n}" for n in range(MOST_CHANGED_STOPS + 1)]
    floor.stock("MUG", 1 + len(places), "A00-2")
    tour = begin(floor, ("MUG", 1 + len(places)))
    for place in places:
        floor.stock("MUG", 1, place)
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))  # eight units short, seven bins with one each
    assert floor.ledger.get(Tour, tour.tour).changed_stops == MOST_CHANGED_STOPS
    assert floor.ledger.get(Tour, tour.tour).open_picks == MOST_CHANGED_STOPS
    assert floor.buckets("O00000001") == {"released": MOST_CHANGED_STOPS, "reserved": 1, "backordered": 1}


@pytest.mark.usefixtures("sound")
def test_a_bin_where_the_picker_stops_anyway_changes_no_stop(floor):
    floor.stock("MUG", 2, "A00-2")
    floor.stock("BOWL", 2, "A01-5")
    tour = begin(floor, ("MUG", 2), ("BOWL", 2))
    floor.stock("MUG", 2, "A01-5")
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))
    assert [stop[0] for stop in walk(floor, tour)] == ["A00-2", "A01-5", "A01-5"]
    after = floor.ledger.get(Tour, tour.tour)
    assert (after.changed_stops, after.length_mm) == (0, tour.length_mm)


@pytest.mark.usefixtures("sound")
def test_serials_are_bound_one_by_one(floor):
    floor.do(AddSkus((SkuWanted("DRILL", is_serial_tracked=1, weight_g=2_000),)))
    floor.stock("DRILL", 1, "A00-2", serials=("S1",))
    tour = begin(floor, ("DRILL", 1))
    floor.stock("DRILL", 2, "A01-2", serials=("S2", "S3"))
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))
    (fresh,) = (p for p in floor.ledger.find(Pick, "key", tour.tour) if p.state == "open")
    assert (fresh.serial, fresh.quantity) == ("S2", 1)
    assert floor.do(ConfirmPick(tour.tour, fresh.number, 1, "ann", serial="S3")) == {"picked": 1}


def test_a_tour_that_was_changed_cannot_be_taken_by_somebody_else(floor):
    floor.stock("MUG", 4, "A00-2")
    tour = begin(floor, ("MUG", 4))
    floor.stock("MUG", 4, "A01-2")
    floor.do(ReportShort(tour.tour, 1, 0, "ann"))
    assert floor.do(TakeTour(tour.tour, "ann")) == {"tour": tour.tour, "picks": 2}
