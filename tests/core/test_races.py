"""Many writers at once, each on a connection of its own: nothing is promised twice, nothing stays unsold, nothing happens twice.

The same race is run with a naive ledger that reads first and writes later what it has read; it must oversell, or the race proves nothing.
"""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floorwise.core.adapters.clocks import SetClock, SystemClock
from floorwise.core.adapters.ids import CountedIds, TimeOrderedIds
from floorwise.core.adapters.ledger_sql.ledger import SqlLedger
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger, saved_heads, snapshot
from floorwise.core.errors import Conflict, FloorError, OutOfStock, Refused
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.shipping import HandOver, RecordLabel
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.touring import FallBack, TakeTour
from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.canonical import canonical
from floorwise.core.model.journal import Event
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.stock import Pool
from floorwise.core.verify.all_checks import verify
from floorwise.core.warehouse import Warehouse

UNITS = 10
WRITERS = 64
PATIENCE_S = 120  # how long a writer waits for the others at the start
AT_MS = 1_323_075_600_000
PLACES = (("A01", "pick"), ("CARTS", "stage"), ("STAGE", "stage"))


def make_floor(folder: Path, units: int = UNITS) -> None:
    """A floor with `units` of one SKU."""
    ledger = open_ledger(folder)
    warehouse = Warehouse(ledger, SetClock(AT_MS), CountedIds(ledger), HANDLERS, group=9)
    places = tuple(LocationWanted(name, kind, 0, 0) for name, kind in PLACES)
    warehouse.execute(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, places))
    warehouse.execute(AddCarriers((("paper", "standard", "17:00", "01234"),)))
    warehouse.execute(AddSkus((SkuWanted("MUG"),)))
    warehouse.execute(ReceiveStock("MUG", units, "A01"))
    warehouse.commit()
    ledger.close()


def a_mug(reference: str) -> PlaceOrder:
    return PlaceOrder("shop", reference, "c1", "GB", "GBP", (LineWanted("MUG", 1),), allow_backorder=0)


def outcome(warehouse: Warehouse, command: Any, key: str = "") -> str:
    """"done" or the name of the refusal."""
    try:
        warehouse.execute(command, key)
    except FloorError as error:
        return type(error).__name__
    return "done"


def warehouse_at(folder: Path) -> Warehouse:
    ledger = open_ledger(folder)
    return Warehouse(ledger, SystemClock(), CountedIds(ledger), HANDLERS)


def threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gave in each of `count` threads, which began together."""
    barrier, given = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        barrier.wait(PATIENCE_S)
        given[number] = work(number)

    running = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return given


def sold(folder: Path) -> tuple[int, int, list[Any]]:
    """(promises given out, what the pool says of them, checks that do not hold)."""
    heads = list(saved_heads(folder))
    ledger = snapshot(folder)
    lines, pool = ledger.find(OrderLine, "key"), ledger.get(Pool, "main", "MUG", "house")
    faults = [check.name for check in verify(ledger, heads) if not check.ok]
    ledger.close()
    return sum(line.reserved for line in lines), pool.reserved, faults


def test_of_64_threads_exactly_as_many_get_a_unit_as_there_are(tmp_path):
    make_floor(tmp_path)

    def order(number: int) -> str:
        warehouse = warehouse_at(tmp_path)
        told = outcome(warehouse, a_mug(f"R{number}"))
        warehouse.ledger.close()
        return told

    assert Counter(threads(WRITERS, order)) == {"done": UNITS, "OutOfStock": WRITERS - UNITS}
    assert sold(tmp_path) == (UNITS, UNITS, [])


def order_in_process(folder: Path, barrier: Any, answers: Any, number: int) -> None:
    warehouse = warehouse_at(folder)
    barrier.wait(PATIENCE_S)
    answers.put(outcome(warehouse, a_mug(f"R{number}")))


def test_of_64_processes_exactly_as_many_get_a_unit_as_there_are(tmp_path):
    make_floor(tmp_path)
    # fork: the modules are there already, and this process has no other thread now
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(WRITERS), context.Queue()
    writers = [context.Process(target=order_in_process, args=(tmp_path, barrier, answers, number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    told = Counter(answers.get(timeout=PATIENCE_S) for _ in writers)
    for writer in writers:
        writer.join()
    assert told == {"done": UNITS, "OutOfStock": WRITERS - UNITS}
    assert sold(tmp_path) == (UNITS, UNITS, [])


class NaiveLedger:
    """A SQL ledger without the two things that make it safe: no writing transaction, no guard on what was read.

    All writers have read the pool before the first of them writes it: `barrier` makes the worst case the sure one.
    """

    def __init__(self, ledger: SqlLedger, barrier: threading.Barrier) -> None:
        self._ledger, self._barrier = ledger, barrier

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def savepoint(self) -> None: ...

    def rollback(self) -> None: ...

    def commit(self) -> None: ...

    def append_event(self, kind: str, at_ms: int, body: dict[str, Any]) -> Event:
        return Event(0, kind, at_ms, "", "")

    def change(self, row: Any, **values: Any) -> Any:
        if not isinstance(row, Pool):
            return self._ledger.change(row, **values)
        self._barrier.wait(PATIENCE_S)
        self._ledger._run("UPDATE pool SET reserved = ?, version = version + 1 WHERE sku = ?", (values["reserved"], row.sku))
        return row._replace(**values, version=row.version + 1)


def test_a_naive_ledger_oversells_in_the_same_race(tmp_path):
    make_floor(tmp_path)
    barrier = threading.Barrier(WRITERS)

    def order(number: int) -> str:
        ledger = open_ledger(tmp_path)
        naive = NaiveLedger(ledger, barrier)
        told = outcome(Warehouse(naive, SystemClock(), TimeOrderedIds(), HANDLERS), a_mug(f"R{number}"))
        ledger.close()
        return told

    assert Counter(threads(WRITERS, order))["done"] > UNITS
    promises, said, faults = sold(tmp_path)
    assert promises > UNITS > said
    assert "I2 pool = promises" in faults


def test_one_order_sent_a_hundred_times_at_once_is_one_order(tmp_path):
    make_floor(tmp_path)
    senders, times = 20, 5

    def send(number: int) -> set[str]:
        warehouse = warehouse_at(tmp_path)
        told = {warehouse.execute(a_mug("R1"), key=f"request {number}/{n}")["order_id"] for n in range(times)}
        warehouse.ledger.close()
        return told

    assert threads(senders, send) == [{"O00000001"}] * senders
    assert sold(tmp_path) == (1, 1, [])
    ledger = snapshot(tmp_path)
    assert len(ledger.find(Order, "key")) == len(ledger.find(Event, "by_kind", "OrderPlaced")) == 1
    ledger.close()


def test_one_key_sent_at_once_has_one_effect_and_one_reply(tmp_path):
    make_floor(tmp_path)

    def receive(number: int) -> str:
        warehouse = warehouse_at(tmp_path)
        told = canonical(warehouse.execute(ReceiveStock("MUG", 5, "A01"), key="delivery 1"))
        warehouse.ledger.close()
        return told

    assert len(set(threads(20, receive))) == 1
    ledger = snapshot(tmp_path)
    assert ledger.get(Pool, "main", "MUG", "house").eligible == UNITS + 5
    ledger.close()


def test_no_tour_is_taken_twice_no_unit_picked_or_shipped_twice(tmp_path):
    make_floor(tmp_path)
    boss = warehouse_at(tmp_path)
    for step in (a_mug("R1"), ReleaseOrders(("O00000001",)), FallBack(("O00000001.1",))):
        boss.execute(step)
    racers = 12

    def race(command: Callable[[int], Any]) -> Counter:
        def run(number: int) -> str:
            warehouse = warehouse_at(tmp_path)
            told = outcome(warehouse, command(number))
            warehouse.ledger.close()
            return told

        return Counter(threads(racers, run))

    assert race(lambda n: TakeTour("T00000001", f"picker {n}")) == {"done": 1, "WrongState": racers - 1}
    assert race(lambda n: ConfirmPick("T00000001", 1, 1, "anybody")) == {"done": racers}  # the same fact, told twelve times
    assert race(lambda n: StartPack("O00000001.1", f"station {n}")) == {"done": 1, "WrongState": racers - 1}
    assert race(lambda n: ClosePack("O00000001.1")) == {"done": 1, "WrongState": racers - 1}
    wanted = boss.ledger.find(Event, "by_kind", "LabelWanted")[0].number
    assert race(lambda n: RecordLabel(wanted, "O00000001.1/1", f"T{n}", "")) == {"done": racers}
    assert race(lambda n: HandOver("paper", f"M{n}", ("O00000001.1/1",))) == {"done": 1, "WrongState": racers - 1}
    kinds = Counter(event.kind for event in boss.ledger.find(Event, "key"))
    boss.ledger.close()
    once = ("TourTaken", "PickConfirmed", "PackStarted", "ParcelPacked", "LabelRecorded", "ParcelsHandedOver")
    assert {kind: kinds[kind] for kind in once} == dict.fromkeys(once, 1)
    assert sold(tmp_path) == (0, 0, [])


@pytest.mark.slow
@pytest.mark.parametrize("writers", [2, 3, 8, 32, 200])
def test_races_of_any_size_sell_all_there_is_and_nothing_more(tmp_path, writers):
    for turn in range(20):
        folder = tmp_path / str(turn)
        units = 1 + turn % writers
        make_floor(folder, units)

        def order(number: int, folder: Path = folder) -> str:
            warehouse = warehouse_at(folder)
            told = outcome(warehouse, a_mug(f"R{number}"))
            warehouse.ledger.close()
            return told

        assert Counter(threads(writers, order))["done"] == units
        assert sold(folder) == (units, units, [])


def test_the_errors_of_a_lost_race_are_not_refusals():
    assert not issubclass(Conflict, Refused) and issubclass(OutOfStock, Refused)
