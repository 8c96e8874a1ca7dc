"""Packed batches read fast: the messages of a group are laid into columns together, without an object for each reading.

It takes only what is in perfect order and says exactly what `core.model.packed.decode_packed` says of it; whatever it does not like (a
value out of range, a quality, a text kind, a strange number) is left to that reader, which says what is wrong.
"""

from collections.abc import Iterator

import numpy as np

from floorwise.core.adapters.reading_columns import Columns, Table
from floorwise.core.model.packed import HEAD, LOOK, Head, read_head, read_table
from floorwise.core.model.readings import NUMBER_MAX, BadPayload

TABLES_KEPT = 1_000  # tables of the agents that spoke lately; beyond it the oldest are read again
_LOOK = np.dtype([("seq", "<u8"), ("after", "<u4"), ("series", "<u2"), ("quality", "<u2")])
assert _LOOK.itemsize == LOOK.size


class Tables:
    """Remembers tables, which repeat from message to message."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Table] = {}

    def of(self, table: bytes) -> Table:
        """What a table says. Raises BadPayload."""
        found = self._kept.get(table)
        if found is None:
            found = Table(*read_table(table))
            if len(self._kept) >= TABLES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[table] = found
        return found


class Sheaf:
    """The packed messages of one group. `add` each, then ask for `columns`; those that `columns` leaves out stand in `odd`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._messages: list[tuple[int, bytes, Head, Table]] = []
        self.odd: list[int] = []  # numbers of messages that another reader must read

    def add(self, number: int, payload: bytes, agent: str) -> None:
        """Take a message of `agent`; `number` is its place in the group, greater from one to the next. Raises BadPayload."""
        head = read_head(payload)
        table = self._tables.of(head.table)
        if table.agent != agent:
            raise BadPayload(f"agent: {table.agent!r} speaks on the topic of {agent!r}")
        if table.is_fit:
            self._messages.append((number, payload, head, table))
        else:
            self.odd.append(number)

    def columns(self) -> Columns | None:
        """The readings of all messages in perfect order, as they came; None when there are none."""
        while self._messages:
            found, faulty = _columns(self._messages)
            if not faulty.any():
                return found
            self.odd += [message[0] for message, is_faulty in zip(self._messages, faulty.tolist(), strict=True) if is_faulty]
            self._messages = [message for message, is_faulty in zip(self._messages, faulty.tolist(), strict=True) if not is_faulty]
        return None


def _columns(messages: list[tuple[int, bytes, Head, Table]]) -> tuple[Columns | None, np.ndarray]:
    """Lay messages together; which of them (bool) are not in order, and without those that are the columns."""
    looks, values = _bodies(messages)
    numbers, counts, said, bases, of_table = (np.fromiter(column, np.int64, len(messages)) for column in _plan(messages))
    tables = list({id(table): table for _, _, _, table in messages}.values())
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(table.series) for table in tables])))
    message = np.repeat(np.arange(len(messages)), counts)
    which = looks["series"].astype(np.int64)
    seq, quality = looks["seq"], looks["quality"]
    ts = looks["after"] + bases[message]
    wrong = (which >= np.diff(offsets)[of_table][message]) | (seq > NUMBER_MAX) | (ts > NUMBER_MAX) | (quality != 0)
    faulty = np.bincount(message[wrong], minlength=len(messages)) > 0
    if faulty.any():
        return None, faulty
    series = (which + offsets[of_table][message]).astype(np.int32)
    sizes = np.concatenate([table.sizes for table in tables])[series]
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    at = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    faulty = np.diff(ends[at]) != said
    if faulty.any():
        return None, faulty
    columns = Columns(tables, numbers[message].astype(np.int32), series, seq.astype(np.int64), ts.astype(np.int64), ends[:-1], values)
    reading, line = columns.rows
    low, high = (np.concatenate([getattr(table, name) for table in tables]) for name in ("low", "high"))
    fits = (values >= low[line]) & (values <= high[line])  # NaN fits nowhere
    if not fits.all():
        return None, np.bincount(message[reading[~fits]], minlength=len(messages)) > 0
    values += 0.0  # turns -0.0 into 0.0, as the other reader does
    return columns, faulty


def _bodies(messages: list[tuple[int, bytes, Head, Table]]) -> tuple[np.ndarray, np.ndarray]:
    looks, values = [], []
    for _, payload, head, _ in messages:
        at = HEAD.size + len(head.table)
        middle = at + LOOK.size * head.readings
        looks.append(payload[at:middle])
        values.append(payload[middle:])
    return np.frombuffer(b"".join(looks), _LOOK), np.frombuffer(bytearray(b"".join(values)), "<f8")


def _plan(messages: list[tuple[int, bytes, Head, Table]]) -> Iterator[list[int]]:
    """Of each message: its number, its readings and values, the time it counts from, which table it has."""
    places: dict[int, int] = {}
    yield [number for number, _, _, _ in messages]
    yield [head.readings for _, _, head, _ in messages]
    yield [head.values for _, _, head, _ in messages]
    yield [head.base for _, _, head, _ in messages]
    yield [places.setdefault(id(table), len(places)) for _, _, _, table in messages]
