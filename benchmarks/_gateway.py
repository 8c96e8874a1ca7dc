"""A real gateway as a child process on a floor of 480 rack faces, for the benchmarks that ask it from outside."""

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

AISLES, BAYS = 12, 20  # two sides each: 480 faces of racks
SKUS = 480
PLENTY = 1_000_000
PATIENCE_S = 120.0
LOOK_S = 0.05
KEPT_S = 3.0  # the server closes a connection on which nothing was asked for five
CHUNK = 500  # rows of one command
BINS = [f"A{aisle:02}-{bay:02}{side}-0" for aisle in range(AISLES) for bay in range(BAYS) for side in "LR"]
SKU_NAMES = [f"S{n:03}" for n in range(SKUS)]


class Floor:
    """A running gateway with 480 bins, one SKU in each."""

    def __init__(self, data: Path, log: Any, sku_g: int = 100, **settings: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url, self.data = f"http://127.0.0.1:{self.port}", data
        words = ["up", "--data", str(data), "--port", str(self.port)]
        run = [sys.executable, "-c", "from floorwise.cli.main import main; main()", *words]
        told = {f"FLOORWISE_{name.upper()}": str(value) for name, value in settings.items()}
        self._child = subprocess.Popen(run, stdout=log, stderr=log, env=os.environ | {"FLOORWISE_LOG": "warning"} | told)
        self._asked_at = 0.0
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            self.eventually(self._is_ready, "a gateway that is ready")
            self._build(sku_g)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            raise

    @property
    def broker(self) -> str:
        return json.loads((self.data / "gateway.json").read_text())["broker"]

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the gateway's process has used."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if time.monotonic() - self._asked_at > KEPT_S:
            self._connection.close()
        self._asked_at = time.monotonic()
        self._connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def get(self, path: str) -> Any:
        return self._good(self.ask("GET", path))

    def post(self, path: str, **body: Any) -> Any:
        return self._good(self.ask("POST", path, body))

    def do(self, name: str, **body: Any) -> Any:
        return self.post(f"/api/commands/{name}", **body)

    def eventually(self, look: Callable[[], Any], what: str) -> Any:
        until = time.monotonic() + PATIENCE_S
        while not (seen := look()):
            assert time.monotonic() < until and self._child.poll() is None, f"{what} did not come to pass"
            time.sleep(LOOK_S)
        return seen

    def order(self, reference: str, *lines: tuple[str, int]) -> str:
        return self.post("/api/orders", **order(reference, *lines))["order_id"]

    def _good(self, told: tuple[int, Any]) -> Any:
        assert told[0] < 300, told
        return told[1]

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/readyz")[0] == 200
        self._connection.close()
        return False

    def _build(self, sku_g: int) -> None:
        bins = [
            {"location": name, "kind": "pick", "aisle": n // (2 * BAYS), "y_mm": 700 + n // 2 % BAYS * 1_400} for n, name in enumerate(BINS)
        ]
        docks = (("DOCK", "dock"), ("CARTS", "stage"), ("STAGE", "stage"), ("RETURNS", "returns"), ("OUTLET", "outlet"))
        places = bins + [{"location": name, "kind": kind, "aisle": 0, "y_mm": 0} for name, kind in docks]
        self.do(
            "AddSite", zone="Europe/London", currency="GBP", company_prefix="9501234", aisles=AISLES, aisle_pitch_mm=4_000,
            aisle_length_mm=BAYS * 1_400, depot_x_mm=0, locations=places,
        )  # fmt: skip
        self.do("AddCarriers", carriers=[["paper", "standard", "17:00", "0123456"]])
        for start in range(0, SKUS, CHUNK):
            skus = [{"sku": sku, "weight_g": sku_g, "volume_mm3": 100_000} for sku in SKU_NAMES[start : start + CHUNK]]
            self.do("AddSkus", skus=skus)
        for sku, place in zip(SKU_NAMES, BINS, strict=True):
            self.do("ReceiveStock", sku=sku, quantity=PLENTY, place=place)


def order(reference: str, *lines: tuple[str, int]) -> dict[str, Any]:
    """The body of an order."""
    told = [{"sku": sku, "quantity": units} for sku, units in lines]
    return {"channel": "bench", "reference": reference, "customer": "c1", "country": "GB", "currency": "GBP", "lines": told}


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[Floor]:
    """A gateway for as long as the block lasts; its log is shown when it fails."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        floor = None
        try:
            floor = Floor(Path(folder), log, **settings)
            yield floor
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read()[-4_000:])
            raise
        finally:
            if floor:
                floor.stop()


def spread(values_ms: list[float]) -> dict[str, float]:
    """p50, p99 and the largest of some milliseconds."""
    ordered = sorted(values_ms)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return {"p50": round(statistics.median(ordered), 2), "p99": round(p99, 2), "max": round(ordered[-1], 2)}
