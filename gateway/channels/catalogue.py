"""Which SKU codes an order file may name: a list beside the file, a list the caller names, or the format's pattern."""

import csv
import os
import re
from collections.abc import Mapping
from pathlib import Path

from floorwise.gateway.channels.decoding import DamagedLine, OrderFileError, check_readable, text_blocks

MAX_SKUS = 5_000_000
MAX_SKU_CHARS = 40
FILE_ENDS = (".csv", ".csv.gz")


class Catalogue:
    """`sku in catalogue`, and `names`: SKU -> description, empty where only a pattern is known.

    source  name of the list's file without its folder, "" when the pattern decides
    """

    def __init__(self, source: str, names: Mapping[str, str], pattern: re.Pattern[str]):
        self.source, self.names = source, names
        self._pattern = pattern
        self._matched: dict[str, bool] = {}

    def __contains__(self, sku: str) -> bool:
        if self.source:
            return sku in self.names
        known = self._matched.get(sku)
        if known is None:
            known = self._pattern.fullmatch(sku) is not None and len(sku) <= MAX_SKU_CHARS
            if len(self._matched) < MAX_SKUS:
                self._matched[sku] = known
        return known


def catalogue_for(order_file: str | os.PathLike, pattern: re.Pattern[str], explicit: str | os.PathLike | None = None) -> Catalogue:
    """The list named by the caller, else the sibling `<stem without _lines>_skus.csv[.gz]`, else the pattern.

    A list that is there but cannot be read whole is an OrderFileError: half a list would park good rows.
    """
    path = Path(explicit) if explicit is not None else sibling(Path(order_file))
    if path is None:
        return Catalogue("", {}, pattern)
    return Catalogue(path.name, read_skus(path), pattern)


def sibling(order_file: Path) -> Path | None:
    """`shop_lines.csv.gz`, `shop.jsonl` → `shop_skus.csv` or `shop_skus.csv.gz` in the same folder, if there is one."""
    stem = order_file.name.removesuffix(".gz")
    stem = stem.rpartition(".")[0] or stem
    for end in FILE_ENDS:
        path = order_file.with_name(f"{stem.removesuffix('_lines')}_skus{end}")
        if path.is_file():
            return path
    return None


def read_skus(path: Path) -> dict[str, str]:
    """SKU -> description from a table with a column `sku` and perhaps `description`; later repeats win."""
    check_readable(path)
    names: dict[str, str] = {}
    rows = csv.reader(_whole_lines(path))
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        if "sku" not in header:
            raise OrderFileError(path, "this list of SKUs has no column sku; give it a header line with sku and description")
        sku_at = header.index("sku")
        name_at = header.index("description") if "description" in header else None
        for row in rows:
            if len(row) <= sku_at or not (sku := row[sku_at].strip()):
                continue
            names[sku] = row[name_at].strip() if name_at is not None and len(row) > name_at else ""
            if len(names) > MAX_SKUS:
                raise OrderFileError(path, f"this list has more than {MAX_SKUS} SKUs; cut it to those on sale")
    except csv.Error as error:
        raise OrderFileError(path, f"this list of SKUs is no CSV table at line {rows.line_num} ({error})") from None
    if not names:
        raise OrderFileError(path, "this list of SKUs is empty; fill it or remove it")
    return names


def _whole_lines(path: Path):
    for block in text_blocks(path):
        for line in block:
            if type(line) is DamagedLine and line.reason in ("truncated_file", "damaged_file"):
                raise OrderFileError(path, "this list of SKUs is cut off or damaged; copy it again")
            yield f"{line}\n"
