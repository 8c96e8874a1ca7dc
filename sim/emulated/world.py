"""The physical world of the emulated floor: what really lies where, whatever the books say.

One SQLite file of its own. Whatever happens (a hand takes units, a device looks) is written here first, together with what is to be
told about it; it is told only after the commit, and told again until the other side has it. So a kill at any moment loses
nothing that was told and does nothing twice: an act has a name and happens once.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

WORLD_FILE = "world.sqlite"
SCHEMA = """
create table if not exists lies (place text, sku text, units integer not null, primary key (place, sku)) without rowid;
create table if not exists act (name text primary key, at_ms integer not null, told text not null) without rowid;
create table if not exists note (name text primary key, value text not null) without rowid;
create table if not exists device (device text primary key, boot integer not null, seq integer not null) without rowid;
create table if not exists kept (device text, boot integer, seq integer, topic text, ts integer, body text,
                                 primary key (device, boot, seq)) without rowid;
create table if not exists errand (number integer primary key, lane text, path text, key text, body text);
"""


class Kept(NamedTuple):
    """Something a device said and has to say again until it is acknowledged."""

    device: str
    boot: int
    seq: int
    topic: str  # the last level: readings, scan, confirm
    ts: int  # floor time
    body: str  # JSON: values of a reading, or the whole payload of a confirmation


class Errand(NamedTuple):
    """Something a person has done and tells over HTTP; those of one lane are told in their order."""

    number: int
    lane: str
    path: str
    key: str
    body: str


class World:
    """Units at places, acts that happened, and what is still to be told. For one thread; nothing is durable before `commit`."""

    def __init__(self, directory: Path | None) -> None:
        """The world of a directory, as its last commit left it; None keeps it in memory."""
        self._db = sqlite3.connect(directory / WORLD_FILE if directory else ":memory:", isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.executescript(SCHEMA)
        self._db.execute("begin")
        self._fresh_kept: list[Kept] = []
        self._fresh_errands: list[Errand] = []
        self._is_changed = False

    def close(self) -> None:
        """Save and let go."""
        self.commit()
        self._db.execute("rollback")
        self._db.close()

    def commit(self) -> tuple[list[Kept], list[Errand]]:
        """Make everything durable; give what has to be told about it."""
        if self._is_changed:
            self._db.execute("commit")
            self._db.execute("begin")
            self._is_changed = False
        told = self._fresh_kept, self._fresh_errands
        self._fresh_kept, self._fresh_errands = [], []
        return told

    # units

    def units(self, place: str, sku: str) -> int:
        """How many really lie there."""
        row = self._db.execute("select units from lies where place = ? and sku = ?", (place, sku)).fetchone()
        return row[0] if row else 0

    def at(self, place: str) -> dict[str, int]:
        """All that lies at a place, by SKU."""
        return dict(self._db.execute("select sku, units from lies where place = ? and units > 0 order by sku", (place,)).fetchall())

    def move(self, sku: str, units: int, source: str, target: str) -> int:
        """Carry up to `units` from one place to another; "" is the world outside. Give how many there were to carry."""
        if source:
            units = min(units, self.units(source, sku))
        if units <= 0:
            return 0
        for place, change in ((source, -units), (target, units)):
            if place:
                self._write(
                    "insert into lies values (?, ?, ?) on conflict (place, sku) do update set units = units + excluded.units",
                    (place, sku, change),
                )
        if source:
            self._write("delete from lies where place = ? and sku = ? and units = 0", (source, sku))
        return units

    # acts

    def happened(self, name: str) -> dict[str, Any] | None:
        """What is known of an act; None when it has not happened."""
        row = self._db.execute("select at_ms, told from act where name = ?", (name,)).fetchone()
        return {"at_ms": row[0]} | json.loads(row[1]) if row else None

    def happen(self, name: str, at_ms: int, **told: Any) -> None:
        """Note that this act has happened; a second time is a mistake of the caller."""
        self._write("insert into act values (?, ?, ?)", (name, at_ms, json.dumps(told)))

    def acts(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Acts whose name begins so, in order of name."""
        rows = self._db.execute("select name, at_ms, told from act where name >= ? and name < ? order by name", (prefix, prefix + "\uffff"))
        for name, at_ms, told in rows.fetchall():
            yield name, {"at_ms": at_ms} | json.loads(told)

    def forget(self, prefix: str) -> None:
        """Acts that nobody will ask for any more."""
        self._write("delete from act where name >= ? and name < ?", (prefix, prefix + "\uffff"))

    # notes

    def note(self, name: str, default: Any = None) -> Any:
        """What was noted last under a name."""
        row = self._db.execute("select value from note where name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else default

    def set_note(self, name: str, value: Any) -> None:
        """Remember a value under a name."""
        self._write("insert into note values (?, ?) on conflict (name) do update set value = excluded.value", (name, json.dumps(value)))

    # what devices say

    def boot(self, device: str) -> int:
        """Start a device: a boot greater than any before, counting from 1."""
        self._write(
            "insert into device values (?, 1, 0) on conflict (device) do update set boot = boot + 1, seq = 0",
            (device,),
        )
        return self._db.execute("select boot from device where device = ?", (device,)).fetchone()[0]

    def say(self, device: str, topic: str, ts: int, values: dict[str, Any]) -> Kept:
        """Have a device say something; it goes out after the commit. A confirmation gets its envelope here."""
        self._write("update device set seq = seq + 1 where device = ?", (device,))
        boot, seq = self._db.execute("select boot, seq from device where device = ?", (device,)).fetchone()
        body = values | {"device": device, "boot": boot, "seq": seq, "ts": ts} if topic == "confirm" else values
        kept = Kept(device, boot, seq, topic, ts, json.dumps(body, sort_keys=True, separators=(",", ":")))
        self._write("insert into kept values (?, ?, ?, ?, ?, ?)", kept)
        self._fresh_kept.append(kept)
        return kept

    def kept(self, topic: str = "") -> list[Kept]:
        """All that devices still keep, or all of one topic, in the order in which each said it."""
        rows = self._db.execute("select * from kept where ? in ('', topic) order by device, boot, seq", (topic,))
        return [Kept(*row) for row in rows.fetchall()]

    def release(self, keys: list[tuple[str, int, int]]) -> None:
        """What the other side has: its device may forget it."""
        if keys:
            self._is_changed = True
            self._db.executemany("delete from kept where device = ? and boot = ? and seq = ?", keys)

    # what people tell

    def send(self, lane: str, path: str, key: str, body: dict[str, Any]) -> None:
        """Have something told over HTTP after the commit, once, under this idempotency key."""
        text = json.dumps(body)
        number = self._write("insert into errand (lane, path, key, body) values (?, ?, ?, ?)", (lane, path, key, text))
        self._fresh_errands.append(Errand(number, lane, path, key, text))

    def errands(self) -> list[Errand]:
        """All that is still to be told, oldest first."""
        return [Errand(*row) for row in self._db.execute("select number, lane, path, key, body from errand order by number")]

    def done(self, errand: Errand) -> None:
        """It was told and answered."""
        self._write("delete from errand where number = ?", (errand.number,))

    def _write(self, statement: str, values: tuple) -> int:
        self._is_changed = True
        return self._db.execute(statement, values).lastrowid or 0
