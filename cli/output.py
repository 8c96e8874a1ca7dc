"""How every command speaks: results on stdout, all else on stderr, and one exit code.

Exit codes:
    0  done
    1  the thing itself failed: an invariant is violated, no feasible plan. `result(…)` first, then `raise typer.Exit(1)`
    2  bad input: `fail("orders.csv, line 12: quantity 'x' is not a whole number")`, one line that says what and where

With `--json` the last line of stdout is one JSON object, whatever the exit code: the result, or {"error", "hint"} when there is none.
Declare the switch as `as_json: Json = False`; `main.run` sees to the rest.
"""

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

Json = Annotated[bool, typer.Option("--json", help="End stdout with one JSON object; progress stays on stderr.")]

QUIET_S = 2.0  # work shorter than this shows no progress at all
LINE_EVERY_S = 15.0  # without a terminal: one plain line this often, so that a log stays readable
STOPPED = 130  # exit code of a command that Ctrl-C ended
SURE_S, SURE_SHARE = 5.0, 0.05  # before so much is done nobody knows how long the rest takes


def result(values: Mapping[str, Any], as_json: bool = False, text: str | None = None) -> None:
    """Print what the command found: one JSON line, or `text` (default: one `key  value` line each) for people.

    JSON has no NaN and no infinity: both become null. numpy numbers are taken as the Python numbers they stand for.
    """
    if as_json:
        print(json.dumps(_plain(values), ensure_ascii=False, separators=(", ", ": ")), flush=True)
        _Ending.has_result = True
    else:
        print(text if text is not None else _table(values), flush=True)


def fail(message: str, hint: str = "") -> NoReturn:
    """Say on one stderr line what is wrong and where, then what would be right, and end with exit code 2."""
    complain(message, hint)
    raise typer.Exit(2)


def complain(message: str, hint: str = "") -> None:
    """Print one line on stderr, whatever line breaks `message` holds."""
    _Ending.error, _Ending.hint = " ".join(message.split()), " ".join(hint.split())
    print("floorwise: " + "; ".join(filter(None, (_Ending.error, _Ending.hint))), file=sys.stderr, flush=True)


class _Ending:
    """What the present command has said: programs that asked for JSON get the same as people."""

    has_result, error, hint = False, "", ""


def begin() -> None:
    """Forget what an earlier command of this process said."""
    _Ending.has_result, _Ending.error, _Ending.hint = False, "", ""


def end(code: int, words: Sequence[str]) -> None:
    """End stdout with {"error", "hint"} when JSON was asked for and the command left without its result."""
    if code and "--json" in words and not _Ending.has_result:
        name = next((word for word in words if not word.startswith("-")), "")
        hint = _Ending.hint or f"see floorwise {name} --help"
        error = _Ending.error or ("stopped" if code == STOPPED else f"ended with exit code {code}")
        result({"error": error, "hint": hint}, as_json=True)


def note(message: str) -> None:
    """Tell the person at the terminal what goes on; never part of the result."""
    print(message, file=sys.stderr, flush=True)


class Progress:
    """Counts work done and shows it on stderr once it has taken longer than QUIET_S.

    On a terminal: a bar with share, rate and time left (total known) or count, rate and elapsed time (total unknown).
    Elsewhere: one plain line every LINE_EVERY_S. Call `advance` per batch rather than per row on hot paths (1 µs a call).
    """

    def __init__(self, what: str, total: int | None = None, unit: str = "rows") -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self._began = self._said = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def advance(self, count: int = 1) -> None:
        """Report `count` more units of work."""
        self.reach(self.done + count)

    def reach(self, done: int) -> None:
        """Report that `done` units are finished in all; what was done once stays so, whoever counts anew."""
        self.done = max(self.done, done)
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self.rate(now), left=self.left(now))
        elif now - self._began >= QUIET_S:
            if sys.stderr.isatty():
                self._open(now)
            elif now - self._said >= LINE_EVERY_S:
                self._said = now
                note(self.line(now))

    def rate(self, now: float) -> float:
        """Units a second since the start."""
        return self.done / max(now - self._began, 1e-9)

    def left(self, now: float) -> str:
        """The time left in words; "" when the total is unknown, and before enough is done to tell."""
        if not self.total or now - self._began < SURE_S or self.done < SURE_SHARE * self.total:
            return ""
        return f"{max(self.total - self.done, 0) / max(self.rate(now), 1e-9):.0f} s left"

    def line(self, now: float) -> str:
        """The progress in words, for logs: `replay: 1200 of 5000 rows, 400 rows/s, 10 s left`."""
        of = f" of {self.total}" if self.total else ""
        left = self.left(now)
        return f"{self.what}: {self.done}{of} {self.unit}, {self.rate(now):,.0f} {self.unit}/s{', ' if left else ''}{left}"

    def close(self) -> None:
        """Remove the bar; what remains on the terminal is the result."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _open(self, now: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        tail = TextColumn("{task.fields[left]}") if self.total else TimeElapsedColumn()
        rate = TextColumn(f"{{task.fields[rate]:,.0f}} {self.unit}/s")
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, tail, console=Console(stderr=True), transient=True
        )
        self._task = self._bar.add_task(self.what, total=self.total, completed=self.done, rate=self.rate(now), left=self.left(now))
        self._bar.start()


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "rows") -> Iterator[Progress]:
    """Yield a Progress that is cleared away when the block ends, however it ends."""
    shown = Progress(what, total, unit)
    try:
        yield shown
    finally:
        shown.close()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if hasattr(value, "tolist"):  # numpy scalars and arrays, without importing numpy
        return _plain(value.tolist())
    raise TypeError(f"a result holds {type(value).__name__}, which JSON cannot carry")


def _table(values: Mapping[str, Any]) -> str:
    width = max((len(str(key)) for key in values), default=0)
    return "\n".join(f"{key!s:<{width}}  {_words(value)}" for key, value in values.items())


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(item) for item in value)
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
