"""Topics, and the messages between floor and devices that are not readings: births, deaths, commands, answers, tours, confirmations.

A device writes below `up/<device>/` and reads `ack/<device>` and `down/<device>/#`, nothing else; the name in the topic, the name in
the payload and the credential are one. Whatever a device sends with a `seq` is kept by it until `ack/<device>` names that seq.

    up/<device>/readings    one or many readings, to the agent of the site
    up/<device>/scan        the same payload; never thinned
    up/<device>/birth       Birth, retained, at each connect
    up/<device>/death       Death, the MQTT will of the connection
    up/<device>/batch       readings of many devices, from an agent (or a device without one) to the gateway
    up/<device>/confirm     Confirm: a picker's physical fact, from a handheld to the gateway
    up/<device>/answer      Answer to a command
    ack/<device>            what is durable on the other side
    down/<device>/commands  Command
    down/<device>/tours/<tour>   TourSheet, retained; an empty payload takes the tour back
"""

import json
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from floorwise.core.model.readings import KINDS, MESSAGE_BYTES, NUMBER_MAX, BadPayload, is_device_name

PROFILES = ("scale", "scanner", "tracker", "climate", "handheld", "agent")
COMMANDS = ("tare", "sample", "alarm", "rebirth", "restart")
OUTCOMES = ("picked", "short")
TEXT_LENGTH = 256
LIST_LENGTH = 1000
UP = ("readings", "scan", "birth", "death", "batch", "confirm", "answer")

M = TypeVar("M", bound=tuple)


class Birth(NamedTuple):
    """A device is there. `keeps` is how many unacknowledged messages it can hold."""

    device: str
    boot: int
    ts: int
    profile: str
    firmware: str
    kinds: list[str]
    keeps: int


class Death(NamedTuple):
    """The connection of this boot was lost; left with the broker at connect, so `ts` is the time of the connect."""

    device: str
    boot: int
    ts: int


class Command(NamedTuple):
    """Something a device shall do once; the same `id` again is answered again and not done again."""

    id: str
    command: str
    ts: int
    expires: int  # ms since 1970; later it is answered with ok = False and not done
    level: int  # what the command sets: 1 and 0 for alarm, seconds for sample, else 0


class Answer(NamedTuple):
    """What became of a command."""

    device: str
    boot: int
    seq: int
    ts: int
    id: str
    ok: bool
    detail: str


class SheetPick(NamedTuple):
    """One stop of a tour: take `quantity` of `sku` at `location` into `tote`."""

    number: int  # of the pick; the list is in walking order
    location: str
    check_digits: str
    place: str
    sku: str
    lot: str
    quantity: int
    tote: str


class TourSheet(NamedTuple):
    """A tour as its picker's handheld gets it; a device drops a revision that is not newer than the one it holds."""

    tour: str
    revision: int
    kind: str
    ts: int
    picks: list[SheetPick]


class Confirm(NamedTuple):
    """What a picker did at one stop. Never refused for what the books say; `quantity` is what was really taken or found."""

    device: str
    boot: int
    seq: int
    ts: int  # when it was done
    tour: str
    number: int
    outcome: str
    quantity: int
    picker: str
    code: str  # what was scanned, "" when typed


_CHOICES = {
    (Birth, "profile"): PROFILES, (Birth, "kinds"): tuple(KINDS), (Command, "command"): COMMANDS, (Confirm, "outcome"): OUTCOMES,
}  # fmt: skip
_MAY_BE_EMPTY = {(Answer, "detail"), (Confirm, "code"), (SheetPick, "check_digits"), (SheetPick, "lot"), (SheetPick, "tote")}


def up(device: str, what: str) -> str:
    """The topic on which `device` sends `what` (one of UP)."""
    assert what in UP, what
    return f"up/{device}/{what}"


def ack(device: str) -> str:
    """The topic on which `device` hears what it may forget."""
    return f"ack/{device}"


def commands(device: str) -> str:
    """The topic on which `device` hears commands."""
    return f"down/{device}/commands"


def tour(device: str, tour_id: str) -> str:
    """The retained topic of one tour on one handheld."""
    return f"down/{device}/tours/{tour_id}"


def read_up(topic: str) -> tuple[str, str]:
    """Return (device, what) of a topic below up/; raises BadPayload for any other."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "up" or parts[2] not in UP or not is_device_name(parts[1]):
        raise BadPayload(f"topic {topic[:80]!r} is not up/<device>/{'|'.join(UP)}")
    return parts[1], parts[2]


def encode(message: tuple) -> bytes:
    """Return the canonical payload of one of the messages above."""
    return json.dumps(_plain(message), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode(kind: type[M], payload: bytes, device: str | None = None) -> M:
    """Read a payload as `kind`; with `device` (from the topic) a message of anyone else is refused. Raises BadPayload."""
    if len(payload) > MESSAGE_BYTES:
        raise BadPayload(f"{len(payload)} bytes; at most {MESSAGE_BYTES}")
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"not JSON: {str(error)[:100]}") from None
    message = _read(kind, body, "")
    if device is not None and getattr(message, "device", device) != device:
        raise BadPayload(f"device: {message.device!r} speaks on the topic of {device!r}")
    return message


def _read(kind: type[M], body: Any, where: str) -> M:
    hints = get_type_hints(kind)
    if not isinstance(body, dict) or not body.keys() >= hints.keys():  # more is allowed: a newer device may say more
        raise BadPayload(f"{where or kind.__name__}: an object with {', '.join(hints)} is needed")
    return kind(**{name: _value(kind, name, hint, body[name], f"{where}{name}") for name, hint in hints.items()})


def _value(kind: type, name: str, hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is list:
        if not isinstance(value, list) or len(value) > LIST_LENGTH:
            raise BadPayload(f"{where}: a list of at most {LIST_LENGTH} is needed")
        inner = get_args(hint)[0]
        if inner is str:
            return [_value(kind, name, str, item, f"{where}[{n}]") for n, item in enumerate(value)]
        return [_read(inner, item, f"{where}[{n}].") for n, item in enumerate(value)]
    if hint is bool and type(value) is bool:
        return value
    if hint is int and type(value) is int and 0 <= value <= NUMBER_MAX:
        return value
    if hint is str and isinstance(value, str) and len(value) <= TEXT_LENGTH and value.replace("\x1d", "").isprintable():
        if name == "device" and not is_device_name(value):
            raise BadPayload(f"device: {value[:40]!r} is not a device name")
        if not value and (kind, name) not in _MAY_BE_EMPTY:
            raise BadPayload(f"{where}: must not be empty")
        choices = _CHOICES.get((kind, name))
        if choices and value not in choices:
            raise BadPayload(f"{where}: {value[:40]!r} is not one of {', '.join(choices)}")
        return value
    raise BadPayload(f"{where}: {str(value)[:40]!r} is not a fit {hint.__name__}")


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
