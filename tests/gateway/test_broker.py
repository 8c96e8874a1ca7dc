"""Brokers of our own: they answer when `start` returns, carry what the contract allows, and never outlive who started them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.errors import BadInput
from floorwise.core.model.readings import MESSAGE_BYTES
from floorwise.gateway import broker as brokers

PATIENCE_S = 20.0


@pytest.fixture(params=["mosquitto", "embedded"])
def kind(request, require) -> str:
    if request.param == "mosquitto":
        require(brokers.find_mosquitto(), "mosquitto is not installed")
    return request.param


@pytest.fixture
def broker(kind, tmp_path):
    one = brokers.start(kind, 0, tmp_path / "broker")
    yield one
    one.stop()


class Ear:
    """A client that notes what it hears on a topic."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[bytes] = []
        self.ready, self.come = threading.Event(), threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port, keepalive=10)
        self.client.loop_start()
        assert self.ready.wait(PATIENCE_S)

    def _hear(self, _client, _data, message) -> None:
        self.heard.append(message.payload)
        self.come.set()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def until(claim) -> None:
    end = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < end, "it did not come to pass"
        threading.Event().wait(0.02)


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_broker_answers_as_soon_as_start_returns_and_is_gone_after_stop(broker):
    assert broker.is_alive and brokers.answers(broker.host, broker.port)
    broker.stop()
    assert not broker.is_alive
    assert not brokers.answers(broker.host, broker.port)


def test_the_largest_payload_of_the_contract_gets_through_and_retained_ones_are_kept(broker):
    payload = b"x" * MESSAGE_BYTES
    first = Ear(broker.port, "up/#")
    first.client.publish("up/edge-1/batch", payload, qos=1, retain=True)
    assert first.come.wait(PATIENCE_S)
    second = Ear(broker.port, "up/#")
    assert second.come.wait(PATIENCE_S)
    first.close()
    second.close()
    assert first.heard == second.heard == [payload]


def test_a_broker_listens_on_loopback_only(broker):
    hexport = f":{broker.port:04X}"
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    listening = {words[1].split(":")[0] for words in lines if words[1].endswith(hexport) and words[3] == "0A"}
    assert listening == {"0100007F"}


def test_a_killed_broker_comes_back_on_the_same_port_with_nothing_of_what_it_knew(broker):
    before = Ear(broker.port, "up/#")
    before.client.publish("up/a/birth", b"born", qos=1, retain=True)
    assert before.come.wait(PATIENCE_S)
    before.close()
    os.kill(broker.pid, signal.SIGKILL)
    until(lambda: not broker.is_alive)
    broker.restart()
    assert broker.restarts == 1
    after = Ear(broker.port, "up/#")
    after.client.publish("up/b/birth", b"later", qos=1)
    assert after.come.wait(PATIENCE_S)
    after.close()
    assert after.heard == [b"later"]


def test_a_broker_dies_with_the_process_that_started_it(kind, tmp_path):
    code = (
        "import sys, threading; from pathlib import Path; from floorwise.gateway.broker import start\n"
        f"found = []\nt = threading.Thread(target=lambda: found.append(start({kind!r}, 0, Path({str(tmp_path)!r}))))\n"
        "t.start(); t.join()\nprint(found[0].port, found[0].pid, flush=True)\nsys.stdin.read()"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port, pid = map(int, owner.stdout.readline().split())
    assert brokers.answers("127.0.0.1", port), "it must live on when only the thread that started it has ended"
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    owner.kill()
    owner.wait()
    until(lambda: not exists(pid) and not any(exists(child) for child in children))
    assert not brokers.answers("127.0.0.1", port)


def test_auto_takes_mosquitto_where_there_is_one_and_the_embedded_one_elsewhere(monkeypatch):
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: "/somewhere/mosquitto")
    assert brokers.choose("auto") == "mosquitto"
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    assert brokers.choose("auto") == "embedded"
    with pytest.raises(BadInput, match="no mosquitto on the PATH"):
        brokers.choose("mosquitto")


def test_an_address_is_taken_as_it_is_and_nonsense_is_refused_by_name(tmp_path):
    outside = brokers.start("mqtt://broker.example:1884", 0, tmp_path)
    assert (outside.kind, outside.host, outside.port, outside.is_alive, outside.pid) == ("outside", "broker.example", 1884, True, 0)
    outside.stop()
    with pytest.raises(BadInput, match="'rabbit' is not one of auto, embedded, mosquitto"):
        brokers.start("rabbit", 0, tmp_path)
    with pytest.raises(BadInput, match=r"http://x"):
        brokers.start("http://x:1", 0, tmp_path)


def test_a_port_that_is_taken_is_a_failure_that_says_so(kind, broker, tmp_path):
    with pytest.raises(brokers.BrokerFailed):
        brokers.start(kind, broker.port, tmp_path / "second")
