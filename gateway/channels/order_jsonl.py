"""Format `jsonl`: a JSON object a line, either an order with its `lines` or one flat line or return.

Every entry of `lines` is a row of its own, numbered on through the file; what stands beside `lines` holds for each of
them, what an entry says itself comes first. A line of text that is no such object is one row.
"""

import json
from collections.abc import Iterator

from floorwise.gateway.channels.fields import RowFault
from floorwise.gateway.channels.order_csv import COLUMNS

CHANNEL = "jsonl"
_PLACE = {column: at for at, column in enumerate(COLUMNS)}
_BLANK = [""] * len(COLUMNS)


class JsonRows:
    """Iterates as (fields in the order of order_csv.COLUMNS, fault); `where` is the place of the row just given."""

    def __init__(self, lines: Iterator[str]):
        self.blank_lines = 0
        self.where = ""
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[list[str], RowFault | None]]:
        for number, line in enumerate(self._lines, start=1):
            self.where = f"line {number}: "
            if type(line) is not str:
                yield _BLANK, RowFault("", line.reason, f"{len(line)} characters of it can be read")
            elif not line.strip():
                self.blank_lines += 1
            else:
                yield from self._rows(number, line)

    def _rows(self, number: int, line: str) -> Iterator[tuple[list[str], RowFault | None]]:
        try:
            # Numbers stay as written: 2.55 is money here, never a float.
            entry = json.loads(line, parse_float=str, parse_int=str, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            yield _BLANK, RowFault("", "bad_json", str(error))
            return
        if not isinstance(entry, dict):
            yield _BLANK, RowFault("", "bad_json", "no JSON object")
            return
        common = _folded(entry)
        if "lines" not in common:
            yield _fields(common)
            return
        lines = common.pop("lines")
        if not isinstance(lines, list) or not lines:
            reason = "blank_field" if not lines else "bad_json"
            yield _fields(common)[0], RowFault("lines", reason, "a list of order lines is expected")
            return
        for at, own in enumerate(lines):
            self.where = f"line {number}, lines[{at}]: "
            if isinstance(own, dict):
                yield _fields({**common, **_folded(own)})
            else:
                yield _fields(common)[0], RowFault("lines", "bad_json", "an entry of lines must be an object")


def _fields(entry: dict) -> tuple[list[str], RowFault | None]:
    fields, fault = _BLANK.copy(), None
    for column, value in entry.items():
        if column not in _PLACE:
            continue
        text = _text(value)
        if text is not None:
            fields[_PLACE[column]] = text
        elif fault is None:
            fault = RowFault(column, "bad_json", "a list or an object where a plain value belongs")
    return fields, fault


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else None


def _folded(entry: dict) -> dict:
    return {str(column).strip().lower(): value for column, value in entry.items()}


def _refuse(constant: str) -> str:
    raise ValueError(f"{constant} is no number of JSON")
