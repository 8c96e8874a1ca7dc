"""Rows of a delimited table from its lines, so that one lost quote never swallows the rows behind it."""

import csv
from collections.abc import Iterable, Iterator

from floorwise.gateway.channels.decoding import DamagedLine
from floorwise.gateway.channels.fields import RowFault

MAX_ROW_LINES = 20  # a quoted field may hold line breaks; a row that wants more lines than this has lost a quote


class TableRows:
    """Iterates as (fields, fault): the fields of each data row and None, or what could be split and its RowFault.

    Empty lines are no rows; `blank_lines` counts them. The header must have been taken off `lines` already.
    """

    def __init__(self, lines: Iterator[str], delimiter: str, columns: tuple[str, ...]):
        self.blank_lines = 0
        self.where = ""
        self._lines = lines
        self._delimiter = delimiter
        self._columns = columns
        self._given_back: list[str] = []  # looked at behind an open quote, last first; at most MAX_ROW_LINES

    def __iter__(self) -> Iterator[tuple[list[str], RowFault | None]]:
        delimiter, width, given_back = self._delimiter, len(self._columns), self._given_back
        while True:
            if given_back:
                line = given_back.pop()
            elif (line := next(self._lines, None)) is None:
                return
            if type(line) is not str:
                yield self._damaged_row(line)
            elif '"' in line:
                yield self._quoted_row(line)
            elif line:
                fields = line.split(delimiter)
                yield fields, None if len(fields) == width else self._wrong_width(fields)
            else:
                self.blank_lines += 1

    def _quoted_row(self, line: str) -> tuple[list[str], RowFault | None]:
        """Take further lines while a quote is open; when it never closes, only the first line is at fault."""
        taken = [line]
        while (fields := split_quoted(taken, self._delimiter)) is None:
            following = self._next_of_row() if _is_open(taken, self._delimiter) and len(taken) < MAX_ROW_LINES else None
            if following is None:
                break
            taken.append(following)
        if fields is not None and len(taken) == 1:
            return fields, None if len(fields) == len(self._columns) else self._wrong_width(fields)
        if fields is not None and len(fields) == len(self._columns):
            return fields, None
        self._given_back.extend(reversed(taken[1:]))
        loose = line.split(self._delimiter)
        at = next(at for at, field in enumerate(loose) if '"' in field)
        return loose, RowFault(self._column(at), "bad_quotes", loose[at])

    def _next_of_row(self) -> str | None:
        """The next line, unless there is none, it is damaged, or it is a whole row by itself: then it stays."""
        line = self._given_back.pop() if self._given_back else next(self._lines, None)
        if line is None:
            return None
        fields = None if line.count('"') % 2 else split_quoted([line], self._delimiter)
        if type(line) is not str or (fields is not None and len(fields) == len(self._columns)):
            self._given_back.append(line)
            return None
        return line

    def _damaged_row(self, line: DamagedLine) -> tuple[list[str], RowFault]:
        fields = self._split(str(line))
        if line.reason != "wrong_encoding":
            return fields, RowFault("", line.reason, f"{len(line)} characters of it can be read")
        raw_fields = self._split(line.raw.decode("latin-1"))  # one character a byte: columns before they can be read
        at = next((at for at, field in enumerate(raw_fields) if not _is_text(field.encode("latin-1"))), len(raw_fields))
        return fields, RowFault(self._column(at), "wrong_encoding", fields[at] if at < len(fields) else "")

    def _split(self, line: str) -> list[str]:
        return split_quoted([line], self._delimiter) or line.split(self._delimiter)

    def _wrong_width(self, fields: list[str]) -> RowFault:
        told = f"{len(fields)} fields, {len(self._columns)} expected"
        if len(fields) < len(self._columns):
            return RowFault(self._columns[len(fields)], "missing_column", told)
        return RowFault("", "wrong_field_count", told)

    def _column(self, at: int) -> str:
        return self._columns[at] if at < len(self._columns) else ""


def split_quoted(lines: Iterable[str], delimiter: str) -> list[str] | None:
    """The fields of one row that may have quotes (doubled inside a field) and spans `lines`; None if quotes are wrong."""
    try:
        rows = list(csv.reader([f"{line}\n" for line in lines], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _is_open(lines: list[str], delimiter: str) -> bool:
    """One more quote would make it right, so the last field began with a quote that has not closed yet."""
    return split_quoted([*lines[:-1], lines[-1] + '"'], delimiter) is not None


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False
