"""`floorwise execute FILE --data DIR`: commands from a file of JSON Lines, one reply a line."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import typer

from floorwise.cli.output import Json, fail, note, result
from floorwise.core.errors import BadInput, Conflict, FloorError, KeyReused, NotFound

LINE_BYTES = 1 << 20  # a longer line is not read
KEY_CHARACTERS = 200  # of an idempotency key
GROUP = 64  # lines of a file that share one commit; standard input commits each line, somebody may be waiting for its reply
ENVELOPE = ("do", "with", "key", "at_ms")
# What went wrong as an HTTP status, here and nowhere deeper. A refusal that is not named says 409: right now it cannot be.
STATUS = {BadInput: 400, NotFound: 404, KeyReused: 422, Conflict: 409}
REFUSED = 409


class Line(NamedTuple):
    """One line of the file, read: a command and its envelope, or why it is none."""

    number: int
    command: Any = None
    key: str = ""
    at_ms: int = 0
    fault: str = ""


class LineClock:
    """Floor time: that of the line where it names one, else the system's; it begins at the ledger's last event and never goes back."""

    def __init__(self, system: Any, last_ms: int) -> None:
        self._system, self._last_ms, self.at_ms = system, last_ms, 0

    def now_ms(self) -> int:
        self._last_ms = max(self._last_ms, self.at_ms or self._system.now_ms())
        return self._last_ms


def command(
    file: Annotated[str, typer.Argument(help='JSON Lines, {"do": "PlaceOrder", "with": {…}} a line; "-" reads standard input.')],
    data: Annotated[Path, typer.Option("--data", help="Data directory of the ledger; made if it is not there.")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when any line was refused.")] = False,
    as_json: Json = False,
) -> None:
    """Execute commands line by line and print one JSON reply each, after its commit.

    A line that is refused, or is no command, is answered with its number and reason, and the rest goes on.
    """
    from floorwise.core.adapters.clocks import SystemClock
    from floorwise.core.adapters.ids import CountedIds
    from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
    from floorwise.core.flow.table import HANDLERS
    from floorwise.core.model.journal import Event
    from floorwise.core.warehouse import Warehouse

    began = time.monotonic()
    with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as source:
        ledger = open_ledger(data)
        try:
            last = ledger.get(Event, ledger.head[0])
            clock = LineClock(SystemClock(), last.at_ms if last else 0)
            group = 1 if file == "-" else GROUP
            warehouse = Warehouse(ledger, clock, CountedIds(ledger), HANDLERS, group=group + 1)  # `run` commits by itself
            counts = run(source, warehouse, clock, group)
            number, head = ledger.head
        finally:
            ledger.close()
    if not counts["executed"] + counts["refused"]:
        fail(f"{file}: none of its {counts['unread']} lines is a command")
    summary = counts | {"journal_number": number, "journal_head": head, "seconds": round(time.monotonic() - began, 3)}
    if as_json:
        result(summary, as_json)
    else:
        note("{executed} executed, {refused} refused, {unread} not read; journal at {journal_number}".format(**summary))
    if strict and counts["refused"] + counts["unread"]:
        raise typer.Exit(1)


def run(source: BinaryIO, warehouse: Any, clock: LineClock, group: int) -> dict[str, int]:
    """Execute every line and print its reply once it is durable; give how many were executed, refused and not read."""
    counts, replies = {"executed": 0, "refused": 0, "unread": 0}, []
    for line in lines(source):
        if line.fault:
            counts["unread"] += 1
            replies.append(_refusal(line.number, 400, "BadInput", line.fault))
        else:
            clock.at_ms = line.at_ms
            try:
                replies.append({"line": line.number, "ok": True, "reply": warehouse.execute(line.command, line.key)})
                counts["executed"] += 1
            except FloorError as error:
                counts["refused"] += 1
                replies.append(_refusal(line.number, status_of(error), type(error).__name__, str(error)))
        if len(replies) >= group:
            _answer(warehouse, replies)
    _answer(warehouse, replies)
    return counts


def status_of(error: FloorError) -> int:
    """The HTTP status that says the same as the refusal; anything but a refusal or a lost race goes on."""
    from floorwise.core.errors import Refused

    if not isinstance(error, Refused | Conflict):
        raise error
    return STATUS.get(type(error), REFUSED)


def lines(source: BinaryIO) -> Iterator[Line]:
    """Yield every line that is not blank, as a command or with what is wrong with it."""
    number = 0
    while raw := source.readline(LINE_BYTES + 1):
        number += 1
        if len(raw) > LINE_BYTES:
            while not raw.endswith(b"\n") and (raw := source.readline(LINE_BYTES)):
                pass
            yield Line(number, fault=f"the line is longer than {LINE_BYTES:,} bytes")
        elif raw.strip():
            yield _read(number, raw)


def _read(number: int, raw: bytes) -> Line:
    from floorwise.core.flow.table import command_from
    from floorwise.core.model.policies import LATEST_MS

    try:
        told = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"), object_pairs_hook=_once)
    except RecursionError:
        return Line(number, fault="not JSON: nested too deep")
    except ValueError as error:  # broken JSON, broken UTF-8, a name given twice
        return Line(number, fault=f"not JSON: {error}")
    if not isinstance(told, dict) or not isinstance(told.get("do"), str):
        return Line(number, fault='not a command: {"do": "PlaceOrder", "with": {…}} is')
    if unknown := sorted(set(told) - set(ENVELOPE)):
        return Line(number, fault=f"{', '.join(unknown)} is unknown beside {', '.join(ENVELOPE)}; fields of the command stand in `with`")
    key, at_ms = told.get("key", ""), told.get("at_ms", 0)
    if type(key) is not str or len(key) > KEY_CHARACTERS:
        return Line(number, fault=f"key {str(key)[:40]!r} is not a text of at most {KEY_CHARACTERS} characters")
    if type(at_ms) is not int or not 0 <= at_ms <= LATEST_MS:
        return Line(number, fault=f"at_ms {str(at_ms)[:40]} is not a time in UTC milliseconds")
    try:
        return Line(number, command_from(told["do"], told.get("with", {})), key, at_ms)
    except BadInput as error:
        return Line(number, fault=str(error))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a name stands in it twice: which of the two was meant is not for us to guess."""
    if len(found := dict(pairs)) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


def _refusal(number: int, status: int, error: str, detail: str) -> dict[str, Any]:
    return {"line": number, "ok": False, "status": status, "error": error, "detail": detail}


def _answer(warehouse: Any, replies: list[dict[str, Any]]) -> None:
    warehouse.commit()
    for reply in replies:
        print(json.dumps(reply, ensure_ascii=False, separators=(", ", ": ")))
    sys.stdout.flush()
    replies.clear()
