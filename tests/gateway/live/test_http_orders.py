"""Orders over HTTP: placed once, read whole, cancelled while nobody walks."""

import contextlib
import itertools

import pytest

from floorwise.core.adapters.ledger_sql.sqlite import snapshot
from floorwise.core.model.journal import IdempotencyKey

_numbers = itertools.count(1)


@pytest.fixture
def reference() -> str:
    return f"W{next(_numbers)}"


def test_an_order_is_made_once_and_its_second_coming_is_no_new_order(house, tools, reference):
    body = tools.wanted_order(reference, [{"sku": "MUG", "quantity": 2}])
    first, again = house.post("/api/orders", **body), house.post("/api/orders", **body)
    assert (first.status_code, first.json()["reserved"]) == (201, 2)
    assert (again.status_code, again.json()["again"], again.json()["order_id"]) == (200, 1, first.json()["order_id"])


def test_the_same_reference_with_other_content_names_the_difference(house, tools, reference):
    house.order(reference, ("MUG", 2))
    other = house.post("/api/orders", **tools.wanted_order(reference, [{"sku": "MUG", "quantity": 3}]))
    assert (other.status_code, other.json()["error"]) == (409, "OrderDiffers")
    assert "line 1" in other.json()["detail"]


def test_a_key_gives_the_first_reply_and_is_refused_for_another_command(house, tools, reference):
    key = f"key-{reference}"
    one = tools.wanted_order(reference, [{"sku": "MUG", "quantity": 1}])
    first, again = house.post("/api/orders", key, **one), house.post("/api/orders", key, **one)
    assert first.json() == again.json()
    other = house.post("/api/orders", key, **one | {"reference": f"{reference}-b"})
    assert (other.status_code, other.json()["error"]) == (422, "KeyReused")


def test_a_key_given_by_http_never_takes_the_key_of_a_device(house, reference):
    order_id = house.order(reference, ("MUG", 1))
    house.post(f"/api/orders/{order_id}/cancel", "confirm/anna/1/1")
    with contextlib.closing(snapshot(house.data)) as ledger:
        assert ledger.get(IdempotencyKey, "confirm/anna/1/1") is None
        assert ledger.get(IdempotencyKey, "http/confirm/anna/1/1") is not None


def test_units_that_are_not_there_are_backordered_or_the_order_is_refused(house, tools, reference):
    much = tools.wanted_order(reference, [{"sku": "BOWL", "quantity": 100}])
    refused = house.post("/api/orders", **much, allow_backorder=0)
    assert (refused.status_code, refused.json()["error"]) == (409, "OutOfStock")
    taken = house.post("/api/orders", **much).json()
    assert taken["reserved"] + taken["backordered"] == 100 and taken["backordered"] >= 75
    assert "wait for stock" in house.get(f"/api/orders/{taken['order_id']}")["why"]
    assert house.post(f"/api/orders/{taken['order_id']}/cancel").json()["cancelled"] >= taken["backordered"]


def test_a_line_nobody_understands_is_parked_and_the_rest_goes_on(house, tools, reference):
    lines = [{"sku": "MUG", "quantity": 1}, {"sku": "NO SUCH", "quantity": 1}]
    answer = house.post("/api/orders", **tools.wanted_order(reference, lines))
    assert (answer.status_code, answer.json()["lines"], answer.json()["parked"]) == (201, 1, 1)
    nothing_left = house.post("/api/orders", **tools.wanted_order(f"{reference}-b", lines[1:]))
    assert (nothing_left.status_code, nothing_left.json()["order_id"]) == (200, "")


@pytest.mark.parametrize(
    "change",
    [{"lines": []}, {"currency": "POUND"}, {"reference": ""}, {"colour": "red"}, {"allow_backorder": 2}, {"channel": "a\0b"},
     {"lines": [{"sku": "MUG", "quantity": 1.5}]}, {"lines": [{"sku": "MUG", "quantity": True}]},
     {"lines": [{"sku": "MUG", "quantity": 2**53}]}, {"currency": "EUR"}],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_bad_input_and_says_where(house, tools, reference, change):
    answer = house.post("/api/orders", **tools.wanted_order(reference, [{"sku": "MUG", "quantity": 1}]) | change)
    assert (answer.status_code, answer.json()["error"]) == (422, "BadInput")
    assert next(iter(change)) in answer.json()["detail"] or change == {"currency": "EUR"}


def test_a_list_of_orders_is_paged_from_the_newest_without_gap_or_double(house, tools):
    made = [house.order(f"page-{n}", ("MUG", 1)) for n in range(7)]
    tools.eventually(lambda: house.get("/api/orders", limit=1)["orders"][0]["order_id"] == made[-1])
    seen, after = [], ""
    while True:
        page = house.get("/api/orders", limit=3, after=after)
        seen += [order["order_id"] for order in page["orders"]]
        after = page["next"]
        if not after:
            break
    assert seen[:7] == made[::-1]
    assert len(seen) == len(set(seen))


def test_an_order_tells_its_lines_and_the_events_that_name_it(house, tools, reference):
    order_id = house.order(reference, ("MUG", 2), ("BOWL", 1))
    order = house.get(f"/api/orders/{order_id}")
    assert [sum(line["buckets"].values()) for line in order["lines"]] == [line["ordered"] for line in order["lines"]] == [2, 1]
    told = tools.eventually(lambda: house.get(f"/api/orders/{order_id}")["events"])
    assert (told[0]["kind"], told[0]["body"]["order_id"]) == ("OrderPlaced", order_id)


def test_an_order_that_left_cannot_be_cancelled_and_one_unknown_is_not_found(house, reference):
    order_id = house.order(reference, ("MUG", 1))
    house.walked(order_id)
    late = house.post(f"/api/orders/{order_id}/cancel")
    assert (late.status_code, late.json()["error"]) == (409, "WrongState")
    assert house.http.get("/api/orders/NONE").status_code == house.post("/api/orders/NONE/cancel").status_code == 404
