"""Readings that are safe on this machine until the other side says that they are safe there.

`accept` makes a group of readings durable in one SQLite transaction (WAL, synchronous=FULL); `take` gives them in order to the
uplink; `forget` removes them, and only an application ack may call it. A stream is the readings of one (device, boot): its
`StreamLedger` stays for ever, so that anyone can later prove that nothing was lost or doubled on the way (PROOF I1).

Bounds and what happens at them:
    telemetry   Bounds.telemetry entries: every second of the oldest that was not yet offered to the uplink is dropped, then again
    custody     Bounds.custody entries: new ones are refused, their sender keeps them
    file        Bounds.file_bytes: nothing is accepted, SpoolFull
Every drop is counted in its stream, with its digest, and told upstream by a gap reading of the agent's own stream.

Not thread-safe; the agent calls it from one thread. A group of 1 costs a whole fsync: gather before you call.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from floorwise.core.errors import FloorError
from floorwise.core.failpoints import reach
from floorwise.core.model.readings import SUM_MASK, Reading, Refusal, digest, encode_values
from floorwise.edge.spool_file import (
    INSERT_ENTRY,
    SAVE_STREAM,
    STREAM_COLUMNS,
    entry_reading,
    load_stream,
    meta,
    open_spool,
    signed,
    stream_of,
    stream_row,
    unsigned,
)
from floorwise.edge.streams import Stream

GROUP_READINGS = 5_000  # readings in one transaction at most
THIN_BLOCK = 2_000  # entries looked at in one step of thinning
RECENT_DIGESTS = 8_192  # at least so far back the same key with other content is noticed
STREAMS_CACHED = 20_000  # streams in memory; others are read again when their device speaks
OFFER_AHEAD = 2_000  # places marked as offered in advance, so that not every message costs an fsync


class SpoolFull(FloorError):
    """The file has reached its bound, or the disk is full or failing; nothing of the group was accepted."""


class Verdict(IntEnum):
    """What became of a reading that was handed in."""

    ACCEPTED = 0  # durable, will be told upstream
    SKIPPED = 1  # filtered out before the spool, remembered as seen
    DUPLICATE = 2  # was accepted, skipped, dropped or given up before: the sender may forget it
    REFUSED = 3  # no room: the sender keeps it and tries again
    CONFLICT = 4  # same key, other content: the first one stays, this one is for a person to see


class Bounds(NamedTuple):
    """How much a spool may hold."""

    telemetry: int = 1_000_000
    custody: int = 100_000
    file_bytes: int = 512 * 1024 * 1024


class Item(NamedTuple):
    """A reading on its way in. Custody is what must never be thinned: scans, alarms, births, gaps."""

    reading: Reading
    custody: bool = False
    skip: bool = False  # remember the key as seen, keep nothing
    heard: int | None = None  # digest of what the device said, where a filter has changed it since


class Entry(NamedTuple):
    """A reading that waits for its ack; `place` is where it stands in the spool."""

    place: int
    reading: Reading


class StreamLedger(NamedTuple):
    """All that one (device, boot) ever gave. Stored upstream = count - dropped - still pending; sums mod 2^64 likewise."""

    device: str
    boot: int
    first: int
    last: int
    count: int
    sum: int
    skipped: int  # filtered out before the spool
    dropped: int  # accepted, then thinned, found damaged, or refused for good upstream
    dropped_sum: int
    duplicates: int
    refused: int  # turned away for want of room, each time counted
    given_up: int  # in holes too many to remember
    missing: int  # between first and last, never seen, still welcome
    pending: int
    pending_sum: int


class Spool:
    """An open spool. `boot` is the agent's own boot number, greater at each opening; `aside` is where a damaged file went."""

    def __init__(self, path: Path, agent: str, now_ms: int, bounds: Bounds | None = None) -> None:
        self.path, self.agent, self.bounds = Path(path), agent, bounds or Bounds()
        self._db, self.boot, self.aside, self.salvaged = open_spool(self.path, now_ms, self.bounds.file_bytes)
        self._forgotten: list[int] = []
        self._thinned_to = 0
        self._recall()

    def accept(self, items: Sequence[Item]) -> list[Verdict]:
        """Decide each item and make the accepted ones durable; when this returns they may be acknowledged.

        Raises SpoolFull, with nothing accepted, when the file or the disk has no room or the disk fails.
        """
        return self._group(items, ())

    def own(self, now_ms: int, *values: dict[str, float | str]) -> None:
        """Accept readings of the agent itself (alarms, births) into its own stream."""
        last = self._stream(self.agent, self.boot).last
        self.accept([Item(Reading(self.agent, self.boot, last + n, now_ms, one), custody=True) for n, one in enumerate(values, 1)])

    def take(self, after: int, limit: int, custody: bool) -> list[Entry]:
        """Return the next entries of a lane behind place `after`, oldest first.

        What was returned may get to the other side, so it is never thinned any more. An entry whose bytes no longer give its
        digest is dropped and counted, never sent.
        """
        lane = "IS 1" if custody else "IS NOT 1"  # so that an entry whose mark is damaged still leaves by one of the two
        query = f"SELECT id, device, boot, seq, ts, body, digest FROM entries WHERE custody {lane} AND id > ? ORDER BY id LIMIT ?"
        entries, damaged = [], []
        for place, *row in self._db.execute(query, (after, limit)).fetchall():
            reading = entry_reading(*row)
            damaged.append(place) if reading is None else entries.append(Entry(place, reading))
        if damaged:
            self.drop(damaged, "damaged")
        if entries and not custody and entries[-1].place > self._offered:
            try:
                self._db.execute("UPDATE meta SET value = ? WHERE name = 'offered'", (entries[-1].place + OFFER_AHEAD,))
            except sqlite3.OperationalError as error:
                raise SpoolFull(f"{self.path.name}: {error}") from error
            self._offered = entries[-1].place + OFFER_AHEAD  # durable before anything is sent
        return entries

    def forget(self, places: Iterable[int]) -> None:
        """Remove entries that are durable upstream. Written with the next group; a crash before that only causes a repeat."""
        self._forgotten.extend(places)
        if len(self._forgotten) >= GROUP_READINGS:
            self.accept(())

    def drop(self, places: Sequence[int], reason: str) -> None:
        """Give entries up and count them. `reason` is told upstream, unless it is "dead_letter": then upstream told us."""
        self._group((), [row for place in places for row in self._db.execute(_DROPPED + "WHERE id = ?", (place,))], reason)

    def note_unreadable(self, refusals: Sequence[Refusal]) -> None:
        """Have it told upstream that these readings came and made no sense; they were never accepted."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for one in refusals:
                self._db.execute(_ADD_GAP, (one.device, one.boot, "unreadable", one.seq, one.seq, 1))
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise SpoolFull(f"{self.path.name}: {error}") from error

    def flush(self, now_ms: int) -> None:
        """Write what was forgotten and turn counted drops into gap readings. Call when idle and when the link is back."""
        room = max(0, min(GROUP_READINGS, self.bounds.custody - self._held[True]))
        gaps = self._db.execute("SELECT * FROM gaps ORDER BY device, boot, reason LIMIT ?", (room,)).fetchall()
        last, items = self._stream(self.agent, self.boot).last, []
        for number, (device, boot, reason, low, high, count) in enumerate(gaps, 1):
            values = {"about": device, "gap_reason": reason, "gap_boot": float(boot), "gap_count": float(count)}
            values |= {"gap_first": float(low), "gap_last": float(high)}
            items.append(Item(Reading(self.agent, self.boot, last + number, now_ms, values), custody=True))
        if items or self._forgotten:
            self._group(items, (), told=[gap[:3] for gap in gaps])

    @property
    def pending(self) -> int:
        """Entries that still wait for their ack."""
        return self._held[False] + self._held[True] - len(self._forgotten)

    @property
    def damaged_files(self) -> int:
        """How many spool files were ever put aside here."""
        return meta(self._db, "damaged")

    def ledger(self) -> list[StreamLedger]:
        """Return the account of every stream, ordered by device and boot."""
        if self._forgotten:
            self.accept(())
        return _ledger(self._db)

    def close(self) -> None:
        """Write what was forgotten and close the file."""
        try:
            if self._forgotten:
                self.accept(())
        finally:
            self._db.close()

    def _group(
        self, items: Sequence[Item], dropped: Sequence[tuple], reason: str = "", told: Sequence[tuple[str, int, str]] = ()
    ) -> list[Verdict]:
        """One durable transaction: forget, drop, make room, accept."""
        if len(items) > GROUP_READINGS:
            raise ValueError(f"{len(items)} readings in one group; at most {GROUP_READINGS}")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._remove(self._forgotten)
            self._db.executemany("DELETE FROM gaps WHERE device = ? AND boot = ? AND reason = ?", told)
            self._drop(dropped, reason)
            verdicts = self._write(items)
            reach("spool_before_commit")
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:  # anything else means a damaged file: the agent ends, and its next start mends
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._recall()
            raise SpoolFull(f"{self.path.name}: {error}") from error
        self._forgotten.clear()
        if len(self._streams) > STREAMS_CACHED:
            self._streams.clear()
        reach("spool_after_commit")
        return verdicts

    def _write(self, items: Sequence[Item]) -> list[Verdict]:
        coming = sum(1 for item in items if not item.custody and not item.skip)
        while self._held[False] + coming > self.bounds.telemetry and self._thin():
            pass
        rows, verdicts, touched = [], [], set()
        for item in items:
            reading, bound = item.reading, self.bounds.custody if item.custody else self.bounds.telemetry
            stream = self._stream(reading.device, reading.boot)
            touched.add(stream.key)
            mark = digest(reading)
            verdict = self._decide(stream, item, mark, has_room=self._held[item.custody] < bound)
            verdicts.append(verdict)
            if verdict is Verdict.ACCEPTED:
                rows.append((self._next, *reading.key, reading.ts, int(item.custody), encode_values(reading.values), signed(mark)))
                self._next += 1
                self._held[item.custody] += 1
        self._db.executemany(INSERT_ENTRY, rows)
        self._save(touched)
        return verdicts

    def _decide(self, stream: Stream, item: Item, mark: int, has_room: bool) -> Verdict:
        key, seq = item.reading.key, item.reading.seq
        mark_heard = mark if item.heard is None else item.heard
        if stream.has(seq):
            stream.duplicates += 1
            before = self._recent.get(key) or self._older.get(key, mark_heard)
            return Verdict.DUPLICATE if before == mark_heard else Verdict.CONFLICT
        if not item.skip and not has_room:
            stream.refused += 1
            return Verdict.REFUSED
        if hole := stream.see(seq):
            self._tell_gap(stream, "too_many_holes", hole[0], hole[1], hole[1] - hole[0] + 1)
        self._recent[key] = mark_heard
        if len(self._recent) >= RECENT_DIGESTS:  # two generations: deleting a dict's first key again and again is slow
            self._older, self._recent = self._recent, {}
        if item.skip:
            stream.skipped += 1
            return Verdict.SKIPPED
        stream.add(mark)
        return Verdict.ACCEPTED

    def _thin(self) -> bool:
        """Drop every second entry, stream by stream, of the next block of telemetry; False when a whole sweep frees nothing."""
        for _ in range(2):  # the second time from the oldest again
            start = max(self._thinned_to, self._offered)
            while block := self._db.execute(_OLDEST_TELEMETRY, (start, THIN_BLOCK)).fetchall():
                start = self._thinned_to = block[-1][0]
                turn: dict[tuple[str, int], int] = {}
                odd = []
                for row in block:
                    turn[row[1:3]] = turn.get(row[1:3], 0) + 1
                    if turn[row[1:3]] % 2 == 0:
                        odd.append(row)
                if odd:
                    self._drop(odd, "thinned")
                    return True
            self._thinned_to = 0
        return False

    def _drop(self, rows: Sequence[tuple], reason: str) -> None:
        if not rows:
            return
        touched: dict[tuple[str, int], list[int]] = {}
        for _, device, boot, seq, mark, _ in map(_mended, rows):
            stream = self._stream(device, boot)
            stream.take_off(unsigned(mark))
            touched.setdefault(stream.key, []).append(seq)
        self._remove([row[0] for row in rows])
        if reason != "dead_letter":
            for key, seqs in touched.items():
                self._tell_gap(self._stream(*key), reason, min(seqs), max(seqs), len(seqs))
        self._save(touched)

    def _tell_gap(self, stream: Stream, reason: str, first: int, last: int, count: int) -> None:
        self._db.execute(_ADD_GAP, (stream.device, stream.boot, reason, first, last, count))

    def _remove(self, places: Sequence[int]) -> None:
        runs: list[list[int]] = []
        for place in sorted(places):
            if runs and place <= runs[-1][1] + 1:
                runs[-1][1] = place
            else:
                runs.append([place, place])
        for run in runs:  # acks come in runs: one statement for hundreds of entries
            for (custody,) in self._db.execute("DELETE FROM entries WHERE id BETWEEN ? AND ? RETURNING custody", run).fetchall():
                self._held[custody == 1] -= 1

    def _save(self, keys: Iterable[tuple[str, int]]) -> None:
        self._db.executemany(SAVE_STREAM, [stream_row(self._streams[key]) for key in sorted(keys)])

    def _stream(self, device: str, boot: int) -> Stream:
        stream = self._streams.get((device, boot))
        if stream is None:
            stream = self._streams[device, boot] = load_stream(self._db, device, boot)
        return stream

    def _recall(self) -> None:
        """Set what is kept in memory to what stands in the file."""
        self._streams: dict[tuple[str, int], Stream] = {}
        self._recent: dict[tuple[str, int, int], int] = {}
        self._older: dict[tuple[str, int, int], int] = {}
        self._offered = meta(self._db, "offered")
        every, custody = self._db.execute("SELECT count(*), count(*) FILTER (WHERE custody IS 1) FROM entries").fetchone()
        self._held = {False: every - custody, True: custody}
        self._next = max(self._db.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0], self._offered) + 1


def read_ledger(path: Path) -> list[StreamLedger]:
    """Return the accounts in the spool of an agent that is not running. Raises sqlite3.DatabaseError when it is damaged."""
    db = sqlite3.connect(path)
    try:
        return _ledger(db)
    finally:
        db.close()


def _ledger(db: sqlite3.Connection) -> list[StreamLedger]:
    waiting: dict[tuple[str, int], list[int]] = {}
    for device, boot, mark in db.execute("SELECT device, boot, digest FROM entries"):
        held = waiting.setdefault((device, boot), [0, 0])
        held[0], held[1] = held[0] + 1, (held[1] + mark) & SUM_MASK
    found = []
    for row in db.execute(f"SELECT {STREAM_COLUMNS} FROM streams ORDER BY device, boot"):
        s = stream_of(row)
        missing = sum(high - low + 1 for low, high in s.missing)
        accounts = (s.first, s.last, s.count, s.sum, s.skipped, s.dropped, s.dropped_sum, s.duplicates, s.refused, s.given_up, missing)
        found.append(StreamLedger(s.device, s.boot, *accounts, *waiting.get(s.key, (0, 0))))
    return found


def _mended(row: tuple) -> tuple:
    """A row to be dropped, with what damage has made of its columns replaced by something that can be counted."""
    place, device, boot, seq, mark, custody = row
    if isinstance(device, str) and all(isinstance(one, int) for one in (boot, seq, mark)):
        return row
    return place, "unknown", 0, 0, mark if isinstance(mark, int) else 0, custody


_DROPPED = "SELECT id, device, boot, seq, digest, custody FROM entries "
_OLDEST_TELEMETRY = _DROPPED + "WHERE custody IS NOT 1 AND id > ? ORDER BY id LIMIT ?"
_ADD_GAP = """INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (device, boot, reason) DO UPDATE SET
    first = min(first, excluded.first), last = max(last, excluded.last), count = count + excluded.count"""
