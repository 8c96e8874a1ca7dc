"""The packed batch: many readings of numbers in a fixed binary layout, for whoever sends many; JSON says the same to everybody else.

It goes where a *batch* goes, `up/<agent>/batch`, and tells itself from JSON by its first four bytes. All numbers are little-endian:

    offset  bytes
    0       4    "FWP1": packed, version 1
    4       4    CRC-32 (the one of zlib, PNG and Ethernet) of all bytes from 8 on
    8       2    T, bytes of the table, a multiple of 8
    10      2    N, readings, at most MESSAGE_READINGS
    12      4    V, values of all readings together
    16      8    ts, when the message was made, ms since 1970
    24      8    base, ms since 1970; the times of readings count from it
    32      T    the table
    32+T    16N  readings: seq (8), ms after base (4), series (2), quality (2)
    …       8V   values: IEEE 754 doubles, those of each reading in the order of its series' kinds

The table says who speaks of what; it is the same from message to message while the same devices speak, so that a receiver reads it once:

    1, n         length and name of the agent (of the device, where it sends for itself)
    1            K, kinds; for each: 1, n, length and name
    2            S, series; for each: 1, n, length and name of the device; 8, boot; 1, k; k × 1, which of the kinds
    0 to 7       zeros

Quality 0 means what a value in JSON means; every other is refused by name until a later version gives it a sense. Texts are not packed:
a reading with a text goes in a JSON batch. What breaks the layout is refused whole, a reading that breaks a rule is refused by name,
as in JSON.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from floorwise.core.model.readings import (
    MESSAGE_BYTES,
    MESSAGE_READINGS,
    NUMBER_MAX,
    READING_VALUES,
    REASON_LENGTH,
    BadPayload,
    Decoded,
    Reading,
    Refusal,
    decode_batch,
    is_device_name,
    reading_fault,
)

MAGIC = b"FWP1"
PACKED = "packed-1"  # in the `takes` of an ack: who sends it reads this layout
HEAD = struct.Struct("<4sIHHIQQ")
LOOK = struct.Struct("<QIHH")
CHECKED_FROM = 8  # the checksum covers what stands behind itself
_AFTER_MAX, _SHORT_MAX = 2**32 - 1, 2**16 - 1


class Unpackable(ValueError):
    """These readings cannot stand in one packed batch: send them as JSON."""


class Series(NamedTuple):
    """What readings with the same number share."""

    device: str
    boot: int
    kinds: tuple[str, ...]


class Head(NamedTuple):
    """The fixed part of a message whose checksum and lengths are right."""

    table: bytes
    readings: int
    values: int
    ts: int
    base: int


def is_packed(payload: bytes) -> bool:
    """Whether a payload wants to be read by this module; no JSON text begins so."""
    return payload[:4] == MAGIC


def encode_packed(agent: str, ts: int, readings: Sequence[Reading]) -> bytes:
    """Return the packed batch of these readings, in their order. Unpackable for texts, and for times that lie 49 days apart."""
    base = min((reading.ts for reading in readings), default=0)
    if len(readings) > MESSAGE_READINGS or max((reading.ts for reading in readings), default=0) - base > _AFTER_MAX:
        raise Unpackable("more readings, or more time between them, than a message holds")
    series: dict[tuple, int] = {}
    kinds: dict[str, int] = {}
    looks, values = bytearray(), []
    for device, boot, seq, at, said in readings:
        names = tuple(said) if len(said) == 1 else tuple(sorted(said))
        number = series.setdefault((device, boot, names), len(series))
        looks += LOOK.pack(seq, at - base, number, 0)
        values += [said[name] for name in names]
    try:
        packed_values = struct.pack(f"<{len(values)}d", *values)
    except struct.error:
        raise Unpackable("a text is not packed") from None
    rows = [b"" for _ in series]
    for (device, boot, names), number in series.items():
        which = bytes(kinds.setdefault(name, len(kinds)) for name in names)
        rows[number] = b"".join((_name(device), struct.pack("<QB", boot, len(which)), which))
    table = b"".join((_name(agent), bytes([len(kinds)]), *map(_name, kinds), struct.pack("<H", len(rows)), *rows))
    table += bytes(-len(table) % 8)
    if len(table) > _SHORT_MAX:
        raise Unpackable("the names of these devices fill more than a table holds")
    behind = b"".join((struct.pack("<HHIQQ", len(table), len(readings), len(values), ts, base), table, looks, packed_values))
    return MAGIC + struct.pack("<I", zlib.crc32(behind)) + behind


def decode_packed(payload: bytes, agent: str | None = None) -> Decoded:
    """Read a packed batch; with `agent` (from the topic) a batch of anyone else is refused whole. Raises BadPayload."""
    head = read_head(payload)
    sender, series = read_table(head.table)
    if agent is not None and sender != agent:
        raise BadPayload(f"agent: {sender!r} speaks on the topic of {agent!r}")
    decoded = Decoded(sender, head.ts, [], [])
    at, value_at = HEAD.size + len(head.table), HEAD.size + len(head.table) + LOOK.size * head.readings
    for number in range(head.readings):
        seq, after, which, quality = LOOK.unpack_from(payload, at + LOOK.size * number)
        if which >= len(series) or seq > NUMBER_MAX:
            raise BadPayload(f"readings[{number}]: series {which} of {len(series)}, seq {seq}: there is none such")
        device, boot, kinds = series[which]
        end = value_at + 8 * len(kinds)
        if end > len(payload):
            raise BadPayload(f"readings[{number}]: its values are missing")
        said = struct.unpack_from(f"<{len(kinds)}d", payload, value_at)
        value_at, ts = end, head.base + after
        values = dict(zip(kinds, said, strict=True))
        fault = f"quality {quality} has no meaning yet" if quality else reading_fault(ts, values)
        if fault:
            decoded.refused.append(Refusal(device, boot, seq, fault[:REASON_LENGTH]))
        else:
            decoded.readings.append(Reading(device, boot, seq, ts, {kind: value + 0.0 for kind, value in values.items()}))
    if value_at != len(payload):
        raise BadPayload(f"values: {head.values}, and the readings have fewer")
    return decoded


def decode_either(payload: bytes, agent: str | None = None) -> Decoded:
    """Read a batch, packed or JSON."""
    return decode_packed(payload, agent) if is_packed(payload) else decode_batch(payload, agent)


def read_head(payload: bytes) -> Head:
    """The head of a payload, its checksum and lengths being right. Raises BadPayload."""
    if len(payload) > MESSAGE_BYTES:
        raise BadPayload(f"{len(payload)} bytes; at most {MESSAGE_BYTES}")
    if len(payload) < HEAD.size or not is_packed(payload):
        raise BadPayload("not a packed batch")
    _, crc, table_bytes, readings, values, ts, base = HEAD.unpack_from(payload)
    if readings > MESSAGE_READINGS:
        raise BadPayload(f"readings: more than {MESSAGE_READINGS} in one message")
    if len(payload) != HEAD.size + table_bytes + LOOK.size * readings + 8 * values or table_bytes % 8:
        raise BadPayload(f"{len(payload)} bytes are not what the head tells")
    if crc != zlib.crc32(memoryview(payload)[CHECKED_FROM:]):
        raise BadPayload("the checksum does not fit: the message was damaged on its way")
    if ts > NUMBER_MAX or base > NUMBER_MAX:
        raise BadPayload("ts, base: whole numbers from 0 to 2^53 - 1 are needed")
    return Head(payload[HEAD.size : HEAD.size + table_bytes], readings, values, ts, base)


def read_table(table: bytes) -> tuple[str, list[Series]]:
    """The agent and the series of a table. Raises BadPayload."""
    try:
        return _read_table(table)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadPayload("the table ends too early, or holds a name that is none") from None


def _read_table(table: bytes) -> tuple[str, list[Series]]:
    agent, at = _take_device(table, 0, "agent")
    kinds = []
    count, at = table[at], at + 1
    for _ in range(count):
        kind, at = _take_name(table, at)
        kinds.append(kind)
    (count,), at = struct.unpack_from("<H", table, at), at + 2
    if len(set(kinds)) < len(kinds):
        raise BadPayload("kinds: one stands there twice")
    series = []
    for number in range(count):
        device, at = _take_device(table, at, f"series[{number}].device")
        (boot, size), at = struct.unpack_from("<QB", table, at), at + 9
        which = table[at : at + size]
        at += size
        if boot > NUMBER_MAX:
            raise BadPayload(f"series[{number}].boot: {boot} is not a whole number from 0 to 2^53 - 1")
        if not 1 <= size <= READING_VALUES or len(set(which)) < size or max(which) >= len(kinds):
            raise BadPayload(f"series[{number}]: 1 to {READING_VALUES} different kinds of the {len(kinds)} are needed")
        series.append(Series(device, boot, tuple(kinds[one] for one in which)))
    if len(table) - at >= 8 or any(table[at:]):
        raise BadPayload("the table goes on behind its end")
    return agent, series


def _take_device(table: bytes, at: int, where: str) -> tuple[str, int]:
    name, at = _take_name(table, at)
    if not is_device_name(name):
        raise BadPayload(f"{where}: {name[:40]!r} is not a device name (letters, digits, . _ -, at most 64)")
    return name, at


def _take_name(table: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + table[at]
    if end > len(table):
        raise IndexError
    return table[at + 1 : end].decode(), end


def _name(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded
