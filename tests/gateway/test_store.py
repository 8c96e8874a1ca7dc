"""One contract for every store: what was stored once is never stored twice, what came is told apart, gaps are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.adapters.store_duckdb import DuckStore
from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.errors import BadInput
from floorwise.core.model import stored
from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.core.model.stored import DeadLetter, Outcome, Point, Seen

NOW = 1_767_000_000_000
STORED, DUPLICATE, CONFLICT = Outcome.STORED, Outcome.DUPLICATE, Outcome.CONFLICT


@pytest.fixture(params=["duckdb", "memory"])
def store(request, tmp_path):
    one = DuckStore(tmp_path / "readings.duckdb") if request.param == "duckdb" else MemoryStore()
    yield one
    one.close()


def look(seq: int, celsius: float = 4.0, device: str = "climate-1", boot: int = 1, ts: int | None = None) -> Reading:
    return Reading(device, boot, seq, NOW + 60_000 * seq if ts is None else ts, {"temperature_c": celsius})


def test_a_batch_is_stored_and_a_repeat_is_known_within_it_and_after_it(store):
    one, two = look(1), look(2, 5.0)
    assert store.write_batch([one, two, one]) == [STORED, STORED, DUPLICATE]
    assert store.write_batch([two, look(3)]) == [DUPLICATE, STORED]
    (account,) = store.accounts()
    assert account[:5] == ("climate-1", 1, 1, 3, 3)
    assert account.sum == (digest(one) + digest(two) + digest(look(3))) & SUM_MASK


def test_the_same_key_with_other_content_is_put_by_and_never_stored(store):
    store.write_batch([look(1, 4.0)])
    assert store.write_batch([look(1, 9.0), look(2, 4.0), look(2, 8.0)]) == [CONFLICT, STORED, CONFLICT]
    assert [point.value for point in store.query("climate-1", "temperature_c", NOW, NOW + 10**6)] == [4.0, 4.0]
    letters = store.dead if isinstance(store, MemoryStore) else store.dead_letters(10)
    assert sorted(letter.payload for letter in letters) == [b'{"temperature_c":8.0}', b'{"temperature_c":9.0}']
    assert {letter.reason for letter in letters} == {"same key, other content"}


def test_the_latest_value_is_the_youngest_by_the_device_s_clock_whatever_came_last(store):
    store.write_batch([look(2, 5.0)])
    store.write_batch([look(1, 4.0), Reading("scan-1", 1, 1, NOW, {"code": "]C100", "place": "DOCK"})])
    latest = store.latest()
    assert latest["climate-1", "temperature_c"] == (5.0, NOW + 120_000, "°C", False)
    assert latest["scan-1", "code"] == ("]C100", NOW, "", False)


def test_a_value_is_stale_from_the_death_of_its_device_until_it_speaks_again(store):
    store.write_batch([look(1, 4.0), look(1, 7.0, device="climate-2")])
    store.mark_stale(["climate-1", "unheard-of"])
    assert {key[0]: value.is_stale for key, value in store.latest().items()} == {"climate-1": True, "climate-2": False}
    store.write_batch([look(2, 4.0)])
    assert not store.latest()["climate-1", "temperature_c"].is_stale


def test_what_an_agent_says_about_devices_is_stored_and_is_no_latest_value(store):
    store.write_batch([Reading("edge-1", 1, 1, NOW, {"about": "climate-1", "alive": 1.0})])
    assert store.latest() == {}
    assert store.accounts()[0].count == 1


def test_a_silence_longer_than_the_bound_is_a_gap_and_a_shorter_one_is_not(store):
    times = [0, 60_000, 210_000, 360_001]  # 150 s apart is still no gap, 150,001 ms is
    store.write_batch([look(n + 1, float(n), ts=NOW + at) for n, at in enumerate(times)])
    found = store.query("climate-1", "temperature_c", NOW, NOW + 400_000)
    assert [point and point.at_ms - NOW for point in found] == [0, 60_000, 210_000, None, 360_001]


def test_steps_give_mean_lowest_highest_and_count_and_no_point_where_nothing_was_said(store):
    looks = [(0, 1.0), (59_999, 3.0), (60_000, 10.0), (300_000, -2.0)]
    store.write_batch([look(n + 1, value, ts=NOW + at) for n, (at, value) in enumerate(looks)])
    found = store.query("climate-1", "temperature_c", NOW, NOW + 400_000, step_ms=60_000)
    assert found == [
        Point(NOW, 2.0, 1.0, 3.0, 2), Point(NOW + 60_000, 10.0, 10.0, 10.0, 1), None, Point(NOW + 300_000, -2.0, -2.0, -2.0, 1),
    ]  # fmt: skip


def test_both_ends_of_a_question_are_included_and_other_series_are_not(store):
    store.write_batch([look(n, float(n), ts=NOW + n) for n in range(1, 6)] + [look(9, 99.0, device="climate-2", ts=NOW + 3)])
    assert [point.value for point in store.query("climate-1", "temperature_c", NOW + 2, NOW + 4)] == [2.0, 3.0, 4.0]
    assert store.query("climate-1", "humidity_pct", NOW, NOW + 9) == []


def test_texts_come_back_as_they_were_read(store):
    store.write_batch([Reading("scan-1", 1, n, NOW + n, {"code": code}) for n, code in enumerate(["01\x1d10", "Ä 7"], 1)])
    assert [point.value for point in store.query("scan-1", "code", NOW, NOW + 9)] == ["01\x1d10", "Ä 7"]
    with pytest.raises(BadInput, match="texts have no mean"):
        store.query("scan-1", "code", NOW, NOW + 9, step_ms=5)


def test_a_question_for_too_much_is_refused_and_names_a_step_that_fits(store, monkeypatch):
    store.write_batch([look(n, ts=NOW + n) for n in range(1, 10_002)])
    with pytest.raises(BadInput, match="step_ms="):
        store.query("climate-1", "temperature_c", NOW, NOW + 20_000)
    with pytest.raises(BadInput, match="take step_ms=3"):
        store.query("climate-1", "temperature_c", NOW, NOW + 20_000, step_ms=1)
    assert len(store.query("climate-1", "temperature_c", NOW, NOW + 20_000, step_ms=3)) == 3334  # (10,001 + 2) // 3 of 1…10,001
    with pytest.raises(BadInput, match="make no sense"):
        store.query("climate-1", "temperature_c", NOW + 1, NOW)


def test_retention_takes_rows_out_and_leaves_count_sum_and_the_knowledge_of_repeats(store):
    old, young = look(1), look(2)
    store.write_batch([old, young])
    before = store.accounts()[0]
    assert store.retain(NOW + 120_000) == 1
    after = store.accounts()[0]
    assert after[:6] == before[:6]
    assert (after.removed, after.removed_sum) == (1, digest(old))
    assert store.query("climate-1", "temperature_c", NOW, NOW + 10**6)[0].at_ms == young.ts
    assert store.write_batch([old]) == [DUPLICATE]
    assert store.retain(NOW) == 0


def test_a_dead_letter_is_kept_with_its_reason(store):
    letter = DeadLetter(NOW, "up/x/batch", "x", 0, 0, "not JSON", b"\xff{")
    assert store.write_batch([], [letter]) == []
    assert (store.dead if isinstance(store, MemoryStore) else store.dead_letters(5)) == [letter]


SEQS = st.lists(st.integers(1, 40), max_size=60)


@given(SEQS)
def test_runs_know_exactly_what_was_added_in_any_order(seqs):
    seen, known = Seen(), set()
    for seq in seqs:
        assert seen.has(seq) == (seq in known)
        if seq not in known:
            seen.add(seq)
            known.add(seq)
    assert [n for n in range(45) if seen.has(n)] == sorted(known)
    assert (seen.top, seen.ask_below) == (max(known, default=-1), 0)


@given(batches=st.lists(SEQS, max_size=4))
def test_a_stream_with_more_holes_than_memory_holds_is_still_stored_once(batches):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "RUNS_IN_MEMORY", 4)
        store, known = MemoryStore(), set()
        for seqs in batches:
            outcomes = store.write_batch([look(seq) for seq in seqs])
            for seq, outcome in zip(seqs, outcomes, strict=True):
                assert outcome == (DUPLICATE if seq in known else STORED)
                known.add(seq)
        assert [account.count for account in store.accounts()] == [len(known)] * bool(known)
