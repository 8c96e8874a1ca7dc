"""One command after another: all of it or nothing, once a key, tried again when another writer was first."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger, saved_heads
from floorwise.core.errors import BadInput, Conflict, KeyReused, NotFound
from floorwise.core.model.journal import Counter, Event, IdempotencyKey
from floorwise.core.warehouse import MOST_TRIES, Warehouse


class Count(NamedTuple):
    """Count up; the command of these tests."""

    by: int
    fail: str = ""


class Counted(NamedTuple):
    to: int


class Handler:
    """Counts up, tells it, and then fails as it is told; `losing` first tries lose a race."""

    def __init__(self, losing: int = 0) -> None:
        self.calls, self.losing = 0, losing

    def __call__(self, desk: Any, command: Count) -> dict[str, int]:
        self.calls += 1
        desk.ledger.insert(Counter("n", 0))
        row = desk.ledger.get(Counter, "n")
        row = desk.ledger.change(row, value=row.value + command.by)
        desk.tell(Counted(row.value))
        if self.calls <= self.losing:
            raise Conflict("somebody was first")
        if command.fail:
            raise {"refused": NotFound, "bug": ZeroDivisionError}[command.fail](command.fail)
        return {"to": row.value}


def house(handler: Handler, group: int = 1, folder: Any = None) -> Warehouse:
    ledger = open_ledger(folder)
    return Warehouse(ledger, SetClock(7), CountedIds(ledger), {Count: handler}, group=group)


def count(warehouse: Warehouse) -> int:
    row = warehouse.ledger.get(Counter, "n")
    return row.value if row else 0


def test_a_command_nobody_handles_is_bad_input():
    with pytest.raises(BadInput, match="tuple is not a command"):
        house(Handler()).execute(())


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize(("fail", "error"), [("refused", NotFound), ("bug", ZeroDivisionError)])
def test_a_command_that_fails_leaves_nothing_and_the_others_stay(group, fail, error):
    warehouse = house(Handler(), group)
    warehouse.execute(Count(2))
    with pytest.raises(error):
        warehouse.execute(Count(5, fail), key="k")
    assert warehouse.execute(Count(1)) == {"to": 3}
    warehouse.commit()
    assert count(warehouse) == 3
    assert [event.number for event in warehouse.ledger.find(Event, "key")] == [1, 2]
    assert warehouse.ledger.find(IdempotencyKey, "key") == []


def test_the_same_key_and_command_give_the_first_reply_and_no_second_effect():
    handler = Handler()
    warehouse = house(handler)
    assert [warehouse.execute(Count(2), key="k") for _ in range(3)] == [{"to": 2}] * 3
    assert (handler.calls, count(warehouse)) == (1, 2)
    assert warehouse.execute(Count(2), key="other") == {"to": 4}
    assert warehouse.execute(Count(2)) == {"to": 6}


def test_a_key_belongs_to_one_command():
    warehouse = house(Handler())
    warehouse.execute(Count(2), key="k")
    with pytest.raises(KeyReused, match="'k'"):
        warehouse.execute(Count(3), key="k")
    assert count(warehouse) == 2


def test_a_refused_command_may_come_again_under_its_key():
    handler = Handler()
    warehouse = house(handler)
    for _ in range(2):
        with pytest.raises(NotFound):
            warehouse.execute(Count(2, "refused"), key="k")
    assert handler.calls == 2
    assert warehouse.execute(Count(2), key="k") == {"to": 2}


def test_a_command_that_lost_a_race_starts_again_from_its_reads():
    handler = Handler(losing=MOST_TRIES - 1)
    warehouse = house(handler)
    assert warehouse.execute(Count(2), key="k") == {"to": 2}
    assert handler.calls == MOST_TRIES
    assert [event.number for event in warehouse.ledger.find(Event, "key")] == [1]


def test_a_command_that_always_loses_ends_with_conflict_and_the_next_one_works():
    handler = Handler(losing=MOST_TRIES)
    warehouse = house(handler)
    with pytest.raises(Conflict):
        warehouse.execute(Count(2))
    assert (handler.calls, count(warehouse)) == (MOST_TRIES, 0)
    assert warehouse.execute(Count(2)) == {"to": 2}


def test_a_group_is_durable_when_it_is_full_or_when_commit_says_so(tmp_path):
    warehouse = house(Handler(), group=3, folder=tmp_path)
    other = open_ledger(tmp_path)
    seen = []
    for _ in range(4):
        warehouse.execute(Count(1))
        row = other.get(Counter, "n")
        seen.append(row.value if row else 0)
    assert seen == [0, 0, 3, 3]
    warehouse.commit()
    assert other.get(Counter, "n").value == 4
    assert [number for number, _ in saved_heads(tmp_path)] == [3, 4]
    warehouse.ledger.close(), other.close()


def test_a_refused_command_counts_in_its_group(tmp_path):
    warehouse = house(Handler(), group=2, folder=tmp_path)
    warehouse.execute(Count(1))
    with pytest.raises(NotFound):
        warehouse.execute(Count(1, "refused"))
    assert [number for number, _ in saved_heads(tmp_path)] == [1]
    warehouse.ledger.close()


def test_every_command_of_a_group_has_its_own_time():
    warehouse = house(Handler(), group=9)
    warehouse.execute(Count(1))
    warehouse.clock.set(8)
    warehouse.execute(Count(1))
    warehouse.commit()
    assert [event.at_ms for event in warehouse.ledger.find(Event, "key")] == [7, 8]


def test_a_closed_ledger_leaves_no_file_open(tmp_path):
    def held() -> int:
        return sum(1 for link in Path("/proc/self/fd").iterdir() if str(tmp_path) in str(link.resolve()))

    ledger = open_ledger(tmp_path)
    ledger.savepoint()
    ledger.append_event("Told", 1, {})
    ledger.commit()
    assert held() > 0
    ledger.close()
    assert held() == 0
