"""A gateway that is killed: no order lost, none made twice, floor time goes on, and only one owns a data directory."""

import asyncio
import contextlib
import itertools
import signal
import socket
import threading

import httpx
import pytest

from floorwise.core.adapters.ledger_sql.sqlite import snapshot
from floorwise.core.errors import Conflict
from floorwise.core.model.orders import Order
from floorwise.gateway.live import serve
from floorwise.gateway.settings import Settings

CLIENTS = 3
ORDERS = 60  # of each life
KILLS = ("", "after_commit:40")  # at any moment, and after a commit before its replies


def test_orders_survive_kills_and_none_is_made_twice(floor, tools):
    """Clients send orders through two lives that are ended by force; in a third, whoever heard no reply asks again."""
    answered: dict[str, str] = {}
    clock_ms, words = 0, ("--broker", "none", "--speed", "60", "--epoch", tools.EPOCH)
    for life, failpoint in enumerate(KILLS):
        with tools.process(floor, *words, environment={"FLOORWISE_FAIL": failpoint} if failpoint else {}) as (house, child):
            tools.eventually(lambda house=house: _answers(house))
            assert house.get("/api/clock")["now_ms"] >= clock_ms
            wanted = [f"R{life}-{n}" for n in range(ORDERS)]
            threads = [threading.Thread(target=_send, args=(house, tools, wanted[n::CLIENTS], answered)) for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            if not failpoint:
                tools.eventually(lambda: len(answered) >= ORDERS // 2)
                child.send_signal(signal.SIGKILL)
            assert child.wait(tools.PATIENCE_S) == -signal.SIGKILL
            for thread in threads:
                thread.join(tools.PATIENCE_S)
        with contextlib.closing(snapshot(floor)) as ledger:
            orders = ledger.find(Order, "key")
        clock_ms = max(order.placed_at_ms for order in orders)
        there = {order.reference: order.order_id for order in orders}
        assert len(there) == len(orders)  # none twice
        assert {reference: there.get(reference) for reference in answered} == answered  # what was answered is there
    with tools.process(floor, *words) as (house, child):
        tools.eventually(lambda: _answers(house))
        assert house.get("/api/clock")["now_ms"] >= clock_ms
        for life, n in itertools.product(range(len(KILLS)), range(ORDERS)):  # made now, or found
            order_id = house.order(f"R{life}-{n}", ("MUG", 1))
            assert answered.setdefault(f"R{life}-{n}", order_id) == order_id
        tools.eventually(lambda: house.get("/api/figures")["orders"]["placed"] == len(KILLS) * ORDERS)
        with house.http.stream("GET", "/api/events") as heard:  # an open stream must not hold a stop up
            assert next(heard.iter_lines())
            child.send_signal(signal.SIGTERM)
            assert child.wait(tools.PATIENCE_S) == 0
    assert house.verified() == []


def test_a_second_gateway_on_the_same_data_is_refused_and_the_first_goes_on(floor, tools):
    with tools.running(floor) as house:
        with pytest.raises(Conflict, match="another gateway runs"):
            asyncio.run(serve(Settings(data=floor, port=0, broker="none")))
        assert house.order("still there", ("MUG", 1))


def test_a_port_that_is_taken_is_named_and_nothing_is_left_behind(floor, tools):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port}"):
            asyncio.run(serve(Settings(data=floor, port=port, broker="none")))
    assert not (floor / "gateway.json").exists()


def test_floor_time_runs_at_its_speed_and_goes_on_after_a_stop(floor, tools):
    with tools.running(floor, speed=600.0) as house:
        clock = house.get("/api/clock")
        assert (clock["kind"], clock["speed"]) == ("paced", 600.0)
        later = tools.eventually(lambda: (c := house.get("/api/clock"))["now_ms"] >= tools.EPOCH_MS + 600_000 and c)
    with tools.running(floor, speed=600.0) as house:
        assert house.get("/api/clock")["now_ms"] >= later["now_ms"]


def _send(house, tools, references: list[str], answered: dict[str, str]) -> None:
    with contextlib.suppress(httpx.TransportError):  # the gateway is dead
        for reference in references:
            answer = httpx.post(
                f"{house.url}api/orders", json=tools.wanted_order(reference, [{"sku": "MUG", "quantity": 1}]), timeout=tools.PATIENCE_S
            )
            if answer.is_success:
                answered[reference] = answer.json()["order_id"]


def _answers(house) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return house.http.get("/healthz").status_code == 200
    return False
