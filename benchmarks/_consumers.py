"""Consumers and publishers of `bench intake`, each a process of its own so that its CPU time is its own: `python _consumers.py ROLE …`.

    consume intake URL FOLDER READINGS              gateway.intake into a DuckStore: decode, dedup, durable, then acknowledge
    consume single|many URL FOLDER READINGS         the yardsticks: paho into DuckDB, nothing durable promised, no repeats known
    publish URL READINGS SIZE LAYOUT                one agent, many devices; prints when the broker has it all
    acks URL MESSAGES SIZE PER_S LAYOUT             milliseconds from publishing a batch to its application ack

A consumer prints one JSON object: readings stored, CPU µs and wall s from the first message to the last commit.
"""

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.adapters import mqtt_wire as wire
from floorwise.core.model.device_messages import ack, up
from floorwise.core.model.packed import encode_packed
from floorwise.core.model.readings import Reading, decode_ack, encode_batch

NOW = 1_767_000_000_000
LAYOUTS = {"json": encode_batch, "packed": encode_packed}
DEVICES = 50
WINDOW = 100  # messages on their way to the broker
YARDSTICK_ROWS = 1_000  # rows a yardstick inserts at once
PATIENCE_S = 120.0
AGENT = "edge-1"


def consume_intake(url: str, folder: Path, readings: int) -> dict[str, Any]:
    from floorwise.core.adapters.store_duckdb import DuckStore
    from floorwise.gateway.intake import Intake

    store = DuckStore(folder / "readings.duckdb")
    done, clock = threading.Event(), _Clock()

    def follow(batch: list[Reading]) -> None:
        if intake.figures().stored >= readings:
            done.set()

    intake = Intake(url, store, follow)
    intake._receiver._on_messages = clock.started_by(intake._take)
    intake.start()
    _ready(intake.wait_warm(PATIENCE_S) and intake.wait_connected(PATIENCE_S))
    done.wait(PATIENCE_S)
    told = clock.stop(intake.figures().stored)
    told["transactions"] = intake.figures().transactions
    intake.stop()
    store.close()
    return told


def consume_yardstick(url: str, folder: Path, readings: int, many: bool) -> dict[str, Any]:
    import duckdb
    import msgspec
    import numpy as np

    class Block(msgspec.Struct):
        device: str
        boot: int
        readings: list[tuple[int, int, dict[str, float]]]

    class Batch(msgspec.Struct):
        agent: str
        ts: int
        blocks: list[Block]

    decoder = msgspec.json.Decoder(Batch)
    db = duckdb.connect(str(folder / "yardstick.duckdb"))
    db.execute("CREATE TABLE readings (device VARCHAR, boot BIGINT, seq BIGINT, ts BIGINT, kind VARCHAR, value DOUBLE)")
    columns: list[list] = [[] for _ in range(6)]
    done, clock, stored = threading.Event(), _Clock(), [0]

    def insert() -> None:
        kinds = (object, np.int64, np.int64, np.int64, object, np.float64)
        db.register("batch", {f"c{n}": np.array(column, dtype=kind) for n, (column, kind) in enumerate(zip(columns, kinds, strict=True))})
        db.execute("INSERT INTO readings SELECT * FROM batch")
        db.unregister("batch")
        stored[0] += len(columns[0])
        for column in columns:
            column.clear()

    def take(_topic: str, payload: bytes) -> None:
        if many:
            for block in decoder.decode(payload).blocks:
                for seq, ts, values in block.readings:
                    for kind, value in values.items():
                        for column, item in zip(columns, (block.device, block.boot, seq, ts, kind, value), strict=True):
                            column.append(item)
        else:
            for block in json.loads(payload)["blocks"]:
                for seq, ts, values in block["readings"]:
                    for kind, value in values.items():
                        for column, item in zip(columns, (block["device"], block["boot"], seq, ts, kind, value), strict=True):
                            column.append(item)
        if len(columns[0]) >= YARDSTICK_ROWS or stored[0] + len(columns[0]) >= readings:
            insert()
            if stored[0] >= readings:
                done.set()

    started = clock.started_by(take)
    client = _client("yardstick", lambda message: started(message.topic, message.payload))
    ready = threading.Event()
    client.on_connect = lambda client, *_: client.subscribe("up/+/batch", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect(*_place(url))
    client.loop_start()
    _ready(ready.wait(PATIENCE_S))
    done.wait(PATIENCE_S)
    told = clock.stop(stored[0])
    client.disconnect()
    client.loop_stop()
    return told


def publish(url: str, readings: int, size: int, layout: str) -> None:
    """All messages are made before the first is sent, and nothing but their bytes is handled then: the consumer is what is measured."""
    packets = [wire.publish(up(AGENT, "batch"), payload, n % 65_535 + 1) for n, payload in enumerate(batches(readings, size, layout))]
    reader, acknowledged = wire.Reader(), 0
    with socket.create_connection(_place(url)) as link:
        link.sendall(wire.connect(AGENT, 60))
        _heard(link, reader, wire.CONNACK)
        for start in range(0, len(packets), WINDOW // 2):
            link.sendall(b"".join(packets[start : start + WINDOW // 2]))
            while acknowledged < start:  # so at most WINDOW are on their way
                acknowledged += _heard(link, reader, wire.PUBACK)
        while acknowledged < len(packets):
            acknowledged += _heard(link, reader, wire.PUBACK)
        link.sendall(wire.DISCONNECT)


def _heard(link: socket.socket, reader: wire.Reader, kind: int) -> int:
    """How many packets of a kind the next bytes hold."""
    link.settimeout(PATIENCE_S)
    data = link.recv(65_536)
    assert data, "the broker closed the connection"
    return sum(1 for found, _ in reader.feed(data).others if found == kind)


def acks(url: str, messages: int, size: int, per_s: int, layout: str) -> dict[str, Any]:
    """Publish at a steady rate and time each application ack."""
    sent: dict[tuple[str, int, int], float] = {}
    waits: list[float] = []
    done, ready = threading.Event(), threading.Event()

    def hear(message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        for device, boot, _, last in decode_ack(message.payload).ranges:
            for key in [key for key in sent if key[:2] == (device, boot) and key[2] <= last]:
                waits.append(now - sent.pop(key))
        if len(waits) >= messages:
            done.set()

    client = _client(AGENT, hear)
    client.on_connect = lambda client, *_: client.subscribe(ack(AGENT), 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect(*_place(url))
    client.loop_start()
    ready.wait(PATIENCE_S)
    began = time.monotonic()
    for number, payload in enumerate(batches(messages * size, size, layout, boot=9)):
        pause = began + number / per_s - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        sent[f"scale-{(number * size + size - 1) % DEVICES}", 9, 1 + (number * size + size - 1) // DEVICES] = time.monotonic()
        client.publish(up(AGENT, "batch"), payload, qos=1)
    done.wait(PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    return {"waits_ms": sorted(round(wait * 1000, 1) for wait in waits)}


def batches(readings: int, size: int, layout: str, boot: int = 1):
    """Payloads of `size` readings each, in the order an agent sends them: looks of all devices in turn."""
    for start in range(0, readings, size):
        looks = [
            Reading(f"scale-{n % DEVICES}", boot, 1 + n // DEVICES, NOW + n * 20, {"gross_g": 1000.0 + n % 977})
            for n in range(start, min(start + size, readings))
        ]
        yield LAYOUTS[layout](AGENT, NOW, looks)


class _Clock:
    """CPU and wall time of this process from the first message on."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0

    def started_by(self, take: Any) -> Any:
        def first_looks_at_the_clock(*words: Any) -> None:
            if not self._wall:
                self._wall, self._cpu = time.perf_counter(), time.process_time()
            take(*words)

        return first_looks_at_the_clock

    def stop(self, stored: int) -> dict[str, Any]:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"stored": stored, "cpu_us": round(cpu * 1e6 / max(1, stored), 3), "per_s": round(stored / wall)}


def _client(name: str, hear: Any) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"bench-{name}", protocol=mqtt.MQTTv311)
    client.on_message = lambda _client, _data, message: hear(message)
    return client


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("mqtt://").partition(":")
    return host, int(port)


def _ready(is_ready: bool) -> None:
    assert is_ready, "no connection to the broker"
    print("ready", flush=True)


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the answer
    role, *words = sys.argv[1:]
    if role == "consume":
        kind, url, folder, readings = words
        if kind == "intake":
            told = consume_intake(url, Path(folder), int(readings))
        else:
            told = consume_yardstick(url, Path(folder), int(readings), kind == "many")
        print(json.dumps(told), flush=True)
    elif role == "publish":
        publish(words[0], int(words[1]), int(words[2]), words[3])
    else:
        print(json.dumps(acks(words[0], *map(int, words[1:4]), words[4])), flush=True)


if __name__ == "__main__":
    main()
