"""Timers are rows: a command that is executed when floor time reaches it."""

from typing import Any

from floorwise.core.errors import Conflict
from floorwise.core.model import events
from floorwise.core.model.canonical import canonical
from floorwise.core.model.journal import Timer
from floorwise.core.ports import Desk


def set_timer(desk: Desk, due_at_ms: int, command: Any) -> str:
    """Have `command` executed at `due_at_ms` or soon after; the command must bear that its subject has moved on by then."""
    timer = desk.ids.new("timer")
    name = type(command).__name__
    if not desk.ledger.insert(Timer(timer, due_at_ms, name, canonical(command._asdict()), 1)):
        raise Conflict(f"timer {timer} is taken")
    desk.tell(events.TimerSet(timer, due_at_ms, name))
    return timer
