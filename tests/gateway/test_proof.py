"""I1 over a data directory with real spools and a real store: sound when all went well, and each planted damage is found."""

import sqlite3

import duckdb
import pytest

from floorwise.core.adapters.store_duckdb import DuckStore
from floorwise.core.model.readings import Reading
from floorwise.edge.spool import Bounds, Item, Spool
from floorwise.gateway.proof import readings_checks

NOW = 1_767_000_000_000
LOOKS = [Reading("climate-1", 1, seq, NOW + seq, {"temperature_c": seq / 4}) for seq in range(1, 41)]


@pytest.fixture
def data(tmp_path):
    """40 readings accepted, 30 of them stored and forgotten, 5 stored and still waiting for their ack, 5 only waiting."""
    (tmp_path / "edge").mkdir()
    spool = Spool(tmp_path / "edge/edge-1.spool", "edge-1", NOW)
    spool.accept([Item(look) for look in LOOKS])
    spool.forget([entry.place for entry in spool.take(0, 30, custody=False)])
    spool.close()
    store = DuckStore(tmp_path / "readings.duckdb")
    store.write_batch(LOOKS[:35])
    store.close()
    return tmp_path


def broken(data) -> dict[str, str]:
    return {check.name: check.detail for check in readings_checks(data) if not check.ok}


def change(data, words: str) -> None:
    with duckdb.connect(str(data / "readings.duckdb")) as db:
        db.execute(words)


def test_a_sound_directory_passes_and_says_how_much_was_looked_at(data):
    assert broken(data) == {}
    assert {check.name: check.seen for check in readings_checks(data)} == {
        "I1 spools and store": 50, "I1 rows and marks": 35, "I1 no key twice": 35, "I1 drops told": 0,  # 40 accepted and 10 waiting
    }  # fmt: skip


@pytest.mark.parametrize(
    "words, name",
    [
        ("DELETE FROM marks WHERE seq = 7", "I1 spools and store"),
        ("DELETE FROM readings WHERE seq = 7", "I1 rows and marks"),
        ("UPDATE readings SET value = 99 WHERE seq = 7", "I1 rows and marks"),
        ("INSERT INTO marks SELECT * FROM marks WHERE seq = 7", "I1 no key twice"),
        ("INSERT INTO readings SELECT * FROM readings WHERE seq = 7", "I1 no key twice"),
        ("UPDATE marks SET digest = digest - 1 WHERE seq = 33", "I1 spools and store"),
    ],
)
def test_each_planted_damage_is_found(data, words, name):
    change(data, words)
    assert name in broken(data)


def test_an_intake_that_acknowledged_before_its_commit_is_found(data):
    with sqlite3.connect(data / "edge/edge-1.spool") as db:
        db.execute("DELETE FROM entries WHERE seq = 40")  # the agent was told to forget what the store never had
    assert "35 is stored, 36 follows" in broken(data)["I1 spools and store"]


def test_a_directory_without_readings_has_nothing_to_check(tmp_path):
    assert readings_checks(tmp_path) == []


def test_a_store_that_is_gone_while_spools_have_delivered_is_a_violation(data):
    (data / "readings.duckdb").unlink()
    assert "spools have accepted 40 readings" in broken(data)["I1 readings"]


def test_a_damaged_store_is_told_and_left_where_it_is(data):
    (data / "readings.duckdb").write_bytes(b"no database" * 5000)
    assert "readings.duckdb" in broken(data)["I1 readings"]
    assert [path.name for path in data.glob("readings*")] == ["readings.duckdb"]


def test_a_store_that_its_owner_has_open_can_be_checked_by_the_owner(data):
    store = DuckStore(data / "readings.duckdb")
    assert all(check.ok for check in readings_checks(data, store))
    store.close()


def test_thinned_readings_count_as_told_from_the_spool_until_the_store_has_it(tmp_path):
    spool = Spool(tmp_path / "edge-1.spool", "edge-1", NOW, Bounds(telemetry=20))
    store = DuckStore(tmp_path / "readings.duckdb")
    for start in range(0, 40, 10):
        spool.accept([Item(look) for look in LOOKS[start : start + 10]])
    assert any(account.dropped for account in spool.ledger())
    for _ in range(3):
        assert [check for check in readings_checks(tmp_path, store) if not check.ok] == []
        spool.flush(NOW)  # counted drops become gap readings
        assert [check for check in readings_checks(tmp_path, store) if not check.ok] == []
        for custody in (True, False):
            entries = spool.take(0, 100, custody)
            store.write_batch([entry.reading for entry in entries])
            assert [check for check in readings_checks(tmp_path, store) if not check.ok] == []
            spool.forget([entry.place for entry in entries])
        spool.flush(NOW)
    spool.close()
    store.close()
