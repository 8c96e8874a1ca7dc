"""Events appended and chained, beside the same lines inserted into SQLite without a chain; and how fast a journal is verified.

    append      `append_event`: canonical line, SHA-256 chain, row; `group` events in a transaction
    yardstick   json.dumps of the same body and one insert, same columns, same index, equal fsync and groups, no chain
    check       `journal.faults` over all of it, read back page by page

SQLite files with WAL and synchronous=FULL, rates a second of wall time, medians of `rounds`; rounds alternate.
"""

import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from floorwise.core import journal
from floorwise.core.adapters.ledger_sql.sqlite import CACHE_KIB, CHECKPOINT_PAGES, open_ledger, saved_heads
from floorwise.core.model.journal import Event
from floorwise.core.verify.check import rows

AT_MS = 1_323_075_600_000


def run(events: int = 20_000, group: int = 100, rounds: int = 5) -> dict[str, Any]:
    """Options: events (20000), group (100) in a transaction, rounds (5)."""
    appended, plain, checked = [], [], []
    with tempfile.TemporaryDirectory() as root:
        for turn in range(rounds):
            plain.append(_plain(Path(root) / f"plain{turn}", events, group))
            append, check = _chained(Path(root) / f"chained{turn}", events, group)
            appended.append(append)
            checked.append(check)
    rate = {name: round(statistics.median(seen)) for name, seen in (("append", appended), ("plain", plain), ("check", checked))}
    return {
        "name": "journal",
        "figures": {"events_s": rate["append"], "checked_s": rate["check"], "events": events, "group": group, "rounds": rounds},
        "yardstick": {"what": "sqlite3 insert of the same bodies, no chain, equal fsync and groups", "events_s": rate["plain"]},
        "ratio": round(statistics.median(a / b for a, b in zip(appended, plain, strict=True)), 2),
    }


def _body(number: int) -> dict[str, Any]:
    """A pick, the most frequent event of a day."""
    return {
        "tour": f"T{number // 20:08}", "number": number % 20, "order_id": f"O{number // 3:08}", "line": 1, "sku": "S0001", "lot": "",
        "place": "A01-012-0", "quantity": 2, "tote": f"tote:O{number // 3:08}.1", "picker": "ann", "done_at_ms": AT_MS + number,
    }  # fmt: skip


def _chained(folder: Path, count: int, group: int) -> tuple[float, float]:
    ledger = open_ledger(folder)
    bodies = [_body(number) for number in range(count)]
    began = time.perf_counter()
    for number, body in enumerate(bodies, 1):
        if number % group == 1 or group == 1:
            ledger.savepoint()
        ledger.append_event("PickConfirmed", AT_MS + number, body)
        if number % group == 0:
            ledger.commit()
    ledger.commit()
    middle = time.perf_counter()
    faults = list(journal.faults(rows(ledger, Event), saved_heads(folder)))
    ended = time.perf_counter()
    assert not faults and ledger.head[0] == count
    ledger.close()
    return count / (middle - began), count / (ended - middle)


def _plain(folder: Path, count: int, group: int) -> float:
    folder.mkdir()
    connection = sqlite3.connect(folder / "plain.sqlite", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE event "
        "(number INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, at_ms BIGINT NOT NULL, line TEXT NOT NULL, head TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX event_by_kind ON event (kind, number)")
    bodies, run = [_body(number) for number in range(count)], connection.cursor().execute
    began = time.perf_counter()
    for number, body in enumerate(bodies, 1):
        if number % group == 1 or group == 1:
            run("BEGIN IMMEDIATE")
        run("INSERT INTO event VALUES (?, ?, ?, ?, ?)", (number, "PickConfirmed", AT_MS + number, json.dumps(body), "0" * 64))
        if number % group == 0:
            run("COMMIT")
    if connection.in_transaction:
        run("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return count / took
