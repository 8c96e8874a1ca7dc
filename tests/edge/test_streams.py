"""The account of one stream: what was seen, what is missing, what adds up."""

from hypothesis import given
from hypothesis import strategies as st

from floorwise.edge.streams import MISSING_RUNS, Stream


def seen(*seqs: int) -> Stream:
    stream = Stream("scale-1", 1)
    for seq in seqs:
        assert not stream.has(seq)
        stream.see(seq)
        stream.add(seq)
    return stream


def test_a_hole_is_remembered_and_a_late_reading_fills_it():
    stream = seen(5, 9)
    assert stream.missing == [[6, 8]]
    stream.see(7)
    assert stream.missing == [[6, 6], [8, 8]]
    assert stream.has(7) and not stream.has(6)


def test_a_reading_before_the_first_is_welcome():
    stream = seen(5, 2)
    assert (stream.first, stream.last, stream.missing) == (2, 5, [[3, 4]])
    assert not stream.has(1) and not stream.has(3) and not stream.has(6)


def test_the_oldest_hole_is_given_up_when_there_are_too_many():
    stream = Stream("scale-1", 1)
    holes = []
    for number in range(MISSING_RUNS + 2):
        holes.append(stream.see(1 + 3 * number))  # 2 and 3 are missing, 5 and 6, …
        stream.add(0)
    assert holes[-1] == [2, 3]
    assert (len(stream.missing), stream.given_up) == (MISSING_RUNS, 2)
    assert stream.has(2), "nobody waits for it any more"


def test_sums_wrap_at_two_to_the_sixty_four():
    stream = Stream("scale-1", 1)
    stream.add(2**64 - 1)
    stream.add(3)
    assert stream.sum == 2


@given(st.lists(st.integers(0, 60), max_size=80))
def test_an_account_knows_exactly_what_a_plain_set_knows(seqs):
    stream, known = Stream("scale-1", 1), set()
    for seq in seqs:
        assert stream.has(seq) == (seq in known)
        if seq not in known:
            assert stream.see(seq) is None
            stream.add(seq)
            known.add(seq)
    if known:
        between = set(range(min(known), max(known) + 1))
        assert {seq for low, high in stream.missing for seq in range(low, high + 1)} == between - known
        assert (stream.first, stream.last, stream.count) == (min(known), max(known), len(known))
