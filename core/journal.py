"""The journal: canonical event lines in a hash chain, and the check of a chain against saved heads.

A line is the canonical JSON (core.model.canonical) of one event. head(n) = SHA-256(head(n-1) ‖ line(n)), head(0) = 32 zero
bytes. Stored lines are hashed as they are, never written anew.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from floorwise.core.errors import Damaged
from floorwise.core.model.canonical import canonical
from floorwise.core.model.journal import Event

GENESIS = "0" * 64
SCHEMA = 1  # of event bodies; a reader upcasts older ones


def event_line(number: int, kind: str, at_ms: int, body: dict[str, Any]) -> str:
    """The line that is stored and hashed for an event."""
    # The canonical form of the whole, put together from that of its body: keys in order, and a kind is an identifier.
    assert kind.isidentifier() and type(at_ms) is int and type(number) is int
    return f'{{"at_ms":{at_ms},"body":{canonical(body)},"kind":"{kind}","number":{number},"schema":{SCHEMA}}}'


def chained(head: str, line: str) -> str:
    """The head after `line`."""
    return hashlib.sha256(bytes.fromhex(head) + line.encode()).hexdigest()


def body_of(event: Event) -> dict[str, Any]:
    """The event's body, read from its stored line."""
    return json.loads(event.line)["body"]


class Fault(NamedTuple):
    """Where the chain or a saved head is broken."""

    number: int
    detail: str


def faults(events: Iterable[Event], saved: Iterable[tuple[int, str]]) -> Iterator[Fault]:
    """Every place where the stored journal contradicts itself or a head saved elsewhere.

    A journal cut off at its end contradicts nothing but a saved head: without one, truncation cannot be seen.
    """
    wanted: dict[int, set[str]] = {}
    for number, head in saved:
        wanted.setdefault(number, set()).add(head)
    head, last = GENESIS, 0
    for event in events:
        if event.number != last + 1:
            yield Fault(event.number, f"event {last + 1} is missing: {event.number} follows {last}")
        try:
            told = json.loads(event.line)
            columns = (told["number"], told["kind"], told["at_ms"])
        except (ValueError, KeyError, TypeError) as error:
            yield Fault(event.number, f"event {event.number} is not a journal line: {error}")
            columns = (event.number, event.kind, event.at_ms)
        if columns != (event.number, event.kind, event.at_ms):
            yield Fault(event.number, f"event {event.number} is filed as {event.kind} at {event.at_ms}, its line says {columns}")
        if not _follows(head, event):
            yield Fault(event.number, f"event {event.number} does not follow from the one before: its line or an earlier one was changed")
        for other in sorted(wanted.pop(event.number, set()) - {event.head}):
            yield Fault(event.number, f"the head saved for event {event.number} is {other[:12]}…, the journal says {event.head!s:.12}…")
        head, last = event.head, event.number
    for number in sorted(wanted):
        if number:
            yield Fault(number, f"a head was saved for event {number}, the journal ends at {last}: its end was cut off")


def _follows(head: str, event: Event) -> bool:
    """Whether the event's head is that of its line; a head or line that is no text at all follows from nothing."""
    try:
        return chained(head, event.line) == event.head
    except (AttributeError, TypeError, ValueError):
        return False


def require_sound(events: Iterable[Event]) -> None:
    """Damaged at the first fault; for readers that must not go on."""
    for fault in faults(events, ()):
        raise Damaged(fault.detail)
