"""L1 over HTTP and L2: orders a second into a real gateway, how long a command takes, when another screen knows.

    rate     orders of one line from CLIENTS kept connections, each reserved and durable before its answer; median of `rounds`
    steady   the same at 200 a second, counted from the moment a request should leave
    one      a single client, one order after the other
    seen     L2: from sending a receipt until another client, which listens to the event stream, has read the new balance; beside `steady`

Yardstick: an application behind the same HTTP server that reads a body and answers, asked by the same client process, rounds alternating.
"""

import http.client
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from _gateway import PATIENCE_S, SKU_NAMES, Floor, order, running, spread

LOAD = Path(__file__).with_name("_http_load.py")
CLIENTS = 32
AIMS = {"orders_s": 1_000.0}
LIMITS = {"steady_p99_ms": 50.0, "one_p99_ms": 20.0, "seen_p99_ms": 1_000.0}
SEEN_EVERY_S = 0.1


def run(rounds: int = 3, orders: int = 5_000, seconds: int = 15, alone: int = 500) -> dict[str, Any]:
    """Run all four; `orders` a round, `seconds` at 200 a second, `alone` orders of one client."""
    number = iter(range(1 << 62))

    def bodies(count: int) -> list[dict[str, Any]]:
        return [order(f"R{n}", (SKU_NAMES[n * 7 % len(SKU_NAMES)], 1)) for n in (next(number) for _ in range(count))]

    figures: dict[str, Any] = {"clients": CLIENTS}
    with running() as floor, Bare() as bare:
        _load("closed", floor.port, CLIENTS, bodies(300))  # what is compiled and cached at first use
        ours, theirs, cpu = [], [], []
        for _ in range(rounds):
            theirs.append(_rate(_load("closed", bare.port, CLIENTS, bodies(orders)), orders))
            used = floor.cpu_s
            ours.append(_rate(_load("closed", floor.port, CLIENTS, bodies(orders)), orders))
            cpu.append((floor.cpu_s - used) / orders * 1e6)
        figures |= {"orders_s": round(statistics.median(ours)), "orders_s_rounds": [round(rate) for rate in ours]}
        figures["cpu_us"] = round(statistics.median(cpu))
        seen = Screen(floor)
        told = _load("open", floor.port, CLIENTS, bodies(200 * seconds), "200")
        waits = seen.stop()
        assert not told["failed"] and waits
        figures |= {f"steady_{name}_ms": ms for name, ms in spread(told["waits_ms"]).items()}
        figures |= {f"seen_{name}_ms": ms for name, ms in spread(waits).items()} | {"seen_count": len(waits)}
        told = _load("closed", floor.port, 1, bodies(alone))
        figures |= {f"one_{name}_ms": ms for name, ms in spread(told["waits_ms"]).items()}
    missed = [name for name, aim in AIMS.items() if figures[name] < aim] + [name for name, most in LIMITS.items() if figures[name] > most]
    yardstick = {"bare_answers_s": round(statistics.median(theirs))}
    ratio = round(statistics.median(our / their for our, their in zip(ours, theirs, strict=True)), 3)
    return {"name": "gateway_orders", "figures": figures | {"missed": missed}, "yardstick": yardstick, "ratio": ratio}


def _load(role: str, port: int, clients: int, bodies: list[dict[str, Any]], *more: str) -> dict[str, Any]:
    words = [sys.executable, str(LOAD), role, str(port), str(clients), *more]
    given = "".join(json.dumps(body) + "\n" for body in bodies)
    return json.loads(subprocess.run(words, input=given, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout)


def _rate(told: dict[str, Any], orders: int) -> float:
    assert not told["failed"], told["failed"]
    return orders / told["seconds"]


class Bare:
    """The yardstick's process."""

    def __enter__(self) -> "Bare":
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._child = subprocess.Popen([sys.executable, str(LOAD), "bare", str(self.port)])
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)

    def __exit__(self, *_: Any) -> None:
        self._child.terminate()
        self._child.wait(PATIENCE_S)


class Screen:
    """Two people: one receives a unit ten times a second, the other looks at a screen that follows the event stream."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._waits: list[float] = []
        self._is_over = threading.Event()
        self._place: dict[str, str] = {}
        self._sent: dict[str, tuple[float, int]] = {}  # SKU -> when it was scanned, the balance to be seen
        self._stream = http.client.HTTPConnection("127.0.0.1", floor.port, timeout=PATIENCE_S)
        self._stream.request("GET", "/api/events?kinds=StockReceived")
        self._answer = self._stream.getresponse()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._scan)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[float]:
        """Milliseconds from scan to sight."""
        self._is_over.set()
        self._threads[1].join(PATIENCE_S)
        until = time.monotonic() + 5.0
        while self._sent and time.monotonic() < until:
            time.sleep(0.05)
        assert not self._sent, f"{len(self._sent)} balances were never seen"
        return self._waits  # the thread that listens ends with this process

    def _scan(self) -> None:
        there = http.client.HTTPConnection("127.0.0.1", self._floor.port, timeout=PATIENCE_S)
        units = {sku: self._units(there, sku) for sku in SKU_NAMES[:100]}
        for n in range(1 << 62):
            if self._is_over.wait(SEEN_EVERY_S):
                return
            sku = SKU_NAMES[n % 100]
            place = self._place[sku]
            units[sku] += 1
            self._sent[sku] = (time.perf_counter(), units[sku])
            body = json.dumps({"sku": sku, "quantity": 1, "place": place})
            there.request("POST", "/api/commands/ReceiveStock", body, {"Content-Type": "application/json"})
            answer = there.getresponse()
            answer.read()
            assert answer.status == 200, answer.status

    def _units(self, there: http.client.HTTPConnection, sku: str) -> int:
        there.request("GET", f"/api/stock?sku={sku}")
        told = json.loads(there.getresponse().read())
        row = next(row for row in told["rows"] if row["place"].startswith("A"))
        self._place[sku] = row["place"]
        return row["on_hand"]

    def _watch(self) -> None:
        there = http.client.HTTPConnection("127.0.0.1", self._floor.port, timeout=PATIENCE_S)
        while line := self._answer.readline():
            if not line.startswith(b"data: "):
                continue
            sku = json.loads(line[6:])["body"]["sku"]
            if sku not in self._sent:
                continue
            began, wanted = self._sent[sku]
            there.request("GET", f"/api/stock?place={self._place[sku]}")
            told = json.loads(there.getresponse().read())
            seen = sum(row["on_hand"] for row in told["rows"] if row["sku"] == sku)
            assert seen >= wanted, (sku, seen, wanted)
            self._waits.append((time.perf_counter() - began) * 1000)
            del self._sent[sku]
