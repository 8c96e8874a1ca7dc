"""One MQTT 3.1.1 connection that only listens: what has come is read in one go, handed over, and acknowledged message by message.

paho reads a message with four system calls, waits before and wakes itself after each: that costs ten times what is done here, and is most
of the price of a reading. Publishing, where nothing is in a hurry, stays with paho (`bus_mqtt`).
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import structlog

from floorwise.core.adapters import mqtt_wire as wire
from floorwise.core.adapters.bus_mqtt import KEEPALIVE_S, RETRY_FIRST_S, RETRY_LAST_S, BusAddress
from floorwise.core.adapters.mqtt_wire import BadPacket, Message

CHUNK_BYTES = 256 * 1024  # read at once
GREETING_S = 10.0  # for a connection to stand, subscriptions and all
SEND_S = 10.0  # for a few bytes; a broker that takes none so long is gone

log = structlog.get_logger(__name__)


class MqttReceiver:
    """A connection from `start` to `stop`; it comes back by itself and renews its subscriptions at each connect.

    on_messages  messages in order of arrival, on the receiver's thread: take them and return; then the broker gets its PUBACKs, which
                 promise nothing: whoever needs more says so with an acknowledgement of its own (`ack/<device>`)
    """

    def __init__(
        self, address: BusAddress | str, client_id: str, topics: Sequence[str], on_messages: Callable[[list[Message]], None]
    ) -> None:
        address = BusAddress(address) if isinstance(address, str) else address
        parts = urlsplit(address.url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"{address.url!r} is not mqtt://host:port or mqtts://host:port")
        self.name, self.topics, self._address = client_id, list(topics), address
        self._is_secure = parts.scheme == "mqtts"
        self._place = parts.hostname, parts.port or (8883 if self._is_secure else 1883)
        self._on_messages = on_messages
        self._up, self._closing = threading.Event(), threading.Event()
        self._wake, self._told = socket.socketpair()  # what wakes the thread when it is to end
        self._thread = threading.Thread(target=self._run, name=client_id, daemon=True)

    def start(self) -> None:
        """Connect, now or as soon as there is a broker, and stay connected."""
        self._thread.start()

    def stop(self) -> None:
        """Part in good order; a second time does nothing."""
        if not self._closing.is_set():
            self._closing.set()
            self._wake.send(b"\0")
            if self._thread.is_alive():
                self._thread.join()
            self._wake.close()
            self._told.close()

    @property
    def is_connected(self) -> bool:
        return self._up.is_set()

    def wait_connected(self, timeout_s: float) -> bool:
        """Whether the broker has confirmed the subscriptions within that time."""
        return self._up.wait(timeout_s)

    # on the receiver's thread

    def _run(self) -> None:
        pause = RETRY_FIRST_S
        while not self._closing.is_set():
            reason = ""
            try:
                with self._connected() as link:
                    reader, left = self._greet(link)
                    log.info("link_up", link=self.name)
                    self._up.set()
                    pause = RETRY_FIRST_S
                    self._listen(link, reader, left)
            except (OSError, ValueError) as error:  # ValueError: BadPacket, and a host that is no name
                reason = f"{type(error).__name__}: {error}"
            if self._up.is_set() and not self._closing.is_set():
                log.warning("link_lost", link=self.name, reason=reason)
            self._up.clear()
            self._closing.wait(pause)
            pause = min(2 * pause, RETRY_LAST_S)

    def _connected(self) -> socket.socket:
        plain = socket.create_connection(self._place, GREETING_S)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._is_secure:
                return ssl.create_default_context(cafile=self._address.ca_file or None).wrap_socket(plain, server_hostname=self._place[0])
            return plain
        except BaseException:
            plain.close()
            raise

    def _greet(self, link: socket.socket) -> tuple[wire.Reader, wire.Heard]:
        """Say who we are and what we want to hear; give what came after the broker's consent."""
        reader, until = wire.Reader(), time.monotonic() + GREETING_S
        link.sendall(wire.connect(self.name, KEEPALIVE_S, self._address.username, self._address.password))
        (answer, *_) = self._await(link, reader, until).others
        if answer[0] != wire.CONNACK or answer[1][1:2] != b"\0":
            log.error("broker_refuses_us", link=self.name, reason=f"CONNACK {answer[1].hex()}")
            raise BadPacket("the broker refuses us")
        link.sendall(wire.subscribe(self.topics))
        heard = self._await(link, reader, until)
        for topic, code in zip(self.topics, heard.others[0][1][2:], strict=False):
            if code & 0x80:
                log.error("broker_refuses_topic", link=self.name, topic=topic)
        return reader, heard

    def _await(self, link: socket.socket, reader: wire.Reader, until: float) -> wire.Heard:
        """Read until a packet that is no message has come; messages before it are handed over."""
        while True:
            link.settimeout(max(0.01, until - time.monotonic()))
            data = link.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionError("the broker closed the connection")
            heard = reader.feed(data)
            if heard.others:
                return heard
            self._hand_over(link, heard)

    def _listen(self, link: socket.socket, reader: wire.Reader, heard: wire.Heard) -> None:
        """Hear until the connection ends or we are told to stop."""
        with selectors.DefaultSelector() as news:  # select() itself takes no file beyond the 1024th, and a gateway has many
            news.register(link, selectors.EVENT_READ)
            news.register(self._told, selectors.EVENT_READ)
            self._follow(link, reader, heard, news)

    def _follow(self, link: socket.socket, reader: wire.Reader, heard: wire.Heard, news: selectors.BaseSelector) -> None:
        spoke = listened = time.monotonic()
        link.settimeout(SEND_S)
        while True:
            if heard.messages:
                self._hand_over(link, heard)
            now = time.monotonic()
            if heard.pubacks:
                spoke = now
            elif now - spoke >= KEEPALIVE_S / 2:
                link.sendall(wire.PINGREQ)
                spoke = now
            if now - listened > 1.5 * KEEPALIVE_S:
                raise ConnectionError(f"the broker has said nothing for {now - listened:.0f} s")
            heard = wire.Heard([], b"", [])
            if not (isinstance(link, ssl.SSLSocket) and link.pending()):
                ready = [key.fileobj for key, _ in news.select(KEEPALIVE_S / 4)]
                if self._told in ready:
                    with contextlib.suppress(OSError):
                        link.sendall(wire.DISCONNECT)
                    return
                if not ready:
                    continue
            data = link.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionError("the broker closed the connection")
            listened = time.monotonic()
            heard = reader.feed(data)

    def _hand_over(self, link: socket.socket, heard: wire.Heard) -> None:
        if heard.messages:
            try:
                self._on_messages(heard.messages)
            except Exception:  # the connection must not end for it
                log.exception("message_handler_failed", link=self.name, topic=heard.messages[0].topic)
        if heard.pubacks:
            link.sendall(heard.pubacks)
