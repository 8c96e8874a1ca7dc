"""Readings as values: digests that any order and any side agree on, payloads that come back as they went."""

import json
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model.readings import (
    KINDS,
    NUMBER_MAX,
    Alias,
    Reading,
    Refusal,
    Text,
    decode_ack,
    decode_batch,
    decode_readings,
    digest,
    encode_ack,
    encode_batch,
    encode_reading,
    encode_values,
    reading_of,
    stored_values,
)

DEVICES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
COUNTS = st.integers(0, NUMBER_MAX)


@st.composite
def readings(draw) -> Reading:
    values = {}
    for kind in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6, unique=True)):
        rule = KINDS[kind]
        if isinstance(rule, Text):
            values[kind] = draw(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
        else:
            values[kind] = draw(st.floats(rule.low, rule.high)) + 0.0
    return Reading(draw(DEVICES), draw(COUNTS), draw(COUNTS), draw(COUNTS), values)


def test_the_digest_is_the_one_that_is_written_down():
    """BLAKE2b-64 of: device, NUL, boot, seq, ts as 64-bit big-endian, then each kind, NUL and the double, kinds in order."""
    text = b"scale-7" + b"\0" + (3).to_bytes(8, "big") + (7).to_bytes(8, "big") + (1000).to_bytes(8, "big")
    text += b"gross_g" + b"\0" + bytes.fromhex("40ace80000000000")  # 3700.0
    expected = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    assert digest(Reading("scale-7", 3, 7, 1000, {"gross_g": 3700.0})) == expected
    assert digest(Reading("scale-7", 3, 7, 1000, {"gross_g": 3700})) == expected
    assert digest(Reading("scale-7", 3, 7, 1001, {"gross_g": 3700.0})) != expected


def test_minus_zero_is_zero_to_the_digest():
    assert digest(Reading("a", 1, 1, 1, {"gross_g": -0.0})) == digest(Reading("a", 1, 1, 1, {"gross_g": 0.0}))


@given(readings())
def test_a_reading_comes_back_from_the_wire_as_it_went(reading):
    assert decode_readings(encode_reading(reading), reading.device).readings == [reading]


@given(readings())
def test_a_store_of_doubles_and_texts_gives_the_digest_again(reading):
    assert digest(reading_of(stored_values(reading))) == digest(reading)


@given(st.lists(readings(), max_size=20))
def test_a_batch_holds_the_same_readings_whatever_its_blocks(many):
    decoded = decode_batch(encode_batch("edge-1", 5, many), "edge-1")
    assert sorted(map(digest, decoded.readings)) == sorted(map(digest, many))
    assert (decoded.sender, decoded.ts, decoded.refused) == ("edge-1", 5, [])


@given(st.lists(st.tuples(DEVICES, st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_an_ack_names_exactly_the_keys_it_was_made_from(keys):
    heard = decode_ack(encode_ack(keys))
    named = [(one.device, one.boot, seq) for one in heard.ranges for seq in range(one.first, one.last + 1)]
    assert sorted(named) == sorted(set(keys))
    assert len(set(named)) == len(named)


def test_a_refusal_reaches_the_sender_with_its_reason():
    told = [Refusal("scale-1", 3, 9, 'a "reason" with quotes')]
    assert decode_ack(encode_ack([], told)).refused == told


def test_other_units_are_converted_when_the_settings_say_how():
    payload = b'{"device":"c","boot":1,"seq":1,"ts":1,"values":{"temperature_f":50,"humidity_pct":40}}'
    aliases = {"temperature_f": Alias("temperature_c", 5 / 9, -160 / 9)}
    (reading,) = decode_readings(payload, "c", aliases).readings
    assert {kind: round(value, 9) for kind, value in reading.values.items()} == {"temperature_c": 10.0, "humidity_pct": 40.0}
    (refusal,) = decode_readings(payload, "c").refused
    assert "temperature_f" in refusal.reason


VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)


@given(st.dictionaries(st.sampled_from(sorted(KINDS)) | st.text(max_size=5), VALUES))
def test_the_quick_text_of_values_is_the_canonical_one(values):
    assert encode_values(values) == json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_json_lacks_are_never_written(value):
    with pytest.raises(ValueError):
        encode_values({"gross_g": value})
