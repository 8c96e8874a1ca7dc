"""A damaged spool: the agent starts all the same, what can be proved is kept, what cannot is named."""

import random
import sqlite3

import pytest

from floorwise.core.model.readings import Reading, digest
from floorwise.edge.spool import Item, Spool, Verdict

COUNT = 400


def reading(seq: int) -> Reading:
    return Reading("scale-1", 1, seq, 1_767_000_000_000 + seq, {"gross_g": 1000.0 + seq})


def filled(path) -> None:
    spool = Spool(path, "edge-1", 1000)
    spool.accept([Item(reading(seq)) for seq in range(1, COUNT + 1)])
    spool.close()


def everything(spool: Spool) -> list[Reading]:
    return [entry.reading for custody in (True, False) for entry in spool.take(0, 10_000, custody)]


def test_a_file_that_is_no_spool_is_put_aside_and_counted(tmp_path):
    path = tmp_path / "spool"
    path.write_bytes(b"this was never a database" * 1000)
    spool = Spool(path, "edge-1", 1000)
    assert spool.aside == tmp_path / "spool.damaged-1"
    assert (spool.damaged_files, spool.salvaged) == (1, 0)
    assert spool.accept([Item(reading(1))]) == [Verdict.ACCEPTED]
    spool.close()
    path.write_bytes(b"again")
    spool = Spool(path, "edge-1", 1000)
    assert spool.aside == tmp_path / "spool.damaged-2"
    assert (tmp_path / "spool.damaged-1").read_bytes().startswith(b"this was never")


def test_a_spool_of_another_schema_is_put_aside_not_guessed_at(tmp_path):
    filled(tmp_path / "spool")
    with sqlite3.connect(tmp_path / "spool") as db:
        db.execute("UPDATE meta SET value = 99 WHERE name = 'schema'")
    spool = Spool(tmp_path / "spool", "edge-1", 1000)
    assert spool.aside is not None


def test_an_empty_file_becomes_a_spool(tmp_path):
    (tmp_path / "spool").touch()
    spool = Spool(tmp_path / "spool", "edge-1", 1000)
    assert (spool.aside, spool.damaged_files) == (None, 0)


def test_a_file_cut_off_gives_up_only_what_was_cut(tmp_path):
    path = tmp_path / "spool"
    filled(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3 // 4096 * 4096])
    spool = Spool(path, "edge-1", 1000)
    assert spool.aside is not None and spool.damaged_files == 1
    found = everything(spool)
    assert 0 < spool.salvaged == len(found) < COUNT
    assert found == [reading(one.seq) for one in found]


def test_an_entry_whose_bytes_changed_is_never_sent_but_counted_and_told(tmp_path):
    path = tmp_path / "spool"
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("""UPDATE entries SET body = '{"gross_g":9999.0}' WHERE seq = 7""")
    spool = Spool(path, "edge-1", 1000)
    assert 7 not in {one.seq for one in everything(spool)}
    spool.flush(2000)
    (gap,) = [one for one in everything(spool) if one.device == "edge-1"]
    assert (gap.values["gap_reason"], gap.values["gap_first"], gap.values["gap_count"]) == ("damaged", 7.0, 1.0)
    one = next(one for one in spool.ledger() if one.device == "scale-1")
    assert (one.count, one.dropped, one.dropped_sum) == (COUNT, 1, digest(reading(7)))


def test_the_boot_of_an_agent_is_new_even_when_the_file_with_the_last_one_is_gone(tmp_path):
    first = Spool(tmp_path / "spool", "edge-1", 1_767_000_000_000)
    first.close()
    (tmp_path / "spool").write_bytes(b"gone")
    second = Spool(tmp_path / "spool", "edge-1", 1_767_000_005_000)
    assert second.boot > first.boot


@pytest.mark.parametrize("seed", range(25))
def test_flipped_bits_are_found_or_harmless(tmp_path, seed):
    """Whatever bits flip: the agent starts, each reading it sends is one that it was given, and nothing disappears unnoticed."""
    path = tmp_path / "spool"
    filled(path)
    rng = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 3, 200))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    spool = Spool(path, "edge-1", 1000)
    found = [one for one in everything(spool) if one.device == "scale-1"]
    assert all(one == reading(one.seq) for one in found)
    lost = COUNT - len(found)
    noticed = spool.aside is not None or any(one.dropped or one.device != "scale-1" for one in spool.ledger())
    assert noticed or lost == 0, "readings are gone and nothing shows it"

    assert spool.accept([Item(reading(COUNT + 1))])[0] in (Verdict.ACCEPTED, Verdict.DUPLICATE)
