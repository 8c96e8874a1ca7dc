"""Zalando folders: four JSON files of the joint order selection, allocation, batching and picking problem (arXiv 2401.04563)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from floorwise.optimizer.formats.errors import FormatError

FILES = ("articles.json", "orders.json", "warehouse_items.json", "parameters.json")
_PARAMETERS = (
    "min_number_requested_items", "max_orders_per_batch", "max_container_volume", "first_row", "last_row", "first_aisle", "last_aisle",
)  # fmt: skip
MOST_BYTES = 500_000_000


@dataclass(frozen=True, eq=False)
class Store:
    """One folder. Items, orders and articles are numbered from 0 in the order of their files.

    items     int64[n, 4]  row, aisle, zone number, volume
    article   int64[n]     which article each item is a copy of
    orders    articles of each order's positions
    """

    name: str
    items: np.ndarray
    article: np.ndarray
    articles: int
    orders: tuple[tuple[int, ...], ...]
    zones: tuple[str, ...]
    half_rows: int
    container_volume: int
    orders_a_batch: int
    items_asked: int
    order_names: tuple[str, ...]
    item_names: tuple[str, ...]


def looks_like(path: str | Path) -> bool:
    """Return whether a path is a folder with the four files."""
    return all((Path(path) / name).is_file() for name in FILES)


def read(path: str | Path) -> Store:
    """Read a folder; FormatError names the file and entry that is wrong."""
    folder = Path(path)
    articles, orders, items, parameters = (_load(folder / name) for name in FILES)
    for key in _PARAMETERS:
        if not isinstance(parameters, dict) or not isinstance(parameters.get(key), int) or isinstance(parameters[key], bool):
            raise FormatError(f"parameters.json: {key} is missing or not a whole number")
    if parameters["first_row"] != -parameters["last_row"] or parameters["last_row"] <= 0:
        raise FormatError("parameters.json: rows must reach equally far on both sides of row 0")
    number = {_text(entry, "id", "articles.json", at): at for at, entry in enumerate(articles)}
    volume = [_whole(entry, "volume", "articles.json", at) for at, entry in enumerate(articles)]
    half = parameters["last_row"]
    rows, article, zones = [], [], sorted({_text(entry, "zone", "warehouse_items.json", at) for at, entry in enumerate(items)})
    zone_number = {zone: at for at, zone in enumerate(zones)}
    for at, entry in enumerate(items):
        name = _text(entry, "article", "warehouse_items.json", at)
        if name not in number:
            raise FormatError(f"warehouse_items.json: entry {at} is a copy of {name}, which articles.json does not have")
        row, aisle = (_whole(entry, key, "warehouse_items.json", at, signed=True) for key in ("row", "aisle"))
        if abs(row) > half:
            raise FormatError(f"warehouse_items.json: entry {at} lies in row {row}, outside -{half}..{half}")
        article.append(number[name])
        rows.append((row, aisle, zone_number[entry["zone"]], volume[number[name]]))
    made = []
    for at, entry in enumerate(orders):
        positions = entry.get("positions") if isinstance(entry, dict) else None
        if not isinstance(positions, list) or not positions:
            raise FormatError(f"orders.json: entry {at} has no positions")
        unknown = [name for name in positions if name not in number]
        if unknown:
            raise FormatError(f"orders.json: entry {at} asks for {unknown[0]}, which articles.json does not have")
        made.append(tuple(number[name] for name in positions))
    return Store(
        folder.name,
        np.array(rows, np.int64).reshape(len(rows), 4),
        np.array(article, np.int64),
        len(articles),
        tuple(made),
        tuple(zones),
        half,
        parameters["max_container_volume"],
        parameters["max_orders_per_batch"],
        parameters["min_number_requested_items"],
        tuple(_text(entry, "id", "orders.json", at) for at, entry in enumerate(orders)),
        tuple(_text(entry, "id", "warehouse_items.json", at) for at, entry in enumerate(items)),
    )


def _load(path: Path):
    if not path.is_file():
        raise FormatError(f"{path.parent.name}: {path.name} is missing")
    if path.stat().st_size > MOST_BYTES:
        raise FormatError(f"{path.name}: larger than {MOST_BYTES:,} bytes")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name}: not JSON ({error})") from None
    if path.name != "parameters.json" and not isinstance(value, list):
        raise FormatError(f"{path.name}: a list is expected")
    return value


def _text(entry, key: str, file: str, at: int) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
        raise FormatError(f"{file}: entry {at} has no {key}")
    return entry[key]


def _whole(entry, key: str, file: str, at: int, signed: bool = False) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and not signed):
        raise FormatError(f"{file}: entry {at}: {key} is missing or not a whole number")
    return value
