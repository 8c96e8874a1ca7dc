"""Many MQTT handhelds in one process: `python _handheld_load.py confirms|echo URL DEVICES PER_S SECONDS SEED`.

    confirms   each device waits for the sheets of its tours, then tells stop after stop; a wait is from PUBLISH to the application ack
    SEED also numbers the devices' boot: their sequence numbers begin anew.
    echo       the yardstick: the same sizes at the same rate to a process that sends them straight back, through the same broker
    mirror     that process

One thread, one selector: a device costs a socket. Sends leave at seeded random moments; prints {"waits_ms", "asked", "refused", "late_ms"}.
"""

import json
import random
import selectors
import sys
import time
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.device_messages import Confirm, ack, encode, up
from floorwise.core.model.readings import decode_ack
from floorwise.edge.link import at_once

PATIENCE_S = 60.0
KEEPALIVE_S = 600
SETTLE_S = 1.0


class Device:
    """One handheld that bears its picker's name."""

    def __init__(self, name: str, boot: int, host: str, port: int, mode: str, waits: "Waits") -> None:
        self.name, self.boot, self.mode, self.waits = name, boot, mode, waits
        self.stops: deque[tuple[str, int, int, str]] = deque()  # tour, number, units, check digits
        self.is_subscribed, self._seq, self._tours = False, 0, set()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv311)
        self.client.on_message, self.client.on_connect, self.client.on_subscribe = self._heard, self._connected, self._subscribed
        self.client.on_socket_open = at_once
        self.client.connect(host, port, KEEPALIVE_S)

    def tell(self) -> bool:
        """Send one confirmation; False when there is nothing left."""
        if not self.stops:
            return False
        tour, number, units, digits = self.stops.popleft()
        self._seq += 1
        now_ms = time.time_ns() // 1_000_000
        payload = encode(Confirm(self.name, self.boot, self._seq, now_ms, tour, number, "picked", units, self.name, digits or "x"))
        topic = up(self.name, "confirm") if self.mode == "confirms" else f"echo/{self.name}"
        self.waits.sent[self.name, self._seq] = time.perf_counter()
        self.client.publish(topic, payload, qos=1)
        return True

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        if self.mode == "confirms":
            client.subscribe([(ack(self.name), 1), (f"down/{self.name}/#", 1)])
        else:
            client.subscribe(f"back/{self.name}", 1)
            self.stops.extend((f"T{n:012}", n, 1, "12345") for n in range(1, 1_000))

    def _subscribed(self, *_: Any) -> None:
        self.is_subscribed = True

    def _heard(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        now = time.perf_counter()
        if message.topic.startswith("back/"):
            self.waits.answered((self.name, json.loads(message.payload)["seq"]), now)
        elif message.topic.startswith("ack/"):
            told = decode_ack(message.payload)
            self.waits.refused += len(told.refused)
            for taken in told.ranges:
                for seq in range(taken.first, taken.last + 1):
                    self.waits.answered((self.name, seq), now)
        elif message.payload and "/tours/" in message.topic:
            sheet = json.loads(message.payload)
            if sheet["tour"] not in self._tours:
                self._tours.add(sheet["tour"])
                self.stops.extend((sheet["tour"], pick["number"], pick["quantity"], pick["check_digits"]) for pick in sheet["picks"])


class Waits:
    """What was sent and when it was answered."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, int], float] = {}
        self.ms: list[float] = []
        self.refused = 0

    def answered(self, key: tuple[str, int], now: float) -> None:
        if (began := self.sent.pop(key, None)) is not None:
            self.ms.append((now - began) * 1000)


def run(mode: str, url: str, count: int, per_s: float, seconds: float, seed: int) -> dict[str, Any]:
    host, _, port = url.removeprefix("mqtt://").partition(":")
    waits, chance = Waits(), random.Random(seed)
    devices = [Device(f"hh-{n:03}", seed + 1, host, int(port), mode, waits) for n in range(count)]
    selector = selectors.DefaultSelector()
    for device in devices:
        selector.register(device.client.socket(), selectors.EVENT_READ, device)

    def serve(until: float) -> None:
        while (left := until - time.perf_counter()) > 0:
            for key, _ in selector.select(left):
                client = key.data.client
                client.loop_read()
                while client.want_write():  # what was sent from within a callback waits for this
                    client.loop_write()

    ready_until = time.perf_counter() + PATIENCE_S
    while not all(device.is_subscribed and device.stops for device in devices):
        assert time.perf_counter() < ready_until, "some devices have no tour"
        serve(time.perf_counter() + 0.1)
    serve(time.perf_counter() + SETTLE_S)
    asked, late, at = 0, [], time.perf_counter()
    end = at + seconds
    while True:
        at += chance.expovariate(per_s)
        if at > end:
            break
        serve(at)
        late.append((time.perf_counter() - at) * 1000)
        for _ in range(count):
            device = devices[chance.randrange(count)]
            if device.tell():
                asked += 1
                break
        else:
            raise AssertionError("nothing is left to tell")
    over = time.perf_counter() + PATIENCE_S
    while waits.sent and time.perf_counter() < over:
        serve(time.perf_counter() + 0.1)
    late.sort()
    return {
        "waits_ms": waits.ms, "asked": asked, "refused": waits.refused, "unanswered": len(waits.sent),
        "late_p99_ms": late[len(late) * 99 // 100],
    }  # fmt: skip


def mirror(url: str) -> None:
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "mirror", protocol=mqtt.MQTTv311)
    client.on_message = lambda _, __, message: client.publish(f"back/{message.topic.partition('/')[2]}", message.payload, qos=1)
    client.on_socket_open = at_once
    client.on_connect = lambda *_: client.subscribe("echo/+", 1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect(host, int(port), KEEPALIVE_S)
    client.loop_forever()


if __name__ == "__main__":
    mode, url, *more = sys.argv[1:]
    if mode == "mirror":
        mirror(url)
    else:
        print(json.dumps(run(mode, url, int(more[0]), float(more[1]), float(more[2]), int(more[3]))))
