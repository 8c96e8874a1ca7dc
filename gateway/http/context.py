"""What every route works with, and the types that bound what a request may say."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Header, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.core.model.parcels import Parcel
from floorwise.core.ports import Ledger, Store
from floorwise.gateway.board import Board
from floorwise.gateway.clock import FloorClock
from floorwise.gateway.http.heat import Heat
from floorwise.gateway.http.streams import Streams
from floorwise.gateway.reader import Readers
from floorwise.gateway.settings import Settings
from floorwise.gateway.writer import Writer

TEXT_LENGTH = 200
OUTSIDE_S = 3.0  # what a floor said of its backlog holds for so long
KEY_LENGTH = 200


class Conditions(Protocol):
    """What the ledger knows of trackers and limits, as the routes see it."""

    def excursions(self, ledger: Ledger, is_open: bool | None, limit: int) -> list[dict[str, Any]]:
        """Excursions, the newest first; open ones, ended ones or (None) both."""

    def counts(self, ledger: Ledger) -> dict[str, int]:
        """open and total."""

    def tracker_of(self, ledger: Ledger, parcel: Parcel) -> str:
        """The device that travels with the parcel, or ""."""

    def of_parcel(self, ledger: Ledger, parcel: Parcel) -> dict[str, Any]:
        """bindings, series and excursions of a parcel."""

    def of_device(self, ledger: Ledger, device: str) -> dict[str, Any]:
        """What the device speaks for and the limits there."""


class Check(BaseModel):
    """One thing that must be well before the gateway says it is ready."""

    name: str
    ok: bool
    detail: str


class Outside:
    """What an emulated floor still has to tell us, as it last said: a paced clock waits for that, too."""

    def __init__(self, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_s, self._count, self._at_s = wall_s, 0, 0.0

    def told(self, count: int) -> None:
        """There is so much."""
        self._count, self._at_s = count, self._wall_s()

    def count(self) -> int:
        """0 when nobody has said anything for OUTSIDE_S."""
        return self._count if self._wall_s() - self._at_s <= OUTSIDE_S else 0


@dataclass
class Gateway:
    """The parts of a running gateway that routes ask."""

    settings: Settings
    writer: Writer
    readers: Readers
    board: Board
    clock: FloorClock
    streams: Streams
    checks: Callable[[], list[Check]]
    store: Store | None = None
    intake_figures: Callable[[], dict[str, Any]] | None = None  # stored, per_second, devices, dead_letters
    conditions: Conditions | None = None
    expected: tuple[str, ...] = ()  # consumers of the journal that run here
    heat: Heat = field(default_factory=Heat)
    outside: Outside = field(default_factory=Outside)
    spoke: Callable[[str], None] = lambda picker: None  # a picker has done something: whoever works on a page is not gone
    collectors: tuple[Any, ...] = ()  # of further figures for /metrics


def gateway_of(request: Request) -> Gateway:
    """The gateway behind this application."""
    return request.app.state.gateway


_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def _text(value: str) -> str:
    if _NO_TEXT.search(value):
        raise ValueError("holds a character that no text has")
    return value


Text = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_text)]
Name = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH), AfterValidator(_text)]
Whole = Annotated[int, Field(ge=0, le=LARGEST_INTEGER, strict=True)]  # in a body: no "3", no 3.0, no true
Number = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]  # in an address, where everything is text
Here = Annotated[Gateway, Depends(gateway_of)]
# Behind a prefix: devices and workers have keys of their own, and nobody may take theirs before they do.
Key = Annotated[
    str,
    Header(alias="Idempotency-Key", min_length=1, max_length=KEY_LENGTH, pattern=r"^[\x20-\x7e]+$"),
    AfterValidator(lambda key: f"http/{key.strip()}"),
]


class Body(BaseModel):
    """A request's body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")
