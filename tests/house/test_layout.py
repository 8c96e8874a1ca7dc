"""Who may import whom: every import of every module in the rooms is read with ast and held to one table.

The table is docs/decisions/0001's and the README's map in code. A rule counts for a module and all below it; the longest
matching rule wins. Imports inside functions count as well, except in cli, whose sub-commands import their rooms there.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOMS = ("cli", "core", "edge", "gateway", "optimizer", "sim")
ANY = "any"  # of the packages that pyproject.toml declares for the product
PURE = ("core.errors", "core.failpoints")  # standard library only, of use on every floor
RULES_AND_FORM = ("core.model", "core.ports", "core.journal", *PURE)  # core.journal: the canonical form, pure like core.model

# The domain reads no clock, draws no numbers and does no I/O: these would let it.
OUTSIDE_WORLD = frozenset(
    {
        "asyncio", "http", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "signal", "socket",
        "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
    }
)  # fmt: skip
OUTSIDE_CALLS = frozenset({"print", "open", "input", "exec", "eval"})
OUTSIDE_READS = frozenset({"now", "utcnow", "today"})  # of datetime and date


@dataclass(frozen=True)
class Rule:
    """What a module may import of the house (prefixes without `floorwise.`), of third parties, and not of the standard library."""

    house: tuple[str, ...] = ()
    parties: frozenset[str] | str = field(default_factory=frozenset)
    barred: frozenset[str] = field(default_factory=frozenset)
    pure: bool = False  # calls of OUTSIDE_CALLS and OUTSIDE_READS are violations too


DOMAIN = {"barred": OUTSIDE_WORLD, "pure": True}
CORE_BUT_ADAPTERS = (*(f"core.{name}" for name in ("model", "ports", "flow", "workers", "journal", "warehouse", "verify")), *PURE)
RULES = {
    "core": Rule(CORE_BUT_ADAPTERS),
    "core.errors": Rule(**DOMAIN),
    "core.failpoints": Rule(("core.errors",)),
    "core.journal": Rule(("core.model", "core.errors"), **DOMAIN),
    "core.model": Rule(("core.model", "core.errors"), **DOMAIN),
    "core.ports": Rule(("core.model", "core.errors"), **DOMAIN),
    "core.flow": Rule(("core.flow", *RULES_AND_FORM), **DOMAIN),
    "core.verify": Rule(("core.verify", *RULES_AND_FORM), **DOMAIN),
    "core.workers": Rule(("core.flow", "core.workers", "core.warehouse", *RULES_AND_FORM), **DOMAIN),
    "core.adapters": Rule(("core.adapters", *RULES_AND_FORM), ANY),
    "optimizer": Rule(("optimizer",), frozenset({"numpy", "numba", "highspy"})),
    "optimizer.planner": Rule(("optimizer", "core.model", "core.ports", *PURE), frozenset({"numpy"})),
    "optimizer.kernels": Rule(("optimizer.kernels",), frozenset({"numpy", "numba"}), OUTSIDE_WORLD),
    "edge": Rule(("edge", "core.model", "core.ports", *PURE), frozenset({"paho", "aiomqtt", "structlog"})),
    "gateway": Rule(("gateway", "core", "edge", "optimizer"), ANY),
    "sim": Rule(("sim", "core", "edge", "optimizer"), ANY),
    "cli": Rule(("cli", "core.errors"), frozenset({"typer", "rich"})),
}
INSIDE_CLI_COMMANDS = Rule(ROOMS, ANY)

# Import names of what `[project]` declares; a test compares them with pyproject.toml. Development tools are not among them.
DECLARED = {
    "aiomqtt": "aiomqtt", "paho-mqtt": "paho", "rich": "rich", "structlog": "structlog", "typer": "typer", "tzdata": "tzdata",
    "sqlalchemy": "sqlalchemy", "numpy": "numpy", "numba": "numba", "highspy": "highspy", "simpy": "simpy", "matplotlib": "matplotlib",
    "biip": "biip", "python-barcode": "barcode", "duckdb": "duckdb", "fastapi": "fastapi", "iotcore": "iotcore", "msgspec": "msgspec",
    "orjson": "orjson", "prometheus-client": "prometheus_client", "pydantic": "pydantic", "pydantic-settings": "pydantic_settings",
    "httptools": "httptools", "uvicorn": "uvicorn", "influxdb-client": "influxdb_client", "psycopg": "psycopg",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported module: its full dotted name, where, and whether the import waits for a function to be called."""

    target: str
    line: int
    lazy: bool


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield every module of the rooms as (dotted name without `floorwise.`, path), sorted."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path, root: Path) -> Iterator[Import]:
    """Yield what `path` imports; `from floorwise.core import ports` counts as floorwise.core.ports when that is a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lazy = {id(inner) for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            targets = [f"{module}.{alias.name}" if _is_module(root, f"{module}.{alias.name}") else module for alias in node.names]
        else:
            continue
        for target in dict.fromkeys(targets):
            yield Import(target, node.lineno, id(node) in lazy)


def _is_module(root: Path, target: str) -> bool:
    place = root.joinpath(*target.split(".")[1:])
    return target.startswith("floorwise.") and (place.is_dir() or place.with_suffix(".py").is_file())


def rule_for(module: str) -> Rule:
    """The rule with the longest prefix of `module`."""
    prefixes = [name for name in RULES if module == name or module.startswith(name + ".")]
    return RULES[max(prefixes, key=len)]


def violations(root: Path) -> list[str]:
    """Every import and call that the table forbids, as `path:line: what, and what is allowed`."""
    found = []
    for module, path in modules(root):
        rule, place = rule_for(module), path.relative_to(root)
        for one in imports(path, root):
            holds = INSIDE_CLI_COMMANDS if module.startswith("cli") and one.lazy else rule
            if complaint := _complaint(one.target, holds):
                found.append(f"{place}:{one.line}: {complaint}")
        if rule.pure:
            found += [f"{place}:{line}: {what} reaches outside" for line, what in _outside_calls(path)]
    return found


def _complaint(target: str, rule: Rule) -> str | None:
    top = target.split(".")[0]
    if not top:
        return f"relative import of {target}; imports are absolute"
    if top == "floorwise":
        inside = target.removeprefix("floorwise.")
        if any(inside == allowed or inside.startswith(allowed + ".") for allowed in rule.house):
            return None
        return f"imports {target}; of the house it may import {', '.join(rule.house) or 'nothing'}"
    if top in sys.stdlib_module_names:
        return f"imports {target}, which reaches outside" if top in rule.barred else None
    allowed = frozenset(DECLARED.values()) if rule.parties == ANY else rule.parties
    return None if top in allowed else f"imports {target}; of third parties it may import {', '.join(sorted(allowed)) or 'nothing'}"


def _outside_calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in OUTSIDE_CALLS:
            yield node.lineno, f"{node.func.id}()"
        if isinstance(node.func, ast.Attribute) and node.func.attr in OUTSIDE_READS:
            owner = node.func.value
            if (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) in ("datetime", "date"):
                yield node.lineno, f"{ast.unparse(node.func)}()"


def test_every_import_is_one_that_the_table_allows(repository):
    assert violations(repository) == []


def plant(root: Path, path: str, text: str) -> None:
    for room in ROOMS:
        (root / room).mkdir(exist_ok=True)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("core/model/stock.py", "import numpy\n", "imports numpy"),
        ("core/model/stock.py", "from floorwise.core.ports import Clock\n", "imports floorwise.core.ports"),
        ("core/model/stock.py", "import time\n", "imports time, which reaches outside"),
        ("core/flow/entry.py", "import sqlalchemy\n", "imports sqlalchemy"),
        ("core/flow/entry.py", "def f():\n    from random import random\n", "imports random"),
        ("core/flow/entry.py", "from floorwise.core.adapters import bus_mqtt\n", "imports floorwise.core.adapters"),
        ("core/flow/entry.py", "from datetime import datetime\nx = datetime.now()\n", "datetime.now() reaches outside"),
        ("core/flow/entry.py", "print('placed')\n", "print() reaches outside"),
        ("core/workers/timers.py", "import structlog\n", "imports structlog"),
        ("core/warehouse.py", "from floorwise.core.adapters.ledger_sql import ledger\n", "imports floorwise.core.adapters"),
        ("core/adapters/store.py", "from floorwise.gateway import intake\n", "imports floorwise.gateway"),
        ("optimizer/routing.py", "from floorwise.core.model import stock\n", "imports floorwise.core.model"),
        ("optimizer/kernels/walk.py", "import highspy\n", "imports highspy"),
        ("edge/spool.py", "import numpy as np\n", "imports numpy"),
        ("edge/spool.py", "import msgspec\n", "imports msgspec"),
        ("gateway/app.py", "from floorwise.sim import engine\n", "imports floorwise.sim"),
        ("gateway/app.py", "import pytest\n", "imports pytest"),
        ("sim/engine.py", "from floorwise.gateway.app import make\n", "imports floorwise.gateway"),
        ("sim/engine.py", "from .twin import run\n", "relative import"),
        ("cli/twin.py", "from floorwise.sim import engine\n", "imports floorwise.sim"),
        ("cli/main.py", "import numpy\n", "imports numpy"),
    ],
)
def test_a_planted_bad_import_is_found_and_named(tmp_path, path, text, word):
    plant(tmp_path, path, text)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}:{len(text.splitlines())}: ")
    assert word in found[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("optimizer/planner.py", "from floorwise.core import ports\nimport numpy\n"),
        ("cli/twin.py", "import typer\n\n\ndef command():\n    from floorwise.sim import engine\n    import numpy\n"),
        ("edge/uplink.py", "import sqlite3\nimport paho.mqtt.client\nfrom floorwise.core.model.readings import Reading\n"),
        ("core/flow/entry.py", "from datetime import datetime, UTC\nx = datetime.fromtimestamp(0, UTC)\n"),
    ],
)
def test_an_import_that_the_table_allows_passes(tmp_path, path, text):
    plant(tmp_path, "core/ports.py", "")
    plant(tmp_path, path, text)
    assert violations(tmp_path) == []
