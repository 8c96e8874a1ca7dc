"""`floorwise replay FILE`: real order lines through the same intake to the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from floorwise.cli.identity import claim, digest, finish
from floorwise.cli.output import Json, fail, note, progress, result

DATA = Path("data") / "replay"
IDENTITY = "replay.json"


def command(
    file: Annotated[Path, typer.Argument(help="Order lines: .csv or .jsonl, plain or .gz.")],
    format: Annotated[str, typer.Option(help="auto, online-retail, csv or jsonl.")] = "auto",
    from_date: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day, in the site's time zone.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How many days; default: to the end of the file.")] = None,
    speed: Annotated[
        str, typer.Option(help="max: on the twin's clock, as fast as the machine goes; a number: live, that much floor time a wall time.")
    ] = "max",
    seed: Annotated[int, typer.Option(help="Fixes walking and packing times, transit times, sizes and weights.")] = 1,
    zone: Annotated[str, typer.Option(help="Time zone of the site.")] = "Europe/London",
    catalogue: Annotated[
        Path | None, typer.Option(help="List of SKUs; default: the *_skus.csv beside the file, else any plausible code.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Where the ledger lives; default: data/replay/ and a name of file and range.")] = None,
    as_json: Json = False,
) -> None:
    """Carry every order of FILE to the door and account for every row.

    Cut it off and run the same command again: it goes on where it was. A finished replay only tells its figures again.
    Rows that make no sense are parked for review with their place; the rest goes on.
    """  # fmt: skip
    import time

    from floorwise.core.adapters.carriers.paper import PaperCarrier
    from floorwise.core.adapters.ledger_sql.sqlite import saved_heads
    from floorwise.core.verify.all_checks import verify
    from floorwise.gateway.channels.decoding import OrderFileError
    from floorwise.gateway.channels.order_file import open_order_file
    from floorwise.gateway.proof import readings_checks
    from floorwise.sim.replay import DEMAND_DAYS, Replay, account

    pace = _pace(speed)
    began = time.monotonic()
    start = from_date.date() if from_date else None
    try:
        with progress(f"reading {file.name}", unit="rows") as bar:
            orders = open_order_file(
                file, format, start, days, zone, catalogue, demand_days=DEMAND_DAYS, on_progress=lambda rows, *_: bar.reach(rows)
            )
            drafts = list(orders)
    except OrderFileError as error:
        fail(str(error))
    if not drafts:
        fail(f"{file}: none of its {orders.rows_read:,} rows lies in the days asked for; see --from and --days")
    identity = {"file": _digest(file), "format": orders.format, "from": str(start or ""), "days": days or 0, "seed": seed, "zone": zone}
    if orders.catalogue.names:  # another list of SKUs parks other rows: that is another replay
        identity["catalogue"] = digest(sorted(orders.catalogue.names))
    if pace:
        identity["live"] = 1
    directory = data or DATA / f"{file.name.partition('.')[0]}-{start or 'start'}-{days or 'all'}d-{digest(sorted(identity.items()))}"
    claim(directory, IDENTITY, identity)
    with progress("replay", orders.lines_accepted, "lines picked" if pace else "lines delivered") as bar:
        if pace:
            reach = lambda lines: bar.reach(min(lines, orders.lines_accepted))  # noqa: E731  a line may be picked from several bins
            ledger, head, floor_days = _live(directory, drafts, orders.demand_before, zone, seed, pace, reach)
        else:
            replay = Replay(drafts, orders.demand_before, zone, seed, directory, PaperCarrier(directory / "labels"))
            run = replay.run(on_lines=lambda lines: bar.reach(min(bar.done + lines, orders.lines_accepted)))  # may come in two parcels
            ledger, head, floor_days = replay.twin.ledger, run.journal_head, (run.ended_at_ms - run.started_at_ms) / 86_400_000
    finish(directory, IDENTITY)
    seen = account(ledger, orders)
    checks = verify(ledger, saved_heads(directory)) + (readings_checks(directory) if pace else [])
    for check in checks:
        if not check.ok:
            note(f"verify: {check.name}: {check.detail}")
    ledger.close()
    counted = seen.lines_accepted + seen.lines_review + seen.lines_returned + seen.unaccounted + orders.rows_outside_range
    figures = {
        "rows_read": orders.rows_read,
        "rows_outside_range": orders.rows_outside_range,
        **seen._asdict(),
        "on_time_share": round(seen.orders_on_time / seen.orders_placed, 4) if seen.orders_placed else 0.0,
        "unaccounted": seen.unaccounted + abs(orders.rows_read - counted),
        "verify_ok": all(check.ok for check in checks),
        "seconds": round(time.monotonic() - began, 1),
        "floor_days": round(floor_days, 2),
        "journal_head": head,
        "data": str(directory),
    }
    if seen.lines_review and as_json:
        note(f"{seen.lines_review} rows wait for a person: ./run review --data {directory}")
    result(figures, as_json, None if as_json else _text(figures))
    if figures["unaccounted"] or not figures["verify_ok"]:
        raise typer.Exit(1)


def _text(figures: dict[str, Any]) -> str:
    """The figures in the words of the floor."""
    seen = SimpleNamespace(**figures)
    lost = f"NO: {seen.unaccounted:,} rows have no end" if seen.unaccounted else "yes"
    rows = [
        ("rows read", f"{seen.rows_read:,}, {seen.rows_outside_range:,} of them outside the days asked for"),
        ("order lines", f"{seen.lines_accepted:,}: {seen.lines_delivered:,} delivered, {seen.lines_backordered:,} still wait for stock, "
                        f"{seen.lines_cancelled:,} cancelled"),
        ("returns", f"{seen.lines_returned:,} matched to their sale"),
        ("for a person", f"{seen.lines_review:,} rows: ./run review --data {seen.data}" if seen.lines_review else "no row"),
        ("orders", f"{seen.orders_placed:,} placed, {seen.orders_delivered:,} at the door in full"),
        ("on their truck", f"{seen.on_time_share:.1%}: left with the truck that they were placed for"),
        ("every row has its end", lost),
        ("every promise holds", "yes" if seen.verify_ok else f"NO: see ./run verify --data {seen.data}"),
        ("floor time", f"{seen.floor_days:,.1f} days"),
        ("took", f"{seen.seconds:,.1f} s"),
        ("journal head", seen.journal_head),
        ("data", seen.data),
    ]  # fmt: skip
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _pace(speed: str) -> float:
    """Floor time a wall time of a live replay; 0 on the twin's clock."""
    if speed == "max":
        return 0.0
    try:
        pace = float(speed)
    except ValueError:
        pace = 0.0
    if not 0.1 <= pace <= 3_600:
        fail(f"--speed {speed}: max, or a number from 0.1 to 3600")
    return pace


def _live(
    directory: Path, drafts: list, demand_before: dict[str, int], zone: str, seed: int, pace: float, on_lines: Callable[[int], None]
) -> tuple[Any, str, float]:
    """Play the file through the live system; give the ledger as it then is, its head, and the floor days that passed."""
    import signal

    from floorwise.cli.children import GivenUp
    from floorwise.cli.replay_live import first_ms, play
    from floorwise.core.adapters.ledger_sql.sqlite import snapshot

    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    try:
        figures = play(directory, drafts, demand_before, zone, seed, pace, stopping, on_lines)
    except (GivenUp, TimeoutError) as error:
        fail(str(error))
    if stopping:
        fail(f"stopped; run the same command again and it goes on with {directory}")
    ledger = snapshot(directory)
    return ledger, ledger.head[1], max(0, figures.get("now_ms", 0) - first_ms(drafts)) / 86_400_000


def _digest(path: Path) -> str:
    from hashlib import file_digest

    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
