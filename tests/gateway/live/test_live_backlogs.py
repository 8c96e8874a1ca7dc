"""I6: what floorwise owes is done or young; and the doctor who says so."""

import contextlib
import json
from pathlib import Path

import pytest

from floorwise.cli.main import run
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.core.verify.all_checks import verify
from floorwise.core.verify.liveness import BOUND_MS, REST_MS, backlogs
from floorwise.core.warehouse import Warehouse
from floorwise.core.workers import buying, timers

NOW_MS = 1_772_431_200_000


@pytest.fixture
def idle(floor: Path):
    """A warehouse on whose floor nobody fires timers, with one order released at NOW_MS."""
    ledger, clock = open_ledger(floor), SetClock(NOW_MS)
    warehouse = Warehouse(ledger, clock, CountedIds(ledger), HANDLERS)
    order = warehouse.execute(PlaceOrder("test", "1", "c", "GB", "GBP", (LineWanted("MUG", 1),)))["order_id"]
    warehouse.execute(ReleaseOrders((order,)))
    with contextlib.closing(ledger):
        yield warehouse, clock


def place(warehouse: Warehouse, clock: SetClock, at_ms: int, name: str) -> None:
    clock.set(at_ms)
    warehouse.execute(PlaceOrder("test", name, "c", "GB", "GBP", (LineWanted("MUG", 1),)))


def liveness(warehouse: Warehouse) -> str:
    return next(check.detail for check in verify(warehouse.ledger) if check.name == "I6 liveness")


def test_a_timer_that_nobody_fires_is_found_when_it_is_older_than_its_bound(idle):
    warehouse, clock = idle
    due_ms = NOW_MS + 5 * MINUTE_MS  # the fall-back of the released part
    place(warehouse, clock, due_ms + BOUND_MS["timers"], "at the bound")
    assert liveness(warehouse) == ""
    place(warehouse, clock, due_ms + BOUND_MS["timers"] + MINUTE_MS, "beyond it")
    assert liveness(warehouse) == "timers: 1 wait, the oldest for 16 min; 15 is the bound"
    timers.step(warehouse, clock.now_ms(), 10)
    assert liveness(warehouse) == ""


def test_a_part_without_a_plan_is_found_as_well(idle):
    warehouse, clock = idle
    place(warehouse, clock, NOW_MS + BOUND_MS["parts"] + MINUTE_MS, "later")
    assert "parts: 1 wait, the oldest for 31 min; 30 is the bound" in liveness(warehouse)


def test_the_hours_in_which_the_house_was_shut_do_not_count(idle):
    warehouse, clock = idle
    place(warehouse, clock, NOW_MS + 9 * HOUR_MS, "next morning")
    assert NOW_MS + 9 * HOUR_MS - REST_MS > NOW_MS
    assert liveness(warehouse) == ""
    place(warehouse, clock, NOW_MS + 9 * HOUR_MS + 16 * MINUTE_MS, "a quarter later nobody has come yet")
    assert "timers" in liveness(warehouse)


def test_a_consumer_that_never_began_is_nobodys_backlog_unless_it_is_expected(idle):
    warehouse, clock = idle
    place(warehouse, clock, NOW_MS + 50 * MINUTE_MS, "later")
    timers.step(warehouse, clock.now_ms(), 10)
    found = {one.name: one for one in backlogs(warehouse.ledger, clock.now_ms())}
    assert (found["buying"].count, found["buying"].ok) == (2, True)
    wanted = {one.name: one for one in backlogs(warehouse.ledger, clock.now_ms(), ["buying"])}
    assert (wanted["buying"].oldest_ms, wanted["buying"].ok) == (50 * MINUTE_MS, False)
    buying.step(warehouse, 1)  # one of the two orders
    assert "buying" not in liveness(warehouse)  # the other one is young
    buying.step(warehouse, 10)
    assert {one.name: one for one in backlogs(warehouse.ledger, clock.now_ms())}["buying"].count == 0


def test_the_doctor_finds_overdue_timers_and_tells_why_an_order_waits(idle, floor, capsys):
    warehouse, clock = idle
    place(warehouse, clock, NOW_MS + 31 * MINUTE_MS, "later")
    assert run(["doctor", "--data", str(floor), "--order", "test/1", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    checks = {check["name"]: check for check in told["checks"]}
    assert told["ok"] is False
    assert [name for name, check in checks.items() if not check["ok"]] == ["backlog timers", "backlog parts"]
    assert checks["order test/1"]["detail"].endswith("waits for a plan since 2026-03-02 06:00Z")


def test_the_doctor_asks_a_running_gateway_and_notices_one_that_died(floor, tools, capsys):
    with tools.running(floor) as house:
        order_id = house.order("seen", ("MUG", 1))
        assert run(["doctor", "--url", house.url, "--order", order_id, "--json"]) == 0
        checks = {check["name"]: check for check in json.loads(capsys.readouterr().out.splitlines()[-1])["checks"]}
        assert {"gateway", "writer", "kernels", "journal", "disk", "clock", "backlog timers", f"order {order_id}"} <= set(checks)
        assert run(["doctor", "--data", str(floor), "--order", "web/seen", "--json"]) == 0
        assert run(["doctor", "--url", house.url, "--order", "nobody's"]) == 2
        told = (floor / "gateway.json").read_text()
        capsys.readouterr()
    (floor / "gateway.json").write_text(told)  # as a killed gateway leaves it
    assert run(["doctor", "--data", str(floor), "--json"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out.splitlines()[-1])["checks"]}
    assert checks["gateway"]["ok"] is False
    assert run(["doctor", "--data", str(floor.parent / "none")]) == 2
