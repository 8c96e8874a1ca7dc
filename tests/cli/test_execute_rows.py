"""Lots, serials, handling units, pack units, weights and facts through the command line: what works, and what bad input gets."""

import pytest

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def sound(at_door):
    """Every invariant holds when the test has ended."""
    yield
    assert [check for check in at_door.verify()["checks"] if not check["ok"]] == []


def said(reply: dict) -> tuple[int, str]:
    return (reply["status"], reply["error"])


def buckets(at_door) -> list[tuple]:
    """(order, line, backordered, reserved, released, picked) of every line."""
    return at_door.read("SELECT order_id, line, backordered, reserved, released, picked FROM order_line ORDER BY 1, 2")


def milk(at_door, lot: str, quantity: int, days: int, place: str) -> dict:
    return at_door.do("ReceiveStock", sku="MILK", quantity=quantity, place=place, lot=lot, expires_at_ms=at_door.now_ms + days * DAY_MS)


def test_the_oldest_good_lot_is_picked_and_a_dead_one_only_when_somebody_with_the_role_says_so(at_door):
    milk(at_door, "young", 10, 30, "A1")
    milk(at_door, "old", 4, 2, "A2")
    at_door.tell(at_door.order("R1", ("MILK", 5)))
    tour = at_door.walk()
    assert at_door.read("SELECT lot, quantity FROM pick ORDER BY lot") == [("old", 4), ("young", 1)]
    (old,) = at_door.read("SELECT number FROM pick WHERE lot = 'old'")[0]
    at_door.now_ms += 3 * DAY_MS
    for who in ("", "picker/ann"):
        refused = at_door.pick(tour, 4, old, override_by=who)
        assert said(refused) == (409, "StockConflict") and "lot old of MILK expired at" in refused["detail"]
    assert at_door.pick(tour, 4, old, override_by="dispatcher/bob") == {"picked": 4}
    (told,) = at_door.read("SELECT line FROM event WHERE kind = 'ExpiryOverridden'")[0]
    assert '"override_by":"dispatcher/bob"' in told


def test_an_expired_lot_is_taken_out_of_sale_and_stays_out(at_door):
    milk(at_door, "L1", 10, 2, "A1")
    assert said(at_door.do("ExpireLot", sku="MILK", lot="L1")) == (409, "WrongState")
    at_door.now_ms += 2 * DAY_MS
    assert at_door.do("ExpireLot", sku="MILK", lot="L1") == {"expired": 10}
    assert at_door.stock() == {"A1 expired": 10}
    back = {"place": "A1", "sku": "MILK", "lot": "L1", "status": "expired", "to_status": "available", "cause": "smells fine"}
    assert said(at_door.do("ChangeStatus", **back)) == (409, "StockConflict")
    (placed,) = at_door.tell(at_door.order("R1", ("MILK", 1)))
    assert placed["reply"]["backordered"] == 1


def test_a_serial_in_two_places_is_refused_by_the_place_it_has(at_door):
    receipt = {"sku": "DRILL", "quantity": 1, "serials": ["S1"]}
    assert at_door.do("ReceiveStock", place="A1", **receipt)["received"] == 1
    refused = at_door.do("ReceiveStock", place="A2", **receipt)
    assert said(refused) == (409, "StockConflict") and "serial S1 of DRILL is in A1" in refused["detail"]
    assert said(at_door.do("RecordCount", place="A2", sku="DRILL", serial="S1", counted=1)) == (409, "StockConflict")
    assert at_door.do("MoveStock", sku="DRILL", quantity=1, source="A1", target="A2", serial="S1") == {"moved": 1}
    assert at_door.stock() == {"A2 available": 1}
    assert said(at_door.do("ReceiveStock", sku="DRILL", quantity=2, place="A1", serials=["S2", "S2"])) == (400, "BadInput")


def test_split_merge_and_a_new_label_keep_every_unit_and_a_closed_unit_is_named(at_door):
    at_door.do("BuildUnit", unit="P1", kind="pallet", place="A1")
    at_door.do("ReceiveStock", sku="MUG", quantity=48, place="pallet:P1")
    assert at_door.do("SplitUnit", unit="P1", into="P2", takes=[{"sku": "MUG", "quantity": 20}]) == {"unit": "P2", "moved": 20}
    assert at_door.stock() == {"pallet:P1 available": 28, "pallet:P2 available": 20}
    at_door.do("CloseUnit", unit="P2")
    for name, fields in (
        ("MoveStock", {"sku": "MUG", "quantity": 1, "source": "pallet:P1", "target": "pallet:P2"}),
        ("MergeUnits", {"unit": "P1", "into": "P2"}),
        ("ReceiveStock", {"sku": "MUG", "quantity": 1, "place": "pallet:P2"}),
    ):
        refused = at_door.do(name, **fields)
        assert said(refused) == (409, "TreeConflict") and "unit P2 is closed" in refused["detail"]
    assert at_door.do("RelabelUnit", unit="P2", label="P3") == {"unit": "P3", "moved": 20}
    at_door.do("ReopenUnit", unit="P3")
    assert at_door.do("MergeUnits", unit="P1", into="P3")["moved"] == 28
    assert at_door.stock() == {"pallet:P3 available": 48}
    refused = at_door.do("MoveUnit", unit="P1", target="A2")
    assert said(refused) == (409, "TreeConflict") and "unit P1 is gone" in refused["detail"]
    at_door.do("BuildUnit", unit="C1", kind="case", place="pallet:P3")
    refused = at_door.do("MoveUnit", unit="P3", target="case:C1")
    assert said(refused) == (409, "TreeConflict") and "P3" in refused["detail"]


def test_two_cases_are_twenty_four_until_the_factor_changes_and_an_opened_case_leaves_seven_loose(at_door):
    at_door.do("AddPackLevels", levels=[{"sku": "MUG", "unit": "case", "numerator": 12}])
    for name in ("C1", "C2"):
        at_door.do("BuildUnit", unit=name, kind="case", place="A1")
        assert at_door.do("ReceiveStock", sku="MUG", quantity=1, unit="case", place=f"case:{name}")["received"] == 12
    before_ms, later_ms = at_door.now_ms, at_door.now_ms + DAY_MS
    at_door.do("AddPackLevels", levels=[{"sku": "MUG", "unit": "case", "numerator": 10, "valid_from_ms": later_ms}])
    at_door.now_ms = later_ms
    at_door.tell(at_door.order("R1", ("MUG", 5)))
    tour = at_door.walk()
    assert at_door.do("OpenUnit", unit="C1") == {"unit": "C1", "place": "A1", "loose": 12}
    assert at_door.pick(tour, 5) == {"picked": 5}
    assert at_door.stock() == {"A1 available": 7, "case:C2 available": 12, "tote:O00000001.1 available": 5}
    assert at_door.do("ReceiveStock", sku="MUG", quantity=1, unit="case", place="A2")["received"] == 10
    assert at_door.stock("--as-of", before_ms) == {"case:C1 available": 12, "case:C2 available": 12}


def test_halves_and_unknown_units_go_to_review_and_the_order_goes_on(at_door):
    at_door.do("AddPackLevels", levels=[{"sku": "MUG", "unit": "pack", "numerator": 3, "denominator": 2}])
    at_door.do("ReceiveStock", sku="MUG", quantity=10, place="A1")
    asked = ((1, "pack"), (1, "crate"), (2, "pack"))
    lines = [{"sku": "MUG", "quantity": quantity, "unit": unit} for quantity, unit in asked]
    (placed,) = at_door.tell(at_door.order("R1", lines=lines))
    assert {name: placed["reply"][name] for name in ("lines", "parked", "reserved")} == {"lines": 1, "parked": 2, "reserved": 3}
    assert at_door.read('SELECT source, "row", "column", reason FROM review ORDER BY "row"') == [
        ("shop/R1", 1, "quantity", "bad_number"),
        ("shop/R1", 2, "unit", "unit_unknown"),
    ]


def test_a_weight_out_of_tolerance_is_put_before_a_person_and_a_good_one_is_kept(at_door):
    wrong = at_door.do("ReceiveStock", sku="HAM", quantity=5, place="A1", net_g=5_501, reference="D1")
    assert (wrong["received"], wrong["parked"], wrong["reason"]) == (0, 1, "weight_out_of_tolerance")
    assert at_door.read('SELECT source, "column", reason FROM review') == [("receipt/D1/HAM/", "net_g", "weight_out_of_tolerance")]
    assert at_door.do("ReceiveStock", sku="HAM", quantity=5, place="A1", net_g=5_500, reference="D1")["received"] == 5
    at_door.tell(at_door.order("R1", ("HAM", 2)))
    assert at_door.pick(at_door.walk(), 2, net_g=2_020) == {"picked": 2}
    (shown,) = at_door.run("stock", "--data", at_door.data, "--json")[1]
    assert shown["weighed"] == [{"sku": "HAM", "lot": "", "pieces_in": 5, "grams_in": 5_500, "pieces_out": 2, "grams_out": 2_020}]


def test_damage_and_counts_take_promises_from_the_youngest_and_requests_for_bound_units_are_refused(at_door):
    at_door.do("ReceiveStock", sku="MUG", quantity=10, place="A1")
    at_door.tell(*(at_door.order(f"R{n}", ("MUG", 3)) for n in (1, 2, 3)))
    at_door.walk()  # the first order is bound to A1
    assert at_door.do("RecordCount", place="A1", sku="MUG", counted=7)["difference"] == -3
    assert [row[2:] for row in buckets(at_door)] == [(0, 0, 3, 0), (0, 3, 0, 0), (2, 1, 0, 0)]
    damage = {"place": "A1", "sku": "MUG", "status": "available", "to_status": "damaged", "cause": "fell", "quantity": 6}
    assert at_door.do("ChangeStatus", **damage) == {"changed": 6}
    # 1 of 7 is left: two of the three bound units are gone, and the oldest order keeps the last
    assert [row[2:] for row in buckets(at_door)] == [(2, 0, 1, 0), (3, 0, 0, 0), (3, 0, 0, 0)]
    refused = at_door.do("MoveStock", sku="MUG", quantity=1, source="A1", target="A2")
    assert said(refused) == (409, "StockConflict") and "0 are free, 1 are bound to picks" in refused["detail"]
    assert said(at_door.do("RecordCount", place="A1", sku="MUG", counted=-1)) == (400, "BadInput")
    assert at_door.stock() == {"A1 available": 1, "A1 damaged": 6, "UNRESOLVED:A1 available": 3}
