"""Ledgers on SQLite: in a data directory, or in memory for the twin."""

import json
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from floorwise.core.adapters.ledger_sql.ledger import SqlLedger
from floorwise.core.adapters.ledger_sql.schema import SCHEMA_VERSION, append_only_triggers
from floorwise.core.adapters.ledger_sql.statements import Statements
from floorwise.core.errors import Damaged, NotFound

LEDGER_FILE = "ledger.sqlite"
HEADS_FILE = "heads.jsonl"
BUSY_MS = 60_000  # how long a writer waits for another process to commit
CACHE_KIB = 65_536
CHECKPOINT_PAGES = 4_000  # WAL pages between checkpoints; each checkpoint waits for the disk
KEPT_STATEMENTS = 512


def open_ledger(directory: Path | None) -> SqlLedger:
    """The ledger of a data directory, made if it is not there; None keeps it in memory.

    File: WAL with synchronous=FULL, so a commit that returned survives a power cut. After each commit the journal head is
    added to heads.jsonl beside it. Raises Damaged when the file is not a floorwise ledger of this schema.
    """
    statements = _statements()
    if directory is None:
        connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=KEPT_STATEMENTS)
        _prepare(connection, statements)
        return SqlLedger(connection, statements, begin="BEGIN", broken=sqlite3.IntegrityError)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / LEDGER_FILE
    connection = sqlite3.connect(
        path, timeout=BUSY_MS / 1000, isolation_level=None, cached_statements=KEPT_STATEMENTS, check_same_thread=False
    )
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")
        _prepare(connection, statements)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise Damaged(f"{path} is not a readable ledger: {error}") from error
    return SqlLedger(
        connection, statements, begin="BEGIN IMMEDIATE", broken=sqlite3.IntegrityError, save_head=HeadFile(directory / HEADS_FILE)
    )


def snapshot(directory: Path) -> SqlLedger:
    """The ledger of a data directory as it is at this moment, for reading only; a writer may go on meanwhile.

    Raises NotFound when the directory has no ledger, Damaged when it cannot be read. Read the saved heads before it.
    """
    path = directory / LEDGER_FILE
    if not path.is_file():
        raise NotFound(f"{directory} has no ledger ({LEDGER_FILE})")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise Damaged(f"{path} has schema {version}, this floorwise reads {SCHEMA_VERSION}")
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM head").fetchone()  # the first read fixes what the transaction sees
    except (sqlite3.DatabaseError, Damaged) as error:
        connection.close()
        raise Damaged(f"{path} is not a readable ledger: {error}") from error
    return SqlLedger(connection, Statements("sqlite"), begin="BEGIN", broken=sqlite3.IntegrityError)


def saved_heads(directory: Path) -> Iterator[tuple[int, str]]:
    """The heads kept outside the database; a last line that a crash cut short is passed over."""
    path = directory / HEADS_FILE
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
            yield told["number"], told["head"]
        except (ValueError, KeyError, TypeError):
            continue


@cache
def _statements() -> Statements:
    """One set of compiled statements a process: building it takes longer than opening a ledger."""
    return Statements("sqlite")


class HeadFile:
    """Heads kept outside the database, a line each; closed with its ledger."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def __call__(self, number: int, head: str) -> None:
        """Add a head: one write, so that lines of several processes never mix."""
        self._file.write(f'{{"number":{number},"head":"{head}"}}\n'.encode())

    def close(self) -> None:
        """Let the file go; a process that opens many ledgers would run out of descriptors."""
        self._file.close()


def _prepare(connection: sqlite3.Connection, statements: Statements) -> None:
    """Make the tables if the database is new; refuse one of another schema."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    if version:
        raise Damaged(f"the ledger has schema {version}, this floorwise reads {SCHEMA_VERSION}; use the version that wrote it")
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:  # another process may have made it meanwhile
        from sqlalchemy.dialects import sqlite
        from sqlalchemy.schema import CreateIndex, CreateTable

        dialect = sqlite.dialect()
        for table in statements.metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect)))
            for index in sorted(table.indexes, key=lambda i: i.name):
                connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
        for statement in append_only_triggers("sqlite"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")
