"""The account of one stream: which sequence numbers of a (device, boot) have been seen, and their sum.

Pure values in memory; spool.py keeps them in its file. Readings may come late, twice and with holes.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from floorwise.core.model.readings import SUM_MASK

MISSING_RUNS = 256  # holes remembered a stream; beyond it the oldest is given up and counted


@dataclass
class Stream:
    """What is known of one (device, boot). `last` is 0 until its first reading."""

    device: str
    boot: int
    first: int = 0
    last: int = 0
    count: int = 0
    sum: int = 0
    skipped: int = 0
    dropped: int = 0
    dropped_sum: int = 0
    duplicates: int = 0
    refused: int = 0
    given_up: int = 0  # numbers in holes that are no longer waited for
    missing: list[list[int]] = field(default_factory=list)  # [first, last] of each hole, ascending

    @property
    def key(self) -> tuple[str, int]:
        return self.device, self.boot

    @property
    def is_new(self) -> bool:
        return self.count == self.skipped == 0

    def has(self, seq: int) -> bool:
        """Whether this number was accepted or skipped before, or given up."""
        if self.is_new or seq > self.last or seq < self.first:
            return False
        return self._hole(seq) is None

    def see(self, seq: int) -> list[int] | None:
        """Mark a number that `has` denies as seen; return the hole that had to be given up for it, if one had."""
        if self.is_new:
            self.first = self.last = seq
        elif seq > self.last:
            if seq > self.last + 1:
                self.missing.append([self.last + 1, seq - 1])
            self.last = seq
        elif seq < self.first:
            if seq < self.first - 1:
                self.missing.insert(0, [seq + 1, self.first - 1])
            self.first = seq
        else:
            self._fill(seq)
        if len(self.missing) <= MISSING_RUNS:
            return None
        hole = self.missing.pop(0)
        self.given_up += hole[1] - hole[0] + 1
        return hole

    def add(self, value: int) -> None:
        """Count an accepted reading with digest `value`."""
        self.count += 1
        self.sum = (self.sum + value) & SUM_MASK

    def take_off(self, value: int) -> None:
        """Count an accepted reading that was dropped later."""
        self.dropped += 1
        self.dropped_sum = (self.dropped_sum + value) & SUM_MASK

    def _hole(self, seq: int) -> int | None:
        index = bisect_right(self.missing, [seq, 2**63]) - 1
        return index if index >= 0 and self.missing[index][1] >= seq else None

    def _fill(self, seq: int) -> None:
        index = self._hole(seq)
        assert index is not None, "only numbers that were not seen are filled in"
        low, high = self.missing[index]
        self.missing[index : index + 1] = [run for run in ([low, seq - 1], [seq + 1, high]) if run[0] <= run[1]]
