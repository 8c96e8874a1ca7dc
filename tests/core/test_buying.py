"""Buying: one open purchase an article, for what is missing up to the level, and the books closed when goods come."""

import pytest

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow.buying import ReviewStock
from floorwise.core.flow.masterdata import RuleWanted, SetStockRules
from floorwise.core.flow.picking import ReportShort
from floorwise.core.flow.receiving import ReceivePurchase
from floorwise.core.model.journal import Cursor
from floorwise.core.model.supply import Purchase
from floorwise.core.workers import buying

DAY_MS = 86_400_000


@pytest.fixture
def shop(floor):
    """Ten mugs; at three or fewer, buy up to twelve; a supplier takes a day."""
    floor.do(SetStockRules((RuleWanted("MUG", 3, 12, DAY_MS),)))
    floor.stock("MUG", 10)
    return floor


def open_purchases(floor) -> list[tuple[str, int]]:
    return [(p.sku, p.quantity) for p in floor.ledger.find(Purchase, "by_expected", "main")]


def test_above_the_reorder_point_nothing_is_bought(shop):
    shop.order("R1", ("MUG", 6))
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == []


def test_at_the_reorder_point_as_much_is_bought_as_fills_the_level(shop):
    shop.order("R1", ("MUG", 7))
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 9)]  # 3 are free, 12 is the level
    (purchase,) = shop.ledger.find(Purchase, "key")
    assert purchase.expected_at_ms == shop.clock.now_ms() + DAY_MS


def test_what_is_owed_to_customers_is_bought_on_top(shop):
    shop.order("R1", ("MUG", 15))  # ten promised, five owed
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 17)]  # −5 up to 12


def test_an_article_has_one_open_purchase_however_often_somebody_looks(shop):
    for n in range(8):
        shop.order(f"R{n}", ("MUG", 2))
        buying.step(shop.warehouse, 100)
        shop.do(ReviewStock(("MUG", "MUG")))
    assert len(shop.ledger.find(Purchase, "key")) == 1
    assert len(shop.told("PurchaseRaised")) == 1


def test_an_article_without_a_rule_is_passed_over(shop):
    shop.order("R1", ("BOWL", 1))
    assert buying.step(shop.warehouse, 100) == 1
    assert open_purchases(shop) == []


def test_goods_that_come_close_the_purchase_and_serve_who_waits_oldest_first(shop):
    first, second = shop.order("R1", ("MUG", 12)), shop.order("R2", ("MUG", 5))
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 19)]  # 2 and 5 are owed
    shop.do(ReceivePurchase("P00000001", 4, "A00-1"))
    assert shop.buckets(first) == {"reserved": 12}
    assert shop.buckets(second) == {"reserved": 2, "backordered": 3}
    purchase = shop.ledger.get(Purchase, "P00000001")
    assert (purchase.state, purchase.quantity, purchase.received) == ("received", 19, 4)


def test_a_short_delivery_is_followed_by_a_purchase_of_what_still_lacks(shop):
    shop.order("R1", ("MUG", 10))
    buying.step(shop.warehouse, 100)
    shop.do(ReceivePurchase("P00000001", 2, "A00-1"))
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 10)]


def test_a_purchase_is_booked_in_once(shop):
    shop.order("R1", ("MUG", 10))
    buying.step(shop.warehouse, 100)
    shop.do(ReceivePurchase("P00000001", 12, "A00-1"))
    with pytest.raises(WrongState, match="is received; book further goods as a receipt of their own"):
        shop.do(ReceivePurchase("P00000001", 12, "A00-1"))
    with pytest.raises(NotFound, match="P9"):
        shop.do(ReceivePurchase("P9", 1, "A00-1"))


def test_a_latest_rule_holds(shop):
    shop.do(SetStockRules((RuleWanted("MUG", 5, 30, 0),)))
    shop.order("R1", ("MUG", 5))
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 25)]


@pytest.mark.parametrize("rule", [RuleWanted("MUG", 5, 5, 0), RuleWanted("MUG", -1, 5, 0), RuleWanted("MUG", 1, 5, -1)])
def test_a_rule_that_would_never_end_is_refused(shop, rule):
    with pytest.raises(BadInput, match="rule of MUG"):
        shop.do(SetStockRules((rule,)))


def test_a_short_pick_makes_somebody_look(shop):
    shop.order("R1", ("MUG", 6))
    buying.step(shop.warehouse, 100)
    shop.release()
    shop.plan()
    shop.take()
    shop.do(ReportShort("T00000001", 1, 4, "ann"))  # the bin is empty now: nothing is free, two are owed
    buying.step(shop.warehouse, 100)
    assert open_purchases(shop) == [("MUG", 14)]


def test_events_are_read_once_in_their_order_however_few_at_a_time(shop):
    for n in range(5):
        shop.order(f"R{n}", ("MUG", 1), ("BOWL", 1))
    assert [buying.step(shop.warehouse, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert shop.ledger.get(Cursor, "buying").number == shop.ledger.head[0]


def test_a_review_names_an_event_that_changed_the_stock_of_something(shop):
    with pytest.raises(NotFound, match="event 1 is a SiteAdded; buying follows OrderPlaced"):
        shop.do(ReviewStock(("MUG",), upto=1))
    with pytest.raises(NotFound, match="event 999 is not in the journal"):
        shop.do(ReviewStock(("MUG",), upto=999))
    assert shop.ledger.get(Cursor, "buying") is None
