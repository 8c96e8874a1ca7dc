"""Everything but planning begins before the kernels are there; orders wait for them, up to a bound, and nothing falls back meanwhile."""

import threading

import pytest

from floorwise.gateway import ready
from floorwise.optimizer.planner import SavingsPlanner


class Compiling(SavingsPlanner):
    """The house's planner, whose kernels are compiled when somebody says so."""

    compiled = threading.Event()

    def warm_up(self) -> None:
        assert self.compiled.wait(60.0)
        super().warm_up()


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> type[Compiling]:
    monkeypatch.setattr("floorwise.optimizer.planner.SavingsPlanner", Compiling)
    Compiling.compiled = threading.Event()
    return Compiling


def kernels(house) -> tuple[int, bool, str]:
    """Status of /readyz, and what it says of the kernels."""
    answer = house.http.get("/readyz")
    check = next(check for check in answer.json()["checks"] if check["name"] == "kernels")
    return answer.status_code, check["ok"], check["detail"]


def test_pages_and_orders_are_taken_at_once_and_readyz_says_when_plans_are(floor, tools, compiling):
    with tools.running(floor, until="/healthz", speed=300) as house:
        try:
            assert house.http.get("/").status_code == 200
            assert kernels(house) == (503, False, "being compiled")
            order_id = house.order("early", ("MUG", 2))
            before_ms = house.get("/api/clock")["now_ms"]
            tools.eventually(lambda: house.get("/api/clock")["now_ms"] > before_ms + 600_000)  # twice the time to a fall-back
            assert house.parts(order_id) == []
        finally:
            compiling.compiled.set()
        tools.eventually(lambda: house.http.get("/readyz").status_code == 200)
        assert kernels(house)[2].startswith("ready after")
        tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
        assert [plan["planner"] for plan in tools.eventually(lambda: house.get("/api/plans")["plans"])] == ["savings"]


def test_after_the_bound_orders_wait_no_longer_and_walk_an_s(floor, tools, compiling, monkeypatch):
    monkeypatch.setattr(ready, "AWAITED_S", 0.0)
    with tools.running(floor, until="/healthz", speed=300) as house:
        try:
            order_id = house.order("impatient", ("MUG", 2))
            tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
            (plan,) = tools.eventually(lambda: house.get("/api/plans")["plans"])
            assert (plan["planner"], plan["cause"], plan["gap"]) == ("s-shape", "no plan in time", None)
        finally:
            compiling.compiled.set()


def test_kernels_that_cannot_be_compiled_are_told_and_hold_nothing_up(floor, tools, compiling, monkeypatch):
    def fail(self: Compiling) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(compiling, "warm_up", fail)
    with tools.running(floor, until="/healthz", speed=300) as house:
        order_id = house.order("without", ("MUG", 2))
        tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
        assert kernels(house) == (503, False, "RuntimeError: no compiler")
