"""The Ledger over a DB-API connection: records, moves and events under one transaction."""

from functools import cache
from typing import Any, TypeVar

from floorwise.core import journal
from floorwise.core.adapters.ledger_sql.statements import Statements
from floorwise.core.errors import Conflict, StockConflict
from floorwise.core.failpoints import reach
from floorwise.core.model.journal import Event, Head
from floorwise.core.model.record import DECLARED
from floorwise.core.model.stock import Balance, Move, place_kind
from floorwise.core.ports import FIND_LIMIT

R = TypeVar("R")

JOURNAL = "journal"  # name of the head row
MOST_SEEN = 20_000  # rows remembered within a transaction
BALANCE_WORDS = ("k_place", "k_sku", "k_lot", "k_serial", "k_owner", "k_status", "quantity", "bound")

_row = tuple.__new__  # a NamedTuple from a tuple that has its fields, without the check that `_make` does of their number


@cache
def _places_of(statement: Any) -> tuple[int, ...]:
    """Where each parameter of a balance statement stands in BALANCE_WORDS."""
    return tuple([BALANCE_WORDS.index(name) for name in statement.names])


class SqlLedger:
    """Runs prebuilt statements on one connection; one thread at a time.

    connection   DB-API connection in autocommit mode (the ledger writes BEGIN and COMMIT itself)
    begin        statement that opens a writing transaction
    broken       exception class the driver raises when a declared check fails
    save_head    called with (number, head) after each commit that added events, closed with the ledger
    """

    def __init__(self, connection: Any, statements: Statements, *, begin: str, broken: type[Exception], save_head: Any = None) -> None:
        self._connection = connection
        self._statements = statements
        self._begin = begin
        self._broken = broken
        self._save_head = save_head
        self._run = connection.cursor().execute
        self._is_open = False  # a transaction is open
        self._has_savepoint = False
        self._head = Event(0, "", 0, "", journal.GENESIS)  # the last event, as this transaction sees it
        self._moves = 0  # number of the last move
        self._committed: Any = None  # what (_head, _moves) were at the savepoint
        self._head_row: Head | None = None
        self._seen: dict[tuple[type, tuple[int | str, ...]], Any] = {}  # rows as this transaction knows them, by key

    def get(self, record: type[R], *key: int | str) -> R | None:
        # Within a transaction nobody else's write can be seen, so what was read once is still so; see `_seen`.
        known = self._seen.get((record, key))
        if known is not None:
            return known
        row = self._run(self._statements.get[record].text, key).fetchone()
        if row is None:
            return None
        found = _row(record, row)
        if self._is_open:
            self._remember((record, key), found)
        return found

    def find(
        self, record: type[R], index: str, *prefix: int | str, after: Any = None, until: Any = None, limit: int = FIND_LIMIT
    ) -> list[R]:
        statement = self._statements.find(record, index, len(prefix), after is not None, until is not None)
        values = list(prefix)
        if after is not None:
            values.append(after)
        if until is not None:
            values.append(until)
        return [_row(record, row) for row in self._run(statement.text, (*values, limit, *statement.tail)).fetchall()]

    def insert(self, row: Any) -> bool:
        try:
            is_new = self._run(self._statements.insert[type(row)].text, row).rowcount == 1
        except self._broken as error:
            raise StockConflict(f"{type(row).__name__}: {error} in {row}") from error
        record = type(row)
        if is_new and self._is_open and not DECLARED[record].is_append_only:
            self._remember((record, self._statements.key_of[record](row)), row)
        return is_new

    def change(self, row: R, **values: int | str) -> R:
        record = type(row)
        text, parameters, places = self._statements.change(record, tuple(values))
        new = list(row)
        for place, value in zip(places, values.values(), strict=True):
            new[place] = value
        try:
            changed = self._run(text, parameters(new)).rowcount
        except self._broken as error:
            raise StockConflict(f"{record.__name__}: {error} in {record(*new)}") from error
        if changed != 1:
            self._seen.clear()
            raise Conflict(f"{record.__name__} {list(self._statements.key_of[record](row))} changed since version {row.version}")
        new[-1] += 1
        new = _row(record, new)
        self._remember((record, self._statements.key_of[record](new)), new)
        return new

    def append_move(self, move: Move, bound: int = 0) -> Move:
        self._moves += 1
        move = move._replace(number=self._moves)
        if not self.insert(move):
            raise Conflict(f"move {move.number} is taken: another writer came between")
        if move.sku:
            self._lift(move, bound)
            self._put(move)
        return move

    def append_event(self, kind: str, at_ms: int, body: dict[str, Any]) -> Event:
        number = self._head.number + 1
        line = journal.event_line(number, kind, at_ms, body)
        event = Event(number, kind, at_ms, line, journal.chained(self._head.head, line))
        if not self.insert(event):
            raise Conflict(f"event {number} is taken: another writer came between")
        self._head = event
        return event

    def savepoint(self) -> None:
        if not self._is_open:
            self._run(self._begin)
            self._is_open = True
            self._head_row = self.get(Head, JOURNAL)
            number, head = (self._head_row.number, self._head_row.head) if self._head_row else (0, journal.GENESIS)
            self._head = Event(number, "", 0, "", head)
            self._moves = self._run("SELECT coalesce(max(number), 0) FROM move").fetchone()[0]
        if self._has_savepoint:
            self._run("RELEASE SAVEPOINT command")
        self._run("SAVEPOINT command")
        self._has_savepoint = True
        self._committed = (self._head, self._moves)

    def rollback(self) -> None:
        if self._has_savepoint:
            self._seen.clear()
            self._run("ROLLBACK TO SAVEPOINT command")
            self._head, self._moves = self._committed

    def commit(self) -> None:
        if not self._is_open:
            return
        number = self._head_row.number if self._head_row else 0
        if self._head.number != number:
            if self._head_row:
                self.change(self._head_row, number=self._head.number, head=self._head.head)
            else:
                self.insert(Head(JOURNAL, self._head.number, self._head.head))
        self._seen.clear()
        self._run("COMMIT")
        self._is_open = self._has_savepoint = False
        reach("after_commit")
        if self._save_head and self._head.number != number:
            self._save_head(self._head.number, self._head.head)

    def abandon(self) -> None:
        """Undo the whole open transaction, as a crash would."""
        self._seen.clear()
        if self._is_open:
            self._run("ROLLBACK")
            self._is_open = self._has_savepoint = False

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last event, those of the open transaction included."""
        if self._is_open:
            return self._head.number, self._head.head
        row = self.get(Head, JOURNAL)
        return (row.number, row.head) if row else (0, journal.GENESIS)

    def close(self) -> None:
        """Undo what is not committed and let the database go."""
        self.abandon()
        self._connection.close()
        if self._save_head:
            self._save_head.close()

    def _remember(self, key: tuple[type, tuple[int | str, ...]], row: Any) -> None:
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[key] = row

    def _lift(self, move: Move, bound: int) -> None:
        key = (move.source, move.sku, move.lot, move.serial, move.owner, move.status)
        self._seen.pop((Balance, key), None)
        if self._run(self._statements.lift.text, self._balance_values(self._statements.lift, key, move.quantity, bound)).rowcount:
            return
        kind = place_kind(move.source)
        if kind == "virtual" and self.insert(Balance(*key, kind, -move.quantity, 0)):
            return
        there = self.get(Balance, *key)
        have = f"{there.on_hand} lie there, {there.reserved} of them bound" if there else "none lie there"
        raise StockConflict(f"{move.quantity} {move.sku} {move.lot} cannot leave {move.source} as {move.status}: {have}")

    def _put(self, move: Move) -> None:
        key = (move.target, move.sku, move.lot, move.serial, move.owner, move.to_status)
        self._seen.pop((Balance, key), None)
        if not self._run(self._statements.put.text, self._balance_values(self._statements.put, key, move.quantity, 0)).rowcount:
            self.insert(Balance(*key, place_kind(move.target), move.quantity, 0))

    @staticmethod
    def _balance_values(statement: Any, key: tuple[str, ...], quantity: int, bound: int) -> tuple[Any, ...]:
        values = (*key, quantity, bound)
        return tuple([values[at] for at in _places_of(statement)])
