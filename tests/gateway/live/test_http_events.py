"""The journal as it happens: every event once, in order, to every listener, over any number of interruptions."""

import contextlib
import itertools
import json
import socket
from collections.abc import Iterator

from floorwise.gateway.http import streams


@contextlib.contextmanager
def listening(house, after: int | None = None, **query) -> Iterator[Iterator[dict]]:
    """Events of a stream, as they come."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with house.http.stream("GET", "/api/events", params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[dict]:
    told: dict[str, str] = {}
    for line in lines:
        if not line and told:
            body = json.loads(told["data"])
            assert (str(body["number"]), body["kind"]) == (told["id"], told["event"])
            yield body
            told = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            told[name] = value


def test_two_listeners_hear_the_same_and_one_that_comes_back_misses_nothing(house):
    with listening(house, after=0) as one, listening(house, after=0) as other:
        house.order("heard by both", ("MUG", 1))
        first, second = [], []
        for heard, into in ((one, first), (other, second)):
            for event in heard:
                into.append(event)
                if event["kind"] == "OrderPlaced":
                    break
    assert first == second
    assert [event["number"] for event in first] == list(range(1, len(first) + 1))
    last = first[-1]["number"]
    house.order("while nobody listened", ("MUG", 1))
    with listening(house, after=last) as again:
        event = next(again)
        assert event["number"] == last + 1
        while event["kind"] != "OrderPlaced":
            event = next(again)
        assert event["body"]["reference"] == "while nobody listened"


def test_a_listener_without_a_number_hears_only_what_is_new(house):
    before = house.get("/api/figures")["journal_number"]
    with listening(house) as heard:
        house.order("new", ("MUG", 1))
        assert next(heard)["number"] > before


def test_a_listener_may_ask_for_some_kinds_only(house):
    house.order("of a kind", ("MUG", 1))
    with listening(house, after=0, kinds="OrderPlaced,SiteAdded") as heard:
        assert [next(heard)["kind"] for _ in range(2)] == ["SiteAdded", "OrderPlaced"]


def test_what_is_asked_wrongly_is_refused(house):
    name = "Last-Event-ID"
    for query, headers in (({"kinds": "Nonsense"}, {}), ({"after": "-1"}, {}), ({}, {name: "x"}), ({}, {name: str(2**60)})):
        answer = house.http.get("/api/events", params=query, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (422, "BadInput")


def test_one_stream_too_many_is_told_to_come_back(house, monkeypatch):
    monkeypatch.setattr(streams, "STREAMS", 1)
    with listening(house):
        answer = house.http.get("/api/events")
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (503, "Busy", "1")


def test_a_listener_that_does_not_listen_is_cut_and_the_others_go_on(house, tools, monkeypatch):
    monkeypatch.setattr(streams, "SLOW_S", 0.3)
    port = int(house.url.rsplit(":", 1)[1].strip("/"))
    with contextlib.ExitStack() as held:
        deaf = held.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(f"GET /api/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        heard = held.enter_context(listening(house))
        # Rows for review are an event each; how many of them the sockets between will buffer for a client is the machine's to say.
        def is_cut() -> bool:
            return "floorwise_streams_cut_total 1.0" in house.http.get("/metrics").text

        numbers = itertools.count()

        def more() -> bool:
            lines = [{"sku": "x" * 199, "quantity": 1}] * 1_000
            assert house.post("/api/orders", **tools.wanted_order(f"{'x' * 190}-{next(numbers)}", lines)).status_code == 200
            return is_cut()

        tools.eventually(more)
        assert next(heard)["kind"] == "RowParked"
