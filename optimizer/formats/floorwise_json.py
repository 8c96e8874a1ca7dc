"""The floorwise JSON of a picking problem: floor, stock, orders, pickers, times (docs/reference/solve-json.md, solve.schema.json).

`read(path)` gives a `Task`. Everything is checked here, and what is wrong is named with its place in the file: `orders[2].lines[0].units`.
Unknown keys are refused, because a misspelt `closed` would otherwise be an open aisle.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.location import Offer
from floorwise.optimizer.packing import Article, Packed, Tote, pack
from floorwise.optimizer.routing import Floor
from floorwise.optimizer.walkgraph import Spot, WalkGraph, Way

FORMAT = "floorwise-solve-1"
DISTANCE, TIME, TARDINESS, MAKESPAN = "distance", "time", "tardiness", "makespan"
RESOURCES = ("orders", "lines", "units", "weight_g", "volume_cm3", "boxes", "totes")
SIDES = ("length_mm", "width_mm", "height_mm")
MOST_BYTES = 200_000_000
LARGEST = 2**53  # what every JSON reader keeps exactly


@dataclass(frozen=True)
class TaskOrder:
    """`fault`: why no walk can take the order, whatever the pickers ("" = nothing known). `totes`: what lies where in its totes."""

    name: str
    lines: tuple[tuple[str, int], ...]  # article, units
    load: tuple[int, ...]  # of RESOURCES
    due_s: int = 0
    release_s: int = 0
    needs: tuple[str, ...] = ()
    fault: str = ""
    totes: tuple[Packed, ...] = ()


@dataclass(frozen=True)
class Picker:
    """`count` people alike; capacity of RESOURCES by name, absent = unlimited."""

    name: str
    count: int
    capacity: dict[str, int]
    shift_from_s: int = 0
    shift_to_s: int = 0
    start: int = 0
    end: int = 0
    skills: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """One file. The objective `distance` counts millimetres, the others milliseconds. `most_late_s` None: as late as it gets."""

    name: str
    objective: str
    floor: Floor
    offers: tuple[Offer, ...]
    orders: tuple[TaskOrder, ...]
    pickers: tuple[Picker, ...]
    speed_mm_s: int = 0
    setup_ms: int = 0
    stop_ms: int = 0
    line_ms: int = 0
    articles: Mapping[str, Article] = field(default_factory=dict)
    most_late_s: int | None = 0
    sort_order_ms: int = 0
    sort_line_ms: int = 0
    aisle_room: int = 0  # people in one aisle at a time; 0 = any number
    tote: Tote | None = None


def read(path: str | Path) -> Task:
    """Read a file; FormatError and LayoutError say what is wrong and where."""
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise FormatError(f"{path.name}: larger than {MOST_BYTES:,} bytes")
    return parse(path.read_bytes().decode("utf-8-sig", errors="replace"), path.name)


def parse(text: str, name: str = "text") -> Task:
    """Turn JSON text into a Task."""
    try:
        top = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError:
        raise FormatError(f"{name}: nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{name}: not JSON: {error}") from None
    here = _Node(top, name)
    here.only(
        "format", "name", "comment", "objective", "most_late_s", "layout", "depots", "locations", "articles", "tote", "orders", "pickers",
        "times", "aisle_room",
    )  # fmt: skip
    if here.text("format") != FORMAT:
        raise FormatError(f"{name}: format is {here.text('format')!r}, this reader knows {FORMAT}")
    objective = here.text("objective", DISTANCE)
    if objective not in (DISTANCE, TIME, TARDINESS, MAKESPAN):
        raise FormatError(f"{name}: objective is {objective!r}, none of {DISTANCE}, {TIME}, {TARDINESS}, {MAKESPAN}")
    times = here.node("times", {})
    times.only("speed_mm_s", "setup_ms", "stop_ms", "line_ms", "sort_order_ms", "sort_line_ms")
    speed = times.whole("speed_mm_s", 0)
    if objective != DISTANCE and speed <= 0:
        raise FormatError(f"{name}: times.speed_mm_s must be above 0 for the objective {objective}")
    floor, offers = _floor(here)
    articles = _articles(here)
    tote = _tote(here.node("tote")) if here.has("tote") else None
    orders = tuple(_order(node, articles, tote) for node in here.nodes("orders"))
    if not orders:
        raise FormatError(f"{name}: orders is empty")
    depots = {depot.name: number for number, depot in enumerate(floor.depots)}
    pickers = tuple(_picker(node, depots) for node in here.nodes("pickers", ()))
    return Task(
        here.text("name", name), objective, floor, offers, orders, pickers, speed,
        times.whole("setup_ms", 0), times.whole("stop_ms", 0), times.whole("line_ms", 0),
        articles, here.whole("most_late_s") if here.has("most_late_s") else None if objective == TARDINESS else 0,
        times.whole("sort_order_ms", 0), times.whole("sort_line_ms", 0), here.whole("aisle_room", 0), tote,
    )  # fmt: skip


def _floor(here: "_Node") -> tuple[Floor, tuple[Offer, ...]]:
    layout = here.node("layout")
    kind = layout.text("kind")
    places = [*here.nodes("locations")]
    depots = [*here.nodes("depots")]
    offers = []
    for number, place in enumerate(places):
        for stock in place.nodes("stock", ()):
            stock.only("article", "units", "expires")
            offers.append(Offer(number, stock.text("article"), stock.whole("units"), stock.whole("expires", 0)))
    if kind == "blocks":
        layout.only("kind", "aisles", "cross_aisles_mm", "closed", "closed_ways")
        aisles = [*layout.nodes("aisles")]
        number = {}
        for aisle in aisles:
            aisle.only("name", "x_mm", "one_way")
            number.setdefault(aisle.text("name"), len(number))
        ways = {"up": 1, "down": -1}
        one_way = {}
        for k, aisle in enumerate(aisles):
            if aisle.has("one_way"):
                one_way[k] = ways[aisle.one_of("one_way", ways)]
        for place in places:
            place.only("name", "aisle", "at_mm", "lift_ms", "side", "stock")
        for depot in depots:
            depot.only("name", "aisle", "at_mm", "approach_mm")
        _refuse_shared(places)
        floor = BlockLayout(
            [aisle.whole("x_mm", least=-LARGEST) for aisle in aisles],
            layout.wholes("cross_aisles_mm"),
            [number[place.one_of("aisle", number)] for place in places],
            [place.whole("at_mm") for place in places],
            [Depot(d.text("name"), number[d.one_of("aisle", number)], d.whole("at_mm"), d.whole("approach_mm", 0)) for d in depots],
            lift_ms=[place.whole("lift_ms", 0) for place in places],
            closed=[(number[c.one_of("aisle", number)], c.whole("block"), c.whole("at_mm")) for c in layout.nodes("closed", ())],
            closed_ways=[(c.whole("cross_aisle"), number[c.one_of("after_aisle", number)]) for c in layout.nodes("closed_ways", ())],
            one_way=one_way,
            location_names=[place.text("name") for place in places],
            aisle_names=[aisle.text("name") for aisle in aisles],
        )
        return floor, tuple(offers)
    if kind == "graph":
        layout.only("kind", "nodes", "ways")
        xy = {n.text("name"): (n.whole("x_mm", least=-LARGEST), n.whole("y_mm", least=-LARGEST)) for n in layout.nodes("nodes", ())}
        ways_of = [
            Way(way.text("from"), way.text("to"), way.whole("length_mm"), way.flag("one_way", False), way.text("name", ""))
            for way in layout.nodes("ways")
        ]
        for way in layout.nodes("ways"):
            way.only("from", "to", "length_mm", "one_way", "name")
        spots = [_spot(place, ("lift_ms", "stock")) for place in places]
        return WalkGraph(ways_of, spots, [_spot(depot, ("approach_mm",)) for depot in depots], xy), tuple(offers)
    raise FormatError(f"{layout.place}.kind is {kind!r}, neither blocks nor graph")


def _spot(place: "_Node", more: tuple[str, ...]) -> Spot:
    place.only("name", "node", "way", "at_mm", *more)
    node, way = place.text("node", ""), place.text("way", "")
    if bool(node) == bool(way):
        raise FormatError(f"{place.place} needs a node or a way, and not both")
    lift = place.whole("lift_ms", 0) if "lift_ms" in more else 0
    approach = place.whole("approach_mm", 0) if "approach_mm" in more else 0
    return Spot(place.text("name"), node, way, place.whole("at_mm", 0), lift, approach)


def _refuse_shared(places: list["_Node"]) -> None:
    """Two locations of one aisle, distance, side and level (as told by the lift time) are one place with two names."""
    from floorwise.optimizer.layout import DuplicateLocation

    seen: dict[tuple, str] = {}
    for place in places:
        where = (place.text("aisle"), place.whole("at_mm"), place.text("side", ""), place.whole("lift_ms", 0))
        name = place.text("name")
        if seen.setdefault(where, name) != name:
            raise DuplicateLocation(f"locations {seen[where]} and {name} lie in one place; tell their side or lift_ms apart")


def _articles(here: "_Node") -> dict[str, Article]:
    found = {}
    for node in here.nodes("articles", ()):
        node.only("name", "weight_g", "volume_cm3", "stage", "segregation", *SIDES)
        if node.text("name") in found:
            raise FormatError(f"{node.place}: article {node.text('name')} appears twice")
        sides = _sides(node)
        volume = node.whole("volume_cm3", -(-sides[0] * sides[1] * sides[2] // 1_000))
        found[node.text("name")] = Article(node.whole("weight_g", 0), volume, sides, node.whole("stage", 0), node.text("segregation", ""))
    return found


def _sides(node: "_Node") -> tuple[int, ...]:
    return tuple(sorted((node.whole(side, 0) for side in SIDES), reverse=True))


def _tote(node: "_Node") -> Tote:
    node.only(*SIDES, "volume_cm3", "weight_g")
    sides = _sides(node)
    inner = tuple(node.whole(side, 0) for side in SIDES)
    return Tote(sides, node.whole("volume_cm3", sides[0] * sides[1] * sides[2] // 1_000), node.whole("weight_g", 0), inner)


def _order(node: "_Node", articles: dict[str, Article], tote: Tote | None) -> TaskOrder:
    node.only("name", "lines", "weight_g", "volume_cm3", "boxes", "due_s", "release_s", "needs")
    lines = []
    for line in node.nodes("lines"):
        line.only("article", "units")
        lines.append((line.text("article"), line.whole("units", 1, least=1)))
    weight = sum(articles.get(article, Article()).weight_g * units for article, units in lines)
    volume = sum(articles.get(article, Article()).volume_cm3 * units for article, units in lines)
    totes, fault = pack(lines, articles, tote) if tote else ((), "")
    load = (
        1, len(lines), sum(units for _, units in lines),
        node.whole("weight_g", weight), node.whole("volume_cm3", volume), node.whole("boxes", 0), len(totes),
    )  # fmt: skip
    needs = tuple(node.texts("needs", ()))
    return TaskOrder(node.text("name"), tuple(lines), load, node.whole("due_s", 0), node.whole("release_s", 0), needs, fault, totes)


def _picker(node: "_Node", depots: dict[str, int]) -> Picker:
    node.only("name", "count", "capacity", "shift_from_s", "shift_to_s", "start", "end", "skills")
    capacity = node.node("capacity", {})
    capacity.only(*RESOURCES)
    first = next(iter(depots))
    start = depots[node.one_of("start", depots, first)]
    return Picker(
        node.text("name"), node.whole("count", 1, least=1), {key: capacity.whole(key) for key in RESOURCES if capacity.has(key)},
        node.whole("shift_from_s", 0), node.whole("shift_to_s", 0), start,
        depots[node.one_of("end", depots, node.text("start", first))], tuple(node.texts("skills", ())) if node.has("skills") else None,
    )  # fmt: skip


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number of this format")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in names if names.count(key) > 1)!r} appears twice in one object")
    return found


_REQUIRED = object()


class _Node:
    """One JSON object that knows its place in the file."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise FormatError(f"{place} must be an object")
        self.value, self.place = value, place

    def has(self, key: str) -> bool:
        return key in self.value

    def only(self, *known: str) -> None:
        for key in self.value:
            if key not in known:
                raise FormatError(f"{self.place}.{key} is unknown; known here: {', '.join(known)}")

    def get(self, key: str, default: Any) -> Any:
        if key not in self.value:
            if default is _REQUIRED:
                raise FormatError(f"{self.place}.{key} is missing")
            return default
        return self.value[key]

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        value = self.get(key, default)
        if not isinstance(value, str):
            raise FormatError(f"{self.place}.{key} must be text")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise FormatError(f"{self.place}.{key} must be true or false")
        return value

    def whole(self, key: str, default: Any = _REQUIRED, least: int = 0) -> int:
        return _whole(self.get(key, default), f"{self.place}.{key}", least)

    def texts(self, key: str, default: Any = _REQUIRED) -> list[str]:
        value = self.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise FormatError(f"{self.place}.{key} must be a list of texts")
        return list(value)

    def wholes(self, key: str) -> list[int]:
        value = self.get(key, _REQUIRED)
        if not isinstance(value, list):
            raise FormatError(f"{self.place}.{key} must be a list")
        return [_whole(item, f"{self.place}.{key}[{at}]", 0) for at, item in enumerate(value)]

    def one_of(self, key: str, known: Iterable[str], default: Any = _REQUIRED) -> str:
        value = self.text(key, default)
        if value not in known:
            raise FormatError(f"{self.place}.{key} is {value!r}, which is none of {', '.join(list(known)[:8])}")
        return value

    def node(self, key: str, default: Any = _REQUIRED) -> "_Node":
        return _Node(self.get(key, default), f"{self.place}.{key}")

    def nodes(self, key: str, default: Any = _REQUIRED) -> list["_Node"]:
        value = self.get(key, default)
        if not isinstance(value, (list, tuple)):
            raise FormatError(f"{self.place}.{key} must be a list")
        return [_Node(item, f"{self.place}.{key}[{at}]") for at, item in enumerate(value)]


def _whole(value: Any, place: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FormatError(f"{place} must be a whole number")
    if not least <= value <= LARGEST:
        raise FormatError(f"{place} is {value}, outside {least}..2^53")
    return value
