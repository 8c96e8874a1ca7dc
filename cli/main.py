"""The one command. `floorwise NAME …` imports the module of NAME and nothing of any other room.

**Adding a command** takes one module and one line in COMMANDS below:

1. `cli/NAME.py` offers either a function `command` (typer parameters in its signature, its docstring is the help) or, for a
   command with words below it (`twin run`, `twin compare`), a `typer.Typer` called `app`.
2. It imports its rooms inside that function, so that `--help` of the command stays quick too.
3. It declares `as_json: Json = False`, ends with `result({...}, as_json)`, calls `fail("what, where")` on bad input and raises
   `typer.Exit(1)` when the thing itself failed (all three from floorwise.cli.output).
4. The line here gives the module, what it does, and the extra it needs beyond the edge set (None: none).

A FloorError that reaches this module becomes one line and an exit code: 2 where the caller's input is at fault, else 1. So do a
file that cannot be opened and a package that this installation lacks. Whatever else gets here is a bug and keeps its traceback.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer

from floorwise.cli.output import begin, complain, end


class Command(NamedTuple):
    """Where a command lives, what it does, and the extra of pyproject.toml that it needs."""

    module: str
    help: str
    extra: str | None = None


WRONG_PATH = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)  # a full disk is nobody's bad input

COMMANDS: dict[str, Command] = {
    "demo": Command("floorwise.cli.demo", "Run a whole synthetic floor: orders, people, devices over MQTT, pages.", "gateway"),
    "up": Command("floorwise.cli.up", "Run the live gateway: HTTP, devices over MQTT, and the office behind them.", "gateway"),
    "doctor": Command("floorwise.cli.doctor", "Is this floor well, and where is order X?", "gateway"),
    "twin": Command("floorwise.cli.twin", "Rehearse a day: the real order and planning code on a simulated clock.", "sim"),
    "review": Command("floorwise.cli.review", "List the rows that wait for a person: place, column and reason.", "ledger"),
    "replay": Command("floorwise.cli.replay", "Carry real order lines from a file to the door.", "sim"),
    "execute": Command("floorwise.cli.execute", "Execute commands from a file, one JSON line each, and print a reply a line.", "ledger"),
    "bench": Command("floorwise.cli.bench", "Run one named benchmark beside its yardstick.", "sim"),
    "solve": Command("floorwise.cli.solve", "Find short picking tours for one instance, with a bound and a drawing.", "optimizer"),
    "stock": Command("floorwise.cli.stock", "Show what lies where, now or at any past time.", "ledger"),
    "edge": Command("floorwise.cli.edge", "Run one edge agent: keep what devices say safe until the gateway has it."),
    "verify": Command("floorwise.cli.verify", "Recompute every invariant over a data directory.", "ledger"),
}


def main(words: Sequence[str] | None = None) -> None:
    """Run the command named by `words` (default: the words of the shell) and leave with its exit code."""
    sys.exit(run(list(sys.argv[1:] if words is None else words)))


def run(words: list[str]) -> int:
    """Run one command and return its exit code; only bugs raise. With --json stdout ends in one JSON object even when it fails."""
    begin()
    code = _run(words)
    end(code, words)
    return code


def _run(words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), None)
    try:
        code = build(name)(args=words or ["--help"], prog_name="floorwise", standalone_mode=False)
    except ModuleNotFoundError as error:
        return _missing_package(name, error)
    except KeyboardInterrupt:
        complain("stopped")
        return 130
    except OSError as error:
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}")
        return 2 if isinstance(error, WRONG_PATH) else 1
    except Exception as error:
        return _translate(name, error)
    return code if isinstance(code, int) else 0


def build(name: str | None) -> typer.Typer:
    """Return the root application with `name` imported; all other commands are a name and a help line."""
    app = typer.Typer(
        name="floorwise", help="Runs a warehouse floor, live and in a digital twin.", add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    app.callback()(_root)
    for known, where in COMMANDS.items():
        if known != name:
            app.command(known, help=where.help, short_help=where.help)(_elsewhere)
            continue
        module = importlib.import_module(where.module)
        if hasattr(module, "app"):
            app.add_typer(module.app, name=known, help=where.help)
        else:
            app.command(known)(module.command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("floorwise"))
        raise typer.Exit()


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)] = False,
) -> None:
    """What stands before the command's name."""


def _elsewhere() -> None:
    raise AssertionError("a command is imported before it is called")


def _missing_package(name: str | None, error: ModuleNotFoundError) -> int:
    where = COMMANDS.get(name or "")
    if where is None or where.extra is None or (error.name or "floorwise").split(".")[0] == "floorwise":
        raise error
    complain(f"{name} needs the package {error.name}: install floorwise[{where.extra}]")
    return 2


def _translate(name: str | None, error: Exception) -> int:
    if isinstance(error, typer.Abort):
        complain("stopped")
        return 130
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # typer's usage errors; their module is private to typer
        complain(f"{error.format_message()} (see floorwise {name + ' ' if name in COMMANDS else ''}--help)")
        return int(error.exit_code)
    from floorwise.core.errors import BadInput, FloorError, NotFound

    if not isinstance(error, FloorError):
        raise error
    complain(f"{type(error).__name__}: {error}")
    return 2 if isinstance(error, (BadInput, NotFound)) else 1
