"""The wheel with the edge dependencies alone, in a clean environment: what a gateway box beside the shelves gets."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

INSTALL_S = 180
ABSENT = ("numpy", "numba", "duckdb", "msgspec", "sqlalchemy", "simpy", "matplotlib")

ROUND_TRIP = """
import sys
from pathlib import Path
from floorwise.core.model.readings import Reading
from floorwise.edge.spool import Item, Spool, Verdict

path = Path(sys.argv[1]) / "spool.sqlite"
spool = Spool(path, "agent-1", now_ms=1_000)
sent = [Reading("scale-1", 1, seq, 1_000 + seq, {"weight_g": 250.0 * seq}) for seq in (1, 2, 3)]
assert spool.accept([Item(reading) for reading in sent]) == [Verdict.ACCEPTED] * 3
spool.close()

spool = Spool(path, "agent-1", now_ms=2_000)
taken = [entry for entry in spool.take(0, 100, custody=False) if entry.reading.device == "scale-1"]
assert [entry.reading for entry in taken] == sent, taken
spool.forget([entry.place for entry in taken])
spool.flush(now_ms=3_000)
assert [entry for entry in spool.take(0, 100, custody=False) if entry.reading.device == "scale-1"] == []
assert [stream.count for stream in spool.ledger() if stream.device == "scale-1"] == [3]
spool.close()
"""

EVERY_MODULE = """
import importlib, pkgutil
import floorwise.edge, floorwise.core.model
for package in (floorwise.core.model, floorwise.edge):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        print(module.name)
"""


def tool(name: str) -> str | None:
    """A program of the environment under test, else of the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def call(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "FLOORWISE_FAIL")}
    return subprocess.run([*map(str, words)], capture_output=True, text=True, cwd="/", env=kept | environment, timeout=INSTALL_S)


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory) -> Path:
    """The wheel, built from a copy of the sources: a build in the checkout would pick up what earlier builds left."""
    source, into = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    for folder in project["tool"]["setuptools"]["package-dir"].values():
        shutil.copytree(repository / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(repository / name, source / name)
    built = call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", into, source)
    assert built.returncode == 0, built.stderr
    return next(into.glob("floorwise-*.whl"))


@pytest.fixture(scope="module")
def box(repository, wheel, tmp_path_factory, require) -> Path:
    """The python of a clean environment with the wheel and `[project] dependencies` in locked versions, nothing else."""
    place = tmp_path_factory.mktemp("box") / "venv"
    python = place / "bin" / "python"
    if uv := tool("uv"):
        call(uv, "venv", "--quiet", "--python", sys.executable, place)
        install = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        call(sys.executable, "-m", "venv", place)
        install = [python, "-m", "pip", "install", "--quiet"]
    done = call(*install, "--require-hashes", "-r", repository / "deploy/requirements-edge.lock")
    require(done.returncode == 0, f"the edge dependencies cannot be installed here: {done.stderr[-500:]}")
    done = call(*install, "--no-deps", wheel)
    assert done.returncode == 0, done.stderr
    return python


def test_the_wheel_holds_every_module_and_data_file(wheel, repository):
    held = set(zipfile.ZipFile(wheel).namelist())
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["setuptools"]["package-dir"].values()
    wanted = {"floorwise/" + str(path.relative_to(repository)) for room in rooms for path in (repository / room).rglob("*.py")}
    assert wanted - held == set()
    assert any(name.endswith("licenses/LICENSE") for name in held)


@pytest.mark.parametrize("package", ABSENT)
def test_a_box_does_without_what_its_hardware_has_no_wheel_for(box, package):
    assert call(box, "-c", f"import {package}").returncode != 0


def test_every_module_of_the_edge_imports_on_a_box(box):
    done = call(box, "-c", EVERY_MODULE)
    assert done.returncode == 0, done.stderr
    assert "floorwise.edge.spool" in done.stdout.split()


def test_a_spool_on_a_box_gives_back_what_it_accepted_and_then_forgets_it(box, tmp_path):
    done = call(box, "-c", ROUND_TRIP, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_edge_command_explains_itself_on_a_box(box):
    done = call(box.parent / "floorwise", "edge", "--help")
    assert done.returncode == 0, done.stderr
    assert "--config" in done.stdout


def test_a_command_beyond_the_edge_names_the_extra_it_needs(box):
    listed = call(box, "-c", "from floorwise.cli.main import COMMANDS; print(*[n for n, c in COMMANDS.items() if c.extra == 'sim'])")
    assert listed.returncode == 0, listed.stderr
    for name in listed.stdout.split():
        done = call(box.parent / "floorwise", name, "--help")
        assert (done.returncode, done.stderr) in ((0, ""), (2, done.stderr)) and "Traceback" not in done.stderr, name
