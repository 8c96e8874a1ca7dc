"""Records of the journal and of those who follow it."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record


@record(key="number", indexes=[Index("by_kind", "kind number")], append_only=True)
class Event(NamedTuple):
    """One thing that happened. `line` is the canonical JSON that was hashed; it is never written again."""

    number: int
    kind: str
    at_ms: int
    line: str
    head: str  # SHA-256 over the previous head and this line, hex


@record(key="name")
class Head(NamedTuple):
    """The end of the chain; its row is written as the last step of a transaction."""

    name: str
    number: int
    head: str
    version: int = 0


@record(key="consumer")
class Cursor(NamedTuple):
    """How far a consumer has followed the journal."""

    consumer: str
    number: int
    version: int = 0


@record(key="consumer number", append_only=True)
class Delivered(NamedTuple):
    """Event `number` had its effect with `consumer`; its key makes a second effect impossible."""

    consumer: str
    number: int
    outcome: str


@record(key="key", append_only=True)
class IdempotencyKey(NamedTuple):
    """A command that was done under this key, and what it answered."""

    key: str
    fingerprint: str  # SHA-256 of the canonical command, hex
    reply: str  # canonical JSON
    at_ms: int


@record(key="name")
class Counter(NamedTuple):
    """The last number given for a kind of identifier."""

    name: str
    value: int
    version: int = 0


@record(key="timer", indexes=[Index("by_due", "due_at_ms", where="is_open = 1")])
class Timer(NamedTuple):
    """A command that is executed when floor time reaches `due_at_ms`."""

    timer: str
    due_at_ms: int
    command: str  # name of the command class
    body: str  # canonical JSON of its fields
    is_open: int
    version: int = 0


@record(key="source row", indexes=[Index("by_reason", "reason at_ms", where="order_id = ''")])
class Review(NamedTuple):
    """A row of the outside world that waits for a person, until an order that was sent again takes it in."""

    source: str
    row: int
    column: str
    reason: str
    text: str
    at_ms: int
    order_id: str = ""  # of the order that took it in after all; "" = it waits
    version: int = 0
