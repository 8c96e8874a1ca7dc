"""Consumers of the journal: how far each has come."""

from floorwise.core.model.journal import Cursor
from floorwise.core.ports import Desk


def follow(desk: Desk, consumer: str, number: int) -> None:
    """Note that a consumer has dealt with every event up to `number`."""
    cursor = desk.ledger.get(Cursor, consumer)
    if cursor is None:
        desk.ledger.insert(Cursor(consumer, number))
    elif number > cursor.number:
        desk.ledger.change(cursor, number=number)
