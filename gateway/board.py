"""What the pages ask every second, kept at hand by following the journal: orders by state, picks of the last hour, events of an order.

Everything here follows from the ledger and is rebuilt at each start; a number shown is a number that a query would give.
"""

import json
import threading
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from floorwise.core.model.journal import Event
from floorwise.core.model.orders import Order, OrderLine, state_of
from floorwise.core.model.policies import HOUR_MS
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import rows

PAGE = 2_000  # events read at once
FINISHED_ORDERS = 20_000  # that are listed; older ones are found by their id
DELIVERED_PARCELS = 5_000  # likewise
EVENTS_AN_ORDER = 500  # kept for it, the newest
EVENTS_LOOKED_BACK = 200_000  # events before the end of the journal that are sorted by order at a start
CUT_OFFS = 20  # listed with their orders
PLANS = 200  # kept, the newest
DONE = ("delivered", "returned", "cancelled")


class OrderRow(NamedTuple):
    """An order as a list shows it."""

    order_id: str
    channel: str
    reference: str
    state: str
    carrier: str
    placed_at_ms: int
    cut_off_ms: int
    lines: int
    units: int
    in_house: int  # units that are on hand, promised and not on a truck yet
    backordered: int
    has_left: bool  # at least one unit of it has been on a truck


class PickDone(NamedTuple):
    """Units that came out of a bin."""

    at_ms: int
    place: str
    units: int


class PlanMade(NamedTuple):
    """A plan as the dispatcher sees it: what it costs, and how far from the best it can be at most."""

    number: int  # of its event
    at_ms: int
    planner: str
    cause: str  # why it is a fall-back; "" = it is none
    planned: int  # parts that got a walk
    tours: int
    length_mm: int
    lower_bound_mm: int  # 0 = none known
    took_ms: int
    unplanned: list[list[str]]  # [part, reason]

    @property
    def gap(self) -> float | None:
        """(length - bound) / length; None without a bound."""
        return round(1 - self.lower_bound_mm / self.length_mm, 4) if self.lower_bound_mm and self.length_mm else None


class Board:
    """Follows the journal on whatever thread calls `follow`; any other thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._orders: dict[str, OrderRow] = {}
        self._finished: deque[str] = deque()
        self._events_of: dict[str, deque[int]] = {}
        self._states: Counter[str] = Counter()
        self._picks: deque[PickDone] = deque()
        self._delivered: deque[str] = deque(maxlen=DELIVERED_PARCELS)
        self._plans: deque[PlanMade] = deque(maxlen=PLANS)
        self.number = 0  # the last event it knows
        self.kinds: Counter[str] = Counter()  # events since the ledger began
        self.placed = self.shipped = 0

    def load(self, ledger: Ledger, last: int) -> None:
        """Take everything up to event `last` from a ledger that does not change meanwhile."""
        with self._lock:
            for order in rows(ledger, Order):
                self._take(order, ledger.find(OrderLine, "key", order.order_id))
            while self.number < last and self._read(ledger, last - EVENTS_LOOKED_BACK, None):
                continue

    def follow(self, ledger: Ledger, limit: int = PAGE) -> int:
        """Take up to `limit` new events and look again at the orders they name; give how many there were."""
        touched: set[str] = set()
        with self._lock:
            count = self._read(ledger, 0, touched, limit)
            for order_id in sorted(touched):
                if (order := ledger.get(Order, order_id)) is not None:
                    self._take(order, ledger.find(OrderLine, "key", order_id))
        return count

    def orders(self, state: str, limit: int, after: str) -> tuple[list[OrderRow], str]:
        """The newest orders first, those before order `after`, and the `after` of the next page ("" when there is none)."""
        with self._lock:
            found = [row for row in self._orders.values() if not state or row.state == state]
        found.sort(key=lambda row: (row.placed_at_ms, row.order_id), reverse=True)
        if after:
            start = next((n for n, row in enumerate(found) if row.order_id == after), None)
            # None: its state has changed, or it is no longer listed; go on by age.
            found = [row for row in found if row.order_id < after] if start is None else found[start + 1 :]
        return found[:limit], found[limit - 1].order_id if len(found) > limit else ""

    def events_of(self, order_id: str) -> list[int]:
        """Numbers of the events that name an order, as far as they are kept."""
        with self._lock:
            return list(self._events_of.get(order_id, ()))

    def delivered_parcels(self) -> list[str]:
        """The parcels that were delivered last, the newest first."""
        with self._lock:
            return list(reversed(self._delivered))

    def plans(self, limit: int) -> list[PlanMade]:
        """The plans that were made last, the newest first."""
        with self._lock:
            return list(reversed(self._plans))[:limit]

    def picks_since(self, since_ms: int) -> list[PickDone]:
        """Picks done in the last hour of floor time, from `since_ms` on."""
        with self._lock:
            return [pick for pick in self._picks if pick.at_ms >= since_ms]

    def order_figures(self, now_ms: int) -> dict[str, Any]:
        """The block `orders` of /api/figures."""
        with self._lock:
            open_rows = [row for row in self._orders.values() if row.state not in DONE]
            states, placed, shipped = dict(sorted(self._states.items())), self.placed, self.shipped
        late = [row for row in open_rows if row.cut_off_ms < now_ms and row.in_house + row.backordered]
        by_cut_off: dict[int, Counter[str]] = {}
        for row in open_rows:
            by_cut_off.setdefault(row.cut_off_ms, Counter())[row.state] += 1
        return {
            "placed": placed,
            "shipped": shipped,
            "delivered": states.get("delivered", 0) + states.get("returned", 0),
            "by_state": states,
            "late": len(late),
            "late_backordered": sum(not row.in_house for row in late),
            "by_cut_off": [
                {"cut_off_ms": cut_off_ms, "by_state": dict(sorted(by_cut_off[cut_off_ms].items()))}
                for cut_off_ms in sorted(by_cut_off, key=lambda ms: (ms < now_ms, ms if ms >= now_ms else -ms))[:CUT_OFFS]
            ],
        }

    def _read(self, ledger: Ledger, indexed_from: int, touched: set[str] | None, limit: int = PAGE) -> int:
        found = ledger.find(Event, "key", after=self.number, limit=limit)
        for event in found:
            self.kinds[event.kind] += 1
            if event.number > indexed_from:
                body = json.loads(event.line)["body"]
                for order_id in named(body):
                    self._events_of.setdefault(order_id, deque(maxlen=EVENTS_AN_ORDER)).append(event.number)
                    if touched is not None:
                        touched.add(order_id)
                if event.kind == "PickConfirmed":
                    self._picks.append(PickDone(body["done_at_ms"], body["place"], body["quantity"]))
                elif event.kind == "ToursReleased":
                    self._plans.append(_plan(event, body))
                elif event.kind == "ParcelDelivered":
                    self._delivered.append(body["parcel"])
        if found:
            self.number = found[-1].number
            self._forget(found[-1].at_ms)
        return len(found)

    def _forget(self, now_ms: int) -> None:
        while self._picks and self._picks[0].at_ms < now_ms - HOUR_MS:
            self._picks.popleft()
        while len(self._finished) > FINISHED_ORDERS:
            gone = self._finished.popleft()
            if gone in self._orders and self._orders[gone].state in DONE:  # a return may have opened it again
                del self._orders[gone]
                self._events_of.pop(gone, None)

    def _take(self, order: Order, lines: list[OrderLine]) -> None:
        before = self._orders.get(order.order_id)
        row = row_of(order, lines)
        if before is None:
            self.placed += 1
        else:
            self._states[before.state] -= 1
            if not self._states[before.state]:
                del self._states[before.state]
        self._states[row.state] += 1
        self.shipped += row.has_left - (before.has_left if before else False)
        self._orders[order.order_id] = row
        if row.state in DONE and (before is None or before.state not in DONE):
            self._finished.append(order.order_id)


def named(body: dict[str, Any]) -> Iterable[str]:
    """The orders that an event is about. Parts are "<order>.<n>" and parcels "<part>/<n>": their names tell their order."""
    found = {body["order_id"]} if "order_id" in body else set()
    for name in ("parts", "parcels"):
        for told in body.get(name, ()):
            found.add(_order_of(told if isinstance(told, str) else told[0]))
    found.update(_order_of(body[name]) for name in ("part", "parcel") if name in body)
    return found - {""}


def _order_of(name: str) -> str:
    return name.partition("/")[0].rpartition(".")[0]


def _plan(event: Event, body: dict[str, Any]) -> PlanMade:
    told = {name: body[name] for name in ("planner", "cause", "planned", "length_mm", "lower_bound_mm", "took_ms", "unplanned")}
    return PlanMade(number=event.number, at_ms=event.at_ms, tours=len(body["tours"]), **told)


def row_of(order: Order, lines: list[OrderLine]) -> OrderRow:
    """The order as a list shows it now."""
    return OrderRow(
        order.order_id,
        order.channel,
        order.reference,
        state_of(lines),
        order.carrier,
        order.placed_at_ms,
        order.cut_off_ms,
        len(lines),
        sum(line.ordered for line in lines),
        sum(line.reserved + line.released + line.picked + line.packed for line in lines),
        sum(line.backordered for line in lines),
        any(line.shipped + line.delivered + line.returned + line.lost for line in lines),
    )
