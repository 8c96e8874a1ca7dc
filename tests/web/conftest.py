"""A real gateway as a process on a small floor, and Debian's chromium that looks at its pages.

A test opens pages with `look`, which also holds it to a silent console and to asking nobody but the gateway.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.readings import Reading, encode_batch

PATIENCE_S = 60.0
LOOK_S = 0.05
EPOCH = "2026-03-02T06:00:00Z"  # a Monday
SPEED = 4  # ten metres are walked in 2.5 s: long enough to be seen
MUG_GTIN = "04012345678901"  # 4012345678901 is the EAN that GS1 shows as an example
CHROMIUM = [
    "--no-sandbox", "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
BINS = [
    {"location": f"A{aisle:02}-{y}", "kind": "pick", "aisle": aisle, "y_mm": y * 1000} for aisle in range(3) for y in range(10)
] + [
    {"location": name, "kind": kind, "aisle": 0, "y_mm": 0}
    for name, kind in (("DOCK", "dock"), ("CARTS", "stage"), ("STAGE", "stage"), ("RETURNS", "returns"), ("OUTLET", "outlet"))
]  # fmt: skip


def eventually(look: Callable[[], Any], what: str = "it") -> Any:
    """What `look` gives once it is something; fails after PATIENCE_S."""
    until = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < until, f"{what} did not come to pass within {PATIENCE_S:g} s"
        time.sleep(LOOK_S)
    return seen


class Floor:
    """A gateway process on a floor of three aisles: 400 MUG in A00-0 and 400 in A02-9, 250 BOWL in A01-5."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]  # kept over restarts: an origin is what a browser stores things under
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S)
        self.child: subprocess.Popen | None = None
        self.references = 0

    def start(self) -> None:
        words = ["up", "--data", str(self.data), "--port", str(self.port), "--speed", str(SPEED), "--epoch", EPOCH]
        more = {"FLOORWISE_TICK_S": "1", "FLOORWISE_EMULATED": '["carriers"]'}
        run = [sys.executable, "-c", "from floorwise.cli.main import main; main()", *words]
        with (self.data / "up.log").open("ab") as log:
            self.child = subprocess.Popen(run, stdout=log, stderr=log, env=os.environ | more)
        eventually(self._is_ready, "a gateway that is ready")

    def stop(self) -> None:
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(PATIENCE_S)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """No gateway for a while; afterwards it is back, whatever happened."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _is_ready(self) -> bool:
        assert self.child and self.child.poll() is None, (self.data / "up.log").read_text()[-2_000:]
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/readyz").status_code == 200
        return False

    def build(self) -> None:
        self.do(
            "AddSite", zone="Europe/London", currency="GBP", company_prefix="9501234", aisles=3, aisle_pitch_mm=4000,
            aisle_length_mm=10_000, depot_x_mm=0, locations=BINS,
        )  # fmt: skip
        self.do("AddCarriers", carriers=[["paper", "standard", "17:00", "0123456"]])
        skus = [("MUG", MUG_GTIN, 300, 1_000_000), ("BOWL", "", 500, 2_000_000)]
        self.do("AddSkus", skus=[{"sku": sku, "gtin": gtin, "weight_g": g, "volume_mm3": mm3} for sku, gtin, g, mm3 in skus])
        for sku, units, place in (("MUG", 400, "A00-0"), ("MUG", 400, "A02-9"), ("BOWL", 250, "A01-5")):
            self.do("ReceiveStock", sku=sku, quantity=units, place=place)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def do(self, name: str, **body: Any) -> dict[str, Any]:
        return self.post(f"/api/commands/{name}", **body)

    def order(self, *lines: tuple[str, int]) -> str:
        """Place an order of (SKU, units); its id."""
        self.references += 1
        told = [{"sku": sku, "quantity": units} for sku, units in lines]
        who = {"channel": "web", "reference": f"W-{self.references:04}", "customer": "c1", "country": "GB", "currency": "GBP"}
        return self.post("/api/orders", **who, lines=told)["order_id"]

    def tour_of(self, order_id: str) -> str:
        """The tour that picks the order, once it is planned."""
        return eventually(lambda: next((part["tour"] for part in self.get(f"/api/orders/{order_id}")["parts"]), ""), "a tour")

    def take(self, order_id: str, picker: str) -> str:
        tour = self.tour_of(order_id)
        self.post(f"/api/tours/{tour}/take", picker=picker)
        return tour

    def confirm(self, tour: str, number: int, quantity: int, picker: str) -> None:
        self.post(f"/api/tours/{tour}/picks/{number}/confirm", quantity=quantity, picker=picker)

    def clear(self) -> None:
        """Walk whatever other tests left: nothing waits for a picker then."""
        eventually(lambda: not self.get("/api/figures")["work"]["parts_waiting"], "a tour for every part")
        for state in ("open", "taken"):
            for row in self.get("/api/tours", state=state)["tours"]:
                picker = row["picker"] or "zoe"
                self.post(f"/api/tours/{row['tour']}/take", picker=picker)
                for stop in self.get(f"/api/tours/{row['tour']}")["stops"]:
                    if stop["state"] == "open":
                        self.confirm(row["tour"], stop["number"], stop["quantity"], picker)

    def parcel(self, *lines: tuple[str, int], picker: str = "carl") -> str:
        """An order picked, packed and on the stage: its parcel."""
        order_id = self.order(*lines)
        tour = self.take(order_id, picker)
        for stop in self.get(f"/api/tours/{tour}")["stops"]:
            self.confirm(tour, stop["number"], stop["quantity"], picker)
        part = next(row["part"] for row in self.get("/api/work")["parts"] if row["order_id"] == order_id)
        self.do("StartPack", part=part, station="S1")
        return self.do("ClosePack", part=part)["parcels"][0]

    def measure(self, device: str, looks: list[tuple[int, dict[str, float]]], first: int = 1) -> None:
        """Bring readings of a device, (ms, values), in through the broker as an edge agent does; `first` is their first sequence number."""
        stored = self.get("/api/figures")["readings"]["stored"]
        where = httpx.URL(json.loads((self.data / "gateway.json").read_text())["broker"])
        agent = mqtt.Client(CallbackAPIVersion.VERSION2, "edge-1", protocol=mqtt.MQTTv311)
        agent.connect(where.host, where.port)
        agent.loop_start()
        readings = [Reading(device, 1, seq, ms, values) for seq, (ms, values) in enumerate(looks, first)]
        agent.publish("up/edge-1/batch", encode_batch("edge-1", looks[-1][0], readings), qos=1).wait_for_publish(PATIENCE_S)
        eventually(lambda: self.get("/api/figures")["readings"]["stored"] >= stored + len(looks), "stored readings")
        agent.disconnect()
        agent.loop_stop()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of all events of a kind, from the journal's stream."""
        end = self.get("/api/figures")["journal_number"]
        found: list[dict[str, Any]] = []
        with self.http.stream("GET", "/api/events", params={"after": 0}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    if event["kind"] == kind:
                        found.append(event["body"])
                    if event["number"] >= end:
                        return found
        raise AssertionError("the stream ended before the journal did")


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Floor]:
    """One gateway for all tests of pages; each test brings orders of its own."""
    made = Floor(tmp_path_factory.mktemp("floor"))
    try:
        made.start()
        made.build()
        yield made
    finally:
        made.stop()
        made.http.close()


@pytest.fixture(scope="session")
def browser(require) -> Iterator[Any]:
    """Debian's chromium."""
    chromium = require(shutil.which("chromium"), "chromium is not on the PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require(None, "playwright is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield opened
        opened.close()


class Watched:
    """Pages of one browser profile, and whatever they complained of."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.may_fail = False  # while the gateway is away on purpose, a failed request is no complaint
        self.context = browser.new_context(base_url=url, **options)
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.context.on("request", self._request)

    def page(self, path: str) -> Any:
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.goto(path)
        return page

    def _console(self, message: Any) -> None:
        is_network = "Failed to load resource" in message.text or "net::ERR" in message.text
        if message.type in ("error", "warning") and not (self.may_fail and is_network):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url + "/", "data:", "blob:")):
            self.complaints.append(f"asks elsewhere: {request.url}")


@pytest.fixture
def look(browser: Any, floor: Floor) -> Iterator[Callable[..., Watched]]:
    """`look(viewport={...}, color_scheme="dark")` gives a fresh profile; at the end nothing may have complained."""
    made: list[Watched] = []

    def profile(**options: Any) -> Watched:
        made.append(Watched(browser, floor.url, **{"viewport": {"width": 1440, "height": 900}} | options))
        return made[-1]

    yield profile
    for one in made:
        one.context.close()
    assert [text for one in made for text in one.complaints] == []
