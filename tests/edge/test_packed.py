"""The packed batch: readings come back as they went, and no bytes whatever do harm."""

import struct
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from floorwise.core.model.packed import HEAD, LOOK, Unpackable, decode_either, decode_packed, encode_packed, is_packed
from floorwise.core.model.readings import KINDS, NUMBER_MAX, BadPayload, Number, Reading, digest, encode_batch

NOW = 1_766_991_600_000
DEVICES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
COUNTS = st.integers(0, NUMBER_MAX)
TIMES = st.integers(NOW, NOW + 2**32 - 1)
NUMBERS = sorted(kind for kind, rule in KINDS.items() if isinstance(rule, Number))
TWO = [Reading("scale-7", 3, 7, NOW, {"gross_g": 3700.0}), Reading("trk-1", 1, 2, NOW + 9, {"lat_deg": 48.1, "lon_deg": 16.4})]


@st.composite
def readings(draw) -> Reading:
    kinds = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=16, unique=True))
    values = {kind: draw(st.floats(KINDS[kind].low, KINDS[kind].high)) + 0.0 for kind in kinds}
    return Reading(draw(DEVICES), draw(COUNTS), draw(COUNTS), draw(TIMES), values)


def sealed(payload: bytes | bytearray) -> bytes:
    """The payload with a checksum that fits."""
    return bytes(payload[:4]) + struct.pack("<I", zlib.crc32(payload[8:])) + bytes(payload[8:])


@given(st.lists(readings(), max_size=12), COUNTS)
def test_readings_come_back_as_they_went_in_their_order(many, ts):
    payload = encode_packed("edge-1", ts, many)
    decoded = decode_packed(payload, "edge-1")
    assert (decoded.sender, decoded.ts, decoded.readings, decoded.refused) == ("edge-1", ts, many, [])
    assert list(map(digest, decoded.readings)) == list(map(digest, many))
    assert encode_packed("edge-1", ts, decoded.readings) == payload


def test_two_readings_are_the_bytes_that_the_layout_tells():
    """Worked out by hand: 32 bytes of head, a table of 69 filled up to 72, two readings of 16, three values of 8."""
    table = b"\x06edge-1" + b"\x03\x07gross_g\x07lat_deg\x07lon_deg" + b"\x02\x00"
    table += b"\x07scale-7" + (3).to_bytes(8, "little") + b"\x01\x00" + b"\x05trk-1" + (1).to_bytes(8, "little") + b"\x02\x01\x02"
    table += b"\0" * 3
    looks = (7).to_bytes(8, "little") + bytes(4) + b"\0\0" + b"\0\0" + (2).to_bytes(8, "little") + b"\x09\0\0\0" + b"\x01\0" + b"\0\0"
    values = struct.pack("<3d", 3700.0, 48.1, 16.4)
    behind = struct.pack("<HHIQQ", 72, 2, 3, 5, NOW) + table + looks + values
    assert len(table) == 72
    assert encode_packed("edge-1", 5, TWO) == b"FWP1" + struct.pack("<I", zlib.crc32(behind)) + behind


def test_a_reading_that_breaks_a_rule_is_refused_by_name_and_its_neighbours_are_kept():
    hot, late = Reading("c-1", 1, 2, NOW, {"temperature_c": 4000.0}), Reading("c-1", 1, 3, NOW, {"temperature_c": float("nan")})
    decoded = decode_packed(encode_packed("edge-1", 5, [TWO[0], hot, late, TWO[1]]))
    assert decoded.readings == TWO
    assert [one[:3] for one in decoded.refused] == [("c-1", 1, 2), ("c-1", 1, 3)]
    assert "4000.0 °C is outside -100…200" in decoded.refused[0].reason


def test_a_quality_that_nobody_has_given_a_sense_is_refused_by_name():
    payload = bytearray(encode_packed("edge-1", 5, TWO))
    payload[HEAD.size + 72 + LOOK.size - 2] = 1
    decoded = decode_packed(sealed(payload))
    assert decoded.readings == [TWO[1]] and decoded.refused == [("scale-7", 3, 7, "quality 1 has no meaning yet")]


def test_an_unknown_kind_and_a_text_kind_are_refused_by_name():
    odd = encode_packed("edge-1", 5, [Reading("p-1", 1, 1, NOW, {"pressure_hpa": 1000.0}), Reading("p-1", 1, 2, NOW, {"code": 4.0})])
    reasons = [one.reason for one in decode_packed(odd).refused]
    assert "'pressure_hpa' is no kind" in reasons[0] and "a text of 1 to 256" in reasons[1]


def test_minus_zero_is_zero():
    (reading,) = decode_packed(encode_packed("edge-1", 5, [Reading("s", 1, 1, NOW, {"gross_g": -0.0})])).readings
    assert str(reading.values["gross_g"]) == "0.0"


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda payload: payload[:-1], "are not what the head tells"),
        (lambda payload: payload + b"\0", "are not what the head tells"),
        (lambda payload: payload[:20], "not a packed batch"),
        (lambda payload: payload[:100] + b"\xff" + payload[101:], "checksum"),
        (lambda payload: sealed(payload[:32] + b"\x50" + payload[33:]), "table ends too early|no name|device name"),
        (lambda payload: sealed(payload[:10] + struct.pack("<H", 1001) + payload[12:]), "more than 1000"),
        (lambda payload: sealed(payload[:104] + struct.pack("<Q", 2**53) + payload[112:]), r"readings\[0\].*none such"),
        (lambda payload: sealed(payload[:116] + b"\x05\x00" + payload[118:]), "series 5 of 2"),
        (lambda payload: sealed(payload[:10] + struct.pack("<HI", 2, 4) + payload[16:] + bytes(8)), "the readings have fewer"),
        (lambda payload: sealed(payload[:10] + struct.pack("<HI", 2, 2) + payload[16:-8]), "values are missing"),
        (lambda payload: sealed(payload[:103] + b"\x01" + payload[104:]), "behind its end"),
        (lambda payload: sealed(payload[:24] + struct.pack("<Q", 2**53) + payload[32:]), "ts, base"),
        (lambda payload: bytes(262_145), "at most 262144"),
    ],
)
def test_what_breaks_the_layout_is_refused_whole_with_its_reason(change, reason):
    with pytest.raises(BadPayload, match=reason):
        decode_packed(change(encode_packed("edge-1", 5, TWO)), "edge-1")


def test_a_batch_of_somebody_else_is_refused():
    with pytest.raises(BadPayload, match="'edge-2' speaks on the topic of 'edge-1'"):
        decode_packed(encode_packed("edge-2", 5, TWO), "edge-1")


def test_texts_and_times_too_far_apart_are_not_packed():
    with pytest.raises(Unpackable):
        encode_packed("edge-1", 5, [Reading("scan-1", 1, 1, NOW, {"code": "]C1"})])
    with pytest.raises(Unpackable):
        encode_packed("edge-1", 5, [TWO[0], TWO[0]._replace(ts=NOW + 2**32)])
    encode_packed("edge-1", 5, [TWO[0], TWO[0]._replace(ts=NOW + 2**32 - 1)])
    with pytest.raises(Unpackable):
        encode_packed("edge-1", 5, TWO * 501)


def test_json_and_packed_are_told_apart_by_their_first_bytes():
    for payload in (encode_packed("edge-1", 5, TWO), encode_batch("edge-1", 5, TWO)):
        assert sorted(decode_either(payload, "edge-1").readings) == sorted(TWO)
    assert not is_packed(encode_batch("edge-1", 5, TWO))


GOOD = encode_packed("edge-1", 5, TWO * 3)
CHANGES = st.lists(st.tuples(st.integers(8, len(GOOD) - 1), st.integers(0, 255)), max_size=6)


@given(st.binary(max_size=200).map(lambda tail: b"FWP1" + tail) | st.binary(max_size=300).map(lambda tail: sealed(b"FWP1    " + tail)))
@example(sealed(b"FWP1" + bytes(28)))
def test_no_bytes_whatever_raise_anything_but_bad_payload(payload):
    try:
        decode_packed(payload)
    except BadPayload as error:
        str(error).encode()


@given(CHANGES, st.integers(0, 40))
def test_a_message_with_wild_bytes_under_a_good_checksum_gives_sound_readings_or_is_refused(changes, cut):
    payload = bytearray(GOOD)
    for at, byte in changes:
        payload[at] = byte
    try:
        decoded = decode_packed(sealed(payload[: len(payload) - cut]))
    except BadPayload:
        return
    for reading in decoded.readings:
        for kind, value in reading.values.items():
            assert KINDS[kind].low <= value <= KINDS[kind].high
    for refusal in decoded.refused:
        assert refusal.reason


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found(at, change):
    payload = bytearray(GOOD)
    payload[at] ^= change
    with pytest.raises(BadPayload):
        decode_packed(bytes(payload))
