"""Carrier scans: late, double and out of order they tell one story; lost parcels are replaced once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow.returns import ReceiveReturn, RequestReturn
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.parcels import Parcel, Scan
from floorwise.core.verify.all_checks import verify

HOUR_MS = 3_600_000


@pytest.fixture
def road(floor):
    """A parcel of four mugs on its way; two more mugs in stock."""
    floor.stock("MUG", 6)
    floor.order("R1", ("MUG", 4), price=250)
    floor.ship()
    return floor


def scan(floor, status: str, hour: int, parcel: str = "O00000001.1/1") -> dict:
    tracking, at_ms = floor.ledger.get(Parcel, parcel).tracking, floor.clock.now_ms() + hour * HOUR_MS
    return floor.do(RecordScan(tracking, status, at_ms, "van", "signature" if status == "delivered" else ""))


def parcel_of(floor, parcel: str = "O00000001.1/1") -> Parcel:
    return floor.ledger.get(Parcel, parcel)


def test_a_late_scan_never_moves_a_parcel_backwards(road):
    scan(road, "out_for_delivery", 2)
    assert scan(road, "in_transit", 1)["status"] == "out_for_delivery"
    scan(road, "delivered", 3)
    assert scan(road, "failed_attempt", 2)["status"] == "delivered"
    assert len(road.ledger.find(Scan, "key", "O00000001.1/1")) == 4  # every one is kept


def test_of_two_scans_at_one_time_the_one_nearer_the_door_counts(road):
    scan(road, "delivered", 3)
    assert scan(road, "out_for_delivery", 3)["status"] == "delivered"


def test_the_same_scan_again_changes_nothing(road):
    scan(road, "delivered", 3)
    head = road.ledger.head
    assert scan(road, "delivered", 3) == {"parcel": "O00000001.1/1", "status": "delivered", "again": 1}
    assert road.ledger.head == head


def test_a_delivery_comes_with_its_time_and_proof(road):
    scan(road, "delivered", 3)
    parcel = parcel_of(road)
    assert (parcel.delivered_at_ms, parcel.proof) == (road.clock.now_ms() + 3 * HOUR_MS, "signature")
    assert road.buckets("O00000001") == {"delivered": 4}
    assert road.line("O00000001").delivered_at_ms == parcel.delivered_at_ms


def test_a_second_delivery_scan_delivers_nothing_twice(road):
    scan(road, "delivered", 3)
    scan(road, "delivered", 4)
    assert road.buckets("O00000001") == {"delivered": 4}
    assert len(road.told("ParcelDelivered")) == 1
    assert parcel_of(road).delivered_at_ms == road.clock.now_ms() + 3 * HOUR_MS


@pytest.mark.parametrize(
    ("told", "error", "names"),
    [
        (RecordScan("", "in_transit", 1, "van"), NotFound, "''"),
        (RecordScan("T-none", "in_transit", 1, "van"), NotFound, "'T-none'"),
        (RecordScan("T050123450000000015", "delivered", 1, "van"), BadInput, "a delivery needs a proof"),
        (RecordScan("T050123450000000015", "beamed", 1, "van"), BadInput, "'beamed'; known are in_transit"),
        (RecordScan("T050123450000000015", "loaded", 1, "van"), BadInput, "'loaded'"),
    ],
)
def test_a_scan_that_cannot_be_is_refused_by_what_is_wrong(road, told, error, names):
    with pytest.raises(error, match=names):
        road.do(told)
    assert road.ledger.find(Scan, "key") == []


def test_a_parcel_that_has_not_left_cannot_be_seen_on_the_road(floor):
    floor.stock("MUG", 1)
    floor.order("R1", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.take()
    floor.pick()
    floor.pack()
    with pytest.raises(WrongState, match="has not been handed over"):
        scan(floor, "in_transit", 1)


def test_a_lost_parcel_is_replaced_by_new_lines_from_what_is_there(road):
    scan(road, "lost", 48)
    assert road.buckets("O00000001", 1) == {"lost": 4}
    replacing = road.line("O00000001", 2)
    assert (replacing.replaces_line, replacing.ordered, replacing.sku) == (1, 4, "MUG")
    assert road.buckets("O00000001", 2) == {"reserved": 2, "backordered": 2}  # two of six mugs were left
    assert road.ledger.get(Order, "O00000001").waiting == 2
    assert road.told("ParcelLost")[0]["replaced_by"] == [2]


def test_the_replacement_goes_its_way_to_the_door(road):
    scan(road, "lost", 48)
    road.stock("MUG", 2)
    road.deliver()
    assert road.buckets("O00000001", 2) == {"delivered": 4}


def test_a_lost_parcel_that_turns_up_is_delivered_and_so_is_its_replacement(road):
    scan(road, "lost", 48)
    scan(road, "delivered", 72)
    assert road.buckets("O00000001", 1) == {"delivered": 4}
    assert road.buckets("O00000001", 2) == {"reserved": 2, "backordered": 2}


def test_a_parcel_found_and_lost_again_is_replaced_once(road):
    for status, hour in (("lost", 48), ("in_transit", 50), ("lost", 60)):
        scan(road, status, hour)
    assert len(road.ledger.find(OrderLine, "key", "O00000001")) == 2
    assert parcel_of(road).status == "lost"
    scan(road, "delivered", 72)
    assert road.buckets("O00000001", 1) == {"delivered": 4}


def test_a_loss_told_after_a_later_sighting_replaces_nothing(road):
    scan(road, "out_for_delivery", 50)
    assert scan(road, "lost", 48)["status"] == "out_for_delivery"
    assert road.buckets("O00000001", 1) == {"shipped": 4}


def test_a_loss_told_after_the_delivery_replaces_nothing(road):
    scan(road, "delivered", 3)
    scan(road, "lost", 48)
    assert road.buckets("O00000001", 1) == {"delivered": 4}
    assert len(road.ledger.find(OrderLine, "key", "O00000001")) == 1


@pytest.mark.parametrize("order_of_loss", [(0, 1), (1, 0)])
def test_two_parcels_of_one_line_are_lost_and_found_each_for_itself(floor, order_of_loss):
    floor.stock("MUG", 100)
    order = floor.order("R1", ("MUG", 100))
    parcels, units = [parcel.parcel for parcel in floor.ship()], (91, 9)
    one, other = order_of_loss
    scan(floor, "lost", 48, parcels[one])
    assert floor.buckets(order, 1) == {"shipped": units[other], "lost": units[one]}
    scan(floor, "delivered", 50, parcels[one])
    assert floor.buckets(order, 1) == {"shipped": units[other], "delivered": units[one]}
    scan(floor, "lost", 60, parcels[other])
    assert floor.buckets(order, 1) == {"lost": units[other], "delivered": units[one]}
    scan(floor, "delivered", 70, parcels[other])
    assert floor.buckets(order, 1) == {"delivered": 100}
    assert [floor.line(order, n).ordered for n in (2, 3)] == [units[one], units[other]]


def test_what_was_paid_goes_over_to_the_replacement(road):
    scan(road, "lost", 48)
    assert (road.line("O00000001", 1).paid_minor, road.line("O00000001", 2).paid_minor) == (1_000, 1_000)


SIGHTINGS = (("in_transit", 1), ("out_for_delivery", 2), ("failed_attempt", 3), ("out_for_delivery", 26), ("delivered", 28))


@settings(max_examples=25)
@given(st.permutations(SIGHTINGS * 2))
def test_scans_in_any_order_and_twice_over_tell_the_same_story(new_floor, scans):
    floor = new_floor()
    floor.stock("MUG", 4)
    order = floor.order("R1", ("MUG", 4))
    floor.ship()
    for status, hour in scans:
        scan(floor, status, hour)
    parcel = parcel_of(floor)
    at_ms = floor.clock.now_ms() + 28 * HOUR_MS
    assert (parcel.status, parcel.status_at_ms, parcel.delivered_at_ms, parcel.proof) == ("delivered", at_ms, at_ms, "signature")
    assert floor.buckets(order) == {"delivered": 4}
    assert (len(floor.told("ParcelDelivered")), len(floor.told("ParcelScanned"))) == (1, 5)


WILD = st.lists(st.tuples(st.sampled_from(["in_transit", "failed_attempt", "lost", "delivered"]), st.integers(1, 6)), max_size=8)


@settings(max_examples=40)
@given(WILD)
def test_no_row_of_scans_is_refused_replaces_twice_or_loses_a_unit(new_floor, scans):
    floor = new_floor()
    floor.stock("MUG", 8)
    order = floor.order("R1", ("MUG", 4))
    floor.ship()
    for status, hour in scans:
        scan(floor, status, hour)
    seen = {status for status, _ in scans}
    lines = floor.ledger.find(OrderLine, "key", order)
    assert len(lines) <= 2 and (len(lines) == 1 or "lost" in seen)
    assert len(floor.told("ParcelLost")) == len(lines) - 1
    assert floor.buckets(order, 1) in ({"delivered": 4}, {"lost": 4}, {"shipped": 4})
    assert (floor.buckets(order, 1) == {"delivered": 4}) == ("delivered" in seen)


def test_what_is_delivered_stays_so_whatever_is_scanned_later(road):
    scan(road, "delivered", 3)
    for hour, status in enumerate(("in_transit", "out_for_delivery", "failed_attempt", "lost"), 4):
        assert scan(road, status, hour)["status"] == "delivered"
    assert road.buckets("O00000001") == {"delivered": 4} and road.told("ParcelLost") == []


def test_a_delivery_in_error_is_taken_back_in_so_many_words_and_delivered_again(road):
    scan(road, "delivered", 3)
    assert scan(road, "delivered_in_error", 4)["status"] == "delivered_in_error"
    assert (road.buckets("O00000001"), parcel_of(road).delivered_at_ms, parcel_of(road).proof) == ({"shipped": 4}, 0, "")
    assert road.line("O00000001").delivered_at_ms == 0
    assert scan(road, "out_for_delivery", 5)["status"] == "out_for_delivery"
    scan(road, "delivered", 6)
    assert (road.buckets("O00000001"), len(road.told("DeliveryUndone"))) == ({"delivered": 4}, 1)
    assert road.line("O00000001").delivered_at_ms == parcel_of(road).delivered_at_ms == road.clock.now_ms() + 6 * HOUR_MS


def test_a_delivery_in_error_gives_a_lost_parcel_back_to_the_lost(road):
    scan(road, "lost", 2)
    scan(road, "delivered", 3)
    scan(road, "delivered_in_error", 4)
    assert road.buckets("O00000001", 1) == {"lost": 4}
    assert len(road.told("ParcelLost")) == 1


def test_what_came_back_as_a_return_was_delivered(road):
    scan(road, "delivered", 3)
    road.do(RequestReturn("O00000001", 1, 1))
    for step in (lambda: None, lambda: road.do(ReceiveReturn("O00000001.1R1"))):
        step()
        with pytest.raises(WrongState, match="come or came back as a return"):
            scan(road, "delivered_in_error", 4)
    assert parcel_of(road).status == "delivered"


RUN = (
    ("in_transit", 1), ("delivered", 3), ("delivered_in_error", 5), ("in_transit", 6), ("delivered", 28), ("delivered", 30),
    ("in_transit", 31),
)  # fmt: skip


@settings(max_examples=40)
@given(st.permutations(RUN), st.integers(0, len(RUN)))
def test_the_order_of_arrival_changes_nothing(new_floor, scans, known):
    """After all scans every order of arrival says the same, and after some of them what those alone say."""
    seen = []
    for row in (sorted(scans[:known], key=lambda scan: scan[1]), scans[:known]):
        floor = new_floor()
        floor.stock("MUG", 4)
        order = floor.order("R1", ("MUG", 4))
        floor.ship()
        for status, hour in row:
            scan(floor, status, hour)
        parcel = parcel_of(floor)
        line = floor.line(order)
        seen.append((parcel.status, parcel.status_at_ms, parcel.delivered_at_ms, parcel.proof, line.delivered_at_ms, floor.buckets(order)))
        assert [check for check in verify(floor.ledger) if not check.ok] == []
    assert seen[0] == seen[1]
    if known == len(RUN):
        assert seen[0][0] == "delivered" and seen[0][2] == floor.clock.now_ms() + 28 * HOUR_MS
