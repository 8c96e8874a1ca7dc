"""What the core needs of the world, as small Protocols; each method tells its contract.

Adapters live in core.adapters, the planner in floorwise.optimizer; flows and workers see these shapes only.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from floorwise.core.model.journal import Event
from floorwise.core.model.labels import Label, LabelWanted
from floorwise.core.model.planning import Plan, PlanRequest
from floorwise.core.model.readings import Reading
from floorwise.core.model.stock import Move
from floorwise.core.model.stored import DeadLetter, Latest, Outcome, Point, StoredStream

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


class Store(Protocol):
    """Readings, kept for as long as the house keeps them. One owner, one writing thread; any thread may ask."""

    def write_batch(self, readings: Collection[Reading], dead: Sequence[DeadLetter] = ()) -> list[Outcome]:
        """Make what is new durable, rows and marks in one transaction, and tell what became of each; only then acknowledge.

        Raises StoreFailed, with nothing stored, when the disk refuses: the senders keep what is not acknowledged.
        """

    def latest(self) -> dict[tuple[str, str], Latest]:
        """The youngest value of each (device, kind), from memory; stale until the device has spoken since the start."""

    def mark_stale(self, devices: Iterable[str]) -> None:
        """These devices have gone: what they said last may be true no more."""

    def query(self, device: str, metric: str, from_ms: int, to_ms: int, step_ms: int = 0) -> list[Point | None]:
        """Looks of one kind from `from_ms` to `to_ms`, both included, in order; with `step_ms` one point a step that holds any.

        None stands where nothing was said for longer than GAP_MS. BadInput beyond QUERY_POINTS, naming a step that fits.
        """

    def accounts(self) -> list[StoredStream]:
        """Counts and sums of every (device, boot) ever stored, by device and boot, recomputed from the marks."""

    def retain(self, before_ms: int) -> int:
        """Remove the rows of readings older than that and record their count and sum; their marks stay. Gives how many."""

    def close(self) -> None:
        """Let the file go."""


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
