"""The quick way in for orders and picks: for every request the same answer and the same command as through the application."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.errors import BadInput, NotFound, OutOfStock
from floorwise.core.flow.entry import PlaceOrder
from floorwise.gateway.app import build
from floorwise.gateway.http.quick import Quick
from floorwise.gateway.writer import Busy

ORDER = {
    "channel": "web",
    "reference": "W-1",
    "customer": "c1",
    "country": "GB",
    "currency": "GBP",
    "lines": [{"sku": "MUG", "quantity": 2}],
}
NAMES = ("content-type", "content-length", "retry-after")
PICK = {"quantity": 3, "picker": "anna"}
PICK_PATH = "/api/tours/T1/picks/2/confirm"


class Desk:
    """Takes the place of the writer: notes what it is asked, answers what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[tuple[Any, str]] = []
        self._answer = answer

    async def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        self.asked.append((command, key))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def ask(app: Any, path: str, body: bytes, headers: Any = ()) -> httpx.Response:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://floor") as client:
            return await client.post(path, content=body, headers=[("content-type", "application/json"), *headers])

    return asyncio.run(post())


def both(path: str, body: bytes, headers: Any = (), answer: Any = None) -> tuple[httpx.Response, list]:
    """What the quick way answers and asks, which is what the application does."""
    told = []
    for is_quick in (True, False):
        desk = Desk(answer or {"order_id": "O1", "lines": 1, "name": "Ü"})
        gateway = SimpleNamespace(spoke=lambda picker: None, writer=desk)
        app = build(gateway)
        told.append((ask(Quick(app, gateway) if is_quick else app, path, body, headers), desk.asked))
    (quick, asked), (slow, asked_slowly) = told
    assert (quick.status_code, quick.content, asked) == (slow.status_code, slow.content, asked_slowly)
    assert [quick.headers.get(name) for name in NAMES] == [slow.headers.get(name) for name in NAMES]
    return quick, asked


def test_an_order_is_the_same_command_and_a_new_one_is_created():
    answered, asked = both("/api/orders", json.dumps(ORDER).encode(), [("idempotency-key", " k 1 ")])
    assert answered.status_code == 201
    [(command, key)] = asked
    assert isinstance(command, PlaceOrder) and (command.reference, command.lines[0].sku, key) == ("W-1", "MUG", "http/k 1")


@pytest.mark.parametrize("path", ["/api/orders", PICK_PATH])
def test_a_right_request_never_reaches_the_application(path):
    async def never(*_: Any) -> None:
        raise AssertionError("it did")

    body = json.dumps(ORDER if path == "/api/orders" else PICK).encode()
    gateway = SimpleNamespace(spoke=lambda picker: None, writer=Desk({"order_id": "O1"}))
    assert ask(Quick(never, gateway), path, body).is_success


@pytest.mark.parametrize("reply", [{"order_id": "O1", "again": 1}, {"order_id": "", "parked": 1}])
def test_an_order_that_makes_nothing_new_is_not_called_created(reply):
    assert both("/api/orders", json.dumps(ORDER).encode(), answer=reply)[0].status_code == 200


@pytest.mark.parametrize("verb", ["confirm", "short"])
def test_a_pick_names_its_tour_and_stop(verb):
    body = PICK if verb == "confirm" else {"found": 1, "picker": "anna"}
    _, [(command, _)] = both(f"/api/tours/T1/picks/7/{verb}", json.dumps(body).encode())
    assert (command.tour, command.number, command.picker) == ("T1", 7, "anna")


@pytest.mark.parametrize("error", [NotFound("no"), OutOfStock("Ü"), BadInput("x" * 2_000), Busy("later")], ids=lambda e: type(e).__name__)
def test_a_refusal_is_told_alike(error):
    assert both(PICK_PATH, json.dumps(PICK).encode(), answer=error)[0].status_code in (404, 409, 422, 503)


@pytest.mark.parametrize(
    "path",
    [
        "/api/orders/", "/api/tours/T%201/picks/7/confirm", "/api/orders/X", "/api/tours/T1/picks/0/confirm",
        "/api/tours/T1/picks/01/confirm", "/api/tours/a/b/picks/1/confirm", "/api/tours/T%2F1/picks/1/confirm",
        "/api/tours/T1/picks/9007199254740992/confirm", "/api/tours/%00/picks/1/confirm", f"/api/tours/{'T' * 201}/picks/1/confirm",
        "/api/tours/T1/picks/-1/short", "/api/tours//picks/1/short", "/api/tours/%E2%82%AC/picks/1/confirm",
    ],
)  # fmt: skip
def test_an_odd_address_means_what_the_application_says(path):
    both(path, json.dumps(PICK).encode())


@pytest.mark.parametrize(
    "headers", [[("idempotency-key", "a"), ("idempotency-key", "b")], [("idempotency-key", "")], [("idempotency-key", "a" * 201)]]
)
def test_an_odd_key_means_what_the_application_says(headers):
    both("/api/orders", json.dumps(ORDER).encode(), headers)


wild = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(-3, 9), st.lists(st.integers(), max_size=2),
    st.sampled_from([2**53, 10**30, "MUG", "", "\0", "\ud800", "a" * 201, "Ü€", "3"]),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*ORDER, "carrier", "allow_backorder", "placed_at_ms", "more"]), wild, max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_an_order_holds_both_ways_judge_it_alike(changed, data):
    lines = data.draw(
        st.lists(st.dictionaries(st.sampled_from(["sku", "quantity", "unit", "price_minor", "more"]), wild, max_size=3), max_size=2)
    )
    body = ORDER | data.draw(st.sampled_from([{}, {"lines": lines}])) | changed
    both("/api/orders", json.dumps(body).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"\\ud800"',
        b"\xff\xfe",
        b'{"quantity": 1e0, "picker": "a"}',
        b'{"quantity": 1, "quantity": 2, "picker": "a"}',
    ],
)
def test_a_body_that_is_hardly_one_is_judged_alike(body):
    both(PICK_PATH, body)
    both("/api/orders", body)
