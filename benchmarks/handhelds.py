"""V2: from a scan to green or red, and to the gateway's word, on a floor with 200 handhelds, one of them a page.

    confirmed   199 MQTT handhelds (one process) walk tours against a real gateway: ms from PUBLISH of a pick to the application ack, which
                comes after the commit; `per_s` picks a second over all of them
    page        a person's handheld in chromium beside them: `local` from the key that ends a scan to the painted green, `told` from the tap
                on Confirm until the gateway has it

Yardstick of `confirmed`: payloads of the same kind at the same rate to a process that sends them straight back through the same broker.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from _browser import PHONE, Profile, browser
from _gateway import PATIENCE_S, SKU_NAMES, Floor, running, spread

LOAD = Path(__file__).with_name("_handheld_load.py")
LIMITS = {"confirmed_p99_ms": 300.0, "local_p99_ms": 100.0, "told_p99_ms": 300.0}
PERSON = "anna"
ORDERS = 400  # a part each, and the floor holds 400 parts at a time
LINES, UNITS = 20, 70  # 1,400 units a part where a cart takes 4,000: two orders a tour, 200 tours
# Paint comes after the frame in which the change was made: a message that is posted from there arrives when it is drawn.
WATCH = """
window.waits = {local: [], told: []};
let scanned = 0, tapped = 0, before = "";
const progress = () => document.querySelector(".progress span")?.textContent ?? "";
addEventListener("keydown", (event) => { if (event.key === "Enter") scanned = event.timeStamp; }, true);
addEventListener("click", (event) => {
  if (event.target.closest?.("button[name=confirm]")) [tapped, before] = [event.timeStamp, progress()];
}, true);
const painted = (then) => requestAnimationFrame(() => {
  const frame = new MessageChannel();
  frame.port1.onmessage = then;
  frame.port2.postMessage(0);
});
new MutationObserver(() => {
  if (scanned && document.querySelector(".stop.good, .stop.bad")) {
    const from = scanned;
    scanned = 0;
    painted(() => waits.local.push(performance.now() - from));
  }
  // A deed enters the queue and moves the progress in one drawing; it leaves the queue when the gateway has answered.
  if (tapped && progress() !== before && document.querySelector("button.queue:not(.some)")) {
    waits.told.push(performance.now() - tapped);
    tapped = 0;
  }
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
"""


def run(rounds: int = 3, devices: int = 199, per_s: int = 40, seconds: int = 20, stops: int = 40) -> dict[str, Any]:
    """Run `rounds` of `seconds`; `stops` is how many the person in the browser walks (0: no browser)."""
    figures: dict[str, Any] = {"devices": devices, "per_s": per_s}
    told, echoed, page = [], [], None
    with running(tick_s=1, sku_g=10) as floor:
        assert stops <= 2 * LINES and rounds * per_s * seconds * 3 < devices * LINES * 4, "more picks are asked for than the tours have"
        give_tours(floor, devices)
        for number in range(rounds):
            echoed.append(_echo(floor.broker, devices, per_s, seconds, number))
            load = start("confirms", floor.broker, devices, per_s, seconds, number)
            if stops and page is None:
                page = _walk(floor, stops)
            told.append(end(load))
    for one in told:
        assert not one["refused"] and not one["unanswered"], one
    figures["confirmed"] = sum(len(one["waits_ms"]) for one in told)
    for name in ("p50", "p99", "max"):
        figures[f"confirmed_{name}_ms"] = statistics.median(spread(one["waits_ms"])[name] for one in told)
    figures["sender_late_p99_ms"] = round(statistics.median(one["late_p99_ms"] for one in told), 2)
    for kind, waits in (page or {}).items():
        figures |= {f"{kind}_{name}_ms": ms for name, ms in spread(waits).items()} | {f"{kind}_count": len(waits)}
    missed = [name for name, most in LIMITS.items() if figures.get(name, 0) > most]
    yardstick = {f"echo_{name}_ms": statistics.median(spread(one["waits_ms"])[name] for one in echoed) for name in ("p50", "p99")}
    ratio = round(figures["confirmed_p50_ms"] / yardstick["echo_p50_ms"], 2)
    return {"name": "handhelds", "figures": figures | {"missed": missed}, "yardstick": yardstick, "ratio": ratio}


def give_tours(floor: Floor, devices: int) -> None:
    """Give every device a tour of 2 × LINES stops, and leave at least one open."""
    for number in range(ORDERS):
        floor.order(f"H{number}", *[(SKU_NAMES[(number * 7 + n * 24) % len(SKU_NAMES)], UNITS) for n in range(LINES)])
    there = floor.eventually(lambda: _open_tours(floor, devices + 1), "a tour for every handheld")
    for number, tour in enumerate(there[:devices]):
        floor.post(f"/api/tours/{tour}/take", picker=f"hh-{number:03}")


def _open_tours(floor: Floor, count: int) -> list[str]:
    there = floor.get("/api/tours?state=open&limit=1000")["tours"]
    return [tour["tour"] for tour in there] if len(there) >= count else []


def start(mode: str, url: str, *words: float) -> subprocess.Popen:
    run = [sys.executable, str(LOAD), mode, url, *(str(word) for word in words)]
    return subprocess.Popen(run, stdout=subprocess.PIPE, text=True)


def end(load: subprocess.Popen) -> dict[str, Any]:
    out, _ = load.communicate(timeout=PATIENCE_S)
    assert load.returncode == 0, load.returncode
    return json.loads(out)


def _echo(url: str, devices: int, per_s: float, seconds: float, seed: int) -> dict[str, Any]:
    mirror = start("mirror", url)
    try:
        assert mirror.stdout.readline().strip() == "ready"
        return end(start("echo", url, devices, per_s, seconds, seed))
    finally:
        mirror.kill()
        mirror.wait()


def _walk(floor: Floor, stops: int) -> dict[str, list[float]]:
    """Walk open tours on a handheld page; ms of every scan and of every tap."""
    with browser() as opened:
        profile = Profile(opened, floor.url, PATIENCE_S, **PHONE)
        page = profile.page("/handheld", WATCH)
        page.fill('input[name="picker"]', PERSON)
        page.click('button[type="submit"]')
        for done in range(stops):
            if not done:
                page.click("text=Take the next tour")
            page.wait_for_function("at => document.querySelector('.progress span')?.textContent.startsWith(`${at} of`)", arg=done)
            page.keyboard.type(page.inner_text(".digits p"))
            page.keyboard.press("Enter")
            page.wait_for_function("done => waits.local.length > done", arg=done)
            page.click('button[name="confirm"]')
            page.wait_for_function("done => waits.told.length > done", arg=done)
        waits = page.evaluate("waits")
        assert not profile.complaints, profile.complaints
    return waits
