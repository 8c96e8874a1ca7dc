"""Real orders through the live system: gateway, edge agent, broker and the emulated floor, as in the demo, fed from a file."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from floorwise.cli.demo import LOOK_S, SHOW_S, START_S, Demo
from floorwise.cli.output import note

FEED = "feed.jsonl"
PICKERS, PACKERS = 30, 15  # as replays on the twin's clock
DRAIN_S = 1_800.0  # wall time after which what has not ended is left; the account tells

Draft = Any  # OrderDraft, ReturnDraft or ReviewRow of core.model.intake


def play(
    directory: Path, drafts: Sequence[Draft], demand_before: Mapping[str, int], zone: str, seed: int, speed: float,
    stopping: list[int], on_lines: Callable[[int], None],
) -> dict[str, Any]:  # fmt: skip
    """Let everything happen, and time go on until nothing is on its way; give the gateway's last figures. All processes end.

    on_lines   told lines picked so far, now and then
    """
    from floorwise.core.model.policies import HOUR_MS
    from floorwise.gateway.broker import free_port

    feed = directory / FEED
    if not feed.exists():
        write_feed(feed, drafts, demand_before, zone)
    epoch = datetime.fromtimestamp(first_ms(drafts) // HOUR_MS * HOUR_MS / 1000, UTC).isoformat()
    crew = ["--seed", str(seed), "--pickers", str(PICKERS), "--packers", str(PACKERS), "--feed", str(feed.resolve())]
    demo = Demo(directory, free_port(), speed, epoch, "auto", crew)
    try:
        demo.start()
        end_s, looked_s = None, 0.0
        began_s = time.monotonic()
        while not stopping and not demo.emulator().get("is_done"):
            demo.look_after()
            now_s = time.monotonic()
            if now_s - looked_s >= SHOW_S:
                looked_s = now_s
                figures = demo.look()
                if figures:
                    on_lines(figures["lines"]["picked"])
                if not demo.emulator() and now_s - began_s > START_S:
                    raise TimeoutError(f"the floor was not at work within {START_S:g} s; see {demo.data / 'logs'}")
                if figures and end_s is None and figures["now_ms"] > _last_ms(drafts):
                    end_s = now_s + DRAIN_S
            if end_s is not None and now_s > end_s:
                note(f"something has not come to its end within {DRAIN_S:g} s after the last order")
                break
            time.sleep(LOOK_S)
    finally:
        last = demo.stop()
    return last


def write_feed(feed: Path, drafts: Sequence[Draft], demand_before: Mapping[str, int], zone: str) -> None:
    """Write what happens when, for sim.emulated.feed; whole or not at all."""
    from floorwise.core.model.intake import OrderDraft
    from floorwise.sim.replay import DEMAND_DAYS

    orders = [draft for draft in drafts if isinstance(draft, OrderDraft)]
    sold: dict[str, int] = {}
    for order in orders:
        for line in order.lines:
            sold[line.sku] = sold.get(line.sku, 0) + line.quantity
    skus = sorted({*sold, *demand_before}, key=lambda sku: (-demand_before.get(sku, 0), -sold.get(sku, 0), sku))
    head = {"skus": [[sku, demand_before.get(sku, 0) / DEMAND_DAYS] for sku in skus], "zone": zone}
    rows = [head | {"currency": orders[0].currency if orders else "GBP"}]
    rows += sorted(map(_row, drafts), key=lambda row: (row["last"], row["at_ms"]))
    fresh = feed.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    fresh.replace(feed)


def first_ms(drafts: Sequence[Draft]) -> int:
    """The time of the first thing that has one."""
    return min((at for at in map(_time, drafts) if at), default=0)


def _row(draft: Draft) -> dict[str, Any]:
    from floorwise.core.model.intake import ReturnDraft, ReviewRow
    from floorwise.sim.emulated.plan import COURIER

    if isinstance(draft, ReviewRow):
        names = ("source", "row", "column", "reason", "text", "at_ms")
        body = {name: getattr(draft, name) for name in names}
        return {"at_ms": draft.at_ms, "path": "/api/commands/ParkRow", "key": f"park/{draft.source}/{draft.row}", "body": body, "last": 0}
    if isinstance(draft, ReturnDraft):
        source = f"{draft.channel}/{draft.reference}"
        body = {"customer": draft.customer, "sku": draft.sku, "quantity": draft.quantity, "reference": draft.reference}
        body |= {"source": source, "row": draft.row, "at_ms": draft.at_ms}
        return {"at_ms": draft.at_ms, "path": "/api/commands/MatchReturn", "key": f"return/{source}/{draft.row}", "body": body, "last": 1}
    lines = [
        {"sku": line.sku, "quantity": line.quantity, "unit": line.unit, "price_minor": line.price_minor, "source_row": line.row}
        for line in draft.lines
    ]
    body = {name: getattr(draft, name) for name in ("channel", "reference", "customer", "country", "currency", "placed_at_ms")}
    key = f"order/{draft.channel}/{draft.reference}"
    return {"at_ms": draft.placed_at_ms, "path": "/api/orders", "key": key, "body": body | {"lines": lines, "carrier": COURIER}, "last": 0}


def _time(draft: Draft) -> int:
    return draft.placed_at_ms if hasattr(draft, "placed_at_ms") else draft.at_ms


def _last_ms(drafts: Sequence[Draft]) -> int:
    return max(map(_time, drafts))
