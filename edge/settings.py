"""The settings of an agent, read from a TOML file; edge/sample.toml shows every one with its default.

An unknown or ill-fitting setting is an error that names it: a misspelt bound must not be a missing bound.
"""

import os
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from floorwise.core.errors import BadInput
from floorwise.core.model.readings import KINDS, Alias, Number, is_device_name
from floorwise.edge.link import Address
from floorwise.edge.spool import Bounds

# Units that devices in use speak, and what the contract speaks. °F to °C: (x - 32) × 5/9.
ALIASES = {
    "temperature_f": Alias("temperature_c", 5 / 9, -160 / 9),
    "gross_kg": Alias("gross_g", 1000.0),
    "gross_lb": Alias("gross_g", 453.59237),
    "shock_g": Alias("shock_mps2", 9.80665),
    "humidity_1": Alias("humidity_pct", 100.0),
}


CLOCKS = ("system", "heard")
BATCHES = ("auto", "packed", "json")


class BadSettings(BadInput):
    """The settings cannot be used; the text names file and setting."""


@dataclass(frozen=True)
class Filter:
    """What to smooth and what to leave out, for devices whose name fits `devices` (a pattern with * and ?)."""

    devices: str
    kind: str
    median: int = 1  # of this many readings, the present one included; 1 = none
    deadband: float = 0.0  # a reading within this of the last one passed on is left out …
    silence_ms: int = 60_000  # … unless that one is older than this

    def fits(self, device: str) -> bool:
        return fnmatchcase(device, self.devices)


@dataclass(frozen=True)
class Rule:
    """A local alarm: `kind` above or below a limit for at least `for_ms`, over when it is back at `clear`."""

    name: str
    devices: str
    kind: str
    above: float | None = None
    below: float | None = None
    clear: float | None = None  # the limit itself when not given
    for_ms: int = 0
    siren: str = ""  # device that gets the command "alarm"

    def fits(self, device: str) -> bool:
        return fnmatchcase(device, self.devices)


@dataclass(frozen=True)
class DriverSettings:
    """One [[drivers]] table: which driver, for which device, and what it wants to know."""

    name: str
    device: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """All that an agent needs to know."""

    agent: str
    spool: Path
    uplink: Address
    devices: Address | None = None
    bounds: Bounds = field(default_factory=Bounds)
    filters: tuple[Filter, ...] = ()
    rules: tuple[Rule, ...] = ()
    aliases: dict[str, Alias] = field(default_factory=lambda: dict(ALIASES))
    drivers: tuple[DriverSettings, ...] = ()
    batches: str = "auto"  # packed as soon as the gateway has said that it reads them; or always so, or never
    clock: str = "system"  # or "heard": the latest time any device told, for floors that do not live in wall time


def read_settings(path: Path) -> Settings:
    """Return the settings in a TOML file; relative paths in it start at its folder. Raises BadSettings."""
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}") from None
    try:
        return _settings(body, path.parent)
    except (ValueError, TypeError) as error:
        raise BadSettings(f"{path}: {error}") from None


def _settings(body: dict[str, Any], folder: Path) -> Settings:
    _known("", body, {"agent", "spool", "uplink", "devices", "bounds", "filters", "rules", "aliases", "drivers", "clock", "batches"})
    agent = body.get("agent", "")
    if not isinstance(agent, str) or not is_device_name(agent):
        raise ValueError("agent: a name of letters, digits, . _ - is needed")
    if "uplink" not in body:
        raise ValueError("uplink: a table with a url is needed")
    if body.get("clock", "system") not in CLOCKS:
        raise ValueError(f"clock: one of {', '.join(CLOCKS)} is needed")
    if body.get("batches", "auto") not in BATCHES:
        raise ValueError(f"batches: one of {', '.join(BATCHES)} is needed")
    bounds = dict(_table(body, "bounds"))
    _known("bounds.", bounds, {"telemetry", "custody", "file_mib"})
    return Settings(
        agent=agent,
        spool=folder / body.get("spool", f"{agent}.spool"),
        uplink=_address("uplink", _table(body, "uplink"), folder),
        devices=_address("devices", _table(body, "devices"), folder) if "devices" in body else None,
        bounds=Bounds(
            _whole(bounds, "bounds.telemetry", Bounds().telemetry),
            _whole(bounds, "bounds.custody", Bounds().custody),
            _whole(bounds, "bounds.file_mib", Bounds().file_bytes // 2**20) * 2**20,
        ),
        filters=tuple(_filter(number, one) for number, one in enumerate(_tables(body, "filters"))),
        rules=tuple(_rule(number, one) for number, one in enumerate(_tables(body, "rules"))),
        aliases=ALIASES | {name: _alias(name, one) for name, one in _table(body, "aliases").items()},
        drivers=tuple(_driver(number, one) for number, one in enumerate(_tables(body, "drivers"))),
        clock=body.get("clock", "system"),
        batches=body.get("batches", "auto"),
    )


def _address(where: str, body: dict[str, Any], folder: Path) -> Address:
    _known(f"{where}.", body, {"url", "username", "password_env", "password_file", "ca_file", "window"})
    password = ""
    if name := body.get("password_env"):
        if name not in os.environ:
            raise ValueError(f"{where}.password_env: there is no environment variable {name!r}")
        password = os.environ[name]
    elif name := body.get("password_file"):
        file = folder / name
        if file.stat().st_mode & 0o077:
            raise ValueError(f"{where}.password_file: {name} can be read by others; chmod 600 it")
        password = file.read_text(encoding="utf-8").strip()
    ca_file = str(folder / body["ca_file"]) if body.get("ca_file") else ""
    url = body.get("url", "")
    if not isinstance(url, str) or not url.startswith(("mqtt://", "mqtts://")):
        raise ValueError(f"{where}.url: mqtt://host:port or mqtts://host:port is needed")
    return Address(url, body.get("username", ""), password, ca_file, _whole(body, f"{where}.window", Address("").window))


def _filter(number: int, body: dict[str, Any]) -> Filter:
    where = f"filters[{number}]"
    _known(f"{where}.", body, set(Filter.__dataclass_fields__))
    _needed(where, body, "devices", "kind")
    one = Filter(**body)
    _measured(where, one.kind)
    if one.median < 1 or one.median > 99 or one.deadband < 0 or one.silence_ms < 1:
        raise ValueError(f"{where}: median 1 to 99, deadband from 0, silence_ms from 1")
    return one


def _rule(number: int, body: dict[str, Any]) -> Rule:
    where = f"rules[{number}]"
    _known(f"{where}.", body, set(Rule.__dataclass_fields__))
    _needed(where, body, "name", "devices", "kind")
    one = Rule(**body)
    _measured(where, one.kind)
    if (one.above is None) == (one.below is None):
        raise ValueError(f"{where}: either above or below is needed")
    if one.siren and not is_device_name(one.siren):
        raise ValueError(f"{where}.siren: {one.siren!r} is not a device name")
    return one


def _alias(name: str, body: dict[str, Any]) -> Alias:
    _known(f"aliases.{name}.", body, set(Alias._fields))
    one = Alias(**body)
    _measured(f"aliases.{name}", one.kind)
    return one


def _driver(number: int, body: dict[str, Any]) -> DriverSettings:
    options = dict(body)
    name, device = options.pop("driver", ""), options.pop("device", "")
    if not is_device_name(device):
        raise ValueError(f"drivers[{number}].device: {device!r} is not a device name")
    return DriverSettings(name, device, options)


def _measured(where: str, kind: str) -> None:
    if not isinstance(KINDS.get(kind), Number):
        known = ", ".join(name for name, rule in KINDS.items() if isinstance(rule, Number))
        raise ValueError(f"{where}.kind: {kind!r} is not a measured kind; known: {known}")


def _table(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name}: a table is needed")
    return value


def _tables(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"{name}: a list of tables ([[{name}]]) is needed")
    return value


def _known(where: str, body: dict[str, Any], names: set[str]) -> None:
    if unknown := sorted(body.keys() - names):
        raise ValueError(f"{where}{unknown[0]}: no such setting; known: {', '.join(sorted(names))}")


def _needed(where: str, body: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(body.get(name), str) or not body[name]:
            raise ValueError(f"{where}.{name}: a text is needed")


def _whole(body: dict[str, Any], where: str, default: int) -> int:
    value = body.get(where.rpartition(".")[2], default)
    if type(value) is not int or value < 1:
        raise ValueError(f"{where}: a whole number from 1 is needed")
    return value
