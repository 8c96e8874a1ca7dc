"""The journal: one form for each content, one head for each past, and no tampering that goes unseen."""

import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core import journal
from floorwise.core.errors import Damaged
from floorwise.core.model.canonical import LARGEST_INTEGER, canonical, fingerprint
from floorwise.core.model.journal import Event

# Never to change, stored journals depend on it. The head is that of: (head -c 32 /dev/zero; printf '%s' "$LINE") | sha256sum
LINE = '{"at_ms":1323075600000,"body":{"name":"Zoë","parts":[["A",1],["B",2]],"rush":true},"kind":"Test","number":1,"schema":1}'
HEAD_1 = "298b966a73bfebe4e00e062622e8bc6e0de628d4b84efc4d7d4beedbbd656a31"


def events(count: int) -> list[Event]:
    """A sound journal."""
    made, head = [], journal.GENESIS
    for number in range(1, count + 1):
        kind = ("OrderPlaced", "PickConfirmed", "TourDone")[number % 3]
        body = {"order_id": f"O{number}", "lines": [[1, "MUG", number % 7]], "note": "Zoë" if number % 5 else ""}
        line = journal.event_line(number, kind, 1_000 * number, body)
        head = journal.chained(head, line)
        made.append(Event(number, kind, 1_000 * number, line, head))
    return made


def found(stored: list[Event], saved: list[tuple[int, str]]) -> list[str]:
    return [fault.detail for fault in journal.faults(stored, saved)]


def test_the_line_of_an_event_is_canonical_and_its_head_is_the_hash_of_all_before():
    body = {"rush": True, "name": "Zoë", "parts": [("A", 1), ("B", 2)]}
    assert journal.event_line(1, "Test", 1_323_075_600_000, body) == LINE
    assert journal.chained(journal.GENESIS, LINE) == HEAD_1
    assert journal.chained(HEAD_1, LINE) != HEAD_1


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(st.dictionaries(texts, values, max_size=4), st.randoms(use_true_random=False))
def test_equal_content_has_one_form_whatever_its_order(body, chance):
    names = list(body)
    chance.shuffle(names)
    shuffled = {name: body[name] for name in names}
    assert canonical(shuffled) == canonical(body)
    assert fingerprint(shuffled) == fingerprint(body)
    event = Event(1, "Test", 5, journal.event_line(1, "Test", 5, body), "")
    assert journal.body_of(event) == body


@pytest.mark.parametrize("wrong", [1.0, None, 2**53, -(2**53), float("nan"), b"bytes", {"a"}, {1: "key"}, [[0.5]]])
def test_what_has_no_one_form_has_no_form(wrong):
    with pytest.raises(ValueError):
        canonical({"field": wrong})


def test_a_sound_journal_has_no_faults():
    told = events(50)
    assert found(told, [(event.number, event.head) for event in told]) == []
    assert found([], []) == []
    journal.require_sound(told)


def test_a_cut_end_is_seen_by_a_saved_head_only():
    told = events(10)
    assert found(told[:7], []) == []
    assert found(told[:7], [(5, told[4].head)]) == []
    assert found(told[:7], [(9, told[8].head)]) == ["a head was saved for event 9, the journal ends at 7: its end was cut off"]


def test_a_past_written_anew_is_seen_by_a_saved_head_only():
    told, other = events(10), events(10)
    line = other[3].line.replace("MUG", "JUG")
    forked, head = other[:3], other[2].head
    for event in [other[3]._replace(line=line), *other[4:]]:
        head = journal.chained(head, event.line)
        forked.append(event._replace(head=head))
    assert found(forked, []) == []
    assert any("the head saved for event 6" in detail for detail in found(forked, [(6, told[5].head)]))


def test_two_heads_saved_for_one_event_cannot_both_be_right():
    told = events(3)
    assert len(found(told, [(2, told[1].head), (2, told[2].head)])) == 1


@pytest.mark.parametrize("head", ["", "x" * 64, "00", 7, b"\0" * 32, "é"])
def test_a_head_that_is_no_hash_is_a_fault_and_no_crash(head):
    told = events(4)
    told[1] = told[1]._replace(head=head)
    assert len(found(told, [(2, told[2].head)])) >= 2


@pytest.mark.parametrize("line", ["", "[]", "{", "7", "null", '"text"', 5, b"{}", "\ud800"])
def test_a_line_that_is_none_is_a_fault_and_no_crash(line):
    told = events(4)
    told[1] = told[1]._replace(line=line)
    assert any("event 2" in detail for detail in found(told, []))


def test_a_reader_that_must_not_go_on_stops_at_the_first_fault():
    told = events(5)
    told[2] = told[2]._replace(kind="Other")
    with pytest.raises(Damaged, match="event 3 is filed as Other"):
        journal.require_sound(told)


# tampering, by chance


def tampered(told: list[Event], chance: random.Random) -> list[Event]:
    """One random change of a stored journal that makes it another one."""
    told = list(told)
    at = chance.randrange(len(told))
    event, before = told[at], told[at - 1].head if at else journal.GENESIS
    match chance.choice(("line", "column", "head", "delete", "swap", "lines", "double", "cut", "fork", "rewrite")):
        case "line":
            where = chance.randrange(len(event.line))
            told[at] = event._replace(line=event.line[:where] + chance.choice("0aZ}\x00é") + event.line[where + chance.randint(0, 2) :])
        case "column":
            told[at] = event._replace(**chance.choice(({"kind": "Other"}, {"at_ms": event.at_ms + 1}, {"number": event.number + 1})))
        case "head":
            where = chance.randrange(64)
            told[at] = event._replace(head=event.head[:where] + chance.choice("0123456789abcdefx") + event.head[where + 1 :])
        case "delete":
            del told[at : at + chance.randint(1, 3)]
        case "swap":
            other = chance.randrange(len(told))
            told[at], told[other] = told[other], event
        case "lines":
            other = chance.randrange(len(told))
            told[at], told[other] = event._replace(line=told[other].line), told[other]._replace(line=event.line)
        case "double":
            told.insert(at, event)
        case "cut":
            del told[at:]
        case "fork":  # another end, chained as it should be
            told[at:] = rechained(before, [e._replace(line=e.line.replace("MUG", "JUG")) for e in told[at:]])
        case "rewrite":  # one event less in the past, everything behind numbered and chained anew
            told[at:] = rechained(before, [renumbered(e, e.number - 1) for e in told[at + 1 :]])
    return told


def renumbered(event: Event, number: int) -> Event:
    return event._replace(number=number, line=event.line.replace(f'"number":{event.number},', f'"number":{number},'))


def rechained(head: str, told: list[Event]) -> Iterator[Event]:
    for event in told:
        head = journal.chained(head, event.line)
        yield event._replace(head=head)


def unseen(mutations: int, length: int = 40, seed: int = 1) -> tuple[int, int]:
    """(mutations that changed something, those of them that were not found)."""
    told, chance = events(length), random.Random(seed)
    saved = [(event.number, event.head) for event in told if event.number % 7 == 0 or event.number == length]
    changed = missed = 0
    for _ in range(mutations):
        other = tampered(told, chance)
        if other != told:
            changed += 1
            missed += not found(other, saved)
    return changed, missed


def test_every_one_of_some_hundred_mutations_is_found():
    changed, missed = unseen(600)
    assert changed > 500 and missed == 0


@pytest.mark.slow
def test_every_one_of_ten_thousand_mutations_is_found():
    changed, missed = unseen(11_000)
    assert changed > 10_000 and missed == 0


def test_a_verifier_that_skips_the_hash_misses_many(monkeypatch):
    monkeypatch.setattr(journal, "_follows", lambda head, event: True)
    assert unseen(300)[1] > 10


LEAVES = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | st.text() | st.booleans()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_line_is_the_canonical_form_of_all_it_says(value):
    told = {"at_ms": 7, "body": {"a": value}, "kind": "StockMoved", "number": 3, "schema": 1}
    plain = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert journal.event_line(3, "StockMoved", 7, {"a": value}) == canonical(told) == plain
