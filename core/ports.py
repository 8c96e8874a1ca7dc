"""What the core needs of the world, as small Protocols; each method tells its contract.

Adapters live in core.adapters, the planner in floorwise.optimizer; flows and workers see these shapes only.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from floorwise.core.model.journal import Event
from floorwise.core.model.labels import Label, LabelWanted
from floorwise.core.model.planning import Plan, PlanRequest
from floorwise.core.model.stock import Move

R = TypeVar("R")

FIND_LIMIT = 1_000_000  # rows one `find` gives at most when the caller names no limit of its own


class Clock(Protocol):
    """Floor time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC; never less than it gave before."""


class Ids(Protocol):
    """New identifiers."""

    def new(self, kind: str) -> str:
        """An identifier never given before for this `kind` ("order", "tour", …); sorts by age within a kind."""


class Ledger(Protocol):
    """Typed records, moves and events under one transaction.

    A transaction opens with the first `savepoint` and ends with `commit`. Between two savepoints lies one command:
    `rollback` undoes the present command only. Nothing is visible to others before `commit`.
    """

    def get(self, record: type[R], *key: int | str) -> R | None:
        """The record with this key, or None."""

    def find(
        self, record: type[R], index: str, *prefix: int | str, after: Any = None, until: Any = None, limit: int = FIND_LIMIT
    ) -> list[R]:
        """Records whose leading index fields equal `prefix`, in the index's declared order, at most `limit`.

        `after` and `until` bound the next index field: after < field <= until.
        """

    def insert(self, row: Any) -> bool:
        """Write a new record. False, with nothing written, when its key or a unique index is taken."""

    def change(self, row: R, **values: int | str) -> R:
        """Write new values to the record as it was read; gives it with its new version.

        Raises Conflict when the record changed since, StockConflict when a declared check would fail.
        """

    def append_move(self, move: Move, bound: int = 0) -> Move:
        """Number the move, write it, and change both balances with it; `bound` of the units were bound to a pick and no longer are.

        Raises StockConflict when a real place would fall below zero, or below what stays bound there.
        """

    def append_event(self, kind: str, at_ms: int, body: dict[str, Any]) -> Event:
        """Add an event to the hash chain: number = last + 1."""

    def savepoint(self) -> None:
        """Begin a command, and a transaction if none is open."""

    def rollback(self) -> None:
        """Undo everything since the last savepoint, events and numbers too."""

    def commit(self) -> None:
        """Make all commands since the last commit durable, then save the journal head outside the database."""


class Bus(Protocol):
    """Messages to and from devices."""

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Hand a message over, at least once; with `retain` a later subscriber gets the last one. b"" clears it."""


class Carrier(Protocol):
    """Somebody who takes parcels to the door."""

    name: str

    def buy_label(self, wanted: LabelWanted) -> Label:
        """A label for a parcel; the same `wanted.key` gives the same label, never a second one."""


class Planner(Protocol):
    """Decides which parts share a walk, from which bins, in which order."""

    def plan(self, request: PlanRequest) -> Plan:
        """A plan that stops by count: the same request gives the same plan. Parts it cannot plan are named."""


class Desk(Protocol):
    """What a flow works with while it handles one command."""

    ledger: Ledger
    ids: Ids
    now_ms: int
    site: str

    def tell(self, event: Any) -> None:
        """Append an event (a NamedTuple of core.model.events) to the journal."""


Handler = Callable[[Desk, Any], dict[str, Any]]
