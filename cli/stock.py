"""`floorwise stock --data DIR`: what lies where, now or at any past time."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from floorwise.cli.output import Json, fail, result

COLUMNS = ("place", "location", "sku", "lot", "serial", "owner", "status", "on_hand", "reserved")


def command(
    data: Annotated[Path, typer.Option("--data", help="Data directory of the ledger.")],
    sku: Annotated[str, typer.Option("--sku", help="This SKU only.")] = "",
    place: Annotated[str, typer.Option("--place", help="This bin, unit or virtual place, and what stands in it.")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="A past moment: ISO 8601 (site time without an offset) or UTC ms.")] = "",
    as_json: Json = False,
) -> None:
    """Show stock as the balances say, or at a past moment by adding up the moves until then.

    Without --place: bins, handling units (also on the way to customers) and differences that wait to be settled.
    """
    from floorwise.core import position
    from floorwise.core.adapters.ledger_sql.sqlite import snapshot

    ledger = snapshot(data)
    try:
        if as_of:
            at_ms = moment(as_of, ledger)
            found = position.stock_at(ledger, at_ms, sku, place)
        else:
            at_ms, found = 0, position.stock_now(ledger, sku, place)
        weights = [] if as_of else position.weighed(ledger, sku)
    finally:
        ledger.close()
    names = [name for name in COLUMNS if not (as_of and name == "reserved")]
    rows = [{name: getattr(row, name) for name in names} for row in found]
    values: dict[str, Any] = {"as_of_ms": at_ms, "units": sum(row.on_hand for row in found), "rows": rows}
    if weights:
        values["weighed"] = [row._asdict() for row in weights]
    result(values, as_json, None if as_json else _table(names, rows))


def moment(text: str, ledger: Any) -> int:
    """The moment that a person wrote, in UTC ms; a date alone is its first moment, a time without an offset is the site's."""
    from floorwise.core.model.gs1 import is_digits, moment_ms
    from floorwise.core.model.places import Site, zone_named

    if is_digits(text) and len(text) > 8:
        return int(text)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--as-of {text!r} is neither ISO 8601, such as 2026-03-01T12:00:00Z, nor UTC milliseconds")
    if told.tzinfo is None:
        sites = ledger.find(Site, "key", limit=1)
        if not sites:
            fail(f"--as-of {text}: there is no site yet whose time it could be; add an offset such as Z")
        told = told.replace(tzinfo=zone_named(sites[0].zone))
    return moment_ms(told)


def _table(names: list[str], rows: list[dict[str, Any]]) -> str:
    lines = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
