"""Release: what is promised becomes parts that one person can carry, bulk lines pallets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import NotFound
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.journal import Timer
from floorwise.core.model.policies import PART
from floorwise.core.model.work import Part, PartLine
from floorwise.core.workers import waving

PIN = SkuWanted("PIN", weight_g=1, volume_mm3=1)
SAFE = SkuWanted("SAFE", weight_g=50_000, volume_mm3=100_000_000)  # 50 kg, 100 l
ENGINE = SkuWanted("ENGINE", weight_g=900_000, volume_mm3=1_000_000_000)  # beyond a pallet's 800 kg


@pytest.fixture
def shop(floor):
    floor.do(AddSkus((PIN, SAFE, ENGINE)))
    for sku, quantity in (("PIN", 200_000), ("SAFE", 100), ("ENGINE", 3), ("MUG", 1_000), ("BOWL", 1_000)):
        floor.stock(sku, quantity)
    return floor


def parts_of(floor, order: str) -> list[tuple[str, int, int]]:
    """(kind, lines, units) of each part of an order."""
    return [(part.kind, part.lines, part.units) for part in floor.ledger.find(Part, "by_order", order)]


def released(floor, *lines: tuple[str, int]) -> list[tuple[str, int, int]]:
    order = floor.order("R1", *lines)
    floor.do(ReleaseOrders((order,)))
    return parts_of(floor, order)


def test_an_order_that_one_person_can_carry_is_one_part(shop):
    assert released(shop, ("MUG", 4), ("BOWL", 2)) == [("cart", 2, 6)]


def test_two_thousand_units_are_a_part_and_one_more_is_bulk(shop):
    assert released(shop, ("PIN", 2_000)) == [("cart", 1, 2_000)]
    order = shop.order("R2", ("PIN", 2_001))
    shop.release()
    assert parts_of(shop, order) == [("bulk", 1, 2_001)]


def test_lines_in_their_order_fill_a_part_until_one_would_overflow_it(shop):
    assert released(shop, ("PIN", 1_500), ("PIN", 500), ("PIN", 1)) == [("cart", 2, 2_000), ("cart", 1, 1)]


def test_the_sixty_first_line_begins_a_second_part(shop):
    assert released(shop, *[("PIN", 1)] * 61) == [("cart", 60, 60), ("cart", 1, 1)]


def test_weight_splits_where_units_do_not(shop):
    # Bowls weigh 500 g: 100 are 50 kg, 61 more would make 80.5 kg of 80.
    assert released(shop, ("BOWL", 100), ("BOWL", 60), ("BOWL", 1)) == [("cart", 1, 100), ("cart", 2, 61)]


def test_volume_splits_where_weight_does_not(shop):
    # A mug is a litre and 300 g: 260 are 260 l and 78 kg; 150 bowls are 300 l and 75 kg, exactly a part.
    assert released(shop, ("BOWL", 150), ("MUG", 1)) == [("cart", 1, 150), ("cart", 1, 1)]


def test_a_bulk_line_becomes_as_many_pallets_as_its_units_need(shop):
    assert released(shop, ("PIN", 45_001)) == [("bulk", 1, 20_000), ("bulk", 1, 20_000), ("bulk", 1, 5_001)]


def test_heavy_goods_fill_a_pallet_by_weight(shop):
    assert released(shop, ("SAFE", 20)) == [("bulk", 1, 16), ("bulk", 1, 4)]  # 16 × 50 kg = 800 kg


def test_what_is_beyond_every_pallet_travels_one_by_one(shop):
    assert released(shop, ("ENGINE", 2)) == [("bulk", 1, 1), ("bulk", 1, 1)]


def test_a_bulk_line_leaves_the_rest_of_its_order_on_carts(shop):
    assert released(shop, ("MUG", 4), ("PIN", 2_500), ("BOWL", 1)) == [("cart", 2, 5), ("bulk", 1, 2_500)]


def test_only_what_is_promised_is_released_and_the_rest_makes_a_later_part(shop):
    order = shop.order("R1", ("MUG", 1_003))
    shop.release()
    assert sum(units for _, _, units in parts_of(shop, order)) == 1_000
    assert shop.buckets(order) == {"backordered": 3, "released": 1_000}
    shop.stock("MUG", 5)
    shop.release()
    assert parts_of(shop, order)[-1] == ("cart", 1, 3)
    assert shop.buckets(order) == {"released": 1_003}


def test_an_order_with_nothing_promised_is_passed_over(floor):
    order = floor.order("R1", ("MUG", 1))
    assert floor.do(ReleaseOrders((order,))) == {"parts": 0}
    assert floor.ledger.find(Timer, "key") == []


def test_an_order_released_twice_makes_its_parts_once(shop):
    order = shop.order("R1", ("MUG", 1))
    assert shop.do(ReleaseOrders((order,))) == {"parts": 1}
    assert shop.do(ReleaseOrders((order,))) == {"parts": 0}


def test_an_unknown_order_is_refused_and_none_of_the_others_is_released(shop):
    order = shop.order("R1", ("MUG", 1))
    with pytest.raises(NotFound, match="O99"):
        shop.do(ReleaseOrders((order, "O99")))
    assert shop.buckets(order) == {"reserved": 1}


def test_the_next_truck_is_released_first(shop):
    late = shop.order("R1", ("MUG", 1))  # 17:00
    soon = shop.order("R2", ("MUG", 1), carrier="bike")  # 12:00
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, limit=1) == 1
    assert (shop.buckets(soon), shop.buckets(late)) == ({"released": 1}, {"reserved": 1})


def test_a_truck_beyond_the_horizon_waits(shop):
    order = shop.order("R1", ("MUG", 1))  # its truck leaves in eight hours
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 8 * 3_600_000 - 1, 10) == 0
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 8 * 3_600_000, 10) == 1
    assert shop.buckets(order) == {"released": 1}


def test_a_full_floor_takes_no_more_until_somebody_has_picked(shop, monkeypatch):
    monkeypatch.setattr(waving, "MOST_PARTS", 2)
    for n in range(3):
        shop.order(f"R{n}", ("MUG", 1))
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 10) == 2
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 10) == 0
    shop.plan()
    shop.take()
    shop.pick()
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 10) == 1


def test_each_who_walks_makes_room_for_the_cart_at_hand_and_the_next(shop, monkeypatch):
    monkeypatch.setattr(waving, "MOST_PARTS", 3)
    for n in range(50):
        shop.order(f"R{n}", ("MUG", 1))
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 100) == 3
    shop.plan()
    assert len(shop.take()) == 3  # an S-shape walk has one part
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 100) == 45  # 3 walk, 2 carts each, 8 parts on a cart
    shop.pick()
    assert waving.step(shop.warehouse, "main", shop.clock.now_ms(), 86_400_000, 100) == 0  # nobody walks: 45 are more than 3


LINES = st.lists(st.tuples(st.sampled_from(["PIN", "MUG", "BOWL", "SAFE"]), st.integers(1, 3_000)), min_size=1, max_size=70)


@settings(max_examples=25)
@given(LINES)
def test_parts_hold_exactly_what_was_released_and_carts_never_more_than_a_person_can_carry(new_floor, lines):
    floor = new_floor()
    floor.do(AddSkus((PIN, SAFE)))
    for sku in ("PIN", "MUG", "BOWL", "SAFE"):
        floor.stock(sku, 300_000)
    wanted = tuple(LineWanted(sku, quantity) for sku, quantity in lines)
    order = floor.do(PlaceOrder("shop", "R1", "c", "GB", "GBP", wanted))["order_id"]
    floor.do(ReleaseOrders((order,)))
    sums: dict[int, int] = {}
    for part in floor.ledger.find(Part, "by_order", order):
        rows = floor.ledger.find(PartLine, "key", part.part)
        assert (part.lines, part.units) == (len(rows), sum(row.quantity for row in rows))
        if part.kind == "cart":
            assert part.lines <= PART.lines and part.units <= PART.units
            assert part.weight_g <= PART.weight_g and part.volume_mm3 <= PART.volume_mm3
        else:
            assert part.lines == 1 and (part.weight_g <= 800_000 or part.units == 1)
        for row in rows:
            sums[row.line] = sums.get(row.line, 0) + row.quantity
    assert sums == {number: quantity for number, (_, quantity) in enumerate(lines, 1)}
    assert all(floor.buckets(order, number) == {"released": quantity} for number, quantity in sums.items())
