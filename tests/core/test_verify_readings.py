"""I1 by hand: each way in which a reading can be lost, doubled, changed or dropped in silence is found, and where."""

import pytest

from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.core.model.stored import StoredStream
from floorwise.core.verify.readings import Pending, Rows, SpoolAccount, checks, read_rows

LOOKS = [Reading("t-1", 1, seq, 1000 + seq, {"temperature_c": seq / 2}) for seq in range(1, 7)]
MARKS = [digest(look) for look in LOOKS]


def total(*seqs: int) -> int:
    return sum(MARKS[seq - 1] for seq in seqs) & SUM_MASK


def stream(*seqs: int, removed: tuple[int, ...] = ()) -> StoredStream:
    return StoredStream("t-1", 1, min(seqs), max(seqs), len(seqs), total(*seqs), len(removed), total(*removed))


def rows(*seqs: int, told: int = 0) -> Rows:
    return read_rows([LOOKS[seq - 1] for seq in seqs])._replace(told={("t-1", 1): told} if told else {})


def spool(*accepted: int, dropped: tuple[int, ...] = (), untold: int = 0) -> SpoolAccount:
    return SpoolAccount("t-1", 1, len(accepted), total(*accepted), len(dropped), total(*dropped), untold)


def broken(*words, **more) -> dict[str, str]:
    return {check.name: check.detail for check in checks(*words, **more) if not check.ok}


def test_all_that_was_accepted_is_stored_and_every_check_says_so():
    found = checks([stream(1, 2, 3)], rows(1, 2, 3), [], [spool(1, 2, 3)])
    assert [(check.name, check.ok, check.seen) for check in found] == [
        ("I1 spools and store", True, 3), ("I1 rows and marks", True, 3), ("I1 no key twice", True, 3), ("I1 drops told", True, 0),
    ]  # fmt: skip


def test_a_lost_reading_is_found_by_count_and_sum():
    found = broken([stream(1, 2)], rows(1, 2), [], [spool(1, 2, 3)])
    assert list(found) == ["I1 spools and store"]
    assert "t-1 boot 1 readings: 2 is stored, 3 follows" in found["I1 spools and store"]
    assert "3 follows" in broken([], rows(), [], [spool(1, 2, 3)])["I1 spools and store"]


def test_a_reading_that_changed_on_its_way_is_found_by_its_sum():
    found = broken([stream(1, 2, 4)], rows(1, 2, 4), [], [spool(1, 2, 3)])
    assert found["I1 spools and store"].startswith("t-1 boot 1 sum:")


def test_what_waits_may_be_stored_already_or_not():
    waiting = [Pending(("t-1", 1, 2), MARKS[1]), Pending(("t-1", 1, 3), MARKS[2])]
    assert broken([stream(1, 2)], rows(1, 2), [], [spool(1, 2, 3)], waiting, {("t-1", 1, 2): MARKS[1]}) == {}
    assert broken([stream(1)], rows(1), [], [spool(1, 2, 3)], waiting, {}) == {}
    assert broken([stream(1)], rows(1), [], [spool(1, 2, 3)], waiting[:1], {})


def test_a_waiting_reading_that_is_stored_with_other_content_is_found():
    waiting = [Pending(("t-1", 1, 2), MARKS[1])]
    assert broken([stream(1, 2)], rows(1, 2), [], [spool(1, 2)], waiting, {("t-1", 1, 2): 7})


def test_dropped_readings_are_not_missed_when_they_were_told():
    assert broken([stream(1, 3)], rows(1, 3, told=1), [], [spool(1, 2, 3, dropped=(2,))]) == {}
    assert broken([stream(1, 3)], rows(1, 3), [], [spool(1, 2, 3, dropped=(2,), untold=1)]) == {}
    found = broken([stream(1, 3)], rows(1, 3), [], [spool(1, 2, 3, dropped=(2,))])
    assert found == {"I1 drops told": "t-1 boot 1: 1 readings were dropped, 0 were told"}
    assert broken([stream(1, 3)], rows(1, 3, told=2), [], [spool(1, 2, 3, dropped=(2,))])


def test_a_reading_that_the_gateway_turned_away_needs_no_gap():
    assert broken([stream(1, 3)], rows(1, 3), [], [spool(1, 2, 3, dropped=(2,))], turned_away={("t-1", 1): 1}) == {}


def test_two_agents_that_heard_one_device_in_turn_are_added_up():
    assert broken([stream(1, 2, 3, 4)], rows(1, 2, 3, 4), [], [spool(1, 2), spool(3, 4)]) == {}


def test_retention_leaves_rows_and_marks_in_agreement():
    assert broken([stream(1, 2, 3, removed=(1, 2))], rows(3), [], [spool(1, 2, 3)]) == {}
    assert list(broken([stream(1, 2, 3, removed=(1,))], rows(3), [], [spool(1, 2, 3)])) == ["I1 rows and marks"]


@pytest.mark.parametrize("there", [(1, 2), (1, 2, 3, 4), (1, 2, 5)])
def test_rows_that_do_not_give_their_marks_are_found(there):
    assert list(broken([stream(1, 2, 3)], rows(*there), [])) == ["I1 rows and marks"]


def test_rows_without_any_mark_and_a_key_that_stands_twice_are_found():
    assert broken([], rows(1), []) == {"I1 rows and marks": "t-1 boot 1: 1 readings have rows and no mark"}
    assert broken([stream(1)], rows(1), [("t-1", 1, 1, 2)]) == {"I1 no key twice": "t-1 boot 1 seq 1 stands 2 times"}


def test_gap_readings_are_added_up_by_the_stream_they_are_about():
    gap = {"about": "t-1", "gap_boot": 1.0, "gap_count": 2.0, "gap_first": 1.0, "gap_last": 9.0}
    reasons = ("thinned", "damaged", "unreadable")  # the last were never accepted
    gaps = [Reading("edge-1", 9, n, 5, gap | {"gap_reason": reason}) for n, reason in enumerate(reasons, 1)]
    assert read_rows(gaps).told == {("t-1", 1): 4}
