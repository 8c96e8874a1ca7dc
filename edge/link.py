"""One MQTT 3.1.1 connection for asyncio code, on paho's network thread.

A message is acknowledged to the broker when the caller says so (`Message.done`), never before: what a killed process had not
stored comes again. Acknowledge in arrival order; a broker hands out only `window` messages at a time (Mosquitto 20, the embedded
one 100), so groups are half of it at most.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.readings import MESSAGE_BYTES

QUEUE_MESSAGES = 1_000  # messages received and not yet taken; only QoS 0 can get here, the window holds the rest back
UNSENT_MESSAGES = 200  # publications that paho may hold; beyond it `publish` says no
RETRY_FIRST_S, RETRY_LAST_S = 0.2, 15.0
KEEPALIVE_S = 20

log = structlog.get_logger(__name__)


class Address(NamedTuple):
    """Where a broker is and who we are to it. `url` is mqtt://host:port or mqtts://host:port."""

    url: str
    username: str = ""
    password: str = ""
    ca_file: str = ""
    window: int = 20


class Message(NamedTuple):
    """A message as it came; `session` tells connections apart, because a broker's numbers start again with each."""

    topic: str
    payload: bytes
    retained: bool
    number: int
    qos: int
    session: int


def at_once(_client: mqtt.Client, _: object, line: socket.socket) -> None:
    """For `on_socket_open`: send small packets at once, or each waits up to 40 ms for the one before it to be acknowledged by TCP."""
    with contextlib.suppress(OSError):  # no TCP underneath
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Link:
    """A connection that comes back by itself.

    Subscriptions are renewed at each connect; `connected` is set when the broker has confirmed them. `will` is left with the broker.
    """

    def __init__(
        self,
        address: Address,
        client_id: str,
        topics: Sequence[str],
        keep_session: bool = True,
        will: tuple[str, bytes] | None = None,
        changed: asyncio.Event | None = None,
    ) -> None:
        parts = urlsplit(address.url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"{address.url!r} is not mqtt://host:port or mqtts://host:port")
        self.name, self.window, self.topics = client_id, address.window, list(topics)
        self.connected = asyncio.Event()
        self.changed = changed or asyncio.Event()  # set at each connect and disconnect, for whoever waits on more than one thing
        self.dropped = 0
        self.session = 0
        self._will = will
        self._is_closing = False
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=not keep_session, protocol=mqtt.MQTTv311, manual_ack=True
        )
        client.max_queued_messages_set(UNSENT_MESSAGES)
        client.reconnect_delay_set(RETRY_FIRST_S, RETRY_LAST_S)
        if address.username:
            client.username_pw_set(address.username, address.password or None)
        if parts.scheme == "mqtts":
            client.tls_set(ca_certs=address.ca_file or None)
        if will:
            client.will_set(will[0], will[1], qos=1)
        client.on_socket_open = at_once
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        client.connect_async(parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883), keepalive=KEEPALIVE_S)

    async def __aenter__(self) -> "Link":
        self._loop = asyncio.get_running_loop()
        self._client.loop_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closing = True
        if self._will:
            self.publish(*self._will)  # a broker keeps the will to itself when the parting was in good order
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        self._loop = None

    async def messages(self, most: int | None = None) -> list[Message]:
        """Wait for a message and return it with those that have come behind it, at most half the window."""
        found = [await self._queue.get()]
        while len(found) < (most or max(1, self.window // 2)) and not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found

    def done(self, messages: Sequence[Message]) -> None:
        """Acknowledge to the broker, in arrival order. Nothing happens for messages of a connection that is gone: they come again."""
        for message in messages:
            if message.session == self.session:
                self._client.ack(message.number, message.qos)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Hand over at QoS 1; False when there is no connection or too much lies unsent. True promises nothing about arrival."""
        if not self.connected.is_set():
            return False
        if len(payload) > MESSAGE_BYTES:
            raise ValueError(f"{topic}: {len(payload)} bytes; at most {MESSAGE_BYTES}")
        return self._client.publish(topic, payload, qos=1, retain=retain).rc == mqtt.MQTT_ERR_SUCCESS

    # paho calls these on its own thread

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure", False):
            self._tell(self._refused, str(reason))
            return
        self.session += 1  # here, on paho's thread, so that no acknowledgement of an older connection can slip through
        if self.topics:
            client.subscribe([(topic, 1) for topic in self.topics])
        else:
            self._tell(self._came)

    def _on_subscribe(self, _client: mqtt.Client, _data: object, _number: int, reasons: list, _properties: object) -> None:
        for topic, reason in zip(self.topics, reasons, strict=False):
            if reason.is_failure:
                self._tell(self._refused, f"{topic}: {reason}")
        self._tell(self._came)

    def _on_disconnect(self, _client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        self._tell(self._went, str(reason))

    def _on_message(self, client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no topic of ours; left unacknowledged it would come again for ever
            client.ack(message.mid, message.qos)
            self.dropped += 1
            return
        self._tell(self._take, Message(topic, message.payload, message.retain, message.mid, message.qos, self.session))

    def _tell(self, function: object, *words: object) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop closed while the thread was still reading
                loop.call_soon_threadsafe(function, *words)

    # and these run in the event loop, in the order of the calls above

    def _came(self) -> None:
        log.info("link up", link=self.name)
        self.connected.set()
        self.changed.set()

    def _went(self, reason: str) -> None:
        if self.connected.is_set() and not self._is_closing:
            log.warning("link lost", link=self.name, reason=reason)
        self.connected.clear()
        self.changed.set()
        while not self._queue.empty():  # not acknowledged and never will be on this connection: the broker sends them again
            self._queue.get_nowait()

    def _refused(self, reason: str) -> None:
        log.error("broker refuses us", link=self.name, reason=reason)

    def _take(self, message: Message) -> None:
        if self._queue.qsize() >= QUEUE_MESSAGES:
            self.dropped += 1
            return
        self._queue.put_nowait(message)
