"""Workers: what they follow is followed once, across deaths in the worst moment; timers fire in order and are never stuck."""

import pytest

from floorwise.core.errors import NotFound
from floorwise.core.flow import timers as setting
from floorwise.core.flow.entry import CancelOrder
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.table import FireTimer
from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.journal import Cursor, Delivered, Timer
from floorwise.core.model.labels import Label
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.work import Part
from floorwise.core.workers import labels, timers


class Died(Exception):
    pass


class Counter:
    """A carrier that dies after its n-th label, when it has given it and nobody knows."""

    name = "paper"

    def __init__(self, dies_after: int = 0) -> None:
        self.given: dict[str, str] = {}
        self.asked: list[str] = []
        self.dies_after = dies_after

    def buy_label(self, wanted):
        self.asked.append(wanted.key)
        tracking = self.given.setdefault(wanted.key, f"T{len(self.given)}")
        if len(self.asked) == self.dies_after:
            raise Died
        return Label(wanted.key, tracking, "zpl", "x")


@pytest.fixture
def packed(floor):
    """Three parcels that want labels."""
    floor.stock("MUG", 3)
    for n in range(3):
        floor.order(f"R{n}", ("MUG", 1))
    floor.release()
    floor.plan()
    floor.take()
    floor.pick()
    for part in floor.ledger.find(Part, "by_state", "main", "picked"):
        floor.do(StartPack(part.part, "P1"))
        floor.do(ClosePack(part.part))
    return floor


def test_a_worker_that_dies_after_the_carrier_has_acted_buys_no_second_label(packed):
    carrier = Counter(dies_after=2)
    with pytest.raises(Died):
        labels.step(packed.warehouse, carrier, 10)
    assert labels.step(packed.warehouse, carrier, 10) == 2
    assert carrier.asked == [f"label/O0000000{n}.1/1" for n in (1, 2, 2, 3)]
    assert sorted(carrier.given.values()) == ["T0", "T1", "T2"]
    assert [parcel.tracking for parcel in packed.ledger.find(Parcel, "key")] == ["T0", "T1", "T2"]
    assert len(packed.told("LabelRecorded")) == len(packed.ledger.find(Delivered, "key", "labels")) == 3


def test_labels_are_bought_in_the_order_they_were_asked_for_however_few_at_a_time(packed):
    carrier = Counter()
    assert [labels.step(packed.warehouse, carrier, 2) for _ in range(3)] == [2, 1, 0]
    assert [key[-5:] for key in carrier.asked] == ["1.1/1", "2.1/1", "3.1/1"]
    assert packed.ledger.get(Cursor, "labels").number == packed.ledger.find(Delivered, "key", "labels")[-1].number


@pytest.fixture
def wake(floor):
    """Set a timer for a command."""
    desk = floor.warehouse._desk

    def set_timer(due_at_ms, command):
        floor.ledger.savepoint()
        name = setting.set_timer(desk, due_at_ms, command)
        floor.ledger.commit()
        return name

    return set_timer


def test_timers_fire_in_the_order_they_are_due_and_not_before(floor, wake):
    floor.stock("MUG", 2)
    early, late = floor.order("R1", ("MUG", 1)), floor.order("R2", ("MUG", 1))
    wake(2_000, CancelOrder(late))
    wake(1_000, CancelOrder(early))
    assert timers.next_due_ms(floor.warehouse) == 1_000
    assert timers.step(floor.warehouse, 999, 10) == 0
    assert timers.step(floor.warehouse, 1_000, 10) == 1
    assert (floor.buckets(early), floor.buckets(late)) == ({"cancelled": 1}, {"reserved": 1})
    assert timers.next_due_ms(floor.warehouse) == 2_000
    assert timers.step(floor.warehouse, 5_000, 10) == 1
    assert timers.next_due_ms(floor.warehouse) == 0


def test_a_timer_fires_once(floor, wake):
    floor.stock("MUG", 1)
    order = floor.order("R1", ("MUG", 1))
    name = wake(1_000, CancelOrder(order))
    assert timers.step(floor.warehouse, 1_000, 10) == 1
    assert timers.step(floor.warehouse, 1_000, 10) == 0
    assert floor.do(FireTimer(name)) == {"fired": 0}
    assert len(floor.told("OrderCancelled")) == 1


def test_a_timer_whose_command_is_refused_is_dropped_with_the_reason_and_blocks_nobody(floor, wake):
    floor.stock("MUG", 1)
    order = floor.order("R1", ("MUG", 1))
    wake(1_000, CancelOrder("O99"))
    wake(1_001, CancelOrder(order))
    assert timers.step(floor.warehouse, 2_000, 10) == 2
    (dropped,) = floor.told("TimerDropped")
    assert (dropped["command"], dropped["reason"]) == ("CancelOrder", "NotFound: order O99 is unknown")
    assert floor.buckets(order) == {"cancelled": 1}
    assert floor.ledger.find(Timer, "by_due") == []


def test_a_timer_and_its_commands_effect_are_one_transaction(floor, wake):
    floor.stock("MUG", 1)
    floor.order("R1", ("MUG", 1))
    name = wake(1_000, ReleaseOrders(("O00000001", "O99")))
    with pytest.raises(NotFound, match="O99"):
        floor.do(FireTimer(name))
    assert floor.ledger.get(Timer, name).is_open == 1
    assert floor.buckets("O00000001") == {"reserved": 1}


def test_few_timers_at_a_time_are_the_earliest(floor, wake):
    for n in range(5):
        wake(1_000 + n, CancelOrder("O99"))
    assert [timers.step(floor.warehouse, 9_999, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert [event["timer"] for event in floor.told("TimerDropped")] == [f"W0000000{n}" for n in range(1, 6)]
