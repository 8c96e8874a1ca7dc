"""I3: what records say against what the journal told: states, lines, replacements."""

from collections import defaultdict

from floorwise.core.model.journal import Timer
from floorwise.core.model.orders import OrderLine
from floorwise.core.model.parcels import Parcel, Scan, status_after
from floorwise.core.model.returns import Rma
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import CountTask, Part, Tour
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows
from floorwise.core.verify.history import History

LATE = ("packed", "shipped", "delivered", "returned", "lost")  # buckets that the journal tells line by line


def checks(ledger: Ledger, history: History) -> list[Check]:
    """The journal's paths, and the records they must have led to."""
    return [history.tally.check(), _states(ledger, history), _parcels(ledger, history), *_lines(ledger, history)]


def _states(ledger: Ledger, history: History) -> Check:
    tally = Tally("I3 states = journal")
    told = {kind: dict(history.state[kind]) for kind in ("part", "tour", "return", "purchase", "task", "timer")}
    for kind, record in (("part", Part), ("tour", Tour), ("return", Rma), ("purchase", Purchase)):
        for row in rows(ledger, record):
            tally.saw()
            tally.equal(f"{kind} {row[0]} state", row.state, told[kind].pop(row[0], "nowhere in the journal"))
    for kind, record in (("task", CountTask), ("timer", Timer)):
        for row in rows(ledger, record):
            tally.saw()
            state = told[kind].pop(row[0], "")
            if not state or (state == "dropped" and row.is_open):
                tally.broken(f"{kind} {row[0]}: {state or 'nowhere'} in the journal")
    for kind, names in told.items():
        for name, state in sorted(names.items()):
            tally.broken(f"{kind} {name}: {state} in the journal, and not filed")
    return tally.check()


def _parcels(ledger: Ledger, history: History) -> Check:
    tally, told = Tally("I3 parcels = journal and scans"), dict(history.state["parcel"])
    scans: dict[str, list[Scan]] = defaultdict(list)
    for scan in rows(ledger, Scan):
        scans[scan.parcel].append(scan)
    for row in rows(ledger, Parcel):
        tally.saw()
        where, state = f"parcel {row.parcel}", told.pop(row.parcel, "nowhere in the journal")
        stands = "packed" if not row.handed_over_at_ms else "shipped"
        stands = "delivered" if row.delivered_at_ms else "lost" if row.lost_at_ms else stands
        tally.equal(where, stands, "packed" if state in ("label wanted", "labelled") else state)
        tally.equal(f"{where} tracking", row.tracking, history.labels.get(row.parcel, ""))
        own = scans.pop(row.parcel, [])
        latest, delivery = status_after(own) if own else (None, None)
        if latest and row.status != latest.status:
            tally.broken(f"{where}: {row.status}, its scans say {latest.status}")
        if row.delivered_at_ms != (delivery.at_ms if delivery else 0):
            tally.broken(f"{where}: delivered at {row.delivered_at_ms}, its scans differ")
    for parcel in sorted({*told, *scans}):
        tally.broken(f"parcel {parcel}: it was packed or scanned, and is not filed")
    return tally.check()


def _lines(ledger: Ledger, history: History) -> list[Check]:
    tally, replaced = Tally("I3 lines = journal"), Tally("I3 replacements = lost")
    left, cancelled = dict(history.ordered), defaultdict(int)
    instead: dict[tuple[str, int], list[int]] = defaultdict(list)
    for line in rows(ledger, OrderLine):
        tally.saw()
        key = (line.order_id, line.line)
        ordered, told = left.pop(key, None), history.buckets.get(key, {})
        if ordered != (line.sku, line.ordered):
            tally.equal(f"order {line.order_id} line {line.line} as ordered", (line.sku, line.ordered), ordered)
        for bucket in LATE:
            if getattr(line, bucket) != told.get(bucket, 0):
                tally.equal(f"order {line.order_id} line {line.line} {bucket}", getattr(line, bucket), told.get(bucket, 0))
        cancelled[line.order_id] += line.cancelled
        if line.replaces_line:
            instead[line.order_id, line.replaces_line].append(line.line)
    for order_id, line in sorted(left):
        tally.broken(f"order {order_id} line {line}: in the journal, and not filed")
    for order_id in sorted({*cancelled, *history.cancelled}):
        tally.equal(f"order {order_id} cancelled units", cancelled.get(order_id, 0), history.cancelled.get(order_id, 0))
    for key in sorted({*instead, *history.replaced}):
        replaced.saw()
        replaced.equal(f"order {key[0]} line {key[1]} replaced by", instead.get(key, []), history.replaced.get(key, []))
    return [tally.check(), replaced.check()]
