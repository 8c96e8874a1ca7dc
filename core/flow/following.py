"""Consumers of the journal: how far each has come, and whether an event is theirs."""

from collections.abc import Iterable

from floorwise.core.errors import NotFound, WrongState
from floorwise.core.model.journal import Cursor, Event
from floorwise.core.ports import Desk


def require_own(desk: Desk, consumer: str, number: int, kinds: Iterable[str]) -> Event:
    """The event `number`, when its kind is one that the consumer follows; NotFound otherwise."""
    event = desk.ledger.get(Event, number)
    if event is None or event.kind not in kinds:
        what = f"a {event.kind}" if event else "not in the journal"
        raise NotFound(f"event {number} is {what}; {consumer} follows {', '.join(kinds)}")
    return event


def require_next(desk: Desk, consumer: str, number: int, kinds: Iterable[str]) -> None:
    """WrongState unless `number` is the first event of these kinds that the consumer has not dealt with.

    What its cursor passes over is never done.
    """
    cursor = desk.ledger.get(Cursor, consumer)
    since = cursor.number if cursor else 0
    firsts = [event.number for kind in kinds for event in desk.ledger.find(Event, "by_kind", kind, after=since, limit=1)]
    if firsts and min(firsts) != number:
        raise WrongState(f"event {number} is not the next one for {consumer}: event {min(firsts)} comes first")


def follow(desk: Desk, consumer: str, number: int) -> None:
    """Note that a consumer has dealt with every event up to `number`."""
    cursor = desk.ledger.get(Cursor, consumer)
    if cursor is None:
        desk.ledger.insert(Cursor(consumer, number))
    elif number > cursor.number:
        desk.ledger.change(cursor, number=number)
