"""Orders come in: once, line by line, each unit promised or backordered; what makes no sense goes before a person."""

import pytest

from floorwise.core.errors import BadInput, KeyReused, NotFound, OrderDiffers, OutOfStock, WrongState
from floorwise.core.flow.entry import CancelOrder, LineWanted, ParkRow, PlaceOrder
from floorwise.core.flow.masterdata import AddPackLevels, AddSkus, PackLevelWanted, SkuWanted
from floorwise.core.model.journal import Counter, Review
from floorwise.core.model.orders import Order, state_of
from floorwise.core.model.stock import Pool

MUGS = (LineWanted("MUG", 4),)


def place(lines: tuple[LineWanted, ...] = MUGS, reference: str = "R1", **more) -> PlaceOrder:
    return PlaceOrder("shop", reference, "c1", "GB", "GBP", lines)._replace(**more)


def promised(floor, sku: str = "MUG") -> tuple[int, int]:
    pool = floor.ledger.get(Pool, "main", sku, "house")
    return pool.eligible, pool.reserved


def test_what_the_pool_has_is_promised_and_the_rest_is_backordered(floor):
    floor.stock("MUG", 6)
    reply = floor.do(place((LineWanted("MUG", 4), LineWanted("MUG", 5))))
    assert (reply["reserved"], reply["backordered"]) == (6, 3)
    assert floor.buckets("O00000001", 1) == {"reserved": 4}
    assert floor.buckets("O00000001", 2) == {"reserved": 2, "backordered": 3}  # equal rows are two lines
    assert promised(floor) == (6, 6)


def test_an_order_that_takes_no_backorder_is_refused_whole_with_the_eligible_count(floor):
    floor.stock("MUG", 6)
    floor.stock("BOWL", 9)
    with pytest.raises(OutOfStock, match="6 of 7 MUG are eligible"):
        floor.do(place((LineWanted("BOWL", 9), LineWanted("MUG", 7)), allow_backorder=0))
    assert promised(floor, "BOWL") == (9, 0)
    assert floor.ledger.find(Order, "key") == []


def test_the_same_order_again_is_the_same_order(floor):
    floor.stock("MUG", 10)
    first = floor.do(place())
    for _ in range(3):
        assert floor.do(place()) == {"order_id": first["order_id"], "lines": 1, "parked": 0, "again": 1}
    assert promised(floor) == (10, 4)
    assert len(floor.told("OrderPlaced")) == 1


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (place((LineWanted("MUG", 5),)), "line 1: 4 MUG by the each, price 0 there, 5 MUG by the each, price 0 now"),
        (place((*MUGS, LineWanted("BOWL", 1))), "line 2: parked or absent there, 1 BOWL by the each, price 0 now"),
        (place(customer="c2"), "customer 'c1' there, 'c2' now"),
        (place((LineWanted("MUG", 4, price_minor=1),)), "price 0 there, 4 MUG by the each, price 4 now"),
    ],
)
def test_the_same_reference_with_other_content_is_refused_with_the_difference(floor, changed, names):
    floor.stock("MUG", 10)
    floor.do(place())
    with pytest.raises(OrderDiffers, match=names):
        floor.do(changed)
    assert promised(floor) == (10, 4)


def test_the_same_reference_of_another_channel_is_another_order(floor):
    assert floor.do(place())["order_id"] != floor.do(place(channel="phone"))["order_id"]


def test_a_key_belongs_to_one_command(floor):
    floor.stock("MUG", 10)
    first = floor.do(place(), key="k1")
    assert floor.do(place(), key="k1") == first  # the stored reply, not "again"
    with pytest.raises(KeyReused, match="'k1'"):
        floor.do(place(reference="R2"), key="k1")


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (LineWanted("JUG", 1), "sku", "unknown_sku"),
        (LineWanted("MUG", 0), "quantity", "not_positive"),
        (LineWanted("MUG", -3), "quantity", "not_positive"),
        (LineWanted("MUG", 1, "case"), "unit", "unit_unknown"),
        (LineWanted("MUG", 1, price_minor=-1), "price_minor", "out_of_range"),
        (LineWanted("MUG", 10_000_001), "quantity", "out_of_range"),
        (LineWanted("MUG", 1, min_shelf_life_days=-1), "min_shelf_life_days", "out_of_range"),
    ],
)
def test_a_line_that_makes_no_sense_is_parked_and_the_others_go_on(floor, line, column, reason):
    floor.stock("MUG", 10)
    reply = floor.do(place((line, LineWanted("MUG", 4))))
    assert (reply["lines"], reply["parked"], reply["reserved"]) == (1, 1, 4)
    (review,) = floor.ledger.find(Review, "key")
    assert (review.source, review.row, review.column, review.reason) == ("shop/R1", 1, column, reason)
    assert floor.buckets(reply["order_id"], 2) == {"reserved": 4}  # the line keeps its number


def test_a_parked_line_is_named_by_its_row_in_the_file(floor):
    floor.do(place((LineWanted("JUG", 1, source_row=17), LineWanted("MUG", 1, source_row=18))))
    assert [row.row for row in floor.ledger.find(Review, "key")] == [17]


def test_an_order_of_which_nothing_is_left_is_no_order(floor):
    reply = floor.do(place((LineWanted("JUG", 1), LineWanted("JAR", 2))))
    assert (reply["order_id"], reply["lines"], reply["parked"]) == ("", 0, 2)
    assert floor.ledger.find(Order, "key") == []


def test_a_parked_row_is_parked_once(floor):
    row = ParkRow("file.csv", 3, "sku", "unknown_sku", "x" * 300, 5)
    assert floor.do(row) == {"parked": 1}
    assert floor.do(row) == {"parked": 0}
    assert len(floor.told("RowParked")) == 1
    assert len(floor.ledger.get(Review, "file.csv", 3).text) == 200


@pytest.mark.parametrize(
    ("wanted", "error", "names"),
    [
        (place(currency="EUR"), BadInput, "'EUR'; main sells in GBP"),
        (place(carrier="pigeon"), NotFound, "'pigeon'"),
        (place(()), BadInput, "0 lines"),
        (place((LineWanted("MUG", 1),) * 10_001), BadInput, "10001 lines"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_what_is_wrong(floor, wanted, error, names):
    with pytest.raises(error, match=names):
        floor.do(wanted)
    assert floor.ledger.get(Counter, "order") is None


def test_a_case_is_its_units_and_its_price_is_kept_exactly(floor):
    floor.do(AddPackLevels((PackLevelWanted("MUG", "case", 12),)))
    floor.stock("MUG", 30)
    order = floor.do(place((LineWanted("MUG", 2, "case", price_minor=102),)))["order_id"]
    line = floor.line(order)
    assert (line.ordered, line.unit, line.paid_minor) == (24, "case", 204)
    assert line.price_minor == 9  # 8.5 a mug, half up, for people to read


def test_the_cut_off_is_that_of_the_carrier_after_the_order(floor):
    floor.do(place())  # Monday 09:00
    assert floor.told("OrderPlaced")[-1]["cut_off_ms"] == floor.clock.now_ms() + 8 * 3_600_000
    floor.do(place(reference="R2", carrier="bike"))
    assert floor.told("OrderPlaced")[-1]["cut_off_ms"] == floor.clock.now_ms() + 3 * 3_600_000


def test_cancelling_gives_the_units_to_whoever_waits(floor):
    floor.stock("MUG", 10)
    first, second = floor.order("R1", ("MUG", 8)), floor.order("R2", ("MUG", 5))
    assert floor.buckets(second) == {"reserved": 2, "backordered": 3}
    assert floor.do(CancelOrder(first))["cancelled"] == 8
    assert floor.buckets(first) == {"cancelled": 8}
    assert floor.buckets(second) == {"reserved": 5}
    assert promised(floor) == (10, 5)


def test_what_somebody_walks_for_cannot_be_cancelled_and_the_refusal_says_what_can(floor):
    floor.stock("MUG", 10)
    order = floor.order("R1", ("MUG", 8))
    floor.release()
    with pytest.raises(WrongState, match="released: nothing of it can be cancelled; after delivery it can be returned"):
        floor.do(CancelOrder(order))


def test_of_an_order_half_walked_for_the_waiting_half_is_cancelled(floor):
    floor.stock("MUG", 5)
    order = floor.order("R1", ("MUG", 8))
    floor.release()
    assert floor.do(CancelOrder(order))["cancelled"] == 3
    assert floor.buckets(order) == {"released": 5, "cancelled": 3}


def test_an_orders_state_is_that_of_its_slowest_units(floor):
    floor.stock("MUG", 4)
    order = floor.order("R1", ("MUG", 4), ("BOWL", 1))
    assert state_of([floor.line(order, 1)]) == "reserved"
    assert state_of([floor.line(order, 1), floor.line(order, 2)]) == "backordered"
    floor.deliver()
    assert state_of([floor.line(order, 1)]) == "delivered"
    assert state_of([floor.line(order, 1), floor.line(order, 2)]) == "partly backordered"


def test_a_row_that_is_an_order_line_cannot_be_parked_and_one_that_is_parked_is_no_line(floor):
    floor.stock("MUG", 5)
    wanted = (LineWanted("MUG", 1, source_row=7), LineWanted("CUP", 1, source_row=8))
    assert floor.do(PlaceOrder("shop", "R1", "c1", "GB", "GBP", wanted))["parked"] == 1
    with pytest.raises(WrongState, match="shop/R1 row 7 is line 1 of order O00000001; it cannot be parked too"):
        floor.do(ParkRow("shop/R1", 7, "sku", "unknown_sku", "MUG"))
    assert floor.do(ParkRow("shop/R1", 8, "sku", "unknown_sku", "CUP")) == {"parked": 0}  # it is parked already
    assert floor.do(ParkRow("shop/R1", 9, "sku", "unknown_sku", "CUP")) == {"parked": 1}


def test_an_order_of_parked_rows_is_taken_in_when_it_is_mended_and_its_rows_wait_no_more(floor):
    wanted = PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("CUP", 2),))
    assert floor.do(wanted)["order_id"] == ""
    floor.do(AddSkus((SkuWanted("CUP"),)))
    order = floor.do(wanted)["order_id"]
    assert floor.buckets(order) == {"backordered": 2}
    assert floor.ledger.get(Review, "shop/R1", 1).order_id == order
    assert floor.told("RowMended") == [{"source": "shop/R1", "row": 1, "order_id": order, "line": 1}]
    assert floor.ledger.find(Review, "by_reason", "unknown_sku") == []


def test_two_lines_of_one_row_are_refused(floor):
    wanted = (LineWanted("MUG", 1, source_row=2), LineWanted("MUG", 1))
    with pytest.raises(BadInput, match="order R1: two of its lines are row 2"):
        floor.do(PlaceOrder("shop", "R1", "c1", "GB", "GBP", wanted))
