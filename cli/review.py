"""`floorwise review`: the rows that wait for a person."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import Json, fail, note, result
from floorwise.cli.verify import NO_LEDGER


def command(
    data: Annotated[Path, typer.Option(help="Data directory of a replay or a running floor.")],
    reason: Annotated[str, typer.Option(help="Only rows parked for this reason, such as unknown_sku.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows shown at most.")] = 1_000,
    as_json: Json = False,
) -> None:
    """List parked rows: where each stands, which column is wrong, why, and what it says.

    `row` counts data rows from 1: in a file with a header it stands on line row + 1.
    """
    from collections import Counter

    from floorwise.core.adapters.ledger_sql.sqlite import LEDGER_FILE, open_ledger
    from floorwise.core.model.journal import Review

    if not (data / LEDGER_FILE).is_file():
        fail(f"{data} has no ledger ({LEDGER_FILE})", NO_LEDGER)
    ledger = open_ledger(data)
    rows = ledger.find(Review, "by_reason", reason) if reason else [row for row in ledger.find(Review, "key") if not row.order_id]
    if reason and not rows:
        there = sorted({row.reason for row in ledger.find(Review, "key") if not row.order_id})
        note(f"no row waits for reason {reason!r}; reasons here: {', '.join(there) or 'none, no row waits at all'}")
    ledger.close()
    shown = [
        {"source": row.source, "row": row.row, "column": row.column, "reason": row.reason, "text": row.text, "at_ms": row.at_ms}
        for row in sorted(rows)[:limit]
    ]
    told = {"rows": len(rows), "by_reason": dict(sorted(Counter(row.reason for row in rows).items())), "review": shown}
    result(told, as_json, None if as_json else _text(told))


def _text(told: dict) -> str:
    lines = [f"{told['rows']} rows wait for a person: " + (", ".join(f"{n} {name}" for name, n in told["by_reason"].items()) or "none")]
    for row in told["review"]:
        where = f"{row['source']} row {row['row']}" + (f", column {row['column']}" if row["column"] else "")
        lines.append(f"{where}: {row['reason']}: {row['text']}")
    return "\n".join(lines)
