"""Returns: matched to the right sale, graded, paid back once and never more than was paid."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import BadInput, NotFound, StockConflict, WrongState
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.handling import MoveStock
from floorwise.core.flow.masterdata import AddPackLevels, AddSkus, PackLevelWanted, SkuWanted
from floorwise.core.flow.returns import GradeReturn, MatchReturn, ReceiveReturn, RefundReturn, RequestReturn
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.journal import Review
from floorwise.core.model.returns import Rma, refund_for
from floorwise.core.model.stock import Balance, Pool, Serial
from floorwise.core.model.work import Pick

DAY_MS = 86_400_000
LATER_MS = 1_400_000_000_000  # 2014: after every sale of these tests


@pytest.fixture
def sold(floor):
    """Customer c1 has four mugs, delivered, for 250 each."""
    floor.stock("MUG", 20)
    floor.order("R1", ("MUG", 4), price=250)
    floor.deliver()
    return floor


def slip(quantity: int = 1, reference: str = "C1", row: int = 7, customer: str = "c1", sku: str = "MUG") -> MatchReturn:
    return MatchReturn(customer, sku, quantity, reference, "file.csv", row, LATER_MS)


def back(floor, rma: str, grade: str = "A", place: str = "A00-0") -> int:
    """Receive, grade and refund; give the amount."""
    floor.do(ReceiveReturn(rma))
    floor.do(GradeReturn(rma, grade, place))
    return floor.do(RefundReturn(rma))["refund_minor"]


def at(floor, place: str) -> list[tuple[str, int]]:
    return [(row.status, row.on_hand) for row in floor.ledger.find(Balance, "key", place, "MUG") if row.on_hand]


def eligible(floor) -> int:
    return floor.ledger.get(Pool, "main", "MUG", "house").eligible


def test_a_slip_is_matched_to_the_line_delivered_last_not_the_one_ordered_last(floor):
    floor.stock("MUG", 20)
    first, second = floor.order("R1", ("MUG", 2)), floor.order("R2", ("MUG", 2))
    parcels = {parcel.order_id: parcel.tracking for parcel in floor.ship()}
    floor.do(RecordScan(parcels[second], "delivered", floor.clock.now_ms() + DAY_MS, "van", "s"))
    floor.do(RecordScan(parcels[first], "delivered", floor.clock.now_ms() + 2 * DAY_MS, "van", "s"))
    assert floor.do(slip())["rma"] == f"{first}.1R1"


def test_a_slip_takes_the_latest_line_that_has_as_many_units_left(sold):
    sold.clock.set(sold.clock.now_ms() + DAY_MS)
    later = sold.order("R2", ("MUG", 1))
    sold.deliver()
    assert sold.do(slip(2))["rma"] == "O00000001.1R1"
    assert sold.do(slip(1, row=8))["rma"] == f"{later}.1R1"


@pytest.mark.parametrize(
    "nobodys", [slip(5), slip(customer="c2"), slip(sku="BOWL"), slip(customer=""), slip(quantity=0), slip(quantity=-1)]
)
def test_a_slip_without_a_sale_goes_before_a_person_with_its_place(sold, nobodys):
    assert sold.do(nobodys) == {"rma": ""}
    (row,) = sold.ledger.find(Review, "key")
    assert (row.source, row.row, row.column, row.reason) == ("file.csv", 7, "sku", "no_sale_in_history")
    assert sold.do(nobodys) == {"rma": ""}
    assert len(sold.told("RowParked")) == 1


def test_what_is_on_the_road_cannot_come_back_yet(floor):
    floor.stock("MUG", 4)
    order = floor.order("R1", ("MUG", 4))
    floor.ship()
    assert floor.do(slip()) == {"rma": ""}
    with pytest.raises(WrongState, match="1 units asked to come back, 0 can"):
        floor.do(RequestReturn(order, 1, 1))


def test_the_same_slip_again_is_the_same_return_whatever_happened_since(sold):
    rma = sold.do(slip(4))["rma"]
    assert sold.do(slip(4)) == {"rma": rma, "again": 1}
    back(sold, rma)
    sold.clock.set(sold.clock.now_ms() + DAY_MS)
    sold.order("R2", ("MUG", 4))
    sold.deliver()  # the customer has four mugs again, which this slip does not mean
    assert sold.do(slip(4)) == {"rma": rma, "again": 1}
    assert len(sold.ledger.find(Rma, "key")) == 1
    assert sold.ledger.find(Review, "key") == []


def test_a_slip_without_a_number_is_known_by_its_file_and_row(sold):
    first = sold.do(slip(reference=""))["rma"]
    assert sold.do(slip(reference=""))["rma"] == first
    assert sold.do(slip(reference="", row=8))["rma"] != first
    assert sold.do(MatchReturn("c1", "MUG", 1, "", "other.csv", 7))["rma"] != first


def test_two_rows_of_one_slip_are_two_returns(sold):
    assert sold.do(slip(row=1))["rma"] == "O00000001.1R1"
    assert sold.do(slip(row=2))["rma"] == "O00000001.1R2"


def test_never_more_comes_back_than_was_delivered(sold):
    sold.do(RequestReturn("O00000001", 1, 3))
    with pytest.raises(WrongState, match="2 units asked to come back, 1 can"):
        sold.do(RequestReturn("O00000001", 1, 2))
    rma = sold.do(RequestReturn("O00000001", 1, 1))["rma"]
    back(sold, rma)
    with pytest.raises(WrongState, match="0 can"):
        sold.do(RequestReturn("O00000001", 1, 1))


@pytest.mark.parametrize("quantity", [0, -1])
def test_nothing_cannot_come_back(sold, quantity):
    with pytest.raises(WrongState):
        sold.do(RequestReturn("O00000001", 1, quantity))


def test_goods_on_the_bench_are_in_the_house_and_not_for_sale(sold):
    rma = sold.do(slip(2))["rma"]
    sold.do(ReceiveReturn(rma))
    assert at(sold, "RETURNS") == [("returned", 2)]
    assert eligible(sold) == 16
    assert sold.buckets("O00000001") == {"delivered": 2, "returned": 2}


def test_grade_a_is_for_sale_at_once_and_serves_who_waits(sold):
    waiting = sold.order("R2", ("MUG", 17))
    assert sold.buckets(waiting) == {"reserved": 16, "backordered": 1}
    back(sold, sold.do(slip(2))["rma"], "A", "A01-4")
    assert at(sold, "A01-4") == [("available", 2)]
    assert sold.buckets(waiting) == {"reserved": 17}
    assert eligible(sold) == 18


def test_grade_b_goes_to_the_outlet_and_grade_c_to_scrap(sold):
    back(sold, sold.do(slip(2, row=1))["rma"], "B")
    back(sold, sold.do(slip(1, row=2))["rma"], "C")
    assert at(sold, "OUTLET") == [("returned", 2)]
    assert at(sold, "SCRAP") == [("damaged", 1)]
    assert at(sold, "RETURNS") == []
    assert eligible(sold) == 16


@pytest.mark.parametrize(
    ("told", "error", "names"),
    [
        (GradeReturn("O00000001.1R1", "D", "A00-0"), BadInput, "grade 'D'; known are A, B, C"),
        (GradeReturn("O00000001.1R1", "A"), BadInput, "needs the bin"),
        (GradeReturn("O00000001.1R1", "A", "NOWHERE"), NotFound, "'NOWHERE'"),
        (GradeReturn("R9", "A", "A00-0"), NotFound, "R9"),
        (RefundReturn("O00000001.1R1"), WrongState, "is received; this step needs it graded"),
        (ReceiveReturn("O00000001.1R1"), WrongState, "is received; this step needs it approved"),
    ],
)
def test_a_step_that_cannot_be_is_refused_by_what_is_wrong(sold, told, error, names):
    sold.do(ReceiveReturn(sold.do(slip())["rma"]))
    with pytest.raises(error, match=names):
        sold.do(told)
    assert at(sold, "RETURNS") == [("returned", 1)]


def test_a_refund_is_paid_once(sold):
    rma = sold.do(slip(2))["rma"]
    sold.do(ReceiveReturn(rma))
    sold.do(GradeReturn(rma, "B"))
    first = sold.do(RefundReturn(rma), key="refund")
    assert (first["refund_minor"], first["currency"]) == (500, "GBP")
    assert sold.do(RefundReturn(rma), key="refund") == first
    with pytest.raises(WrongState, match="is refunded"):
        sold.do(RefundReturn(rma))
    assert len(sold.told("RefundGiven")) == 1


def test_the_last_unit_of_a_line_brings_what_rounding_has_kept(floor):
    floor.do(AddPackLevels((PackLevelWanted("MUG", "trio", 3),)))
    floor.stock("MUG", 3)
    order = floor.do(PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MUG", 1, "trio", 1_000),)))["order_id"]
    floor.deliver()
    paid = [back(floor, floor.do(RequestReturn(order, 1, 1))["rma"]) for _ in range(3)]
    assert paid == [333, 333, 334]  # 1000/3, 2000/3 − 333, 3000/3 − 666, each rounded down on the running total


def test_a_case_that_cost_a_hundred_and_two_is_refunded_as_a_hundred_and_two(floor):
    floor.do(AddPackLevels((PackLevelWanted("MUG", "case", 12),)))
    floor.stock("MUG", 12)
    order = floor.do(PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MUG", 1, "case", 102),)))["order_id"]
    floor.deliver()
    assert floor.line(order).price_minor == 9  # 12 × 9 would be 108
    assert back(floor, floor.do(RequestReturn(order, 1, 12))["rma"]) == 102


def test_who_got_the_lost_parcel_and_its_replacement_is_refunded_what_was_paid(floor):
    floor.stock("MUG", 20)
    order = floor.order("R1", ("MUG", 4), price=250)
    (parcel,) = floor.ship()
    floor.do(RecordScan(parcel.tracking, "lost", floor.clock.now_ms() + DAY_MS, "van"))
    floor.deliver()
    floor.do(RecordScan(parcel.tracking, "delivered", floor.clock.now_ms() + 2 * DAY_MS, "van", "s"))
    assert (floor.buckets(order, 1), floor.buckets(order, 2)) == ({"delivered": 4}, {"delivered": 4})
    paid = [back(floor, floor.do(RequestReturn(order, line, 4))["rma"]) for line in (1, 2)]
    assert paid == [0, 1_000]


def test_a_line_of_which_part_was_lost_refunds_the_rest_in_full(floor):
    floor.stock("MUG", 120)
    order = floor.order("R1", ("MUG", 100), price=10)
    first, second = floor.ship()  # 91 and 9
    floor.do(RecordScan(first.tracking, "delivered", floor.clock.now_ms() + DAY_MS, "van", "s"))
    floor.do(RecordScan(second.tracking, "lost", floor.clock.now_ms() + DAY_MS, "van"))
    assert floor.line(order, 2).paid_minor == 90
    assert back(floor, floor.do(RequestReturn(order, 1, 91))["rma"]) == 910


def test_units_come_back_out_of_every_parcel_they_went_in(floor):
    floor.stock("MUG", 100)
    order = floor.order("R1", ("MUG", 100))
    parcels = floor.deliver()
    floor.do(ReceiveReturn(floor.do(RequestReturn(order, 1, 95))["rma"]))
    assert [row.on_hand for p in parcels for row in floor.ledger.find(Balance, "key", p.place)] == [0, 5]


@given(st.integers(0, 10**6), st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 100))
def test_partial_refunds_never_pass_what_was_paid_and_end_on_it(paid_minor, portions, kept):
    ordered, units, refunded = sum(portions) + kept, 0, 0
    for portion in portions:
        amount = refund_for(paid_minor, ordered, units, portion, refunded)
        units, refunded = units + portion, refunded + amount
        assert amount >= 0 and refunded * ordered <= paid_minor * units
    assert kept or refunded == paid_minor


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 999))
def test_returns_of_a_line_in_any_portions_pay_back_no_more_than_was_paid(new_floor, portions, price):
    floor = new_floor()
    ordered = max(sum(portions), 10)
    floor.stock("MUG", ordered)
    order = floor.order("R1", ("MUG", ordered), price=price)
    floor.deliver()
    paid = sum(back(floor, floor.do(RequestReturn(order, 1, portion))["rma"]) for portion in portions)
    assert paid == price * sum(portions)


def test_a_slip_is_never_matched_to_a_sale_that_came_after_it(sold):
    placed_at_ms = 1_323_075_600_000  # 2011-12-05 09:00, when the floor of these tests opens
    assert sold.do(MatchReturn("c1", "MUG", 1, "slip", "file.csv", 9, placed_at_ms - 1)) == {"rma": ""}
    assert sold.do(MatchReturn("c1", "MUG", 1, "slip", "file.csv", 10, placed_at_ms))["rma"] == "O00000001.1R1"


def test_a_grade_takes_the_goods_of_its_own_return_not_those_of_another_owner(floor):
    for owner in ("house", "brand"):
        floor.stock("MUG", 2, owner=owner)
    house, brand = floor.order("R1", ("MUG", 2)), floor.order("R2", ("MUG", 2), owner="brand")
    for _ in range(2):  # each owner's parts are planned apart
        floor.deliver()
    for order in (brand, house):
        floor.do(RequestReturn(order, 1, 1))
        floor.do(ReceiveReturn(f"{order}.1R1"))
    floor.do(GradeReturn(f"{house}.1R1", "A", "A00-0"))
    on_bench = [(row.owner, row.on_hand) for row in floor.ledger.find(Balance, "key", "RETURNS", "MUG") if row.on_hand]
    assert on_bench == [("brand", 1)]
    pools = {owner: floor.ledger.get(Pool, "main", "MUG", owner).eligible for owner in ("house", "brand")}
    assert pools == {"house": 1, "brand": 0}


def test_a_grade_takes_the_lot_and_serial_that_came_with_its_return(floor):
    floor.do(AddSkus((SkuWanted("CAM", is_serial_tracked=1),)))
    floor.stock("CAM", 2, serials=("S1", "S2"))
    first, second = floor.order("R1", ("CAM", 1), customer="c1"), floor.order("R2", ("CAM", 1), customer="c2")
    floor.deliver()
    for order in (first, second):
        floor.do(RequestReturn(order, 1, 1))
        floor.do(ReceiveReturn(f"{order}.1R1"))
    sent = {pick.order_id: pick.serial for pick in floor.ledger.find(Pick, "key")}
    floor.do(GradeReturn(f"{second}.1R1", "C"))
    assert [floor.ledger.get(Serial, "CAM", sent[order]).place for order in (first, second)] == ["RETURNS", "SCRAP"]


def test_goods_that_left_the_bench_are_named_and_nobody_elses_are_taken(sold):
    sold.do(RequestReturn("O00000001", 1, 2, "a"))
    sold.do(RequestReturn("O00000001", 1, 2, "b"))
    for rma in ("O00000001.1R1", "O00000001.1R2"):
        sold.do(ReceiveReturn(rma))
    sold.do(MoveStock("MUG", 3, "RETURNS", "OUTLET", status="returned"))
    with pytest.raises(StockConflict, match=r"return O00000001\.1R1: 1 of its 2 MUG are on the bench"):
        sold.do(GradeReturn("O00000001.1R1", "B"))
