"""The receiver's MQTT: packets come whole out of any pieces, and no bytes whatever do harm."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.adapters import mqtt_wire
from floorwise.core.adapters.mqtt_wire import PACKET_BYTES, BadPacket, Message, Reader, connect, publish, subscribe

MESSAGES = st.lists(st.tuples(st.sampled_from(["up/a/batch", "up/ä/birth"]), st.binary(max_size=300), st.integers(0, 65535)), max_size=8)


@given(MESSAGES, st.lists(st.integers(0, 1000), max_size=8))
def test_messages_come_out_once_and_in_order_however_the_stream_is_cut(messages, cuts):
    stream = b"".join(publish(*one) for one in messages)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader, heard, pubacks = Reader(), [], b""
    for start, end in pairwise(places):
        found = reader.feed(stream[start:end])
        heard += found.messages
        pubacks += found.pubacks
    assert heard == [Message(topic, payload, False) for topic, payload, _ in messages]
    assert pubacks == b"".join(b"\x40\x02" + number.to_bytes(2, "big") for _, _, number in messages if number)


def test_a_large_message_comes_in_pieces_and_other_packets_are_told_apart():
    reader = Reader()
    stream = b"\xd0\x00" + publish("up/a/batch", bytes(200_000), 7, retained=True) + b"\x20\x02\x00\x00"
    heard = [reader.feed(stream[start : start + 65_536]) for start in range(0, len(stream), 65_536)]
    assert [message for one in heard for message in one.messages] == [Message("up/a/batch", bytes(200_000), True)]
    assert [other for one in heard for other in one.others] == [(13, b""), (2, b"\0\0")]


@pytest.mark.parametrize(
    "stream",
    [
        b"\x32\x01\x00",  # no room for a topic
        b"\x32\x04\x00\x05up",  # a topic longer than its packet
        b"\x32\x04\x00\x02up",  # no packet number
        b"\x34\x06\x00\x02up\x00\x01",  # QoS 2
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        mqtt_wire._packet(0x30, bytes(PACKET_BYTES + 1))[:5],
    ],
)
def test_what_is_no_mqtt_ends_the_connection(stream):
    with pytest.raises(BadPacket):
        Reader().feed(stream)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_whatever_raise_anything_but_bad_packet(chunks):
    reader = Reader()
    try:
        for chunk in chunks:
            reader.feed(chunk)
    except BadPacket:
        pass


def test_a_topic_that_is_no_text_is_heard_with_a_mark_in_its_place():
    (message,) = Reader().feed(b"\x30\x05\x00\x02u\xffx").messages
    assert message == Message("u�", b"x", False)


def test_what_a_receiver_says_is_as_the_standard_writes_it():
    assert connect("me", 20).hex() == "100e00044d5154540402001400026d65"
    assert connect("me", 20, "u", "p").hex() == "101400044d51545404c2001400026d65" + "000175" + "000170"
    assert subscribe(["up/+/batch"]).hex() == "820f0001" + "000a75702f2b2f6261746368" + "01"
    assert publish("up", b"x", 258).hex() == "3207000275700102" + "78" and publish("up", b"x", retained=True).hex() == "3105000275" + "7078"
    long = subscribe(["t" * 100, "u" * 100])
    assert long[:3].hex() == "82d001" and len(long) == 3 + 208  # 2 + 2 × 103 = 208 = 0x50 + 128
