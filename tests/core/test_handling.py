"""Handling units: one move for a pallet of forty lots, one parent each, and nothing lost in splitting, merging or relabelling."""

import pytest

from floorwise.core.errors import BadInput, NotFound, StockConflict, TreeConflict, WrongState
from floorwise.core.flow.counting import ChangeStatus
from floorwise.core.flow.handling import (
    BuildUnit,
    CloseUnit,
    MergeUnits,
    MoveStock,
    MoveUnit,
    OpenUnit,
    RelabelUnit,
    ReopenUnit,
    SplitUnit,
    UnitTake,
)
from floorwise.core.flow.masterdata import AddSkus, SkuWanted
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.stock import Balance, Move, Pool
from floorwise.core.model.work import Pick, Tour
from floorwise.core.verify.all_checks import verify

SSCC = "340123450000000017"  # its check digit is right


@pytest.fixture
def sound(floor):
    """Every invariant holds when the test has ended."""
    yield
    assert [check for check in verify(floor.ledger) if not check.ok] == []


pytestmark = pytest.mark.usefixtures("sound")


def at(floor, place: str) -> dict[tuple[str, str], int]:
    """Units at a place by (SKU, lot)."""
    return {(row.sku, row.lot): row.on_hand for row in floor.ledger.find(Balance, "key", place) if row.on_hand}


def pool(floor, sku: str = "MUG") -> tuple[int, int]:
    row = floor.ledger.get(Pool, "main", sku, "house")
    return (row.eligible, row.reserved)


def pallet(floor, name: str = "P1", place: str = "A00-0", kind: str = "pallet", mugs: int = 0) -> str:
    floor.do(BuildUnit(name, kind, place))
    if mugs:
        floor.stock("MUG", mugs, f"{kind}:{name}")
    return f"{kind}:{name}"


def test_one_scan_moves_a_pallet_of_forty_lots_with_one_move(floor):
    floor.do(AddSkus((SkuWanted("MILK", is_lot_tracked=1),)))
    place = pallet(floor, SSCC)
    for lot in range(40):
        floor.stock("MILK", 3, place, lot=f"L{lot:02}")
    before = len(floor.ledger.find(Move, "key"))
    assert floor.do(MoveUnit(SSCC, "A02-9"))["rows"] == 40
    moves = floor.ledger.find(Move, "key")[before:]
    assert [(m.unit, m.quantity, m.source, m.target) for m in moves] == [(SSCC, 1, "A00-0", "A02-9")]
    assert sum(at(floor, place).values()) == 120 and len(at(floor, place)) == 40
    assert floor.ledger.get(HandlingUnit, SSCC).parent == "A02-9"
    assert floor.told("UnitMoved") == [{"unit": SSCC, "source": "A00-0", "target": "A02-9", "cause": "moved"}]


def test_what_stands_in_a_moved_pallet_stays_in_it(floor):
    pallet(floor)
    case = pallet(floor, "C1", "pallet:P1", "case", mugs=12)
    floor.do(MoveUnit("P1", "A01-5"))
    assert floor.ledger.get(HandlingUnit, "C1").parent == "pallet:P1"
    order = floor.order("R1", ("MUG", 2))
    floor.release()
    floor.plan()
    assert [(p.place, p.location) for p in floor.ledger.find(Pick, "key")] == [(case, "A01-5")]
    assert floor.buckets(order) == {"released": 2}


def test_a_pallet_that_leaves_the_sellable_bins_takes_its_units_out_of_sale_and_the_youngest_promises_with_them(floor):
    pallet(floor, mugs=10)
    floor.stock("MUG", 4, "A01-1")
    old, young = floor.order("R1", ("MUG", 5)), floor.order("R2", ("MUG", 5))
    assert pool(floor) == (14, 10)
    floor.do(MoveUnit("P1", "DOCK"))
    # 4 are left: the old order keeps 4 of its 5, the young one loses all
    assert pool(floor) == (4, 4)
    assert floor.buckets(old) == {"reserved": 4, "backordered": 1}
    assert floor.buckets(young) == {"backordered": 5}
    floor.do(MoveUnit("P1", "A00-1"))
    assert pool(floor) == (14, 10)
    assert floor.buckets(old) == {"reserved": 5} and floor.buckets(young) == {"reserved": 5}


def test_held_units_of_a_pallet_are_not_sold_wherever_it_goes(floor):
    place = pallet(floor, mugs=10)
    floor.do(ChangeStatus(place, "MUG", "available", "held", "doubt", 7))
    floor.do(MoveUnit("P1", "DOCK"))
    assert pool(floor) == (0, 0)
    floor.do(MoveUnit("P1", "A00-1"))
    assert pool(floor) == (3, 0)


def test_a_pick_follows_its_pallet_to_another_bin_and_the_walking_picker_gets_a_new_revision(floor):
    pallet(floor, mugs=10)
    floor.order("R1", ("MUG", 6))
    floor.release()
    floor.plan()
    (tour,) = floor.take()
    floor.do(MoveUnit("P1", "A02-2"))
    (pick,) = floor.ledger.find(Pick, "key", tour.tour)
    assert (pick.place, pick.location, pick.quantity, pick.state) == ("pallet:P1", "A02-2", 6, "open")
    assert floor.ledger.get(Tour, tour.tour).revision == tour.revision + 1
    assert floor.do(ConfirmPick(tour.tour, 1, 6, "ann")) == {"picked": 6}
    assert at(floor, "pallet:P1") == {("MUG", ""): 4}


def test_picks_give_way_when_their_pallet_leaves_for_the_dock_and_the_line_is_served_from_elsewhere(floor):
    pallet(floor, mugs=10)
    order = floor.order("R1", ("MUG", 6))
    floor.release()
    floor.plan()
    floor.stock("MUG", 6, "A01-1")
    floor.do(MoveUnit("P1", "DOCK"))
    assert floor.buckets(order) == {"reserved": 6}  # promised from A01-1, to be released again
    assert [(p.state, p.picked) for p in floor.ledger.find(Pick, "key")] == [("short", 0)]
    floor.release()
    floor.plan()
    assert [p.place for p in floor.ledger.find(Pick, "key") if p.state == "open"] == ["A01-1"]


def test_a_unit_cannot_stand_in_itself_however_deep(floor):
    pallet(floor)
    pallet(floor, "P2", "pallet:P1")
    pallet(floor, "P3", "pallet:P2")
    for target in ("pallet:P1", "pallet:P2", "pallet:P3"):
        with pytest.raises(TreeConflict, match="P1 cannot stand in pallet:P"):
            floor.do(MoveUnit("P1", target))
    with pytest.raises(TreeConflict, match="itself"):
        floor.do(MergeUnits("P1", "P1"))


def test_a_second_parent_is_refused_by_the_name_of_the_first(floor):
    pallet(floor)
    pallet(floor, "P2", "A00-1")
    pallet(floor, "C1", "pallet:P1", "case")
    with pytest.raises(TreeConflict, match="C1 is a case in pallet:P1; it cannot stand in pallet:P2 too"):
        floor.do(BuildUnit("C1", "case", "pallet:P2"))
    with pytest.raises(TreeConflict, match="C1 stands in pallet:P1, not in pallet:P2; it has one parent"):
        floor.do(MoveUnit("C1", "A00-5", source="pallet:P2"))
    assert floor.ledger.get(HandlingUnit, "C1").parent == "pallet:P1"


def test_nothing_goes_into_or_out_of_a_closed_unit_and_the_refusal_names_it(floor):
    place = pallet(floor, mugs=10)
    pallet(floor, "C1", place, "case", mugs=2)
    floor.stock("MUG", 5, "A00-1")
    floor.do(CloseUnit("P1"))
    pallet(floor, "C2", "A00-3", "case")
    refused = (
        MoveStock("MUG", 1, "A00-1", place),
        MoveStock("MUG", 1, place, "A00-1"),
        MoveStock("MUG", 1, "case:C1", "A00-1"),  # C1 is open, but stands in a closed pallet
        MoveUnit("C1", "A00-1"),
        MoveUnit("C2", place),
        BuildUnit("C3", "case", place),
        SplitUnit("P1", "P2", (UnitTake("MUG", 1),)),
        OpenUnit("C1"),
        RelabelUnit("C1", "C9"),
    )
    for command in refused:
        with pytest.raises(TreeConflict, match="unit P1 is closed; reopen it first"):
            floor.do(command)
    with pytest.raises(TreeConflict, match="P1 is closed"):
        floor.stock("MUG", 1, place)
    assert floor.do(MoveUnit("P1", "A01-0"))["units"] == 2  # sealed pallets move
    floor.do(ReopenUnit("P1"))
    assert floor.do(MoveStock("MUG", 1, place, "A00-1")) == {"moved": 1}


def test_a_unit_that_is_gone_is_gone_and_its_name_with_it(floor):
    pallet(floor, mugs=3)
    floor.do(OpenUnit("P1"))
    for command in (MoveUnit("P1", "A00-5"), OpenUnit("P1"), CloseUnit("P1"), RelabelUnit("P1", "P9")):
        with pytest.raises(TreeConflict, match="unit P1 is gone"):
            floor.do(command)
    with pytest.raises(TreeConflict, match="P1 is gone and its name with it"):
        floor.do(BuildUnit("P1", "pallet", "A00-0"))


def test_units_are_not_nested_deeper_than_the_bound(floor):
    floor.do(BuildUnit("D1", "case", "A00-0"))
    for depth in range(2, 9):
        floor.do(BuildUnit(f"D{depth}", "case", f"case:D{depth - 1}"))
    floor.stock("MUG", 1, "case:D8")
    assert pool(floor) == (1, 0)
    with pytest.raises(TreeConflict, match="more than 8"):
        floor.do(BuildUnit("D9", "case", "case:D8"))
    pallet(floor, "E1", "A00-1", "case")
    pallet(floor, "E2", "case:E1", "case")
    with pytest.raises(TreeConflict, match="more than 8"):
        floor.do(MoveUnit("E1", "case:D7"))  # E2 would be the ninth
    assert floor.do(MoveUnit("E1", "case:D6"))["units"] == 2


def test_a_split_takes_over_what_is_asked_and_the_rest_stays(floor):
    place = pallet(floor, mugs=10)
    floor.stock("BOWL", 4, place)
    assert floor.do(SplitUnit("P1", "P2", (UnitTake("MUG", 7), UnitTake("BOWL", 4)))) == {"unit": "P2", "moved": 11}
    assert at(floor, place) == {("MUG", ""): 3}
    assert at(floor, "pallet:P2") == {("MUG", ""): 7, ("BOWL", ""): 4}
    assert floor.ledger.get(HandlingUnit, "P2").parent == "A00-0"
    assert pool(floor) == (10, 0)
    with pytest.raises(StockConflict, match=r"4 MUG  cannot leave pallet:P1: 3 are free"):
        floor.do(SplitUnit("P1", "P3", (UnitTake("MUG", 4),)))
    assert floor.ledger.get(HandlingUnit, "P3") is None  # a refused split leaves no empty unit behind


def test_a_merge_brings_stock_inner_units_and_picks_over(floor):
    place = pallet(floor, mugs=5)
    pallet(floor, "C1", place, "case", mugs=2)
    pallet(floor, "P2", mugs=1)
    floor.order("R1", ("MUG", 8))  # all of it, so all of it is bound
    floor.release()
    floor.plan()
    assert floor.do(MergeUnits("P1", "P2")) == {"unit": "P2", "moved": 5, "units": 1}
    assert at(floor, "pallet:P2") == {("MUG", ""): 6} and at(floor, place) == {}
    assert floor.ledger.get(HandlingUnit, "C1").parent == "pallet:P2"
    assert sorted((p.place, p.quantity) for p in floor.ledger.find(Pick, "key")) == [("case:C1", 2), ("pallet:P2", 1), ("pallet:P2", 5)]
    floor.take()
    floor.pick()
    assert at(floor, "pallet:P2") == {}


def test_units_that_stand_apart_are_not_merged(floor):
    pallet(floor)
    pallet(floor, "P2", "A00-1")
    with pytest.raises(WrongState, match="P1 stands in A00-0, P2 in A00-1; bring them together"):
        floor.do(MergeUnits("P1", "P2"))


def test_a_new_label_keeps_contents_inner_units_seal_and_picks(floor):
    place = pallet(floor, mugs=5)
    pallet(floor, "C1", place, "case")
    floor.order("R1", ("MUG", 2))
    floor.release()
    floor.plan()
    floor.do(CloseUnit("P1"))
    assert floor.do(RelabelUnit("P1", SSCC)) == {"unit": SSCC, "moved": 5}
    assert at(floor, f"pallet:{SSCC}") == {("MUG", ""): 5} and at(floor, place) == {}
    assert floor.ledger.get(HandlingUnit, SSCC)[1:5] == ("pallet", "A00-0", "main", "closed")
    assert floor.ledger.get(HandlingUnit, "C1").parent == f"pallet:{SSCC}"
    assert [p.place for p in floor.ledger.find(Pick, "key")] == [f"pallet:{SSCC}"]
    with pytest.raises(TreeConflict, match="P2 is a pallet in A00-5"):
        pallet(floor, "P2", "A00-5")
        floor.do(RelabelUnit(SSCC, "P2"))


def test_an_opened_case_leaves_its_units_loose_and_after_five_picks_seven(floor):
    for name in ("C1", "C2"):
        pallet(floor, name, kind="case", mugs=12)
        floor.do(CloseUnit(name))
    floor.order("R1", ("MUG", 5))
    floor.release()
    floor.plan()
    floor.take()
    assert floor.do(OpenUnit("C1")) == {"unit": "C1", "place": "A00-0", "loose": 12}
    floor.pick()
    assert at(floor, "A00-0") == {("MUG", ""): 7}
    assert at(floor, "case:C2") == {("MUG", ""): 12} and floor.ledger.get(HandlingUnit, "C2").state == "closed"


def test_picking_out_of_a_closed_case_breaks_its_seal_and_that_of_the_pallet_around_it(floor):
    pallet(floor)
    pallet(floor, "C1", "pallet:P1", "case", mugs=12)
    floor.do(CloseUnit("C1"))
    floor.do(CloseUnit("P1"))
    floor.order("R1", ("MUG", 5))
    floor.release()
    floor.plan()
    floor.take()
    floor.pick()
    assert at(floor, "case:C1") == {("MUG", ""): 7}
    assert [floor.ledger.get(HandlingUnit, name).state for name in ("C1", "P1")] == ["open", "open"]


def test_stock_is_brought_from_bin_to_bin_but_not_what_a_pick_is_bound_to(floor):
    floor.stock("MUG", 10)
    floor.order("R1", ("MUG", 4))
    floor.release()
    floor.plan()
    with pytest.raises(StockConflict, match="7 MUG  cannot leave A00-0: 6 are free, 4 are bound to picks"):
        floor.do(MoveStock("MUG", 7, "A00-0", "A01-1"))
    assert floor.do(MoveStock("MUG", 0, "A00-0", "A01-1")) == {"moved": 6}
    assert pool(floor) == (10, 4)
    with pytest.raises(StockConflict, match="0 are free"):
        floor.do(MoveStock("BOWL", 0, "A00-0", "A01-1"))


def test_stock_brought_into_a_sellable_bin_fills_who_waits(floor):
    floor.stock("MUG", 5, "DOCK")
    order = floor.order("R1", ("MUG", 3))
    assert floor.buckets(order) == {"backordered": 3}
    floor.do(MoveStock("MUG", 5, "DOCK", "A01-1"))
    assert floor.buckets(order) == {"reserved": 3}


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        (BuildUnit("340123450000000018", "pallet", "A00-0"), BadInput, "its check digit would be 7"),
        (BuildUnit("", "pallet", "A00-0"), BadInput, "a name of 1 to 40"),
        (BuildUnit("a:b", "pallet", "A00-0"), BadInput, "without a colon"),
        (BuildUnit("X", "tote", "CARTS"), BadInput, "picking makes totes"),
        (BuildUnit("X", "pallet", "A99"), NotFound, "A99"),
        (BuildUnit("X", "pallet", "SUPPLIER"), BadInput, "a bin, a pallet or a case is needed"),
        (BuildUnit("X", "pallet", "case:C1"), TreeConflict, "pallet X cannot stand in case:C1"),
        (BuildUnit("X", "case", "pallet:C1"), NotFound, "C1 is a case"),
        (MoveUnit("nobody", "A00-0"), NotFound, "nobody"),
        (MoveStock("MUG", 1, "A00-0", "A00-0"), BadInput, "from A00-0 to A00-0"),
        (MoveStock("MUG", -1, "A00-0", "A00-1"), BadInput, "-1"),
        (MoveStock("MUG", 1, "SUPPLIER", "A00-1"), BadInput, "'SUPPLIER' is not a bin"),
        (MoveStock("MUG", 1, "A00-0", "CUSTOMER"), BadInput, "'CUSTOMER' is not a bin"),
        (SplitUnit("C1", "C2", ()), BadInput, "0 takes"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_by_name(floor, command, error, words):
    pallet(floor, "C1", kind="case")
    with pytest.raises(error, match=words):
        floor.do(command)


def test_totes_and_parcels_are_moved_by_their_flows_only(floor):
    floor.stock("MUG", 5)
    floor.order("R1", ("MUG", 5))
    floor.release()
    floor.plan()
    floor.take()
    (tote,) = (p.part for p in floor.ledger.find(Pick, "key"))
    with pytest.raises(WrongState, match="is a tote on its way to a customer"):
        floor.do(MoveUnit(tote, "A00-0"))
    with pytest.raises(BadInput, match="is not a bin, a pallet or a case"):
        floor.stock("MUG", 1, f"tote:{tote}")
    floor.pick()
    (parcel,) = floor.pack()
    for command in (MoveUnit(parcel.sscc, "DOCK"), OpenUnit(parcel.sscc), RelabelUnit(parcel.sscc, "X"), ReopenUnit(parcel.sscc)):
        with pytest.raises(WrongState, match="is a parcel on its way to a customer"):
            floor.do(command)
    with pytest.raises(BadInput):
        floor.do(MoveStock("MUG", 1, parcel.place, "A00-0"))
