"""Scenarios: a floor, its people and a day, told in TOML; unknown names and impossible values are refused by name."""

import tomllib
from datetime import date, time
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from floorwise.core.errors import BadInput
from floorwise.core.model.places import zone_named


class Floor(NamedTuple):
    """A rectangular block; every aisle has two sides of `bays`, with `pick_levels` bins and one reserve bin above each."""

    aisles: int = 8
    bays: int = 30
    pick_levels: int = 2
    pitch_mm: int = 3_500
    bay_mm: int = 1_200


class Demand(NamedTuple):
    """A day of orders. `hours` are weights from midnight; line counts are geometric, units a line 1 + Poisson-like."""

    orders: int = 300
    skus: int = 400
    mean_lines: float = 2.6
    mean_units: float = 1.6
    popularity: float = 0.8  # Zipf exponent: 0 = all SKUs alike; 0.8 gives the top fifth about 64 % of lines, as real orders show
    hours: tuple[float, ...] = (0, 0, 0, 0, 0, 0, 1, 2, 5, 8, 10, 11, 11, 10, 9, 9, 8, 6, 4, 3, 2, 1, 0, 0)


class People(NamedTuple):
    """Who works, when and how fast. Times are means; each task draws its own around them with `spread`."""

    pickers: int = 6
    packers: int = 3
    shift_from: str = "06:00"
    shift_to: str = "22:00"
    walk_mm_s: int = 1_000
    setup_ms: int = 60_000  # a cart with its totes
    search_ms: int = 9_000  # a stop
    unit_ms: int = 2_500  # a unit, up to `most_units_ms` a stop: beyond it whole boxes are taken
    most_units_ms: int = 180_000
    climb_ms: int = 15_000  # a stop in reserve
    pack_ms: int = 60_000  # a part
    pack_line_ms: int = 8_000
    count_ms: int = 1_800_000  # until an open count is done
    spread: float = 0.35


class Carriers(NamedTuple):
    """The paper carrier's truck and its network; transit times are simulated."""

    cut_off: str = "17:30"
    open_days: str = "01234"
    transit_ms: int = 100_800_000  # mean, door to door: 28 h
    spread: float = 0.3
    lost_share: float = 0.0


class Supply(NamedTuple):
    """Suppliers deliver what was ordered, on the day promised; opening stock covers `cover_days` of mean demand."""

    cover_days: float = 3.0
    lead_days: float = 2.0
    reorder_share: float = 0.4  # of the order-up-to level


class Faults(NamedTuple):
    """What goes wrong on purpose, as shares of picks, parcel lines or orders."""

    short_share: float = 0.05  # of visits to a bin that lacks 1 to 3 units; it shows when the bin runs low
    return_share: float = 0.05
    return_after_ms: int = 259_200_000  # mean: 3 days
    gone_share: float = 0.0  # of picks after which the picker is gone in the middle of the tour; somebody else goes on with the cart
    gone_ms: int = 3_600_000  # until such a picker is back


class Scenario(NamedTuple):
    """One run of the twin."""

    name: str
    day: date  # the first day, local to the site
    zone: str = "Europe/London"
    currency: str = "GBP"
    days: int = 1
    floor: Floor = Floor()
    demand: Demand = Demand()
    people: People = People()
    carriers: Carriers = Carriers()
    supply: Supply = Supply()
    faults: Faults = Faults()


def known() -> list[str]:
    """The scenarios that come with floorwise."""
    return sorted(
        item.name.removesuffix(".toml") for item in files("floorwise.sim").joinpath("scenarios").iterdir() if item.name.endswith(".toml")
    )


def load(name: str) -> Scenario:
    """A scenario by its name, or from a .toml file; BadInput names the field that is wrong and what would be right."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise BadInput(f"scenario file {name} is not there")
        try:
            text, name = path.read_text(encoding="utf-8"), path.stem
        except UnicodeDecodeError as error:
            raise BadInput(f"scenario file {name} is not UTF-8 text ({error}); save it as UTF-8") from error
    elif name in known():
        text = files("floorwise.sim").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise BadInput(f"scenario {name!r} is unknown; there are {', '.join(known())}, or give a .toml file")
    try:
        return _checked(_built(Scenario, {"name": name} | tomllib.loads(text), name))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"scenario {name}: {error}") from error


def _built(kind: Any, told: dict[str, Any], where: str) -> Any:
    fields = get_type_hints(kind)
    if unknown := sorted(set(told) - set(fields)):
        raise BadInput(f"scenario {where}: {', '.join(unknown)} is unknown; fields are {', '.join(fields)}")
    values: dict[str, Any] = {}
    for field, value in told.items():
        wanted = fields[field]
        if hasattr(wanted, "_fields"):
            if not isinstance(value, dict):
                raise BadInput(f"scenario {where}: {field} is a table of its own, [{field}]")
            values[field] = _built(wanted, value, f"{where}.{field}")
        elif isinstance(value, list):
            values[field] = tuple(value)
        elif wanted is float and type(value) is int:
            values[field] = float(value)
        elif wanted in (int, str, float, date) and type(value) is not wanted:
            raise BadInput(f"scenario {where}: {field} = {value!r} should be of type {wanted.__name__}")
        else:
            values[field] = value
    if missing := [f for f in fields if f not in values and f not in kind._field_defaults]:
        raise BadInput(f"scenario {where}: {', '.join(missing)} is missing")
    return kind(**values)


MOST = {  # beyond it a run would take hours or all memory, and a slip of the pen is likelier
    "days": 366, "aisles": 500, "bays": 1_000, "pick_levels": 20, "orders": 1_000_000, "skus": 1_000_000, "pickers": 2_000,
    "packers": 2_000, "mean_lines": 1_000, "mean_units": 100_000, "popularity": 10, "spread": 3, "cover_days": 3_650, "lead_days": 365,
    "reorder_share": 1, "lost_share": 1, "short_share": 1, "return_share": 1,
}  # fmt: skip
MOST_NUMBER = 10**9  # of anything else: ms, mm


def _checked(scenario: Scenario) -> Scenario:
    for table, part in scenario._asdict().items():
        for field, value in part._asdict().items() if hasattr(part, "_asdict") else ():
            if isinstance(value, int | float) and not 0 <= value < inf:
                raise BadInput(f"scenario {scenario.name}: {table}.{field} = {value} is not a number from zero up")
            most = MOST.get(field, MOST_NUMBER)
            if isinstance(value, int | float) and value > most:
                raise BadInput(f"scenario {scenario.name}: {table}.{field} = {value:,} is too much; {most:,} at most")
    if not 1 <= scenario.days <= MOST["days"]:
        raise BadInput(f"scenario {scenario.name}: days = {scenario.days} is not a number from 1 to {MOST['days']}")
    if not (len(scenario.currency) == 3 and scenario.currency.isascii() and scenario.currency.isalpha() and scenario.currency.isupper()):
        raise BadInput(f"scenario {scenario.name}: currency = {scenario.currency!r} is not an ISO 4217 code such as GBP")
    if not scenario.carriers.open_days or set(scenario.carriers.open_days) - set("0123456"):
        told = f"carriers.open_days = {scenario.carriers.open_days!r}"
        raise BadInput(f"scenario {scenario.name}: {told} is not one or more digits from 0 (Monday) to 6")
    for field, least in (("aisles", 1), ("bays", 1), ("pick_levels", 1), ("pitch_mm", 1), ("bay_mm", 1)):
        if getattr(scenario.floor, field) < least:
            raise BadInput(f"scenario {scenario.name}: floor.{field} is at least {least}")
    try:
        zone_named(scenario.zone)
    except ValueError as error:
        raise BadInput(f"scenario {scenario.name}: {error}") from error
    if any(type(weight) not in (int, float) or not 0 <= weight < inf for weight in scenario.demand.hours):
        raise BadInput(f"scenario {scenario.name}: demand.hours are numbers from zero up")
    people = scenario.people
    if min(people.pickers, people.packers, people.walk_mm_s) < 1:
        raise BadInput(f"scenario {scenario.name}: people.pickers, people.packers and people.walk_mm_s are at least 1")
    for key, text in (
        ("people.shift_from", people.shift_from), ("people.shift_to", people.shift_to), ("carriers.cut_off", scenario.carriers.cut_off),
    ):  # fmt: skip
        try:
            time.fromisoformat(text)
        except ValueError as error:
            raise BadInput(f"scenario {scenario.name}: {key} = {text!r} is not a time such as 17:30") from error
    if people.shift_from >= people.shift_to:
        raise BadInput(f"scenario {scenario.name}: the shift ends at {people.shift_to}, before it begins at {people.shift_from}")
    if (
        scenario.demand.mean_lines < 1
        or scenario.demand.mean_units < 1
        or len(scenario.demand.hours) != 24
        or not sum(scenario.demand.hours)
    ):
        raise BadInput(
            f"scenario {scenario.name}: demand needs mean_lines and mean_units of at least 1, and 24 hours that are not all zero"
        )
    if scenario.floor.aisles * scenario.floor.bays * 2 * scenario.floor.pick_levels < scenario.demand.skus:
        raise BadInput(f"scenario {scenario.name}: {scenario.demand.skus} SKUs need more pick bins than the floor has")
    return scenario
