"""A live gateway on a small floor, in a thread of the test or as a process that may be killed, and short words for what people do."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger, saved_heads, snapshot
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.table import HANDLERS
from floorwise.core.verify.all_checks import verify
from floorwise.core.warehouse import Warehouse
from floorwise.gateway.clock import PacedClock
from floorwise.gateway.live import ADDRESS_FILE, serve
from floorwise.gateway.settings import Settings

PATIENCE_S = 60.0
LOOK_S = 0.03
EPOCH = "2026-03-02T06:00:00Z"  # a Monday
EPOCH_MS = 1_772_431_200_000
STANDING = {"DOCK": "dock", "CARTS": "stage", "STAGE": "stage", "RETURNS": "returns", "OUTLET": "outlet"}


def build_floor(directory: Path) -> None:
    """Three aisles with ten bins each; 40 MUG lie in A00-0 and 40 in A02-9, 25 BOWL in A01-5."""
    ledger = open_ledger(directory)
    warehouse = Warehouse(ledger, PacedClock(EPOCH_MS, 1.0), CountedIds(ledger), HANDLERS, group=100)
    bins = [LocationWanted(f"A{aisle:02}-{y}", "pick", aisle, y * 1000) for aisle in range(3) for y in range(10)]
    standing = [LocationWanted(name, kind, 0, 0) for name, kind in STANDING.items()]
    warehouse.execute(AddSite("Europe/London", "GBP", "9501234", 3, 4000, 10_000, 0, (*bins, *standing)))
    warehouse.execute(AddCarriers((("paper", "standard", "17:00", "0123456"),)))
    warehouse.execute(AddSkus((SkuWanted("MUG", "", 300, 1_000_000), SkuWanted("BOWL", "", 500, 2_000_000))))
    for sku, units, place in (("MUG", 40, "A00-0"), ("MUG", 40, "A02-9"), ("BOWL", 25, "A01-5")):
        warehouse.execute(ReceiveStock(sku, units, place))
    warehouse.commit()
    ledger.close()


class House:
    """A gateway, asked from outside as a page or a program would."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.data = url, data
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_S)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, key: str = "", **body: Any) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Idempotency-Key": key} if key else {})

    def order(self, reference: str, *lines: tuple[str, int], **more: Any) -> str:
        """Place an order of (SKU, units) and give its id."""
        told = [{"sku": sku, "quantity": units} for sku, units in lines]
        answer = self.post("/api/orders", **wanted_order(reference, told), **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["order_id"]

    def do(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self.post(f"/api/commands/{name}", **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def walked(self, order_id: str, picker: str = "anna") -> None:
        """Wait until what is left of the order has tours, and pick everything on them."""

        def touring() -> set[str]:
            left = [part for part in self.parts(order_id) if part["state"] in ("waiting", "touring")]
            return {part["tour"] for part in left} if left and all(part["tour"] for part in left) else set()

        for tour in eventually(touring):
            assert self.post(f"/api/tours/{tour}/take", picker=picker).status_code == 200
            for stop in self.get(f"/api/tours/{tour}")["stops"]:
                assert self.post(f"/api/tours/{tour}/picks/{stop['number']}/confirm", quantity=stop["quantity"], picker=picker).is_success

    def parts(self, order_id: str) -> list[dict[str, Any]]:
        return self.get(f"/api/orders/{order_id}")["parts"]

    def verified(self) -> list[str]:
        """What `verify` finds wrong with the data directory."""
        heads = list(saved_heads(self.data))
        ledger = snapshot(self.data)
        try:
            return [f"{check.name}: {check.detail}" for check in verify(ledger, heads) if not check.ok]
        finally:
            ledger.close()


def wanted_order(reference: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"channel": "web", "reference": reference, "customer": "c1", "country": "GB", "currency": "GBP", "lines": lines}


def eventually(look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `look` gives once it is something; fails after `patience_s`."""
    until = time.monotonic() + patience_s
    while not (seen := look()):
        assert time.monotonic() < until, f"nothing came of it within {patience_s:g} s"
        time.sleep(LOOK_S)
    return seen


@contextlib.contextmanager
def running(data: Path, until: str = "/readyz", **given: Any) -> Iterator[House]:
    """A gateway in a thread of this process, without a broker unless one is given; `until` answers 200 when it is yielded."""
    told = {"data": data, "port": 0, "broker": "none", "epoch": EPOCH, "tick_s": 1} | given
    settings = Settings(**told)
    made: dict[str, Any] = {}

    async def run() -> None:
        made["stop"], made["loop"] = asyncio.Event(), asyncio.get_running_loop()
        await serve(settings, made["stop"])

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            made["error"] = error

    running_thread = threading.Thread(target=thread)
    running_thread.start()
    try:
        house = House(eventually(lambda: made.get("error") or address(data)), data)
        eventually(lambda: house.http.get(until).status_code == 200)
        yield house
        house.http.close()
    finally:
        if "loop" in made and "error" not in made:
            made["loop"].call_soon_threadsafe(made["stop"].set)
        running_thread.join(PATIENCE_S)
        assert not running_thread.is_alive(), "the gateway does not stop"
    if "error" in made:
        raise made["error"]


def address(data: Path) -> str:
    """Where the gateway of a data directory listens; "" while it does not."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((data / ADDRESS_FILE).read_text())["url"]
    return ""


@contextlib.contextmanager
def process(data: Path, *words: str, environment: dict[str, str] | None = None) -> Iterator[tuple[House, subprocess.Popen]]:
    """`floorwise up` as a process of its own."""
    with contextlib.suppress(FileNotFoundError):
        (data / ADDRESS_FILE).unlink()
    run = [sys.executable, "-c", "from floorwise.cli.main import main; main()", "up", "--data", str(data), "--port", "0", *words]
    with (data / "up.log").open("ab") as log:
        child = subprocess.Popen(run, stdout=log, stderr=log, env=os.environ | {"FLOORWISE_TICK_S": "1"} | (environment or {}))
    try:
        house = House(eventually(lambda: child.poll() is not None or address(data)), data)
        yield house, child
        house.http.close()
    finally:
        if child.poll() is None:
            child.terminate()
        child.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One gateway for all tests of a module."""
    data = tmp_path_factory.mktemp("house")
    build_floor(data)
    with running(data) as made:
        yield made


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    """A data directory with the small floor, and nobody running on it."""
    build_floor(tmp_path / "data")
    return tmp_path / "data"


class Tools:
    """The helpers above, for tests that start and stop gateways themselves."""

    running = staticmethod(running)
    process = staticmethod(process)
    eventually = staticmethod(eventually)
    wanted_order = staticmethod(wanted_order)
    EPOCH, EPOCH_MS, PATIENCE_S = EPOCH, EPOCH_MS, PATIENCE_S


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools
