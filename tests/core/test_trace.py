"""One order from a row of a file to the door and back, as docs/explain/trace.md tells it: every record, event, head and message.

What the code does is compared with tests/golden/trace_order.json, and the blocks of the document with the same file. When a
change of the trace is meant, renew both, read the difference line by line, and mend the document's prose:

    FLOORWISE_RENEW=trace .venv/bin/pytest tests/core/test_trace.py
    git diff tests/golden/trace_order.json docs/explain/trace.md

Nothing else ever writes them; a renewing run fails, so that it cannot be taken for a check.
"""

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from floorwise.core.adapters.bus_local import LocalBus
from floorwise.core.adapters.carriers.paper import PaperCarrier
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.flow.entry import LineWanted, ParkRow, PlaceOrder
from floorwise.core.flow.masterdata import (
    AddCarriers,
    AddPackLevels,
    AddSite,
    AddSkus,
    LocationWanted,
    PackLevelWanted,
    RuleWanted,
    SetStockRules,
    SkuWanted,
)
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.flow.receiving import ReceiveOpening, StockArrived
from floorwise.core.flow.returns import GradeReturn, MatchReturn, ReceiveReturn, RefundReturn
from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.touring import TakeTour
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.journal import GENESIS
from floorwise.core.model.intake import OrderDraft, ReturnDraft, ReviewRow
from floorwise.core.model.journal import Event
from floorwise.core.model.record import DECLARED
from floorwise.core.model.s_shape import s_shape_plan
from floorwise.core.warehouse import Warehouse, plain
from floorwise.core.workers import buying, dispatch, labels, planning, timers, waving
from floorwise.gateway.channels.order_file import open_order_file

ORDER_FILE = """\
order,sku,quantity,placed_at,unit,price_minor,is_return,customer,country
581482,MUG,4,2011-12-05 09:12,each,250,no,17850,United Kingdom
581482,BOWL,1,2011-12-05 09:12,case,2400,no,17850,United Kingdom
581482,JUG,1,2011-12-05 09:12,each,995,no,17850,United Kingdom
C581490,MUG,1,2011-12-08 10:00,each,250,yes,17850,United Kingdom
"""
CATALOGUE = "sku,description\nMUG,White mug\nBOWL,Soup bowl\n"
BLOCK = re.compile(r"(<!-- trace: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Traced(Warehouse):
    """A warehouse that keeps, for each command, what it wrote, told and answered, and what went over the bus since the one before."""

    def __init__(self, ledger: Any, clock: SetClock, bus: LocalBus) -> None:
        super().__init__(ledger, clock, CountedIds(ledger), HANDLERS)
        self.steps: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._listener = bus.subscribe("#")
        self._before = self.records()

    def expect(self, at: str, *names: str) -> "Traced":
        """The next commands have these names in the trace; they come at this UTC time of December 2011."""
        assert not self._names, f"{self._names} were announced and never came"
        self._names = list(names)
        day, hour, minute, second = (int(part) for part in re.split(r"[ :]", at))
        self.clock.set(int(datetime(2011, 12, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000))
        return self

    def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        reply = super().execute(command, key)
        after, messages = self.records(), self._listener.take()
        events = [row for row in after[Event] if row not in self._before[Event]]
        self.steps.append(
            {
                "step": self._names.pop(0),
                "clock": f"{datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC",
                "command": type(command).__name__,
                "with": plain(command),
                "reply": reply,
                "messages": [{"topic": m.topic, "payload": m.payload.decode()} for m in messages],
                "written": list(self._written(after)),
                "events": [{"line": event.line, "head": event.head} for event in events],
            }
        )
        self._before = after
        return reply

    def records(self) -> dict[type, list[Any]]:
        return {record: self.ledger.find(record, "key") for record in DECLARED}

    def _written(self, after: dict[type, list[Any]]):
        for record, told in DECLARED.items():
            if record is Event:  # shown as the lines that they are
                continue
            old = {tuple(getattr(row, name) for name in told.key): row for row in self._before[record]}
            for row in after[record]:
                key = {name: getattr(row, name) for name in told.key}
                was = old.get(tuple(key.values()))
                if was is None:
                    yield {"new": record.__name__} | row._asdict()
                elif was != row:
                    yield {"changed": record.__name__} | key | {n: v for n, v in row._asdict().items() if v != getattr(was, n)}


class Planner:
    """The plan that always exists; the optimizer answers the same question with a shorter walk."""

    def plan(self, request):
        return s_shape_plan(request)


def walk(directory: Path) -> dict[str, Any]:
    """The whole story; the names in `expect` are those of the document's blocks."""
    bus, clock = LocalBus(), SetClock(0)
    house = Traced(open_ledger(None), clock, bus)
    places = [("A00-1", "pick", 0, 1000), ("A00-4", "pick", 0, 4000), ("A01-2", "pick", 1, 2000), ("CARTS", "stage", 0, 0)]
    places += [("STAGE", "stage", 0, 0), ("RETURNS", "returns", 0, 0), ("OUTLET", "outlet", 0, 0)]
    locations = tuple(LocationWanted(*place) for place in places)
    house.expect("05 08:00:00", "site").execute(AddSite("Europe/London", "GBP", "5012345", 2, 3000, 5000, 0, locations))
    house.expect("05 08:00:00", "carriers").execute(AddCarriers((("paper", "standard", "17:00", "01234"),)))
    articles = (SkuWanted("MUG", weight_g=300, volume_mm3=1_000_000), SkuWanted("BOWL", weight_g=500, volume_mm3=2_000_000))
    house.expect("05 08:00:00", "skus").execute(AddSkus(articles))
    house.expect("05 08:00:00", "pack-levels").execute(AddPackLevels((PackLevelWanted("BOWL", "case", 6),)))
    house.expect("05 08:00:00", "rules").execute(SetStockRules((RuleWanted("MUG", 2, 20, 86_400_000),)))
    house.expect("05 08:00:00", "opening").execute(ReceiveOpening((StockArrived("MUG", 10, "A00-4"), StockArrived("BOWL", 24, "A01-2"))))

    source = directory / "orders.csv"
    source.write_text(ORDER_FILE, encoding="utf-8")
    (directory / "orders_skus.csv").write_text(CATALOGUE, encoding="utf-8")
    drafts = list(open_order_file(source, units=("each", "case")))
    order, parked, slip = drafts
    assert (type(order), type(parked), type(slip)) == (OrderDraft, ReviewRow, ReturnDraft)
    lines = tuple(LineWanted(d.sku, d.quantity, d.unit, d.price_minor, d.row) for d in order.lines)
    house.expect("05 09:12:00", "place-order").execute(
        PlaceOrder(
            order.channel, order.reference, order.customer, order.country, order.currency, lines, placed_at_ms=order.placed_at_ms
        )
    )
    house.expect("05 09:12:00", "park-row").execute(
        ParkRow(parked.source, parked.row, parked.column, parked.reason, parked.text, parked.at_ms)
    )
    buying.step(house.expect("05 09:12:30", "review-stock"), 100)
    waving.step(house.expect("05 09:30:00", "release-orders"), "main", clock.now_ms(), 8 * 3_600_000, 100)
    planning.step(house.expect("05 09:30:01", "release-tours"), Planner(), "main", clock.now_ms(), 100)
    house.expect("05 09:33:00", "take-tour").execute(TakeTour("T00000001", "ann"))
    dispatch.step(house.expect("05 09:33:00", "dispatch-tour"), bus, 100, {"ann": "handheld-7"}.get)
    timers.step(house.expect("05 09:35:00", "fall-back"), clock.now_ms(), 100)
    house.expect("05 09:36:10", "pick-mugs").execute(ConfirmPick("T00000001", 1, 4, "ann", clock.now_ms(), "O00000001.1"))
    house.expect("05 09:37:00", "pick-bowls").execute(ConfirmPick("T00000001", 2, 6, "ann", clock.now_ms(), "O00000001.1"))
    dispatch.step(house.expect("05 09:37:00", "dispatch-done"), bus, 100, {"ann": "handheld-7"}.get)
    house.expect("05 09:45:00", "start-pack").execute(StartPack("O00000001.1", "bench-1"))
    house.expect("05 09:49:00", "close-pack").execute(ClosePack("O00000001.1", weighed_g=4_730))
    labels.step(house.expect("05 09:49:02", "record-label"), PaperCarrier(directory / "labels"), 100)
    tracking = house.steps[-1]["with"]["tracking"]
    house.expect("05 17:00:00", "hand-over").execute(HandOver("paper", "M-2011-12-05", ("O00000001.1/1",)))
    delivered_ms = house.expect("06 08:10:00", "scan-out").clock.now_ms()
    house.execute(RecordScan(tracking, "out_for_delivery", delivered_ms, "van 12"))
    delivered_ms = house.expect("06 10:25:00", "scan-delivered").clock.now_ms()
    house.execute(RecordScan(tracking, "delivered", delivered_ms, "van 12", "signature 8f1c"))
    hub_ms = int(datetime(2011, 12, 5, 21, 40, tzinfo=UTC).timestamp() * 1000)
    house.expect("06 10:26:00", "scan-late").execute(RecordScan(tracking, "in_transit", hub_ms, "hub"))
    house.expect("08 10:00:00", "match-return").execute(
        MatchReturn(slip.customer, slip.sku, slip.quantity, slip.reference, source.name, slip.row, slip.at_ms)
    )
    house.expect("09 11:00:00", "receive-return").execute(ReceiveReturn("O00000001.1R1"))
    house.expect("09 11:05:00", "grade-return").execute(GradeReturn("O00000001.1R1", "A", "A00-4"))
    house.expect("09 11:06:00", "refund-return").execute(RefundReturn("O00000001.1R1"))
    assert not house._names
    final = {record.__name__: [list(row) for row in rows] for record, rows in house.records().items() if rows and record is not Event}
    return {"file": ORDER_FILE, "drafts": [{"draft": type(d).__name__} | plain(d) for d in drafts], "steps": house.steps, "final": final}


def blocks(golden: dict[str, Any]) -> dict[str, str]:
    """The text of each block of the document, by name."""
    made: dict[str, str] = {}
    for step in golden["steps"]:
        if step["command"] == "PlaceOrder":
            made["file"] = fenced("csv", golden["file"].rstrip("\n"))
            made["drafts"] = fenced("json", rows_of(golden["drafts"]))
        asked = {"at": step["clock"], "command": step["command"], "with": step["with"], "reply": step["reply"]}
        parts = [fenced("json", entries(asked))]
        if step["messages"]:
            parts.append(fenced("json", rows_of(step["messages"])))
        parts.append(fenced("json", rows_of(step["written"])))
        if step["events"]:
            parts.append(fenced("text", "\n".join(f"{event['line']}\nhead {event['head']}" for event in step["events"])))
        made[step["step"]] = "\n".join(parts)
    made["final"] = fenced("json", "{\n" + ",\n".join(f'"{name}": {rows_of(rows)}' for name, rows in golden["final"].items()) + "\n}")
    return made


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"


def entries(value: dict[str, Any]) -> str:
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {one_line(inner)}" for name, inner in value.items()) + "\n}"


def rows_of(rows: list[Any]) -> str:
    return "[\n" + ",\n".join(f"  {one_line(row)}" for row in rows) + "\n]"


def one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def paths(repository) -> tuple[Path, Path]:
    return repository / "tests/golden/trace_order.json", repository / "docs/explain/trace.md"


@pytest.fixture(scope="module")
def trace(tmp_path_factory, paths) -> dict[str, Any]:
    """What the code does now; under FLOORWISE_RENEW=trace it is written down first, and the run fails."""
    done = json.loads(json.dumps(walk(tmp_path_factory.mktemp("trace"))))
    if os.environ.get("FLOORWISE_RENEW") == "trace":
        golden, document = paths
        golden.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        made = blocks(done)
        text = BLOCK.sub(lambda m: f"{m[1]}\n{made[m[2]]}\n{m[3]}", document.read_text(encoding="utf-8"))
        document.write_text(text, encoding="utf-8")
        pytest.fail("golden file and document are renewed: read their difference, then run without FLOORWISE_RENEW", pytrace=False)
    return done


@pytest.fixture(scope="module")
def golden(paths) -> dict[str, Any]:
    return json.loads(paths[0].read_text(encoding="utf-8"))


def test_every_step_asks_answers_writes_and_tells_what_the_golden_file_says(trace, golden):
    for done, told in zip(trace["steps"], golden["steps"], strict=True):
        assert done == told, f"step {done['step']} differs from the golden file"


def test_the_rows_of_the_file_become_the_drafts_of_the_golden_file(trace, golden):
    assert (trace["file"], trace["drafts"]) == (golden["file"], golden["drafts"])


def test_the_records_at_the_end_are_those_of_the_golden_file(trace, golden):
    assert trace["final"] == golden["final"]


def test_the_document_shows_each_step_once_in_its_order_and_as_it_was(golden, paths):
    text, made = paths[1].read_text(encoding="utf-8"), blocks(golden)
    assert [found[2] for found in BLOCK.finditer(text)] == list(made)
    for found in BLOCK.finditer(text):
        assert found[0] == f"{found[1]}\n{made[found[2]]}\n{found[3]}", f"block {found[2]} of the document is not the golden file's"


def test_a_reader_can_check_the_documents_heads_with_a_hash_alone(paths):
    text, head = paths[1].read_text(encoding="utf-8"), GENESIS
    told = re.findall(r"^(\{.*\})\nhead (\w{64})$", text, flags=re.MULTILINE)
    assert len(told) > 20
    for line, written in told:
        head = hashlib.sha256(bytes.fromhex(head) + line.encode()).hexdigest()
        assert head == written


def test_the_same_story_twice_ends_in_the_same_head(trace, tmp_path):
    assert walk(tmp_path)["steps"][-1]["events"] == trace["steps"][-1]["events"]
