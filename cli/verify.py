"""`floorwise verify [--data DIR]`: every invariant, recomputed over what a data directory holds."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import Json, fail, progress, result

DATA = Path("data")
NO_LEDGER = "name the directory that demo, up, replay, twin or execute was given with --data (a replay tells its own as `data`)"

# What each check says in plain words; docs/reference/invariants.md says how it is computed.
WORDS = {
    "I1 spools and store": "every reading that an agent accepted is stored, or known to wait or to be given up",
    "I1 rows and marks": "no stored reading was lost, changed or added",
    "I1 no key twice": "no reading is stored twice",
    "I1 drops told": "readings that were given up are told of",
    "I1 excursions = journal": "what was too warm or too cold, and what was exposed, is as it was told",
    "I2 moves": "no stock move is missing",
    "I2 balance = moves": "stock is what all moves together say",
    "I2 sum zero": "no unit appears or vanishes between two places",
    "I2 on hand": "no place holds less than nothing, or less than is bound there",
    "I2 bound to picks": "what is bound in a bin is what somebody walks for",
    "I2 pool = sellable stock": "what may be promised is what lies there for sale",
    "I2 pool = promises": "nothing is sold twice",
    "I2 nobody waits for free units": "no customer waits for units that are free",
    "I2 serials": "each serial number is in one place, the one it is filed at",
    "I2 handling units": "each pallet, case, tote and parcel stands in one place that is there",
    "I3 buckets": "each ordered unit is in exactly one state",
    "I3 children = line": "orders agree with the walks, parcels and returns made of them",
    "I3 refunds": "nobody got back more than was paid",
    "I3 orders": "each order has its lines, and stands there once",
    "I3 parked or accepted": "a row waits for a person or is an order line, never both",
    "I3 idempotency keys": "what was answered once is kept as it was answered",
    "I3 picks": "each pick was confirmed once at most, with what was moved",
    "I3 tours": "each tour is as far as its picks are",
    "I3 parts": "each part is as far as its tour and its picks are",
    "I3 picks of a part = its lines": "walks were planned for exactly what was ordered",
    "I3 paths in the journal": "everything went from state to state as it may",
    "I3 states = journal": "everything is in the state that was told last",
    "I3 parcels = journal and scans": "each parcel is where its scans say",
    "I3 lines = journal": "order lines are as they were told, unit for unit",
    "I3 replacements = lost": "what replaces lost units is what was lost",
    "I4 cursors": "nobody who follows the journal is ahead of it",
    "I4 labels": "each parcel's label was bought once",
    "I4 buying": "nothing is on order twice",
    "I5 journal": "the journal was not changed, and not cut at a place that was saved elsewhere",
    "I6 liveness": "nothing that floorwise owes waits for too long",
    "storage": "the files can be read to their end",
}


def command(
    data: Annotated[Path, typer.Option("--data", "-d", help="Data directory: the one that holds ledger.sqlite.")] = DATA,
    as_json: Json = False,
) -> None:
    """Recompute every invariant of readings, stock, orders, outbox and journal; exit 1 when one does not hold."""
    import gc
    import sqlite3

    from floorwise.core.adapters.ledger_sql.sqlite import saved_heads, snapshot
    from floorwise.core.errors import NotFound
    from floorwise.core.verify.all_checks import verify
    from floorwise.core.verify.check import Check
    from floorwise.gateway.proof import readings_checks

    gc.disable()  # a third of the time would go into looking for cycles among millions of rows that have none
    heads = list(saved_heads(data))  # before the snapshot: a head saved after it would look like a journal cut short
    try:
        ledger = snapshot(data)
    except NotFound as error:
        fail(str(error), NO_LEDGER)
    try:
        with progress("verify", unit="events") as shown:
            checks = verify(ledger, heads, shown.advance) + readings_checks(data)
    except (sqlite3.DatabaseError, ValueError, OverflowError) as error:
        checks = [Check("storage", False, 0, f"{data} cannot be read to its end: {error}")]
    finally:
        ledger.close()
    ok = all(check.ok for check in checks)
    result({"ok": ok, "checks": [check._asdict() for check in checks]}, as_json, None if as_json else _table(checks))
    if not ok:
        raise typer.Exit(1)


def _table(checks: list) -> str:
    """A line a check, and below a violated one the places where it does not hold."""
    seen = max(len(f"{check.seen:,}") for check in checks)
    name = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        state = "ok" if check.ok else "VIOLATED"
        lines.append(f"{state:<8}  {check.seen:>{seen},} seen  {check.name:<{name}}  {WORDS.get(check.name, '')}".rstrip())
        if not check.ok:
            lines.append(f"          {check.detail}")
    return "\n".join([*lines, "", closing(checks)])


def closing(checks: list) -> str:
    """One sentence that says how it is."""
    broken = [check.name for check in checks if not check.ok]
    if broken:
        what = f"{len(broken)} of {len(checks)} checks {'does' if len(broken) == 1 else 'do'} not hold: {', '.join(broken)}"
        return f"{what}. What each means stands in docs/reference/invariants.md."
    seen = sum(check.seen for check in checks)
    return f"Everything holds: {len(checks)} checks looked at {seen:,} things; nothing is lost, doubled or changed."
