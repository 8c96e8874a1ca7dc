"""What the wheel will hold: sub-packages, data files, module size, licence. Editable installs hide mistakes in all of these."""

import ast
import fnmatch
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

MOST_LINES = 450
APACHE = "Apache License\n                           Version 2.0, January 2004"


@pytest.fixture(scope="module")
def project(repository) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


def rooms(project: dict) -> dict[str, str]:
    """Import name of each room → its folder."""
    return project["tool"]["setuptools"]["package-dir"]


def module_files(repository: Path, project: dict) -> list[Path]:
    return [path for folder in sorted(rooms(project).values()) for path in sorted((repository / folder).rglob("*.py"))]


def packages_on_disk(repository: Path, project: dict) -> list[str]:
    """Every folder of the rooms that holds an __init__.py, by import name."""
    folders = [path.parent.relative_to(repository) for path in module_files(repository, project) if path.name == "__init__.py"]
    return sorted("floorwise." + ".".join(folder.parts) for folder in folders)


def test_every_sub_package_is_listed_for_the_wheel(repository, project):
    assert sorted(project["tool"]["setuptools"]["packages"]) == packages_on_disk(repository, project)


def test_every_folder_with_modules_is_a_package(repository, project):
    folders = {path.parent for path in module_files(repository, project)}
    assert [str(folder.relative_to(repository)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_folder_of_the_root_is_called_floorwise(repository):
    assert not (repository / "floorwise").exists(), "it would hide the namespace that the rooms share"


def test_every_data_file_of_a_room_goes_into_the_wheel(repository, project):
    patterns = project["tool"]["setuptools"].get("package-data", {})
    left_out = []
    for path in tracked(repository):
        if path.parts[0] not in rooms(project).values() or path.suffix == ".py" or path.name == "README.md":
            continue
        if not any(
            fnmatch.fnmatch(str(path), f"{package.removeprefix('floorwise.').replace('.', '/')}/{pattern}")
            for package, shown in patterns.items()
            for pattern in shown
        ):
            left_out.append(str(path))
    assert left_out == []


def tracked(repository: Path) -> Iterator[Path]:
    """Every file that git tracks, relative to the root."""
    listed = subprocess.run(["git", "-C", str(repository), "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    return (Path(name) for name in listed.split("\0") if name)


def test_every_module_says_what_it_is(repository, project):
    silent = [
        str(path.relative_to(repository))
        for path in module_files(repository, project)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_an_init_module_holds_a_docstring_and_no_logic(repository, project):
    busy = [
        str(path.relative_to(repository))
        for path in module_files(repository, project)
        if path.name == "__init__.py" and len(ast.parse(path.read_text(encoding="utf-8")).body) != 1
    ]
    assert busy == []


def test_no_module_outgrows_one_subject(repository, project):
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in module_files(repository, project)}
    assert {str(path.relative_to(repository)): count for path, count in lines.items() if count > MOST_LINES} == {}


def test_the_licence_is_apache_and_pyproject_says_so(repository, project):
    assert APACHE in (repository / "LICENSE").read_text(encoding="utf-8")
    assert project["project"]["license"] == "Apache-2.0"
    assert project["project"]["license-files"] == ["LICENSE"]


def test_the_layout_test_knows_every_declared_package(repository, project):
    table = (repository / "tests/house/test_layout.py").read_text(encoding="utf-8")
    extras = project["project"]["optional-dependencies"].values()
    lines = [*project["project"]["dependencies"], *(line for extra in extras for line in extra)]
    declared = {re.split(r"[\[<>=! ]", line)[0].lower() for line in lines} - {"floorwise"}
    assert {name for name in declared if f'"{name}":' not in table} == set()
