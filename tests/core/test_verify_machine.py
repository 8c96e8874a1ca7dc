"""Whatever people do, in whatever order: after every step every invariant holds, and at the end nothing is stuck on the floor.

Steps are commands of all kinds on a floor of a few articles and bins, so that they get in each other's way all the time: shorts,
counts, holds, late confirmations, lost parcels. Requests may be refused; facts (a pick, a short, a count, a scan) only when they
make no sense at all, never because the books say otherwise.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from floorwise.core.errors import BadInput, NotFound, Refused, WrongState
from floorwise.core.flow.counting import ChangeStatus, OpenCount, RecordCount, SettleUnresolved
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddSkus, RuleWanted, SetStockRules, SkuWanted
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.receiving import ReceivePurchase, ReceiveStock
from floorwise.core.flow.returns import GradeReturn, ReceiveReturn, RefundReturn, RequestReturn
from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.touring import TakeTour
from floorwise.core.flow.tracking import SCANNED, RecordScan
from floorwise.core.model.orders import BUCKETS, Order, OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import Balance
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import buying, timers

DAY_MS = 86_400_000
BINS = ("A00-0", "A00-1", "A01-0")
SKUS = ("MUG", "BOWL", "TEA", "CAM")  # TEA has lots that expire, CAM has serials
LOTS = {"L1": 5 * DAY_MS, "L2": 40 * DAY_MS}
FACTS = (ConfirmPick, ReportShort, RecordCount, RecordScan)
MAKES_NO_SENSE = (BadInput, NotFound, WrongState)
ROUNDS = 12  # of the end of day; each brings everything that is left at least one step on

units = st.integers(1, 6)
which = st.integers(0, 50)  # picks one of what is there, whatever their number


class Floor(RuleBasedStateMachine):
    """Commands against one floor; `new_floor` makes it."""

    new_floor: type

    @initialize()
    def open(self) -> None:
        self.floor = self.new_floor()
        tea = SkuWanted("TEA", weight_g=100, volume_mm3=500_000, is_lot_tracked=1)
        self.floor.do(AddSkus((tea, SkuWanted("CAM", is_serial_tracked=1))))
        self.floor.do(SetStockRules((RuleWanted("MUG", 2, 8, DAY_MS),)))
        self.orders = self.serials = 0

    def do(self, command):
        try:
            return self.floor.do(command)
        except Refused as refused:
            if isinstance(command, FACTS) and "override_by" not in str(refused):  # an expired lot needs somebody's word
                assert isinstance(refused, MAKES_NO_SENSE), f"{command} was refused: {type(refused).__name__} {refused}"
            assert "run verify" not in str(refused)
            return None

    def any(self, record, number, is_apt=lambda row: True):
        """One of the records: four times out of five one that the command is meant for, else whatever is there."""
        found = self.floor.ledger.find(record, "key")
        apt = [row for row in found if is_apt(row)] if number % 5 else []
        found = apt or found
        return found[number % len(found)] if found else None

    # what customers do

    @rule(lines=st.lists(st.tuples(st.sampled_from(SKUS), units, st.sampled_from((0, 0, 20))), min_size=1, max_size=3), same=st.booleans())
    def place(self, lines, same):
        self.orders += not same
        wanted = tuple(LineWanted(sku, quantity, price_minor=99, min_shelf_life_days=days) for sku, quantity, days in lines)
        self.do(PlaceOrder("shop", f"R{self.orders}", f"c{self.orders % 2}", "GB", "GBP", wanted))

    @rule(number=which)
    def cancel(self, number):
        if order := self.any(Order, number, lambda order: order.waiting):
            self.do(CancelOrder(order.order_id))

    @rule(number=which, quantity=units)
    def ask_back(self, number, quantity):
        if line := self.any(OrderLine, number, lambda line: line.delivered):
            self.do(RequestReturn(line.order_id, line.line, quantity))

    # what comes in

    @rule(sku=st.sampled_from(SKUS), quantity=units, place=st.sampled_from(BINS), lot=st.sampled_from(sorted(LOTS)))
    def receive(self, sku, quantity, place, lot):
        if sku == "TEA":
            self.do(ReceiveStock(sku, quantity, place, lot=lot, expires_at_ms=self.floor.clock.now_ms() // DAY_MS * DAY_MS + LOTS[lot]))
        elif sku == "CAM":
            self.serials += quantity
            names = tuple(f"S{self.serials - n}" for n in range(quantity))
            self.do(ReceiveStock(sku, quantity, place, serials=names))
        else:
            self.do(ReceiveStock(sku, quantity, place))

    @rule(number=which, quantity=units)
    def buy(self, number, quantity):
        buying.step(self.floor.warehouse, 10)
        if purchase := self.any(Purchase, number, lambda purchase: purchase.state == "open"):
            self.do(ReceivePurchase(purchase.purchase, quantity, BINS[0]))

    # what the floor does

    @rule()
    def release(self):
        self.floor.release()

    @rule()
    def plan(self):
        self.floor.plan()

    @rule(number=which)
    def take(self, number):
        if tour := self.any(Tour, number, lambda tour: tour.state == "open"):
            self.do(TakeTour(tour.tour, "ann"))

    @rule(number=which, more=st.sampled_from((0, 0, 0, 0, 1, 3, -1, -2)))
    def pick(self, number, more):
        if pick := self.any(Pick, number, lambda pick: pick.state == "open"):
            if pick.serial:
                more = min(more, 0)
            self.do(ConfirmPick(pick.tour, pick.number, max(pick.quantity + more, 1), "ann"))

    @rule(number=which)
    def pick_everything(self, number):
        if tour := self.any(Tour, number, lambda tour: tour.state == "taken"):
            for pick in self.floor.ledger.find(Pick, "key", tour.tour):
                self.do(ConfirmPick(pick.tour, pick.number, pick.quantity, "ann"))

    @rule(number=which, found=st.integers(0, 3))
    def short(self, number, found):
        if pick := self.any(Pick, number, lambda pick: pick.state == "open"):
            self.do(ReportShort(pick.tour, pick.number, min(found, 1) if pick.serial else found, "ann"))

    @rule(number=which)
    def pack(self, number):
        if part := self.any(Part, number, lambda part: part.state == "picked"):
            self.do(StartPack(part.part, "P1"))
            self.do(ClosePack(part.part))

    @rule(number=which)
    def start_pack(self, number):
        if part := self.any(Part, number, lambda part: part.state == "picked"):
            self.do(StartPack(part.part, "P1"))

    @rule()
    def label(self):
        self.floor.pack()

    @rule(number=which)
    def load(self, number):
        if parcel := self.any(Parcel, number, lambda parcel: parcel.status == "labelled"):
            self.do(HandOver("paper", "M1", (parcel.parcel,)))

    @rule(number=which, status=st.sampled_from(SCANNED), late_ms=st.integers(-3, 3))
    def scan(self, number, status, late_ms):
        if parcel := self.any(Parcel, number, lambda parcel: parcel.handed_over_at_ms):
            self.do(RecordScan(parcel.tracking, status, self.floor.clock.now_ms() + late_ms, "van", "signature"))

    # what is found to be otherwise

    @rule(place=st.sampled_from(BINS), sku=st.sampled_from(SKUS[:3]), counted=st.integers(0, 8), lot=st.sampled_from(sorted(LOTS)))
    def count(self, place, sku, counted, lot):
        lot = lot if sku == "TEA" else ""
        if not lot or self.floor.ledger.find(Balance, "key", place, sku, lot):
            self.do(RecordCount(place, sku, counted, lot=lot))

    @rule(place=st.sampled_from(BINS), sku=st.sampled_from(SKUS[:2]))
    def settle(self, place, sku):
        self.do(OpenCount(place, sku))
        self.do(SettleUnresolved(place, sku, "boss"))

    @rule(number=which, quantity=st.integers(0, 4), to_status=st.sampled_from(("available", "held", "damaged")))
    def hold(self, number, quantity, to_status):
        found = [row for row in self.floor.ledger.find(Balance, "key") if row.kind == "bin" and row.on_hand]
        if found:
            row = found[number % len(found)]
            self.do(ChangeStatus(row.place, row.sku, row.status, to_status, "inspection", quantity, row.lot))

    # what comes back

    @rule(number=which, grade=st.sampled_from(("A", "B", "C")))
    def take_back(self, number, grade):
        if rma := self.any(Rma, number, lambda rma: rma.state == "approved"):
            self.do(ReceiveReturn(rma.rma))
            self.do(GradeReturn(rma.rma, grade, BINS[2]))

    @rule(number=which)
    def refund(self, number):
        if rma := self.any(Rma, number, lambda rma: rma.state == "graded"):
            self.do(RefundReturn(rma.rma))

    # time

    @rule(minutes=st.sampled_from((1, 6, 600, 7 * 1440)))
    def wait(self, minutes):
        self.floor.clock.set(self.floor.clock.now_ms() + minutes * 60_000)
        timers.step(self.floor.warehouse, self.floor.clock.now_ms(), 100)

    @invariant()
    def every_invariant_holds(self):
        if hasattr(self, "floor"):
            checks = verify(self.floor.ledger, [self.floor.ledger.head])
            # Whether work is done in time (I6) is for those who drive the workers, not for the commands.
            faults = [f"{check.name}: {check.detail}" for check in checks if not check.ok and not check.name.startswith("I6")]
            assert not faults, faults

    def teardown(self):
        if hasattr(self, "floor"):
            self.end_of_day()
            self.every_invariant_holds()

    def pick_what_is_good(self):
        for tour in [*self.floor.ledger.find(Tour, "by_state", "main", "taken")]:
            for pick in self.floor.ledger.find(Pick, "key", tour.tour):
                if self.floor.ledger.get(Pick, *pick[:2]).state == "open" and self.do(ConfirmPick(*pick[:2], pick.quantity, "bob")) is None:
                    self.floor.do(ReportShort(*pick[:2], 0, "bob"))  # expired while the tour was out

    def end_of_day(self):
        """Bring everything to the door; no unit may be left anywhere between the shelf and the customer."""
        floor, ledger = self.floor, self.floor.ledger
        for _ in range(ROUNDS):
            floor.release()
            floor.plan()
            floor.take("bob")
            self.pick_what_is_good()
            for part in ledger.find(Part, "by_state", "main", "packing"):
                floor.do(ClosePack(part.part))
            floor.pack()
            for parcel in ledger.find(Parcel, "by_status", "main", "labelled"):
                floor.do(HandOver("paper", "M9", (parcel.parcel,)))
            for parcel in ledger.find(Parcel, "key"):
                if parcel.handed_over_at_ms and not parcel.delivered_at_ms:
                    floor.do(RecordScan(parcel.tracking, "delivered", floor.clock.now_ms(), "van", "signature"))
        under_way = [
            (line.order_id, line.line, bucket, getattr(line, bucket))
            for line in ledger.find(OrderLine, "key")
            for bucket in BUCKETS[1:6]
            if getattr(line, bucket)
        ]
        assert not under_way, under_way


def run(new_floor: type, examples: int, steps: int) -> None:
    machine = type("AnyFloor", (Floor,), {"new_floor": new_floor})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    )


def test_no_order_of_commands_breaks_an_invariant(new_floor):
    run(new_floor, examples=30, steps=60)


@pytest.mark.slow
def test_no_order_of_many_commands_breaks_an_invariant(new_floor):
    run(new_floor, examples=1_000, steps=100)
