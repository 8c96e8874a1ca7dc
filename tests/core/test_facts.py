"""Physical facts are recorded as they are; promises give way to them by the victim rule; only requests are refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import BadInput, NotFound, Refused, StockConflict, WrongState
from floorwise.core.flow.counting import ChangeStatus, OpenCount, RecordCount, SettleUnresolved
from floorwise.core.flow.handling import BuildUnit, MoveStock, MoveUnit, OpenUnit
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.touring import TakeTour
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.orders import BUCKETS, OrderLine
from floorwise.core.model.stock import Balance, Pool
from floorwise.core.model.work import CountTask, Part, Pick, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import expiry

DAY_MS = 86_400_000
MONDAY_MS = 1_323_075_600_000  # when the floor of these tests opens


@pytest.fixture
def sound(floor):
    """Every invariant holds when the test has ended."""
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def on_hand(floor, place: str, sku: str = "MUG") -> int:
    return sum(row.on_hand for row in floor.ledger.find(Balance, "key", place, sku))


def pool(floor, sku: str = "MUG") -> tuple[int, int]:
    return floor.ledger.get(Pool, "main", sku, "house")[3:5]


def walk(floor) -> list[Pick]:
    floor.release()
    floor.plan()
    floor.take()
    return floor.ledger.find(Pick, "key")


@pytest.mark.usefixtures("sound")
def test_an_offline_picker_takes_three_from_a_bin_of_two(floor):
    floor.stock("MUG", 2)
    order = floor.order("R1", ("MUG", 3))
    (pick,) = walk(floor)
    assert pick.quantity == 2
    assert floor.do(ConfirmPick(pick.tour, 1, 3, "ann", done_at_ms=floor.clock.now_ms() - 60_000)) == {"picked": 3}
    assert on_hand(floor, f"tote:{pick.part}") == 3
    assert (on_hand(floor, "A00-0"), on_hand(floor, "UNRESOLVED:A00-0")) == (0, -1)
    assert floor.buckets(order) == {"picked": 3}
    assert [(t.place, t.state) for t in floor.ledger.find(CountTask, "key")] == [("A00-0", "open")]
    assert len(floor.told("CountWanted")) == 1  # the one alert
    floor.do(ConfirmPick(pick.tour, 1, 3, "ann"))  # the device says it again
    assert on_hand(floor, f"tote:{pick.part}") == 3 and len(floor.told("CountWanted")) == 1
    assert floor.do(RecordCount("A00-0", "MUG", 0))["difference"] == 0
    assert floor.do(SettleUnresolved("A00-0", "MUG", "eve")) == {"settled": -1}
    assert (on_hand(floor, "UNRESOLVED:A00-0"), on_hand(floor, "ADJUST")) == (0, -1)


@pytest.mark.usefixtures("sound")
def test_a_unit_nobody_ordered_waits_in_the_tote_and_is_counted_there(floor):
    floor.stock("MUG", 2)
    order = floor.order("R1", ("MUG", 2))
    (pick,) = walk(floor)
    assert floor.do(ConfirmPick(pick.tour, 1, 3, "ann")) == {"picked": 2}
    assert floor.buckets(order) == {"picked": 2}
    (parcel,) = floor.pack()
    assert (on_hand(floor, parcel.place), on_hand(floor, f"tote:{pick.part}")) == (2, 1)
    assert [t.cause for t in floor.ledger.find(CountTask, "key") if t.place.startswith("tote:")] == ["left in the tote"]


@pytest.mark.usefixtures("sound")
def test_units_beyond_the_plan_come_from_the_free_ones_of_the_bin_and_the_youngest_promise_pays(floor):
    floor.stock("MUG", 4)
    picked = floor.order("R1", ("MUG", 2))
    (pick,) = walk(floor)
    young = floor.order("R2", ("MUG", 2))
    floor.do(ConfirmPick(pick.tour, 1, 3, "ann"))
    assert (on_hand(floor, "A00-0"), on_hand(floor, "UNRESOLVED:A00-0")) == (1, 0)
    assert floor.buckets(picked) == {"picked": 2}
    assert floor.buckets(young) == {"backordered": 1, "reserved": 1}


@pytest.mark.usefixtures("sound")
def test_a_count_below_what_is_promised_takes_it_back_from_the_youngest_first(floor):
    floor.stock("MUG", 10)
    old, middle, young = (floor.order(f"R{n}", ("MUG", 3)) for n in (1, 2, 3))
    assert floor.do(RecordCount("A00-0", "MUG", 5))["difference"] == -5
    # 9 promised, 5 left: the young order's 3 and 1 of the middle one's
    assert pool(floor) == (5, 5)
    assert [floor.buckets(o) for o in (old, middle, young)] == [{"reserved": 3}, {"backordered": 1, "reserved": 2}, {"backordered": 3}]
    shrunk = [(e["order_id"], e["quantity"], e["cause"]) for e in floor.told("ReservationShrunk")]
    assert shrunk == [(young, 3, "count"), (middle, 1, "count")]
    floor.stock("MUG", 2, "A01-0")
    assert [floor.buckets(o) for o in (old, middle, young)] == [{"reserved": 3}, {"reserved": 3}, {"backordered": 2, "reserved": 1}]


@pytest.mark.usefixtures("sound")
def test_an_old_order_whose_bin_is_damaged_is_served_from_the_bin_of_a_younger_one(floor):
    floor.stock("MUG", 4, "A00-0")
    old = floor.order("R1", ("MUG", 4))
    (pick,) = walk(floor)  # bound to A00-0, somebody walks
    floor.stock("MUG", 4, "A01-0")
    young = floor.order("R2", ("MUG", 4))
    floor.do(ChangeStatus("A00-0", "MUG", "available", "damaged", "a fork went through"))
    assert floor.buckets(old) == {"reserved": 4}
    assert floor.buckets(young) == {"backordered": 4}
    assert floor.ledger.get(Pick, pick.tour, 1).state == "short"
    assert floor.ledger.get(Tour, pick.tour).state == "done"
    floor.release()
    floor.plan()
    assert [(p.order_id, p.place) for p in floor.ledger.find(Pick, "key") if p.state == "open"] == [(old, "A01-0")]


@pytest.mark.usefixtures("sound")
def test_a_part_that_waits_for_a_tour_is_called_back_only_when_no_promise_is_left_to_take(floor):
    floor.stock("MUG", 6)
    floor.stock("BOWL", 2, "A01-0")
    waiting = floor.order("R1", ("MUG", 4), ("BOWL", 2))
    floor.release()
    promised = floor.order("R2", ("MUG", 2))
    floor.do(RecordCount("A00-0", "MUG", 5))  # 6 promised, 5 left: the promise pays
    assert floor.buckets(promised) == {"backordered": 1, "reserved": 1}
    assert [part.state for part in floor.ledger.find(Part, "key")] == ["waiting"]
    floor.do(RecordCount("A00-0", "MUG", 3))  # 5 promised, 3 left: the other promise and one unit of the part
    assert floor.buckets(promised) == {"backordered": 2}
    assert [part.state for part in floor.ledger.find(Part, "key")] == ["dropped"]
    assert floor.buckets(waiting) == {"backordered": 1, "reserved": 3}
    assert floor.buckets(waiting, 2) == {"reserved": 2}  # the bowls of that part lose nothing
    floor.release()
    floor.plan()
    assert sorted((p.sku, p.quantity) for p in floor.ledger.find(Pick, "key")) == [("BOWL", 2), ("MUG", 3)]


@pytest.mark.usefixtures("sound")
def test_of_two_picks_at_a_bin_the_last_in_the_tour_gives_way_and_the_first_is_still_walked(floor):
    floor.stock("MUG", 5)
    first, second = floor.order("R1", ("MUG", 3)), floor.order("R2", ("MUG", 2))
    picks = walk(floor)
    floor.do(RecordCount("A00-0", "MUG", 4))
    assert [(p.order_id, p.quantity, p.state) for p in floor.ledger.find(Pick, "key")] == [
        (p.order_id, p.quantity - (p.order_id == second), "open") for p in picks
    ]
    assert floor.buckets(first) == {"released": 3}
    assert floor.buckets(second) == {"backordered": 1, "released": 1}
    floor.pick()
    assert (floor.buckets(first), floor.buckets(second)) == ({"picked": 3}, {"backordered": 1, "picked": 1})


@pytest.mark.usefixtures("sound")
def test_a_short_pick_costs_the_youngest_promise_and_not_the_order_that_is_being_picked(floor):
    floor.stock("MUG", 5, "A00-0")
    old = floor.order("R1", ("MUG", 5))
    (pick,) = walk(floor)
    floor.stock("MUG", 5, "A01-0")
    young = floor.order("R2", ("MUG", 5))
    assert floor.do(ReportShort(pick.tour, 1, 3, "ann")) == {"picked": 3, "missing": 2, "elsewhere": 2}
    assert on_hand(floor, "UNRESOLVED:A00-0") == 2
    assert floor.buckets(old) == {"released": 2, "picked": 3}
    assert floor.buckets(young) == {"backordered": 2, "reserved": 3}


@pytest.mark.usefixtures("sound")
def test_what_a_hold_took_comes_back_to_the_oldest(floor):
    floor.stock("MUG", 4)
    old, young = floor.order("R1", ("MUG", 3)), floor.order("R2", ("MUG", 3))
    floor.do(ChangeStatus("A00-0", "MUG", "available", "held", "doubt"))
    assert [floor.buckets(o) for o in (old, young)] == [{"backordered": 3}, {"backordered": 3}]
    floor.do(ChangeStatus("A00-0", "MUG", "held", "available", "no doubt"))
    assert [floor.buckets(o) for o in (old, young)] == [{"reserved": 3}, {"backordered": 2, "reserved": 1}]


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        (RecordCount("A00-0", "MUG", -1), BadInput, "-1 is below zero"),
        (RecordCount("A99-9", "MUG", 1), NotFound, "A99-9"),
        (RecordCount("SUPPLIER", "MUG", 1), BadInput, "'SUPPLIER' is not a bin"),
        (RecordCount("tote:nobody", "MUG", 1), NotFound, "nobody"),
        (RecordCount("A00-0", "CUP", 1), NotFound, "CUP"),
        (OpenCount("A99-9", "MUG"), NotFound, "A99-9"),
        (ChangeStatus("A00-0", "MUG", "available", "broken", "x"), BadInput, "'broken'; known are"),
        (ChangeStatus("A00-0", "MUG", "available", "available", "x"), WrongState, "is available already"),
        (ChangeStatus("A00-0", "MUG", "available", "held", "x", 5), StockConflict, "4 units are available, 5 asked for"),
        (ChangeStatus("A00-0", "MUG", "available", "held", "x", -5), BadInput, "-5 units"),
        (ChangeStatus("A00-0", "MUG", "held", "available", "x"), StockConflict, "0 units are held"),
        (SettleUnresolved("A00-0", "MUG", ""), BadInput, "somebody has to approve it"),
    ],
)
@pytest.mark.usefixtures("sound")
def test_a_request_that_makes_no_sense_is_refused_by_name_and_changes_nothing(floor, command, error, words):
    floor.stock("MUG", 4)
    head = floor.ledger.head
    with pytest.raises(error, match=words):
        floor.do(command)
    assert floor.ledger.head == head and pool(floor) == (4, 0)


HAPPENS = [
    *("order", "order", "receive", "receive", "release", "release", "take", "take", "pick", "pick", "pick", "short", "short"),
    *("count", "hold", "free", "stow", "build", "carry", "open", "age"),
]
FACTS = st.lists(
    st.tuples(
        st.sampled_from(HAPPENS),
        st.integers(0, 30),
        st.integers(0, 8),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=50)
@given(FACTS)
def test_whatever_happens_on_the_floor_the_books_hold(new_floor, facts):
    floor = new_floor()
    floor.do(AddSkus((SkuWanted("MILK", is_lot_tracked=1, weight_g=1_000),)))
    for number, (what, at, units) in enumerate(facts):
        try:
            happen(floor, number, what, at, units)
        except Refused as refused:
            # counts, damage, picks and shorts are facts: nothing here makes one that contradicts itself
            assert what in ("stow", "carry", "build"), f"{what} {at} {units}: {type(refused).__name__} {refused}"
        for row in floor.ledger.find(Pool, "key"):
            assert 0 <= row.reserved <= row.eligible
        for row in floor.ledger.find(Balance, "key"):
            assert row.kind == "virtual" or 0 <= row.reserved <= row.on_hand
        for line in floor.ledger.find(OrderLine, "key"):
            assert sum(getattr(line, bucket) for bucket in BUCKETS) == line.ordered
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def happen(floor, number: int, what: str, at: int, units: int) -> None:
    bins = ["A00-0", "A01-5", "DOCK"]
    sku = ("MUG", "MILK")[at % 2]
    rows = [r for r in floor.ledger.find(Balance, "key") if r.kind in ("bin", "pallet") and r.on_hand and r.sku in ("MUG", "MILK")]
    row = rows[at % len(rows)] if rows else None
    dies_ms = (MONDAY_MS + DAY_MS, MONDAY_MS + 3 * DAY_MS, 0)[at % 3]
    lots = {"lot": f"L{at % 3}", "expires_at_ms": dies_ms} if sku == "MILK" else {}
    tours = floor.ledger.find(Tour, "by_state", "main", "taken")
    picks = [p for tour in tours for p in floor.ledger.find(Pick, "key", tour.tour) if p.state == "open"]
    pick = picks[at % len(picks)] if picks else None
    if what == "order":
        floor.order(f"R{number}", ("MUG", 1 + units), ("MILK", 1 + at % 4))
    elif what == "receive":
        floor.stock(sku, 1 + units, bins[at % 3], **lots)
    elif what == "release":
        floor.release()
        floor.plan()
    elif what == "take":
        for tour in floor.ledger.find(Tour, "by_state", "main", "open")[:1]:
            floor.do(TakeTour(tour.tour, "ann"))
    elif what == "pick" and pick:
        floor.do(ConfirmPick(pick.tour, pick.number, max(1, pick.quantity + units % 3 - 1), "ann", override_by="admin/eve"))
    elif what == "short" and pick:
        floor.do(ReportShort(pick.tour, pick.number, units % pick.quantity, "ann", override_by="admin/eve"))
    elif what == "count" and row:
        floor.do(RecordCount(row.place, row.sku, units, row.lot))
    elif what == "hold" and row:
        to_status = "damaged" if row.status == "held" else "held"
        floor.do(ChangeStatus(row.place, row.sku, row.status, to_status, "doubt", 1 + units % row.on_hand, row.lot))
    elif what == "free" and row and row.status == "held" and row.lot == "":
        floor.do(ChangeStatus(row.place, row.sku, "held", "available", "no doubt", 0))
    elif what == "stow" and row:
        floor.do(MoveStock(row.sku, units, row.place, bins[units % 3], row.lot, status=row.status))
    elif what == "build":
        floor.do(BuildUnit(f"P{at % 4}", "pallet", bins[units % 3]))
        floor.stock(sku, 1 + units, f"pallet:P{at % 4}", **lots)
    elif what in ("carry", "open"):
        there = [u for u in floor.ledger.find(HandlingUnit, "key") if u.kind == "pallet" and u.state == "open"]
        if there and what == "carry":
            floor.do(MoveUnit(there[at % len(there)].unit, bins[units % 3]))
        elif there and units == 0:
            floor.do(OpenUnit(there[at % len(there)].unit))
    elif what == "age":
        floor.clock.set(floor.clock.now_ms() + DAY_MS)
        expiry.step(floor.warehouse, floor.clock.now_ms(), 10)


@pytest.mark.parametrize(
    ("told", "error", "names"),
    [
        (RecordCount("A00-0", "CUP", 1), NotFound, "SKU 'CUP' is unknown"),
        (RecordCount("Z99", "MUG", 1), NotFound, "location 'Z99'"),
        (RecordCount("", "MUG", 1), NotFound, "location ''"),
        (RecordCount("SUPPLIER", "MUG", 1), BadInput, "'SUPPLIER' is not a bin or a handling unit"),
        (RecordCount("UNRESOLVED:A00-0", "MUG", 1), BadInput, "'UNRESOLVED:A00-0' is not a bin"),
        (RecordCount("pallet:P9", "MUG", 1), NotFound, "'P9' is unknown"),
        (RecordCount("A00-0", "MUG", -1), BadInput, "-1 is below zero"),
        (RecordCount("A00-0", "MUG", 1, lot="L1"), BadInput, "not tracked by lot, and lot L1 is given"),
    ],
)
def test_a_count_of_what_nobody_can_count_is_refused_by_name(floor, told, error, names):
    with pytest.raises(error, match=names):
        floor.do(told)
    assert floor.told("StockCounted") == []


@pytest.mark.usefixtures("sound")
def test_a_parcel_that_has_left_cannot_be_counted_here(floor):
    floor.stock("MUG", 2)
    floor.order("R1", ("MUG", 2))
    (parcel,) = floor.ship()
    for command in (RecordCount(parcel.place, "MUG", 1), OpenCount(parcel.place, "MUG")):
        with pytest.raises(WrongState, match=f"{parcel.place} is not on the floor any more, it went to TRANSIT"):
            floor.do(command)
    assert on_hand(floor, parcel.place) == 2
