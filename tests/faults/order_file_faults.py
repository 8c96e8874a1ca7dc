"""Order files in format online-retail with faults planted at known rows.

Loaded by path, as importlib mode leaves test modules unimportable:

    @pytest.fixture(scope="session")
    def order_file_faults(repository):
        return load(repository / "tests/faults/order_file_faults.py")  # importlib.util.spec_from_file_location

`synthetic_day` makes a small day, `real_day` cuts one out of the published lines, `plant` breaks rows of either. Nothing
here imports the reader it tests.
"""

import gzip
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HEADER = "order_id,is_return,sku,qty,ts,price_pence,customer,country"
COLUMNS = HEADER.split(",")
OPEN_QUOTE_ROOM = 3  # whole rows behind a planted open quote, so that it is clear where the damage ends


class Fault(NamedTuple):
    row: int  # 1 = first data row
    column: str
    reason: str


class PlantedFile(NamedTuple):
    data: bytes  # uncompressed
    faults: list[Fault]  # by row
    good_rows: dict[int, str]  # row -> its untouched text


def _set(column: str, *values: str) -> Callable[[random.Random, list[str]], list[str]]:
    def change(rng: random.Random, fields: list[str]) -> list[str]:
        return [rng.choice(values) if name == column else field for name, field in zip(COLUMNS, fields, strict=True)]

    return change


# Ten kinds: what a person, an export or a wire does to a row -> (column, reason, change of its fields).
KINDS: tuple[tuple[str, str, Callable[[random.Random, list[str]], list[str]]], ...] = (
    ("qty", "bad_number", _set("qty", "six", "1.5", "0x10", "1e3", "--2", "12 units")),
    ("country", "missing_column", lambda rng, fields: fields[:-1]),
    ("sku", "unknown_sku", _set("sku", "NOSUCHSKU", "8512", "85123ABC", "../etc", "POST")),
    ("country", "wrong_encoding", _set("country", "R\udce9union", "\udcff\udcfe", "Malm\udcf6")),  # latin-1 bytes
    ("ts", "bad_time", _set("ts", "yesterday", "05/12/2011 09:30", "2011-12-05 25:00:00", "2011-02-30 10:00:00", "1323076200")),
    ("is_return", "bad_flag", _set("is_return", "perhaps", "2", "wahr", "True False")),
    ("price_pence", "blank_field", _set("price_pence", "", " ", "   ")),
    ("qty", "not_positive", _set("qty", "0", "-3", "-80995", "000")),
    ("qty", "out_of_range", _set("qty", "10000001", "9" * 30, "9" * 5000)),
    ("sku", "bad_quotes", lambda rng, fields: [*fields[:2], '"' + fields[2], *fields[3:]]),
)


def plant(rows: list[str], count: int = 200, seed: int = 1) -> PlantedFile:
    """Break `count` of `rows` (text, no header), as many of each kind; the same seed breaks the same rows alike."""
    rng = random.Random(seed)
    chosen = rng.sample(range(0, len(rows) - OPEN_QUOTE_ROOM), count)
    broken, faults = list(rows), []
    for nth, at in enumerate(chosen):
        column, reason, change = KINDS[nth % len(KINDS)]
        broken[at] = ",".join(change(rng, rows[at].split(",")))
        faults.append(Fault(at + 1, column, reason))
    untouched = {at + 1: row for at, row in enumerate(rows) if at not in set(chosen)}
    text = "\n".join([HEADER, *broken, ""])
    return PlantedFile(text.encode("utf-8", "surrogateescape"), sorted(faults), untouched)


def cut_gzip(data: bytes, share: float) -> bytes:
    """The first `share` of the compressed file, as an interrupted copy leaves it."""
    packed = gzip.compress(data, mtime=0)
    return packed[: int(len(packed) * share)]


def real_day(shared_data: Path, day: str = "2011-12-05") -> list[str]:
    """The rows of one day of the published lines, without the header."""
    with gzip.open(shared_data / "orders" / "online_retail_lines.csv.gz", "rt", encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.split(",", 5)[4].startswith(day)]


def synthetic_day(rows: int = 1000, seed: int = 1) -> list[str]:
    """A made-up day in the same columns: orders of one to eight lines, one row in fifty a return."""
    return list(_synthetic_rows(rows, random.Random(seed)))


def _synthetic_rows(rows: int, rng: random.Random) -> Iterator[str]:
    order, left = 600_000, 0
    for row in range(rows):
        if left == 0:
            order, left, customer = order + 1, rng.randint(1, 8), rng.choice((0, rng.randint(10_000, 19_999)))
            is_return = rng.random() < 0.02
        left -= 1
        minute = 8 * 60 + row * 9 * 60 // rows  # 08:00 to 17:00 through the file
        sku = f"{rng.randint(10_000, 99_999)}{rng.choice(('', 'A', 'BL'))}"
        yield (
            f"{order},{is_return},{sku},{rng.randint(1, 48)},2011-12-05 {minute // 60:02}:{minute % 60:02}:00,"
            f"{rng.randint(10, 1500)},{customer},United Kingdom"
        )
