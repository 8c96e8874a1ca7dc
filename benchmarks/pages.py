"""W1, and L2 on a page: what a browser shows of a floor with 480 rack faces, 199 walkers and 200 series, and how fast.

    paint     from the start of the navigation on a fresh profile until the racks with their figures, or the devices, are drawn
    held      both pages open at once for `seconds` while 40 picks a second are told and each of 200 series says something new five times a
              second: times a second that racks and series are really painted anew, frames, tasks that hold the page up for 50 ms and more
    balance   from sending a receipt until the drawer of that bay on another screen is painted with the new balance
    console, axe   complaints, and what axe calls serious or critical, of both pages

There is no yardstick; the share of time without long tasks tells what room is left.
"""

import statistics
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from _browser import DESK, Profile, browser
from _gateway import BINS, PATIENCE_S, SKU_NAMES, Floor, running, spread
from handhelds import end, give_tours, start
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.readings import Reading, encode_batch

DEVICES, HERTZ, WALKERS, PICKS_S = 100, 5, 199, 40  # a device tells temperature and humidity: 200 series
SETTLE_S = 4.0  # until all handhelds are connected and tell
FLOOR, DEVICE_LIST = "/", "/shipments#devices"
USEFUL = {
    FLOOR: "document.querySelector('.drawing canvas')?.width && /\\d/.test(document.querySelector('.figure .value')?.textContent)",
    DEVICE_LIST: "document.querySelectorAll('.items li').length >= 100",
}
LIMITS = {"paint_floor_ms": 1_000.0, "paint_devices_ms": 1_000.0, "balance_p99_ms": 1_000.0, "complaints": 0, "axe_serious": 0}
AIMS = {"racks_hz": HERTZ * 0.95, "series_hz": HERTZ * 0.95}  # a sender that is late for one of twenty is none of the page's
WATCH = """
window.useful = 0;
const look = () => { if (document.body && (%s)) useful = performance.now(); else requestAnimationFrame(look); };
requestAnimationFrame(look);
window.seen = {frames: 0, racks: 0, rows: {}, held: [], from: 0};
let racks = false;
const fill = CanvasRenderingContext2D.prototype.fillRect;
CanvasRenderingContext2D.prototype.fillRect = function (...box) { racks = true; return fill.apply(this, box); };
const frame = () => { seen.frames += 1; seen.racks += racks; racks = false; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
new PerformanceObserver((list) => seen.held.push(...list.getEntries().map((one) => one.duration))).observe({type: "longtask"});
const row = (node) => node.parentElement?.closest(".items li")?.querySelector(".what")?.textContent;
new MutationObserver((changes) => {
  const told = changes.filter((one) => one.type === "characterData" && one.target.parentElement?.matches(".state"));
  const names = new Set(told.map((one) => row(one.target)));
  for (const name of names) seen.rows[name] = (seen.rows[name] ?? 0) + 1;
}).observe(document, {subtree: true, childList: true, characterData: true});
window.begin = () => Object.assign(seen, {frames: 0, racks: 0, rows: {}, held: [], from: performance.now()});
"""


def run(rounds: int = 3, seconds: int = 10) -> dict[str, Any]:
    """Run all; paint is the median of `rounds` fresh profiles."""
    from axe_playwright_python.sync_playwright import Axe

    figures: dict[str, Any] = {}
    complaints: list[str] = []
    with running(tick_s=1, sku_g=10) as floor, browser() as opened:
        give_tours(floor, WALKERS)
        sender = Sender(floor)
        pages: dict[str, Any] = {}
        for path, name in ((FLOOR, "floor"), (DEVICE_LIST, "devices")):
            waits = []
            for _ in range(rounds):
                profile = Profile(opened, floor.url, PATIENCE_S, bypass_csp=True, **DESK)
                page = pages[name] = profile.page(path, WATCH % USEFUL[path])
                page.wait_for_function("() => useful")
                waits.append(page.evaluate("useful"))
                complaints += profile.complaints
            figures[f"paint_{name}_ms"] = round(statistics.median(waits))
        load = start("confirms", floor.broker, WALKERS, PICKS_S, seconds + 5, 1)
        time.sleep(SETTLE_S)
        for page in pages.values():
            page.evaluate("begin()")
        time.sleep(seconds)
        for name, page in pages.items():
            told = page.evaluate("({...seen, took: (performance.now() - seen.from) / 1000})")
            figures |= {
                f"{name}_frames_hz": round(told["frames"] / told["took"], 1),
                f"{name}_long_tasks": len(told["held"]),
                f"{name}_longest_ms": round(max(told["held"], default=0)),
            }
            if name == "floor":
                figures["racks_hz"] = round(told["racks"] / told["took"], 2)
            else:
                hertz = sorted(count / told["took"] for count in told["rows"].values())
                figures |= {
                    "series": 2 * len(hertz),
                    "series_hz": round(statistics.median(hertz), 2),
                    "series_least_hz": round(hertz[0], 2),
                }
        figures["sent_hz"] = round(sender.stop(), 2)
        figures |= {f"balance_{name}_ms": ms for name, ms in spread(_balance(floor, opened)).items()}
        serious = [
            one for page in pages.values() for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")
        ]
        figures |= {"complaints": len(complaints), "axe_serious": len(serious)}
        assert not end(load)["unanswered"]
    missed = [name for name, most in LIMITS.items() if figures[name] > most] + [
        name for name, least in AIMS.items() if figures[name] < least
    ]
    return {"name": "pages", "figures": figures | {"missed": missed}}


class Sender:
    """An edge agent whose devices all say something new, HERTZ times a second."""

    def __init__(self, floor: Floor) -> None:
        host, _, port = floor.broker.removeprefix("mqtt://").partition(":")
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "edge-1", protocol=mqtt.MQTTv311)
        self._client.connect(host, int(port))
        self._client.loop_start()
        self._is_over, self._batches, self._began = threading.Event(), 0, time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Batches a second that were sent."""
        rate = self._batches / (time.monotonic() - self._began)
        self._is_over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        return rate

    def _run(self) -> None:
        while not self._is_over.wait(max(0.0, self._began + self._batches / HERTZ - time.monotonic())):
            self._batches += 1
            now_ms, n = time.time_ns() // 1_000_000, self._batches
            values = {"temperature_c": 4 + n % 10 / 10, "humidity_pct": 50.0 + n % 7}
            readings = [Reading(f"probe-{device:03}", 1, n, now_ms, values) for device in range(DEVICES)]
            self._client.publish("up/edge-1/batch", encode_batch("edge-1", now_ms, readings), qos=1)


def _balance(floor: Floor, opened: Any, times: int = 30) -> list[float]:
    """ms from a receipt at one screen to its sight on another."""
    place, sku = BINS[5], SKU_NAMES[5]
    page = Profile(opened, floor.url, PATIENCE_S, **DESK).page(f"/#bay/{place}")
    page.wait_for_selector(".live.open")
    page.wait_for_selector(".drawer td.n")
    waits = []
    for _ in range(times):
        page.evaluate(
            """() => { const shown = () => document.querySelector(".drawer td.n")?.textContent, before = shown(); window.changed = 0;
               const step = () => { if (shown() !== before) changed = Date.now(); else requestAnimationFrame(step); };
               step(); }"""
        )
        began = time.time() * 1000
        floor.do("ReceiveStock", sku=sku, quantity=1, place=place)
        page.wait_for_function("() => changed")
        waits.append(page.evaluate("changed") - began)
    return waits
