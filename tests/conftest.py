"""What every test may ask for: the shared data folder, and one way to say "this machine cannot do that".

`require(capability, reason)` skips the test when `capability` is false, None or empty and returns it otherwise. Under
`FLOORWISE_REQUIRE=all` (set by .ci/run) the same call fails instead: a machine that should be able to run everything
must not stay green by skipping. It is a fixture because importlib mode leaves conftest modules unimportable:

    def test_a_broker_that_comes_back_is_used_again(require):
        mosquitto = require(shutil.which("mosquitto"), "mosquitto is not on the PATH")

`shared_data` is the folder of published data sets: `FLOORWISE_DATA`, else `../shared/data` beside the checkout.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
CHILD_LIMIT_S = 300
T = TypeVar("T")

# Shared machines stall for seconds: an example's wall time says nothing about the code.
# CI tries the same examples every time, so that a change is judged by what it changed; everybody else looks for new ones.
settings.register_profile(
    "floorwise", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("floorwise")


def skip_or_fail(capability: T, reason: str) -> T:
    """Return `capability` when there is one; else skip with `reason`, or fail under FLOORWISE_REQUIRE=all."""
    if capability:
        return capability
    if os.environ.get("FLOORWISE_REQUIRE") == "all":
        pytest.fail(f"FLOORWISE_REQUIRE=all, and {reason}", pytrace=False)
    pytest.skip(reason)


def data_folder() -> Path:
    """Return where the shared data would be; the folder may be absent."""
    return Path(os.environ.get("FLOORWISE_DATA") or ROOT.parent / "shared" / "data").resolve()


@pytest.fixture(scope="session")
def require() -> Callable[[T, str], T]:
    """The skip-or-fail helper: `tool = require(shutil.which("tool"), "tool is not on the PATH")`."""
    return skip_or_fail


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared data sets (orders/, optimizer/, conformance/), read only."""
    folder = data_folder()
    skip_or_fail(folder.is_dir(), f"there is no shared data at {folder} (set FLOORWISE_DATA)")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def floorwise() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the one command as a process of its own: floorwise("replay", FILE, "--json", FLOORWISE_FAIL="after_commit:3")."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = Path(sys.executable).with_name("floorwise")
        return subprocess.run(
            [str(command), *map(str, words)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=CHILD_LIMIT_S,
            check=False,
        )

    return run
