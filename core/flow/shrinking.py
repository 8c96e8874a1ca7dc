"""When there is less than was promised: whose units are taken back.

The victim rule, told to every customer alike:

1. A pick bound to units that are gone cannot be done. The last picks in their tours give way first; their lines keep their
   promise and wait for another bin.
2. If the pool now promises more than it has, the youngest order's promises are taken back first, among those that nobody
   walks for; then those of parts that wait for a tour, the latest truck first; then those of picks, the last in their tours first.
3. If what is left expires too soon for somebody's minimum, the youngest of those whom the dates fail are taken back.

Units taken back become backordered, and are promised again in order of age as soon as there is stock.
"""

from floorwise.core.errors import OutOfStock
from floorwise.core.flow import books, promising
from floorwise.core.model import events
from floorwise.core.model.catalog import Sku
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import Balance, Pool, overpromised
from floorwise.core.model.work import Part, PartLine, Pick, Tour
from floorwise.core.ports import Desk


def lose(
    desk: Desk, balance: Balance, quantity: int, target: str, cause: str, reference: str = "", to_status: str = "", at_ms: int = 0
) -> None:
    """Record that up to all units of a balance are gone to `target`, or to another status; promises and picks give way.

    `quantity` is at most what is on hand there; what lacks beyond comes from UNRESOLVED and is the caller's to move.
    """
    assert 0 < quantity <= balance.on_hand
    unbind_at(desk, balance, balance.on_hand - quantity)
    if books.is_sellable(desk, balance.place, balance.status):
        make_room(desk, balance.sku, balance.owner, quantity, cause)
    books.move(
        desk,
        balance.sku,
        quantity,
        balance.place,
        target,
        cause,
        reference,
        lot=balance.lot,
        serial=balance.serial,
        owner=balance.owner,
        status=balance.status,
        to_status=to_status,
        at_ms=at_ms,
    )
    if balance.lot:
        keep_dates(desk, balance.sku, balance.owner, cause)
    promising.fill_backorders(desk, balance.sku, balance.owner)


def promise_again(desk: Desk, line: OrderLine, quantity: int, cause: str) -> None:
    """Promise `quantity` backordered units of a line again, which it had in hand and lost: free units first, then those of younger
    orders that nobody walks for, the youngest order's first. The rest stays backordered."""
    done = max(0, line.backordered - quantity)
    promising.fill_backorders(desk, line.sku, line.owner)
    line, article = books.line_at(desk, line.order_id, line.line), desk.ledger.get(Sku, line.sku)
    for other in reversed(desk.ledger.find(OrderLine, "by_promised", desk.site, line.sku, line.owner)):
        younger = (other.placed_at_ms, other.order_id, other.line) > (line.placed_at_ms, line.order_id, line.line)
        if (lacking := line.backordered - done) <= 0 or not younger or not other.reserved:
            continue
        _backorder(desk, other, min(lacking, other.reserved), cause)
        if units := promising.promise(desk, article, line.owner, lacking, line.min_expiry_ms):
            line = books.shift(desk, line, "backordered", "reserved", units)
            order = desk.ledger.get(Order, line.order_id)
            desk.ledger.change(order, waiting=order.waiting + units)
            desk.tell(events.BackorderFilled(line.order_id, line.line, line.sku, units))
    promising.fill_backorders(desk, line.sku, line.owner)


def make_room(desk: Desk, sku: str, owner: str, quantity: int, cause: str) -> None:
    """Take promises back until `quantity` units of the pool are free of them."""
    if (missing := _missing(desk, sku, owner, quantity)) <= 0:
        return
    missing = _take_promises(desk, sku, owner, missing, 0, cause)
    for part in reversed(waiting_parts(desk, sku, owner)) if missing > 0 else ():
        if missing > 0:
            _recall(desk, part, cause)
            missing = _take_promises(desk, sku, owner, missing, 0, cause)
    for pick in reversed(open_picks(desk, sku, owner)) if missing > 0 else ():
        if missing > 0:
            unbind(desk, pick, min(missing, pick.quantity))
            missing = _take_promises(desk, sku, owner, missing, 0, cause)
    if missing > 0:
        raise OutOfStock(f"{sku} at {desk.site}: {missing} promised units belong to nobody; run verify")


def keep_dates(desk: Desk, sku: str, owner: str, cause: str) -> None:
    """Take promises back until the lots that are left can keep all others, each with its minimum date."""
    for date in sorted({date for date, units in promising.positions(desk, sku, owner)[1] if units}, reverse=True):
        missing = overpromised(*promising.positions(desk, sku, owner), date)
        if missing > 0:
            missing = _take_promises(desk, sku, owner, missing, date, cause)
        for part in reversed(waiting_parts(desk, sku, owner)) if missing > 0 else ():
            if missing > 0 and any(r.sku == sku and max(r.min_expiry_ms, desk.now_ms) >= date for r in _rows(desk, part)):
                _recall(desk, part, cause)
                missing = _take_promises(desk, sku, owner, missing, date, cause)


def unbind(desk: Desk, pick: Pick, quantity: int) -> None:
    """Take `quantity` units out of an open pick: the bin is free of them, the line keeps its promise and waits for another release."""
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    desk.ledger.change(balance, reserved=balance.reserved - quantity)
    take_from_pick(desk, pick, quantity)
    keep_promise(desk, books.line_at(desk, pick.order_id, pick.line), quantity)


def take_from_pick(desk: Desk, pick: Pick, quantity: int) -> None:
    """Make an open pick smaller, or end it as short when nothing is left of it; the tour's count of open picks follows, and a
    picker who has the tour already is told by a new revision of it."""
    tell_picker(desk, pick.tour)
    if quantity < pick.quantity:
        desk.ledger.change(pick, quantity=pick.quantity - quantity)
        return
    desk.ledger.change(pick, state="short", done_at_ms=desk.now_ms)
    end_pick(desk, pick)


def tell_picker(desk: Desk, tour_id: str) -> None:
    """Give a tour that somebody walks a new revision; one that nobody has is read anew when it is taken."""
    tour = desk.ledger.get(Tour, tour_id)
    if tour.state == "taken":
        tour = desk.ledger.change(tour, revision=tour.revision + 1)
        desk.tell(events.TourChanged(tour.tour, tour.picker, tour.revision))


def end_pick(desk: Desk, pick: Pick) -> Tour:
    """Count a pick as ended in its tour; the last one ends the tour, and its parts are picked or dropped."""
    tour = desk.ledger.get(Tour, pick.tour)
    left = tour.open_picks - 1
    if left:
        return desk.ledger.change(tour, open_picks=left)
    tour = desk.ledger.change(tour, open_picks=0, state="done", done_at_ms=desk.now_ms)
    desk.tell(events.TourDone(tour.tour, tour.picker))
    parts = sorted({p.part for p in desk.ledger.find(Pick, "key", tour.tour)})
    for name in parts:
        part = desk.ledger.get(Part, name)
        picked = sum(p.picked for p in desk.ledger.find(Pick, "by_part", name))
        desk.ledger.change(part, state="picked" if picked else "dropped", state_at_ms=desk.now_ms)
        if not picked:
            desk.tell(events.PartDropped(name, part.order_id, "nothing found"))
    return tour


def keep_promise(desk: Desk, line: OrderLine, quantity: int) -> None:
    """Released units of a line are only promised again, to be released once more."""
    books.shift(desk, line, "released", "reserved", quantity)
    order = desk.ledger.get(Order, line.order_id)
    desk.ledger.change(order, waiting=order.waiting + quantity)


def give_back(desk: Desk, line: OrderLine, owner: str, quantity: int, cause: str) -> None:
    """Released units of a line become backordered and their promise ends."""
    books.shift(desk, line, "released", "backordered", quantity)
    promising.free(desk, line.sku, owner, quantity)
    desk.tell(events.ReservationShrunk(line.order_id, line.line, line.sku, quantity, cause))


def drop(desk: Desk, part: Part, cause: str) -> None:
    """Give a waiting part up: its units are backordered."""
    desk.ledger.change(part, state="dropped", state_at_ms=desk.now_ms)
    desk.tell(events.PartDropped(part.part, part.order_id, cause))
    for row in _rows(desk, part):
        line = books.line_at(desk, part.order_id, row.line)
        give_back(desk, line, line.owner, row.quantity, cause)


def waiting_parts(desk: Desk, sku: str, owner: str) -> list[Part]:
    """Parts that wait for a tour and hold this owner's SKU, in order of cut-off."""
    found = []
    for kind in ("bulk", "cart"):
        for part in desk.ledger.find(Part, "by_state", desk.site, "waiting", kind):
            if part.owner == owner and any(row.sku == sku for row in _rows(desk, part)):
                found.append(part)
    return sorted(found, key=lambda part: (part.cut_off_ms, part.part))


def open_picks(desk: Desk, sku: str, owner: str) -> list[Pick]:
    """Open picks of a SKU, in order of tour and walk."""
    picks = []
    for line in desk.ledger.find(OrderLine, "by_promised", desk.site, sku, owner):
        picks += desk.ledger.find(Pick, "by_line", line.order_id, line.line)
    return sorted(picks, key=lambda pick: (pick.tour, pick.number))


def unbind_at(desk: Desk, balance: Balance, keep: int) -> None:
    """Free all but `keep` units of a balance from picks, the last in their tours first."""
    excess = balance.reserved - keep
    for pick in reversed(desk.ledger.find(Pick, "by_place", balance.place, balance.sku)):
        same = (pick.lot, pick.serial, pick.owner) == (balance.lot, balance.serial, balance.owner)
        if excess > 0 and same and balance.status == "available":
            units = min(excess, pick.quantity)
            unbind(desk, pick, units)
            excess -= units


def _take_promises(desk: Desk, sku: str, owner: str, missing: int, min_expiry_ms: int, cause: str) -> int:
    """Backorder up to `missing` units, the youngest order's first, of lines that ask for this date or a later one and that
    nobody walks for; give how many are still missing."""
    for line in reversed(desk.ledger.find(OrderLine, "by_promised", desk.site, sku, owner)):
        if missing > 0 and line.reserved and max(line.min_expiry_ms, desk.now_ms) >= min_expiry_ms:
            units = min(missing, line.reserved)
            _backorder(desk, line, units, cause)
            missing -= units
    return missing


def _backorder(desk: Desk, line: OrderLine, units: int, cause: str) -> None:
    """Take a promise back that nobody walks for."""
    books.shift(desk, line, "reserved", "backordered", units)
    promising.free(desk, line.sku, line.owner, units)
    order = desk.ledger.get(Order, line.order_id)
    desk.ledger.change(order, waiting=order.waiting - units)
    desk.tell(events.ReservationShrunk(line.order_id, line.line, line.sku, units, cause))


def _recall(desk: Desk, part: Part, cause: str) -> None:
    """Call a waiting part back: its lines keep their promises and may be released again."""
    desk.ledger.change(part, state="dropped", state_at_ms=desk.now_ms)
    desk.tell(events.PartDropped(part.part, part.order_id, cause))
    for row in _rows(desk, part):
        keep_promise(desk, books.line_at(desk, part.order_id, row.line), row.quantity)


def _rows(desk: Desk, part: Part) -> list[PartLine]:
    return desk.ledger.find(PartLine, "key", part.part)


def _missing(desk: Desk, sku: str, owner: str, quantity: int) -> int:
    pool = desk.ledger.get(Pool, desk.site, sku, owner)
    return pool.reserved - (pool.eligible - quantity) if pool else 0
