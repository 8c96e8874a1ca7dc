"""The gateway's follower of readings: excursions reach the ledger once, also after a restart, a late binding and a time of being behind."""

import pytest

from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.flow.masterdata import AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.sensing import BindTracker, UnbindTracker
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.excursions import Excursion
from floorwise.core.model.readings import Reading
from floorwise.core.warehouse import Warehouse
from floorwise.gateway import sensing_desk
from floorwise.gateway.conditions import LedgerConditions
from floorwise.gateway.sensing_desk import SensingDesk

T0 = 1_323_075_600_000
M = 60_000
VALUES = [*((m, 5.0) for m in range(0, 30, 5)), *((m, 11.0) for m in range(30, 60, 5)), *((m, 5.0) for m in range(60, 90, 5))]
WARM = [Reading("t-1", 1, n, T0 + m * M, {"temperature_c": value}) for n, (m, value) in enumerate(VALUES, 1)]


class Floor:
    def __init__(self) -> None:
        self.ledger, self.store, self.clock = open_ledger(None), MemoryStore(), SetClock(T0)
        self.warehouse = Warehouse(self.ledger, self.clock, CountedIds(self.ledger), HANDLERS)
        self.do(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, (LocationWanted("A0", "pick", 0, 0),)))
        self.do(AddSkus((SkuWanted("MUG", weight_g=300, volume_mm3=1_000_000),)))
        self.do(ReceiveStock("MUG", 5, "A0"))
        self.clock.set(T0 + 90 * M)

    def do(self, command, key=""):
        return self.warehouse.execute(command, key)

    def desk(self) -> SensingDesk:
        return SensingDesk(self.store, self.clock.now_ms)

    def hear(self, desk: SensingDesk, readings: list[Reading]) -> None:
        self.store.write_batch(readings)
        desk.take(readings)

    def run(self, desk: SensingDesk) -> None:
        while desk.step(self.warehouse):
            pass

    def cases(self) -> list[tuple]:
        found = [row for state in ("open", "ended") for row in self.ledger.find(Excursion, "by_state", "main", state)]
        return [(row.subject, (row.from_ms - T0) // M, (row.to_ms - T0) // M, row.peak_milli) for row in found]


CASE = ("A0", 25, 60, 11_000)


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_readings_of_a_bound_device_become_one_case(floor):
    desk = floor.desk()
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    floor.hear(desk, WARM)
    floor.run(desk)
    assert floor.cases() == [CASE]


def test_readings_that_were_stored_before_the_binding_was_told_count_from_its_moment(floor):
    desk = floor.desk()
    floor.hear(desk, WARM)
    floor.run(desk)
    assert floor.cases() == []
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    floor.do(UnbindTracker("t-1", at_ms=T0 + 80 * M))
    floor.run(desk)
    assert floor.cases() == [CASE]


def test_a_new_process_finds_what_the_old_one_had_not_done_and_does_nothing_twice(floor):
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    first = floor.desk()
    floor.hear(first, WARM[:10])
    floor.run(first)
    floor.store.write_batch(WARM[10:])  # stored, and the process ends before it looks
    number = floor.ledger.head[0]
    floor.run(floor.desk())
    assert floor.cases() == [CASE]
    after = floor.ledger.head[0]
    floor.run(floor.desk())
    assert number < after == floor.ledger.head[0]


def test_what_came_too_fast_is_read_from_the_store(floor, monkeypatch):
    monkeypatch.setattr(sensing_desk, "READINGS_WAITING", 5)
    desk = floor.desk()
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    floor.run(desk)
    floor.hear(desk, WARM)
    floor.run(desk)
    assert (floor.cases(), desk.passed_over) == ([CASE], len(WARM))


def test_a_case_whose_subject_has_gone_is_passed_over_and_the_next_one_is_done(floor):
    desk = floor.desk()
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    floor.run(desk)
    gone = desk._sensing._bindings["t-1"][0]._replace(device="t-0", subject="B9")
    desk._sensing.bind([gone])
    floor.hear(desk, [reading._replace(device="t-0") for reading in WARM] + WARM)
    floor.run(desk)
    assert floor.cases() == [CASE] and desk.refused == 2


def test_pages_see_the_case_with_what_was_exposed(floor):
    desk = floor.desk()
    floor.do(BindTracker("t-1", "A0", "chilled", at_ms=T0))
    floor.hear(desk, WARM)
    floor.run(desk)
    conditions = LedgerConditions(floor.store, "main")
    assert conditions.counts(floor.ledger) == {"open": 0, "total": 1}
    (shown,) = conditions.excursions(floor.ledger, False, 10)
    assert (shown["subject"], shown["limit_milli"], shown["unit"]) == ("A0", 8_000, "°C")
    assert [(one["what"], one["sku"], one["quantity"]) for one in shown["exposed"]] == [("held", "MUG", 5)]
    assert conditions.excursions(floor.ledger, True, 10) == []
