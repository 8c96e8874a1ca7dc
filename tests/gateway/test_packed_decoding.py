"""The fast reader of packed batches says what the contract's reader says, of good messages, bad ones and broken ones."""

import math
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model.device_messages import up
from floorwise.core.model.packed import decode_packed, encode_packed
from floorwise.core.model.readings import BadPayload, Reading, digest, encode_batch
from floorwise.gateway.gathering import Gathered
from floorwise.gateway.packed_decoding import Tables

NOW = 1_767_000_000_000
AGENTS = ["edge-1", "edge-2"]
KINDS = st.sampled_from(["gross_g", "temperature_c", "humidity_pct", "code", "pressure_hpa", "alive"])
VALUES = st.one_of(st.floats(0, 1), st.sampled_from([-0.0, float("nan"), float("inf"), 4000.0, -1.0]))
GOOD = st.dictionaries(st.sampled_from(["gross_g", "temperature_c", "humidity_pct"]), st.floats(0, 100), min_size=1, max_size=3)
ODD = st.dictionaries(KINDS, VALUES, min_size=1, max_size=4)
READINGS = st.builds(
    Reading, st.sampled_from(["a", "b", "c" * 64]), st.sampled_from([0, 1, 2**53 - 1]), st.integers(0, 9), st.integers(NOW, NOW + 9),
    st.one_of(GOOD, GOOD, ODD),
)  # fmt: skip
MESSAGES = st.lists(st.tuples(st.sampled_from(AGENTS), st.lists(READINGS, max_size=5), st.booleans()), max_size=6)


def sealed(payload: bytes | bytearray) -> bytes:
    return bytes(payload[:4]) + struct.pack("<I", zlib.crc32(payload[8:])) + bytes(payload[8:])


def gathered(group: list[tuple[str, bytes]]) -> tuple[Gathered, list[int]]:
    """What the group holds, and the messages that could not be read."""
    said, bad = Gathered(Tables()), []
    for read, numbers in ((said.take, range(len(group))), (said.take_slowly, None)):
        for number in said.odd() if numbers is None else numbers:
            try:
                read(number, *group[number])
            except BadPayload:
                bad.append(number)
    return said, sorted(bad)


def require_agreement(group: list[tuple[str, bytes]]) -> None:
    readings, refused, bad = [], [], []
    for number, (topic, payload) in enumerate(group):
        try:
            decoded = decode_packed(payload, topic.split("/")[1])
        except BadPayload:
            bad.append(number)
        else:
            readings += [(decoded.sender, reading) for reading in decoded.readings]
            refused += decoded.refused
    said, unread = gathered(group)
    found = list(said.readings())
    assert found == [reading for _, reading in readings] and len(said.readings()) == len(found)
    assert "-0.0" not in repr([reading.values for reading in found])
    assert (unread, sorted(one for _, one in said.refused)) == (bad, sorted(refused))
    if said.columns:
        assert said.columns.digests.tolist() == [digest(reading) for reading in said.columns.readings()]
    wanted = {(sender, *reading.key) for sender, reading in readings}
    named = {
        (sender, *stream, seq)
        for sender, (ranges, _) in said.acks().items()
        for stream, runs in ranges.items()
        for first, last in runs
        for seq in range(first, last + 1)
    }
    assert named == wanted


@given(MESSAGES)
def test_both_say_the_same_of_groups_of_messages(messages):
    require_agreement([(up(agent, "batch"), encode_packed(agent, NOW, readings)) for agent, readings, _ in messages])


WHOLE = encode_packed("edge-1", NOW, [Reading(f"d{n % 3}", 1, n, NOW + n, {"gross_g": 1.0, "light_lx": 2.0}) for n in range(6)])
CHANGES = st.lists(st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(0, 255)), max_size=4)


@given(st.lists(st.tuples(CHANGES, st.integers(0, 20)), min_size=1, max_size=4))
def test_both_say_the_same_of_wild_bytes_under_a_good_checksum(changed):
    group = []
    for changes, cut in changed:
        payload = bytearray(WHOLE)
        for at, byte in changes:
            payload[at] = byte
        group.append((up("edge-1", "batch"), sealed(payload[: len(payload) - cut])))
    require_agreement(group)


@given(MESSAGES)
def test_packed_and_json_messages_of_one_group_keep_their_order(messages):
    group = []
    for agent, readings, is_packed in messages:
        finite = [one for one in readings if all(map(math.isfinite, one.values.values()))]  # JSON has no others
        group.append((up(agent, "batch"), (encode_packed if is_packed else encode_batch)(agent, NOW, finite)))
    said, bad = gathered(group)
    one_by_one = [gathered([message])[0].readings() for message in group]
    assert bad == [] and list(said.readings()) == [reading for readings in one_by_one for reading in readings]
    for number in range(len(group)):
        assert said.devices_behind(number) == {reading.device for readings in one_by_one[number + 1 :] for reading in readings}


def test_a_message_of_somebody_else_is_not_read():
    said = Gathered(Tables())
    with pytest.raises(BadPayload, match="'edge-1' speaks on the topic of 'edge-2'"):
        said.take(0, "up/edge-2/batch", WHOLE)


def test_tables_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("floorwise.gateway.packed_decoding.TABLES_KEPT", 2)
    tables = Tables()
    for agent in ("a", "b", "c"):
        said = Gathered(tables)
        said.take(0, up(agent, "batch"), encode_packed(agent, NOW, [Reading("d", 1, 1, NOW, {"gross_g": 1.0})]))
        assert said.odd() == [] and len(said.readings()) == 1
    assert len(tables._kept) == 2
