"""`floorwise execute` and `floorwise stock`: commands from a file, replies a line, and what bad lines get."""

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from floorwise.cli.execute import LINE_BYTES, STATUS, status_of
from floorwise.core import errors

MONDAY_MS = 1_323_075_600_000  # when the floor of the door opens


def order(reference: str = "R1", quantity: int = 4, **more) -> dict:
    line = {"sku": "MUG", "quantity": quantity}
    told = {"channel": "shop", "reference": reference, "customer": "c1", "country": "GB", "currency": "GBP", "lines": [line]} | more
    return {"do": "PlaceOrder", "at_ms": MONDAY_MS, "with": told}


def test_an_order_goes_from_entry_to_its_tote_by_commands_alone(at_door):
    at_door.do("ReceiveStock", sku="MUG", quantity=10, place="A1")
    replies = at_door.tell(
        order(),
        {"do": "ReleaseOrders", "with": {"orders": ["O00000001"]}},
        {"do": "FallBack", "with": {"parts": ["O00000001.1"]}},
        {"do": "TakeTour", "with": {"tour": "T00000001", "picker": "ann"}},
        {"do": "ConfirmPick", "with": {"tour": "T00000001", "number": 1, "quantity": 4, "picker": "ann"}},
        {"do": "StartPack", "with": {"part": "O00000001.1", "station": "P1"}},
        {"do": "ClosePack", "with": {"part": "O00000001.1"}},
    )
    assert [reply["ok"] for reply in replies] == [True] * 7
    assert replies[4] == {"line": 5, "ok": True, "reply": {"picked": 4}}
    assert at_door.stock() == {"A1 available": 6, "parcel:050123450000000015 available": 4}
    assert at_door.verify()["ok"]


def test_every_line_is_answered_with_its_number_and_a_bad_one_stops_nothing(at_door):
    lines = [
        b"not json",
        {"do": "Fly"},
        b"",
        {"do": "ReceiveStock", "with": {"sku": "MUG", "quantity": 1.5, "place": "A1"}},
        {"do": "ReceiveStock", "with": {"sku": "MUG", "quantity": 2**53, "place": "A1"}},
        {"do": "ReceiveStock", "with": {"sku": "MUG", "quantity": 2, "place": "A1", "colour": "red"}},
        {"do": "ReceiveStock", "with": {"sku": "MUG", "place": "A1"}},
        {"do": "ReceiveStock", "with": {"sku": "M\ud800", "quantity": 2, "place": "A1"}},
        b'{"do": "ReceiveStock", "do": "AddSkus"}',
        b'{"do": "ReceiveStock", "with": ' + b"[" * 100_000 + b"}",
        b'{"do": "M\xff"}',
        b'{"do": "' + b"x" * LINE_BYTES + b'"}',
        {"do": "ReceiveStock", "colour": "red"},
        {"do": "ReceiveStock", "key": 7, "with": {}},
        {"do": "ReceiveStock", "at_ms": -1, "with": {}},
        ["ReceiveStock"],
        {"do": "ReceiveStock", "with": {"sku": "MUG", "quantity": 2, "place": "A1"}},
    ]
    code, replies, err = at_door.run("execute", at_door.file(*lines), "--data", at_door.data)
    assert code == 0 and err.startswith("1 executed, 0 refused, 15 not read; journal at ")
    words = {
        1: "not JSON", 2: "'Fly' is not a command; known are AddCarriers", 4: "ReceiveStock.quantity: 1.5 is not a whole number",
        5: "is not within", 6: "colour is unknown", 7: "quantity is missing", 8: "holds a character", 9: "'do' is given twice",
        10: "too deep", 11: "not JSON", 12: "longer than 1,048,576 bytes",
        13: "colour is unknown beside do, with, key, at_ms", 14: "key '7' is not a text",
        15: "at_ms -1", 16: "not a command",
    }  # fmt: skip
    assert {reply["line"]: reply["status"] for reply in replies if not reply["ok"]} == dict.fromkeys(words, 400)
    assert [reply["line"] for reply in replies if not reply["ok"] and words[reply["line"]] not in reply["detail"]] == []
    assert replies[-1] == {"line": 17, "ok": True, "reply": {"received": 2, "filled": 0, "net_g": 0}}


def test_refusals_are_answers_unless_somebody_is_strict(at_door):
    path = at_door.file({"do": "TakeTour", "with": {"tour": "T9", "picker": "ann"}}, order("R1", 1))
    code, replies, _ = at_door.run("execute", path, "--data", at_door.data, "--json")
    assert code == 0
    assert replies[0] == {"line": 1, "ok": False, "status": 404, "error": "NotFound", "detail": "tour T9 is unknown"}
    summary = replies[-1]
    assert (summary["executed"], summary["refused"], summary["unread"]) == (1, 1, 0)
    assert len(summary["journal_head"]) == 64 and summary["journal_number"] == 4
    assert at_door.run("execute", path, "--data", at_door.data, "--strict")[0] == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"hello\nworld\n", b"\x00\xff\n", b"[]\n"])
def test_a_file_without_a_single_command_is_one_line_and_exit_code_2(at_door, content):
    path = at_door.folder / "none.jsonl"
    path.write_bytes(content)
    code, _, err = at_door.run("execute", path, "--data", at_door.data)
    assert code == 2 and len(err.splitlines()) == 1 and "lines is a command" in err


def test_a_file_that_is_not_there_is_exit_code_2_and_makes_no_ledger(at_door):
    code, out, err = at_door.run("execute", at_door.folder / "absent", "--data", at_door.folder / "new")
    assert (code, out) == (2, []) and "absent" in err
    assert not (at_door.folder / "new").exists()


def test_every_refusal_has_its_status():
    tree = {
        "Refused": 409, "BadInput": 400, "NotFound": 404, "OutOfStock": 409, "StockConflict": 409, "WrongState": 409, "OrderDiffers": 409,
        "KeyReused": 422, "StalePlan": 409, "TreeConflict": 409, "Conflict": 409,
    }  # fmt: skip
    known = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.FloorError)}
    assert set(known) - set(tree) == {"FloorError", "Damaged"}
    assert {name: status_of(known[name]("x")) for name in tree} == tree
    assert set(STATUS) <= set(known.values())
    with pytest.raises(errors.Damaged):  # what cannot be trusted is no answer
        status_of(errors.Damaged("x"))


def test_the_same_order_again_is_the_same_order_and_another_under_its_name_is_told_the_difference(at_door):
    dear = {"sku": "MUG", "quantity": 4, "price_minor": 9, "min_shelf_life_days": 3}
    both = order(customer="c2", lines=[dear, {"sku": "MUG", "quantity": 1}])
    first, again, other, more = at_door.tell(order(), order(), order(quantity=5), both)
    assert again["reply"]["order_id"] == first["reply"]["order_id"] == "O00000001" and again["reply"]["again"] == 1
    assert (other["status"], other["error"]) == (409, "OrderDiffers")
    assert "shop/R1 is already order O00000001" in other["detail"]
    assert other["detail"].endswith("with other content: line 1: 4 MUG by the each, price 0 there, 5 MUG by the each, price 0 now")
    assert (more["status"], more["error"]) == (409, "OrderDiffers")
    assert more["detail"].endswith(
        "customer 'c1' there, 'c2' now; line 1: 4 MUG by the each, price 0 there, 4 MUG by the each, price 36, good for 3 days now; "
        "line 2: parked or absent there, 1 MUG by the each, price 0 now"
    )
    assert at_door.tell(order(channel="counter"))[0]["reply"]["order_id"] == "O00000002"  # another channel may use the same reference


def test_a_key_keeps_its_reply_and_takes_no_second_command(at_door):
    receipt = {"do": "ReceiveStock", "key": "D-77", "with": {"sku": "MUG", "quantity": 10, "place": "A1"}}
    first, again = at_door.tell(receipt, receipt)
    assert first["reply"] == again["reply"] and at_door.stock() == {"A1 available": 10}
    more = receipt | {"with": receipt["with"] | {"quantity": 11}}
    other = {"do": "OpenCount", "key": "D-77", "with": {"place": "A1", "sku": "MUG"}}
    for reply in at_door.tell(more, other):
        assert (reply["status"], reply["error"]) == (422, "KeyReused")
    refused = {"do": "TakeTour", "key": "D-78", "with": {"tour": "T9", "picker": "ann"}}
    assert at_door.tell(refused)[0]["status"] == 404
    assert at_door.tell(receipt | {"key": "D-78"})[0]["ok"]  # a refusal uses no key up
    assert at_door.stock() == {"A1 available": 20}


def test_a_hundred_senders_of_one_order_make_one_order(at_door):
    path = at_door.file(*[order()] * 25)
    words = [sys.executable, "-c", "from floorwise.cli.main import main; main()", "execute", path, "--data", str(at_door.data)]

    def send(_: int) -> list[dict]:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    with ThreadPoolExecutor(4) as pool:  # 4 processes × 25 lines at once
        replies = [reply for sent in pool.map(send, range(4)) for reply in sent]
    assert len(replies) == 100 and all(reply["ok"] for reply in replies)
    assert {reply["reply"]["order_id"] for reply in replies} == {"O00000001"}
    assert sum("again" not in reply["reply"] for reply in replies) == 1
    assert at_door.verify()["ok"]


def test_standard_input_is_answered_line_by_line(at_door):
    words = [sys.executable, "-c", "from floorwise.cli.main import main; main()", "execute", "-", "--data", str(at_door.data)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as asked:
        for reference in ("R1", "R2"):
            asked.stdin.write(json.dumps(order(reference)) + "\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["reply"]["lines"] == 1  # it does not wait for more
        asked.stdin.close()
        assert asked.wait(30) == 0


def test_floor_time_goes_on_from_where_the_ledger_stands_and_never_back(at_door):
    at_door.do("ReceiveStock", at_ms=MONDAY_MS + 60_000, sku="MUG", quantity=1, place="A1")
    at_door.do("ReceiveStock", at_ms=MONDAY_MS, sku="MUG", quantity=1, place="A1")
    rows = at_door.run("stock", "--data", at_door.data, "--as-of", str(MONDAY_MS + 59_999), "--json")[1][0]
    assert rows["units"] == 0  # the second receipt came after the first, whatever its line said


def test_stock_as_of_any_past_moment_is_what_lay_there_then(at_door):
    hour = 3_600_000
    at_door.do("ReceiveStock", at_ms=MONDAY_MS, sku="MUG", quantity=10, place="A1")
    at_door.do("BuildUnit", at_ms=MONDAY_MS + hour, unit="P1", kind="pallet", place="A1")
    at_door.do("MoveStock", at_ms=MONDAY_MS + hour, sku="MUG", quantity=4, source="A1", target="pallet:P1")
    at_door.do("MoveUnit", at_ms=MONDAY_MS + 2 * hour, unit="P1", target="A2")
    at_door.do("RecordCount", at_ms=MONDAY_MS + 3 * hour, place="A1", sku="MUG", counted=5)
    moments = {
        MONDAY_MS - 1: {},
        MONDAY_MS: {"A1 available": 10},
        MONDAY_MS + hour: {"A1 available": 6, "pallet:P1 available": 4},
        MONDAY_MS + 3 * hour: {"A1 available": 5, "UNRESOLVED:A1 available": 1, "pallet:P1 available": 4},
    }
    assert {at_ms: at_door.stock("--as-of", at_ms) for at_ms in moments} == moments
    for text in ("2011-12-05T09:30:00Z", "2011-12-05T09:30", "2011-12-05T10:30+01:00"):  # London keeps UTC in winter
        assert at_door.stock("--as-of", text) == {"A1 available": 10}
    assert at_door.stock() == moments[MONDAY_MS + 3 * hour]
    for when, there in ((MONDAY_MS + hour, {"A1 available": 6, "pallet:P1 available": 4}), (MONDAY_MS + 2 * hour, {"A1 available": 6})):
        assert at_door.stock("--as-of", when, "--place", "A1") == there  # the pallet stood in A1, then it left
    assert at_door.stock("--place", "A2") == {"pallet:P1 available": 4}
    assert at_door.stock("--place", "SUPPLIER") == {"SUPPLIER available": -10}
    assert at_door.stock("--sku", "MILK") == {}


@pytest.mark.parametrize("when", ["yesterday", "2011-13-01", "12"])
def test_a_moment_that_is_none_is_exit_code_2(at_door, when):
    code, _, err = at_door.run("stock", "--data", at_door.data, "--as-of", when)
    assert code == 2 and f"--as-of '{when}' is neither ISO 8601" in err


def test_stock_of_a_directory_without_a_ledger_is_exit_code_2_and_makes_none(at_door):
    code, _, err = at_door.run("stock", "--data", at_door.folder / "empty")
    assert code == 2 and "has no ledger" in err
    assert not (at_door.folder / "empty").exists()


def test_moves_cannot_be_edited_and_an_edited_balance_is_found(at_door):
    at_door.do("ReceiveStock", sku="MUG", quantity=10, place="A1")
    assert at_door.verify()["ok"]
    with sqlite3.connect(at_door.data / "ledger.sqlite") as database:
        for statement in ("UPDATE move SET quantity = 11", "DELETE FROM move"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(statement)
        database.execute("UPDATE balance SET on_hand = 11 WHERE place = 'A1'")
    found = at_door.verify()
    assert not found["ok"]
    assert any("A1 MUG" in check["detail"] and "moves say 10" in check["detail"] for check in found["checks"])
    assert at_door.stock() == {"A1 available": 11} != at_door.stock("--as-of", MONDAY_MS + 10**9) == {"A1 available": 10}
    assert at_door.do("EditBalance", place="A1", on_hand=10)["error"] == "BadInput"  # there is no such command


def test_short_dated_units_are_refused_with_the_eligible_count(at_door):
    day = 86_400_000
    at_door.do("ReceiveStock", sku="MILK", quantity=10, place="A1", lot="L1", expires_at_ms=MONDAY_MS + 20 * day)
    wanted = order(lines=[{"sku": "MILK", "quantity": 5, "min_shelf_life_days": 60}], allow_backorder=0)
    (refused,) = at_door.tell(wanted)
    assert (refused["status"], refused["error"]) == (409, "OutOfStock") and "0 of 5 MILK are eligible" in refused["detail"]
    at_door.do("ReceiveStock", sku="MILK", quantity=5, place="A2", lot="L2", expires_at_ms=MONDAY_MS + 61 * day)
    assert at_door.tell(wanted)[0]["reply"]["reserved"] == 5


def test_one_scan_of_an_sscc_moves_a_pallet_of_forty_lots_and_a_wrong_scan_is_told_its_digit(at_door):
    sscc = "340123450000000017"
    built = [{"do": "BuildUnit", "with": {"unit": sscc, "kind": "pallet", "place": "A1"}}]
    for lot in range(40):
        fields = {"sku": "MILK", "quantity": 2, "place": f"pallet:{sscc}", "lot": f"L{lot:02}", "expires_at_ms": MONDAY_MS + 10**12}
        built.append({"do": "ReceiveStock", "with": fields})
    at_door.tell(*built)
    assert at_door.do("MoveUnit", unit=sscc, target="Q") == {"unit": sscc, "units": 1, "rows": 40}
    (found,) = at_door.run("stock", "--data", at_door.data, "--place", "Q", "--json")[1]
    assert (found["units"], len(found["rows"])) == (80, 40)
    assert at_door.do("BuildUnit", unit=sscc[:-1] + "8", kind="pallet", place="A1")["status"] == 400
    for name, fields in (("MoveUnit", {"target": f"pallet:{sscc}"}), ("MoveUnit", {"target": "A1", "source": "A2"})):
        refused = at_door.do(name, unit=sscc, **fields)
        assert (refused["status"], refused["error"]) == (409, "TreeConflict") and sscc in refused["detail"]
    assert at_door.verify()["ok"]


def test_an_offline_pick_of_three_from_a_bin_of_two_is_taken_as_it_is(at_door):
    at_door.do("ReceiveStock", sku="MUG", quantity=2, place="A1")
    at_door.tell(
        order(quantity=3),
        {"do": "ReleaseOrders", "with": {"orders": ["O00000001"]}},
        {"do": "FallBack", "with": {"parts": ["O00000001.1"]}},
        {"do": "TakeTour", "with": {"tour": "T00000001", "picker": "ann"}},
    )
    picked = {"tour": "T00000001", "number": 1, "quantity": 3, "picker": "ann", "done_at_ms": MONDAY_MS - 1}
    assert at_door.do("ConfirmPick", **picked) == {"picked": 3}
    assert at_door.stock() == {"UNRESOLVED:A1 available": -1, "tote:O00000001.1 available": 3}
    assert at_door.do("ConfirmPick", **picked) == {"picked": 3, "again": 1}
    assert at_door.verify()["ok"]
