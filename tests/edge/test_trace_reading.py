"""The written trace of one reading: the page, the golden file and the code say the same, step by step."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from floorwise.core.journal import event_line
from floorwise.core.model import events
from floorwise.core.model.device_messages import ack, read_up, up
from floorwise.core.model.excursions import TrackerBinding
from floorwise.core.model.readings import (
    Reading,
    decode_ack,
    decode_batch,
    decode_readings,
    digest,
    encode_ack,
    encode_batch,
    encode_readings,
    reading_of,
    stored_values,
)
from floorwise.core.workers.sensing import Sensing
from floorwise.edge.spool import Item, Spool, Verdict

ROOT = Path(__file__).resolve().parents[2]
READING = Reading("scale-7", 3, 7, 1766991600000, {"gross_g": 3700.0})
NEIGHBOUR = Reading("scale-7", 3, 8, 1766991601000, {"gross_g": 3699.5})


@pytest.fixture(scope="module")
def golden() -> dict:
    return json.loads((ROOT / "tests/golden/trace_reading.json").read_text(encoding="utf-8"))


def canonical(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_every_block_of_the_page_is_a_step_of_the_golden_file(golden):
    page = (ROOT / "docs/explain/trace-reading.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```json ([a-z_]+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == list(golden)
    for name, text in blocks:
        assert json.loads(text) == golden[name], name


def test_the_device_says_it_and_the_agent_understands_it(golden):
    said = golden["device_message"]
    assert read_up(said["topic"]) == ("scale-7", "readings")
    assert decode_readings(canonical(said["payload"]), "scale-7").readings == [READING, NEIGHBOUR]
    assert encode_readings([READING, NEIGHBOUR]) == canonical(said["payload"])


def test_the_spool_keeps_it_and_accounts_for_it(golden, tmp_path):
    spool = Spool(tmp_path / "spool", "edge-1", 0)
    assert spool.accept([Item(READING), Item(NEIGHBOUR)]) == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    with sqlite3.connect(spool.path) as db:
        db.row_factory = sqlite3.Row
        assert [dict(row) for row in db.execute("SELECT * FROM entries")] == golden["spool_entries"]
    assert golden["digests"] == [f"{digest(READING):016x}", f"{digest(NEIGHBOUR):016x}"]
    (account,) = spool.ledger()
    assert account._asdict() == golden["stream_before_ack"] | {"sum": account.sum, "pending_sum": account.sum}
    assert f"{account.sum:016x}" == golden["stream_sum"]
    spool.forget(entry.place for entry in spool.take(0, 10, custody=False))
    (account,) = spool.ledger()
    assert (account.count, account.pending, account.pending_sum) == (2, 0, 0)
    spool.close()


def test_the_agent_tells_the_device_what_it_may_forget(golden):
    answer = golden["device_ack"]
    assert answer["topic"] == ack("scale-7")
    assert encode_ack([READING.key, NEIGHBOUR.key]) == canonical(answer["payload"])


def test_the_agent_passes_it_on_and_the_gateway_understands_it(golden):
    sent = golden["uplink_message"]
    assert sent["topic"] == up("edge-1", "batch")
    assert encode_batch("edge-1", sent["payload"]["ts"], [READING, NEIGHBOUR]) == canonical(sent["payload"])
    decoded = decode_batch(canonical(sent["payload"]), "edge-1")
    assert (decoded.sender, decoded.readings, decoded.refused) == ("edge-1", [READING, NEIGHBOUR], [])


def test_the_store_keeps_rows_that_give_the_digests_again(golden):
    assert [row._asdict() for one in (READING, NEIGHBOUR) for row in stored_values(one)] == golden["store_rows"]
    for one in (READING, NEIGHBOUR):
        assert digest(reading_of(stored_values(one))) == digest(one)
    marks = golden["store_marks"]
    assert [(mark["device"], mark["boot"], mark["seq"]) for mark in marks] == [READING.key, NEIGHBOUR.key]
    assert [mark["digest"] for mark in marks] == golden["digests"]


def test_the_gateway_acknowledges_what_its_store_holds(golden):
    answer = golden["application_ack"]
    assert answer["topic"] == ack("edge-1")
    heard = decode_ack(canonical(answer["payload"]))
    assert [tuple(one) for one in heard.ranges] == [("scale-7", 3, 7, 8)]
    assert heard.refused == []


def test_a_weight_at_rest_is_compared_and_the_journal_tells_the_count(golden):
    looks = [READING, NEIGHBOUR, *(READING._replace(seq=seq, ts=READING.ts + 1000 * (seq - 7)) for seq in range(9, 40))]
    (ask,) = Sensing([TrackerBinding("scale-7", READING.ts, "A-03-07", "", 1200, 2, 0)]).take(looks)
    command = golden["command"]
    assert (type(ask.command).__name__, ask.key, ask.command._asdict()) == (command["name"], command["key"], command["body"])
    told = golden["event"]
    assert events.CountWanted(**told["body"])._asdict() == told["body"]
    assert event_line(told["number"], told["kind"], told["at_ms"], told["body"]) == canonical(told).decode()
