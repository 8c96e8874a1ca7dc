"""Sites and locations: where things can stand, and in which time zone a cut-off is meant."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from floorwise.core.model.record import Index, record

SELLABLE_KINDS = ("pick", "reserve")  # stock here, with status available, may be promised
LOCATION_KINDS = (*SELLABLE_KINDS, "dock", "stage", "pack", "returns", "quarantine", "outlet")


@record(key="site")
class Site(NamedTuple):
    """One warehouse."""

    site: str
    zone: str  # IANA name, "Europe/London"
    currency: str
    company_prefix: str  # GS1 company prefix of its SSCCs
    aisles: int
    aisle_pitch_mm: int
    aisle_length_mm: int
    depot_x_mm: int
    version: int = 0


@record(key="location", indexes=[Index("by_kind", "site kind aisle y_mm level")])
class Location(NamedTuple):
    """A bin or slot, the smallest place; on the block of its site at (aisle, y) and a level."""

    location: str
    site: str
    kind: str  # one of LOCATION_KINDS
    aisle: int
    y_mm: int
    level: int
    check_digits: str  # read aloud or scanned to prove that the picker stands here
    version: int = 0


@record(key="site aisle")
class AisleBlock(NamedTuple):
    """Whether an aisle can be entered; one that never was blocked has no row."""

    site: str
    aisle: int
    is_blocked: int
    cause: str
    since_ms: int
    version: int = 0


def check_digits(location: str) -> str:
    """Two digits that a picker reads at the bin: a sum that differs for neighbours and for swapped characters."""
    return f"{sum((i + 2) * ord(c) for i, c in enumerate(location)) % 97:02}"


def zone_named(name: str) -> ZoneInfo:
    """The time zone, or ValueError naming it: a site without a zone would ship at the wrong hour twice a year."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # ValueError: absolute or malformed key; OSError: a directory
        raise ValueError(f"time zone {name!r} is not in the IANA database; a site needs one such as Europe/London") from error


def local_ms(day: date, at: time, zone: ZoneInfo) -> int:
    """UTC ms of a local wall time; in the hour that occurs twice the first is meant, in the one left out the clock after it."""
    return int(datetime.combine(day, at, tzinfo=zone).timestamp() * 1000)


def next_cut_off_ms(now_ms: int, cut_off: time, zone: ZoneInfo, open_days: tuple[int, ...]) -> int:
    """The first cut-off at or after `now_ms` on an open weekday (0 = Monday), in UTC ms."""
    assert open_days, "a carrier that never comes has no cut-off"
    day = datetime.fromtimestamp(now_ms / 1000, zone).date()
    for ahead in range(15):  # two weeks hold every weekday
        candidate = day + timedelta(days=ahead)
        due = local_ms(candidate, cut_off, zone)
        if candidate.weekday() in open_days and due >= now_ms:
            return due
    raise AssertionError("no open day in two weeks")
