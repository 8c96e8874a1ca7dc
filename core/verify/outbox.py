"""I4: each event had its effect with each consumer exactly once, as far as the consumer has come."""

from collections import defaultdict

from floorwise.core.model.journal import Cursor, Delivered
from floorwise.core.model.supply import Purchase
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows
from floorwise.core.verify.history import History

LABELS = "labels"


def checks(ledger: Ledger, history: History) -> list[Check]:
    """Cursors, labels and purchases against the journal."""
    cursors = {row.consumer: row.number for row in rows(ledger, Cursor)}
    reach = Tally("I4 cursors")
    for consumer, number in cursors.items():
        reach.saw()
        if not 0 < number <= history.last:
            reach.broken(f"consumer {consumer} stands at event {number}, the journal ends at {history.last}")
    return [reach.check(), _labels(ledger, history, cursors.get(LABELS, 0)), _purchases(ledger)]


def _labels(ledger: Ledger, history: History, cursor: int) -> Check:
    tally = Tally("I4 labels")
    outcome: dict[int, str] = {}
    for row in rows(ledger, Delivered):
        if row.number > history.last:
            tally.broken(f"{row.consumer}: event {row.number} had an effect and is not in the journal")
        if row.consumer == LABELS:
            outcome[row.number] = row.outcome
    left = dict(history.labels)
    for number, parcel in history.wanted.items():
        tally.saw()
        if number not in outcome:
            if number <= cursor:
                tally.broken(f"event {number}: the label of parcel {parcel} was passed over, the cursor stands at {cursor}")
            continue
        tally.equal(f"event {number}: label of parcel {parcel}", left.pop(parcel, "none recorded"), outcome.pop(number))
        if number > cursor:
            tally.broken(f"event {number}: parcel {parcel} has its label, the cursor stands at {cursor} before it")
    for number in sorted(outcome):
        tally.broken(f"event {number}: a label was recorded for it, and it wants none")
    for parcel in sorted(left):
        tally.broken(f"parcel {parcel}: a label was recorded that no event wanted")
    return tally.check()


def _purchases(ledger: Ledger) -> Check:
    tally = Tally("I4 buying")
    still_open: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows(ledger, Purchase):
        tally.saw()
        if row.state == "open":
            still_open[row.site, row.sku, row.owner].append(row.purchase)
    for (_, sku, _), names in still_open.items():
        if len(names) > 1:
            tally.broken(f"SKU {sku}: {len(names)} purchases are open: {', '.join(names)}")
    return tally.check()
