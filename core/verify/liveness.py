"""I6: every backlog is empty or younger than its stated bound. Nothing that was asked for may wait for ever.

A backlog here is work that floorwise owes and no person does: timers to fire, parts to plan, events that a consumer of the journal
has not followed. What waits for a picker, a packer or a truck is the floor's own business.
"""

from collections.abc import Iterable
from typing import NamedTuple

from floorwise.core.model.journal import Cursor, Event, Head, Timer
from floorwise.core.model.places import Site
from floorwise.core.model.policies import DAY_MS, HOUR_MS, MINUTE_MS
from floorwise.core.model.stock import Lot
from floorwise.core.model.work import Part
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally

# Each consumer of the journal that works through events one by one, with the kinds it follows.
FOLLOWED = {
    "labels": ("LabelWanted",),
    "dispatch": ("TourTaken", "TourChanged", "TourLeft", "TourDone"),
    "buying": ("OrderPlaced", "PickShort", "PackShort", "PurchaseReceived", "StatusChanged", "StockCounted"),
}
# How long the oldest piece may wait, in floor time. A part gets a fall-back tour 5 minutes after its release.
BOUND_MS = {"timers": 15 * MINUTE_MS, "parts": 30 * MINUTE_MS, "expiry": DAY_MS, **dict.fromkeys(FOLLOWED, 30 * MINUTE_MS)}
COUNTED = 10_000  # pieces of one backlog that are counted; more are as bad
REST_MS = HOUR_MS  # without an event for so long the house was shut: nothing could be done meanwhile
LOOKED_BACK = 2_000  # events in which the end of such a rest is looked for


class Backlog(NamedTuple):
    """What waits to be done by floorwise itself."""

    name: str
    count: int
    oldest_ms: int  # age of its oldest piece in floor time, 0 when there is none
    bound_ms: int
    is_used: bool  # somebody works on it here: a consumer that never began is none

    @property
    def ok(self) -> bool:
        """Whether it is empty, young enough, or nobody's task here."""
        return not self.count or not self.is_used or self.oldest_ms <= self.bound_ms


def backlogs(ledger: Ledger, now_ms: int, expected: Iterable[str] = ()) -> list[Backlog]:
    """Every backlog at floor time `now_ms`; those named in `expected` are somebody's task although nothing of them was done yet."""
    expected = set(expected)

    def backlog(name: str, since_ms: list[int], is_used: bool) -> Backlog:
        oldest_ms = max(0, now_ms - min(since_ms)) if since_ms else 0
        if oldest_ms > BOUND_MS[name]:
            oldest_ms = min(oldest_ms, now_ms - _awake_since(ledger, now_ms))
        return Backlog(name, len(since_ms), oldest_ms, BOUND_MS[name], is_used or name in expected)

    due = [timer.due_at_ms for timer in ledger.find(Timer, "by_due", until=now_ms, limit=COUNTED)]
    waiting = [
        part.state_at_ms
        for site in ledger.find(Site, "key")
        for part in ledger.find(Part, "by_state", site.site, "waiting", limit=COUNTED)
    ]
    lots = [lot.expires_at_ms for lot in ledger.find(Lot, "by_expiry", until=now_ms, limit=COUNTED)]
    found = [backlog("timers", due, True), backlog("parts", waiting, True), backlog("expiry", lots, False)]
    for consumer, kinds in FOLLOWED.items():
        cursor = ledger.get(Cursor, consumer)
        since = cursor.number if cursor else 0
        events = [event.at_ms for kind in kinds for event in ledger.find(Event, "by_kind", kind, after=since, limit=COUNTED)]
        found.append(backlog(consumer, events, cursor is not None))
    return found


def check(ledger: Ledger, last: int) -> Check:
    """The backlogs as they stood at event `last`, the end of the journal."""
    tally = Tally("I6 liveness")
    end = ledger.get(Event, last) if last else None
    try:
        found = backlogs(ledger, end.at_ms) if end else []
    except TypeError as error:  # a changed file may hold text where a time belongs
        tally.broken(f"a time is no number: {error}")
        found = []
    for backlog in found:
        tally.saw(backlog.count)
        if not backlog.ok:
            minutes, bound = backlog.oldest_ms // MINUTE_MS, backlog.bound_ms // MINUTE_MS
            tally.broken(f"{backlog.name}: {backlog.count} wait, the oldest for {minutes} min; {bound} is the bound")
    return tally.check()


def _awake_since(ledger: Ledger, now_ms: int) -> int:
    """When the house was last opened again: the first event after REST_MS without any; 0 when it has been at work for long."""
    heads = ledger.find(Event, "key", after=max(0, _last(ledger) - LOOKED_BACK), limit=LOOKED_BACK)
    later_ms = now_ms
    for event in reversed(heads):
        if later_ms - event.at_ms > REST_MS:
            return later_ms
        later_ms = event.at_ms
    return 0


def _last(ledger: Ledger) -> int:
    heads = ledger.find(Head, "key", limit=1)
    return heads[0].number if heads else 0
