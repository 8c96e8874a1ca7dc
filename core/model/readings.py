"""What a device says about the world, how it stands on the wire, and how two sides prove they hold the same.

A *reading* is one look of one device at one moment: one or more values, each under a kind that names its unit. Its identity for
ever is (device, boot, seq). Three payloads carry readings, all UTF-8 JSON below MESSAGE_BYTES (`packed` says a batch in binary):

    one     {"device": "scale-1", "boot": 3, "seq": 7, "ts": 1766991600000, "values": {"gross_g": 1250.0}}
    many    {"device": "scale-1", "boot": 3, "readings": [[7, 1766991600000, {"gross_g": 1250.0}], …]}
    batch   {"agent": "edge-1", "ts": 1766991601000, "blocks": [many, many, …]}

and one payload answers all of them, when what it names is durable on the answering side:

    ack     {"acks": [{"device": "scale-1", "boot": 3, "ranges": [[7, 9]]}], "refused": [{"device", "boot", "seq", "reason"}]}

with `"takes": ["packed-1"]` beside them where the answering side reads packed batches.

An unreadable message raises BadPayload. One broken reading in a good message does not spoil its neighbours: it comes back as
a `Refusal`, to be kept as a dead letter and named in the ack, so that its sender stops sending it.
"""

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from floorwise.core.errors import BadInput

MESSAGE_BYTES = 256 * 1024  # a larger payload is refused unread
MESSAGE_READINGS = 1000  # readings in one message
READING_VALUES = 16  # values in one reading
NUMBER_MAX = 2**53 - 1  # boot, seq and ts stay exact in every JSON reader
REASON_LENGTH = 200
SUM_MASK = 2**64 - 1

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Number(NamedTuple):
    """A kind that is measured: its unit and the range outside of which a value cannot be true."""

    unit: str
    low: float
    high: float
    what: str


class Text(NamedTuple):
    """A kind that is read off or named: its greatest length in characters."""

    length: int
    what: str


KINDS: dict[str, Number | Text] = {
    "gross_g": Number("g", -10_000, 5_000_000, "weight on a load cell, tare not taken off"),
    "temperature_c": Number("°C", -100, 200, "temperature of the air or of a probe"),
    "humidity_pct": Number("%", 0, 100, "relative humidity"),
    "shock_mps2": Number("m/s²", 0, 100_000, "greatest acceleration since the reading before"),
    "tilt_deg": Number("°", 0, 180, "angle between the unit's up and the world's"),
    "light_lx": Number("lx", 0, 200_000, "illuminance; a closed carton is dark"),
    "lat_deg": Number("°", -90, 90, "latitude, WGS 84"),
    "lon_deg": Number("°", -180, 180, "longitude, WGS 84"),
    "position_error_m": Number("m", 0, 100_000, "radius that holds the true place in 95 of 100 cases"),
    "door_open": Number("1", 0, 1, "1 while a door stands open"),
    "battery_pct": Number("%", 0, 100, "charge left"),
    "code": Text(256, "what a scanner read, GS as U+001D"),
    "place": Text(64, "where it was read, when the device knows better than the registry"),
    # What an agent tells about the devices behind it, in readings of its own:
    "about": Text(64, "the device meant"),
    "alive": Number("1", 0, 1, "1 at a birth, 0 at a death"),
    "alarm": Text(64, "name of the local rule"),
    "alarm_on": Number("1", 0, 1, "1 when the rule begins to hold, 0 when it ends"),
    "observed": Number("", -1e15, 1e15, "the value that moved the rule, in the unit of its kind"),
    "gap_reason": Text(64, "why readings that were accepted are gone"),
    "gap_boot": Number("1", 0, NUMBER_MAX, "the boot of the lost readings"),
    "gap_first": Number("1", 0, NUMBER_MAX, "lowest seq lost"),
    "gap_last": Number("1", 0, NUMBER_MAX, "highest seq lost"),
    "gap_count": Number("1", 0, NUMBER_MAX, "how many between the two are lost"),
}


class BadPayload(BadInput):
    """The message cannot be read; the text says where and what."""


class Reading(NamedTuple):
    """One look of a device at the world."""

    device: str
    boot: int  # a number that this device uses for one start only, greater at each start
    seq: int  # counts the readings of this boot, from 1
    ts: int  # ms since 1970 UTC by the device's clock
    values: Mapping[str, float | str]

    @property
    def key(self) -> tuple[str, int, int]:
        return self.device, self.boot, self.seq


class Refusal(NamedTuple):
    """A reading that will never be accepted, and why."""

    device: str
    boot: int
    seq: int
    reason: str


class Alias(NamedTuple):
    """A kind in a unit this contract does not speak: value × factor + offset is the value under `kind`."""

    kind: str
    factor: float
    offset: float = 0.0


class Decoded(NamedTuple):
    """What a message held; `sender` is the device or the agent that signs for it."""

    sender: str
    ts: int  # when the message was made; 0 where the payload does not say
    readings: list[Reading]
    refused: list[Refusal]


class StoredValue(NamedTuple):
    """One value of a reading as a row of a time-series store; (device, boot, seq, kind) is its identity."""

    device: str
    boot: int
    seq: int
    ts: int
    kind: str
    value: float  # 0.0 for a text
    text: str  # "" for a number


class AckRange(NamedTuple):
    """The readings `first`…`last` of one boot are durable on the other side."""

    device: str
    boot: int
    first: int
    last: int


class Ack(NamedTuple):
    """The answer to readings: what may be forgotten, either way. `takes` names layouts beyond JSON that the other side reads."""

    ranges: list[AckRange]
    refused: list[Refusal]
    takes: tuple[str, ...] = ()


def digest(reading: Reading) -> int:
    """Return the 64-bit BLAKE2b of key, time and values; sums of it mod 2^64 compare sets of readings in any order.

    Numbers enter as IEEE 754 doubles, so 4 and 4.0, or a store's DOUBLE column, give the same digest in every language.
    """
    parts = [reading.device.encode(), _HEAD.pack(reading.boot, reading.seq, reading.ts)]
    for kind, value in sorted(reading.values.items()):
        parts.append(kind.encode())
        if isinstance(value, str):
            text = value.encode()
            parts.append(b"\0s" + len(text).to_bytes(4, "big") + text)
        else:
            parts.append(_VALUE.pack(value + 0.0))  # + 0.0 turns -0.0 into 0.0
    return int.from_bytes(blake2b(b"".join(parts), digest_size=8).digest(), "big")


_HEAD = struct.Struct(">xQQq")
_VALUE = struct.Struct(">xd")


def is_device_name(text: str) -> bool:
    """Whether `text` can name a device: one level of a topic, a user name and a part of a file name at once."""
    return _DEVICE.fullmatch(text) is not None


def decode_readings(payload: bytes, device: str | None = None, aliases: Mapping[str, Alias] | None = None) -> Decoded:
    """Read a *one* or *many* payload; with `device` (from the topic) a payload of anyone else is refused whole.

    Kinds found in `aliases` are converted before they are checked.
    """
    body = _object(payload)
    sender = _device(body, "device")
    if device is not None and sender != device:
        raise BadPayload(f"device: {sender!r} speaks on the topic of {device!r}")
    decoded = Decoded(sender, 0, [], [])
    if "readings" in body:
        _block(body, "", decoded, aliases or {})
    else:
        boot, seq = _count(body, "boot", "boot"), _count(body, "seq", "seq")
        _take(sender, boot, seq, body.get("ts"), body.get("values"), decoded, aliases or {})
    return decoded


def decode_batch(payload: bytes, agent: str | None = None) -> Decoded:
    """Read a *batch* payload; with `agent` (from the topic) a batch of anyone else is refused whole."""
    body = _object(payload)
    sender = _device(body, "agent")
    if agent is not None and sender != agent:
        raise BadPayload(f"agent: {sender!r} speaks on the topic of {agent!r}")
    decoded = Decoded(sender, _count(body, "ts", "ts"), [], [])
    blocks = body.get("blocks")
    if not isinstance(blocks, list):
        raise BadPayload("blocks: a list is needed")
    for number, block in enumerate(blocks):
        if not isinstance(block, dict):
            raise BadPayload(f"blocks[{number}]: an object is needed")
        _block(block, f"blocks[{number}].", decoded, {})
    return decoded


def decode_ack(payload: bytes) -> Ack:
    """Read an *ack* payload."""
    body = _object(payload)
    acks, refused = body.get("acks", []), body.get("refused", [])
    if not isinstance(acks, list) or not isinstance(refused, list):
        raise BadPayload("acks, refused: lists are needed")
    takes = body.get("takes", [])
    answer = Ack([], [], tuple(one for one in takes if isinstance(one, str)) if isinstance(takes, list) else ())
    for number, block in enumerate(acks):
        where = f"acks[{number}]"
        if not isinstance(block, dict) or not isinstance(block.get("ranges"), list):
            raise BadPayload(f"{where}: an object with device, boot and ranges is needed")
        device, boot = _device(block, "device"), _count(block, "boot", f"{where}.boot")
        for pair in block["ranges"]:
            if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_count, pair)) or pair[0] > pair[1]:
                raise BadPayload(f"{where}.ranges: {str(pair)[:40]!r} is not [first, last]")
            answer.ranges.append(AckRange(device, boot, pair[0], pair[1]))
    for number, one in enumerate(refused):
        if not isinstance(one, dict):
            raise BadPayload(f"refused[{number}]: an object is needed")
        boot, seq = _count(one, "boot", f"refused[{number}].boot"), _count(one, "seq", f"refused[{number}].seq")
        answer.refused.append(Refusal(_device(one, "device"), boot, seq, str(one.get("reason", ""))[:REASON_LENGTH]))
    return answer


def stored_values(reading: Reading) -> list[StoredValue]:
    """Return the store rows of a reading, in the order of their kinds."""
    rows = []
    for kind, value in sorted(reading.values.items()):
        number, text = (0.0, value) if isinstance(value, str) else (value + 0.0, "")
        rows.append(StoredValue(*reading.key, reading.ts, kind, number, text))
    return rows


def reading_of(rows: Iterable[StoredValue]) -> Reading:
    """Return the reading that rows of one key came from, so that a store can prove its digests."""
    rows = list(rows)
    values = {row.kind: row.text if isinstance(KINDS.get(row.kind), Text) else row.value for row in rows}
    return Reading(rows[0].device, rows[0].boot, rows[0].seq, rows[0].ts, values)


def encode_reading(reading: Reading) -> bytes:
    """Return the *one* payload, canonical: sorted keys, no spaces, so that equal readings are equal bytes."""
    body = {"boot": reading.boot, "device": reading.device, "seq": reading.seq, "ts": reading.ts, "values": _plain(reading.values)}
    return _encode(body).encode()


def encode_readings(readings: Iterable[Reading]) -> bytes:
    """Return the *many* payload of readings that share device and boot."""
    blocks = _blocks(readings)
    if len(blocks) != 1:
        raise ValueError(f"a many payload holds one device and one boot, not {len(blocks)}")
    return _encode(blocks[0]).encode()


def encode_batch(agent: str, ts: int, readings: Iterable[Reading]) -> bytes:
    """Return the *batch* payload; readings of one (device, boot) stand together in the order given."""
    return _encode({"agent": agent, "blocks": _blocks(readings), "ts": ts}).encode()


def encode_ack(keys: Iterable[tuple[str, int, int]], refused: Iterable[Refusal] = (), takes: Iterable[str] = ()) -> bytes:
    """Return the *ack* payload for reading keys in any order; neighbours are joined into ranges."""
    acks = [{"boot": boot, "device": device, "ranges": ranges} for (device, boot), ranges in sorted(_ranges(keys).items())]
    body = {"acks": acks, "refused": [one._asdict() for one in refused]}
    return _encode(body | {"takes": list(takes)} if takes else body).encode()


def encode_values(values: Mapping[str, float | str]) -> str:
    """Return values as canonical JSON text, the form a spool or a store keeps. Raises ValueError for a number that JSON lacks."""
    parts = []
    for kind in sorted(values):
        value = values[kind]
        if type(value) is not float or value - value != 0.0:  # NaN and infinity take the long way, which refuses them
            return _encode(values)
        parts.append(f'"{kind}":{value!r}')  # no kind of KINDS needs an escape; a float's repr is its JSON
    return "{" + ",".join(parts) + "}" if values.keys() <= KINDS.keys() else _encode(values)


def _ranges(keys: Iterable[tuple[str, int, int]]) -> dict[tuple[str, int], list[list[int]]]:
    found: dict[tuple[str, int], list[list[int]]] = {}
    for device, boot, seq in sorted(set(keys)):
        runs = found.setdefault((device, boot), [])
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    return found


def _blocks(readings: Iterable[Reading]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], list[list[Any]]] = {}
    for device, boot, seq, ts, values in readings:
        found.setdefault((device, boot), []).append([seq, ts, _plain(values)])
    return [{"boot": boot, "device": device, "readings": rows} for (device, boot), rows in found.items()]


def _block(body: dict[str, Any], where: str, into: Decoded, aliases: Mapping[str, Alias]) -> None:
    device, boot, rows = _device(body, "device"), _count(body, "boot", f"{where}boot"), body.get("readings")
    if not isinstance(rows, list):
        raise BadPayload(f"{where}readings: a list is needed")
    if len(into.readings) + len(into.refused) + len(rows) > MESSAGE_READINGS:
        raise BadPayload(f"{where}readings: more than {MESSAGE_READINGS} in one message")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 3 or not _is_count(row[0]):
            raise BadPayload(f"{where}readings[{number}]: [seq, ts, values] is needed")
        _take(device, boot, row[0], row[1], row[2], into, aliases)


def _take(device: str, boot: int, seq: int, ts: Any, values: Any, into: Decoded, aliases: Mapping[str, Alias]) -> None:
    if aliases and isinstance(values, dict) and not aliases.keys().isdisjoint(values):
        values = dict(_convert(kind, value, aliases.get(kind)) for kind, value in values.items())
    fault = reading_fault(ts, values)
    if fault:
        into.refused.append(Refusal(device, boot, seq, fault[:REASON_LENGTH]))
    else:
        plain = {kind: value if isinstance(value, str) else value + 0.0 for kind, value in values.items()}
        into.readings.append(Reading(device, boot, seq, ts, plain))


def _convert(kind: str, value: Any, alias: Alias | None) -> tuple[str, Any]:
    if alias is None or not isinstance(value, (int, float)) or abs(value) > NUMBER_MAX:
        return kind, value
    return alias.kind, value * alias.factor + alias.offset


def reading_fault(ts: Any, values: Any) -> str:
    """Return what is wrong with the time and values of a reading, or "" when nothing is."""
    if not _is_count(ts):
        return f"ts: {str(ts)[:40]!r} is not a time in ms"
    if not isinstance(values, dict) or not 1 <= len(values) <= READING_VALUES:
        return f"values: an object with 1 to {READING_VALUES} kinds is needed"
    for kind, value in values.items():
        rule = KINDS.get(kind)
        if rule is None:
            return f"values: {kind[:40]!r} is no kind this contract knows, or has another unit"
        if isinstance(rule, Text):
            if not isinstance(value, str) or not 1 <= len(value) <= rule.length:
                return f"values.{kind}: a text of 1 to {rule.length} characters is needed"
            if not value.isprintable() and not value.replace("\x1d", "").isprintable():
                return f"values.{kind}: control characters other than GS"
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"values.{kind}: {str(value)[:40]!r} is not a number"
        elif not rule.low <= value <= rule.high:  # NaN fails this too
            return f"values.{kind}: {str(value)[:20]} {rule.unit} is outside {rule.low:g}…{rule.high:g}"
    return ""


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MESSAGE_BYTES:
        raise BadPayload(f"{len(payload)} bytes; at most {MESSAGE_BYTES}")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8 and numbers too long to be one
        raise BadPayload(f"not JSON: {error}"[:REASON_LENGTH]) from None
    if not isinstance(body, dict):
        raise BadPayload("not a JSON object")
    return body


def _device(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not is_device_name(value):
        raise BadPayload(f"{name}: {str(value)[:40]!r} is not a device name (letters, digits, . _ -, at most 64)")
    return value


def _count(body: dict[str, Any], name: str, where: str) -> int:
    value = body.get(name)
    if not _is_count(value):
        raise BadPayload(f"{where}: {str(value)[:40]!r} is not a whole number from 0 to 2^53 - 1")
    return value


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= NUMBER_MAX


def _plain(values: Mapping[str, float | str]) -> dict[str, float | str]:
    for kind, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{kind}: JSON has no {value}")
    return dict(values)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
