"""The settings of a live gateway: from the command line, the environment (FLOORWISE_ and the name, as FLOORWISE_PORT=8421), a TOML
file, else a default that runs on one machine. An unknown or ill-fitting setting is an error that names it.
"""

import ipaddress
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from floorwise.core.errors import BadInput

PREFIX = "FLOORWISE_"


class BadSettings(BadInput):
    """The settings cannot be used; the text names the setting and where it came from."""


class Settings(BaseSettings):
    """Every setting; each description is its line in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data: Path = Field(Path("data"), description="Directory of ledger, readings, labels and the saved floor time.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8420, ge=0, le=65_535, description="Port to listen on; 0 takes any that is free and says which.")
    allow_outside: bool = Field(False, description="Listen on an address that other machines reach. There is no access control yet.")
    hosts: list[str] = Field(
        [], max_length=50, description="Further names under which pages may be asked for, as a reverse proxy gives them: floor.example:443."
    )
    broker: str = Field("auto", description="auto, embedded, mosquitto, mqtt://host:port, or none for a floor without devices.")
    broker_port: int = Field(0, ge=0, le=65_535, description="Port of a broker of our own; 0 takes any that is free.")
    broker_username: str = Field("", description="Name towards a broker that asks for one.")
    broker_password: str = Field("", description="Its password; better given by the environment than in a file.")
    broker_ca_file: str = Field("", description="Certificate authority of an mqtts:// broker.")
    site: str = Field("main", min_length=1, max_length=64, description="Name of the site in the ledger.")
    speed: float = Field(1.0, gt=0, le=10_000, description="Floor time a wall time; 1 without an epoch is the wall's own time.")
    epoch: str = Field("", description="ISO 8601 moment at which floor time begins in a new data directory; empty: now.")
    tick_s: int = Field(120, ge=1, le=3_600, description="Floor seconds between two releases of orders to the floor, each with a plan.")
    horizon_h: int = Field(72, ge=1, le=1_000, description="Orders whose truck leaves within these floor hours may be released.")
    gone_after_s: int = Field(
        2_400, ge=1, le=86_400,
        description="Wall seconds a handheld may be dead before the rest of its tour is open for others; longer than an outage of Wi-Fi.",
    )  # fmt: skip
    effort: int = Field(0, ge=0, le=100_000_000, description="Improvement steps of the planner after its first plan.")
    labels: str = Field(
        "paper", pattern="^(paper|none)$", description="paper writes labels into the data directory; none leaves them wanted."
    )
    disk_min_mib: int = Field(200, ge=1, le=10_000_000, description="Free disk below which the gateway says it is not ready.")
    retention_days: int = Field(400, ge=1, le=36_500, description="Days for which readings are kept.")
    emulated: list[str] = Field([], max_length=20, description="Steps that an emulator does instead of people; the pages say so.")
    log: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level of log lines on standard error.")

    @field_validator("epoch")
    @classmethod
    def _is_a_moment(cls, text: str) -> str:
        if text:
            datetime.fromisoformat(text)
        return text

    @model_validator(mode="after")
    def _stays_at_home(self) -> "Settings":
        if not self.allow_outside and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} can be reached from other machines, and there is no access control yet; "
                "use 127.0.0.1 behind a proxy that has, or set allow_outside"
            )
        return self

    @property
    def epoch_ms(self) -> int:
        """The epoch in UTC ms, 0 when none is set; a moment without an offset is UTC."""
        if not self.epoch:
            return 0
        moment = datetime.fromisoformat(self.epoch)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings  # what `read_settings` found in the file comes below both


class Sourced(NamedTuple):
    """Settings, and for each the source that gave it."""

    settings: Settings
    sources: dict[str, str]


def read_settings(file: Path | None = None, **given: Any) -> Sourced:
    """The settings that hold: those `given` (None = not given), then the environment's, then the file's, then defaults.

    Raises BadSettings naming the setting and its source.
    """
    options = {name: value for name, value in given.items() if value is not None}
    environment = _environment()
    told = _file(file) if file else {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    sources |= dict.fromkeys(told, str(file)) | {name: PREFIX + name.upper() for name in environment} | dict.fromkeys(options, "option")
    try:
        return Sourced(Settings(**(told | environment | options)), sources)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        where = f"{name} ({sources[name]})" if name in sources else name or "settings"
        raise BadSettings(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def shown(sourced: Sourced) -> list[tuple[str, str, str]]:
    """(name, value, source) of every setting, as a person may see it: a password is not shown."""
    values = sourced.settings.model_dump()
    return [(name, "***" if name == "broker_password" and value else str(value), sourced.sources[name]) for name, value in values.items()]


def _environment() -> dict[str, Any]:
    """Settings in the environment, read by the library's own rules (JSON for lists)."""
    from pydantic_settings import EnvSettingsSource

    try:
        found = EnvSettingsSource(Settings)()
    except ValueError as error:
        raise BadSettings(f"environment: {error}") from None
    return {name: value for name, value in found.items() if name in Settings.model_fields}


def _file(path: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}") from None
    if unknown := sorted(set(told) - set(Settings.model_fields)):
        raise BadSettings(f"{path}: {unknown[0]} is no setting; known are {', '.join(Settings.model_fields)}")
    if isinstance(told.get("data"), str):
        told["data"] = path.parent / told["data"]  # as everywhere: a path in a file starts at the file
    return told
