"""A process killed at any named point, started again with the same commands, ends where an undisturbed one ends.

The day below goes from an empty folder to refunded returns; its commands bear keys, its workers begin where the ledger says. It
is run in forked children, each killed at one failpoint, several times one after another in the same folder.
"""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from floorwise.core import failpoints
from floorwise.core.adapters.bus_local import LocalBus
from floorwise.core.adapters.carriers.paper import PaperCarrier
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger, saved_heads, snapshot
from floorwise.core.flow.counting import RecordCount
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, RuleWanted, SetStockRules, SkuWanted
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.returns import GradeReturn, ReceiveReturn, RefundReturn, RequestReturn
from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.touring import TakeTour
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.journal import Event
from floorwise.core.model.orders import BUCKETS, OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import Pool
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.warehouse import Warehouse
from floorwise.core.workers import buying, dispatch, labels, timers, waving

AT_MS = 1_323_075_600_000
GROUP = 3
TURNS = 3  # of the floor in a day: what is short in one is walked for again in the next
PLACES = {"A01": "pick", "A02": "pick", "CARTS": "stage", "STAGE": "stage", "RETURNS": "returns", "OUTLET": "outlet"}
KILLS = 5  # of one day, at one failpoint
POINTS = [name for name in failpoints.NAMES if not name.startswith(("spool_", "store_"))]  # those belong to edge and intake


def day(folder: Path) -> None:
    """One day, or what is left of it."""
    ledger, bus = open_ledger(folder), LocalBus()
    last = ledger.get(Event, ledger.head[0])
    clock = SetClock(last.at_ms if last else AT_MS)  # floor time never goes back
    warehouse, carrier = Warehouse(ledger, clock, CountedIds(ledger), HANDLERS, group=GROUP), PaperCarrier(folder / "labels")

    def do(command, key: str) -> None:
        warehouse.execute(command, key)

    do(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, tuple(LocationWanted(n, k, 0, 0) for n, k in PLACES.items())), "site")
    do(AddCarriers((("paper", "standard", "17:00", "01234"),)), "carriers")
    do(AddSkus((SkuWanted("MUG", weight_g=300), SkuWanted("BOWL", weight_g=500))), "skus")
    do(SetStockRules((RuleWanted("MUG", 5, 20, 1000),)), "rules")
    for number, (sku, place) in enumerate((("MUG", "A01"), ("BOWL", "A02"), ("MUG", "A02"))):
        do(ReceiveStock(sku, 6, place), f"receipt {number}")
    for number in range(5):
        lines = (LineWanted("MUG", 1 + number, price_minor=100), LineWanted("BOWL", 1, price_minor=50))
        do(PlaceOrder("shop", f"R{number}", "c1", "GB", "GBP", lines), f"order {number}")
    do(CancelOrder("O00000005"), "cancel")
    buying.step(warehouse, 100)
    for turn in range(TURNS):
        waving.step(warehouse, "main", clock.now_ms(), 10**9, 100)
        clock.set(clock.now_ms() + 600_000)
        timers.step(warehouse, clock.now_ms(), 100)  # nobody planned: the fall-back does
        for tour in ledger.find(Tour, "key"):
            do(TakeTour(tour.tour, "ann"), f"take {tour.tour}")
            dispatch.step(warehouse, bus, 100)
            pick_all(warehouse, tour.tour)
        dispatch.step(warehouse, bus, 100)
        if not turn:
            do(RecordCount("A01", "MUG", 4), "count")
            do(PlaceOrder("shop", "R9", "c1", "GB", "GBP", (LineWanted("BOWL", 1, price_minor=50),)), "a later order")
        for part in ledger.find(Part, "key"):
            if part.state in ("picked", "packing"):
                do(StartPack(part.part, "P1"), f"start {part.part}")
                do(ClosePack(part.part), f"close {part.part}")
        labels.step(warehouse, carrier, 100)
        for parcel in ledger.find(Parcel, "key"):
            do(HandOver("paper", "M1", (parcel.parcel,)), f"load {parcel.parcel}")
            do(RecordScan(parcel.tracking, "delivered", AT_MS + 9_000_000, "van", "signature"), f"deliver {parcel.parcel}")
    do(RequestReturn("O00000002", 1, 1, "slip"), "ask back")
    do(ReceiveReturn("O00000002.1R1"), "comes back")
    do(GradeReturn("O00000002.1R1", "A", "A01"), "grade")
    do(RefundReturn("O00000002.1R1"), "refund")
    warehouse.commit()
    ledger.close()


def pick_all(warehouse: Warehouse, tour: str) -> None:
    """Confirm every pick of a tour; one of the day is short."""
    for pick in warehouse.ledger.find(Pick, "key", tour):
        is_short = (tour, pick.number) == ("T00000003", 1)
        if warehouse.ledger.get(Pick, tour, pick.number).state == "open":
            told = ReportShort(tour, 1, 1, "ann") if is_short else ConfirmPick(tour, pick.number, pick.quantity, "ann")
            warehouse.execute(told, f"pick {tour}/{pick.number}")


def killed_at(spec: str, folder: Path) -> int:
    """The exit code of a forked child that lives the day with this failpoint."""

    def child() -> None:
        failpoints.arm(spec)
        day(folder)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    return process.exitcode


class End(NamedTuple):
    """What came of a day: units of each line by bucket, stock for sale, refunds; and the checks that do not hold."""

    lines: dict[tuple[str, int], dict[str, int]]
    stock: dict[str, int]
    refunds: int
    parcels: dict[str, int]
    faults: list[str]


def end_of(folder: Path) -> End:
    heads = list(saved_heads(folder))
    ledger = snapshot(folder)
    faults = [f"{check.name}: {check.detail}" for check in verify(ledger, heads) if not check.ok]
    lines = {row[:2]: {bucket: units for bucket in BUCKETS if (units := getattr(row, bucket))} for row in ledger.find(OrderLine, "key")}
    end = End(
        lines,
        {row.sku: row.eligible for row in ledger.find(Pool, "key")},
        sum(row.refund_minor for row in ledger.find(Rma, "key")),
        Counter(row.status for row in ledger.find(Parcel, "key")),
        faults,
    )
    ledger.close()
    return end


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[End, dict[str, int]]:
    """The end of a day that nothing disturbs, and how often it passes each failpoint."""
    folder, plenty = tmp_path_factory.mktemp("undisturbed"), 10**9
    failpoints._armed.update(dict.fromkeys(POINTS, plenty))
    try:
        day(folder)
        passed = {name: plenty - left for name, left in failpoints._armed.items()}
    finally:
        failpoints.arm("")
    return end_of(folder), passed


def test_the_day_passes_every_failpoint_of_the_core(undisturbed):
    end, passed = undisturbed
    assert [name for name in POINTS if passed[name] < 2] == []
    assert end.faults == [] and end.refunds == 100
    # 1 + 2 + 3 + 4 mugs and 5 bowls are with customers, one mug came back, the fifth order was cancelled
    assert sum(units.get("delivered", 0) for units in end.lines.values()) == 14
    assert end.lines["O00000002", 1] == {"delivered": 1, "returned": 1}
    assert end.lines["O00000005", 1] == {"cancelled": 5}


def test_the_same_day_again_changes_nothing(tmp_path, undisturbed):
    day(tmp_path)
    day(tmp_path)
    assert end_of(tmp_path) == undisturbed[0]


@pytest.mark.parametrize("name", POINTS)
def test_a_day_killed_again_and_again_at_a_failpoint_ends_like_an_undisturbed_one(tmp_path, undisturbed, name):
    end, passed = undisturbed
    times = passed[name]
    for count in sorted({1, times // 4, times // 2, times - 1, times} - {0})[-KILLS:]:
        folder = tmp_path / str(count)
        assert killed_at(f"{name}:{count}", folder) == -signal.SIGKILL
        if (folder / "ledger.sqlite").exists():
            assert end_of(folder).faults == []
        day(folder)
        assert end_of(folder) == end


@pytest.mark.parametrize("name", POINTS)
def test_a_day_that_is_killed_at_its_first_chance_each_time_still_gets_on(tmp_path, undisturbed, name):
    for count in range(1, KILLS + 1):
        killed_at(f"{name}:{count}", tmp_path)
    day(tmp_path)
    assert end_of(tmp_path) == undisturbed[0]


def test_the_environment_arms_a_failpoint_from_the_start():
    script = "from floorwise.core.failpoints import reach\nfor word in ('once', 'twice'): reach('after_commit'); print(word, flush=True)"
    armed = os.environ | {"FLOORWISE_FAIL": "after_commit:2"}
    run = subprocess.run([sys.executable, "-c", script], env=armed, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (-signal.SIGKILL, "once\n")


@pytest.mark.parametrize("spec", ["no_such_point", "after_commit:0", "after_commit:x", "after_commit:-1", "after_commit:1,oops:1"])
def test_a_failpoint_that_is_none_is_refused_by_name(spec):
    with pytest.raises(ValueError, match="FLOORWISE_FAIL"):
        failpoints.arm(spec)
    assert failpoints._armed == {}


def test_every_failpoint_is_documented_and_reached_somewhere(repository):
    text = (repository / "docs/reference/failpoints.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text, flags=re.MULTILINE))
    assert told == failpoints.NAMES
    sources = [path.read_text(encoding="utf-8") for room in ("core", "edge", "gateway") for path in (repository / room).rglob("*.py")]
    reached = {name for source in sources for name in re.findall(r"\breach\(\"(\w+)\"\)", source)}
    assert reached == set(failpoints.NAMES)
