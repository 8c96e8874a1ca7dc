"""Reading the ledger beside the writer: a few connections that cannot write, each lent to one thread at a time."""

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from floorwise.core.adapters.ledger_sql.ledger import SqlLedger
from floorwise.core.adapters.ledger_sql.sqlite import KEPT_STATEMENTS, LEDGER_FILE
from floorwise.core.adapters.ledger_sql.statements import Statements
from floorwise.gateway.writer import Busy

CONNECTIONS = 6  # readers at work at the same time; two cores have no use for more
WAIT_S = 5.0  # how long a reader waits for a connection before it is told to come back


class Readers:
    """Lends ledgers for reading. What is read inside one `with` is one moment of the floor."""

    def __init__(self, directory: Path, connections: int = CONNECTIONS) -> None:
        self._directory = directory
        self._statements = Statements("sqlite")
        self._free: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._all = [self._connect() for _ in range(connections)]
        for connection in self._all:
            self._free.put(connection)

    @contextmanager
    def read(self) -> Iterator[SqlLedger]:
        """A ledger as it is now, committed; Busy when none comes free in WAIT_S."""
        try:
            connection = self._free.get(timeout=WAIT_S)
        except queue.Empty:
            raise Busy(f"{len(self._all)} readers are at work; come back in a moment") from None
        try:
            connection.execute("BEGIN")
            yield self._ledger(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._free.put(connection)

    def own(self) -> SqlLedger:
        """A ledger of the caller's own, without a transaction: each question sees what is committed by then. The caller closes it."""
        return self._ledger(self._connect())

    def close(self) -> None:
        """Let the file go; nobody may be reading."""
        for connection in self._all:
            connection.close()

    def _ledger(self, connection: sqlite3.Connection) -> SqlLedger:
        return SqlLedger(connection, self._statements, begin="BEGIN", broken=sqlite3.IntegrityError)

    def _connect(self) -> sqlite3.Connection:
        uri = f"{(self._directory / LEDGER_FILE).resolve().as_uri()}?mode=rw"
        connection = sqlite3.connect(
            uri, uri=True, timeout=WAIT_S, isolation_level=None, cached_statements=KEPT_STATEMENTS, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        return connection
