"""The fast reader says what the contract's reader says, of good payloads, bad ones and broken ones."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from floorwise.core.model.readings import KINDS, BadPayload, Number, decode_batch
from floorwise.gateway.batch_decoding import decode

ODD = st.sampled_from([None, True, False, 2**53, 10**400, -0.0])
NUMBERS = st.one_of(st.integers(-5, 300), st.floats(allow_nan=False), ODD)
NAMES = st.one_of(st.sampled_from(["edge-1", "climate-1", "", "a b", "x" * 65]), st.text(max_size=5))
KIND_NAMES = st.one_of(st.sampled_from([*KINDS, "temperature_f"]), st.text(max_size=3))
VALUES = st.dictionaries(KIND_NAMES, st.one_of(NUMBERS, st.text(max_size=300), st.just("01\x1d17")), max_size=18)
GOOD = st.dictionaries(
    st.sampled_from([kind for kind, rule in KINDS.items() if isinstance(rule, Number)]), st.floats(0, 1), min_size=1, max_size=4
)
ROWS = st.one_of(
    st.tuples(st.integers(0, 99), st.integers(0, 2**53 - 1), st.one_of(GOOD, VALUES)),
    st.tuples(NUMBERS, NUMBERS, VALUES), st.lists(NUMBERS, max_size=4),
)  # fmt: skip
BLOCKS = st.fixed_dictionaries({"device": NAMES, "boot": st.one_of(st.integers(0, 9), NUMBERS), "readings": st.lists(ROWS, max_size=4)})
BODIES = st.fixed_dictionaries(
    {"agent": st.one_of(st.just("edge-1"), NAMES), "ts": st.one_of(st.integers(0, 9), NUMBERS), "blocks": st.lists(BLOCKS, max_size=3)},
    optional={"more": NUMBERS},
)


def said(read, payload: bytes):
    try:
        decoded = read(payload, "edge-1")
    except BadPayload as error:
        return str(error)
    return decoded._replace(readings=[(*reading[:4], repr(sorted(reading.values.items()))) for reading in decoded.readings])


def agree(payload: bytes) -> None:
    fast, plain = said(decode, payload), said(decode_batch, payload)
    assert fast == plain or repr(fast).replace("-0.0", "0.0") == repr(plain)  # the contract turns -0.0 into 0.0, which equals it


@given(BODIES)
def test_both_say_the_same_of_whatever_is_json(body):
    agree(json.dumps(body).encode())


@given(st.one_of(st.binary(max_size=60), BODIES.map(lambda body: json.dumps(body).encode()[:-3])))
@example(b'{"agent":"edge-1","ts":1,"blocks":[{"device":"a","boot":1,"readings":[[1,1,{"light_lx":NaN}]]}]}')
@example(b'{"agent":"edge-1","ts":1,"blocks":[{"device":"a\\ud800","boot":1,"readings":[]}]}')
@example(b"[" * 100_000)
def test_both_say_the_same_of_what_is_not(payload):
    agree(payload)


def test_more_readings_than_a_message_may_hold_are_refused_by_both():
    rows = [[seq, 1, {"light_lx": 1.0}] for seq in range(501)]
    body = {"agent": "edge-1", "ts": 1, "blocks": [{"device": f"d{n}", "boot": 1, "readings": rows} for n in range(2)]}
    payload = json.dumps(body).encode()
    with pytest.raises(BadPayload, match="more than 1000"):
        decode(payload, "edge-1")
    agree(payload)


def test_a_batch_of_somebody_else_is_refused():
    with pytest.raises(BadPayload, match="'edge-2' speaks on the topic of 'edge-1'"):
        decode(b'{"agent":"edge-2","ts":1,"blocks":[]}', "edge-1")
