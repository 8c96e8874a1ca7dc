"""The spool: once accepted, a reading is there until it is forgotten; what is dropped is counted and told."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.model.readings import SUM_MASK, Reading, Refusal, digest
from floorwise.edge import spool as spool_module
from floorwise.edge.spool import Bounds, Item, Spool, SpoolFull, Verdict, read_ledger

A, S, D, R, C = Verdict.ACCEPTED, Verdict.SKIPPED, Verdict.DUPLICATE, Verdict.REFUSED, Verdict.CONFLICT


def reading(seq: int, value: float = 1.0, device: str = "scale-1", boot: int = 1) -> Reading:
    return Reading(device, boot, seq, 1_767_000_000_000 + seq, {"gross_g": value})


def items(*seqs: int, custody: bool = False) -> list[Item]:
    return [Item(reading(seq), custody) for seq in seqs]


def everything(spool: Spool) -> list[Reading]:
    return [entry.reading for custody in (True, False) for entry in spool.take(0, 10_000, custody)]


@pytest.fixture
def spool(tmp_path):
    one = Spool(tmp_path / "spool", "edge-1", 1000)
    yield one
    one.close()


def account(spool: Spool, device: str = "scale-1"):
    return next(one for one in spool.ledger() if one.device == device)


def test_what_was_accepted_is_there_after_a_restart(tmp_path):
    first = Spool(tmp_path / "spool", "edge-1", 1000)
    assert first.accept(items(1, 2, 3)) == [A, A, A]
    second = Spool(tmp_path / "spool", "edge-1", 1000)  # the first was never closed, as after kill -9
    assert everything(second) == [reading(1), reading(2), reading(3)]
    assert second.boot > first.boot


def test_only_forgetting_removes_and_the_account_stays(spool):
    spool.accept(items(1, 2, 3))
    entries = spool.take(0, 10, custody=False)
    assert [entry.reading.seq for entry in spool.take(entries[0].place, 1, custody=False)] == [2]
    spool.forget([entries[0].place, entries[2].place])
    assert spool.pending == 1
    one = account(spool)
    assert (one.count, one.pending, one.pending_sum) == (3, 1, digest(reading(2)))
    assert one.sum == sum(digest(reading(seq)) for seq in (1, 2, 3)) & SUM_MASK
    assert everything(spool) == [reading(2)]


def test_forgetting_is_written_with_the_next_group_or_at_the_latest_when_closing(tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 1000)
    spool.accept(items(1, 2))
    spool.forget([spool.take(0, 1, custody=False)[0].place])
    with sqlite3.connect(spool.path) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (2,)
        spool.accept(items(3))
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    spool.forget([spool.take(0, 1, custody=False)[0].place])
    spool.close()
    assert read_ledger(tmp_path / "spool")[0].pending == 1


def test_a_repeat_is_known_even_when_the_reading_has_long_left(spool):
    spool.accept(items(1, 2))
    spool.forget(entry.place for entry in spool.take(0, 10, custody=False))
    spool.flush(2000)
    assert spool.accept(items(1, 2, 3)) == [D, D, A]
    assert account(spool).duplicates == 2


def test_a_repeat_within_one_group_is_a_repeat(spool):
    assert spool.accept(items(1, 1)) == [A, D]


def test_the_same_key_with_other_content_is_a_conflict_and_the_first_one_stays(spool):
    assert spool.accept([Item(reading(1, 5.0)), Item(reading(1, 6.0))]) == [A, C]
    assert everything(spool) == [reading(1, 5.0)]


def test_a_reading_that_a_filter_changed_does_not_contradict_itself(spool):
    heard = digest(reading(1, 5.0))
    assert spool.accept([Item(reading(1, 5.5), heard=heard), Item(reading(1, 5.0), heard=heard), Item(reading(1, 5.0))]) == [A, D, D]


def test_a_skipped_reading_leaves_no_entry_and_no_hole(spool):
    assert spool.accept([Item(reading(1)), Item(reading(2), skip=True), Item(reading(3))]) == [A, S, A]
    assert spool.accept(items(2)) == [D]
    one = account(spool)
    assert (one.count, one.skipped, one.missing) == (2, 1, 0)


def test_late_readings_fill_holes_and_holes_are_counted(spool):
    spool.accept(items(4, 9))
    assert account(spool).missing == 4
    assert spool.accept(items(6, 2)) == [A, A]
    one = account(spool)
    assert (one.first, one.last, one.count, one.missing) == (2, 9, 4, 4)  # 3, 5, 7, 8


def test_two_boots_of_a_device_are_two_streams(spool):
    spool.accept([Item(reading(1)), Item(reading(1, boot=2))])
    assert [(one.boot, one.count) for one in spool.ledger()] == [(1, 1), (2, 1)]


def test_full_custody_is_refused_and_accepted_when_there_is_room_again(tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(custody=2))
    assert spool.accept(items(1, 2, 3, custody=True)) == [A, A, R]
    assert account(spool).refused == 1
    spool.forget([spool.take(0, 1, custody=True)[0].place])
    assert spool.accept(items(3, custody=True)) == [A]
    assert (account(spool).count, account(spool).missing) == (3, 0)


def test_full_telemetry_thins_the_oldest_counts_it_and_tells_it(tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(telemetry=10))
    spool.accept(items(*range(1, 11)))
    assert spool.accept(items(11, 12)) == [A, A]
    assert [one.seq for one in everything(spool)] == [1, 3, 5, 7, 9, 11, 12]
    one = account(spool)
    dropped = sum(digest(reading(seq)) for seq in (2, 4, 6, 8, 10)) & SUM_MASK
    assert (one.count, one.dropped, one.dropped_sum, one.pending) == (12, 5, dropped, 7)
    assert (one.sum - one.dropped_sum - one.pending_sum) & SUM_MASK == 0
    spool.flush(2000)
    (gap,) = [one for one in everything(spool) if one.device == "edge-1"]
    assert gap == Reading("edge-1", spool.boot, 1, 2000, {
        "about": "scale-1", "gap_reason": "thinned", "gap_boot": 1.0, "gap_first": 2.0, "gap_last": 10.0, "gap_count": 5.0,
    })  # fmt: skip
    spool.flush(3000)
    assert account(spool, "edge-1").count == 1, "a gap is told once"


def test_what_was_offered_upstream_is_never_thinned(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "OFFER_AHEAD", 0)
    spool = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(telemetry=10))
    spool.accept(items(*range(1, 11)))
    spool.take(0, 4, custody=False)
    spool.accept(items(11))
    assert [one.seq for one in everything(spool)] == [1, 2, 3, 4, 5, 7, 9, 11]
    again = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(telemetry=8))  # nor after a restart
    again.accept(items(12))
    assert {1, 2, 3, 4} <= {one.seq for one in everything(again)}


def test_telemetry_that_cannot_be_thinned_is_refused(tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(telemetry=3))
    assert spool.accept(items(1, 2, 3)) == [A, A, A]
    spool.take(0, 10, custody=False)
    assert spool.accept(items(4)) == [R]
    assert spool.accept([Item(reading(1, device="door-1"), custody=True)]) == [A], "custody has room of its own"


def test_a_full_file_accepts_nothing_and_loses_nothing(tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 1000, Bounds(file_bytes=40 * 4096))
    accepted = 0
    with pytest.raises(SpoolFull, match="full"):
        for start in range(1, 100_000, 50):
            spool.accept(items(*range(start, start + 50)))
            accepted += 50
    assert account(spool).count == accepted == account(spool).pending
    entries = spool.take(0, 500, custody=False)
    spool.forget(entry.place for entry in entries)
    assert set(spool.accept(items(*range(accepted + 1, accepted + 51)))) == {A}, "what leaves makes room"
    assert spool.path.stat().st_size <= 40 * 4096


def test_a_failed_commit_leaves_file_and_memory_alike(spool, monkeypatch):
    spool.accept(items(1))
    monkeypatch.setattr(spool_module, "INSERT_ENTRY", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    with pytest.raises(SpoolFull):
        spool.accept(items(2, 3))
    monkeypatch.undo()
    assert (account(spool).count, spool.pending) == (1, 1)
    assert spool.accept(items(2, 3)) == [A, A]


def test_readings_given_up_are_counted_and_told_unless_upstream_said_so(spool):
    spool.accept(items(1, 2, 3))
    places = [entry.place for entry in spool.take(0, 10, custody=False)]
    spool.drop(places[:1], "dead_letter")
    spool.drop(places[1:2], "damaged")
    spool.flush(2000)
    one = account(spool)
    assert (one.dropped, one.dropped_sum) == (2, (digest(reading(1)) + digest(reading(2))) & SUM_MASK)
    assert [one.values["gap_reason"] for one in everything(spool) if one.device == "edge-1"] == ["damaged"]


def test_nonsense_is_told_upstream_in_one_gap_a_stream(spool):
    spool.note_unreadable([Refusal("scale-1", 1, seq, "no number") for seq in (4, 9)])
    spool.note_unreadable([Refusal("scale-1", 1, 6, "no number")])
    spool.flush(2000)
    (gap,) = everything(spool)
    assert (gap.values["gap_first"], gap.values["gap_last"], gap.values["gap_count"]) == (4.0, 9.0, 3.0)


def test_what_the_agent_says_itself_goes_first_and_counts_like_any_stream(spool):
    spool.accept(items(1))
    spool.own(2000, {"alarm": "warm", "about": "climate-1", "alarm_on": 1.0, "observed": 9.5}, {"about": "scale-1", "alive": 1.0})
    assert [(one.device, one.seq) for one in everything(spool)] == [("edge-1", 1), ("edge-1", 2), ("scale-1", 1)]


STEPS = st.tuples(st.sampled_from(["accept", "forget", "drop", "restart", "flush"]), st.integers(0, 30), st.integers(1, 12))


@settings(max_examples=30)
@given(steps=st.lists(STEPS, max_size=20))
def test_the_books_of_a_spool_balance_whatever_happens(tmp_path_factory, steps):
    """count = forgotten + dropped + pending, sums likewise, after any mixture of repeats, thinning, restarts and acks."""
    path = tmp_path_factory.mktemp("spool") / "spool"
    bounds = Bounds(telemetry=20)
    spool, forgotten, accepted = Spool(path, "edge-1", 1000, bounds), {}, set()
    for what, start, length in steps:
        if what == "accept":
            group = items(*range(start, start + length))
            for item, verdict in zip(group, spool.accept(group), strict=True):
                assert (verdict is D) == (item.reading.key in accepted) or verdict is R
                if verdict is A:
                    accepted.add(item.reading.key)
        elif what == "restart":
            spool.close()
            spool = Spool(path, "edge-1", 1000, bounds)
        elif what == "flush":
            spool.flush(2000)
        else:
            entries = spool.take(start, length, custody=False)
            if what == "forget":
                spool.forget(entry.place for entry in entries)
                forgotten |= {entry.reading.key: digest(entry.reading) for entry in entries if entry.reading.device == "scale-1"}
                spool.flush(2000)
            elif entries:
                spool.drop([entries[0].place], "damaged")
    one = next((one for one in spool.ledger() if one.device == "scale-1"), None)
    if one:
        assert one.count == len(accepted) == len(forgotten) + one.dropped + one.pending
        assert one.sum == (sum(forgotten.values()) + one.dropped_sum + one.pending_sum) & SUM_MASK
    spool.close()
