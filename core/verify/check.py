"""What a check says, and how records are read for it: in pages, so that a ledger larger than memory can be verified."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from floorwise.core.model.record import DECLARED
from floorwise.core.ports import Ledger

R = TypeVar("R")

PAGE = 5_000  # records read at once
TOLD = 5  # places a detail names; the rest is a number


class Check(NamedTuple):
    """One invariant: how many things were looked at, and where it does not hold ("" when it does)."""

    name: str
    ok: bool
    seen: int
    detail: str


class Tally:
    """Counts what a check looks at and keeps the first places where the invariant is broken."""

    __slots__ = ("faults", "name", "places", "seen")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = self.faults = 0
        self.places: list[str] = []

    def saw(self, count: int = 1) -> None:
        self.seen += count

    def broken(self, where: str) -> None:
        """The invariant does not hold at `where`, a key and what is wrong with it."""
        self.faults += 1
        if len(self.places) < TOLD:
            self.places.append(where)

    def equal(self, where: str, stored: Any, follows: Any) -> None:
        """Broken unless what is stored equals what follows from other records."""
        if stored != follows:
            self.broken(f"{where}: {stored} is stored, {follows} follows")

    def check(self) -> Check:
        more = f"; and {self.faults - len(self.places)} more" if self.faults > len(self.places) else ""
        return Check(self.name, not self.faults, self.seen, "; ".join(self.places) + more)


def rows(ledger: Ledger, record: type[R], page: int = PAGE) -> Iterator[R]:
    """Every record of a kind in the order of its key, read page by page."""
    key = DECLARED[record].key
    first, after, limit = key[0], None, page
    while True:
        found = ledger.find(record, "key", after=after, limit=limit)
        if len(found) < limit:
            yield from found
            return
        # A page may end inside a group of records that share the first field of their key: the next one begins with that group.
        last = getattr(found[-1], first)
        whole = found if len(key) == 1 else [row for row in found if getattr(row, first) != last]
        if not whole:
            limit *= 2
            continue
        yield from whole
        after, limit = getattr(whole[-1], first), page
