"""`floorwise doctor`: is this floor well, and where is order X?"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from floorwise.cli.output import Json, fail, result

DATA = Path("data")
ASK_S = 10.0  # a gateway that needs longer for an answer is not well
STUCK_H = 8  # floor hours without a step after which a part on the floor is worth a look
SHOWN = 5  # of anything that is listed


def command(
    data: Annotated[Path, typer.Option("--data", "-d", help="Data directory of the floor; its gateway is asked, if one runs.")] = DATA,
    url: Annotated[str, typer.Option("--url", help="Ask the gateway there, and nothing but the gateway.")] = "",
    order: Annotated[str, typer.Option("--order", help="Where is this order, and why is it waiting? Its id, or CHANNEL/REFERENCE.")] = "",
    as_json: Json = False,
) -> None:
    """Check clock, disk, broker, store, queues and stuck work; exit 1 when something is not well."""
    checks = _of_gateway(url, order) if url else _of_directory(data, order)
    ok = all(check["ok"] for check in checks)
    width = max(len(check["name"]) for check in checks)
    text = "\n".join(f"{check['name']:<{width}}  {'ok' if check['ok'] else 'NOT WELL':<8}  {check['detail']}" for check in checks)
    result({"ok": ok, "checks": checks}, as_json, text)
    if not ok:
        raise typer.Exit(1)


def _of_gateway(url: str, order: str) -> list[dict[str, Any]]:
    """What a running gateway says of itself."""
    ready, figures = _ask(url, "/readyz"), _ask(url, "/api/figures")
    late = figures["orders"]["late"] - figures["orders"]["late_backordered"]
    return [
        _check("gateway", True, f"answers at {url}, event {figures['journal_number']:,}"),
        *ready["checks"],
        *(_backlog(one["name"], one["count"], one["oldest_ms"], one["bound_ms"], one["ok"]) for one in figures["backlogs"]),
        _check("late orders", True, f"{late} are past their cut-off, {figures['orders']['late_backordered']} more wait for stock"),
        *([_order_there(url, order)] if order else []),
    ]


def _of_directory(data: Path, order: str) -> list[dict[str, Any]]:
    """What the ledger says, and the gateway if one runs on it."""
    from floorwise.core.adapters.ledger_sql.sqlite import snapshot
    from floorwise.core.errors import Damaged, NotFound
    from floorwise.core.model.journal import Event
    from floorwise.core.verify.liveness import backlogs
    from floorwise.gateway import ready

    saved = ready.newest_heads(data)
    try:
        ledger = snapshot(data)
    except NotFound as error:
        fail(str(error))
    except Damaged as error:
        return [_check("ledger", False, str(error))]
    try:
        number, _ = ledger.head
        last = ledger.get(Event, number)
        now_ms = last.at_ms if last else 0
        end = ready.JournalEnd()
        end.read(ledger, [(n, head) for n, head in saved if n <= number])
        checks = [end.check().model_dump(), ready.disk(data, 1).model_dump(), _stuck(ledger, now_ms)]
        asked = [_order_here(ledger, order)] if order else []
        waiting = [_backlog(b.name, b.count, b.oldest_ms, b.bound_ms, b.ok) for b in backlogs(ledger, now_ms)]
    finally:
        ledger.close()
    told = data / "gateway.json"
    if not told.exists():
        return [_check("gateway", True, f"none runs on {data}; it was stopped in good order"), *checks, *waiting, *asked]
    url = json.loads(told.read_text(encoding="utf-8"))["url"]
    try:
        return [*_of_gateway(url.rstrip("/"), ""), _stuck_named(checks), *asked]
    except typer.Exit:
        return [_check("gateway", False, f"the one at {url} does not answer; it may have died, start it again"), *checks, *waiting, *asked]


def _stuck_named(checks: list[dict[str, Any]]) -> dict[str, Any]:
    return next(check for check in checks if check["name"] == "stuck work")


def _stuck(ledger: Any, now_ms: int) -> dict[str, Any]:
    """Parts that have stood still on the floor for long; a night counts too, so this is a hint and not a fault."""
    from floorwise.core.model.places import Site
    from floorwise.core.model.work import Part

    states = ("waiting", "touring", "picked", "packing")
    parts = [p for site in ledger.find(Site, "key") for state in states for p in ledger.find(Part, "by_state", site.site, state)]
    old = sorted((part for part in parts if now_ms - part.state_at_ms > STUCK_H * 3_600_000), key=lambda part: part.state_at_ms)
    shown = ", ".join(f"{part.part} {part.state} for {(now_ms - part.state_at_ms) // 3_600_000} h" for part in old[:SHOWN])
    more = f" and {len(old) - SHOWN} more" if len(old) > SHOWN else ""
    return _check("stuck work", not old, f"{len(parts)} parts on the floor" + (f"; {shown}{more}" if old else ", none stands still"))


def _order_here(ledger: Any, name: str) -> dict[str, Any]:
    from floorwise.core.model.orders import Order, OrderLine, state_of
    from floorwise.core.model.work import Part
    from floorwise.gateway.why import why

    order = ledger.get(Order, name)
    if order is None and "/" in name:
        channel, _, reference = name.partition("/")
        order = next(iter(ledger.find(Order, "by_reference", channel, reference, limit=1)), None)
    if order is None:
        fail(f"order {name!r} is not in the ledger; give its id, or CHANNEL/REFERENCE")
    lines = ledger.find(OrderLine, "key", order.order_id)
    waits = why(ledger, lines, ledger.find(Part, "by_order", order.order_id))
    return _check(f"order {name}", True, f"{order.order_id} is {state_of(lines)}" + (f": {waits}" if waits else ", it waits for nothing"))


def _order_there(url: str, name: str) -> dict[str, Any]:
    from urllib.parse import quote

    order_id = name
    if "/" in name:
        channel, _, reference = name.partition("/")
        found = _ask(url, f"/api/orders?channel={quote(channel)}&reference={quote(reference)}")["orders"]
        order_id = found[0]["order_id"] if found else name
    told = _ask(url, f"/api/orders/{quote(order_id, safe='')}")
    if "error" in told:
        fail(f"order {name!r}: {told['detail']}; give its id, or CHANNEL/REFERENCE")
    waits = f": {told['why']}" if told["why"] else ", it waits for nothing"
    return _check(f"order {name}", True, f"{told['order_id']} is {told['state']}{waits}")


def _ask(url: str, path: str) -> dict[str, Any]:
    """The JSON answer, whatever its status; a gateway that does not answer is bad input."""
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        try:
            with urlopen(url.rstrip("/") + path, timeout=ASK_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            return json.load(error)
    except (URLError, OSError, ValueError) as error:
        fail(f"{url} does not answer as a gateway does: {getattr(error, 'reason', error)}")


def _backlog(name: str, count: int, oldest_ms: int, bound_ms: int, ok: bool) -> dict[str, Any]:
    age = f", the oldest for {oldest_ms // 1000} s of at most {bound_ms // 1000}" if count else ""
    return _check(f"backlog {name}", ok, f"{count} wait{age}")


def _check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail}
