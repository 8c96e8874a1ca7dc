"""Gathers what I1 is checked from: a data directory's readings store and the spools of the agents that lie beside it."""

import contextlib
import json
import sqlite3
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from floorwise.core.errors import Damaged, NotFound
from floorwise.core.verify import readings
from floorwise.core.verify.check import Check
from floorwise.core.verify.readings import DROPS, Pending, SpoolAccount
from floorwise.edge.spool import read_ledger

if TYPE_CHECKING:
    from floorwise.core.adapters.store_duckdb import DuckStore

STORE = "readings.duckdb"
SPOOLS = ("*.spool", "spool-*.sqlite", "*/*.spool", "*/spool-*.sqlite")  # below the data directory
TOLD = 5  # double keys that are named


def readings_checks(data: Path, store: "DuckStore | None" = None) -> list[Check]:
    """The checks of I1 for a data directory; none where it holds neither store nor spools.

    store   the open store, when the caller owns it; else the file is opened for reading. While a gateway owns it the check says so and has
            seen nothing: ask the gateway, or stop it.
    Agents and intake should rest: what arrives between the looks at spool and store would look like a difference.
    """
    spools = sorted({path for pattern in SPOOLS for path in data.glob(pattern)})
    if store is not None:
        return _checks(store, spools)
    if not (data / STORE).is_file() and not spools:
        return []
    from floorwise.core.adapters.store_duckdb import DuckStore, StoreBusy  # a twin's directory is verified where no DuckDB is installed

    try:
        with contextlib.closing(DuckStore(data / STORE, read_only=True)) as opened:
            return _checks(opened, spools)
    except StoreBusy as error:
        return [Check("I1 readings", True, 0, f"not looked at: {error}")]
    except NotFound as error:
        lost = sum(account.count for path in spools for account in read_ledger(path))
        return [Check("I1 readings", not lost, 0, f"{error}, and spools have accepted {lost} readings")]
    except (Damaged, sqlite3.DatabaseError) as error:
        return [Check("I1 readings", False, 0, str(error))]


def _checks(store: "DuckStore", spools: list[Path]) -> list[Check]:
    pending = [one for path in spools for one in _pending(path)]
    held = store.has([one.key for one in pending])
    accounts: list[SpoolAccount] = []
    for path in spools:
        untold = _untold(path, held)
        for one in read_ledger(path):
            dropped = one.dropped, one.dropped_sum, untold.get((one.device, one.boot), 0)
            accounts.append(SpoolAccount(one.device, one.boot, one.count, one.sum, *dropped))
    rows = readings.read_rows(store.readings())
    found = readings.checks(store.accounts(), rows, store.doubles(TOLD), accounts, pending, held, store.turned_away())
    aside = sorted(path.name for path in store.path.parent.glob(f"{store.path.name}.damaged-*") if path.suffix != ".wal")
    if aside:
        found[0] = found[0]._replace(detail="; ".join(filter(None, (found[0].detail, f"set aside as damaged: {', '.join(aside)}"))))
    return found


def _pending(path: Path) -> list[Pending]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT device, boot, seq, digest FROM entries").fetchall()
    return [Pending((device, boot, seq), mark % 2**64) for device, boot, seq, mark in rows]


def _untold(path: Path, held: Container[tuple[str, int, int]]) -> dict[tuple[str, int], int]:
    """Readings that were dropped and whose gap reading is still to be made or to be stored, by stream."""
    found: dict[tuple[str, int], int] = {}
    with contextlib.closing(sqlite3.connect(path)) as db:
        for device, boot, count in db.execute(f"SELECT device, boot, count FROM gaps WHERE reason IN {DROPS}"):
            found[device, boot] = found.get((device, boot), 0) + count
        waiting = db.execute("SELECT device, boot, seq, body FROM entries WHERE custody = 1 AND body LIKE '%gap_reason%'").fetchall()
    for *key, body in waiting:
        values = json.loads(body)
        if tuple(key) not in held and values.get("gap_reason") in DROPS:
            about = values["about"], int(values["gap_boot"])
            found[about] = found.get(about, 0) + int(values["gap_count"])
    return found
