"""`floorwise verify`: what it says, in which form, and how it ends."""

import json
import re
import sqlite3

import pytest

from floorwise.cli.main import run
from floorwise.cli.verify import WORDS
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import HEADS_FILE, LEDGER_FILE, open_ledger
from floorwise.core.flow.masterdata import AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.table import HANDLERS
from floorwise.core.warehouse import Warehouse


@pytest.fixture
def data(tmp_path):
    """A data directory with a few events."""
    ledger = open_ledger(tmp_path)
    warehouse = Warehouse(ledger, SetClock(1), CountedIds(ledger), HANDLERS)
    warehouse.execute(AddSite("Europe/London", "GBP", "5012345", 1, 3000, 10_000, 0, (LocationWanted("A01", "pick", 0, 0),)))
    warehouse.execute(AddSkus((SkuWanted("MUG"),)))
    warehouse.execute(ReceiveStock("MUG", 5, "A01"))
    ledger.close()
    return tmp_path


def said(capsys, *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_sound_directory_is_ok_and_every_check_tells_what_it_saw(data, capsys):
    code, out, _ = said(capsys, "verify", "--data", str(data), "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["ok"]) == (0, True)
    assert all(set(check) == {"name", "ok", "seen", "detail"} for check in told["checks"])
    assert {check["name"]: check["seen"] for check in told["checks"]}["I5 journal"] == 3


def test_people_get_a_table_with_one_row_a_check(data, capsys):
    code, out, _ = said(capsys, "verify", "--data", str(data))
    assert code == 0
    assert "I5 journal" in out and "VIOLATED" not in out


def test_a_violation_is_named_and_ends_with_1(data, capsys):
    connection = sqlite3.connect(data / LEDGER_FILE)
    connection.execute("UPDATE balance SET on_hand = 6 WHERE place = 'A01'")
    connection.commit()
    connection.close()
    code, out, _ = said(capsys, "verify", "--data", str(data), "--json")
    told = {check["name"]: check for check in json.loads(out.splitlines()[-1])["checks"]}
    assert code == 1
    assert not told["I2 balance = moves"]["ok"] and "A01 MUG" in told["I2 balance = moves"]["detail"]
    code, out, _ = said(capsys, "verify", "--data", str(data))
    assert code == 1 and "VIOLATED" in out


def test_a_cut_journal_is_seen_by_the_heads_beside_the_database(data, capsys):
    connection = sqlite3.connect(data / LEDGER_FILE)
    connection.execute("DROP TRIGGER event_no_delete")
    connection.execute("DELETE FROM event WHERE number = 3")
    connection.execute("UPDATE head SET number = 2, head = (SELECT head FROM event WHERE number = 2)")
    connection.commit()
    connection.close()
    assert said(capsys, "verify", "--data", str(data))[0] == 1
    (data / HEADS_FILE).unlink()
    _, out, _ = said(capsys, "verify", "--data", str(data), "--json")
    told = {check["name"]: check for check in json.loads(out.splitlines()[-1])["checks"]}
    assert told["I5 journal"]["ok"], "without a saved head nothing can see it; the moves alone still do not tell"


def test_a_directory_without_a_ledger_is_bad_input_and_stays_as_it_was(tmp_path, capsys):
    code, out, err = said(capsys, "verify", "--data", str(tmp_path / "nowhere"), "--json")
    assert code == 2 and set(json.loads(out)) == {"error", "hint"}
    assert "has no ledger" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "nowhere").exists()


def test_damaged_storage_ends_with_1_and_says_so(data, capsys):
    path = data / LEDGER_FILE
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)
    code, out, err = said(capsys, "verify", "--data", str(data), "--json")
    assert code == 1
    assert "ledger" in err or not json.loads(out.splitlines()[-1])["ok"]


def test_verify_writes_nothing(data, capsys):
    before = (data / LEDGER_FILE).read_bytes()
    assert said(capsys, "verify", "--data", str(data))[0] == 0
    assert (data / LEDGER_FILE).read_bytes() == before


def test_people_read_plain_words_and_one_closing_sentence(data, capsys):
    _, out, _ = said(capsys, "verify", "--data", str(data))
    assert re.search(r"^ok +1 seen  I2 pool = promises +nothing is sold twice$", out, flags=re.MULTILINE)
    assert re.search(r"^Everything holds: \d+ checks looked at [\d,]+ things; nothing is lost, doubled or changed\.$", out.splitlines()[-1])
    with sqlite3.connect(data / LEDGER_FILE) as connection:
        connection.execute("UPDATE balance SET on_hand = 6 WHERE place = 'A01'")
    _, out, _ = said(capsys, "verify", "--data", str(data))
    assert re.search(r"^VIOLATED .* I2 balance = moves +stock is what all moves together say\n +A01 MUG", out, flags=re.MULTILINE)
    last = out.splitlines()[-1]
    assert re.search(r"^\d+ of \d+ checks do not hold: I2 balance = moves, .* stands in docs/reference/invariants\.md\.$", last)


def test_every_check_has_its_plain_words(repository):
    text = (repository / "docs/reference/invariants.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (I\d [^|]+?) \|", text, flags=re.MULTILINE)) == set(WORDS) - {"storage"}


@pytest.mark.parametrize("command", ["verify", "stock", "review"])
def test_a_directory_without_a_ledger_is_named_with_what_to_give(command, tmp_path, capsys):
    code, out, err = said(capsys, command, "--data", str(tmp_path / "none"), "--json")
    assert code == 2 and "none" in err and "that demo, up, replay, twin or execute was given with --data" in err
    assert json.loads(out)["hint"].startswith("name the directory")


def test_stock_of_what_nobody_knows_is_no_empty_answer(data, capsys):
    for words, says in (
        (["--sku", "CUP"], "SKU 'CUP' is unknown here"),
        (["--sku", "mug"], "did you mean MUG?"),
        (["--place", "Z9"], "place 'Z9' is unknown here"),
        (["--place", "pallet:P9"], "pallet:P9 is unknown here"),
    ):
        code, out, err = said(capsys, "stock", "--data", str(data), *words)
        assert (code, out) == (2, "") and says in err


def test_an_empty_answer_says_why(data, capsys):
    code, _, err = said(capsys, "stock", "--data", str(data), "--as-of", "1969-12-31T00:00:00Z")
    assert code == 0 and "before the first entry: this ledger begins at 1970-01-01T00:00:00Z" in err
    code, _, err = said(capsys, "stock", "--data", str(data), "--place", "SCRAP", "--sku", "MUG")
    assert code == 0 and "nothing of MUG lies at SCRAP" in err
    code, _, err = said(capsys, "review", "--data", str(data), "--reason", "unknown_sky")
    assert code == 0 and "no row waits for reason 'unknown_sky'; reasons here: none, no row waits at all" in err
