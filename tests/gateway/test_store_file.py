"""The store's file: what was acknowledged outlives kill −9, a damaged file never stops a start, one process owns it."""

import random
import shutil
import signal
import subprocess
import sys

import duckdb
import pytest

from floorwise.core.adapters import store_duckdb
from floorwise.core.adapters.store_duckdb import DuckStore, StoreFailed
from floorwise.core.model.readings import Reading
from floorwise.core.model.stored import Outcome

NOW = 1_767_000_000_000
FLIPS = 25


def looks(first: int, last: int, device: str = "climate-1") -> list[Reading]:
    return [Reading(device, 1, seq, NOW + seq, {"temperature_c": seq / 8, "humidity_pct": 40.0}) for seq in range(first, last + 1)]


def test_a_store_opened_again_knows_its_streams_repeats_and_latest_values(tmp_path):
    path = tmp_path / "readings.duckdb"
    store = DuckStore(path)
    store.write_batch([*looks(1, 5), *looks(9, 9), Reading("scan-1", 1, 1, NOW, {"code": "A"})])
    accounts, rows = store.accounts(), list(store.readings())
    store.close()
    again = DuckStore(path)
    assert (again.aside, again.accounts(), list(again.readings())) == (None, accounts, rows)
    assert again.write_batch([*looks(5, 6), *looks(9, 9)]) == [Outcome.DUPLICATE, Outcome.STORED, Outcome.DUPLICATE]
    assert again.write_batch([Reading("climate-1", 1, 2, NOW + 2, {"temperature_c": 99.0})]) == [Outcome.CONFLICT]
    latest = again.latest()
    assert latest["climate-1", "temperature_c"] == (9 / 8, NOW + 9, "°C", True) or not latest["climate-1", "temperature_c"].is_stale
    assert latest["scan-1", "code"] == ("A", NOW, "", True)
    again.close()


def test_a_stream_with_holes_comes_back_with_its_holes(tmp_path):
    path = tmp_path / "readings.duckdb"
    store = DuckStore(path)
    store.write_batch([reading for reading in looks(1, 30) if reading.seq % 3])
    store.close()
    again = DuckStore(path)
    outcomes = again.write_batch(looks(1, 30))
    assert [reading.seq for reading, outcome in zip(looks(1, 30), outcomes, strict=True) if outcome is Outcome.STORED] == [
        *range(3, 31, 3)
    ]
    again.close()


def test_what_a_killed_process_had_acknowledged_is_there_and_nothing_is_there_twice(tmp_path):
    path = tmp_path / "readings.duckdb"
    code = (
        "import sys; from pathlib import Path; from floorwise.core.adapters.store_duckdb import DuckStore\n"
        "from floorwise.core.model.readings import Reading\n"
        f"store = DuckStore(Path({str(path)!r}))\n"
        "first = 1 + max((a.last for a in store.accounts()), default=0)\n"
        "for start in range(first, first + 100_000, 50):\n"
        "    store.write_batch([Reading('climate-1', 1, n, n, {'temperature_c': 1.0}) for n in range(start, start + 50)])\n"
        "    print(start + 49, flush=True)\n"
    )
    rng, said = random.Random(1), 0
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(rng.randint(1, 25)):
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        said = int(rest[-1]) if rest and rest[-1].isdigit() else said
        store = DuckStore(path)
        (account,) = store.accounts()
        assert store.aside is None
        assert account.last >= said and account.count == account.last
        assert store.doubles(5) == []
        store.close()


@pytest.mark.parametrize("fail, kept", [("store_before_commit:2", 50), ("store_after_commit:2", 100)])
def test_a_batch_is_whole_or_not_there_at_each_failpoint(tmp_path, fail, kept):
    path = tmp_path / "readings.duckdb"
    code = (
        "from pathlib import Path; from floorwise.core.adapters.store_duckdb import DuckStore\n"
        "from floorwise.core.model.readings import Reading\n"
        f"store = DuckStore(Path({str(path)!r}))\n"
        "for start in (1, 51, 101):\n"
        "    store.write_batch([Reading('climate-1', 1, n, n, {'temperature_c': 1.0}) for n in range(start, start + 50)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"FLOORWISE_FAIL": fail}, timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = DuckStore(path)
    (account,) = store.accounts()
    assert (account.count, len(list(store.readings()))) == (kept, kept)
    store.close()


def test_a_second_process_is_told_that_the_file_has_an_owner(tmp_path):
    path = tmp_path / "readings.duckdb"
    store = DuckStore(path)
    code = (
        "from pathlib import Path; from floorwise.core.adapters.store_duckdb import DuckStore, StoreBusy\n"
        f"try: DuckStore(Path({str(path)!r}))\nexcept StoreBusy as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "open in another process" in told.stdout, told
    store.close()
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize("harm", ["nonsense", "empty", "cut", "zeros"])
def test_a_damaged_file_is_set_aside_and_the_store_starts_all_the_same(tmp_path, harm):
    path = tmp_path / "readings.duckdb"
    store = DuckStore(path)
    store.write_batch(looks(1, 2000))
    store.close()
    size = path.stat().st_size
    if harm == "nonsense":
        path.write_bytes(b"this is no database" * 1000)
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "cut":
        with path.open("r+b") as file:
            file.truncate(size // 2)
    else:
        with path.open("r+b") as file:
            file.seek(size // 10)
            file.write(bytes(size - size // 10))
    again = DuckStore(path)
    if again.aside is not None:
        assert again.aside.name == "readings.duckdb.damaged-1" and again.aside.is_file()
    assert again.accounts() == []
    assert again.write_batch(looks(1, 3)) == [Outcome.STORED] * 3
    again.close()


def test_a_flipped_bit_is_found_or_harmless_and_never_stops_a_start(tmp_path):
    path = tmp_path / "readings.duckdb"
    store = DuckStore(path)
    for start in range(1, 20_000, 2_000):
        store.write_batch(looks(start, start + 1_999))
    accounts = store.accounts()
    rows = list(store.readings())
    store.close()
    rng, copy, found = random.Random(7), tmp_path / "copy.duckdb", 0
    for _ in range(FLIPS):
        shutil.copyfile(path, copy)
        with copy.open("r+b") as file:
            at = rng.randrange(path.stat().st_size)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << rng.randrange(8)]))
        opened = DuckStore(copy)
        if opened.aside is None:
            assert (opened.accounts(), list(opened.readings())) == (accounts, rows), f"a flip at {at} went unnoticed"
        else:
            found += 1
            assert opened.accounts() == []
        assert opened.write_batch([Reading("other", 1, 1, NOW, {"temperature_c": 1.0})]) == [Outcome.STORED]
        opened.close()
        for left in tmp_path.glob("copy.duckdb*"):
            left.unlink()
    assert found >= 3


def test_a_batch_that_the_disk_refuses_is_not_known_afterwards(tmp_path):
    store = DuckStore(tmp_path / "readings.duckdb")
    store.write_batch(looks(1, 2))
    whole, store._db = store._db, Refusing(store._db)
    with pytest.raises(StoreFailed, match="No space left"):
        store.write_batch(looks(3, 4))
    store._db = whole
    assert store.write_batch(looks(3, 4)) == [Outcome.STORED, Outcome.STORED]
    assert store.accounts()[0].count == 4
    store.close()


class Refusing:
    """A connection whose disk is full at the commit."""

    def __init__(self, db) -> None:
        self._db = db

    def execute(self, words, *more):
        if words == "COMMIT":
            raise duckdb.IOException("IO Error: No space left on device")
        return self._db.execute(words, *more)

    def __getattr__(self, name):
        return getattr(self._db, name)


def test_a_full_disk_at_the_start_is_no_damage(tmp_path, monkeypatch):
    def refuse(self):
        raise duckdb.IOException("IO Error: No space left on device")

    path = tmp_path / "readings.duckdb"
    DuckStore(path).close()
    monkeypatch.setattr(store_duckdb.DuckStore, "_open", refuse)
    with pytest.raises(StoreFailed):
        DuckStore(path)
    assert path.is_file() and not list(tmp_path.glob("*.damaged-*"))
