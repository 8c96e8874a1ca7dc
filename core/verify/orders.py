"""I3: order lines against their parts, picks, parcels and returns; every unit of a line has one place in one of them."""

import json
from collections import defaultdict

from floorwise.core.model.canonical import canonical
from floorwise.core.model.journal import IdempotencyKey, Review
from floorwise.core.model.orders import BUCKETS, Order, OrderLine
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.returns import Rma
from floorwise.core.model.work import Part, PartLine, Pick
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows

Line = tuple[str, int]  # order, line
FIRST_BUCKET = OrderLine._fields.index(BUCKETS[0])
NONE: dict[str, int] = {}
BEFORE_PACKED = ("touring", "picked", "packing")  # states of a part whose picked units are not in parcels yet


class Promises:
    """What order lines and picks claim of the stock; filled by `checks`.

    promised   units by (site, SKU, owner) that lines hold as reserved or released
    bound      units by balance key that open picks hold
    waiting    an order by (site, SKU, owner) that has backordered units
    """

    def __init__(self) -> None:
        self.promised: dict[tuple[str, str, str], int] = defaultdict(int)
        self.bound: dict[tuple[str, ...], int] = defaultdict(int)
        self.waiting: dict[tuple[str, str, str], str] = {}


class Children:
    """Units of each line as its parts, picks, parcels and returns count them."""

    def __init__(self, ledger: Ledger, promises: Promises) -> None:
        counts = lambda: defaultdict(int)  # noqa: E731
        self.released: dict[Line, int] = counts()
        self.picked: dict[Line, int] = counts()
        self.packed: dict[Line, dict[str, int]] = defaultdict(counts)  # bucket -> units, from parcels
        self.approved: dict[Line, int] = counts()
        self.returned: dict[Line, int] = counts()
        self.refunded: dict[Line, int] = counts()
        self.paid: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # order -> paid, paid back
        self._parts(ledger)
        self._picks(ledger, promises)
        self._parcels(ledger)
        self._returns(ledger)

    def _parts(self, ledger: Ledger) -> None:
        self.states = {row.part: (row.order_id, row.state) for row in rows(ledger, Part)}
        for row in rows(ledger, PartLine):
            order_id, state = self.states.get(row.part, ("", ""))
            if state == "waiting":
                self.released[order_id, row.line] += row.quantity

    def _picks(self, ledger: Ledger, promises: Promises) -> None:
        for pick in rows(ledger, Pick):
            if pick.state == "open":
                self.released[pick.order_id, pick.line] += pick.quantity
                promises.bound[pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available"] += pick.quantity
            elif pick.picked and self.states.get(pick.part, ("", ""))[1] in BEFORE_PACKED:
                self.picked[pick.order_id, pick.line] += pick.picked

    def _parcels(self, ledger: Ledger) -> None:
        bucket_of = {row.parcel: _bucket(row) for row in rows(ledger, Parcel)}
        for row in rows(ledger, ParcelLine):
            self.packed[row.order_id, row.line][bucket_of.get(row.parcel, "packed")] += row.quantity

    def _returns(self, ledger: Ledger) -> None:
        for rma in rows(ledger, Rma):
            counted = self.approved if rma.state == "approved" else self.returned
            counted[rma.order_id, rma.line] += rma.quantity
            self.refunded[rma.order_id, rma.line] += rma.refund_minor


assert OrderLine._fields[FIRST_BUCKET : FIRST_BUCKET + len(BUCKETS)] == BUCKETS


def checks(ledger: Ledger, promises: Promises) -> list[Check]:
    """The checks of order lines; fills `promises` for those of the stock."""
    children = Children(ledger, promises)
    return [*_lines(ledger, children, promises), _rows(ledger), _keys(ledger)]


def _lines(ledger: Ledger, children: Children, promises: Promises) -> list[Check]:
    buckets, split, refunds, waiting = Tally("I3 buckets"), Tally("I3 children = line"), Tally("I3 refunds"), Tally("I3 orders")
    orders = {row.order_id: row for row in rows(ledger, Order)}
    wait: dict[str, int] = defaultdict(int)
    known: set[Line] = set()
    for line in rows(ledger, OrderLine):
        key = (line.order_id, line.line)
        known.add(key)
        wait[line.order_id] += line.reserved
        pool = (line.site, line.sku, line.owner)
        promises.promised[pool] += line.reserved + line.released
        if line.backordered:
            promises.waiting.setdefault(pool, line.order_id)
        _line(line, buckets)
        _children(line, children, split)
        _paid(line, children, refunds)
        if line.order_id not in orders:
            waiting.broken(f"{_named(line)}: the order is not filed")
    for order_id, (paid, back) in children.paid.items():
        if back > paid:
            refunds.broken(f"order {order_id}: {back} paid back of {paid}")
    for stray in sorted({*children.released, *children.picked, *children.packed, *children.returned} - known):
        split.broken(f"order {stray[0]} line {stray[1]}: work was done for it, and it is not filed")
    references: dict[tuple[str, str], str] = {}
    for order in orders.values():
        waiting.saw()
        waiting.equal(f"order {order.order_id} waiting", order.waiting, wait.get(order.order_id, 0))
        if order.order_id not in wait:
            waiting.broken(f"order {order.order_id}: it has no lines")
        other = references.setdefault((order.channel, order.reference), order.order_id)
        if other != order.order_id:
            waiting.broken(f"{order.channel}/{order.reference}: orders {other} and {order.order_id} both come from it")
    return [tally.check() for tally in (buckets, split, refunds, waiting)]


def _named(line: OrderLine) -> str:
    return f"order {line.order_id} line {line.line}"


def _line(line: OrderLine, tally: Tally) -> None:
    tally.saw()
    units = line[FIRST_BUCKET : FIRST_BUCKET + len(BUCKETS)]
    if min(units) < 0:
        tally.broken(f"{_named(line)}: {BUCKETS[units.index(min(units))]} is {min(units)}")
    if sum(units) != line.ordered:
        tally.broken(f"{_named(line)}: {line.ordered} ordered, its buckets hold {sum(units)}")
    shipped = line.shipped + line.delivered + line.returned + line.lost
    if not 0 <= line.returned <= shipped <= line.ordered - line.cancelled:
        tally.broken(f"{_named(line)}: {line.returned} returned, {shipped} shipped, {line.ordered} ordered, {line.cancelled} cancelled")


def _children(line: OrderLine, children: Children, tally: Tally) -> None:
    tally.saw()
    key = (line.order_id, line.line)
    parcels = children.packed.get(key, NONE)
    for what, stored, follows in (
        ("released, against waiting parts and open picks", line.released, children.released.get(key, 0)),
        ("picked, against picks of parts not yet packed", line.picked, children.picked.get(key, 0)),
        ("packed, against parcels", line.packed, parcels.get("packed", 0)),
        ("shipped, against parcels", line.shipped, parcels.get("shipped", 0)),
        ("lost, against parcels", line.lost, parcels.get("lost", 0)),
        ("delivered and returned, against parcels", line.delivered + line.returned, parcels.get("delivered", 0)),
        ("returned, against returns", line.returned, children.returned.get(key, 0)),
    ):
        if stored != follows:
            tally.equal(f"{_named(line)} {what}", stored, follows)
    if children.approved.get(key, 0) > line.delivered:
        tally.broken(f"{_named(line)}: {children.approved[key]} units may come back, {line.delivered} are with the customer")


def _paid(line: OrderLine, children: Children, tally: Tally) -> None:
    refunded = children.refunded.get((line.order_id, line.line), 0)
    order = children.paid[line.order_id]
    order[0] += 0 if line.replaces_line else line.paid_minor  # a replacement carries over what was paid for the lost units
    order[1] += refunded
    if refunded:
        tally.saw()
        if refunded > line.paid_minor or not line.returned:
            tally.broken(f"{_named(line)}: {refunded} paid back for {line.returned} units, {line.paid_minor} were paid for {line.ordered}")


def _bucket(parcel: Parcel) -> str:
    if parcel.delivered_at_ms:
        return "delivered"
    if parcel.lost_at_ms:
        return "lost"
    return "shipped" if parcel.handed_over_at_ms else "packed"


def _rows(ledger: Ledger) -> Check:
    """A row of the outside world waits for a person or is an order line; a line that replaces a lost one is no row."""
    tally = Tally("I3 parked or accepted")
    for parked in rows(ledger, Review):
        tally.saw()
        channel, _, reference = parked.source.partition("/")
        found = [
            line
            for order in ledger.find(Order, "by_reference", channel, reference)
            for line in ledger.find(OrderLine, "key", order.order_id)
            if not line.replaces_line and (line.source_row or line.line) == parked.row
        ]
        where = f"{parked.source} row {parked.row}"
        if found and not parked.order_id:
            tally.broken(f"{where}: parked ({parked.reason}), and {_named(found[0])} as well")
        elif parked.order_id and parked.order_id not in [line.order_id for line in found]:
            tally.broken(f"{where}: taken in by order {parked.order_id}, which has no such row")
    return tally.check()


def _keys(ledger: Ledger) -> Check:
    tally = Tally("I3 idempotency keys")
    for row in rows(ledger, IdempotencyKey):
        tally.saw()
        try:
            is_sound = canonical(json.loads(row.reply)) == row.reply and len(bytes.fromhex(row.fingerprint)) == 32
        except (TypeError, ValueError):
            is_sound = False
        if not is_sound:
            tally.broken(f"key {row.key!r}: its reply or fingerprint is not what a command leaves")
    return tally.check()
