"""Acks made range by range name exactly the readings that were taken, and stay below the bound of a message."""

from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model.readings import MESSAGE_BYTES, Reading, Refusal, decode_ack, encode_ack
from floorwise.gateway.acks import ack_payloads, add_ranges

KEYS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 2), st.integers(0, 30)), max_size=60)


def readings(keys) -> list[Reading]:
    return [Reading(*key, 0, {}) for key in keys]


@given(KEYS, KEYS)
def test_every_key_is_named_and_no_other(one, two):
    ranges = {}
    add_ranges(ranges, readings(one))
    add_ranges(ranges, readings(two))
    heard = [range_ for payload in ack_payloads(ranges, []) for range_ in decode_ack(payload).ranges]
    assert {(r.device, r.boot, seq) for r in heard for seq in range(r.first, r.last + 1)} == set(one) | set(two)


def test_keys_in_order_give_the_very_bytes_of_the_contract_s_own_writer():
    keys = [("a", 1, 1), ("a", 1, 2), ("a", 1, 5), ("b", 3, 9)]
    ranges = {}
    add_ranges(ranges, readings(keys))
    assert list(ack_payloads(ranges, [])) == [encode_ack(keys)]


def test_the_longest_names_holes_and_reasons_stay_below_the_bound():
    ranges = {}
    for n in range(2_000):
        add_ranges(ranges, readings([(f"{n:04}{'x' * 60}", 2**52, 2**52)]))
    add_ranges(ranges, readings([("y" * 64, 2**52, 2**52 - 2 * n) for n in range(5_000)]))
    refused = [Refusal("z" * 64, 2**52, 2**52 + n, "°" * 200) for n in range(1_000)]
    payloads = list(ack_payloads(ranges, refused))
    assert max(map(len, payloads)) <= MESSAGE_BYTES
    assert sum(len(decode_ack(payload).ranges) for payload in payloads) == 7_000
    assert [one for payload in payloads for one in decode_ack(payload).refused] == refused
