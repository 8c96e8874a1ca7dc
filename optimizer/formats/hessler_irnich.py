"""Hessler–Irnich text files: single-picker routing, scattered storage and order batching in one rectangular warehouse.

`read(path)` or `parse(text)` give an `Instance`; `instance.layout(blocks)` is the warehouse to walk in, its locations being the rows of
SKU_SECTION in file order. One unit of length in a file is 1,000 mm here, so that distances like 1.5 stay whole numbers; weights and
PICKER_CAPACITY are kept in thousandths for the same reason.

What surprises: cell 0 lies next to the *top* cross-aisle. The second block of a two-block walk comes from a cross-aisle between cells
n/2 - 1 and n/2, one unit from each. The side of the shelf makes no difference. Orders are in NUM_ORDERS lists, each opened by
NUM_ARTICLES_IN_ORDER, or one list without it. Two own additions stand between that line and the lines of an order: `BOXES n`, `DUE_S n`.

Source: K. Hessler and S. Irnich, Exact solution of the single-picker routing problem with scattered storage, INFORMS Journal on
Computing 36(6), 2024, doi:10.1287/ijoc.2023.0075.
"""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.layout import BlockLayout, Depot

UNIT_MM = 1_000  # millimetres in one unit of length of the file
WEIGHT_PARTS = 1_000
MIDDLE_AISLE_MM = UNIT_MM  # from the middle cross-aisle to the nearest cell on either side
MOST_CHARACTERS = 50_000_000

HEADER = (
    "NUM_AISLES",
    "NUM_CELLS",
    "DEPOT_AISLE",
    "DEPOT_LOCATION",
    "DISTANCE_AISLE_TO_AISLE",
    "DISTANCE_CELL_TO_CELL",
    "DISTANCE_TOP_TO_CELL",
    "DISTANCE_BOTTOM_TO_CELL",
    "DISTANCE_TOP_OR_BOTTOM_TO_DEPOT",
)


@dataclass(frozen=True)
class FileOrder:
    """One order: (article, quantity) lines, boxes it fills (0 = not told) and when it is due in seconds (0 = no due time)."""

    lines: tuple[tuple[int, int], ...]
    boxes: int = 0
    due_s: int = 0


@dataclass(frozen=True, eq=False)
class Instance:
    """One file. `position_*` are int64 arrays over the rows of SKU_SECTION."""

    header: dict[str, str]
    aisles: int
    cells: int
    depot_aisle: int
    is_depot_at_top: bool
    aisle_to_aisle_mm: int
    cell_to_cell_mm: int
    top_to_cell_mm: int
    bottom_to_cell_mm: int
    to_depot_mm: int
    weight: dict[int, int]  # article -> thousandths; articles in file order
    position_article: np.ndarray
    position_aisle: np.ndarray
    position_cell: np.ndarray
    position_quantity: np.ndarray
    orders: tuple[FileOrder, ...]
    capacity: int | None  # thousandths of weight
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.header.get("NAME", "")

    @property
    def is_batching(self) -> bool:
        return self.capacity is not None or len(self.orders) != 1

    def layout(self, blocks: int = 1) -> BlockLayout:
        """Return the warehouse with one block as in the file, or with a middle cross-aisle added."""
        if blocks not in (1, 2):
            raise FormatError(f"{blocks} blocks: a Hessler–Irnich file is walked with 1 or 2")
        step, middle = self.cell_to_cell_mm, 0
        if blocks == 2:
            if self.cells % 2:
                raise FormatError(f"NUM_CELLS {self.cells} is odd: no middle cross-aisle between two halves")
            middle = 2 * MIDDLE_AISLE_MM - step
        height = self.bottom_to_cell_mm + (self.cells - 1) * step + self.top_to_cell_mm + middle
        pos = height - self.top_to_cell_mm - self.position_cell * step
        lines = [0, height]
        if blocks == 2:
            half = self.cells // 2
            pos = np.where(self.position_cell >= half, pos - middle, pos)
            lines = [0, self.bottom_to_cell_mm + (half - 1) * step + MIDDLE_AISLE_MM, height]
        return BlockLayout(
            aisle_x_mm=np.arange(self.aisles, dtype=np.int64) * self.aisle_to_aisle_mm,
            line_mm=np.array(lines, dtype=np.int64),
            location_aisle=self.position_aisle,
            location_mm=pos,
            depots=(Depot("depot", self.depot_aisle, height if self.is_depot_at_top else 0, self.to_depot_mm),),
            may_share_places=True,  # both sides of an aisle, several articles in a cell
        )


def read(path: str | Path) -> Instance:
    """Read a file; FormatError names the line that is wrong."""
    path = Path(path)
    if path.stat().st_size > MOST_CHARACTERS:
        raise FormatError(f"{path.name}: larger than {MOST_CHARACTERS:,} bytes")
    return parse(path.read_bytes().decode("latin-1"), path.name)


def looks_like(text: str) -> bool:
    """Return whether the beginning of a file is of this format."""
    return "NUM_AISLES" in text[:4000] and "NUM_CELLS" in text[:4000]


def parse(text: str, name: str = "text") -> Instance:
    """Turn the text of a file into an Instance; FormatError names the line that is wrong."""
    header: dict[str, str] = {}
    weight: dict[int, int] = {}
    rows: list[tuple[int, int, int, int]] = []
    orders: list[dict] = []
    counts: dict[str, int] = {}
    section = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        where = f"{name}, line {number}"
        if not line:
            continue
        if line == "EOF":
            break
        if line in ("ARTICLE_SECTION", "SKU_SECTION", "ORDER_SECTION"):
            section = line
        elif section == "":
            key, colon, value = line.partition(":")
            if not colon:
                raise FormatError(f"{where}: expected `KEY : value`, found {line[:40]!r}")
            header[key.strip()] = value.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip()
            if key == "NUM_ARTICLES_IN_ORDER" or (key == "NUM_ARTICLES" and section == "ORDER_SECTION"):
                orders.append({"lines": [], "told": _whole(value, where, key)})
            else:
                counts[f"{section} {key}"] = _whole(value, where, key)
        else:
            words = _pairs(line, where)
            if section == "ARTICLE_SECTION":
                article = _whole(_need(words, "ID", where), where, "ID")
                if article in weight:
                    raise FormatError(f"{where}: article {article} appears twice")
                weight[article] = _scaled(words.get("WEIGHT", "1"), WEIGHT_PARTS, where, "WEIGHT")
            elif section == "SKU_SECTION":
                rows.append(tuple(_whole(_need(words, key, where), where, key) for key in ("ID", "AISLE", "CELL", "QUANTITY")))
                _check_row(rows[-1], weight, header, where)
            else:
                if not orders:
                    orders.append({"lines": [], "told": -1})
                if "ID" in words:
                    article = _whole(words["ID"], where, "ID")
                    if article not in weight:
                        raise FormatError(f"{where}: article {article} is not in ARTICLE_SECTION")
                    orders[-1]["lines"].append((article, _whole(_need(words, "QUANTITY", where), where, "QUANTITY", least=1)))
                for key in ("BOXES", "DUE_S"):
                    if key in words:
                        orders[-1][key] = _whole(words[key], where, key)
    return _build(name, header, weight, rows, orders, counts)


def _build(name: str, header: dict, weight: dict, rows: list, orders: list, counts: dict) -> Instance:
    missing = [key for key in HEADER if key not in header]
    if missing:
        raise FormatError(f"{name}: the header has no {missing[0]}")
    for key, seen in (
        ("ARTICLE_SECTION NUM_ARTICLES", len(weight)),
        ("SKU_SECTION NUM_SKUS", len(rows)),
        ("ORDER_SECTION NUM_ORDERS", len(orders)),
    ):
        if counts.get(key, seen) != seen:
            raise FormatError(f"{name}: {key} says {counts[key]}, the section holds {seen}")
    for at, order in enumerate(orders):
        if order["told"] not in (-1, len(order["lines"])):
            raise FormatError(f"{name}: order {at} should hold {order['told']} lines and holds {len(order['lines'])}")
    if not rows:
        raise FormatError(f"{name}: SKU_SECTION holds no position")
    place = header["DEPOT_LOCATION"].lower()
    if place not in ("top", "bottom"):
        raise FormatError(f"{name}: DEPOT_LOCATION is {place!r}, neither top nor bottom")
    numbers = {key: _whole(header[key], name, key) for key in ("NUM_AISLES", "NUM_CELLS", "DEPOT_AISLE")}
    if not 0 <= numbers["DEPOT_AISLE"] < numbers["NUM_AISLES"]:
        raise FormatError(f"{name}: DEPOT_AISLE {numbers['DEPOT_AISLE']} of {numbers['NUM_AISLES']} aisles")
    lengths = {key: _scaled(header[key], UNIT_MM, name, key) for key in HEADER if key.startswith("DISTANCE")}
    columns = np.array(rows, dtype=np.int64).T
    capacity = header.get("PICKER_CAPACITY")
    return Instance(
        header=header,
        aisles=numbers["NUM_AISLES"],
        cells=numbers["NUM_CELLS"],
        depot_aisle=numbers["DEPOT_AISLE"],
        is_depot_at_top=place == "top",
        aisle_to_aisle_mm=lengths["DISTANCE_AISLE_TO_AISLE"],
        cell_to_cell_mm=lengths["DISTANCE_CELL_TO_CELL"],
        top_to_cell_mm=lengths["DISTANCE_TOP_TO_CELL"],
        bottom_to_cell_mm=lengths["DISTANCE_BOTTOM_TO_CELL"],
        to_depot_mm=lengths["DISTANCE_TOP_OR_BOTTOM_TO_DEPOT"],
        weight=weight,
        position_article=columns[0].copy(),
        position_aisle=columns[1].copy(),
        position_cell=columns[2].copy(),
        position_quantity=columns[3].copy(),
        orders=tuple(FileOrder(tuple(o["lines"]), o.get("BOXES", 0), o.get("DUE_S", 0)) for o in orders),
        capacity=None if capacity is None else _scaled(capacity, WEIGHT_PARTS, name, "PICKER_CAPACITY"),
        extra={key: value for key, value in header.items() if key not in HEADER},
    )


def _check_row(row: tuple[int, ...], weight: dict, header: dict, where: str) -> None:
    article, aisle, cell, _ = row
    if article not in weight:
        raise FormatError(f"{where}: article {article} is not in ARTICLE_SECTION")
    for key, value in (("NUM_AISLES", aisle), ("NUM_CELLS", cell)):
        if key in header and value >= _whole(header[key], where, key):
            raise FormatError(f"{where}: {key[4:-1].lower()} {value} lies outside {key} {header[key]}")


def _pairs(line: str, where: str) -> dict[str, str]:
    words = line.split()
    if len(words) % 2:
        raise FormatError(f"{where}: expected pairs of word and value, found {line[:60]!r}")
    return dict(zip(words[::2], words[1::2], strict=True))


def _need(words: dict[str, str], key: str, where: str) -> str:
    if key not in words:
        raise FormatError(f"{where}: no {key}")
    return words[key]


def _whole(word: str, where: str, key: str, least: int = 0) -> int:
    try:
        value = int(word)
    except ValueError:
        raise FormatError(f"{where}: {key} is {word.strip()[:40]!r}, not a whole number") from None
    if not least <= value <= 2**31:
        raise FormatError(f"{where}: {key} is {value}, outside {least}..2^31")
    return value


def _scaled(word: str, parts: int, where: str, key: str) -> int:
    try:
        value = Decimal(word) * parts
    except InvalidOperation:
        raise FormatError(f"{where}: {key} is {word[:40]!r}, not a number") from None
    if not value.is_finite() or value < 0 or value > 2**40:
        raise FormatError(f"{where}: {key} is {word[:40]}, outside 0..2^40 / {parts}")
    if value != int(value):
        raise FormatError(f"{where}: {key} is {word[:40]}, finer than 1/{parts}")
    return int(value)
