"""`verify`: every invariant over one ledger, I2 to I6 and the excursions of I1, without trusting a number that can be recomputed."""

from collections.abc import Callable, Iterable, Iterator

from floorwise.core.model.journal import Event
from floorwise.core.ports import Ledger
from floorwise.core.verify import chain, excursions, liveness, orders, outbox, stock, told, work
from floorwise.core.verify.check import PAGE, Check, rows
from floorwise.core.verify.history import History
from floorwise.core.verify.moves import Replay
from floorwise.core.verify.orders import Promises


def verify(ledger: Ledger, saved_heads: Iterable[tuple[int, str]] = (), seen: Callable[[int], None] | None = None) -> list[Check]:
    """Check stock, orders, outbox and journal; each check tells how much it looked at and where it does not hold.

    saved_heads   heads kept outside the database, read *before* the ledger's snapshot was opened, or newer ones look like a cut
    seen          called now and then with the number of events read since the last call
    The ledger must not change meanwhile: give it one transaction, or a copy.
    """
    history, promises = History(), Promises()

    def events() -> Iterator[Event]:
        for event in rows(ledger, Event):
            history.see(event)
            if seen and event.number % PAGE == 0:
                seen(PAGE)
            yield event

    journal = chain.check(ledger, events(), saved_heads)
    replay = Replay(ledger)
    lines = orders.checks(ledger, promises)
    return [
        *stock.checks(ledger, replay, promises, history),
        *lines,
        *work.checks(ledger, history, replay),
        *told.checks(ledger, history),
        excursions.check(ledger, history),
        *outbox.checks(ledger, history),
        journal,
        liveness.check(ledger, history.last),
    ]
