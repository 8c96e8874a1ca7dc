"""Executes the commands of timers that are due."""

from floorwise.core.errors import Refused
from floorwise.core.failpoints import reach
from floorwise.core.flow.table import DropTimer, FireTimer
from floorwise.core.model.journal import Timer
from floorwise.core.warehouse import Warehouse


def step(warehouse: Warehouse, now_ms: int, limit: int) -> int:
    """Fire up to `limit` due timers, the earliest first; give how many."""
    due = warehouse.ledger.find(Timer, "by_due", until=now_ms, limit=limit)
    for timer in due:
        try:
            warehouse.execute(FireTimer(timer.timer))
        except Refused as refused:
            warehouse.execute(DropTimer(timer.timer, f"{type(refused).__name__}: {refused}"))
        reach("timers_fired")
    return len(due)


def next_due_ms(warehouse: Warehouse) -> int:
    """When the next timer is due, or 0 when none is set."""
    due = warehouse.ledger.find(Timer, "by_due", limit=1)
    return due[0].due_at_ms if due else 0
