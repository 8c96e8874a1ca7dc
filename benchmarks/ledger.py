"""L1: postings and reservations through the ledger, beside what a careful hand would write for SQLite with equal safety.

    posting       one move and the two balances it changes, a savepoint each, `group` in a transaction (`append_move`)
    command       the same through `Warehouse.execute`, with its event in the journal
    reservation   a whole `PlaceOrder` of one line: order, line, pool, event
    yardstick     three statements a posting (move in, balance down if there is enough, balance up), the same groups, no savepoint;
                  a reservation likewise: pool down if there is enough, order in, line in
    naive         the same three statements with a commit a posting

All on SQLite files with WAL and synchronous=FULL in one directory; rates a second of wall time, medians of `rounds`. Rounds alternate,
and a ratio is the median of the rounds' own ratios. CPU µs tell what a busy machine hides.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import CACHE_KIB, CHECKPOINT_PAGES, open_ledger
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.record import DECLARED
from floorwise.core.model.stock import Move
from floorwise.core.warehouse import Warehouse

AT_MS = 1_323_075_600_000
PLENTY = 1_000_000
STATEMENTS = (
    "INSERT INTO move VALUES (?, ?, ?, ?, '', '', '', ?, ?, ?, 'house', 'available', 'available', 'bench', '')",
    "UPDATE balance SET on_hand = on_hand - ?, version = version + 1 WHERE place = ? AND sku = ? AND on_hand - ? >= reserved",
    "UPDATE balance SET on_hand = on_hand + ?, version = version + 1 WHERE place = ? AND sku = ?",
)


class Post(NamedTuple):
    """One posting as a command."""

    sku: str
    source: str
    target: str


class Posted(NamedTuple):
    sku: str
    source: str
    target: str


def post(desk: Any, command: Post) -> dict[str, int]:
    desk.ledger.append_move(_move(command.sku, command.source, command.target))
    desk.tell(Posted(*command))
    return {}


def run(postings: int = 10_000, skus: int = 100, group: int = 100, rounds: int = 5) -> dict[str, Any]:
    """Options: postings (10000), skus (100) they are spread over, group (100) in a transaction, rounds (5)."""
    naive = max(postings // 20, 100)
    kinds: dict[str, Callable[[Path], tuple[float, float]]] = {
        "yardstick_postings": lambda folder: _by_hand(folder, postings, skus, group),
        "postings": lambda folder: _postings(folder, postings, skus, group),
        "postings_one_sku": lambda folder: _postings(folder, postings, 1, group),
        "commands": lambda folder: _commands(folder, postings, skus, group),
        "yardstick_reservations": lambda folder: _reserved_by_hand(folder, postings // 5, skus, group),
        "reservations": lambda folder: _reservations(folder, postings // 5, skus, group),
        "naive_postings": lambda folder: _by_hand(folder, naive, skus, 1),
        "single_commands": lambda folder: _commands(folder, naive, skus, 1),
    }
    seen: dict[str, list[float]] = {name: [] for name in kinds}
    cpu: dict[str, list[float]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as root:
        for turn in range(rounds):
            for name, measured in kinds.items():
                a_second, us = measured(Path(root) / f"{name}{turn}")
                seen[name].append(a_second)
                cpu[name].append(us)
    rate = {name: round(statistics.median(rates)) for name, rates in seen.items()}

    def ratio(one: str, other: str, digits: int = 2) -> float:
        """The median of the rounds' own ratios: what slows a round down slows both."""
        return round(statistics.median(a / b for a, b in zip(seen[one], seen[other], strict=True)), digits)

    return {
        "name": "ledger",
        "figures": {
            "postings_s": rate["postings"],
            "postings_one_sku_s": rate["postings_one_sku"],
            "commands_s": rate["commands"],
            "single_commands_s": rate["single_commands"],
            "reservations_s": rate["reservations"],
            "times_naive": ratio("postings", "naive_postings", 1),
            "commands_times_naive": ratio("commands", "naive_postings", 1),
            "reservation_ratio": ratio("reservations", "yardstick_reservations"),
            "cpu_us_a_posting": round(statistics.median(cpu["postings"]), 1),
            "cpu_us_a_command": round(statistics.median(cpu["commands"]), 1),
            "cpu_us_a_reservation": round(statistics.median(cpu["reservations"]), 1),
            "hot_sku_ratio": ratio("postings_one_sku", "postings"),
            "group": group,
            "rounds": rounds,
        },
        "yardstick": {
            "what": "hand-written statements with sqlite3, equal fsync and groups",
            "postings_s": rate["yardstick_postings"],
            "reservations_s": rate["yardstick_reservations"],
            "naive_postings_s": rate["naive_postings"],
            "cpu_us_a_posting": round(statistics.median(cpu["yardstick_postings"]), 1),
            "cpu_us_a_reservation": round(statistics.median(cpu["yardstick_reservations"]), 1),
        },
        "ratio": ratio("postings", "yardstick_postings"),
    }


def _move(sku: str, source: str, target: str) -> Move:
    return Move(0, AT_MS, AT_MS, sku, "", "", "", 1, source, target, "house", "available", "available", "bench", "")


def _ways(count: int, skus: int) -> Iterator[tuple[str, str, str]]:
    """SKU, source and target of each posting: to and fro between two bins."""
    for number in range(count):
        there = (number // skus) % 2
        yield f"S{number % skus:04}", f"A{there}", f"A{1 - there}"


def _timed(count: int, work: Callable[[], None]) -> tuple[float, float]:
    """(done a second of wall time, CPU µs for each)."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - began), 1e6 * (time.process_time() - cpu) / count


def _stocked(folder: Path, skus: int, group: int) -> Warehouse:
    """A floor with plenty of each SKU in both bins."""
    ledger = open_ledger(folder)
    warehouse = Warehouse(ledger, SetClock(AT_MS), CountedIds(ledger), HANDLERS | {Post: post}, group=1_000_000)
    places = tuple(LocationWanted(f"A{n}", "pick", 0, 0) for n in range(2))
    warehouse.execute(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, places))
    warehouse.execute(AddCarriers((("paper", "standard", "17:00", "01234"),)))
    names = [f"S{n:04}" for n in range(skus)]
    warehouse.execute(AddSkus(tuple(SkuWanted(name) for name in names)))
    for name in names:
        for place in ("A0", "A1"):
            warehouse.execute(ReceiveStock(name, PLENTY, place))
    warehouse.commit()
    warehouse.group = group
    return warehouse


def _postings(folder: Path, count: int, skus: int, group: int) -> tuple[float, float]:
    ledger = _stocked(folder, skus, group).ledger

    def work() -> None:
        for number, way in enumerate(_ways(count, skus), 1):
            ledger.savepoint()
            ledger.append_move(_move(*way))
            if number % group == 0:
                ledger.commit()
        ledger.commit()

    rate = _timed(count, work)
    ledger.close()
    return rate


def _commands(folder: Path, count: int, skus: int, group: int) -> tuple[float, float]:
    warehouse = _stocked(folder, skus, group)

    def work() -> None:
        for way in _ways(count, skus):
            warehouse.execute(Post(*way))
        warehouse.commit()

    rate = _timed(count, work)
    warehouse.ledger.close()
    return rate


def _reservations(folder: Path, count: int, skus: int, group: int) -> tuple[float, float]:
    warehouse = _stocked(folder, skus, group)
    orders = [PlaceOrder("bench", f"R{n}", "c1", "GB", "GBP", (LineWanted(f"S{n % skus:04}", 1),)) for n in range(count)]

    def work() -> None:
        for order in orders:
            warehouse.execute(order)
        warehouse.commit()

    rate = _timed(count, work)
    warehouse.ledger.close()
    return rate


def _database(folder: Path, skus: int) -> sqlite3.Connection:
    """The tables and indexes of a real ledger with as much stock, for statements written by hand."""
    warehouse = _stocked(folder, skus, 1)
    warehouse.ledger.close()
    connection = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    for pragma in ("synchronous=FULL", f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _by_hand(folder: Path, count: int, skus: int, group: int) -> tuple[float, float]:
    connection = _database(folder, skus)
    run, moves = connection.cursor().execute, 2 * skus
    insert, lift, put = STATEMENTS

    def work() -> None:
        for number, (sku, source, target) in enumerate(_ways(count, skus), 1):
            if number % group == 1 or group == 1:
                run("BEGIN IMMEDIATE")
            run(insert, (moves + number, AT_MS, AT_MS, sku, 1, source, target))
            assert run(lift, (1, source, sku, 1)).rowcount == 1
            assert run(put, (1, target, sku)).rowcount == 1
            if number % group == 0:
                run("COMMIT")
        if connection.in_transaction:
            run("COMMIT")

    rate = _timed(count, work)
    connection.close()
    return rate


def _reserved_by_hand(folder: Path, count: int, skus: int, group: int) -> tuple[float, float]:
    connection = _database(folder, skus)
    run = connection.cursor().execute
    order = "INSERT INTO \"order\" ({}) VALUES ({})"
    line = "INSERT INTO order_line ({}) VALUES ({})"
    columns = {table: [row[1] for row in run(f'PRAGMA table_info("{table}")').fetchall()] for table in ("order", "order_line")}
    order = order.format(", ".join(columns["order"]), ", ".join("?" * len(columns["order"])))
    line = line.format(", ".join(columns["order_line"]), ", ".join("?" * len(columns["order_line"])))
    texts = {record: {name for name, kind in DECLARED[record].fields.items() if kind is str} for record in (Order, OrderLine)}

    def values(record: type, **given: Any) -> tuple[Any, ...]:
        return tuple(given.get(name, "x" if name in texts[record] else 0) for name in columns[DECLARED[record].table])

    rows = []
    for number in range(count):
        sku, name = f"S{number % skus:04}", f"O{number:08}"
        one = values(Order, order_id=name, reference=f"R{number}", site="main", waiting=1)
        rows.append((sku, one, values(OrderLine, order_id=name, line=1, site="main", sku=sku, owner="house", ordered=1, reserved=1)))

    def work() -> None:
        for number, (sku, one, other) in enumerate(rows, 1):
            if number % group == 1 or group == 1:
                run("BEGIN IMMEDIATE")
            pool = "UPDATE pool SET reserved = reserved + 1, version = version + 1 WHERE site = 'main' AND sku = ? AND reserved < eligible"
            assert run(pool, (sku,)).rowcount == 1
            run(order, one)
            run(line, other)
            if number % group == 0:
                run("COMMIT")
        if connection.in_transaction:
            run("COMMIT")

    rate = _timed(count, work)
    connection.close()
    return rate
