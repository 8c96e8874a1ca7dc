"""Whatever is asked, the answer is a status that was meant: no 5xx but "come back", and the books balance afterwards."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.gateway.http.commands import OPEN

EXAMPLES = 60
texts = st.one_of(
    st.sampled_from(["MUG", "BOWL", "A00-0", "house", "paper", "anna", "available", "held", "UNRESOLVED:A00-0", "tote:X", "each"]),
    st.text(max_size=30),
    st.sampled_from(["\0", "\ud800", "a" * 300, "'; DROP TABLE event; --", "../..", "%00", "\u202e", "\x1d"]),
)
numbers = st.one_of(st.integers(-3, 50), st.sampled_from([2**31, 2**53 - 1, 2**53, 2**63, -(2**53), 10**30]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)


def fitting(kind: str) -> st.SearchStrategy:
    """Mostly a value of the kind that a field's description names, so that commands get beyond their shape."""
    if kind == "integer":
        right: st.SearchStrategy = numbers
    elif kind.startswith("list of "):
        right = st.lists(fitting(kind.removeprefix("list of ")), max_size=3)
    elif kind.startswith("{"):
        right = st.fixed_dictionaries({name: fitting(inner) for name, inner in re.findall(r"(\w+): (integer|text)", kind)})
    else:
        right = texts
    return st.one_of(right, right, right, right, right, values)


def answered(answer) -> None:
    assert answer.status_code < 500 or answer.headers.get("retry-after"), f"{answer.request.method} {answer.request.url}: {answer.text}"
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error", "detail"}


@pytest.fixture(scope="module")
def commands(house) -> list[dict]:
    return house.get("/api/commands")["commands"]


@given(data=st.data())
@settings(max_examples=5 * EXAMPLES)
def test_no_command_breaks_the_gateway(house, commands, data):
    command = data.draw(st.sampled_from(commands))
    given_fields = [field for field in command["fields"] if "default" not in field or data.draw(st.booleans())]
    body = {field["name"]: data.draw(fitting(field["type"])) for field in given_fields}
    answered(house.http.post(f"/api/commands/{command['name']}", content=dumped(body), headers={"Content-Type": "application/json"}))


lines = st.lists(st.fixed_dictionaries({"sku": texts, "quantity": numbers, "price_minor": numbers}), max_size=3)
orders = st.fixed_dictionaries(
    dict.fromkeys(("channel", "reference", "customer", "country"), texts) | {"currency": st.just("GBP"), "lines": lines}
)
WRITES = (
    "orders", "orders/X/cancel", "tours/T1/take", "tours/T1/picks/1/confirm", "tours/T1/picks/9999999999999999999/short",
    "shipments/X/scans",
)  # fmt: skip
READS = ("orders", "stock", "floor", "tours", "shipments", "readings", "readings/latest", "excursions", "work", "figures")
ASKED = ("state", "status", "limit", "after", "sku", "place", "parts", "device", "metric", "from_ms", "to_ms", "step_ms", "open")


@given(body=st.one_of(values, orders), path=st.sampled_from(WRITES), key=st.text(st.characters(codec="ascii"), max_size=12))
@settings(max_examples=3 * EXAMPLES)
def test_no_body_breaks_a_route(house, body, path, key):
    headers = {"Content-Type": "application/json"}
    if key == key.strip() and key.isprintable() and key:
        headers["Idempotency-Key"] = key
    answered(house.http.post(f"/api/{path}", content=dumped(body), headers=headers))


@given(path=st.sampled_from(READS), query=st.dictionaries(st.sampled_from(ASKED), st.one_of(texts, numbers.map(str)), max_size=4))
@settings(max_examples=3 * EXAMPLES)
def test_no_question_breaks_a_route(house, path, query):
    answer = house.http.get(f"/api/{path}", params={name: value.encode("utf-8", "surrogatepass") for name, value in query.items()})
    if answer.status_code != 503 or answer.json()["error"] != "NoStore":
        answered(answer)


@given(path=st.sampled_from(["/api/orders/", "/api/tours/", "/api/shipments/", "/static/", "/"]), rest=texts)
@settings(max_examples=EXAMPLES)
def test_no_address_breaks_a_route(house, path, rest):
    answer = house.http.get(path + quote(rest.encode("utf-8", "surrogatepass")))
    assert answer.status_code < 500, answer.text


def test_the_books_balance_after_all_that(house):
    assert house.get("/healthz") == {"ok": True}
    assert {"StartPack", "AddSite", "PlaceOrder"} <= set(OPEN)
    assert [fault for fault in house.verified() if not fault.startswith("I6")] == []


def dumped(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=True).encode()
