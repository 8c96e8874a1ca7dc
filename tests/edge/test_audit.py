"""Invariant I1: planted losses, doubles and changes between spool and store are found and named."""

import pytest

from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.edge.audit import faults
from floorwise.edge.spool import Bounds, Item, Spool


def reading(seq: int, value: float = 1.0) -> Reading:
    return Reading("scale-1", 3, seq, 1000 + seq, {"gross_g": value})


class Store:
    """A store that forgets, doubles or changes when told to."""

    def __init__(self) -> None:
        self.rows: list[Reading] = []

    def stored(self, device: str, boot: int) -> tuple[int, int]:
        mine = [one for one in self.rows if (one.device, one.boot) == (device, boot)]
        return len(mine), sum(map(digest, mine)) & SUM_MASK

    def holds(self, one: Reading) -> bool:
        return one in self.rows


@pytest.fixture
def floor(tmp_path):
    """A spool of ten readings of which the store has the first six, and the agent has heard so of the first five."""
    spool, store = Spool(tmp_path / "spool", "edge-1", 1000), Store()
    spool.accept([Item(reading(seq)) for seq in range(1, 11)])
    store.rows = [reading(seq) for seq in range(1, 7)]
    spool.forget(entry.place for entry in spool.take(0, 5, custody=False))
    spool.close()
    return tmp_path / "spool", store


def found(floor) -> list[str]:
    spool, store = floor
    return [f"{one.device}/{one.boot}: {one.detail}" for one in faults(spool, store.stored, store.holds)]


def test_books_that_agree_have_no_faults_even_while_an_ack_is_on_its_way(floor):
    assert found(floor) == []


def test_a_lost_reading_is_found(floor):
    del floor[1].rows[2]
    assert found(floor) == ["scale-1/3: the store has 5 readings, the agent accounts for 6: 1 lost"]


def test_a_doubled_reading_is_found(floor):
    floor[1].rows.append(reading(1))
    assert found(floor) == ["scale-1/3: the store has 7 readings, the agent accounts for 6: 1 more than it should have"]


def test_a_changed_reading_is_found(floor):
    floor[1].rows[2] = reading(3, 1.0000001)
    (fault,) = found(floor)
    assert fault.startswith("scale-1/3: 6 readings on both sides, but not the same ones")


def test_a_reading_forgotten_before_it_was_stored_is_found(floor):
    """The planted bug that matters most: an agent that forgets on the broker's PUBACK."""
    spool = Spool(floor[0], "edge-1", 2000)
    spool.forget(entry.place for entry in spool.take(0, 10, custody=False))
    spool.close()
    assert found(floor) == ["scale-1/3: the store has 6 readings, the agent accounts for 10: 4 lost"]


def test_what_was_thinned_is_no_loss(tmp_path):
    spool, store = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(telemetry=10)), Store()
    spool.accept([Item(reading(seq)) for seq in range(1, 11)])
    spool.accept([Item(reading(11))])
    entries = spool.take(0, 100, custody=False)
    store.rows = [entry.reading for entry in entries]
    assert len(entries) == 6
    spool.forget(entry.place for entry in entries)
    spool.close()
    assert found((tmp_path / "spool", store)) == []
