"""What every Ledger promises, on each database alike. A further database is one more line in LEDGERS.

A ledger is opened twice where commits are to be seen from outside: `open_again` gives a second connection to the same data, or
None where there is none (memory).
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from floorwise.core import journal
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import HEADS_FILE, LEDGER_FILE, open_ledger, saved_heads, snapshot
from floorwise.core.errors import Conflict, Damaged, NotFound, Refused, StockConflict
from floorwise.core.flow.counting import RecordCount
from floorwise.core.flow.entry import CancelOrder, LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.waving import ReleaseOrders
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.journal import Counter, Cursor, Event, Head, IdempotencyKey, Timer
from floorwise.core.model.orders import BUCKETS, Order, OrderLine
from floorwise.core.model.record import DECLARED
from floorwise.core.model.stock import Balance, Move, Pool
from floorwise.core.model.supply import Purchase
from floorwise.core.verify.all_checks import verify
from floorwise.core.warehouse import Warehouse

LEDGERS: dict[str, Callable[[Path], Any]] = {"file": open_ledger, "memory": lambda _: open_ledger(None)}


@pytest.fixture(params=sorted(LEDGERS))
def opener(request, tmp_path) -> Callable[[], Any]:
    """Opens a ledger of this kind; the same data each time where it has any outside the process."""
    return lambda: LEDGERS[request.param](tmp_path)


@pytest.fixture
def ledger(opener):
    opened = opener()
    yield opened
    opened.close()


@pytest.fixture
def writing(ledger):
    """The ledger within a command."""
    ledger.savepoint()
    return ledger


def moved(quantity: int, source: str, target: str, **more: Any) -> Move:
    """A move of MUGs, not yet numbered."""
    told = {"lot": "", "serial": "", "unit": "", "owner": "house", "status": "available", "to_status": "available"} | more
    return Move(0, 5, 6, "MUG", quantity=quantity, source=source, target=target, cause="test", reference="", **told)


def on_hand(ledger: Any, place: str, status: str = "available") -> int:
    row = ledger.get(Balance, place, "MUG", "", "", "house", status)
    return row.on_hand if row else 0


# get, insert


def test_a_record_comes_back_as_it_was_written(writing):
    row = Purchase("P1", "main", "MUG", "house", 2**53, -5, 7, "open", 0)
    assert writing.insert(row) is True
    assert writing.get(Purchase, "P1") == row
    assert writing.get(Purchase, "P2") is None


def test_text_of_any_script_and_quotes_survive(writing):
    name = "Ж'\"; DROP TABLE sku; -- \U0001f4e6 \x1f"
    writing.insert(Counter(name, 1))
    assert writing.get(Counter, name).name == name
    assert [row.name for row in writing.find(Counter, "key", name)] == [name]


def test_a_taken_key_is_not_written_and_the_first_stays(writing):
    assert writing.insert(Counter("n", 1)) is True
    assert writing.insert(Counter("n", 2)) is False
    assert writing.get(Counter, "n").value == 1


def test_a_taken_unique_index_is_not_written_though_the_key_is_free(writing):
    first = Purchase("P1", "main", "MUG", "house", 5, 0, 0, "open", 0)
    assert writing.insert(first)
    assert writing.insert(first._replace(purchase="P2")) is False
    assert writing.get(Purchase, "P2") is None
    # the index is for open purchases only
    assert writing.insert(first._replace(purchase="P3", state="received"))
    assert writing.insert(first._replace(purchase="P4", owner="brand"))


def test_a_row_that_breaks_a_check_is_refused_and_leaves_the_command_whole(writing):
    with pytest.raises(StockConflict, match="Pool"):
        writing.insert(Pool("main", "MUG", "house", 3, 4))
    assert writing.get(Pool, "main", "MUG", "house") is None
    assert writing.insert(Pool("main", "MUG", "house", 3, 3))


# change


def test_a_change_gives_the_record_with_its_new_version(writing):
    writing.insert(Counter("n", 1))
    row = writing.change(writing.get(Counter, "n"), value=7)
    assert row == Counter("n", 7, 1) == writing.get(Counter, "n")


def test_a_record_read_before_another_change_conflicts(writing):
    writing.insert(Counter("n", 1))
    stale = writing.get(Counter, "n")
    writing.change(stale, value=2)
    with pytest.raises(Conflict, match=r"Counter.*version 0"):
        writing.change(stale, value=3)
    assert writing.get(Counter, "n").value == 2


def test_a_record_that_is_not_there_conflicts(writing):
    with pytest.raises(Conflict):
        writing.change(Counter("never", 1), value=2)


def test_a_change_that_breaks_a_check_is_refused(writing):
    writing.insert(Pool("main", "MUG", "house", 3, 1))
    with pytest.raises(StockConflict, match="Pool"):
        writing.change(writing.get(Pool, "main", "MUG", "house"), reserved=4)
    assert writing.get(Pool, "main", "MUG", "house").reserved == 1


def test_what_follows_from_moves_cannot_be_changed(writing):
    writing.append_move(moved(3, "SUPPLIER", "A01"))
    with pytest.raises(AssertionError, match="on_hand"):
        writing.change(writing.get(Balance, "A01", "MUG", "", "", "house", "available"), on_hand=9)


def test_what_is_append_only_cannot_be_changed(writing):
    writing.insert(IdempotencyKey("k", "f", "{}", 0))
    with pytest.raises(AssertionError, match="append-only"):
        writing.change(writing.get(IdempotencyKey, "k"), reply="{1}")


@pytest.mark.parametrize("record", sorted((cls for cls, told in DECLARED.items() if told.is_append_only), key=lambda cls: cls.__name__))
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_touch_what_is_append_only(writing, record, verb):
    told = DECLARED[record]
    row = record(*("x" if kind is str else 1 for kind in told.fields.values()))
    if record is Move:
        writing.append_move(moved(1, "SUPPLIER", "A01"))
    else:
        assert writing.insert(row)
    with pytest.raises(Exception, match="append-only"):
        writing._run(verb.format(told.table, told.key[0], told.key[0]))


# find


def counters(ledger: Any) -> None:
    for timer, due in (("W1", 30), ("W2", 10), ("W3", 20), ("W4", 10), ("W5", 40)):
        ledger.insert(Timer(timer, due, "FallBack", "{}", int(timer != "W5")))


def names(found: list[Any]) -> str:
    return " ".join(row[0] for row in found)


def test_find_gives_the_declared_order_and_breaks_ties_by_key(writing):
    counters(writing)
    assert names(writing.find(Timer, "by_due")) == "W2 W4 W3 W1"  # W5 is closed: the index does not hold it
    assert names(writing.find(Timer, "key")) == "W1 W2 W3 W4 W5"


def test_find_is_open_after_and_closed_until(writing):
    counters(writing)
    assert names(writing.find(Timer, "by_due", until=20)) == "W2 W4 W3"
    assert names(writing.find(Timer, "by_due", after=10)) == "W3 W1"
    assert names(writing.find(Timer, "by_due", after=10, until=20)) == "W3"
    assert names(writing.find(Timer, "by_due", 10)) == "W2 W4"
    assert names(writing.find(Timer, "by_due", 10, after="W2")) == "W4"


def test_find_gives_no_more_than_its_limit(writing):
    counters(writing)
    assert names(writing.find(Timer, "by_due", limit=2)) == "W2 W4"
    assert writing.find(Timer, "by_due", limit=0) == []


def test_text_sorts_by_code_point(writing):
    for name in ("b", "B", "a", "Z", "é", "10", "9", "~", ""):
        writing.insert(Cursor(name, 1))
    assert [row.consumer for row in writing.find(Cursor, "key")] == sorted(["b", "B", "a", "Z", "é", "10", "9", "~", ""])


def test_find_by_a_prefix_of_the_key(writing):
    for place, sku in (("A01", "MUG"), ("A01", "BOWL"), ("A010", "MUG")):
        writing.insert(Balance(place, sku, "", "", "house", "available", "bin", 1, 0))
    assert [row.sku for row in writing.find(Balance, "key", "A01")] == ["BOWL", "MUG"]
    assert [row.place for row in writing.find(Balance, "stock", "MUG", "house", "available")] == ["A01", "A010"]


# moves


def test_a_move_is_numbered_and_changes_both_balances(writing):
    assert [writing.append_move(moved(q, "SUPPLIER", "A01")).number for q in (5, 2)] == [1, 2]
    assert writing.append_move(moved(3, "A01", "A02")).number == 3
    assert (on_hand(writing, "SUPPLIER"), on_hand(writing, "A01"), on_hand(writing, "A02")) == (-7, 4, 3)
    assert [row.quantity for row in writing.find(Move, "by_sku", "MUG")] == [5, 2, 3]


def test_a_real_place_never_falls_below_zero(writing):
    writing.append_move(moved(2, "SUPPLIER", "A01"))
    with pytest.raises(StockConflict, match=r"3 MUG .*A01.*: 2 lie there"):
        writing.append_move(moved(3, "A01", "A02"))
    with pytest.raises(StockConflict, match="none lie there"):
        writing.append_move(moved(1, "A07", "A02"))


def test_bound_units_stay_unless_the_move_is_theirs(writing):
    writing.append_move(moved(5, "SUPPLIER", "A01"))
    writing.change(writing.get(Balance, "A01", "MUG", "", "", "house", "available"), reserved=4)
    with pytest.raises(StockConflict, match="4 of them bound"):
        writing.append_move(moved(2, "A01", "A02"))
    writing.append_move(moved(1, "A01", "A02"))
    writing.append_move(moved(3, "A01", "tote:T1"), bound=3)
    row = writing.get(Balance, "A01", "MUG", "", "", "house", "available")
    assert (row.on_hand, row.reserved) == (1, 1)
    with pytest.raises(StockConflict):
        writing.append_move(moved(1, "A01", "tote:T1"), bound=2)


def test_a_change_of_status_is_a_move_within_a_place(writing):
    writing.append_move(moved(5, "SUPPLIER", "A01"))
    writing.append_move(moved(2, "A01", "A01", to_status="held"))
    assert (on_hand(writing, "A01"), on_hand(writing, "A01", "held")) == (3, 2)


def test_a_move_of_nothing_or_of_two_things_is_refused(writing):
    for wrong in (moved(0, "SUPPLIER", "A01"), moved(1, "A01", "A01"), moved(1, "SUPPLIER", "A01", unit="P1")):
        with pytest.raises(StockConflict, match="Move"):
            writing.append_move(wrong)


def test_moving_a_unit_leaves_balances_alone(writing):
    writing.insert(HandlingUnit("P1", "pallet", "DOCK", "main", "open"))
    writing.append_move(Move(0, 5, 5, "", "", "", "P1", 1, "DOCK", "A01", "house", "available", "available", "test", ""))
    assert writing.find(Balance, "key") == []
    assert [row.target for row in writing.find(Move, "by_unit", "P1")] == ["A01"]


# commands, transactions, the journal


def test_a_rollback_undoes_the_present_command_only_with_its_numbers(ledger):
    ledger.savepoint()
    ledger.append_move(moved(5, "SUPPLIER", "A01"))
    first = ledger.append_event("Test", 1, {"n": 1})
    ledger.savepoint()
    ledger.append_move(moved(5, "A01", "A02"))
    ledger.append_event("Test", 2, {"n": 2})
    ledger.insert(Counter("n", 1))
    ledger.rollback()
    assert (on_hand(ledger, "A01"), ledger.get(Counter, "n"), ledger.head) == (5, None, (1, first.head))
    ledger.savepoint()
    assert ledger.append_move(moved(1, "A01", "A02")).number == 2
    assert ledger.append_event("Test", 3, {"n": 3}).number == 2
    ledger.commit()
    assert [event.at_ms for event in ledger.find(Event, "key")] == [1, 3]
    assert list(journal.faults(ledger.find(Event, "key"), [ledger.head])) == []


def test_a_rollback_can_come_twice(ledger):
    ledger.savepoint()
    ledger.append_event("Test", 1, {})
    ledger.rollback()
    ledger.append_event("Test", 1, {})
    ledger.rollback()
    ledger.commit()
    assert ledger.find(Event, "key") == [] and ledger.get(Head, "journal") is None


def test_a_commit_of_nothing_writes_no_head(ledger):
    ledger.commit()
    ledger.savepoint()
    ledger.commit()
    assert ledger.head == (0, journal.GENESIS)


def test_an_event_is_chained_to_the_one_before(ledger):
    ledger.savepoint()
    one, two = (ledger.append_event("Test", at_ms, {"text": "é", "n": [1]}) for at_ms in (7, 8))
    ledger.commit()
    assert one.line == '{"at_ms":7,"body":{"n":[1],"text":"é"},"kind":"Test","number":1,"schema":1}'
    assert one.head == journal.chained(journal.GENESIS, one.line) and two.head == journal.chained(one.head, two.line)
    assert ledger.get(Head, "journal")[:3] == ("journal", 2, two.head)


def test_a_body_that_has_no_canonical_form_is_refused_before_anything_is_written(ledger):
    ledger.savepoint()
    for body in ({"n": 1.5}, {"n": None}, {"n": 2**53}, {1: "n"}):
        with pytest.raises(ValueError):
            ledger.append_event("Test", 1, body)
    assert ledger.head[0] == 0


# the same on every database


def small_floor(ledger: Any, group: int) -> Warehouse:
    warehouse = Warehouse(ledger, SetClock(1_323_075_600_000), CountedIds(ledger), HANDLERS, group=group)
    bins = tuple(LocationWanted(f"A0{n}", "pick", 0, n * 1000) for n in range(4))
    warehouse.execute(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, bins))
    warehouse.execute(AddCarriers((("paper", "standard", "17:00", "01234"),)))
    warehouse.execute(AddSkus((SkuWanted("MUG"), SkuWanted("BOWL"))))
    return warehouse


def place(reference: int, sku: str, quantity: int, **more: Any) -> PlaceOrder:
    return PlaceOrder("shop", f"R{reference}", "c1", "GB", "GBP", (LineWanted(sku, quantity),), **more)


commands = st.one_of(
    # tuples, not builds: that would fill the fields that have defaults too
    st.tuples(st.integers(1, 4), st.sampled_from(("MUG", "BOWL", "NONE")), st.integers(-1, 9)).map(lambda told: place(*told)),
    st.tuples(st.sampled_from(("MUG", "BOWL", "NONE")), st.integers(0, 9), st.sampled_from(("A01", "A02", "A99"))).map(
        lambda told: ReceiveStock(*told)
    ),
    st.tuples(st.sampled_from(("A01", "A02")), st.just("MUG"), st.integers(-1, 9)).map(lambda told: RecordCount(*told)),
    st.sampled_from(("O00000001", "O00000002", "O9")).map(CancelOrder),
    st.sampled_from(("O00000001", "O00000003", "O9")).map(lambda order: ReleaseOrders((order,))),
)


def head_after(ledger: Any, told: list[Any], group: int, noise: bool = False) -> tuple[int, str]:
    """The head after these commands; with `noise` each is followed by one that is refused."""
    warehouse = small_floor(ledger, group)
    for number, command in enumerate(told):
        with suppress(Refused):
            warehouse.execute(command, key=f"k{number}")
        if noise:
            with pytest.raises(NotFound):
                warehouse.execute(CancelOrder(f"nobody's {number}"))
    warehouse.commit()
    head = ledger.head
    assert [check for check in verify(ledger, [head]) if not check.ok] == []
    ledger.close()
    return head


@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would open thousands of ledgers
@given(st.lists(commands, max_size=25))
def test_the_head_depends_neither_on_the_grouping_nor_on_refusals_between(told):
    heads = {head_after(open_ledger(None), told, group, noise) for group, noise in ((1, False), (3, False), (20, True), (3, True))}
    assert len(heads) == 1


def test_the_same_commands_give_the_same_head_on_every_database(tmp_path):
    told = [
        ReceiveStock("MUG", 9, "A01"),
        place(1, "MUG", 4),
        place(2, "MUG", 7),
        ReleaseOrders(("O00000001",)),
        RecordCount("A01", "MUG", 5),
        CancelOrder("O00000002"),
        place(3, "BOWL", 1),
    ]
    heads = {name: head_after(opened(tmp_path / name), told, 3) for name, opened in LEDGERS.items()}
    assert len(heads) == len(LEDGERS) >= 2
    assert len(set(heads.values())) == 1


# only where data outlives the process


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


def test_a_reopened_file_goes_on_with_its_numbers_and_its_chain(folder):
    for n in range(3):
        ledger = open_ledger(folder)
        ledger.savepoint()
        assert ledger.append_event("Test", n, {"n": n}).number == n + 1
        assert ledger.append_move(moved(1, "SUPPLIER", "A01")).number == n + 1
        ledger.commit()
        ledger.close()
    ledger = open_ledger(folder)
    assert list(journal.faults(ledger.find(Event, "key"), saved_heads(folder))) == []
    assert [number for number, _ in saved_heads(folder)] == [1, 2, 3]
    ledger.close()


def test_nothing_is_seen_from_outside_before_the_commit(folder):
    ledger, other = open_ledger(folder), open_ledger(folder)
    ledger.savepoint()
    ledger.insert(Counter("n", 1))
    assert other.get(Counter, "n") is None
    ledger.commit()
    assert other.get(Counter, "n").value == 1
    ledger.close(), other.close()


def test_closing_undoes_what_was_not_committed(folder):
    ledger = open_ledger(folder)
    ledger.savepoint()
    ledger.insert(Counter("n", 1))
    ledger.close()
    again = open_ledger(folder)
    assert again.get(Counter, "n") is None and list(saved_heads(folder)) == []
    again.close()


def test_a_snapshot_stands_still_while_a_writer_goes_on(folder):
    ledger = open_ledger(folder)
    ledger.savepoint()
    ledger.insert(Counter("n", 1))
    ledger.commit()
    seen = snapshot(folder)
    ledger.savepoint()
    ledger.change(ledger.get(Counter, "n"), value=2)
    ledger.commit()
    assert (seen.get(Counter, "n").value, ledger.get(Counter, "n").value) == (1, 2)
    with pytest.raises(Exception, match="readonly"):
        seen.insert(Counter("m", 1))
    seen.close(), ledger.close()


def test_a_folder_without_a_ledger_has_no_snapshot_and_gets_none(folder):
    with pytest.raises(NotFound, match="no ledger"):
        snapshot(folder)
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"not a database at all" * 99, b"SQLite format 3\x00" + b"\x00" * 100])
def test_a_file_that_is_no_ledger_is_damaged(folder, content):
    folder.mkdir()
    (folder / LEDGER_FILE).write_bytes(content)
    for opened in (open_ledger, snapshot):
        with pytest.raises(Damaged, match=LEDGER_FILE):
            opened(folder)


def test_a_ledger_of_another_schema_is_refused(folder):
    ledger = open_ledger(folder)
    ledger._run("PRAGMA user_version=999")
    ledger.close()
    for opened in (open_ledger, snapshot):
        with pytest.raises(Damaged, match="schema 999"):
            opened(folder)


def test_a_torn_last_line_of_the_saved_heads_is_passed_over(folder):
    ledger = open_ledger(folder)
    for n in range(2):
        ledger.savepoint()
        ledger.append_event("Test", n, {})
        ledger.commit()
    head = ledger.head
    ledger.close()
    with (folder / HEADS_FILE).open("ab") as file:
        file.write(b'{"number":3,"he')
    assert list(saved_heads(folder))[-1] == head


def test_an_order_is_found_by_its_reference_in_its_channel_only(writing):
    row = Order("O1", "shop", "R1", "f", "c", "GB", "main", "house", "GBP", "paper", 0, 0, 0, 0)
    assert writing.insert(row)
    assert not writing.insert(row._replace(order_id="O2"))
    assert writing.insert(row._replace(order_id="O3", channel="phone"))
    assert [found.order_id for found in writing.find(Order, "by_reference", "shop", "R1")] == ["O1"]


def test_every_declared_record_can_be_written_and_found_by_each_of_its_indexes(writing):
    assert len(DECLARED) > 25
    for record, told in DECLARED.items():
        if record in (Move, Event):
            continue
        row = record(*("open" if name == "state" else "x" if kind is str else 1 for name, kind in told.fields.items()))
        if record is OrderLine:
            row = row._replace(ordered=len(BUCKETS))
        assert writing.insert(row), record
        assert writing.get(record, *(getattr(row, name) for name in told.key)) == row
        for name, (fields, where, _) in told.indexes.items():
            found = writing.find(record, name, *(getattr(row, field) for field in fields))
            assert found == [row] or (where and found == []), (record, name)
