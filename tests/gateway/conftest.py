"""What the tests of the reading half share: brokers, real edge agents with spools, and an intake as a process that may be killed."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floorwise.core.model.readings import Reading
from floorwise.edge.spool import Item, Spool, read_ledger
from floorwise.gateway import broker as brokers

PATIENCE_S = 60.0
NOW = 1_767_000_000_000


class Play:
    """Ways to take part in a test of the reading half."""

    def __init__(self, folder: Path, batches: str = "auto") -> None:
        self.folder, self.batches = folder, batches
        self.store = folder / "readings.duckdb"

    def fill(self, agent: str, readings: list[Reading]) -> Path:
        """Put readings into the spool of an agent that does not run yet."""
        path = self.folder / f"spool-{agent}.sqlite"
        spool = Spool(path, agent, NOW)
        for start in range(0, len(readings), 5_000):
            spool.accept([Item(reading) for reading in readings[start : start + 5_000]])
        spool.close()
        return path

    @contextlib.contextmanager
    def agent(self, name: str, url: str) -> Iterator[subprocess.Popen]:
        """A real edge agent as a process, on spool-<name>.sqlite."""
        file = self.folder / f"{name}.toml"
        head = f'agent = "{name}"\nbatches = "{self.batches}"\nspool = "spool-{name}.sqlite"\n'
        file.write_text(f'{head}[uplink]\nurl = "{url}"\nwindow = 100\n')
        words = [sys.executable, "-c", "from floorwise.cli.main import main; main()", "edge", "--config", str(file)]
        with running(words) as process:
            yield process

    @contextlib.contextmanager
    def intake(self, url: str, fail: str = "") -> Iterator[subprocess.Popen]:
        """An intake on readings.duckdb as a process that ends when its stdin does, or is killed."""
        code = (
            "import sys; from pathlib import Path\nfrom floorwise.core.adapters.store_duckdb import DuckStore\n"
            "from floorwise.gateway.intake import Intake\nfrom floorwise.core.adapters import reading_kernels\n"
            "reading_kernels.warm_up()  # packed batches are read fast from the first on\n"
            f"store = DuckStore(Path({str(self.store)!r}))\nintake = Intake({url!r}, store)\nintake.start()\n"
            "sys.stdin.read()\nintake.stop()\nstore.close()\n"
        )
        with running([sys.executable, "-c", code], fail) as process:
            yield process

    def pending(self, agent: str) -> int:
        """Readings in the agent's spool that still wait for their acknowledgement."""
        return sum(account.pending for account in read_ledger(self.folder / f"spool-{agent}.sqlite"))

    @staticmethod
    def until(claim: Callable[[], bool], what: str = "it") -> None:
        """Wait until `claim` is true; fail after PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while not claim():
            assert time.monotonic() < end, f"{what} did not come to pass"
            threading.Event().wait(0.05)


@contextlib.contextmanager
def running(words: list[str], fail: str = "") -> Iterator[subprocess.Popen]:
    env = os.environ | {"FLOORWISE_FAIL": fail}
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def batches() -> str:
    """What agents send: a test that is about it parametrises it."""
    return "auto"


@pytest.fixture
def play(tmp_path: Path, batches: str) -> Play:
    return Play(tmp_path, batches)


@pytest.fixture(params=["mosquitto", "embedded"])
def broker_kind(request: pytest.FixtureRequest, require: Callable) -> str:
    """Each kind of broker in turn."""
    if request.param == "mosquitto":
        require(brokers.find_mosquitto(), "mosquitto is not installed")
    return request.param


@pytest.fixture
def broker(broker_kind: str, tmp_path: Path) -> Iterator[brokers.Broker]:
    """A broker of each kind in turn, running."""
    one = brokers.start(broker_kind, 0, tmp_path / "broker")
    yield one
    one.stop()


@pytest.fixture
def any_broker(tmp_path: Path) -> Iterator[brokers.Broker]:
    """One broker, the kind that `auto` takes."""
    one = brokers.start("auto", 0, tmp_path / "broker")
    yield one
    one.stop()
