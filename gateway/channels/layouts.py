"""Which format an order file has, told from its first line, and where its columns are."""

import os
from typing import NamedTuple

from floorwise.gateway.channels import online_retail, order_csv, order_jsonl
from floorwise.gateway.channels.decoding import DamagedLine, OrderFileError, text_blocks
from floorwise.gateway.channels.lines import split_quoted

FORMATS = ("auto", "online-retail", "csv", "jsonl")
DELIMITERS = (",", ";", "\t")
HELP = "see docs/reference/order-files.md"


class Layout(NamedTuple):
    format: str
    channel: str
    columns: tuple[str, ...]  # of the file; of jsonl those of csv
    delimiter: str
    order: str  # name of the column with the order number
    time: str


def layout_of(path: str | os.PathLike, wanted: str = "auto") -> Layout:
    """What the first line that is not empty says; OrderFileError if that is not `wanted` or no row follows it."""
    lines = (line for block in text_blocks(path) for line in block if line.strip() or type(line) is DamagedLine)
    line, following = next(lines, None), next(lines, None)
    lines.close()
    if line is None:
        raise OrderFileError(path, "has no line of text; export the orders again")
    if type(line) is DamagedLine:
        reason = line.reason.replace("_", " ")
        raise OrderFileError(path, f"its first line is not readable ({reason}); save the orders as CSV or JSON lines in UTF-8")
    looks_like_json = line.lstrip().startswith("{")
    if wanted == "jsonl" or (wanted == "auto" and looks_like_json):
        if not looks_like_json:
            raise OrderFileError(path, f"its first line is no JSON object; leave --format away or {HELP}")
        return Layout("jsonl", order_jsonl.CHANNEL, order_csv.COLUMNS, "", order_csv.ORDER, order_csv.TIME)
    layout = _table_layout(path, wanted, line)
    if following is None:
        raise OrderFileError(path, "has a header and no row below it; export the orders again")
    return layout


def _table_layout(path: str | os.PathLike, wanted: str, header: str) -> Layout:
    tables = {
        "online-retail": (online_retail.CHANNEL, online_retail.COLUMNS, online_retail.COLUMNS, online_retail.ORDER, online_retail.TIME),
        "csv": (order_csv.CHANNEL, order_csv.NEEDED, order_csv.COLUMNS, order_csv.ORDER, order_csv.TIME),
    }
    closest = None
    for format in tables if wanted == "auto" else (wanted,):
        channel, needed, known, order, time = tables[format]
        for delimiter in DELIMITERS:
            fields = split_quoted([header], delimiter) or header.split(delimiter)
            columns = tuple(field.strip().lower() for field in fields)
            missing = [column for column in needed if column not in columns]
            if not missing:
                if twice := [column for column in known if columns.count(column) > 1]:
                    raise OrderFileError(path, f"its header names the column {twice[0]} twice; keep one of the two")
                return Layout(format, channel, columns, delimiter, order, time)
            if len(missing) < len(needed) and (closest is None or len(missing) < len(closest[1])):
                closest = format, missing
    if closest is None:
        raise OrderFileError(path, f"its first line is no header of an order table{_of(wanted)}; {HELP}")
    format, missing = closest
    raise OrderFileError(path, f"its header lacks {', '.join(missing)} of the format {format}; {HELP}")


def _of(wanted: str) -> str:
    return "" if wanted == "auto" else f" in the format {wanted} (leave --format away to have it told from the header)"
