"""The first level of reservation: never oversold, never undersold, and always assignable, as an independent oracle says."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import OutOfStock
from floorwise.core.flow.counting import ChangeStatus
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.touring import FallBack
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import Balance, Lot, Pool
from floorwise.core.model.work import Part, Pick
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import expiry

DAY_MS = 86_400_000


def max_flow(supply: list[tuple[int, int]], demand: list[tuple[int, int]]) -> int:
    """Units that can be assigned at most: Ford and Fulkerson with shortest paths, on source → lots → promises → sink.

    supply is (expiry, units), demand (minimum expiry, units). Nothing here knows that eligible sets are nested.
    """
    source, sink = "s", "t"
    room: dict[tuple, int] = {}
    for i, (expires, units) in enumerate(supply):
        room[source, ("lot", i)] = units
        for j, (minimum, wanted) in enumerate(demand):
            room[("order", j), sink] = wanted
            if expires >= minimum:
                room[("lot", i), ("order", j)] = units
    beside: dict = {}
    for a, b in list(room):
        room.setdefault((b, a), 0)
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    flow = 0
    while True:
        came = {source: None}
        queue = deque([source])
        while queue and sink not in came:
            for b in beside.get(here := queue.popleft(), ()):
                if b not in came and room[here, b] > 0:
                    came[b] = here
                    queue.append(b)
        if sink not in came:
            return flow
        path, b = [], sink
        while came[b] is not None:
            path.append((came[b], b))
            b = came[b]
        least = min(room[edge] for edge in path)
        for a, b in path:
            room[a, b] -= least
            room[b, a] += least
        flow += least


def test_the_oracle_finds_a_flow_worked_out_by_hand():
    # 10 units for day 5, 3 for day 9; 4 asked with any date, 5 for day 7: 4 + 3 can be served
    assert max_flow([(5, 10), (9, 3)], [(0, 4), (7, 5)]) == 7
    assert max_flow([(5, 2)], [(6, 1)]) == 0
    assert max_flow([], [(0, 1)]) == 0


def milk_floor(new_floor):
    floor = new_floor()
    floor.do(AddSkus((SkuWanted("MILK", is_lot_tracked=1, weight_g=1),)))
    return floor


def supply_of(floor) -> list[tuple[int, int]]:
    """(expiry, units) of every balance that may be sold and is not bound."""
    rows = [row for row in floor.ledger.find(Balance, "stock", "MILK") if row.status == "available" and row.place.startswith("A")]
    return [(floor.ledger.get(Lot, "MILK", row.lot).expires_at_ms, row.on_hand - row.reserved) for row in rows]


def promises_of(floor) -> list[tuple[int, int]]:
    """(minimum expiry, units) of every promise that no bin is bound to yet."""
    lines = [line for line in floor.ledger.find(OrderLine, "key") if line.sku == "MILK"]
    bound = {}
    for pick in floor.ledger.find(Pick, "key"):
        if pick.state == "open":
            bound[pick.order_id, pick.line] = bound.get((pick.order_id, pick.line), 0) + pick.quantity
    return [
        (max(line.min_expiry_ms, floor.clock.now_ms()), line.reserved + line.released - bound.get((line.order_id, line.line), 0))
        for line in lines
    ]


def require_assignable(floor) -> None:
    promised = promises_of(floor)
    assert max_flow(supply_of(floor), promised) == sum(units for _, units in promised)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.integers(1, 120), st.integers(1, 9)),  # days to live, units
        st.tuples(st.just("order"), st.sampled_from([0, 0, 20, 60, 100]), st.integers(1, 9)),  # minimum days, units
        st.tuples(st.just("cancel"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("release"), st.just(0), st.just(0)),
        st.tuples(st.just("hold"), st.integers(0, 30), st.integers(1, 9)),
        st.tuples(st.just("days"), st.integers(1, 40), st.just(0)),
    ),
    min_size=4,
    max_size=25,
)


@settings(max_examples=60)
@given(STEPS)
def test_an_order_is_refused_only_when_the_oracle_finds_no_place_for_it_and_all_that_is_promised_can_be_assigned(new_floor, steps):
    floor = milk_floor(new_floor)
    for number, (what, value, units) in enumerate(steps):
        if what == "receive":
            expires_at_ms = floor.clock.now_ms() + value * DAY_MS
            floor.stock("MILK", units, f"A00-{number % 10}", lot=f"L{number}", expires_at_ms=expires_at_ms)
        elif what == "order":
            place_and_ask_the_oracle(floor, f"R{number}", units, value)
        elif what == "cancel":
            orders = [order for order in floor.ledger.find(Order, "key") if order.waiting]
            if orders:
                floor.do(CancelOrder(orders[value % len(orders)].order_id))
        elif what == "release":
            floor.release()
            floor.do(FallBack(tuple(part.part for part in floor.ledger.find(Part, "by_state", "main", "waiting"))))
        elif what == "hold":
            held = [row for row in floor.ledger.find(Balance, "stock", "MILK") if row.status == "available"]
            if held:
                row = held[value % len(held)]
                floor.do(ChangeStatus(row.place, "MILK", "available", "held", "doubt", min(units, row.on_hand), row.lot))
        else:
            floor.clock.set(floor.clock.now_ms() + value * DAY_MS)
            expiry.step(floor.warehouse, floor.clock.now_ms(), 100)
        require_assignable(floor)
    assert [check for check in verify(floor.ledger) if not check.ok] == []


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([10, 30, 90]), st.integers(3, 9)), min_size=2, max_size=5),
    st.lists(st.tuples(st.sampled_from([0, 20, 60]), st.integers(1, 6)), min_size=2, max_size=6),
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=3),
)
def test_whatever_is_held_afterwards_the_promises_that_remain_can_be_assigned(new_floor, lots, orders, holds):
    floor = milk_floor(new_floor)
    for number, (days, units) in enumerate(lots):
        floor.stock("MILK", units, f"A00-{number}", lot=f"L{number}", expires_at_ms=floor.clock.now_ms() + days * DAY_MS)
    for number, (days, units) in enumerate(orders):
        lines = (LineWanted("MILK", units, min_shelf_life_days=days),)
        floor.do(PlaceOrder("shop", f"R{number}", "c1", "GB", "GBP", lines))
    for at, units in holds:
        rows = [row for row in floor.ledger.find(Balance, "stock", "MILK") if row.status == "available"]
        if rows:
            row = rows[at % len(rows)]
            floor.do(ChangeStatus(row.place, "MILK", "available", "held", "doubt", min(units, row.on_hand), row.lot))
            require_assignable(floor)


def place_and_ask_the_oracle(floor, reference: str, units: int, days: int) -> None:
    minimum = floor.clock.now_ms() + days * DAY_MS
    promised = promises_of(floor)
    before = max_flow(supply_of(floor), promised)
    able = max_flow(supply_of(floor), [*promised, (minimum, units)]) - before
    wanted = PlaceOrder("shop", reference, "c1", "GB", "GBP", (LineWanted("MILK", units, min_shelf_life_days=days),), allow_backorder=0)
    try:
        assert floor.do(wanted)["reserved"] == units == able
    except OutOfStock as refused:
        assert able < units, f"undersold: the oracle places {able} of {units}"
        assert f": {able} of {units} MILK are eligible" in str(refused)


def test_a_promise_without_minimum_takes_the_short_dates_and_leaves_the_long_ones(new_floor):
    floor = milk_floor(new_floor)
    for lot, days in (("short", 10), ("long", 90)):
        floor.stock("MILK", 10, "A00-0", lot=lot, expires_at_ms=floor.clock.now_ms() + days * DAY_MS)
    anybody = PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MILK", 10),), allow_backorder=0)
    choosy = PlaceOrder("shop", "R2", "c1", "GB", "GBP", (LineWanted("MILK", 10, min_shelf_life_days=60),), allow_backorder=0)
    assert (floor.do(anybody)["reserved"], floor.do(choosy)["reserved"]) == (10, 10)
    floor.release()
    floor.plan()
    assert sorted((p.order_id, p.lot, p.quantity) for p in floor.ledger.find(Pick, "key")) == [
        ("O00000001", "short", 10),
        ("O00000002", "long", 10),
    ]


def test_when_long_dates_are_lost_the_youngest_who_needs_them_gives_way_although_the_pool_has_enough(new_floor):
    floor = milk_floor(new_floor)
    for lot, days in (("short", 10), ("long", 90)):
        floor.stock("MILK", 10, "A00-0", lot=lot, expires_at_ms=floor.clock.now_ms() + days * DAY_MS)
    orders = []
    for reference, units, days in (("old", 4, 60), ("young", 4, 60), ("last", 2, 0)):
        lines = (LineWanted("MILK", units, min_shelf_life_days=days),)
        orders.append(floor.do(PlaceOrder("shop", reference, "c1", "GB", "GBP", lines))["order_id"])
    floor.do(ChangeStatus("A00-0", "MILK", "available", "held", "doubt", 5, "long"))
    # 5 long ones are left for 8 units that need them: 3 of the young order's give way; the last order takes short ones
    assert floor.ledger.get(Pool, "main", "MILK", "house")[3:5] == (15, 7)
    assert [floor.buckets(order) for order in orders] == [{"reserved": 4}, {"backordered": 3, "reserved": 1}, {"reserved": 2}]


def test_an_order_of_two_lines_is_promised_whole_or_not_at_all_without_backorders(floor):
    floor.stock("MUG", 5)
    wanted = PlaceOrder("shop", "R1", "c1", "GB", "GBP", (LineWanted("MUG", 5), LineWanted("BOWL", 1)), allow_backorder=0)
    try:
        floor.do(wanted)
        raise AssertionError("there is no bowl")
    except OutOfStock as refused:
        assert "0 of 1 BOWL are eligible" in str(refused)
    assert floor.ledger.get(Pool, "main", "MUG", "house").reserved == 0
    assert floor.ledger.find(Order, "key") == []
