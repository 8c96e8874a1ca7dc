"""The part of MQTT 3.1.1 that a receiver needs, as bytes: no socket, no clock. Chapter numbers are those of the OASIS standard.

One who only listens at QoS 1 sends CONNECT, SUBSCRIBE, PUBACK, PINGREQ, DISCONNECT, and understands CONNACK, SUBACK, PUBLISH, PINGRESP.
"""

from collections.abc import Sequence
from typing import NamedTuple

from floorwise.core.model.readings import MESSAGE_BYTES

PACKET_BYTES = MESSAGE_BYTES + 128 * 1024  # a longer packet ends the connection; a topic has at most 64 KiB
TOPICS_KEPT = 100_000  # texts of topics heard; beyond it they are decoded again
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ, DISCONNECT = b"\xc0\x00", b"\xe0\x00"
SUBSCRIBE_NUMBER = 1  # packet identifier of the one SUBSCRIBE a connection sends


class BadPacket(ValueError):
    """The other side does not speak MQTT 3.1.1, or has lost its place; the connection must end."""


class Message(NamedTuple):
    """A PUBLISH as it came."""

    topic: str
    payload: bytes
    retained: bool


class Heard(NamedTuple):
    """What some bytes held: messages, the PUBACKs for them in their order, and other packets as (kind, body)."""

    messages: list[Message]
    pubacks: bytes
    others: list[tuple[int, bytes]]


class Reader:
    """Cuts a stream of bytes into packets; a packet may come in any number of pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self._wanted = 0  # bytes without which there is nothing new to read
        self._topics: dict[bytes, str] = {}

    def feed(self, data: bytes) -> Heard:
        """Take the next bytes; give what is complete. Raises BadPacket."""
        data = self._rest + data if self._rest else data
        heard = Heard([], b"", [])
        if len(data) < self._wanted:
            self._rest = data
            return heard
        messages, pubacks, topics, size, at = heard.messages, [], self._topics, len(data), 0
        self._wanted = 0
        while size - at >= 2:
            begin, length = at + 2, data[at + 1]
            if length & 0x80:
                length, begin = _length(data, at + 1)
                if begin < 0:
                    break
            end = begin + length
            if end > size:
                self._wanted = end - at
                break
            first = data[at]
            if first >> 4 == PUBLISH:
                text = begin + 2 + (data[begin] << 8 | data[begin + 1]) if length >= 2 else end + 1
                body = text + 2 if first & 6 else text
                if body > end or first & 4:  # QoS 2 and 3 were never asked for
                    raise BadPacket("a PUBLISH that is none")
                if first & 6:
                    pubacks.append(data[text:body])
                name = data[begin + 2 : text]
                topic = topics.get(name)
                messages.append(Message(topic if topic is not None else self._topic(name), data[body:end], bool(first & 1)))
            else:
                heard.others.append((first >> 4, data[begin:end]))
            at = end
        self._rest = data[at:]
        return heard._replace(pubacks=b"".join([b"\x40\x02" + number for number in pubacks]))  # 3.4

    def _topic(self, name: bytes) -> str:
        if len(self._topics) >= TOPICS_KEPT:
            self._topics.clear()
        topic = self._topics[name] = name.decode(errors="replace")  # no topic of ours has such letters: it is refused by name
        return topic


def connect(client_id: str, keepalive_s: int, username: str = "", password: str = "") -> bytes:
    """CONNECT with a clean session (3.1)."""
    flags = 0x02 | (0x80 if username else 0) | (0x40 if username and password else 0)
    body = _text("MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + _text(client_id)
    if username:
        body += _text(username) + (_text(password) if password else b"")
    return _packet(0x10, body)


def subscribe(topics: Sequence[str]) -> bytes:
    """SUBSCRIBE at QoS 1 (3.8)."""
    return _packet(0x82, SUBSCRIBE_NUMBER.to_bytes(2, "big") + b"".join(_text(topic) + b"\x01" for topic in topics))


def publish(topic: str, payload: bytes, number: int = 0, retained: bool = False) -> bytes:
    """PUBLISH at QoS 1, or 0 without a number (3.3): what brokers send us, for tests and benchmarks."""
    identifier = number.to_bytes(2, "big") if number else b""
    return _packet(0x30 | (2 if number else 0) | retained, _text(topic) + identifier + payload)


def _packet(first: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:  # 2.2.3: seven bits a byte, the lowest first
        left, low = divmod(left, 128)
        length.append(low | (0x80 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A remaining length of more than one byte, and where the body begins; (0, -1) while it is not all there."""
    length = 0
    for place in range(4):
        if at + place >= len(data):
            return 0, -1
        byte = data[at + place]
        length |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            if length > PACKET_BYTES:
                raise BadPacket(f"a packet of {length} bytes; at most {PACKET_BYTES}")
            return length, at + place + 1
    raise BadPacket("a length of more than four bytes")


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded
