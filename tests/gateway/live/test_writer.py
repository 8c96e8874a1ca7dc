"""The writer: replies after the commit, groups that share one, refusals that spoil nobody, a bound on what waits."""

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger, snapshot
from floorwise.core.errors import BadInput, KeyReused, NotFound
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.journal import Counter, Event
from floorwise.core.model.orders import Order
from floorwise.core.ports import Desk
from floorwise.core.warehouse import Warehouse
from floorwise.gateway import writer as writers
from floorwise.gateway.writer import Busy, Stopped, Writer

PATIENCE_S = 30


@pytest.fixture
def made(floor: Path):
    """A writer that has not started, and its ledger; what it holds back is let go at the end."""
    ledger = open_ledger(floor)
    writer = Writer(Warehouse(ledger, SetClock(1_772_431_200_000), CountedIds(ledger), HANDLERS))
    yield writer, ledger
    writer.stop()


def wanted(reference: str, units: int = 1) -> PlaceOrder:
    return PlaceOrder("test", reference, "c", "GB", "GBP", (LineWanted("MUG", units),))


def test_a_reply_comes_when_others_can_read_what_it_tells(made, floor):
    writer, _ = made
    writer.start()
    order_id = writer.submit(wanted("1")).result(PATIENCE_S)["order_id"]
    there = snapshot(floor)
    assert there.get(Order, order_id) is not None
    there.close()


def test_commands_that_waited_together_share_commits_and_each_gets_its_own_reply(made):
    writer, _ = made
    replies = [writer.submit(wanted(f"{n}")) for n in range(200)] if writer.start() is None else []
    assert len({reply.result(PATIENCE_S)["order_id"] for reply in replies}) == 200
    assert writer.commands == 200
    assert writer.commits < 200


def test_a_refusal_in_a_group_takes_nobody_with_it(made):
    writer, _ = made
    gate = _held(writer)
    good, bad, wrong, last = (writer.submit(c) for c in (wanted("a"), CancelOrder("NONE"), wanted("b", 2**52), wanted("c")))
    gate.set()
    with pytest.raises(NotFound):
        bad.result(PATIENCE_S)
    assert wrong.result(PATIENCE_S)["parked"] == 1  # more units than a line may have
    assert good.result(PATIENCE_S)["order_id"] and last.result(PATIENCE_S)["order_id"]
    assert (writer.refused, writer.fault) == (1, "")


class Fail(NamedTuple):
    """A command whose handler raises what it bears."""

    error: Exception


def fail(desk: Desk, told: Fail) -> dict:
    desk.ledger.insert(Counter("half done", 1))
    raise told.error


@pytest.mark.parametrize(
    ("error", "told"),
    [(OverflowError("no column"), BadInput), (ValueError("body: 2 is beyond 2^53"), BadInput), (RuntimeError("a mistake"), RuntimeError)],
    ids=["no column holds it", "no event holds it", "a bug"],
)  # fmt: skip
def test_a_command_that_breaks_is_undone_and_the_writer_goes_on(floor, error, told):
    ledger = open_ledger(floor)
    writer = Writer(Warehouse(ledger, SetClock(1_772_431_200_000), CountedIds(ledger), HANDLERS | {Fail: fail}))
    writer.start()
    with pytest.raises(told):
        writer.submit(Fail(error)).result(PATIENCE_S)
    assert writer.submit(wanted("after")).result(PATIENCE_S)["order_id"]
    writer.stop()
    with contextlib.closing(snapshot(floor)) as there:
        assert there.get(Counter, "half done") is None


def test_a_key_has_one_effect_however_many_ask_at_once(made):
    writer, _ = made
    writer.start()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: writer.submit(wanted("one"), "key").result(PATIENCE_S), range(64)))
    assert len({reply["order_id"] for reply in replies}) == 1
    with pytest.raises(KeyReused):
        writer.submit(wanted("two"), "key").result(PATIENCE_S)


def test_a_client_that_leaves_before_its_reply_changes_nothing_for_the_others(made):
    writer, ledger = made
    gate = _held(writer)
    replies = [writer.submit(wanted(f"{n}")) for n in range(3)]
    assert replies[1].cancel()
    gate.set()
    assert replies[0].result(PATIENCE_S)["order_id"] and replies[2].result(PATIENCE_S)["order_id"]
    assert writer.submit(wanted("1")).result(PATIENCE_S)["again"] == 1  # it was placed all the same
    assert not writer.fault and ledger


def test_what_does_not_fit_the_queue_is_told_to_come_back_and_does_nothing(floor):
    ledger = open_ledger(floor)
    writer = Writer(Warehouse(ledger, SetClock(1_772_431_200_000), CountedIds(ledger), HANDLERS), bound=2)
    gate = _held(writer)
    taken = [writer.submit(wanted("1")), writer.submit(wanted("2"))]
    with pytest.raises(Busy):
        writer.submit(wanted("3"))
    gate.set()
    assert all(reply.result(PATIENCE_S)["order_id"] for reply in taken)
    writer.stop()
    there = snapshot(floor)
    assert not there.find(Order, "by_reference", "test", "3")
    there.close()


def test_stopping_does_what_was_taken_and_turns_away_what_comes_later(made, floor):
    writer, _ = made
    gate = _held(writer)
    taken = [writer.submit(wanted(f"{n}")) for n in range(5)]
    ending = threading.Thread(target=writer.stop)
    ending.start()
    gate.set()
    ending.join(PATIENCE_S)
    assert all(reply.result(0)["order_id"] for reply in taken)
    with pytest.raises(Stopped):
        writer.submit(wanted("late"))


def test_a_disk_that_fails_stops_the_writer_and_no_reply_claims_what_was_not_kept(made, floor):
    writer, ledger = made

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    ledger.commit = fail
    gate = _held(writer)
    asked = [writer.submit(wanted(f"{n}")) for n in range(3)]
    gate.set()
    for reply in asked:
        with pytest.raises((Stopped, sqlite3.OperationalError)):
            reply.result(PATIENCE_S)
    assert "disk I/O error" in writer.fault and not writer.is_alive
    with pytest.raises(Stopped):
        writer.submit(wanted("later"))
    there = snapshot(floor)
    assert not [event for event in there.find(Event, "by_kind", "OrderPlaced")]
    there.close()


def test_the_command_that_a_failing_disk_stops_is_answered_too(made):
    writer, ledger = made

    def fail(row) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    ledger.insert = fail
    gate = _held(writer)
    asked = [writer.submit(wanted(f"{n}")) for n in range(3)]
    gate.set()
    for reply in asked:
        with pytest.raises(Stopped):
            reply.result(PATIENCE_S)


def test_followers_are_woken_with_the_end_of_the_journal_and_only_when_it_grew(floor):
    ledger, heard = open_ledger(floor), []
    writer = Writer(Warehouse(ledger, SetClock(1_772_431_200_000), CountedIds(ledger), HANDLERS), heard.append)
    writer.start()
    before = ledger.head[0]
    writer.submit(wanted("1")).result(PATIENCE_S)
    writer.submit(wanted("1")).result(PATIENCE_S)  # again: nothing new to tell
    writer.stop()
    assert heard == [before + 1]


def _held(writer: Writer) -> threading.Event:
    """Start the writer so that it does its first command only when the event is set."""
    gate, run = threading.Event(), writer._group

    def group(job: object) -> bool:
        gate.wait(PATIENCE_S)
        return run(job)

    writer._group = group
    writer.start()
    assert writers.GROUP_COMMANDS > 1
    return gate
