"""How a store knows repeats: the marks of a batch are decided against what is stored, and noted once the batch is durable."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from floorwise.core.model.readings import Reading, digest
from floorwise.core.model.stored import Outcome, Seen

RECENT_DIGESTS = 20_000  # digests in each of two generations kept in memory; for older repeats the file is asked

Key = tuple[str, int, int]


class Decided(NamedTuple):
    """A batch, told apart."""

    outcomes: list[Outcome]
    fresh: list[Reading]
    marks: dict[Key, int]  # of the fresh ones, in their order
    conflicts: list[Reading]


class Marks:
    """The marks of a store. `ask` gives the stored digests of some keys; keys that are not stored are left out."""

    def __init__(self, ask: Callable[[Sequence[Key]], dict[Key, int]]) -> None:
        self.streams: dict[tuple[str, int], Seen] = {}
        self._ask = ask
        self._recent: dict[Key, int] = {}
        self._older: dict[Key, int] = {}

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
            for _, reading, _ in again:
                before = self._recent.get(reading.key, self._older.get(reading.key))
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

    def note(self, marks: dict[Key, int]) -> None:
        """Take the marks of a batch in, after it is durable."""
        for device, boot, seq in marks:
            self.of(device, boot).add(seq)
        if len(self._recent) >= RECENT_DIGESTS:  # two generations: taking a dict's first key out again and again is slow
            self._older, self._recent = self._recent, {}
        self._recent.update(marks)

    def of(self, device: str, boot: int) -> Seen:
        """The account of a stream, made when it is new."""
        found = self.streams.get((device, boot))
        if found is None:
            found = self.streams[device, boot] = Seen()
        return found
