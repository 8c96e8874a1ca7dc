"""Settings: which place wins, what does not fit is named, and the document says what the code does."""

import re
from pathlib import Path

import pytest

from floorwise.gateway.settings import BadSettings, Settings, is_loopback, read_settings, shown


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FLOORWISE_{name.upper()}", raising=False)


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_option_beats_the_environment_beats_the_file_beats_the_default(tmp_path, monkeypatch):
    path = file(tmp_path, 'port = 1\nspeed = 2.0\nsite = "north"\n')
    monkeypatch.setenv("FLOORWISE_PORT", "3")
    monkeypatch.setenv("FLOORWISE_SPEED", "4")
    sourced = read_settings(path, port=5, host=None)
    told = {name: (value, source) for name, value, source in shown(sourced)}
    assert told["port"] == ("5", "option")
    assert told["speed"] == ("4.0", "FLOORWISE_SPEED")
    assert told["site"] == ("north", str(path))
    assert told["host"] == ("127.0.0.1", "default")


@pytest.mark.parametrize(
    ("text", "named"),
    [("prot = 1", "prot"), ("port = 70000", "port"), ("speed = 0", "speed"), ('epoch = "monday"', "epoch"), ("port = [", "gateway.toml"),
     ('labels = "maybe"', "labels"), ('host = "0.0.0.0"', "allow_outside")],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, text, named):
    with pytest.raises(BadSettings, match=named):
        read_settings(file(tmp_path, text))


def test_a_wrong_value_in_the_environment_names_the_variable(monkeypatch):
    monkeypatch.setenv("FLOORWISE_PORT", "many")
    with pytest.raises(BadSettings, match="FLOORWISE_PORT"):
        read_settings()


def test_a_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("FLOORWISE_BROKER_PASSWORD", "hunter2")
    sourced = read_settings()
    assert sourced.settings.broker_password == "hunter2"
    assert "hunter2" not in str(shown(sourced))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "floor.example", "", "127.0.0.1.evil.example"])
def test_an_address_that_others_reach_needs_a_word(host):
    assert not is_loopback(host)
    with pytest.raises(BadSettings, match="allow_outside"):
        read_settings(host=host)
    assert read_settings(host=host, allow_outside=True).settings.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_none(host):
    assert read_settings(host=host).settings.host == host


def test_an_epoch_without_an_offset_is_utc():
    assert read_settings(epoch="2026-03-02T06:00:00").settings.epoch_ms == 1_772_431_200_000
    assert read_settings(epoch="2026-03-02T07:00:00+01:00").settings.epoch_ms == 1_772_431_200_000
    assert read_settings().settings.epoch_ms == 0


def test_the_document_lists_every_setting_with_its_default_and_nothing_else(repository):
    text = (repository / "docs/reference/settings.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", text, flags=re.MULTILINE))

    def written(default: object) -> str:
        return '""' if default == "" else str(default).lower() if isinstance(default, bool) else str(default)

    wanted = {name: written(field.default) for name, field in Settings.model_fields.items()}
    assert listed == wanted
    assert [name for name, field in Settings.model_fields.items() if field.description not in text] == []
