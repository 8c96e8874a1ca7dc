"""How a store knows repeats: the marks of a batch are decided against what is stored, and noted once the batch is durable."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from floorwise.core.model.readings import Reading, digest
from floorwise.core.model.stored import Outcome, Seen

if TYPE_CHECKING:
    from floorwise.core.adapters.reading_columns import Columns, Mixed

RECENT_DIGESTS = 20_000  # digests in each of two generations kept in memory; for older repeats the file is asked

Key = tuple[str, int, int]


class Decided(NamedTuple):
    """A batch, told apart."""

    outcomes: list[Outcome]
    fresh: list[Reading]
    marks: dict[Key, int]  # of the fresh ones, in their order
    conflicts: list[Reading]
    columns: "Columns | None" = None  # fresh ones that are no objects; their digests are their marks


class Marks:
    """The marks of a store. `ask` gives the stored digests of some keys; keys that are not stored are left out."""

    def __init__(self, ask: Callable[[Sequence[Key]], dict[Key, int]]) -> None:
        self.streams: dict[tuple[str, int], Seen] = {}
        self._ask = ask
        self._recent, self._older = _Recent(), _Recent()

    def decide(self, readings: Iterable[Reading]) -> Decided:
        """Tell what is fresh, what came before, and what says something else under a known key; nothing is noted yet."""
        marks: dict[Key, int] = {}
        known: dict[Key, int] = {}
        again: list[tuple[int, Reading, int]] = []
        doubtful: list[tuple[int, Reading, int]] = []
        fresh, conflicts = [], []
        stream, seen, top, ask_below = None, None, -1, 0
        at = -1
        for at, reading in enumerate(readings):
            device, boot, seq, _, _ = reading
            if stream != (device, boot):
                stream = device, boot
                seen = self.streams.get(stream)
                top, ask_below = (seen.top, seen.ask_below) if seen else (-1, 0)
            key, mark = (device, boot, seq), digest(reading)
            if key in marks:
                known[key] = marks[key]
                again.append((at, reading, mark))
            elif seq > top:
                marks[key] = mark
                fresh.append(reading)
            elif seen.has(seq):
                again.append((at, reading, mark))
            elif seq < ask_below:
                doubtful.append((at, reading, mark))
            else:
                marks[key] = mark
                fresh.append(reading)
        outcomes = [Outcome.STORED] * (at + 1)
        if doubtful:
            stored = self._ask([reading.key for _, reading, _ in doubtful])
            for at, reading, mark in doubtful:
                if reading.key in stored:
                    again.append((at, reading, mark))
                elif reading.key in marks:
                    known[reading.key] = marks[reading.key]
                    again.append((at, reading, mark))
                else:
                    marks[reading.key] = mark
                    fresh.append(reading)
            known |= stored
        if again:
            recent, older = self._recent.digests(), self._older.digests()
            for _, reading, _ in again:
                before = recent.get(reading.key, older.get(reading.key))
                if before is not None:
                    known.setdefault(reading.key, before)
            unknown = [reading.key for _, reading, _ in again if reading.key not in known]
            if unknown:
                known |= self._ask(unknown)
            for at, reading, mark in again:
                before = known.get(reading.key, mark)
                outcomes[at] = Outcome.DUPLICATE if before == mark else Outcome.CONFLICT
                if before != mark:
                    conflicts.append(reading)
        return Decided(outcomes, fresh, marks, conflicts)

    def decide_mixed(self, readings: "Mixed") -> Decided:
        """The same for readings of which some are columns.

        A stream whose numbers only rise, from above all that is stored, holds nothing that came before: it is fresh without a look at each.
        All other streams, and those that also speak in objects, are told apart one reading at a time.
        """
        import numpy as np

        from floorwise.core.adapters import reading_kernels

        columns, plain = readings.columns, readings.plain
        streams, _ = columns.streams
        tops = np.array([seen.top if (seen := self.streams.get(stream)) else -1 for stream in streams], np.int64)
        is_slow = reading_kernels.not_ascending(columns.stream, columns.seq, tops)
        if plain:
            spoken = {(reading.device, reading.boot) for reading in plain}
            is_slow |= np.array([stream in spoken for stream in streams], bool)
        elif not is_slow.any():
            return Decided([Outcome.STORED] * len(columns), [], {}, [], columns)
        fast = ~is_slow[columns.stream]
        place = np.concatenate((np.zeros(len(plain), bool), fast))[readings.order]
        one_by_one = np.flatnonzero(~place).tolist()
        decided = self.decide(readings.where(~place))
        outcomes = [Outcome.STORED] * len(readings)
        for at, outcome in zip(one_by_one, decided.outcomes, strict=True):
            outcomes[at] = outcome
        return decided._replace(outcomes=outcomes, columns=columns.where(fast))

    def note(self, decided: Decided) -> None:
        """Take the marks of a batch in, after it is durable."""
        for device, boot, seq in decided.marks:
            self.of(device, boot).add(seq)
        if self._recent.count >= RECENT_DIGESTS:  # two generations: taking a dict's first key out again and again is slow
            self._older, self._recent = self._recent, _Recent()
        self._recent.add(decided.marks)
        if decided.columns is not None and len(decided.columns):
            for _, stream, first, last in decided.columns.runs:
                self.of(*stream).add_run(first, last)
            self._recent.add_columns(decided.columns)

    def of(self, device: str, boot: int) -> Seen:
        """The account of a stream, made when it is new."""
        found = self.streams.get((device, boot))
        if found is None:
            found = self.streams[device, boot] = Seen()
        return found


class _Recent:
    """Digests of what was stored lately. Those of columns become keys only when somebody asks, because that is seldom."""

    def __init__(self) -> None:
        self._digests: dict[Key, int] = {}
        self._columns: list[tuple] = []
        self.count = 0

    def add(self, marks: dict[Key, int]) -> None:
        self._digests.update(marks)
        self.count += len(marks)

    def add_columns(self, columns: "Columns") -> None:
        last = slice(-RECENT_DIGESTS, None)
        self._columns.append((columns.streams[0], columns.stream[last], columns.seq[last], columns.digests[last]))
        self.count += len(columns)

    def digests(self) -> dict[Key, int]:
        for streams, stream, seq, marks in self._columns:
            rows = zip(stream.tolist(), seq.tolist(), marks.tolist(), strict=True)
            self._digests.update({(*streams[which], number): mark for which, number, mark in rows})
        self._columns.clear()
        return self._digests
