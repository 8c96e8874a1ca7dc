"""Readings as columns: what a group of packed messages holds, without an object for each.

A *series* is what readings of one message share: device, boot and kinds. A *stream* is a (device, boot); a *line* is a kind of a series,
that is a column of values. Tables of messages repeat, so what can be worked out for a table is worked out once (`Table`).
"""

from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from floorwise.core.model.packed import Series
from floorwise.core.model.readings import KINDS, Number, Reading

Stream = tuple[str, int]


class Table:
    """The series of one kind of message, and the forms in which their readings are digested.

    agent   whose messages these are
    is_fit  whether every kind is a number this contract knows; else its messages are read one reading at a time
    """

    def __init__(self, agent: str, series: Sequence[Series]) -> None:
        self.agent, self.series = agent, list(series)
        rules = [[KINDS.get(kind) for kind in one.kinds] for one in series]
        self.is_fit = all(isinstance(rule, Number) for of_one in rules for rule in of_one)
        self.sizes = np.array([len(one.kinds) for one in series], np.int64)
        self.low = np.array([rule.low if isinstance(rule, Number) else 1.0 for of_one in rules for rule in of_one], np.float64)
        self.high = np.array([rule.high if isinstance(rule, Number) else 0.0 for of_one in rules for rule in of_one], np.float64)
        forms = [_form(one) for one in series]
        self.forms = np.array(bytearray(b"".join(form for form, _, _ in forms)), np.uint8)
        self.form_sizes = np.array([len(form) for form, _, _ in forms], np.int64)
        self.seq_at = np.array([at for _, at, _ in forms], np.int64)
        self.slots = np.array([slot for _, _, slots in forms for slot in slots], np.int64)


@dataclass
class Columns:
    """Readings, in order of arrival; their values stand behind each other.

    tables   whose series are meant, in this order
    message  int32[n]  which message of the group each came in
    series   int32[n]  which of all series of the tables
    seq, ts  int64[n]
    first    int64[n]  where its values begin
    values   float64[m]
    """

    tables: list[Table]
    message: np.ndarray
    series: np.ndarray
    seq: np.ndarray
    ts: np.ndarray
    first: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.seq)

    @cached_property
    def of_series(self) -> list[Series]:
        """All series of all tables."""
        return [one for table in self.tables for one in table.series]

    @cached_property
    def sizes(self) -> np.ndarray:
        """Values in a reading of each series."""
        return np.concatenate([table.sizes for table in self.tables])

    @cached_property
    def lines(self) -> np.ndarray:
        """Where the lines of each series begin, and their number at the end."""
        return _starts(self.sizes)

    @cached_property
    def streams(self) -> tuple[list[Stream], np.ndarray]:
        """Every (device, boot), and int32: which of them each series belongs to."""
        return _numbered([one[:2] for one in self.of_series])

    @cached_property
    def stream(self) -> np.ndarray:
        """int32[n]: which stream each reading is of."""
        return self.streams[1][self.series]

    @cached_property
    def line_names(self) -> list[tuple[str, int, str]]:
        """Device, boot and kind of every line."""
        return [(one.device, one.boot, kind) for one in self.of_series for kind in one.kinds]

    @cached_property
    def runs(self) -> list[tuple[str, Stream, int, int]]:
        """(agent, stream, first, last) of what follows on each other, in the order in which they begin."""
        from floorwise.core.adapters import reading_kernels

        said = [(table.agent, one[:2]) for table in self.tables for one in table.series]
        voices, of_series = _numbered(said)
        voice, first, last = reading_kernels.runs(of_series[self.series], self.seq, len(voices))
        return [(*voices[v], a, b) for v, a, b in zip(voice.tolist(), first.tolist(), last.tolist(), strict=True)]

    @cached_property
    def digests(self) -> np.ndarray:
        """uint64[n]: the digest of each reading."""
        from floorwise.core.adapters import reading_kernels

        forms, slots, seq_at = (np.concatenate([getattr(table, name) for table in self.tables]) for name in ("forms", "slots", "seq_at"))
        form_at = _starts(np.concatenate([table.form_sizes for table in self.tables]))
        bits = self.values.view(np.uint64)
        return reading_kernels.digests(self.series, self.seq, self.ts, self.first, bits, forms, form_at, seq_at, slots, self.lines)

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """For each value: which reading it is of (int64), and which line (int32)."""
        if len(self.values) == len(self):  # one value each
            return np.arange(len(self)), self.lines[self.series].astype(np.int32)
        sizes = self.sizes[self.series]
        reading = np.repeat(np.arange(len(self)), sizes)
        return reading, (self.lines[self.series][reading] + np.arange(len(self.values)) - self.first[reading]).astype(np.int32)

    def where(self, wanted: np.ndarray) -> "Columns":
        """Those readings for which `wanted` (bool[n]) is true."""
        if wanted.all():
            return self
        sizes = self.sizes[self.series]
        values = self.values[np.repeat(wanted, sizes)]
        first = _starts(sizes[wanted])[:-1]
        return Columns(self.tables, self.message[wanted], self.series[wanted], self.seq[wanted], self.ts[wanted], first, values)

    def of(self, devices: Container[str]) -> "Columns":
        """The readings of these devices."""
        return self.where(np.array([one.device in devices for one in self.of_series], bool)[self.series])

    def readings(self) -> Iterator[Reading]:
        """The readings as objects, in their order."""
        all_series, values, new = self.of_series, self.values.tolist(), tuple.__new__
        for which, seq, ts, at in zip(self.series.tolist(), self.seq.tolist(), self.ts.tolist(), self.first.tolist(), strict=True):
            device, boot, kinds = all_series[which]
            said = dict(zip(kinds, values[at : at + len(kinds)], strict=True))
            yield new(Reading, (device, boot, seq, ts, said))


class Mixed(Collection[Reading]):
    """Readings of one group, some as objects and some as columns, in order of arrival by the number of the message they came in."""

    def __init__(self, plain: Sequence[Reading], plain_message: Sequence[int], columns: Columns) -> None:
        self.plain, self.plain_message, self.columns = list(plain), list(plain_message), columns

    def __len__(self) -> int:
        return len(self.plain) + len(self.columns)

    def __iter__(self) -> Iterator[Reading]:
        if not self.plain:
            yield from self.columns.readings()
            return
        everything = self.plain + list(self.columns.readings())
        yield from (everything[at] for at in self.order.tolist())

    def __contains__(self, reading: object) -> bool:
        return any(one == reading for one in self)

    @cached_property
    def order(self) -> np.ndarray:
        """int64: which of the plain ones, and behind them the columns', comes when."""
        return np.argsort(np.concatenate((np.array(self.plain_message, np.int32), self.columns.message)), kind="stable")

    def where(self, wanted: np.ndarray) -> "Mixed":
        """Those for which `wanted` (bool, in order of arrival) is true."""
        if wanted.all():
            return self
        by_place = np.empty(len(self), bool)
        by_place[self.order] = wanted
        kept = np.flatnonzero(by_place[: len(self.plain)]).tolist()
        plain, messages = [self.plain[n] for n in kept], [self.plain_message[n] for n in kept]
        return Mixed(plain, messages, self.columns.where(by_place[len(self.plain) :]))

    def of(self, devices: Container[str]) -> "Mixed":
        """The readings of these devices."""
        kept = [n for n, reading in enumerate(self.plain) if reading.device in devices]
        plain, messages = [self.plain[n] for n in kept], [self.plain_message[n] for n in kept]
        return Mixed(plain, messages, self.columns.of(devices))


def _numbered(names: Sequence[tuple]) -> tuple[list[tuple], np.ndarray]:
    """Each name once, in the order in which they come, and the number of each."""
    numbers: dict[tuple, int] = {}
    return_of = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)
    return list(numbers), return_of


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))


def _form(series: Series) -> tuple[bytes, int, list[int]]:
    """The text that `core.model.readings.digest` digests, with zeros for seq, ts and values; where seq goes, and where each value."""
    text = series.device.encode() + b"\0" + series.boot.to_bytes(8, "big")
    seq_at = len(text)
    text += bytes(16)
    slots = {}
    for kind in sorted(series.kinds):
        text += kind.encode() + b"\0"
        slots[kind] = len(text)
        text += bytes(8)
    return text, seq_at, [slots[kind] for kind in series.kinds]
