"""Readings once they are stored: what became of each, what a series says now and said before, and which of them a store has seen."""

from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from floorwise.core.model.readings import KINDS, Number

GAP_MS = 150_000  # silence longer than this is a gap: an agent passes on at least one look a minute, and one may come late
QUERY_POINTS = 10_000  # points in one answer; a question for more is refused and names a step that fits
RUNS_IN_MEMORY = 1_000  # runs of sequence numbers a stream; for what is older the store asks its file
PAYLOAD_KEPT = 4_096  # bytes of a dead letter's payload

# What an agent says of the devices behind it and of itself: kept, and no value that a page would show as the latest.
ABOUT_DEVICES = frozenset(kind for kind in KINDS if kind in ("about", "alive", "observed") or kind.startswith(("gap_", "alarm")))


class Outcome(IntEnum):
    """What became of a reading that was handed to a store."""

    STORED = 0
    DUPLICATE = 1  # seen before, and says the same
    CONFLICT = 2  # seen before, and says something else: the first one stays, this one is kept among the dead letters


class DeadLetter(NamedTuple):
    """Something that came and could not be taken. `seq` is 0 where the message could not be read that far."""

    at_ms: int
    topic: str
    device: str
    boot: int
    seq: int
    reason: str
    payload: bytes


class Latest(NamedTuple):
    """The youngest value of a series by the device's own clock."""

    value: float | str
    at_ms: int
    unit: str  # "" for a text
    is_stale: bool  # its device has gone, or has not spoken since this process started


class Point(NamedTuple):
    """One look (count 1), or what `count` looks say of a step that begins at `at_ms`: mean, lowest, highest."""

    at_ms: int
    value: float | str
    low: float
    high: float
    count: int


class StoredStream(NamedTuple):
    """What a store holds of one (device, boot), for the comparison with the spool's account (I1)."""

    device: str
    boot: int
    first: int
    last: int
    count: int  # distinct readings ever stored
    sum: int  # of their digests, mod 2^64
    removed: int  # of these, taken out again by retention
    removed_sum: int


class Span(NamedTuple):
    """A point and the true times of the first and last look in it."""

    point: Point
    first_ms: int
    last_ms: int


def with_gaps(spans: Iterable[Span], gap_ms: int = GAP_MS) -> list[Point | None]:
    """Return the points in order, None between two where nothing was said for longer than `gap_ms`."""
    found: list[Point | None] = []
    heard = None
    for span in spans:
        if heard is not None and span.first_ms - heard > gap_ms:
            found.append(None)
        found.append(span.point)
        heard = span.last_ms
    return found


def unit_of(kind: str) -> str:
    """The unit of a kind, "" for a text."""
    rule = KINDS.get(kind)
    return rule.unit if isinstance(rule, Number) else ""


class Seen:
    """Which sequence numbers of one (device, boot) are stored, as runs.

    Below `ask_below` it does not know: the runs there were too many to remember.
    """

    __slots__ = ("_ends", "_starts", "ask_below", "top")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.ask_below = 0
        self.top = -1  # the highest number stored

    def has(self, seq: int) -> bool:
        """Whether this number is known to be stored."""
        if seq > self.top:
            return False
        at = bisect_right(self._starts, seq) - 1
        return at >= 0 and seq <= self._ends[at]

    def add(self, seq: int) -> None:
        """Note a number that `has` denies as stored."""
        if seq == self.top + 1 and self._ends:  # the next one, as nearly always
            self._ends[-1] = self.top = seq
        else:
            self.add_run(seq, seq)

    def add_run(self, first: int, last: int) -> None:
        """Note that `first`…`last`, none of them known so far, are stored."""
        starts, ends = self._starts, self._ends
        self.top = max(self.top, last)
        at = bisect_right(starts, first)
        joins_left, joins_right = at > 0 and ends[at - 1] == first - 1, at < len(starts) and starts[at] == last + 1
        if joins_left and joins_right:
            ends[at - 1] = ends[at]
            del starts[at], ends[at]
        elif joins_left:
            ends[at - 1] = last
        elif joins_right:
            starts[at] = first
        else:
            starts.insert(at, first)
            ends.insert(at, last)
            if len(starts) > RUNS_IN_MEMORY:
                half = RUNS_IN_MEMORY // 2
                self.ask_below = max(self.ask_below, starts[half])
                del starts[:half], ends[:half]
