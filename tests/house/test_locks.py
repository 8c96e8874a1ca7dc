"""The locks: every requirement has hashes, none names an index, and they still answer pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("requirements.lock", "requirements-dev.lock", "deploy/requirements-edge.lock")
MEASURING_ONLY = ("ortools", "pyvrp")


def requirements(path: Path) -> dict[str, list[str]]:
    """Return requirement line → its hashes, for every block of a lock."""
    blocks: dict[str, list[str]] = {}
    line = ""
    for raw in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if raw.strip() and not raw.startswith("#"):
            line, *hashes = re.split(r"\s+--hash=", raw.strip())
            blocks[line] = hashes
    return blocks


def names(path: Path) -> set[str]:
    return {re.split(r"[\[=<>!~ ;]", line)[0] for line in requirements(path)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(repository, lock):
    found = requirements(repository / lock)
    assert len(found) > 10
    assert [line for line in found if "==" not in line] == []
    assert [line for line, hashes in found.items() if not hashes] == []
    assert [one for hashes in found.values() for one in hashes if not re.fullmatch(r"sha256:[0-9a-f]{64}", one)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_address_or_an_index_option(repository, lock):
    text = (repository / lock).read_text(encoding="utf-8")
    assert re.findall(r"\S*://\S*|^--?(?:index-url|extra-index-url|find-links|trusted-host|i|f)\b.*", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_what_only_measures_stays_out_of_the_locks(repository, lock):
    assert names(repository / lock).isdisjoint(MEASURING_ONLY)


def test_every_direct_dependency_is_locked(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    wanted = [*project["project"]["dependencies"], *(line for extra in extras for line in extra)]
    assert direct(project["project"]["dependencies"]) - names(repository / "deploy/requirements-edge.lock") == set()
    product = direct(wanted + project["dependency-groups"]["build"])
    assert product - names(repository / "requirements.lock") == set()
    assert (product | direct(project["dependency-groups"]["dev"])) - names(repository / "requirements-dev.lock") == set()


def direct(lines: list[str]) -> set[str]:
    return {re.split(r"[\[=<>!~ ;]", line)[0].lower() for line in lines} - {"floorwise"}


def test_the_locks_agree_on_every_version(repository):
    product, development, edge = (requirements(repository / lock) for lock in LOCKS)
    assert {line: hashes for line, hashes in product.items() if development.get(line) != hashes} == {}
    assert {line: hashes for line, hashes in edge.items() if product.get(line) != hashes} == {}
