"""What goes on beside picking and packing: release and planning at every tick, purchases, counts, returns."""

from collections.abc import Callable
from typing import Any

from floorwise.core.flow.counting import RecordCount, SettleUnresolved, unresolved
from floorwise.core.flow.receiving import ReceivePurchase
from floorwise.core.flow.returns import GradeReturn, ReceiveReturn, RefundReturn, RequestReturn, returnable
from floorwise.core.journal import body_of
from floorwise.core.model.journal import Event
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.policies import DAY_MS, HOUR_MS, MINUTE_MS
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import Balance
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import PART_STATES, CountTask, Part
from floorwise.core.ports import Planner
from floorwise.core.workers import buying, expiry, planning, timers, waving
from floorwise.sim.floorplan import Homes
from floorwise.sim.people import Packers, Pickers
from floorwise.sim.world import SITE, World

TICK_MS = 5 * MINUTE_MS  # how often orders are released and planned
HORIZON_MS = 3 * DAY_MS  # orders for trucks within this time may be released: over a weekend too
ORDERS_A_TICK, PARTS_A_TICK, EVENTS_A_TICK, TIMERS_A_TICK, LOTS_A_TICK = 400, 400, 20_000, 10_000, 1_000
LONGEST_DRAIN_MS = 120 * DAY_MS  # after this without an end the run stops, and what is left counts as left
FOUND_SHARE = 0.5  # of short picks whose units the counter finds nearby
BENCH_MS = 2 * HOUR_MS  # from a return's arrival to its grade
GRADE_SHARES = (("A", 0.7), ("B", 0.9), ("C", 1.0))  # cumulative


class Office:
    """The floor's background work, driven by a tick."""

    def __init__(self, world: World, planner: Planner, pickers: Pickers, packers: Packers, homes: Homes) -> None:
        self._world = world
        self._planner = planner
        self._pickers, self._packers = pickers, packers
        self._homes = homes
        self._told = 0  # the last event that purchases and counts were read from; 0 reads those of an earlier run too
        self._planned = 0  # the last event when there was no part to plan; 0 = nobody looked, or there was one
        self._last_order_ms = world.now_ms
        self._followed: dict[str, str] = {}  # return -> the state from which its next step is on its way
        self.is_fed = False  # the source of orders has ended
        self.is_done = False  # nothing is in flight and nothing will come
        self.at_end: list[Callable[[], bool]] = []  # asked when nothing is in flight; True = more has come of it

    def resume(self) -> None:
        """Go on with open purchases, counts and returns; tick now, or when a day that was cut off would have ticked next."""
        for line in self._world.ledger.find(OrderLine, "key") if self._world.scenario.faults.return_share else ():
            if line.delivered:
                self.consider_return(line.order_id, line.line, line.delivered_at_ms)
        for rma in (r for state in ("approved", "received", "graded") for r in self._world.ledger.find(Rma, "by_state", SITE, state)):
            self.follow_return(rma.rma)
        if self._world.ledger.find(Event, "by_kind", "OrderPlaced", limit=1) and self._world.now_ms % TICK_MS:
            self._world.keep((self._world.now_ms // TICK_MS + 1) * TICK_MS, self._tick)  # what the last tick released is released
        else:
            self._tick()

    def fed(self) -> None:
        """No more orders will come."""
        self.is_fed, self._last_order_ms = True, self._world.now_ms

    def is_idle(self) -> bool:
        """Nothing is in flight: no order waits, no part is on the floor, no parcel on its way, nothing is expected."""
        ledger = self._world.ledger
        return (
            self.is_fed
            and not self._world.pending
            and not ledger.find(Order, "to_release", SITE, limit=1)
            and not any(ledger.find(Part, "by_state", SITE, state, limit=1) for state in PART_STATES[:5])
            and not any(ledger.find(Parcel, "by_status", SITE, status, limit=1) for status in ("packed", "labelled"))
            and not ledger.find(OrderLine, "by_backorder", SITE, limit=1)
        )

    def _tick(self) -> None:
        world, now_ms = self._world, self._world.now_ms
        timers.step(world.warehouse, now_ms, TIMERS_A_TICK)
        expiry.step(world.warehouse, now_ms, LOTS_A_TICK)
        if world.ledger.head[0] != self._told:  # nobody has told anything since the last tick: nothing to review, nothing to expect
            while buying.step(world.warehouse, EVENTS_A_TICK) == EVENTS_A_TICK:
                continue
            self._expect()
        if world.is_staffed():
            waving.step(world.warehouse, SITE, now_ms, HORIZON_MS, ORDERS_A_TICK)
            if world.ledger.head[0] != self._planned:  # what nobody has touched since a look that found no part to plan
                found = planning.step(world.warehouse, self._planner, SITE, now_ms, PARTS_A_TICK)
                self._planned = 0 if found else world.ledger.head[0]
            self._pickers.kick()
            self._packers.kick()
        is_over = self.is_fed and now_ms - self._last_order_ms > LONGEST_DRAIN_MS
        if not is_over and (not self.is_idle() or any([ask() for ask in self.at_end])):
            world.keep((now_ms // TICK_MS + 1) * TICK_MS, self._tick)
        else:
            self.is_done = True

    def _expect(self) -> None:
        """Take note of purchases and counts that have been asked for since the last tick."""
        ledger = self._world.ledger
        for kind, expect in (("PurchaseRaised", self._expect_purchase), ("CountWanted", self._expect_count)):
            for event in ledger.find(Event, "by_kind", kind, after=self._told):
                expect(body_of(event))
        self._told = ledger.head[0]

    def _expect_purchase(self, told: dict[str, Any]) -> None:
        purchase = self._world.ledger.get(Purchase, told["purchase"])
        if purchase.state == "open":  # suppliers come when the day begins
            self._world.at(self._world.next_shift_ms(purchase.expected_at_ms), self._arrive, purchase)

    def _expect_count(self, told: dict[str, Any]) -> None:
        task = self._world.ledger.get(CountTask, told["task"])
        if task.state == "open":
            self._world.at(task.opened_at_ms + self._world.scenario.people.count_ms, self._count, task)

    def _arrive(self, purchase: Purchase) -> None:
        on_face = sum(row.on_hand for row in self._world.ledger.find(Balance, "key", self._homes.pick[purchase.sku], purchase.sku))
        place = self._homes.place_for(purchase.sku, purchase.quantity, on_face)
        self._world.execute(ReceivePurchase(purchase.purchase, purchase.quantity, place))

    def _count(self, task: CountTask) -> None:
        """A counter looks: sometimes the missing units lie in the next bin, else they are gone."""
        world = self._world
        there = sum(r.on_hand for r in world.ledger.find(Balance, "key", task.place, task.sku, task.lot) if r.status == "available")
        missing = sum(r.on_hand for r in world.ledger.find(Balance, "key", unresolved(task.place), task.sku, task.lot))
        found = missing if missing > 0 and world.chance.happens("found again", task.task, FOUND_SHARE) else 0
        world.execute(RecordCount(task.place, task.sku, there + found, task.lot, task.owner, task.task))
        world.execute(SettleUnresolved(task.place, task.sku, "count desk", task.lot, task.owner))

    def consider_return(self, order_id: str, line: int, delivered_at_ms: int) -> None:
        """Some delivered lines come back, all of their units, some days later."""
        faults, entity = self._world.scenario.faults, f"{order_id}.{line}"
        if self._world.chance.happens("return", entity, faults.return_share):
            after_ms = self._world.chance.lognormal("return after", entity, faults.return_after_ms, 0.5)
            if delivered_at_ms + after_ms >= self._world.now_ms:
                self._world.at(delivered_at_ms + after_ms, self._send_back, order_id, line)

    def _send_back(self, order_id: str, number: int) -> None:
        line = self._world.ledger.get(OrderLine, order_id, number)
        units = returnable(line, self._world.ledger.find(Rma, "by_line", order_id, number))
        if units:
            reply = self._world.execute(RequestReturn(order_id, number, units, "changed my mind"))
            self.follow_return(reply["rma"])

    def follow_return(self, name: str) -> None:
        """Carry a return from permission to refund: parcel, bench, grade, money; on from wherever it stands, each step once."""
        rma = self._world.ledger.get(Rma, name)
        if self._followed.get(name) == rma.state:  # a file fed again after a crash names returns that `resume` follows already
            return
        self._followed[name] = rma.state
        transit_ms = self._world.chance.lognormal("return transit", name, self._world.scenario.carriers.transit_ms, 0.3)
        if rma.state == "approved":
            self._world.at(rma.requested_at_ms + transit_ms, self._take_in, name)
        elif rma.state == "received":
            self._world.at(rma.received_at_ms + BENCH_MS, self._grade, name)
        elif rma.state == "graded":
            self._world.execute(RefundReturn(name))

    def _take_in(self, name: str) -> None:
        self._world.execute(ReceiveReturn(name))
        self.follow_return(name)

    def _grade(self, name: str) -> None:
        rma, draw = self._world.ledger.get(Rma, name), self._world.chance.unit("grade", name)
        grade = next(grade for grade, share in GRADE_SHARES if draw <= share)
        self._world.execute(GradeReturn(name, grade, self._homes.pick[rma.sku] if grade == "A" else ""))
        self.follow_return(name)
