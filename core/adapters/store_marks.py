"""How a store knows repeats: the marks of a batch are decided against what is stored, and noted once the batch is durable."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from floorwise.core.model.readings import Reading, digest
from floorwise.core.model.stored import Outcome, Seen

RECENT_DIGESTS = 200_000  # digests kept in memory; for older repeats the file is asked

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

    def decide(self, readings: Iterable[Reading]) -> Decided:
        """Tell what is fresh, what came before, and what says something else under a known key; nothing is noted yet."""
        marks: dict[Key, int] = {}
        known: dict[Key, int] = {}
        again: list[tuple[int, Reading, int]] = []
        doubtful: list[tuple[int, Reading, int]] = []
        outcomes, fresh, conflicts = [], [], []
        for reading in readings:
            key, mark = reading[:3], digest(reading)
            seen = self.streams.get(key[:2])
            if key in marks:
                known[key] = marks[key]
                again.append((len(outcomes), reading, mark))
            elif seen is not None and seen.has(key[2]):
                again.append((len(outcomes), reading, mark))
            elif seen is not None and key[2] < seen.ask_below:
                doubtful.append((len(outcomes), reading, mark))
            else:
                marks[key] = mark
                fresh.append(reading)
            outcomes.append(Outcome.STORED)
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
            unknown = [reading.key for _, reading, _ in again if reading.key not in known and reading.key not in self._recent]
            if unknown:
                known |= self._ask(unknown)
            for at, reading, mark in again:
                before = known.get(reading.key, self._recent.get(reading.key, mark))
                outcomes[at] = Outcome.DUPLICATE if before == mark else Outcome.CONFLICT
                if before != mark:
                    conflicts.append(reading)
        return Decided(outcomes, fresh, marks, conflicts)

    def note(self, marks: dict[Key, int]) -> None:
        """Take the marks of a batch in, after it is durable."""
        for (device, boot, seq), mark in marks.items():
            self.of(device, boot).add(seq, mark)
        self._recent.update(marks)
        while len(self._recent) > RECENT_DIGESTS:
            del self._recent[next(iter(self._recent))]

    def of(self, device: str, boot: int) -> Seen:
        """The account of a stream, made when it is new."""
        found = self.streams.get((device, boot))
        if found is None:
            found = self.streams[device, boot] = Seen()
        return found
