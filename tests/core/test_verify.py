"""Verify has teeth: whatever is broken in a copy of a busy ledger, the right check says so and where."""

import re

import pytest

from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.flow.counting import RecordCount
from floorwise.core.flow.entry import CancelOrder, ParkRow
from floorwise.core.flow.masterdata import AddSkus, RuleWanted, SetStockRules, SkuWanted
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.receiving import ReceivePurchase
from floorwise.core.flow.returns import GradeReturn, ReceiveReturn, RefundReturn, RequestReturn
from floorwise.core.flow.sensing import RecordExcursion, SettleExcursion
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.labels import Label
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import Part, Pick
from floorwise.core.verify.all_checks import verify
from floorwise.core.verify.check import TOLD, Tally, rows
from floorwise.core.workers import buying, labels

DAY_MS = 86_400_000


class Sticker:
    """The carrier of the first parcels; the last ones still wait for theirs."""

    name = "paper"

    def buy_label(self, wanted):
        return Label(wanted.key, f"T{wanted.sscc}", "zpl", f"{wanted.sscc}.zpl")


def busy(floor):
    """A floor with something in every state: orders that wait, walk, are packed, on the way, lost, delivered, returned."""
    floor.do(AddSkus((SkuWanted("TEA", weight_g=100, is_lot_tracked=1), SkuWanted("CAM", is_serial_tracked=1))))
    floor.do(SetStockRules((RuleWanted("MUG", 30, 60, DAY_MS), RuleWanted("BOWL", 1, 30, DAY_MS))))
    floor.stock("MUG", 30)
    floor.stock("BOWL", 12, "A01-3")
    floor.stock("TEA", 10, "A02-5", lot="L1", expires_at_ms=floor.clock.now_ms() + 90 * DAY_MS)
    floor.stock("CAM", 3, "A02-6", serials=("S1", "S2", "S3"))
    back = floor.order("R1", ("MUG", 4), ("CAM", 1))  # delivered, half of it comes back
    buying.step(floor.warehouse, 100)
    floor.do(ReceivePurchase(floor.ledger.find(Purchase, "key")[0].purchase, 3, "A00-1"))
    buying.step(floor.warehouse, 100)
    floor.deliver()
    floor.do(RequestReturn(back, 1, 2, "slip"))
    floor.do(ReceiveReturn(f"{back}.1R1"))
    floor.do(GradeReturn(f"{back}.1R1", "A", "A00-0"))
    floor.do(RefundReturn(f"{back}.1R1"))
    floor.do(RequestReturn(back, 1, 1, "slip 2"))
    floor.order("R2", ("BOWL", 2))  # lost and replaced
    for parcel in floor.ship():
        floor.do(RecordScan(parcel.tracking, "lost", floor.clock.now_ms(), "van"))
    floor.order("R3", ("MUG", 1), ("TEA", 2))  # on the truck
    floor.ship()
    floor.order("R4", ("MUG", 2))  # packed, its label not yet bought
    floor.release(), floor.plan(), floor.take(), floor.pick()
    for part in floor.ledger.find(Part, "by_state", "main", "picked"):
        floor.do(StartPack(part.part, "P1"))
        floor.do(ClosePack(part.part))
    floor.order("R5", ("MUG", 3), ("BOWL", 2), ("TEA", 1))  # taken, one line of it picked, another short
    floor.release(), floor.plan()
    tour = floor.take()[0]
    picks = floor.ledger.find(Pick, "key", tour.tour)
    floor.do(ConfirmPick(tour.tour, 1, picks[0].quantity, "ann"))
    floor.do(ReportShort(tour.tour, 2, picks[1].quantity - 1, "ann"))
    floor.order("R6", ("CAM", 1), ("MUG", 1))
    floor.release(), floor.plan()  # a tour that nobody has taken
    floor.order("R7", ("MUG", 1))
    floor.release()  # a part that waits
    floor.do(CancelOrder(floor.order("R8", ("MUG", 2))))
    floor.order("R9", ("MUG", 40))  # more than there is
    floor.do(RecordCount("A00-0", "MUG", 8), key="count 1")
    floor.do(ParkRow("shop/R9", 2, "sku", "unknown_sku", "CUP"))
    floor.do(AddSkus((SkuWanted("HAM"),)))
    floor.stock("HAM", 5, "A01-9")
    now_ms = floor.clock.now_ms()
    warm = ("temperature_c", now_ms - 3_600_000, now_ms, 12_000, 8_000, "probe-1")
    floor.do(SettleExcursion(floor.do(RecordExcursion("A01-9", *warm))["excursion"], "release", "eve"))  # X1
    floor.do(RecordExcursion("A01-9", "temperature_c", now_ms, 0, 11_000, 8_000, "probe-1"))  # and warm again, still


def broken(ledger):
    """{name: detail} of the checks that do not hold."""
    return {check.name: check.detail for check in verify(ledger, [ledger.head]) if not check.ok}


BUILT = []


@pytest.fixture
def ledger(new_floor):
    """A copy of the busy ledger without the guards of its database."""
    if not BUILT:
        floor = new_floor()
        busy(floor)
        BUILT.append(floor)
    copy = open_ledger(None)
    BUILT[0].ledger._connection.backup(copy._connection)
    for (name,) in copy._run("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        copy._run(f"DROP TRIGGER {name}")
    copy._run("PRAGMA ignore_check_constraints=ON")
    return copy


def test_a_busy_floor_holds_every_invariant_and_every_check_saw_something(ledger):
    checks = verify(ledger, [ledger.head])
    assert [check for check in checks if not check.ok] == []
    assert [check.name for check in checks if not check.seen] == []


# what is broken, the check that says so, and words of where
PLANTED = [
    ("a move that never was", "I2 balance = moves", "DELETE FROM move WHERE number = 1", "SUPPLIER MUG", "moves say"),
    ("a hole among the moves", "I2 moves", "DELETE FROM move WHERE number = 2", "move 2 is missing", ""),
    ("a move of nothing", "I2 moves", "UPDATE move SET quantity = 0 WHERE number = 3", "move 3", "quantity 0"),
    ("units from nowhere", "I2 balance = moves",
     "UPDATE balance SET on_hand = on_hand + 1 WHERE place = 'A02-5'",
     "A02-5 TEA L1", "stored"),
    ("one side of a posting", "I2 sum zero",
     "UPDATE balance SET on_hand = on_hand - 1 WHERE place = 'SUPPLIER' AND sku = 'TEA'",
     "TEA", "-1"),
    ("a balance that is gone", "I2 balance = moves",
     "DELETE FROM balance WHERE place = 'SUPPLIER' AND sku = 'MUG'",
     "no row is stored", "MUG"),
    ("a balance that nothing made", "I2 balance = moves",
     "INSERT INTO balance VALUES ('A02-9', 'MUG', '', '', 'house', 'available', 'bin', 0, 0, 0)",
     "A02-9 MUG", "no move"),
    ("less than nothing in a bin", "I2 on hand", "UPDATE balance SET on_hand = -1 WHERE place = 'A02-5'", "A02-5", "-1 on hand"),
    ("more bound than there is", "I2 on hand",
     "UPDATE balance SET reserved = 99 WHERE place = 'A02-6' AND serial = 'S3'",
     "A02-6", "99 bound"),
    ("a bin filed as virtual", "I2 on hand", "UPDATE balance SET kind = 'virtual' WHERE place = 'A02-5'", "A02-5", "filed as virtual"),
    ("units bound to no pick", "I2 bound to picks",
     "UPDATE balance SET reserved = reserved + 1 WHERE place = 'A00-1' AND sku = 'MUG'",
     "A00-1", "bound to open picks"),
    ("a pick that binds nothing", "I2 bound to picks",
     "UPDATE pick SET state = 'done' WHERE state = 'open' AND sku = 'CAM'",
     "CAM", "0 follows"),
    ("a pool that knows of more", "I2 pool = sellable stock",
     "UPDATE pool SET eligible = eligible + 1 WHERE sku = 'TEA'",
     "main TEA", "eligible"),
    ("a location that sells no more", "I2 pool = sellable stock",
     "UPDATE location SET kind = 'dock' WHERE location = 'A02-5'",
     "TEA", "0 follows"),
    ("a promise nobody holds", "I2 pool = promises", "UPDATE pool SET reserved = reserved + 1 WHERE sku = 'TEA'", "main TEA", "reserved"),
    ("a pool sold twice", "I2 pool = promises", "UPDATE pool SET reserved = eligible + 1 WHERE sku = 'TEA'", "TEA", "oversold"),
    ("a pool that is gone", "I2 pool = promises", "DELETE FROM pool WHERE sku = 'MUG'", "main MUG", "no row"),
    ("free units and somebody waiting", "I2 nobody waits for free units",
     "UPDATE pool SET reserved = reserved - 1 WHERE sku = 'MUG'",
     "MUG", "waits for them"),
    ("a serial filed elsewhere", "I2 serials", "UPDATE serial SET place = 'A00-0' WHERE serial = 'S3'", "serial S3 of CAM", "A02-6"),
    ("a serial in two places", "I2 serials",
     "UPDATE balance SET on_hand = 2 WHERE serial = 'S3' AND kind = 'bin'",
     "S3", "'A02-6', 'A02-6'"),
    ("a serial nobody filed", "I2 serials", "DELETE FROM serial WHERE serial = 'S2'", "serial S2", "not filed"),
    ("a unit with another parent", "I2 handling units",
     "UPDATE handling_unit SET parent = 'DOCK' WHERE kind = 'tote' AND unit LIKE 'O00000005%'",
     "O00000005.1", "CARTS follows"),
    ("a unit in a place that is not there", "I2 handling units",
     "UPDATE handling_unit SET parent = 'A99-9' WHERE unit LIKE 'O00000005%'",
     "O00000005.1", "no location"),
    ("two units in each other", "I2 handling units",
     "UPDATE handling_unit SET parent = 'tote:O00000001.1' WHERE unit = 'O00000001.1'",
     "O00000001.1", "itself"),
    ("a parcel that moved back", "I2 handling units",
     "UPDATE handling_unit SET parent = 'STAGE' WHERE parent = 'CUSTOMER'",
     "parent", "CUSTOMER follows"),
    ("a unit that vanished", "I2 handling units", "DELETE FROM handling_unit WHERE unit = 'O00000001.1'", "O00000001.1", "not filed"),
    ("a unit nobody built", "I2 handling units",
     "INSERT INTO handling_unit SELECT 'X9', 'pallet', 'A00-0', site, 'open', 0 FROM site",
     "unit X9", "no event built it"),
    ("a unit that jumps", "I2 moves",
     "UPDATE move SET source = 'DOCK' WHERE unit <> '' AND target = 'CUSTOMER'",
     "leaves DOCK", "TRANSIT"),
    ("a unit lost from its line", "I3 buckets",
     "UPDATE order_line SET delivered = delivered - 1 WHERE order_id = 'O00000001' AND line = 1",
     "order O00000001 line 1", "4 ordered"),
    ("a negative bucket", "I3 buckets",
     "UPDATE order_line SET packed = -1, picked = picked + 1 WHERE order_id = 'O00000007'",
     "packed is -1", ""),
    ("more released than anybody walks for", "I3 children = line",
     "UPDATE order_line SET released = released + 1, reserved = reserved - 1 WHERE order_id = 'O00000007'",
     "O00000007 line 1 released", ""),
    ("picked and in no tote", "I3 children = line",
     "UPDATE order_line SET picked = picked + 1 WHERE order_id = 'O00000005' AND line = 1",
     "O00000005 line 1 picked", ""),
    ("shipped and in no parcel", "I3 children = line",
     "DELETE FROM parcel_line WHERE order_id = 'O00000003'",
     "O00000003 line 1 shipped", ""),
    ("returned and no return", "I3 children = line", "DELETE FROM rma WHERE state = 'refunded'", "O00000001 line 1 returned", ""),
    ("more to come back than is there", "I3 children = line",
     "UPDATE rma SET quantity = 50 WHERE state = 'approved'",
     "O00000001 line 1", "50"),
    ("paid back twice", "I3 refunds", "UPDATE rma SET refund_minor = 401 WHERE state = 'refunded'", "O00000001 line 1", "401"),
    ("an order that forgot its units", "I3 orders",
     "UPDATE \"order\" SET waiting = waiting + 1 WHERE order_id = 'O00000009'",
     "O00000009 waiting", ""),
    ("an order without lines", "I3 orders", "DELETE FROM order_line WHERE order_id = 'O00000008'", "O00000008", "no lines"),
    ("a line without its order", "I3 orders", "DELETE FROM \"order\" WHERE order_id = 'O00000007'", "O00000007 line 1", "not filed"),
    ("one reference, two orders", "I3 orders",
     "DROP INDEX order_by_reference; UPDATE \"order\" SET reference = 'R1' WHERE order_id = 'O00000002'",
     "shop/R1", "O00000002"),
    ("a parked row that is an order line too", "I3 parked or accepted",
     "INSERT INTO review VALUES ('shop/R3', 2, 'sku', 'unknown_sku', 'TEA', 1, '', 0)",
     "shop/R3 row 2", "parked (unknown_sku), and order"),
    ("a parked row that no order took in", "I3 parked or accepted",
     "UPDATE review SET order_id = 'O00000001'",
     "shop/R9 row 2", "taken in by order O00000001, which has no such row"),
    ("an excursion that ended later than told", "I1 excursions = journal",
     "UPDATE excursion SET to_ms = to_ms + 1 WHERE state = 'settled'",
     "excursion X00000001 to_ms", "follows"),
    ("a hold that nobody decided", "I1 excursions = journal",
     "UPDATE excursion SET state = 'ended', decision = '' WHERE state = 'settled'",
     "excursion X00000001 state", "settled follows"),
    ("an exposed unit that is forgotten", "I1 excursions = journal",
     "DELETE FROM exposure WHERE excursion = 'X00000001'",
     "excursion X00000001 exposures", "(1, 1) follows"),
    ("fewer units exposed than were there", "I1 excursions = journal",
     "UPDATE exposure SET quantity = 1 WHERE excursion = 'X00000002'",
     "excursion X00000002 exposure 1", "5"),
    ("a case that is gone", "I1 excursions = journal",
     "DELETE FROM excursion WHERE state = 'open'; DELETE FROM exposure WHERE excursion = 'X00000002'",
     "excursion X00000002", "not filed"),
    ("a case that nothing told", "I1 excursions = journal",
     "INSERT INTO excursion SELECT 'X9', site, subject, device, kind, side, limit_milli, peak_milli, 7, to_ms, found_at_ms, state, "
     "decision, decided_by, 0, 0 FROM excursion WHERE state = 'settled'",
     "excursion X9", "nowhere in the journal"),
    ("a reply that was rewritten", "I3 idempotency keys",
     "INSERT INTO idempotency_key VALUES ('k1', 'no fingerprint', '{\"b\": 1}', 0)",
     "key 'k1'", ""),
    ("a pick confirmed with more", "I3 picks",
     "UPDATE pick SET quantity = quantity + 1 WHERE tour = 'T00000001' AND number = 1",
     "tour T00000001 pick 1", "confirms"),
    ("a pick that is open again", "I3 picks",
     "UPDATE pick SET state = 'open' WHERE tour = 'T00000001' AND number = 1",
     "T00000001 pick 1", "open"),
    ("units moved that nobody picked", "I3 picks",
     "UPDATE move SET cause = 'pick', reference = 'T00000001' WHERE number = 1",
     "T00000001: MUG", "moved"),
    ("a pick that vanished", "I3 picks", "DELETE FROM pick WHERE tour = 'T00000001' AND number = 1", "T00000001 pick 1", "not filed"),
    ("a tour that forgot a pick", "I3 tours", "UPDATE tour SET open_picks = open_picks + 1 WHERE state = 'open'", "open picks", ""),
    ("a tour done too early", "I3 tours", "UPDATE tour SET state = 'done' WHERE state = 'taken'", "done with", ""),
    ("a tour without its picker", "I3 tours", "UPDATE tour SET picker = '' WHERE state = 'taken'", "taken, its picker is ''", ""),
    ("a part with other units", "I3 parts", "UPDATE part SET units = units + 1 WHERE part = 'O00000001.1'", "part O00000001.1 units", ""),
    ("a part dropped with units in its tote", "I3 parts",
     "UPDATE part SET state = 'dropped' WHERE part = 'O00000001.1'",
     "O00000001.1", "picked for it"),
    ("a part with two tours", "I3 parts", "UPDATE part SET tour = 'T9' WHERE part = 'O00000001.1'", "O00000001.1: tour 'T9'", ""),
    ("a tour that takes less than its part", "I3 picks of a part = its lines",
     "UPDATE part_line SET quantity = quantity + 1 WHERE part = 'O00000001.1' AND line = 1",
     "O00000001.1", ""),
    ("a part in a state nobody told", "I3 states = journal",
     "UPDATE part SET state = 'shipped' WHERE state = 'packed'",
     "shipped is stored", ""),
    ("a return refunded without a word", "I3 states = journal",
     "UPDATE rma SET state = 'graded' WHERE state = 'refunded'",
     "O00000001.1R1", ""),
    ("a purchase that vanished", "I3 states = journal",
     "DELETE FROM purchase WHERE state = 'received'",
     "purchase P00000001", "not filed"),
    ("a count task nobody asked for", "I3 states = journal",
     "INSERT INTO count_task SELECT 'C9', site, 'A00-0', 'MUG', '', 'house', '', 'open', 0, 0, 0, 0, 0 FROM site",
     "task C9", "nowhere"),
    ("a parcel delivered without a scan", "I3 parcels = journal and scans",
     "UPDATE parcel SET delivered_at_ms = 1 WHERE status = 'loaded'",
     "O00000003.1/1", "delivered"),
    ("a parcel with another status than its scans", "I3 parcels = journal and scans",
     "UPDATE parcel SET status = 'in_transit' WHERE status = 'delivered'",
     "its scans say delivered", ""),
    ("a label on another parcel", "I3 parcels = journal and scans",
     "UPDATE parcel SET tracking = 'X' WHERE parcel = 'O00000003.1/1'",
     "O00000003.1/1 tracking", "X is stored"),
    ("a line that was delivered more", "I3 lines = journal",
     "UPDATE order_line SET delivered = delivered + 1, ordered = ordered + 1 WHERE order_id = 'O00000001' AND line = 1",
     "as ordered", ""),
    ("a line nobody ordered", "I3 lines = journal",
     "UPDATE order_line SET sku = 'BOWL' WHERE order_id = 'O00000007'",
     "O00000007 line 1", "BOWL"),
    ("a cancellation nobody asked for", "I3 lines = journal",
     "UPDATE order_line SET cancelled = ordered, backordered = 0, reserved = 0 WHERE order_id = 'O00000009'",
     "O00000009 cancelled", ""),
    ("a replacement that points elsewhere", "I3 replacements = lost",
     "UPDATE order_line SET replaces_line = 0 WHERE replaces_line = 1",
     "O00000002 line 1", ""),
    ("a cursor ahead of the journal", "I4 cursors", "UPDATE cursor SET number = 100000 WHERE consumer = 'buying'", "buying", "100000"),
    ("a label that was passed over", "I4 labels",
     "UPDATE cursor SET number = (SELECT max(number) FROM event) WHERE consumer = 'labels'",
     "O00000004.1/1 was passed over", ""),
    ("an effect that was forgotten", "I4 labels",
     "DELETE FROM delivered WHERE consumer = 'labels' AND number = (SELECT min(number) FROM delivered)",
     "was passed over", ""),
    ("an effect of no event", "I4 labels", "INSERT INTO delivered VALUES ('labels', 3, 'T')", "event 3", "wants none"),
    ("an effect beyond the journal", "I4 labels", "INSERT INTO delivered VALUES ('labels', 99999, 'T')", "99999", "not in the journal"),
    ("two purchases at once", "I4 buying",
     "DROP INDEX purchase_by_sku; UPDATE purchase SET sku = 'MUG', state = 'open'",
     "SKU MUG", "are open"),
    ("an event that was edited", "I5 journal",
     "UPDATE event SET line = replace(line, 'MUG', 'JUG') WHERE kind = 'OrderPlaced' AND line LIKE '%\"R1\"%'",
     "does not follow", ""),
    ("an event refiled", "I5 journal", "UPDATE event SET kind = 'OrderCancelled' WHERE number = 9", "event 9", "filed as"),
    ("an event that is gone", "I5 journal", "DELETE FROM event WHERE number = 12", "event 12 is missing", ""),
    ("a head row that lies", "I5 journal", "UPDATE head SET number = number - 1", "head row", ""),
    ("a journal cut short", "I5 journal",
     "DELETE FROM event WHERE number > 20; UPDATE head SET number = 20, head = (SELECT head FROM event WHERE number = 20)",
     "its end was cut off", ""),
    ("an event told twice over", "I3 paths in the journal",
     "UPDATE event SET line = replace(line, '\"T00000002\"', '\"T00000001\"') WHERE kind = 'TourTaken'",
     "TourTaken of tour T00000001", ""),
    ("an event that cannot be read", "I3 paths in the journal",
     "UPDATE event SET line = '{}' WHERE kind = 'ParcelLost'",
     "ParcelLost cannot be read", ""),
]  # fmt: skip


@pytest.mark.parametrize(("check", "sql", "where", "what"), [case[1:] for case in PLANTED], ids=[case[0] for case in PLANTED])
def test_a_planted_bug_is_found_and_its_place_is_named(ledger, check, sql, where, what):
    heads, before = ledger.head, ledger._connection.total_changes
    for statement in sql.split("; "):
        ledger._run(statement)
    assert ledger._connection.total_changes > before, "the statement planted nothing"
    found = {check.name: check.detail for check in verify(ledger, [heads]) if not check.ok}
    assert check in found
    assert where in found[check] and what in found[check], found[check]


def test_every_check_has_a_planted_bug(ledger):
    names = {check.name for check in verify(ledger, []) if check.name[:2] in ("I1", "I2", "I3", "I4", "I5")}
    assert names == {case[1] for case in PLANTED}


def test_a_detail_names_a_few_places_and_counts_the_rest():
    tally = Tally("t")
    for number in range(TOLD + 3):
        tally.saw()
        tally.broken(f"line {number}")
    assert tally.check() == ("t", False, 8, "line 0; line 1; line 2; line 3; line 4; and 3 more")


@pytest.mark.parametrize("page", [1, 2, 3, 7, 1000])
def test_reading_in_pages_gives_every_record_once_in_order(ledger, page):
    for record in (Part, Pick, Purchase):
        whole = ledger.find(record, "key")
        assert len(whole) > 1 and list(rows(ledger, record, page)) == whole


def test_a_label_bought_after_the_snapshot_is_no_fault(new_floor):
    floor = new_floor()
    floor.stock("MUG", 3)
    floor.order("R1", ("MUG", 1))
    floor.release(), floor.plan(), floor.take(), floor.pick()
    floor.do(StartPack("O00000001.1", "P1"))
    floor.do(ClosePack("O00000001.1"))
    assert broken(floor.ledger) == {}
    assert labels.step(floor.warehouse, Sticker(), 10) == 1
    assert broken(floor.ledger) == {}


def test_every_check_is_in_the_reference(repository):
    text = (repository / "docs/reference/invariants.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (I[2-5] [^|]+?|I1 excursions[^|]+?) \|", text, flags=re.MULTILINE)  # I1 of readings has tests of its own
    assert len(told) == len(set(told)) and set(told) == {case[1] for case in PLANTED}
