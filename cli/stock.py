"""`floorwise stock --data DIR`: what lies where, now or at any past time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from floorwise.cli.output import Json, fail, note, result
from floorwise.cli.verify import NO_LEDGER

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
    from floorwise.core.errors import NotFound

    try:
        ledger = snapshot(data)
    except NotFound as error:
        fail(str(error), NO_LEDGER)
    try:
        _require_known(ledger, sku, place)
        if as_of:
            at_ms = moment(as_of, ledger)
            found = position.stock_at(ledger, at_ms, sku, place)
            _say_when_before(ledger, at_ms)
        else:
            at_ms, found = 0, position.stock_now(ledger, sku, place)
        weights = [] if as_of else position.weighed(ledger, sku)
    finally:
        ledger.close()
    names = [name for name in COLUMNS if not (as_of and name == "reserved")]
    rows = [{name: getattr(row, name) for name in names} for row in found]
    values: dict[str, Any] = {"as_of_ms": at_ms, "units": sum(row.on_hand for row in found), "rows": rows}
    if not rows:
        what, where = f" of {sku}" if sku else "", f" at {place}" if place else ""
        note(f"nothing{what} lies{where or ' anywhere'}" + (f" at {as_of}" if as_of else ""))
    if weights:
        values["weighed"] = [row._asdict() for row in weights]
    result(values, as_json, None if as_json else _table(names, rows))


def _require_known(ledger: Any, sku: str, place: str) -> None:
    """Fail for a SKU or place that nobody has heard of: an empty answer would look like an empty bin."""
    from floorwise.core.model.catalog import Sku
    from floorwise.core.model.handling import HandlingUnit, unit_of
    from floorwise.core.model.places import Location
    from floorwise.core.model.stock import place_kind

    if sku and ledger.get(Sku, sku) is None:
        near = [row.sku for row in ledger.find(Sku, "key") if row.sku.casefold() == sku.casefold()]
        fail(f"SKU {sku!r} is unknown here", f"did you mean {near[0]}?" if near else "its name is written as in the orders, case included")
    kind = place_kind(place)
    if place and kind == "bin" and ledger.get(Location, place) is None:
        fail(f"place {place!r} is unknown here", "give a bin, a unit such as pallet:P1, or a virtual place such as SUPPLIER")
    if kind not in ("bin", "virtual") and ledger.get(HandlingUnit, unit_of(place)) is None:
        fail(f"{place} is unknown here", "a unit is written with its kind, such as pallet:P1")


def _say_when_before(ledger: Any, at_ms: int) -> None:
    """Tell that a moment lies before everything that the ledger knows."""
    from floorwise.core.model.journal import Event

    first = ledger.get(Event, 1)
    if first is None or at_ms < first.at_ms:
        begins = f"begins at {datetime.fromtimestamp(first.at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}" if first else "has no entry"
        note(f"that is before the first entry: this ledger {begins}")


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
