"""The one way anything changes: `Warehouse.execute(command)`.

A command is a savepoint, a transaction holds up to `group` of them. A refusal undoes its own command only. Nothing may leave
the process before the commit, so whoever passes a reply on calls `commit` first, or runs with `group=1`.
"""

import json
from collections.abc import Mapping
from typing import Any

from floorwise.core.errors import BadInput, Conflict, KeyReused
from floorwise.core.failpoints import reach
from floorwise.core.model.canonical import canonical, fingerprint
from floorwise.core.model.journal import IdempotencyKey
from floorwise.core.ports import Clock, Handler, Ids, Ledger

MOST_TRIES = 5  # how often a command that lost a race starts again from its reads


class FloorDesk:
    """What flows work with; made once, its `now_ms` is set for each command."""

    __slots__ = ("ids", "ledger", "now_ms", "site")

    def __init__(self, ledger: Ledger, ids: Ids, site: str) -> None:
        self.ledger, self.ids, self.site = ledger, ids, site
        self.now_ms = 0

    def tell(self, event: Any) -> None:
        """Append an event, named by its class."""
        self.ledger.append_event(type(event).__name__, self.now_ms, event._asdict())


class Warehouse:
    """Executes commands one after another on one ledger.

    handlers   the flow function of each command class
    group      commands a transaction holds at most; the journal head does not depend on it
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, ids: Ids, handlers: Mapping[type, Handler], site: str = "main", group: int = 1
    ) -> None:
        assert group >= 1
        self.ledger = ledger
        self.clock = clock
        self.group = group
        self._handlers = handlers
        self._desk = FloorDesk(ledger, ids, site)
        self._pending = 0

    def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        """Do what the command asks and give its reply; the same `key` and command again give the stored reply.

        Raises a Refused error, with nothing written, when it cannot be done; KeyReused when `key` belongs to another
        command; Conflict when other writers won `MOST_TRIES` times.
        """
        handler = self._handlers.get(type(command))
        if handler is None:
            raise BadInput(f"{type(command).__name__} is not a command")
        for attempt in range(MOST_TRIES):
            self.ledger.savepoint()
            reach("after_savepoint")
            self._desk.now_ms = self.clock.now_ms()
            try:
                reply = self._once(handler, command, key) if key else handler(self._desk, command)
            except Conflict:
                self.ledger.rollback()
                if attempt == MOST_TRIES - 1:
                    self._close_command()
                    raise
                continue
            except BaseException:
                self.ledger.rollback()
                self._close_command()
                raise
            break
        reach("after_handler")
        self._close_command()
        return reply

    def commit(self) -> None:
        """Make every command so far durable; replies may leave after it."""
        if self._pending:
            reach("before_commit")
            self.ledger.commit()
            self._pending = 0
            reach("after_head_saved")

    def _close_command(self) -> None:
        self._pending += 1
        if self._pending >= self.group:
            self.commit()

    def _once(self, handler: Handler, command: Any, key: str) -> dict[str, Any]:
        mark = fingerprint({"do": type(command).__name__, "with": plain(command)})
        done = self.ledger.get(IdempotencyKey, key)
        if done is not None:
            if done.fingerprint != mark:
                raise KeyReused(f"key {key!r} was used at {done.at_ms} for another command; use a new key")
            return json.loads(done.reply)
        reply = handler(self._desk, command)
        if not self.ledger.insert(IdempotencyKey(key, mark, canonical(reply), self._desk.now_ms)):
            raise Conflict(f"key {key!r} was taken by another writer")
        return reply


def plain(value: Any) -> Any:
    """A command as dicts, lists, strings and integers."""
    if hasattr(value, "_asdict"):
        return {name: plain(inner) for name, inner in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value
