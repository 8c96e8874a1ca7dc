"""A store that is handed columns does what it does with the same readings as objects: outcomes, rows, marks, latest values."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorwise.core.adapters import store_marks
from floorwise.core.adapters.reading_columns import Mixed
from floorwise.core.adapters.store_duckdb import DuckStore
from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.model.device_messages import up
from floorwise.core.model.packed import encode_packed
from floorwise.core.model.readings import Reading, encode_batch
from floorwise.core.model.stored import Outcome
from floorwise.gateway.gathering import Gathered
from floorwise.gateway.packed_decoding import Tables

NOW = 1_767_000_000_000
STORED, DUPLICATE, CONFLICT = Outcome.STORED, Outcome.DUPLICATE, Outcome.CONFLICT


def look(seq: int, celsius: float = 4.0, device: str = "climate-1", **more: float) -> Reading:
    return Reading(device, 1, seq, NOW + seq, {"temperature_c": celsius} | more)


def group(*messages: tuple[bool, list[Reading]]) -> Mixed:
    """The readings of messages, each packed (True) or JSON."""
    said = Gathered(Tables())
    for number, (is_packed, readings) in enumerate(messages):
        said.take(number, up("edge-1", "batch"), (encode_packed if is_packed else encode_batch)("edge-1", NOW, readings))
    assert said.odd() == []
    return said.readings()


def told(store: DuckStore) -> tuple:
    letters = sorted((letter.device, letter.seq, letter.payload) for letter in store.dead_letters(1_000))
    return store.accounts(), list(store.readings()), {key: one[:3] for key, one in store.latest().items()}, letters


@pytest.fixture
def store(tmp_path):
    one = DuckStore(tmp_path / "readings.duckdb")
    yield one
    one.close()


LOOKS = st.tuples(st.integers(1, 12), st.sampled_from(["a", "b"]), st.sampled_from([1.0, 1.0, 1.0, 2.0]), st.booleans())
SEQS = st.lists(LOOKS, max_size=9)
GROUPS = st.lists(st.lists(st.tuples(st.booleans(), SEQS), min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(groups=GROUPS, is_forgetful=st.booleans())
def test_columns_late_twice_reordered_and_changed_are_told_apart_like_objects(tmp_path_factory, groups, is_forgetful):
    folder = tmp_path_factory.mktemp("columns")
    with pytest.MonkeyPatch.context() as patch:
        if is_forgetful:
            patch.setattr(store_marks, "RECENT_DIGESTS", 1)  # so that the file is asked
        ours, plain = DuckStore(folder / "ours.duckdb"), DuckStore(folder / "plain.duckdb")
        for messages in groups:
            said = [
                (packed, [look(seq, value, device, **({"humidity_pct": 5.0} if more else {})) for seq, device, value, more in rows])
                for packed, rows in messages
            ]
            # JSON stands together by device, so the objects are taken from what was gathered: both stores see one order
            mixed = group(*said)
            assert ours.write_batch(mixed) == plain.write_batch(list(mixed))
        before = told(ours)
        assert before == told(plain)
        ours.close()
        again = DuckStore(folder / "ours.duckdb")
        assert told(again) == before and again.doubles(5) == []
        again.close()
        plain.close()


def test_a_repeat_and_a_change_of_what_came_in_columns_are_known_by_the_next_message_of_either_kind(store):
    assert store.write_batch(group((True, [look(1), look(2)]))) == [STORED, STORED]
    assert store.write_batch(group((True, [look(2), look(3)]))) == [DUPLICATE, STORED]
    assert store.write_batch([look(3), look(1, 9.0)]) == [DUPLICATE, CONFLICT]
    assert store.write_batch(group((True, [look(2, 8.0), look(4)]), (False, [look(4, 7.0)]))) == [CONFLICT, STORED, CONFLICT]
    assert sorted(letter.payload for letter in store.dead_letters(5)) == [b'{"temperature_c":%d.0}' % n for n in (7, 8, 9)]
    assert (store.accounts()[0].count, store.accounts()[0].first, store.accounts()[0].last) == (4, 1, 4)


def test_what_came_first_stays_when_one_group_says_a_key_twice_in_two_ways(store):
    assert store.write_batch(group((True, [look(1, 1.0)]), (False, [look(1, 2.0)]))) == [STORED, CONFLICT]
    assert store.write_batch(group((False, [look(2, 1.0)]), (True, [look(2, 2.0)]))) == [STORED, CONFLICT]
    assert [point.value for point in store.query("climate-1", "temperature_c", NOW, NOW + 9)] == [1.0, 1.0]


def test_a_store_without_columns_of_its_own_takes_them_too():
    store = MemoryStore()
    assert store.write_batch(group((True, [look(1), look(2)]), (False, [look(2)]))) == [STORED, STORED, DUPLICATE]


def test_followers_are_given_the_fresh_ones_and_may_ask_for_some_devices(store):
    store.write_batch([look(1)])
    mixed = group((True, [look(1), look(2), look(1, device="b", humidity_pct=3.0)]), (False, [look(5, device="c")]))
    outcomes = store.write_batch(mixed)
    fresh = Gathered(Tables()).fresh(mixed, outcomes)
    assert list(fresh) == [look(2), look(1, device="b", humidity_pct=3.0), look(5, device="c")]
    assert list(fresh.of({"b", "c"})) == [look(1, device="b", humidity_pct=3.0), look(5, device="c")]
    assert look(2) in fresh and look(1) not in fresh
