"""Readings in one DuckDB file, owned by one process: rows and marks of a batch are durable in one transaction, or neither is.

Columns are plain and typed (text, 64-bit integers, doubles), so that a line-protocol server can take the same rows. A transaction costs
about 5 ms whatever it holds, so hand over many readings at once. One thread writes; any thread may ask.

A file that cannot be read is set aside as `<name>.damaged-N` and a new one is begun. The senders have forgotten what was in it, so
its rows are gone until somebody repairs it; `verify` says which streams lack them.
"""

import contextlib
import os
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from floorwise.core.adapters.reading_columns import Columns, Mixed
from floorwise.core.adapters.store_latest import LatestValues
from floorwise.core.adapters.store_marks import Key, Marks
from floorwise.core.adapters.store_rows import conflict_letter, fitting_step, require_fit, singles
from floorwise.core.errors import BadInput, Damaged, FloorError, NotFound
from floorwise.core.failpoints import reach
from floorwise.core.model.readings import KINDS, SUM_MASK, Reading, StoredValue, Text, digest, reading_of
from floorwise.core.model.stored import QUERY_POINTS, DeadLetter, Latest, Outcome, Point, Span, StoredStream, unit_of, with_gaps

SCHEMA = 1
THREADS = 2  # of a store that is read only, and of any while it opens …
WRITING_THREADS = 1  # … then one: two that share out a transaction of a few thousand rows cost a quarter more than they save
MEMORY = "256MB"  # DuckDB's own; beyond it a large sort goes to disk
CHECKPOINT = "32MB"  # of log before it is folded into the file
DEAD_LETTERS = 100_000  # kept; what comes beyond is counted by the intake and not kept
ASIDE_MAX = 1_000  # damaged files kept beside the store; then the start fails rather than fill the disk
PAGE_ROWS = 100_000  # read at once while the rows are proved

_TABLES = """
CREATE TABLE meta (name VARCHAR, value BIGINT);
CREATE TABLE readings (device VARCHAR, boot BIGINT, seq BIGINT, ts BIGINT, kind VARCHAR, value DOUBLE, text VARCHAR);
CREATE TABLE marks (device VARCHAR, boot BIGINT, seq BIGINT, digest UBIGINT);
CREATE TABLE removed (device VARCHAR, boot BIGINT, count BIGINT, sum UBIGINT, before_ms BIGINT);
CREATE TABLE dead_letters (at_ms BIGINT, topic VARCHAR, device VARCHAR, boot BIGINT, seq BIGINT, reason VARCHAR, payload BLOB);
"""
# Every byte of every column goes through this, so that a block whose checksum fails is found at the start and not by a page.
_TOUCH = "SELECT bit_xor(hash(COLUMNS(*))) FROM {table}"


class StoreBusy(FloorError):
    """Another process owns the file; ask that process."""


class StoreFailed(FloorError):
    """The disk is full or failing; nothing of the batch was stored."""


class DuckStore:
    """See `core.ports.Store`. `aside` is where a damaged file went when this one was opened, else None.

    With `read_only` nothing is changed, and a file that is not there or is damaged is an error: NotFound, Damaged.
    Raises StoreBusy when another process has the file open, StoreFailed when the disk refuses.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = Path(path)
        self.aside: Path | None = None
        self._is_read_only = read_only
        if read_only and not self.path.is_file():
            raise NotFound(f"{self.path.name} is not there")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()  # over opening and closing of cursors: the connection itself is the writer's
        try:
            self._open()
        except (duckdb.Error, ValueError, MemoryError, UnicodeDecodeError) as error:
            _require_damage(self.path, error)
            with contextlib.suppress(Exception):
                self._db.close()
            if read_only:
                raise Damaged(f"{self.path.name}: {error}") from error
            self.aside = _put_aside(self.path)
            self._open()

    def write_batch(self, readings: Collection[Reading], dead: Sequence[DeadLetter] = ()) -> list[Outcome]:
        decided = self._marks.decide_mixed(readings) if isinstance(readings, Mixed) else self._marks.decide(readings)
        letters = [*dead, *map(conflict_letter, decided.conflicts)][: max(0, DEAD_LETTERS - self._dead)]
        columns = decided.columns
        if decided.fresh or letters or columns:
            try:
                self._db.execute("BEGIN")
                self._insert_rows(decided.fresh)
                self._insert_marks(decided.marks)
                if columns:
                    self._insert_columns(columns)
                if letters:
                    self._db.executemany("INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?)", letters)
                reach("store_before_commit")
                self._db.execute("COMMIT")
            except duckdb.Error as error:
                self._undo()
                raise StoreFailed(f"{self.path.name}: {error}") from error
            reach("store_after_commit")
        self._dead += len(letters)
        self._marks.note(decided)
        self._latest.take(decided.fresh)
        if columns:
            self._latest.take_columns(columns)
        return decided.outcomes

    def latest(self) -> dict[tuple[str, str], Latest]:
        return self._latest.all()

    def mark_stale(self, devices: Iterable[str]) -> None:
        self._latest.mark_stale(devices)

    def query(self, device: str, metric: str, from_ms: int, to_ms: int, step_ms: int = 0) -> list[Point | None]:
        require_fit(from_ms, to_ms, step_ms)
        words: dict[str, Any] = {"device": device, "kind": metric, "low": from_ms, "high": to_ms}
        if step_ms and isinstance(KINDS.get(metric), Text):
            raise BadInput("texts have no mean: ask with step_ms=0")
        if step_ms:
            rows = self._ask(_STEPS, words | {"step": step_ms})
            return with_gaps(Span(Point(*row[:5]), row[5], row[6]) for row in rows)
        rows = self._ask(_LOOKS, words | {"most": QUERY_POINTS + 1})
        if len(rows) > QUERY_POINTS:
            raise BadInput(
                f"more than {QUERY_POINTS} looks; ask for less time, or in steps (step_ms={fitting_step(from_ms, to_ms)} fits)"
            )
        is_text = isinstance(KINDS.get(metric), Text)
        return with_gaps(singles((ts, text if is_text else value) for ts, value, text in rows))

    def accounts(self) -> list[StoredStream]:
        removed = {(device, boot): (count, int(total) & SUM_MASK) for device, boot, count, total in self._ask(_REMOVED)}
        return [StoredStream(*row[:5], int(row[5]) & SUM_MASK, *removed.get(row[:2], (0, 0))) for row in self._ask(_ACCOUNTS)]

    def doubles(self, limit: int) -> list[tuple]:
        """Keys that stand twice among the marks, or twice under one kind among the rows: there must be none."""
        return self._ask(_DOUBLE_MARKS, {"most": limit}) + self._ask(_DOUBLE_ROWS, {"most": limit})

    def readings(self) -> Iterator[Reading]:
        """Every reading whose rows are stored, by device, boot and seq; made from the rows alone."""
        with self._cursor() as cursor:
            cursor.execute("SELECT device, boot, seq, ts, kind, value, text FROM readings ORDER BY device, boot, seq, kind")
            rows = (StoredValue(*row) for page in iter(lambda: cursor.fetchmany(PAGE_ROWS), []) for row in page)
            for _, of_one in groupby(rows, key=lambda row: row[:3]):
                yield reading_of(of_one)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The youngest dead letters, the youngest first."""
        return [DeadLetter(*row) for row in self._ask("SELECT * FROM dead_letters ORDER BY at_ms DESC LIMIT $most", {"most": limit})]

    def turned_away(self) -> dict[tuple[str, int], int]:
        """How many readings of a (device, boot) stand among the dead letters, each key once."""
        return {(device, boot): count for device, boot, count in self._ask(_TURNED_AWAY)}

    def has(self, keys: Sequence[Key]) -> dict[Key, int]:
        """The digests of those keys that are stored."""
        found: dict[Key, int] = {}
        for start in range(0, len(keys), PAGE_ROWS):
            wanted = _columns(keys[start : start + PAGE_ROWS], (object, np.int64, np.int64), ("device", "boot", "seq"))
            with self._cursor() as cursor:
                cursor.register("wanted", wanted)
                found |= {row[:3]: row[3] for row in cursor.execute(_HAS).fetchall()}
                cursor.unregister("wanted")
        return found

    def retain(self, before_ms: int) -> int:
        gone: dict[tuple[str, int], list[int]] = {}
        for reading in self._old(before_ms):
            account = gone.setdefault(reading.key[:2], [0, 0])
            account[0], account[1] = account[0] + 1, (account[1] + digest(reading)) & SUM_MASK
        if not gone:
            return 0
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO removed VALUES (?, ?, ?, ?, ?)", [(*key, *gone[key], before_ms) for key in sorted(gone)])
            self._db.execute("DELETE FROM readings WHERE ts < ?", [before_ms])
            self._db.execute("COMMIT")
        except duckdb.Error as error:
            self._undo()
            raise StoreFailed(f"{self.path.name}: {error}") from error
        return sum(count for count, _ in gone.values())

    def close(self) -> None:
        with self._lock, contextlib.suppress(duckdb.Error):
            self._db.close()

    def _open(self) -> None:
        settings = {"threads": THREADS, "memory_limit": MEMORY, "checkpoint_threshold": CHECKPOINT}
        self._db = duckdb.connect(str(self.path), read_only=self._is_read_only, config=settings)
        if not self._is_read_only and not self._db.execute("SELECT count(*) FROM duckdb_tables()").fetchone()[0]:
            self._db.execute("BEGIN")
            self._db.execute(_TABLES)
            self._db.execute("INSERT INTO meta VALUES ('schema', ?)", [SCHEMA])
            self._db.execute("COMMIT")
        (found,) = self._db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() or (None,)
        if found != SCHEMA:
            raise ValueError(f"schema {found}, not {SCHEMA}")
        for table in ("readings", "removed", "dead_letters"):  # marks are read to the last byte below
            self._db.execute(_TOUCH.format(table=table)).fetchall()
        self._recall()
        if not self._is_read_only:
            self._db.execute(f"SET threads = {WRITING_THREADS}")

    def _recall(self) -> None:
        """Set what is kept in memory to what stands in the file."""
        self._marks, self._latest = Marks(self.has), LatestValues()
        for device, boot, first, last, count, _ in self._db.execute(_ACCOUNTS).fetchall():
            seen = self._marks.of(device, boot)
            if count == last - first + 1:
                seen.add_run(first, last)
            else:
                for run in self._db.execute(_RUNS, [device, boot]).fetchall():
                    seen.add_run(*run)
        for device, kind, ts, value, text in self._db.execute(_LATEST).fetchall():
            said = text if isinstance(KINDS.get(kind), Text) else value
            self._latest.put(device, kind, Latest(said, ts, unit_of(kind), True))
        self._dead = self._db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]

    def _undo(self) -> None:
        """Leave the transaction; a database that DuckDB itself has given up is opened again."""
        try:
            self._db.execute("ROLLBACK")
            self._db.execute("SELECT 1")
        except duckdb.TransactionException:  # the commit had failed and has rolled back by itself
            pass
        except duckdb.Error:
            with self._lock, contextlib.suppress(duckdb.Error):
                self._db.close()
                self._open()

    def _insert_rows(self, readings: Sequence[Reading]) -> None:
        numbers, texts = [], []
        for device, boot, seq, ts, values in readings:
            for kind, value in values.items():
                if isinstance(value, str):
                    texts.append((device, boot, seq, ts, kind, 0.0, value))
                else:
                    numbers.append((device, boot, seq, ts, kind, value))
        kinds = (object, np.int64, np.int64, np.int64, object, np.float64)
        self._insert("readings", numbers, kinds, "*, ''")
        self._insert("readings", texts, (*kinds, object), "*")

    def _insert_marks(self, marks: dict[Key, int]) -> None:
        self._insert("marks", [(*key, mark) for key, mark in marks.items()], (object, np.int64, np.int64, np.uint64), "*")

    def _insert_columns(self, columns: Columns) -> None:
        reading, line = columns.rows
        names = zip(zip(*columns.line_names, strict=True), (object, np.int64, object), strict=True)
        device, boot, kind = (np.array(name, dtype)[line] for name, dtype in names)
        rows = {"a": device, "b": boot, "c": columns.seq[reading], "d": columns.ts[reading], "e": kind, "f": columns.values}
        self._append("readings", rows, "*, ''")
        if len(columns) < len(reading):
            device, boot = device[columns.first], boot[columns.first]
        self._append("marks", {"a": device, "b": boot, "c": columns.seq, "d": columns.digests}, "*")

    def _insert(self, table: str, rows: list[tuple], kinds: tuple[type, ...], columns: str) -> None:
        """Append rows as numpy columns: 1 µs a row, where a row at a time costs 500."""
        if rows:
            self._append(table, _columns(rows, kinds, [f"c{n}" for n in range(len(kinds))]), columns)

    def _append(self, table: str, batch: dict[str, np.ndarray], columns: str) -> None:
        self._db.register("batch", batch)
        self._db.execute(f"INSERT INTO {table} SELECT {columns} FROM batch")
        self._db.unregister("batch")

    def _old(self, before_ms: int) -> Iterator[Reading]:
        with self._cursor() as cursor:
            cursor.execute("SELECT * FROM readings WHERE ts < $before ORDER BY device, boot, seq, kind", {"before": before_ms})
            rows = (StoredValue(*row) for page in iter(lambda: cursor.fetchmany(PAGE_ROWS), []) for row in page)
            for _, of_one in groupby(rows, key=lambda row: row[:3]):
                yield reading_of(of_one)

    def _ask(self, query: str, words: dict[str, Any] | None = None) -> list[tuple]:
        with self._cursor() as cursor:
            return cursor.execute(query, words or {}).fetchall()

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of the caller's own: it sees what is committed and never waits for the writer."""
        with self._lock:
            cursor = self._db.cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _columns(rows: Sequence[tuple], kinds: Sequence[type], names: Sequence[str]) -> dict[str, np.ndarray]:
    return {name: np.array(column, dtype=kind) for name, kind, column in zip(names, kinds, zip(*rows, strict=True), strict=True)}


def _require_damage(path: Path, error: Exception) -> None:
    """Raise what is no damage: a file in other hands, and a disk that refuses."""
    words = str(error)
    if "lock on file" in words or "already open" in words or "Conflicting lock" in words:
        raise StoreBusy(f"{path.name} is open in another process; ask that one") from error
    if any(word in words for word in ("No space left", "Permission denied", "Read-only file system", "Too many open files")):
        raise StoreFailed(f"{path.name}: {words}") from error


def _put_aside(path: Path) -> Path:
    for number in range(1, ASIDE_MAX + 1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            break
    else:
        raise StoreFailed(f"{path.name}: {ASIDE_MAX} damaged files lie beside it")
    with contextlib.suppress(FileNotFoundError):  # the log first: without its database it is never applied to a new one
        os.replace(f"{path}.wal", f"{aside}.wal")
    os.replace(path, aside)
    return aside


_ACCOUNTS = """SELECT device, boot, min(seq), max(seq), count(*), sum(digest::HUGEINT) FROM marks
    GROUP BY device, boot ORDER BY device, boot"""
_REMOVED = "SELECT device, boot, sum(count)::BIGINT, sum(sum::HUGEINT) FROM removed GROUP BY device, boot"
_RUNS = """SELECT min(seq), max(seq) FROM (SELECT seq, seq - row_number() OVER (ORDER BY seq) AS run FROM marks
    WHERE device = ? AND boot = ?) GROUP BY run ORDER BY 1"""
_LATEST = """SELECT device, kind, max(ts), arg_max(value, ts), arg_max(text, ts) FROM readings
    GROUP BY device, kind ORDER BY device, kind"""
_TURNED_AWAY = "SELECT device, boot, count(DISTINCT seq) FROM dead_letters WHERE seq > 0 GROUP BY device, boot"
_HAS = "SELECT marks.* FROM marks JOIN wanted USING (device, boot, seq)"
_LOOKS = """SELECT ts, value, text FROM readings WHERE device = $device AND kind = $kind AND ts BETWEEN $low AND $high
    ORDER BY ts, boot, seq LIMIT $most"""
_STEPS = """SELECT $low + (ts - $low) // $step * $step AS slot, avg(value), min(value), max(value), count(*), min(ts), max(ts)
    FROM readings WHERE device = $device AND kind = $kind AND ts BETWEEN $low AND $high GROUP BY slot ORDER BY slot"""
_DOUBLE_MARKS = "SELECT device, boot, seq, count(*) FROM marks GROUP BY device, boot, seq HAVING count(*) > 1 ORDER BY ALL LIMIT $most"
_DOUBLE_ROWS = """SELECT device, boot, seq, count(*) FROM readings GROUP BY device, boot, seq, kind HAVING count(*) > 1
    ORDER BY ALL LIMIT $most"""
