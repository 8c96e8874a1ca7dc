"""When there is less than was promised: whose units are taken back.

The victim rule, told to every customer alike: first the promises of the youngest orders that nobody walks for yet, then parts
that wait for a tour, then picks bound at the place where the units are gone, the last in their tours first. Units taken back
become backordered and are promised again in order of age as soon as there is stock.
"""

from floorwise.core.errors import OutOfStock
from floorwise.core.flow import books, promising
from floorwise.core.model import events
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import Balance, Pool
from floorwise.core.model.work import Part, PartLine, Pick, Tour
from floorwise.core.ports import Desk


def lose(
    desk: Desk, balance: Balance, quantity: int, target: str, cause: str, reference: str = "", to_status: str = "", at_ms: int = 0
) -> None:
    """Record that up to all units of a balance are gone to `target`, or to another status; promises and picks give way.

    `quantity` is at most what is on hand there; what lacks beyond comes from UNRESOLVED and is the caller's to move.
    """
    assert 0 < quantity <= balance.on_hand
    _unbind_at(desk, balance, balance.on_hand - quantity, cause)
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
    promising.fill_backorders(desk, balance.sku, balance.owner)


def make_room(desk: Desk, sku: str, owner: str, quantity: int, cause: str) -> None:
    """Take promises back until `quantity` units of the pool are free of them."""
    if (missing := _missing(desk, sku, owner, quantity)) <= 0:
        return
    for line in reversed(desk.ledger.find(OrderLine, "by_promised", desk.site, sku, owner)):
        if missing > 0 and line.reserved:
            units = min(missing, line.reserved)
            books.shift(desk, line, "reserved", "backordered", units)
            promising.free(desk, sku, owner, units)
            order = desk.ledger.get(Order, line.order_id)
            desk.ledger.change(order, waiting=order.waiting - units)
            desk.tell(events.ReservationShrunk(line.order_id, line.line, sku, units, cause))
            missing -= units
    for part in reversed(waiting_parts(desk, sku)) if missing > 0 else ():
        if missing > 0:
            drop(desk, part, cause)
            missing = _missing(desk, sku, owner, quantity)
    for pick in reversed(open_picks(desk, sku, owner)) if missing > 0 else ():
        if missing > 0:
            unbind(desk, pick, min(missing, pick.quantity), cause)
            missing = _missing(desk, sku, owner, quantity)
    if missing > 0:
        raise OutOfStock(f"{sku} at {desk.site}: {missing} promised units belong to nobody; run verify")


def unbind(desk: Desk, pick: Pick, quantity: int, cause: str) -> None:
    """Take `quantity` units out of an open pick: they are free in the bin, and backordered for the line."""
    balance = desk.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
    desk.ledger.change(balance, reserved=balance.reserved - quantity)
    take_from_pick(desk, pick, quantity)
    give_back(desk, books.line_at(desk, pick.order_id, pick.line), pick.owner, quantity, cause)


def take_from_pick(desk: Desk, pick: Pick, quantity: int) -> None:
    """Make an open pick smaller, or end it as short when nothing is left of it; the tour's count of open picks follows, and a
    picker who has the tour already is told by a new revision of it."""
    tour = desk.ledger.get(Tour, pick.tour)
    if tour.state == "taken":
        tour = desk.ledger.change(tour, revision=tour.revision + 1)
        desk.tell(events.TourChanged(tour.tour, tour.picker, tour.revision))
    if quantity < pick.quantity:
        desk.ledger.change(pick, quantity=pick.quantity - quantity)
        return
    desk.ledger.change(pick, state="short", done_at_ms=desk.now_ms)
    end_pick(desk, pick)


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


def give_back(desk: Desk, line: OrderLine, owner: str, quantity: int, cause: str) -> None:
    """Released units of a line become backordered and their promise ends."""
    books.shift(desk, line, "released", "backordered", quantity)
    promising.free(desk, line.sku, owner, quantity)
    desk.tell(events.ReservationShrunk(line.order_id, line.line, line.sku, quantity, cause))


def drop(desk: Desk, part: Part, cause: str) -> None:
    """Give a waiting part up: its units are promised anew as stock allows, in a later part."""
    desk.ledger.change(part, state="dropped", state_at_ms=desk.now_ms)
    desk.tell(events.PartDropped(part.part, part.order_id, cause))
    for row in desk.ledger.find(PartLine, "key", part.part):
        line = books.line_at(desk, part.order_id, row.line)
        give_back(desk, line, line.owner, row.quantity, cause)


def waiting_parts(desk: Desk, sku: str) -> list[Part]:
    """Parts that wait for a tour and hold this SKU, in order of cut-off."""
    found = []
    for kind in ("bulk", "cart"):
        for part in desk.ledger.find(Part, "by_state", desk.site, "waiting", kind):
            if any(row.sku == sku for row in desk.ledger.find(PartLine, "key", part.part)):
                found.append(part)
    return sorted(found, key=lambda part: (part.cut_off_ms, part.part))


def open_picks(desk: Desk, sku: str, owner: str) -> list[Pick]:
    """Open picks of a SKU, in order of tour and walk."""
    picks = []
    for line in desk.ledger.find(OrderLine, "by_promised", desk.site, sku, owner):
        picks += desk.ledger.find(Pick, "by_line", line.order_id, line.line)
    return sorted(picks, key=lambda pick: (pick.tour, pick.number))


def _unbind_at(desk: Desk, balance: Balance, keep: int, cause: str) -> None:
    excess = balance.reserved - keep
    for pick in reversed(desk.ledger.find(Pick, "by_place", balance.place, balance.sku)):
        same = (pick.lot, pick.serial, pick.owner) == (balance.lot, balance.serial, balance.owner)
        if excess > 0 and same and balance.status == "available":
            units = min(excess, pick.quantity)
            unbind(desk, pick, units, cause)
            excess -= units


def _missing(desk: Desk, sku: str, owner: str, quantity: int) -> int:
    pool = desk.ledger.get(Pool, desk.site, sku, owner)
    return pool.reserved - (pool.eligible - quantity) if pool else 0
