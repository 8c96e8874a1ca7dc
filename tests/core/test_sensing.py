"""Sensing on the small floor: what was exposed goes on hold or is flagged, and a weight that disagrees asks for a count."""

import pytest

from floorwise.core.errors import BadInput, NotFound, WrongState
from floorwise.core.flow.counting import ChangeStatus
from floorwise.core.flow.handling import BuildUnit, MoveStock
from floorwise.core.flow.sensing import BindTracker, RecordExcursion, RecordWeight, SettleExcursion, UnbindTracker
from floorwise.core.model.excursions import Excursion, Exposure, TrackerBinding
from floorwise.core.model.stock import Balance, Pool
from floorwise.core.model.work import CountTask
from floorwise.core.verify.all_checks import verify

HOUR = 3_600_000


def excursion(floor, subject: str, **more) -> dict:
    now = floor.clock.now_ms()
    words = {"kind": "temperature_c", "from_ms": now - HOUR, "to_ms": now, "peak_milli": 12_000, "limit_milli": 8_000, "device": "t-1"}
    return floor.do(RecordExcursion(subject, **(words | more)))


def on_hand(floor, place: str, sku: str = "MUG") -> dict[str, int]:
    return {row.status: row.on_hand for row in floor.ledger.find(Balance, "key", place, sku) if row.on_hand}


def sound(floor) -> None:
    assert [check for check in verify(floor.ledger) if not check.ok] == []


def test_stock_at_an_exposed_place_is_held_and_its_neighbour_stays_for_sale(floor):
    floor.stock("MUG", 5, "A00-0")
    floor.stock("MUG", 7, "A00-1")
    reply = excursion(floor, "A00-0")
    assert reply["exposed"] == 1
    assert (on_hand(floor, "A00-0"), on_hand(floor, "A00-1")) == ({"held": 5}, {"available": 7})
    assert floor.ledger.get(Pool, "main", "MUG", "house").available == 7
    (told,) = floor.told("ExcursionFound")
    assert told["exposed"] == [["held", "A00-0", "MUG", "", 5, "", 0]]
    sound(floor)


def test_units_that_stand_in_the_place_are_exposed_too(floor):
    floor.stock("MUG", 12, "A00-0")
    floor.do(BuildUnit("P1", "pallet", "A00-0"))
    floor.do(MoveStock("MUG", 8, "A00-0", "pallet:P1"))
    excursion(floor, "A00-0")
    assert (on_hand(floor, "A00-0"), on_hand(floor, "pallet:P1")) == ({"held": 4}, {"held": 8})
    sound(floor)


def test_promises_give_way_when_the_stock_behind_them_is_held(floor):
    floor.stock("MUG", 5, "A00-0")
    order = floor.order("1", ("MUG", 4))
    excursion(floor, "A00-0")
    assert floor.buckets(order) == {"backordered": 4}
    sound(floor)


def test_what_was_picked_since_it_began_is_flagged_with_its_order_and_parcel(floor):
    floor.stock("MUG", 5, "A00-0")
    order = floor.order("1", ("MUG", 2))
    (parcel,) = floor.ship()
    name = excursion(floor, "A00-0", from_ms=floor.clock.now_ms() - HOUR)["excursion"]
    rows = floor.ledger.find(Exposure, "key", name)
    told = [(row.what, row.quantity, row.order_id, row.parcel) for row in rows]
    assert told == [("held", 3, "", ""), ("flagged", 2, order, parcel.parcel)]
    assert floor.ledger.find(Exposure, "by_parcel", parcel.parcel) == [rows[1]]


def test_what_was_picked_before_it_began_is_not_exposed(floor):
    floor.stock("MUG", 5, "A00-0")
    floor.order("1", ("MUG", 2))
    floor.ship()
    floor.clock.set(floor.clock.now_ms() + 2 * HOUR)
    name = excursion(floor, "A00-0")["excursion"]
    assert [row.what for row in floor.ledger.find(Exposure, "key", name)] == ["held"]


def test_a_parcel_on_its_way_is_flagged_by_name_sscc_or_place_as_one_case(floor):
    floor.stock("MUG", 5, "A00-0")
    order = floor.order("1", ("MUG", 2))
    (parcel,) = floor.ship()
    names = {excursion(floor, subject)["excursion"] for subject in (parcel.parcel, parcel.sscc, parcel.place)}
    assert len(names) == 1
    (row,) = floor.ledger.find(Exposure, "key", names.pop())
    assert (row.what, row.sku, row.quantity, row.order_id, row.parcel) == ("flagged", "MUG", 2, order, parcel.parcel)
    assert len(floor.told("ExcursionFound")) == 1
    sound(floor)


def test_the_same_excursion_again_changes_nothing_and_an_open_one_grows_until_it_ends(floor):
    now = floor.clock.now_ms()
    floor.stock("MUG", 5, "A00-0")
    name = excursion(floor, "A00-0", to_ms=0)["excursion"]
    assert excursion(floor, "A00-0", to_ms=0) == {"excursion": name, "again": 1}
    floor.stock("MUG", 3, "A00-0")  # comes while it is still warm
    assert excursion(floor, "A00-0", to_ms=now, peak_milli=15_000)["exposed"] == 1
    row = floor.ledger.get(Excursion, name)
    assert (row.state, row.to_ms, row.peak_milli, row.exposures) == ("ended", now, 15_000, 2)
    assert on_hand(floor, "A00-0") == {"held": 8}
    floor.stock("MUG", 1, "A00-0")  # comes afterwards
    assert "again" in excursion(floor, "A00-0", to_ms=now, peak_milli=15_000)
    assert on_hand(floor, "A00-0") == {"held": 8, "available": 1}
    assert len(floor.told("ExcursionFound")) == len(floor.told("ExcursionExtended")) == 1


@pytest.mark.parametrize("decision, status", [("release", "available"), ("reject", "damaged")])
def test_a_decision_ends_the_hold_once(floor, decision, status):
    floor.stock("MUG", 5, "A00-0")
    name = excursion(floor, "A00-0", to_ms=0)["excursion"]
    with pytest.raises(WrongState, match="after it has ended"):
        floor.do(SettleExcursion(name, decision, "quality/eve"))
    excursion(floor, "A00-0")
    assert floor.do(SettleExcursion(name, decision, "quality/eve"))["units"] == 5
    assert on_hand(floor, "A00-0") == {status: 5}
    with pytest.raises(WrongState, match="is settled"):
        floor.do(SettleExcursion(name, decision, "quality/eve"))
    sound(floor)


def test_a_decision_leaves_what_somebody_has_decided_already(floor):
    floor.stock("MUG", 5, "A00-0")
    name = excursion(floor, "A00-0")["excursion"]
    floor.do(ChangeStatus("A00-0", "MUG", "held", "damaged", "melted", 2))
    assert floor.do(SettleExcursion(name, "release", "quality/eve"))["units"] == 3
    assert on_hand(floor, "A00-0") == {"available": 3, "damaged": 2}


@pytest.mark.parametrize(
    "words", [{"kind": "code"}, {"kind": "heat"}, {"side": "left"}, {"to_ms": 1}, {"from_ms": 0}, {"peak_milli": 2**60}]
)
def test_an_excursion_that_makes_no_sense_is_refused(floor, words):
    with pytest.raises(BadInput):
        excursion(floor, "A00-0", **words)


def test_an_excursion_of_nothing_we_know_is_refused(floor):
    for subject in ("A99-9", "pallet:P9", "TRANSIT", ""):
        with pytest.raises(NotFound):
            excursion(floor, subject)


def test_a_device_is_bound_to_one_subject_at_a_time(floor):
    now = floor.clock.now_ms()
    floor.do(BindTracker("t-1", "A00-0", "chilled"))
    assert floor.do(BindTracker("t-1", "A00-0", "chilled"))["again"] == 1
    floor.clock.set(now + 1000)
    floor.do(BindTracker("t-1", "A00-1", "frozen"))
    rows = floor.ledger.find(TrackerBinding, "key", "t-1")
    assert [(row.subject, row.bound_at_ms, row.released_at_ms) for row in rows] == [("A00-0", now, now + 1000), ("A00-1", now + 1000, 0)]
    assert floor.do(UnbindTracker("t-1")) == {"released": 1}
    assert floor.do(UnbindTracker("t-1")) == {"released": 0}
    assert floor.ledger.find(TrackerBinding, "by_open", 0) == []


def test_a_case_ends_with_the_binding_of_its_device_whichever_is_told_first(floor):
    now = floor.clock.now_ms()
    floor.stock("MUG", 5, "A00-0")
    floor.do(BindTracker("t-1", "A00-0", "chilled", at_ms=now - 2 * HOUR))
    first = excursion(floor, "A00-0", to_ms=0)["excursion"]
    floor.do(UnbindTracker("t-1", at_ms=now + HOUR))
    later = excursion(floor, "A00-0", to_ms=0, from_ms=now + HOUR // 2)["excursion"]  # readings of that time came after the unbinding
    rows = [floor.ledger.get(Excursion, name) for name in (first, later)]
    assert [(row.state, row.to_ms) for row in rows] == [("ended", now + HOUR)] * 2
    assert floor.do(SettleExcursion(first, "release", "quality/eve"))["units"] == 5
    sound(floor)


@pytest.mark.parametrize(
    "command, error",
    [
        (BindTracker("no/name", "A00-0"), BadInput), (BindTracker("t-1", "A00-0", "tepid"), BadInput),
        (BindTracker("t-1", "A00-0", "", -1), BadInput), (BindTracker("t-1", "A99-9"), NotFound),
    ],
)  # fmt: skip
def test_a_binding_that_cannot_be_is_refused_by_name(floor, command, error):
    with pytest.raises(error):
        floor.do(command)


def weigh(floor, grams: int, sigma: int = 2, place: str = "A00-0") -> dict:
    return floor.do(RecordWeight(place, grams, sigma, "scale-1"))


def test_the_right_weight_within_noise_opens_nothing(floor):
    floor.stock("MUG", 10, "A00-0")  # 300 g each
    for grams in (3_000, 3_000 - 150, 3_000 + 150):  # half a mug still is no mug
        assert weigh(floor, grams) == {"differs": 0, "expected_g": 3_000}
    assert weigh(floor, 3_000 + 399, sigma=100) == {"differs": 0, "expected_g": 3_000}  # 4 × 100 g of noise
    assert floor.ledger.find(CountTask, "by_place", "A00-0") == []


def test_a_missing_piece_opens_one_count_and_edits_no_stock(floor):
    floor.stock("MUG", 10, "A00-0")
    assert weigh(floor, 2_700)["differs"] == 1
    assert weigh(floor, 2_701)["differs"] == 1
    (task,) = floor.ledger.find(CountTask, "by_place", "A00-0")
    assert (task.sku, task.expected, task.state, task.cause) == ("MUG", 10, "open", "scale-1 weighs 2700 g, the books say 3000 g")
    assert on_hand(floor, "A00-0") == {"available": 10}
    assert [told["tasks"] for told in floor.told("WeightDiffers")] == [[task.task]] * 2


def test_of_two_articles_the_one_whose_pieces_explain_the_difference_is_counted(floor):
    floor.stock("MUG", 10, "A00-0")  # 3,000 g
    floor.stock("BOWL", 4, "A00-0")  # 2,000 g
    weigh(floor, 4_500)  # a bowl is missing: 500 g is no number of mugs
    assert [task.sku for task in floor.ledger.find(CountTask, "by_place", "A00-0")] == ["BOWL"]


def test_something_on_an_empty_shelf_opens_a_count_of_what_was_there_last(floor):
    floor.stock("MUG", 1, "A00-0")
    floor.do(MoveStock("MUG", 1, "A00-0", "A00-1"))
    assert weigh(floor, 300)["differs"] == 1
    assert [task.sku for task in floor.ledger.find(CountTask, "by_place", "A00-0")] == ["MUG"]
    assert weigh(floor, 300, place="A02-9")["tasks"] == []  # nobody knows what it is: the event tells


def test_a_weight_says_nothing_while_somebody_walks_there(floor):
    floor.stock("MUG", 10, "A00-0")
    floor.order("1", ("MUG", 2))
    floor.release()
    floor.plan()
    floor.take()
    assert weigh(floor, 2_400) == {"differs": 0, "unsettled": 1}
    floor.pick()
    assert weigh(floor, 2_400) == {"differs": 0, "expected_g": 2_400}


def test_a_weight_that_is_older_than_the_last_change_of_its_bin_says_nothing(floor):
    floor.stock("MUG", 10, "A00-0")
    weighed_at_ms = floor.clock.now_ms() + 1
    floor.clock.set(weighed_at_ms + HOUR)
    floor.stock("MUG", 2, "A00-0")  # booked after the scale looked: 3,000 g was right then
    assert floor.do(RecordWeight("A00-0", 3_000, 2, "scale-1", weighed_at_ms)) == {"differs": 0, "unsettled": 1}
    floor.clock.set(weighed_at_ms + 2 * HOUR)
    assert floor.do(RecordWeight("A00-0", 3_000, 2, "scale-1", weighed_at_ms + 2 * HOUR))["differs"] == 1
