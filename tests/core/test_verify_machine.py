"""Whatever people do, in whatever order: after every step every invariant holds, and at the end nothing is stuck on the floor.

Steps are commands of all kinds on a floor of a few articles and bins, so that they get in each other's way all the time: shorts,
counts, holds, late confirmations, lost parcels. Requests may be refused; facts (a pick, a short, a count, a scan) only when they
make no sense at all, never because the books say otherwise.
"""

import contextlib
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from floorwise.core.errors import BadInput, NotFound, Refused, StockConflict, WrongState
from floorwise.core.flow import books, promising, shrinking
from floorwise.core.flow.blocking import BlockAisle, OpenAisle
from floorwise.core.flow.counting import ChangeStatus, OpenCount, RecordCount, SettleUnresolved
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.handling import (
    BuildUnit,
    CloseUnit,
    MergeUnits,
    MoveStock,
    MoveUnit,
    OpenUnit,
    RelabelUnit,
    ReopenUnit,
    SplitUnit,
    UnitTake,
)
from floorwise.core.flow.joining import JoinTour
from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.flow.masterdata import AddSkus, RuleWanted, SetStockRules, SkuWanted
from floorwise.core.flow.pack_shorts import ReportPackShort
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.receiving import ReceivePurchase, ReceiveStock
from floorwise.core.flow.returns import GradeReturn, ReceiveReturn, RefundReturn, RequestReturn
from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.touring import TakeTour
from floorwise.core.flow.tracking import SCANNED, RecordScan
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.orders import BUCKETS, Order, OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import STOCK_UNITS, Balance
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import buying, expiry, timers

DAY_MS = 86_400_000
BINS = ("A00-0", "A00-1", "A01-0")
SKUS = ("MUG", "BOWL", "TEA", "CAM")  # TEA has lots that expire, CAM has serials
LOTS = {"L1": 5 * DAY_MS, "L2": 40 * DAY_MS}
FACTS = (ConfirmPick, ReportShort, RecordCount, RecordScan, ReportPackShort)
MAKES_NO_SENSE = (BadInput, NotFound, WrongState)
MOST_UNITS = 6  # names of pallets and cases; few, so that they meet
ROUNDS = 12  # of the end of day; each brings everything that is left at least one step on



class Hands:
    """What people can do on one floor; whatever `number` they name, they find something to do it to."""

    def __init__(self, new_floor: type) -> None:
        self.floor = new_floor()
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

    def place(self, sku, quantity, days, other, more, is_same, owner):
        self.orders += not is_same
        lines = ((sku, quantity, days), (other, more, 0))[: 1 + quantity % 2]
        wanted = tuple(LineWanted(sku, quantity, price_minor=99, min_shelf_life_days=days) for sku, quantity, days in lines)
        self.do(PlaceOrder("shop", f"R{self.orders}", f"c{self.orders % 2}", "GB", "GBP", wanted, owner=owner))

    def cancel(self, number):
        if order := self.any(Order, number, lambda order: order.waiting):
            self.do(CancelOrder(order.order_id))

    def ask_back(self, number, quantity):
        if line := self.any(OrderLine, number, lambda line: line.delivered):
            self.do(RequestReturn(line.order_id, line.line, quantity))

    # what comes in

    def receive(self, sku, quantity, place, lot, owner):
        if sku == "TEA":
            expires_at_ms = self.floor.clock.now_ms() // DAY_MS * DAY_MS + LOTS[lot]
            self.do(ReceiveStock(sku, quantity, place, lot=lot, expires_at_ms=expires_at_ms, owner=owner))
        elif sku == "CAM":
            self.serials += quantity
            names = tuple(f"S{self.serials - n}" for n in range(quantity))
            self.do(ReceiveStock(sku, quantity, place, serials=names, owner=owner))
        else:
            self.do(ReceiveStock(sku, quantity, place, owner=owner))

    def buy(self, number, quantity):
        buying.step(self.floor.warehouse, 10)
        if purchase := self.any(Purchase, number, lambda purchase: purchase.state == "open"):
            self.do(ReceivePurchase(purchase.purchase, quantity, BINS[0]))

    # what the floor does

    def release(self):
        self.floor.release()

    def plan(self):
        self.floor.plan()

    def take(self, number):
        if tour := self.any(Tour, number, lambda tour: tour.state == "open"):
            self.do(TakeTour(tour.tour, "ann"))

    def block(self, number, is_open):
        self.do(OpenAisle(number % 3) if is_open else BlockAisle(number % 3))

    def join(self, number, other):
        part = self.any(Part, number, lambda part: part.state == "waiting")
        tour = self.any(Tour, other, lambda tour: tour.state in ("open", "taken"))
        if part and tour:
            self.do(JoinTour(tour.tour, part.part))

    def leave(self, number):
        if tour := self.any(Tour, number, lambda tour: tour.state == "taken"):
            self.do(LeaveTour(tour.tour, tour.picker or "ann"))

    def pick(self, number, more):
        if pick := self.any(Pick, number, lambda pick: pick.state == "open"):
            if pick.serial:
                more = min(more, 0)
            self.do(ConfirmPick(pick.tour, pick.number, max(pick.quantity + more, 1), "ann"))

    def pick_everything(self, number):
        if tour := self.any(Tour, number, lambda tour: tour.state == "taken"):
            for pick in self.floor.ledger.find(Pick, "key", tour.tour):
                self.do(ConfirmPick(pick.tour, pick.number, pick.quantity, "ann"))

    def short(self, number, found):
        if pick := self.any(Pick, number, lambda pick: pick.state == "open"):
            self.do(ReportShort(pick.tour, pick.number, min(found, 1) if pick.serial else found, "ann"))

    def pack(self, number):
        if part := self.any(Part, number, lambda part: part.state == "picked"):
            self.do(StartPack(part.part, "P1"))
            self.do(ClosePack(part.part))

    def start_pack(self, number):
        if part := self.any(Part, number, lambda part: part.state == "picked"):
            self.do(StartPack(part.part, "P1"))

    def short_at_bench(self, number, found, damaged):
        if part := self.any(Part, number, lambda part: part.state == "packing"):
            picks = [pick for pick in self.floor.ledger.find(Pick, "by_part", part.part) if pick.picked]
            if picks:
                self.do(ReportPackShort(part.part, picks[number % len(picks)].line, found, damaged, place=("", BINS[0])[number % 2]))

    def count_tote(self, number, counted):
        found = [row for row in self.floor.ledger.find(Balance, "key") if row.kind == "tote" and not row.serial]
        if found:
            row = found[number % len(found)]
            self.do(RecordCount(row.place, row.sku, counted, row.lot, row.owner))

    def bring_back(self, number, place):
        found = [row for row in self.floor.ledger.find(Balance, "key") if row.kind == "tote" and row.on_hand]
        if found:
            row = found[number % len(found)]
            self.do(MoveStock(row.sku, 0, row.place, place, row.lot, row.serial, row.owner, row.status))

    def label(self):
        with contextlib.suppress(StockConflict):  # a tote was counted: its packer says what is short, later
            self.floor.pack()

    def load(self, number):
        if parcel := self.any(Parcel, number, lambda parcel: parcel.status == "labelled"):
            self.do(HandOver("paper", "M1", (parcel.parcel,)))

    def scan(self, number, status, late_ms):
        if parcel := self.any(Parcel, number, lambda parcel: parcel.handed_over_at_ms):
            self.do(RecordScan(parcel.tracking, status, self.floor.clock.now_ms() + late_ms, "van", "signature"))

    # pallets and cases

    def build(self, number, kind, place):
        self.do(BuildUnit(f"U{number % MOST_UNITS}", kind, place))

    def fill(self, number, sku, quantity, out):
        if unit := self.any(HandlingUnit, number, lambda unit: unit.kind in STOCK_UNITS):
            way = (unit.place, BINS[0]) if out else (BINS[number % len(BINS)], unit.place)
            self.do(MoveStock(sku, quantity, *way))

    def receive_in(self, number, sku, quantity):
        if unit := self.any(HandlingUnit, number, lambda unit: unit.kind in STOCK_UNITS):
            self.receive(sku, quantity, unit.place, "L2", "house")

    def move(self, number, other, place):
        unit, into = (self.any(HandlingUnit, n, lambda unit: unit.kind in STOCK_UNITS) for n in (number, other))
        if unit:
            self.do(MoveUnit(unit.unit, place or into.place))

    def split(self, number, quantity):
        if unit := self.any(HandlingUnit, number, lambda unit: unit.kind in STOCK_UNITS):
            there = [row for row in self.floor.ledger.find(Balance, "key", unit.place) if row.on_hand]
            takes = tuple(UnitTake(r.sku, min(quantity, r.on_hand), r.lot, r.serial, r.owner, r.status) for r in there[:2])
            self.do(SplitUnit(unit.unit, f"V{number % MOST_UNITS}", takes))

    def merge(self, number, other):
        unit, into = (self.any(HandlingUnit, n, lambda unit: unit.kind in STOCK_UNITS) for n in (number, other))
        if unit:
            self.do(MergeUnits(unit.unit, into.unit))

    def seal(self, number, what):
        if unit := self.any(HandlingUnit, number, lambda unit: unit.kind in STOCK_UNITS):
            self.do(what(unit.unit, f"W{number % MOST_UNITS}") if what is RelabelUnit else what(unit.unit))

    def count_in(self, number, counted):
        found = [row for row in self.floor.ledger.find(Balance, "key") if row.kind in STOCK_UNITS and not row.serial]
        if found:
            row = found[number % len(found)]
            self.do(RecordCount(row.place, row.sku, counted, row.lot))

    # what is found to be otherwise

    def count(self, place, sku, counted, lot):
        lot = lot if sku == "TEA" else ""
        if not lot or self.floor.ledger.find(Balance, "key", place, sku, lot):
            self.do(RecordCount(place, sku, counted, lot=lot))

    def settle(self, place, sku):
        self.do(OpenCount(place, sku))
        self.do(SettleUnresolved(place, sku, "boss"))

    def hold(self, number, quantity, to_status):
        found = [row for row in self.floor.ledger.find(Balance, "key") if row.kind in ("bin", *STOCK_UNITS) and row.on_hand]
        if found:
            row = found[number % len(found)]
            self.do(ChangeStatus(row.place, row.sku, row.status, to_status, "inspection", quantity, row.lot))

    # what comes back

    def take_back(self, number, grade):
        if rma := self.any(Rma, number, lambda rma: rma.state == "approved"):
            self.do(ReceiveReturn(rma.rma))
            self.do(GradeReturn(rma.rma, grade, BINS[2]))

    def refund(self, number):
        if rma := self.any(Rma, number, lambda rma: rma.state == "graded"):
            self.do(RefundReturn(rma.rma))

    # time

    def wait(self, minutes):
        self.floor.clock.set(self.floor.clock.now_ms() + minutes * 60_000)
        timers.step(self.floor.warehouse, self.floor.clock.now_ms(), 100)
        if minutes > 600:
            expiry.step(self.floor.warehouse, self.floor.clock.now_ms(), 100)

    def check(self):
        checks = verify(self.floor.ledger, [self.floor.ledger.head])
        # Whether work is done in time (I6) is for those who drive the workers, not for the commands.
        faults = [f"{check.name}: {check.detail}" for check in checks if not check.ok and not check.name.startswith("I6")]
        assert not faults, faults

    def pick_what_is_good(self):
        for tour in [*self.floor.ledger.find(Tour, "by_state", "main", "taken")]:
            for pick in self.floor.ledger.find(Pick, "key", tour.tour):
                if self.floor.ledger.get(Pick, *pick[:2]).state == "open" and self.do(ConfirmPick(*pick[:2], pick.quantity, "bob")) is None:
                    self.floor.do(ReportShort(*pick[:2], 0, "bob"))  # expired while the tour was out

    def close(self, part):
        """Pack the part; what the books miss in its tote is short."""
        floor, ledger = self.floor, self.floor.ledger
        floor.do(StartPack(part.part, part.station or "P9"))
        try:
            floor.do(ClosePack(part.part))
        except StockConflict:
            for line in sorted({pick.line for pick in ledger.find(Pick, "by_part", part.part) if pick.picked}):
                own = [pick for pick in ledger.find(Pick, "by_part", part.part) if pick.line == line]
                alike = {(pick.sku, pick.lot, pick.serial, pick.owner) for pick in own}
                for sku, lot, serial, owner in sorted(alike):
                    row = ledger.get(Balance, part.tote, sku, lot, serial, owner, "available")
                    picked = sum(p.picked for p in own if (p.lot, p.serial) == (lot, serial))
                    if picked and ledger.get(Part, part.part).state == "packing":
                        told = ReportPackShort(part.part, line, min(picked, row.on_hand if row else 0), lot=lot, serial=serial)
                        floor.do(told)
            if ledger.get(Part, part.part).state == "packing":
                self.close_what_is_left(part)

    def close_what_is_left(self, part):
        """Two lines of one SKU share what is in the tote: the later one has less than it was just told."""
        try:
            self.floor.do(ClosePack(part.part))
        except StockConflict:
            for pick in [pick for pick in self.floor.ledger.find(Pick, "by_part", part.part) if pick.picked]:
                if self.floor.ledger.get(Part, part.part).state == "packing":
                    self.floor.do(ReportPackShort(part.part, pick.line, 0, lot=pick.lot, serial=pick.serial))

    def end_of_day(self):
        """Bring everything to the door; no unit may be left anywhere between the shelf and the customer."""
        floor, ledger = self.floor, self.floor.ledger
        for aisle in range(3):
            floor.do(OpenAisle(aisle))
        for _ in range(ROUNDS):
            floor.release()
            floor.plan()
            floor.take("bob")
            self.pick_what_is_good()
            for state in ("picked", "packing"):
                for part in ledger.find(Part, "by_state", "main", state):
                    self.close(part)
            floor.pack()
            for parcel in ledger.find(Parcel, "by_status", "main", "labelled"):
                floor.do(HandOver("paper", "M9", (parcel.parcel,)))
            for parcel in ledger.find(Parcel, "key"):
                if parcel.handed_over_at_ms and not parcel.delivered_at_ms:
                    at_ms = max(floor.clock.now_ms(), parcel.status_at_ms + 1)  # after a delivery in error, whose scan may be ahead
                    floor.do(RecordScan(parcel.tracking, "delivered", at_ms, "van", "signature"))
        under_way = [
            (line.order_id, line.line, bucket, getattr(line, bucket))
            for line in ledger.find(OrderLine, "key")
            for bucket in BUCKETS[1:6]
            if getattr(line, bucket)
        ]
        assert not under_way, under_way


# What can be done: how often, and what to choose from for each argument.
NUMBERS, UNITS, OWNERS = range(1000), range(1, 7), ("house", "house", "house", "brand")
KINDS, SEALS, SKEWS = ("pallet", "case"), (OpenUnit, CloseUnit, ReopenUnit, RelabelUnit), (0, 0, 0, 0, 1, 3, -1, -2)
RARELY = (False,) * 9 + (True,)
ORDER = {"sku": SKUS, "quantity": UNITS, "days": (0, 0, 20), "other": SKUS, "more": UNITS, "is_same": RARELY, "owner": OWNERS}
ACTIONS = {
    "place": (5, ORDER),
    "cancel": (1, {"number": NUMBERS}),
    "ask_back": (3, {"number": NUMBERS, "quantity": UNITS}),
    "receive": (4, {"sku": SKUS, "quantity": UNITS, "place": BINS, "lot": sorted(LOTS), "owner": OWNERS}),
    "buy": (1, {"number": NUMBERS, "quantity": UNITS}),
    "release": (4, {}),
    "plan": (4, {}),
    "take": (5, {"number": NUMBERS}),
    "block": (1, {"number": NUMBERS, "is_open": (True, True, False)}),
    "join": (2, {"number": NUMBERS, "other": NUMBERS}),
    "leave": (1, {"number": NUMBERS}),
    "pick": (8, {"number": NUMBERS, "more": SKEWS}),
    "pick_everything": (2, {"number": NUMBERS}),
    "short": (3, {"number": NUMBERS, "found": range(4)}),
    "pack": (4, {"number": NUMBERS}),
    "start_pack": (1, {"number": NUMBERS}),
    "short_at_bench": (3, {"number": NUMBERS, "found": range(4), "damaged": range(2)}),
    "count_tote": (1, {"number": NUMBERS, "counted": range(4)}),
    "bring_back": (1, {"number": NUMBERS, "place": BINS}),
    "label": (2, {}),
    "load": (4, {"number": NUMBERS}),
    "scan": (5, {"number": NUMBERS, "status": (*SCANNED, "delivered", "delivered"), "late_ms": range(-3, 4)}),
    "build": (1, {"number": NUMBERS, "kind": KINDS, "place": (*BINS, "DOCK")}),
    "fill": (2, {"number": NUMBERS, "sku": SKUS[:2], "quantity": UNITS, "out": (False, True)}),
    "receive_in": (2, {"number": NUMBERS, "sku": SKUS, "quantity": UNITS}),
    "move": (2, {"number": NUMBERS, "other": NUMBERS, "place": (*BINS, "DOCK", "")}),
    "split": (1, {"number": NUMBERS, "quantity": UNITS}),
    "merge": (1, {"number": NUMBERS, "other": NUMBERS}),
    "seal": (1, {"number": NUMBERS, "what": SEALS}),
    "count_in": (1, {"number": NUMBERS, "counted": range(7)}),
    "count": (2, {"place": BINS, "sku": SKUS[:3], "counted": range(9), "lot": sorted(LOTS)}),
    "settle": (1, {"place": BINS, "sku": SKUS[:2]}),
    "hold": (2, {"number": NUMBERS, "quantity": range(5), "to_status": ("available", "held", "damaged")}),
    "take_back": (3, {"number": NUMBERS, "grade": ("A", "B", "C")}),
    "refund": (2, {"number": NUMBERS}),
    "wait": (1, {"minutes": (1, 6, 600, 7 * 1440)}),
}


class Machine(RuleBasedStateMachine):
    """The same hands, guided by hypothesis: it looks for few steps that break something."""

    new_floor: type

    @initialize()
    def open(self) -> None:
        self.hands = Hands(self.new_floor)

    @invariant()
    def every_invariant_holds(self) -> None:
        if hasattr(self, "hands"):
            self.hands.check()

    def teardown(self) -> None:
        if hasattr(self, "hands"):
            self.hands.end_of_day()
            self.hands.check()


def _rule(name: str):
    def act(self, **words):
        getattr(self.hands, name)(**words)

    act.__name__ = name
    return rule(**{word: st.sampled_from(choices) for word, choices in ACTIONS[name][1].items()})(act)


for _name in ACTIONS:
    setattr(Machine, f"do_{_name}", _rule(_name))


def run(new_floor: type, examples: int, steps: int) -> None:
    machine = type("AnyMachine", (Machine,), {"new_floor": new_floor})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    )


def walk(new_floor: type, seed: int, steps: int) -> None:
    """A long day of chance: deeper than short sequences get, every step checked, nothing left under way at its end."""
    chance, hands, log = random.Random(seed), Hands(new_floor), []
    names, weights = list(ACTIONS), [weight for weight, _ in ACTIONS.values()]
    try:
        for _ in range(steps):
            name = chance.choices(names, weights)[0]
            words = {word: chance.choice(choices) for word, choices in ACTIONS[name][1].items()}
            log.append((name, words))
            getattr(hands, name)(**words)
            hands.check()
        hands.end_of_day()
        hands.check()
    except Exception as error:
        raise AssertionError(f"seed {seed}, step {len(log)}, {log[-1]}: {type(error).__name__} {error}") from error


def test_no_short_sequence_of_commands_breaks_an_invariant(new_floor):
    run(new_floor, examples=20, steps=40)


@pytest.mark.parametrize("seed", range(12))
def test_no_long_day_of_chance_breaks_an_invariant(new_floor, seed):
    walk(new_floor, seed, 200)


@pytest.mark.slow
def test_no_short_sequence_of_many_breaks_an_invariant(new_floor):
    run(new_floor, examples=1_000, steps=60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_none_of_many_long_days_breaks_an_invariant(new_floor, seed):
    walk(new_floor, seed, 250)


@pytest.mark.parametrize(
    ("module", "name", "planted", "told"),
    [
        (promising, "free", lambda desk, sku, owner, quantity: None, r"I2 pool = promises|OutOfStock"),
        (promising, "fill_backorders", lambda desk, sku, owner: 0, "I2 nobody waits for free units"),
        (shrinking, "unbind_at", lambda desk, balance, keep: None, "StockConflict"),
        (books, "is_sellable", lambda desk, place, status: True, "I2 pool = sellable stock"),
    ],
    ids=["promises are never taken back", "nobody is served when stock comes", "bound units are taken away", "held units are sold"],
)
def test_a_wrong_flow_does_not_survive_a_few_days(new_floor, monkeypatch, module, name, planted, told):
    monkeypatch.setattr(module, name, planted)
    with pytest.raises(AssertionError, match=told):
        for seed in range(10):
            walk(new_floor, seed, 200)
