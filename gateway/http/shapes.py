"""Small helpers that turn records into what an answer holds."""

from datetime import UTC, datetime
from typing import Any


def chosen(row: Any, names: str) -> dict[str, Any]:
    """The fields of a record that `names` lists with blanks between, in that order."""
    return {name: getattr(row, name) for name in names.split()}


def clock_text(at_ms: int) -> str:
    """A moment for people, in UTC: 2026-03-02 09:20."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}Z"
