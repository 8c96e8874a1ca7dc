"""The spool's file: its tables, how it is opened, and what happens when it is damaged.

A damaged file never keeps an agent from starting: it is renamed aside with its log, what can still be read is taken over into a
new one, and the count of files put aside is kept and told.
"""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from floorwise.core.model.readings import NUMBER_MAX, Reading, digest
from floorwise.edge.streams import Stream

SCHEMA = 1
PAGE_BYTES = 4_096
PADDED_BYTES = 2**30  # a file cut off by more than this is not worth reading
ASIDE_MAX = 1_000  # damaged files kept beside the spool; then the start fails rather than fill the disk

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE streams (device TEXT, boot INTEGER, first INTEGER, last INTEGER, count INTEGER, sum INTEGER, skipped INTEGER,
    dropped INTEGER, dropped_sum INTEGER, duplicates INTEGER, refused INTEGER, given_up INTEGER, missing TEXT,
    PRIMARY KEY (device, boot)) WITHOUT ROWID;
CREATE TABLE entries (id INTEGER PRIMARY KEY, device TEXT, boot INTEGER, seq INTEGER, ts INTEGER, custody INTEGER, body TEXT,
    digest INTEGER);
CREATE INDEX custody_entries ON entries (id) WHERE custody = 1;
CREATE TABLE gaps (device TEXT, boot INTEGER, reason TEXT, first INTEGER, last INTEGER, count INTEGER,
    PRIMARY KEY (device, boot, reason)) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema', 1), ('boot', 0), ('offered', 0), ('damaged', 0);
"""
_SCHEMA_OF = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
STREAM_COLUMNS = "device, boot, first, last, count, sum, skipped, dropped, dropped_sum, duplicates, refused, given_up, missing"
SAVE_STREAM = "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_ENTRY = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Opened(NamedTuple):
    """A usable spool file and what became of the one before it."""

    db: sqlite3.Connection
    boot: int  # greater than at any opening before
    aside: Path | None  # where a damaged file went, if one was found
    salvaged: int  # entries taken over from it


def open_spool(path: Path, now_ms: int, file_bytes: int) -> Opened:
    """Open or make the spool at `path`; a file that is no sound spool is put aside and read as far as it can be."""
    aside, salvaged = None, 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = _connect(path, file_bytes)
        _check(db)
    except (sqlite3.DatabaseError, ValueError):
        with contextlib.suppress(UnboundLocalError):
            db.close()
        aside = _put_aside(path)
        db = _connect(path, file_bytes)
        _check(db)
        salvaged = _salvage(aside, db)
    # A number of this boot must never come again, even when a damaged file has taken the last one with it: seconds since 1970
    # have passed every counter that was started the same way.
    boot = max(meta(db, "boot") + 1, now_ms // 1000)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE meta SET value = ? WHERE name = 'boot'", (boot,))
    db.execute("UPDATE meta SET value = value + ? WHERE name = 'damaged'", (int(aside is not None),))
    db.execute("COMMIT")
    return Opened(db, boot, aside, salvaged)


def load_stream(db: sqlite3.Connection, device: str, boot: int) -> Stream:
    """Return the stored account of a stream, or a new one."""
    row = db.execute(f"SELECT {STREAM_COLUMNS} FROM streams WHERE device = ? AND boot = ?", (device, boot)).fetchone()
    return stream_of(row) if row else Stream(device, boot)


def stream_of(row: tuple) -> Stream:
    """Return the account in a row of STREAM_COLUMNS."""
    values = list(row)
    values[5], values[8], values[12] = unsigned(values[5]), unsigned(values[8]), json.loads(values[12])
    return Stream(*values)


def stream_row(stream: Stream) -> tuple:
    """Return the row for SAVE_STREAM."""
    return (
        stream.device, stream.boot, stream.first, stream.last, stream.count, signed(stream.sum), stream.skipped, stream.dropped,
        signed(stream.dropped_sum), stream.duplicates, stream.refused, stream.given_up, json.dumps(stream.missing),
    )  # fmt: skip


def entry_reading(device: str, boot: int, seq: int, ts: int, body: str, stored: int) -> Reading | None:
    """Return the reading of a row, or None when its bytes no longer give the digest stored with it."""
    try:
        reading = Reading(device, boot, seq, ts, json.loads(body))
        return reading if signed(digest(reading)) == stored else None
    except Exception:  # whatever flipped bits make of the row, it is no reading
        return None


def signed(value: int) -> int:
    """SQLite's integers are signed 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def unsigned(value: int) -> int:
    return value + 2**64 if value < 0 else value


def _connect(path: Path, file_bytes: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0, cached_statements=64)
    db.text_factory = _text
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 8388608")
    db.execute(f"PRAGMA max_page_count = {max(16, file_bytes // PAGE_BYTES)}")
    return db


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")  # flipped bits must reach the digest check, not stop the query


def _check(db: sqlite3.Connection) -> None:
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        db.executescript("BEGIN;" + _TABLES + "COMMIT;")
    if db.execute(_SCHEMA_OF).fetchall() != _schema():  # flipped bits in a column's name would turn every query into another one
        raise sqlite3.DatabaseError("the tables are not those of a spool")
    found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    if meta(db, "schema") != SCHEMA:
        raise sqlite3.DatabaseError(f"schema {meta(db, 'schema')}, not {SCHEMA}")
    for row in db.execute(f"SELECT {STREAM_COLUMNS} FROM streams"):
        stream_of(row)


def _schema() -> list[tuple]:
    with contextlib.closing(sqlite3.connect(":memory:")) as plain:
        plain.executescript(_TABLES)
        return plain.execute(_SCHEMA_OF).fetchall()


def meta(db: sqlite3.Connection, name: str) -> int:
    """Return a number of the file's own: schema, boot, offered, damaged. Raises DatabaseError when it cannot be one."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None or not isinstance(row[0], int) or not 0 <= row[0] <= NUMBER_MAX:
        raise sqlite3.DatabaseError(f"meta has no number {name!r}")
    return row[0]


def _put_aside(path: Path) -> Path:
    for number in range(1, ASIDE_MAX + 1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            break
    else:
        raise OSError(f"{path.name}: {ASIDE_MAX} damaged spools lie beside it")
    for tail in ("-wal", "-shm"):  # the log first: without its database it is never applied to a new one
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{tail}", f"{aside}{tail}")
    os.replace(path, aside)
    return aside


def _salvage(aside: Path, db: sqlite3.Connection) -> int:
    """Copy what can be read of a damaged spool; entries must prove themselves by their digest."""
    copy = aside.with_name(aside.name + ".reading")
    try:
        _copy_padded(aside, copy)
        old = sqlite3.connect(copy, isolation_level=None)
        old.text_factory = _text
        db.execute("BEGIN IMMEDIATE")
        for name, value in _readable(old, "SELECT name, value FROM meta WHERE name IN ('boot', 'offered', 'damaged')"):
            if isinstance(value, int) and 0 <= value < NUMBER_MAX:
                db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
        for row in _readable(old, f"SELECT {STREAM_COLUMNS} FROM streams"):
            with contextlib.suppress(Exception):
                db.execute(SAVE_STREAM, stream_row(stream_of(row)))
        good = {}
        for order in ("ASC", "DESC"):  # from both ends towards the damage
            for place, device, boot, seq, ts, custody, body, stored in _readable(old, f"SELECT * FROM entries ORDER BY id {order}"):
                if entry_reading(device, boot, seq, ts, body, stored) is not None:
                    good[place] = place, device, boot, seq, ts, int(custody == 1), body, stored
        db.executemany(INSERT_ENTRY, good.values())
        for row in _readable(old, "SELECT * FROM gaps"):
            with contextlib.suppress(sqlite3.Error):
                db.execute("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?, ?, ?, ?)", row)
        db.execute("COMMIT")
        old.close()
        return len(good)
    except (sqlite3.Error, OSError):
        if db.in_transaction:
            db.execute("ROLLBACK")
        return 0
    finally:
        for tail in ("", "-wal", "-shm"):
            Path(f"{copy}{tail}").unlink(missing_ok=True)


def _copy_padded(aside: Path, copy: Path) -> None:
    """Copy a damaged file and its log; what was cut off comes back as zeros, because SQLite reads nothing of a file that is too short."""
    shutil.copyfile(aside, copy)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(f"{aside}-wal", f"{copy}-wal")
    with copy.open("r+b") as file:
        header = file.read(32)
        pages = int.from_bytes(header[28:32], "big")
        size = file.seek(0, os.SEEK_END)
        if header.startswith(b"SQLite format 3") and size < pages * PAGE_BYTES <= size + PADDED_BYTES:
            file.truncate(pages * PAGE_BYTES)


def _readable(db: sqlite3.Connection, query: str) -> Iterator[tuple]:
    """Rows until the first that cannot be read."""
    try:
        yield from db.execute(query)
    except (sqlite3.Error, ValueError, OverflowError):
        return
