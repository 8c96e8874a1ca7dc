"""./run on a fresh checkout: it installs itself once, whoever comes first, and says nothing on stdout that is not asked for."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOOLS = ("bash", "dirname", "cat", "cut", "sha256sum", "awk", "mkdir", "env", "flock")  # what run may call besides Python
LONGEST_INSTALL_S = 300


def checkout(repository: Path, place: Path) -> Path:
    """Copy what git tracks, as it is on disk now, to `place`."""
    listed = subprocess.run(["git", "-C", str(repository), "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (repository / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, place / name)
    return place


def run(place: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(
        [str(place / "run"), *words], capture_output=True, text=True, cwd="/", env=kept | environment, timeout=LONGEST_INSTALL_S
    )


def test_two_first_runs_at_once_install_one_sound_environment(repository, tmp_path, require):
    place = checkout(repository, tmp_path / "a floor" / "of ours")
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: run(place, "--version"), range(2))
    reachable = first.returncode == 0 or "could not install" not in first.stderr + second.stderr
    require(reachable, f"no package index is within reach: {first.stderr[-500:]}")
    for done in (first, second):
        assert (done.returncode, done.stdout) == (0, "0.1.0\n"), done.stderr
    assert "making .venv" in first.stderr + second.stderr
    assert (first.stderr + second.stderr).count("making .venv") == 1

    again = run(place, "--version")
    assert (again.returncode, again.stdout, again.stderr) == (0, "0.1.0\n", "")

    with (place / "pyproject.toml").open("a") as project:
        project.write("\n# another day\n")
    changed = run(place, "--version")
    assert (changed.returncode, changed.stdout) == (0, "0.1.0\n")
    assert "in step with the locks" in changed.stderr and "making .venv" not in changed.stderr


def test_what_an_installation_leaves_behind_is_ignored_by_git(repository):
    left = [".venv", "uv.lock", "floorwise.egg-info", "build"]
    seen = subprocess.run(["git", "-C", str(repository), "check-ignore", *(f"{name}/x" for name in left)], capture_output=True, text=True)
    assert seen.stdout.split() == [f"{name}/x" for name in left]


def test_a_machine_without_a_suitable_python_is_told_so_in_one_line(repository, tmp_path):
    place = checkout(repository, tmp_path / "floor")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    done = run(place, "--version", PATH=str(tools))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("floorwise: needs Python 3.11 or newer with venv and pip")
