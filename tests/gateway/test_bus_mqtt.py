"""The threaded MQTT connection: it comes by itself, comes back by itself, and a handler that fails does not end it."""

import os
import queue
import signal
import threading

import pytest

from floorwise.core.adapters.bus_mqtt import MqttBus
from floorwise.core.model.readings import MESSAGE_BYTES
from floorwise.gateway import broker as brokers

PATIENCE_S = 30.0


@pytest.fixture
def heard() -> queue.Queue:
    return queue.Queue()


@pytest.fixture
def buses():
    made: list[MqttBus] = []
    yield made.append
    for bus in made:
        bus.stop()


def listener(broker, heard, buses, **more) -> MqttBus:
    bus = MqttBus(broker.url, "listener", ["up/+/batch"], lambda topic, payload, retained: heard.put((topic, payload, retained)), **more)
    buses(bus)
    bus.start()
    assert bus.wait_connected(PATIENCE_S)
    return bus


def test_what_is_published_before_there_is_a_broker_arrives_when_there_is_one(tmp_path, heard, buses, broker_kind):
    port = brokers.free_port()
    early = MqttBus(f"mqtt://127.0.0.1:{port}", "early")
    buses(early)
    early.start()
    early.publish("up/a/batch", b"kept", retain=True)
    assert not early.is_connected
    broker = brokers.start(broker_kind, port, tmp_path / "broker")
    try:
        listener(broker, heard, buses)
        assert heard.get(timeout=PATIENCE_S)[:2] == ("up/a/batch", b"kept")
    finally:
        broker.stop()


def test_a_connection_comes_back_with_its_subscriptions_and_says_so(broker, heard, buses):
    ups = threading.Semaphore(0)
    bus = listener(broker, heard, buses, on_up=ups.release)
    assert ups.acquire(timeout=PATIENCE_S)
    os.kill(broker.pid, signal.SIGKILL)
    while broker.is_alive:
        threading.Event().wait(0.02)
    broker.restart()
    assert ups.acquire(timeout=PATIENCE_S)
    assert bus.connects == 2
    bus.publish("up/b/batch", b"again")
    assert heard.get(timeout=PATIENCE_S) == ("up/b/batch", b"again", False)


def test_a_handler_that_fails_does_not_end_the_connection(any_broker, heard, buses):
    def fussy(topic: str, payload: bytes, retained: bool) -> None:
        heard.put(payload)
        raise ValueError(payload)

    bus = MqttBus(any_broker.url, "fussy", ["up/+/batch"], fussy)
    buses(bus)
    bus.start()
    assert bus.wait_connected(PATIENCE_S)
    for payload in (b"one", b"two"):
        bus.publish("up/a/batch", payload)
    assert [heard.get(timeout=PATIENCE_S) for _ in range(2)] == [b"one", b"two"]


def test_a_will_is_heard_when_its_connection_is_lost_and_not_after_a_tidy_parting(any_broker, heard, buses):
    listener(any_broker, heard, buses)
    tidy = MqttBus(any_broker.url, "tidy", will=("up/tidy/batch", b"dead"))
    tidy.start()
    assert tidy.wait_connected(PATIENCE_S)
    tidy.publish("up/tidy/batch", b"bye")
    assert heard.get(timeout=PATIENCE_S)[1] == b"bye"
    tidy.stop()
    lost = MqttBus(any_broker.url, "lost", will=("up/lost/batch", b"dead"))
    lost.start()
    assert lost.wait_connected(PATIENCE_S)
    lost._client.socket().shutdown(2)  # as a cable that is pulled; paho connects again, the broker has told the will
    assert heard.get(timeout=PATIENCE_S) == ("up/lost/batch", b"dead", False)
    lost.stop()


def test_too_large_a_payload_and_a_strange_address_are_refused(any_broker):
    with pytest.raises(ValueError, match="at most"):
        MqttBus(any_broker.url, "big").publish("up/a/batch", b"x" * (MESSAGE_BYTES + 1))
    with pytest.raises(ValueError, match="mqtt://"):
        MqttBus("http://localhost", "web")
