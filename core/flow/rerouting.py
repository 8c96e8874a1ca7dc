"""Tours under way change: what a bin lacks, or nobody can reach, is taken from another bin on the same walk, and stops come in between.

The stop a picker heads for stays the next one and nothing flips behind it. At most MOST_CHANGED_STOPS stops of a tour change after it was
taken; a stop at a bin where the picker stops anyway is no change.
"""

from collections.abc import Iterable

from floorwise.core.flow import asking, books
from floorwise.core.model import events
from floorwise.core.model.orders import Order
from floorwise.core.model.places import Location, Site
from floorwise.core.model.planning import BinStock, Block
from floorwise.core.model.policies import MOST_CHANGED_STOPS
from floorwise.core.model.stock import Balance
from floorwise.core.model.walking import Spot, put_in
from floorwise.core.model.work import PartLine, Pick, Tour, in_walking_order
from floorwise.core.ports import Desk


def take_elsewhere(desk: Desk, pick: Pick, quantity: int, cause: str) -> int:
    """Have up to `quantity` units that `pick` could not take picked from other bins on the same walk; give how many.

    They are units that the pick's line is promised and nobody walks for. Earliest date first, then a bin that covers all, then the least
    extra way. What no reachable bin has, or no stop is left for, waits for another release.
    """
    tour = desk.ledger.get(Tour, pick.tour)
    line = books.line_at(desk, pick.order_id, pick.line)
    left = min(quantity, line.reserved)
    if tour.state == "done" or left <= 0:
        return 0
    walk, taken = Walk(desk, tour), 0
    asked = next(row for row in desk.ledger.find(PartLine, "key", pick.part, pick.line))
    date = max(asked.min_expiry_ms, desk.now_ms)
    rows, _ = asking.shelves(desk.ledger, pick.sku, pick.owner, tour.kind, left)
    shelves = [row for row in rows if row.expires_at_ms >= date]
    while left and shelves:
        row = walk.best(shelves, left)
        shelves.remove(row)
        units = min(left, row.available)
        if walk.may_stop(row.location):
            walk.add(pick, row, units)
            left, taken = left - units, taken + units
    if taken:
        line = books.line_at(desk, pick.order_id, pick.line)
        books.shift(desk, line, "reserved", "released", taken)
        order = desk.ledger.get(Order, pick.order_id)
        desk.ledger.change(order, waiting=order.waiting - taken)
        walk.close(cause)
    return taken


class Walk:
    """A tour whose open picks may grow; `close` writes what `add` gathered."""

    def __init__(self, desk: Desk, tour: Tour) -> None:
        self._desk, self.tour = desk, tour
        picks = in_walking_order(desk.ledger.find(Pick, "key", tour.tour))
        self.ended = [pick for pick in picks if pick.state != "open"]
        self.ahead = [pick for pick in picks if pick.state == "open"]
        self.block = block_of(desk)
        self._number = len(picks)
        self._fresh: list[Pick] = []
        self.changed_stops = tour.changed_stops
        self.extra_walk_mm = 0

    def best(self, shelves: Iterable[BinStock], wanted: int) -> BinStock:
        """The shelf to take from first: the earliest date, then one that covers what is wanted, then the least extra way."""
        return min(shelves, key=lambda row: (row.expires_at_ms, row.available < wanted, self.extra_mm(row.location), row.location, row.lot))

    def extra_mm(self, place: str) -> int:
        """What a stop at this place adds to the way ahead; 0 where the picker stops anyway."""
        location = books.location_of(self._desk, place)
        return 0 if self._is_ahead(location) else self._put_in(location)[1]

    def may_stop(self, place: str) -> bool:
        """Whether the tour may still get a stop there; one that nobody walks yet may change as it likes."""
        is_free = self.tour.state == "open" or self.changed_stops < MOST_CHANGED_STOPS
        return is_free or self._is_ahead(books.location_of(self._desk, place))

    def add(self, pick: Pick, row: BinStock, quantity: int) -> None:
        """Bind units of a bin to a new pick for the part and line of `pick`."""
        desk, location = self._desk, books.location_of(self._desk, row.location)
        for balance, units in bound(desk, asking.balances_at(desk.ledger, row.location, row.sku, row.lot, pick.owner), quantity):
            self._number += 1
            fresh = pick._replace(
                number=self._number, turn=self._number, sku=row.sku, lot=row.lot, serial=balance.serial, place=balance.place,
                location=location, quantity=units, picked=0, state="open", done_at_ms=0, version=0,
            )  # fmt: skip
            if self._is_ahead(location):
                at = max(n for n, one in enumerate(self.ahead) if one.location == location) + 1
            else:
                at, extra_mm = self._put_in(location)
                self.changed_stops += self.tour.state == "taken"
                self.extra_walk_mm += extra_mm
            self.ahead.insert(at, fresh)
            self._fresh.append(fresh)

    def close(self, cause: str) -> Tour:
        """Write new picks, turns and the tour's new revision, and tell them."""
        desk, turn = self._desk, max((pick.turn for pick in self.ended), default=0)
        fresh = {pick.number for pick in self._fresh}
        for pick in self.ahead:
            turn += 1
            if pick.number in fresh:
                desk.ledger.insert(pick._replace(turn=turn))
            elif pick.turn != turn:
                desk.ledger.change(pick, turn=turn)
        tour = desk.ledger.get(Tour, self.tour.tour)
        tour = desk.ledger.change(
            tour, picks=tour.picks + len(fresh), open_picks=tour.open_picks + len(fresh), revision=tour.revision + 1,
            changed_stops=self.changed_stops, length_mm=tour.length_mm + self.extra_walk_mm,
        )  # fmt: skip
        told = [[p.number, p.place, p.sku, p.lot, p.quantity, p.part, p.line] for p in self._fresh]
        if told:
            desk.tell(events.StopsAdded(tour.tour, cause, told))
        if tour.picker:
            desk.tell(events.TourChanged(tour.tour, tour.picker, tour.revision))
        return tour

    def _is_ahead(self, location: str) -> bool:
        return any(pick.location == location for pick in self.ahead)

    def _put_in(self, location: str) -> tuple[int, int]:
        """(index among the picks ahead, extra way) of a stop there: behind all picks of the stop before it."""
        stops = [pick for n, pick in enumerate(self.ahead) if not n or pick.location != self.ahead[n - 1].location]
        index, extra_mm = put_in(self.block, [self._spot(pick.location) for pick in stops], self._spot(location))
        return (self.ahead.index(stops[index]) if index < len(stops) else len(self.ahead)), extra_mm

    def _spot(self, name: str) -> Spot:
        location = self._desk.ledger.get(Location, name)
        return Spot(location.aisle, location.y_mm)


def block_of(desk: Desk) -> Block:
    """The block of this desk's site."""
    return asking.block(desk.ledger.get(Site, desk.site))


def bound(desk: Desk, balances: Iterable[Balance], quantity: int) -> list[tuple[Balance, int]]:
    """Reserve `quantity` units of these balances, serial by serial where there are serials; each with its units."""
    found, left = [], quantity
    for balance in balances:
        if units := min(left, balance.on_hand - balance.reserved):
            found.append((desk.ledger.change(balance, reserved=balance.reserved + units), units))
            left -= units
    assert not left, f"{quantity} units were read as free, {quantity - left} are"
    return found
