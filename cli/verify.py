"""`floorwise verify [--data DIR]`: every invariant, recomputed over what a data directory holds."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import Json, fail, progress, result

DATA = Path("data")


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
        fail(str(error))
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
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("check")
    table.add_column("seen", justify="right")
    table.add_column("")
    table.add_column("where it does not hold", overflow="fold")
    for check in checks:
        table.add_row(check.name, f"{check.seen:,}", "ok" if check.ok else "VIOLATED", check.detail)
    console = Console(markup=False, highlight=False)  # keys hold brackets
    with console.capture() as shown:
        console.print(table)
    return shown.get().rstrip()
