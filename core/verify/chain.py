"""I5: the journal's hash chain, its head row, and the heads saved outside the database."""

from collections.abc import Iterable, Iterator

from floorwise.core import journal
from floorwise.core.model.journal import Event, Head
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally


def check(ledger: Ledger, events: Iterable[Event], saved_heads: Iterable[tuple[int, str]]) -> Check:
    """The chain as it is stored. A cut end contradicts nothing but the head row and the saved heads."""
    tally = Tally("I5 journal")
    end: list[Event] = []

    def watched() -> Iterator[Event]:
        for event in events:
            tally.saw()
            end[:] = [event]
            yield event

    for fault in journal.faults(watched(), saved_heads):
        tally.broken(fault.detail)
    row = ledger.get(Head, "journal")
    stored = (row.number, row.head) if row else (0, journal.GENESIS)
    tally.equal("head row", stored, (end[0].number, end[0].head) if end else (0, journal.GENESIS))
    return tally.check()
