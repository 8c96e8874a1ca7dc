"""The demo: a whole floor from outside, on each broker, with a child killed in the middle, twice on one directory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sys.executable).with_name("floorwise")
PATIENCE_S = 240
LEAST = ("orders_placed", "orders_shipped", "orders_delivered", "lines_picked", "readings_stored", "excursions")
KEYS = {*LEAST, "url", "speed_reached", "verify_ok", "journal_head"}


class Demo:
    """One run of the command; its processes are known from what it writes down."""

    def __init__(self, data: Path, broker: str, seconds: int = 30) -> None:
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        words = ["demo", "--for", seconds, "--speed", 300, "--port", 0, "--data", data, "--broker", broker, "--json"]
        self._log = (data / "demo.log").open("w")
        self.process = subprocess.Popen([str(COMMAND), *map(str, words)], stdout=subprocess.PIPE, stderr=self._log, text=True)

    def pids(self) -> dict[str, int]:
        told = json.loads((self.data / "processes.json").read_text())
        return {name: pid for name, pid in told.items() if isinstance(pid, int) and pid}

    def status(self) -> dict[str, Any]:
        try:
            return json.loads((self.data / "emulator" / "emulator.json").read_text())
        except (OSError, ValueError):
            return {}

    def until(self, claim: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not claim():
            assert self.process.poll() is None, f"the demo ended before {what}: {self.log()}"
            assert time.monotonic() < end, f"{what} did not come to pass: {self.log()}"
            threading.Event().wait(0.1)

    def is_busy(self) -> bool:
        return self.status().get("packed", 0) > 5

    def end(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        self._log.close()
        assert out.strip(), self.log()
        return json.loads(out.strip().splitlines()[-1])

    def log(self) -> str:
        return (self.data / "demo.log").read_text()[-2_000:]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def demo(tmp_path):
    started: list[Demo] = []

    def start(broker: str, seconds: int = 30, data: Path = tmp_path) -> Demo:
        started.append(Demo(data, broker, seconds))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request, require):
    if request.param == "mosquitto":
        require(shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"), "mosquitto is not installed")
    return request.param


def test_a_floor_lives_and_leaves_nobody_behind(demo, broker):
    run = demo(broker)
    run.until(run.is_busy, "a busy floor")
    pids = run.pids()
    assert set(pids) == {"gateway", "edge", "emulator", "broker"} and all(map(is_running, pids.values()))
    told = run.end()
    assert run.process.returncode == 0, told
    assert told.keys() >= KEYS and told["verify_ok"] is True and told["restarts"] == 0
    assert {name: told[name] > 0 for name in LEAST} == dict.fromkeys(LEAST, True)
    assert told["orders_placed"] >= told["orders_shipped"] >= told["orders_delivered"]
    assert [name for name, pid in pids.items() if is_running(pid)] == []
    assert not (run.data / "processes.json").exists()


def test_a_killed_gateway_is_started_again_and_the_floor_goes_on_twice(demo):
    run = demo("auto", 20)
    run.until(run.is_busy, "a busy floor")
    os.kill(run.pids()["gateway"], signal.SIGKILL)
    first = run.end()
    assert run.process.returncode == 0 and first["verify_ok"] and first["restarts"] == 1
    again = demo("auto", 5)
    second = again.end()
    assert again.process.returncode == 0 and second["verify_ok"]
    assert second["lines_picked"] >= first["lines_picked"] > 0 and second["orders_placed"] >= first["orders_placed"]


def test_ctrl_c_ends_a_demo_in_good_order(demo):
    run = demo("embedded", 600)
    run.until(run.is_busy, "a busy floor")
    pids = run.pids()
    run.process.send_signal(signal.SIGINT)
    told = run.end()
    assert run.process.returncode == 0 and told["verify_ok"]
    assert [name for name, pid in pids.items() if is_running(pid)] == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["edge", "emulator", "broker"])
def test_any_other_child_may_be_killed_too(demo, broker, victim):
    run = demo(broker, 25)
    run.until(run.is_busy, "a busy floor")
    os.kill(run.pids()[victim], signal.SIGKILL)
    told = run.end()
    assert run.process.returncode == 0 and told["verify_ok"] and told["restarts"] == 1, told


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(5))
def test_a_killed_command_takes_everybody_along_and_the_next_one_goes_on(demo, round_):
    run = demo("auto", 600)
    run.until(lambda: run.status().get("packed", 0) > 5 * round_, "a busy floor")
    pids = run.pids()
    run.process.kill()
    run.process.wait()
    end = time.monotonic() + PATIENCE_S
    while any(map(is_running, pids.values())):
        assert time.monotonic() < end, "somebody was left behind"
        threading.Event().wait(0.1)
    again = demo("auto", 10)
    told = again.end()
    assert again.process.returncode == 0 and told["verify_ok"], told


def test_another_floors_directory_is_refused_with_one_line(tmp_path, floorwise):
    (tmp_path / "demo.json").write_text(json.dumps({"seed": 7, "orders": 120.0, "pickers": 12, "epoch": "2026-11-16T06:00:00+00:00"}))
    told = floorwise("demo", "--data", tmp_path, "--seed", 8, "--for", 1)
    assert told.returncode == 2 and "holds another floor (seed 7" in told.stderr and len(told.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_refused_with_one_line(tmp_path, floorwise):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = floorwise("demo", "--data", tmp_path, "--port", port, "--for", 1)
    assert told.returncode == 2 and f"port {port}" in told.stderr and len(told.stderr.splitlines()) == 1
