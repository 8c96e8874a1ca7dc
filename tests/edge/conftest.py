"""Real brokers on loopback, a gateway's intake and devices that keep to the contract, for the tests of the edge."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from floorwise.core.model.device_messages import ack, up
from floorwise.core.model.packed import PACKED, decode_either, is_packed
from floorwise.core.model.readings import Reading, decode_ack, digest, encode_ack, encode_readings
from floorwise.edge.link import Address, Link

START_S = 20.0
PATIENCE_S = 30.0
WINDOWS = {"mosquitto": 20, "embedded": 100}


class Broker:
    """A broker of its own on an ephemeral port, which may be killed and started again without any memory."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder, self._process = kind, folder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.address = Address(self.url, window=WINDOWS[kind])

    def start(self) -> None:
        if self.kind == "mosquitto":
            config = self._folder / "mosquitto.conf"
            config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            words = [shutil.which("mosquitto"), "-c", str(config)]
        else:
            code = (
                "from iotcore.iotcore import IotCoreBroker as B; "
                f"B(listen='127.0.0.1', port={self.port}, max_payload_size=300000).run_forever()"
            )
            words = [sys.executable, "-c", code]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                assert self._process.poll() is None, f"{self.kind} did not start"
                time.sleep(0.02)
        raise AssertionError(f"{self.kind} did not listen within {START_S} s")

    def kill(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path, require: Callable) -> Iterator[Broker]:
    """Each kind of broker in turn, running."""
    if request.param == "mosquitto":
        require(shutil.which("mosquitto"), "mosquitto is not on the PATH")
    else:
        pytest.importorskip("iotcore")
    one = Broker(request.param, tmp_path)
    one.start()
    yield one
    one.kill()


@pytest.fixture
def mosquitto(tmp_path: Path, require: Callable) -> Iterator[Broker]:
    """One Mosquitto, running."""
    require(shutil.which("mosquitto"), "mosquitto is not on the PATH")
    one = Broker("mosquitto", tmp_path)
    one.start()
    yield one
    one.kill()


class Intake:
    """The gateway's side of the contract: store once, then acknowledge. `deaf` drops what comes, `mute` stores and says nothing."""

    def __init__(self, link: Link, takes: tuple[str, ...] = ()) -> None:
        self.stored: dict[tuple[str, int, int], Reading] = {}
        self.takes = takes
        self.repeats = self.messages = self.packed = 0
        self.deaf = self.mute = False
        self._link = link

    async def listen(self) -> None:
        while True:
            messages = await self._link.messages()
            for message in messages if not self.deaf else ():
                decoded = decode_either(message.payload, message.topic.split("/")[1])
                assert not decoded.refused
                self.messages += 1
                self.packed += is_packed(message.payload)
                for reading in decoded.readings:
                    before = self.stored.setdefault(reading.key, reading)
                    self.repeats += before is not reading
                    assert digest(before) == digest(reading), "the same key came with other content"
                if not self.mute:
                    self._link.publish(ack(decoded.sender), encode_ack([reading.key for reading in decoded.readings], takes=self.takes))
            self._link.done(messages)

    def of(self, device: str) -> list[int]:
        """The sequence numbers stored of a device, in order."""
        return sorted(key[2] for key in self.stored if key[0] == device)


class Device:
    """A device with a memory: it keeps every reading until ack/<device> names it, and sends again at each connect and on request."""

    def __init__(self, link: Link, name: str, boot: int) -> None:
        self.name, self.boot, self.seq = name, boot, 0
        self.kept: dict[int, Reading] = {}
        self.refused: list[str] = []
        self._link = link

    def look(self, ts: int, **values: float | str) -> None:
        self.seq += 1
        self.kept[self.seq] = Reading(self.name, self.boot, self.seq, ts, values)

    def send(self, what: str = "readings", size: int = 50) -> None:
        waiting = list(self.kept.values())
        for start in range(0, len(waiting), size):
            self._link.publish(up(self.name, what), encode_readings(waiting[start : start + size]))

    async def listen(self) -> None:
        while True:
            messages = await self._link.messages()
            for message in messages:
                answer = decode_ack(message.payload)
                for _, boot, first, last in answer.ranges:
                    for seq in range(first, last + 1):
                        self.kept.pop(seq if boot == self.boot else -1, None)
                for one in answer.refused:
                    self.refused.append(one.reason)
                    self.kept.pop(one.seq, None)
            self._link.done(messages)


@pytest.fixture
def layout() -> str:
    """What agents send; BOTH_LAYOUTS has a test run with each."""
    return "packed"


@pytest.fixture
def play(layout: str) -> type:
    """Ways to take part in a test: `intake(address)`, `device(address, name, boot)`, `until(claim)`, `agent(config)`."""

    class Play:
        @staticmethod
        @asynccontextmanager
        async def intake(address: Address, name: str = "intake") -> AsyncIterator[Intake]:
            async with Link(address, name, ["up/+/batch"]) as link:
                one = Intake(link, (PACKED,) if layout == "packed" else ())
                task = asyncio.create_task(one.listen())
                try:
                    await asyncio.wait_for(link.connected.wait(), START_S)
                    yield one
                finally:
                    task.cancel()
                    await _gone(task)

        @staticmethod
        @asynccontextmanager
        async def device(address: Address, name: str, boot: int) -> AsyncIterator[Device]:
            async with Link(address, f"{name}-{boot}", [ack(name)]) as link:
                one = Device(link, name, boot)
                task = asyncio.create_task(one.listen())
                try:
                    await asyncio.wait_for(link.connected.wait(), START_S)
                    yield one
                finally:
                    task.cancel()
                    await _gone(task)

        @staticmethod
        async def until(claim: Callable[[], bool], again: Callable[[], None] | None = None, every: float = 1.0) -> None:
            """Wait until `claim` is true, calling `again` now and then; fail after PATIENCE_S."""
            end = time.monotonic() + PATIENCE_S
            repeat = time.monotonic() + every
            while not claim():
                assert time.monotonic() < end, "it did not come to pass"
                if again and time.monotonic() > repeat:
                    again()
                    repeat = time.monotonic() + every
                await asyncio.sleep(0.02)

        @staticmethod
        def agent(config: Path, fail: str = "") -> subprocess.Popen:
            """An agent as a process of its own, killed by `fail` (FLOORWISE_FAIL) or by the test."""
            code = "from floorwise.cli.main import main; main()"
            env = os.environ | {"FLOORWISE_FAIL": fail}
            return subprocess.Popen([sys.executable, "-c", code, "edge", "--config", str(config)], env=env, stderr=subprocess.DEVNULL)

    return Play


async def _gone(task: asyncio.Task) -> None:
    try:
        await task
    except asyncio.CancelledError:
        return
