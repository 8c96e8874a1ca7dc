"""The one command: names without imports, exit codes, one line for bad input, one JSON object for results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from floorwise.cli import main as door
from floorwise.cli.output import Progress, fail, result
from floorwise.core.errors import Conflict, NotFound

HEAVY = ("numpy", "numba", "duckdb", "sqlalchemy", "simpy", "matplotlib", "fastapi", "msgspec", "pydantic")


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """Add a command whose module is written on the spot."""

    def add(name: str, text: str, extra: str | None = None) -> None:
        (tmp_path / f"planted_{name}.py").write_text("import typer\nfrom floorwise.cli.output import Json, fail, result\n" + text)
        monkeypatch.setitem(door.COMMANDS, name, door.Command(f"planted_{name}", f"Help of {name}.", extra))

    monkeypatch.syspath_prepend(tmp_path)
    yield add
    for name in [name for name in sys.modules if name.startswith("planted_")]:
        del sys.modules[name]


def test_the_help_lists_every_command_and_imports_none_of_their_rooms(repository):
    code = "import sys; from floorwise.cli.main import run; run(['--help']); print([m for m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository.parent, timeout=60, check=True)
    for name, command in door.COMMANDS.items():
        assert name in done.stdout
        assert f"'{command.module}'" not in done.stderr
    assert [name for name in HEAVY if f"'{name}'" in done.stderr] == []


def test_every_listed_command_has_its_module_and_its_extra(repository):
    import importlib
    import tomllib

    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, command in door.COMMANDS.items():
        module = importlib.import_module(command.module)
        assert hasattr(module, "command") != hasattr(module, "app"), f"{name} offers either `command` or `app`"
        assert command.extra is None or command.extra in extras


def test_every_listed_command_explains_itself(capsys):
    for name in door.COMMANDS:
        assert door.run([name, "--help"]) == 0
        assert "Usage: floorwise " + name in capsys.readouterr().out


def test_a_result_ends_stdout_with_one_json_object(plant, capsys):
    plant(
        "weigh",
        "def command(as_json: Json = False):\n    print('on the scale')\n    result({'gross_g': 7, 'share': float('nan')}, as_json)\n",
    )
    assert door.run(["weigh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"gross_g": 7, "share": None}


def test_bad_input_is_one_line_on_stderr_and_exit_code_2(plant, capsys):
    plant("weigh", "def command():\n    fail('orders.csv, line 3:\\n quantity is not a number')\n")
    assert door.run(["weigh"]) == 2
    assert capsys.readouterr() == ("", "floorwise: orders.csv, line 3: quantity is not a number\n")


@pytest.mark.parametrize(
    ("words", "part"), [(["wiegh"], "wiegh"), (["weigh", "--heavy"], "--heavy"), (["weigh", "--grams", "x"], "--grams")]
)
def test_a_slip_of_the_pen_is_named_on_one_line(plant, capsys, words, part):
    plant("weigh", "def command(grams: int = 1):\n    pass\n")
    assert door.run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(("error", "code"), [(NotFound, 2), (Conflict, 1)])
def test_a_floor_error_becomes_a_line_and_a_code(plant, capsys, error, code):
    plant("weigh", f"from floorwise.core.errors import {error.__name__}\ndef command():\n    raise {error.__name__}('tote T-9')\n")
    assert door.run(["weigh"]) == code
    assert capsys.readouterr().err == f"floorwise: {error.__name__}: tote T-9\n"


def test_a_file_that_is_not_there_is_named(plant, capsys):
    plant("weigh", "def command():\n    open('no/such/orders.csv')\n")
    assert door.run(["weigh"]) == 2
    assert capsys.readouterr().err == "floorwise: no/such/orders.csv: No such file or directory\n"


def test_a_package_that_this_installation_lacks_is_named_with_its_extra(plant, capsys):
    plant("weigh", "def command():\n    import no_such_package\n", extra="gateway")
    assert door.run(["weigh"]) == 2
    assert capsys.readouterr().err == "floorwise: weigh needs the package no_such_package: install floorwise[gateway]\n"


def test_a_bug_keeps_its_traceback(plant):
    plant("weigh", "def command():\n    raise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        door.run(["weigh"])


def test_a_failed_check_ends_with_code_1_after_its_result(plant, capsys):
    plant("weigh", "def command(as_json: Json = False):\n    result({'ok': False}, as_json)\n    raise typer.Exit(1)\n")
    assert door.run(["weigh", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"ok": False}


def test_words_below_a_command_are_a_typer_app_of_its_module(plant, capsys):
    plant(
        "scales", "app = typer.Typer()\n@app.command()\ndef run(n: int = 2):\n    result({'n': n})\n@app.command()\ndef stop():\n    pass\n"
    )
    assert door.run(["scales", "run", "--n", "5"]) == 0
    assert capsys.readouterr().out == "n  5\n"


def test_numpy_numbers_are_numbers_in_json(capsys):
    numpy = pytest.importorskip("numpy")
    result({"n": numpy.int64(3), "list": numpy.array([1, 2]), "at": Path("a").name}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"n": 3, "list": [1, 2], "at": "a"}


def test_progress_in_words_gives_share_rate_and_time_left():
    work = Progress("replay", total=5_000)
    work.done = 1_000
    assert work.line(work._began + 10) == "replay: 1000 of 5000 rows, 100 rows/s, 40 s left"
    work.total = None
    assert work.line(work._began + 10) == "replay: 1000 rows, 100 rows/s"


def test_short_work_shows_no_progress(capsys):
    work = Progress("replay", total=10)
    for _ in range(10):
        work.advance()
    work.close()
    assert capsys.readouterr() == ("", "")


def test_fail_is_an_exit_that_typer_knows():
    with pytest.raises(typer.Exit) as left:
        fail("nothing to weigh")
    assert left.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words", "code", "error"),
    [
        ("    fail('row 3: no number', 'write 3')", [], 2, {"error": "row 3: no number", "hint": "write 3"}),
        ("    fail('row 3: no number')", [], 2, {"error": "row 3: no number", "hint": "see floorwise weigh --help"}),
        ("    open('no/such.csv')", [], 2, {"error": "no/such.csv: No such file or directory", "hint": "see floorwise weigh --help"}),
        ("    pass", ["--heavy"], 2, None),
        ("    from floorwise.core.errors import Conflict\n    raise Conflict('tote T-9')", [], 1, None),
        ("    raise KeyboardInterrupt", [], 130, {"error": "stopped", "hint": "see floorwise weigh --help"}),
        ("    raise typer.Exit(1)", [], 1, {"error": "ended with exit code 1", "hint": "see floorwise weigh --help"}),
    ],
)
def test_whoever_asked_for_json_gets_one_object_however_it_ends(plant, capsys, text, words, code, error):
    plant("weigh", f"def command(as_json: Json = False):\n    print('on the scale')\n{text}\n")
    assert door.run(["weigh", "--json", *words]) == code
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert set(told) == {"error", "hint"} and error in (None, told)
    assert len(err.splitlines()) <= 1


def test_a_result_is_the_last_word_even_when_the_check_fails(plant, capsys):
    plant("weigh", "def command(as_json: Json = False):\n    result({'ok': False}, as_json)\n    raise typer.Exit(1)\n")
    for _ in range(2):  # what the first run said is forgotten
        assert door.run(["weigh", "--json"]) == 1
        assert capsys.readouterr().out == '{"ok": false}\n'


def test_a_wrong_word_to_a_real_command_is_json_too(capsys, tmp_path):
    assert door.run(["solve", str(tmp_path / "none.txt"), "--json"]) == 2
    assert set(json.loads(capsys.readouterr().out)) == {"error", "hint"}


def test_no_time_left_is_told_before_enough_is_done_to_know_it():
    work = Progress("replay", total=5_000)
    work.done = 200
    assert work.line(work._began + 10) == "replay: 200 of 5000 rows, 20 rows/s"  # 4 % of it
    work.done = 1_000
    assert work.line(work._began + 4) == "replay: 1000 of 5000 rows, 250 rows/s"  # 4 s


def test_what_was_done_stays_done_when_somebody_counts_anew():
    work = Progress("replay", total=10)
    work.reach(7)
    work.reach(2)
    assert work.done == 7
