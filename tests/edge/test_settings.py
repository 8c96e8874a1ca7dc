"""Settings of an agent: what a file says is what the agent gets, and a slip is an error that names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from floorwise.edge.agent import load_drivers
from floorwise.edge.settings import BadSettings, read_settings

ROOT = Path(__file__).resolve().parents[2]
LEAST = 'agent = "edge-1"\n[uplink]\nurl = "mqtt://127.0.0.1:1883"\n'


def settings(folder: Path, text: str):
    (folder / "edge.toml").write_text(text)
    return read_settings(folder / "edge.toml")


def test_the_least_that_is_needed_is_a_name_and_a_broker(tmp_path):
    found = settings(tmp_path, LEAST)
    assert (found.agent, found.spool, found.devices, found.bounds.telemetry) == ("edge-1", tmp_path / "edge-1.spool", None, 1_000_000)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "agent: a name"),
        ('agent = "edge/1"', "agent: a name"),
        ('agent = "edge-1"', "uplink: a table"),
        (LEAST + "[bound]\ntelemetry = 5\n", "bound: no such setting"),
        (LEAST + "[bounds]\ntelemetry = 0\n", "bounds.telemetry: a whole number from 1"),
        (LEAST + "[bounds]\ntelemtry = 5\n", "bounds.telemtry: no such setting"),
        (LEAST.replace("mqtt://", "http://"), "uplink.url: mqtt://host:port"),
        (LEAST + 'password_env = "NOT_THERE_AT_ALL"\n', "uplink.password_env"),
        (LEAST + '[[rules]]\nname = "r"\ndevices = "*"\nkind = "temperature_c"\n', "either above or below"),
        (LEAST + '[[rules]]\nname = "r"\ndevices = "*"\nkind = "temperature_f"\nabove = 1.0\n', "'temperature_f' is not a measured kind"),
        (LEAST + '[[filters]]\ndevices = "*"\nkind = "gross_g"\nmedian = 0\n', "median 1 to 99"),
        (LEAST + '[[filters]]\ndevices = "*"\nkind = "gross_g"\ndeadbnd = 1\n', "filters[0].deadbnd: no such setting"),
        (LEAST + '[[filters]]\nkind = "gross_g"\n', "filters[0].devices: a text is needed"),
        (LEAST + '[[drivers]]\ndriver = "scale"\n', "drivers[0].device"),
        ('clock = "sundial"\n' + LEAST, "clock: one of system, heard"),
        ('batches = "yaml"\n' + LEAST, "batches: one of auto, packed, json"),
        ("agent = ", "Invalid value"),
    ],
)
def test_a_slip_is_an_error_that_names_it(tmp_path, text, complaint):
    with pytest.raises(BadSettings) as error:
        settings(tmp_path, text)
    assert complaint in str(error.value)
    assert "edge.toml" in str(error.value)


def test_a_password_file_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(BadSettings, match="can be read by others"):
        settings(tmp_path, LEAST + 'password_file = "secret"\n')
    (tmp_path / "secret").chmod(0o600)
    assert settings(tmp_path, LEAST + 'password_file = "secret"\n').uplink.password == "s3cret"


def test_a_password_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_PASSWORD", "s3cret")
    assert settings(tmp_path, LEAST + 'password_env = "EDGE_PASSWORD"\n').uplink.password == "s3cret"


@pytest.mark.parametrize("sample", sorted((ROOT / "edge").rglob("sample.toml")), ids=lambda path: path.parent.name)
def test_every_sample_is_ready_to_start(sample):
    found = read_settings(sample)
    assert len(load_drivers(found)) == len(found.drivers)


def test_a_driver_that_does_not_exist_ends_with_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "edge.toml").write_text(LEAST + '[[drivers]]\ndriver = "toaster"\ndevice = "t-1"\n')
    words = [sys.executable, "-c", "from floorwise.cli.main import main; main()", "edge", "--config", str(tmp_path / "edge.toml")]
    found = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1 and "no such driver" in found.stderr


def test_every_driver_folder_has_a_page_and_a_sample():
    folders = [path for path in (ROOT / "edge/drivers").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert {path.name for path in folders} == {"climate", "mqtt", "scale", "scanner", "tracker"}
    for folder in folders:
        assert {"README.md", "sample.toml", "driver.py", "__init__.py"} <= {path.name for path in folder.iterdir()}
