"""One MQTT 3.1.1 connection for threaded code: the Bus port, and what is heard on a few topic filters.

It comes back by itself and renews its subscriptions at each connect. A message is acknowledged to the broker once `on_message` has
returned, which promises nothing: whoever needs more says so with an acknowledgement of its own (`ack/<device>`).
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.readings import MESSAGE_BYTES

UNSENT_MESSAGES = 20_000  # handed over and not yet at the broker, through an outage too; beyond it `publish` drops and counts
INFLIGHT_MESSAGES = 100  # publications without a PUBACK; more wait among the unsent
RETRY_FIRST_S, RETRY_LAST_S = 1, 5  # between attempts to connect
KEEPALIVE_S = 20  # the embedded broker closes a connection that asks for 0

log = structlog.get_logger(__name__)


class BusAddress(NamedTuple):
    """Where a broker is and who we are to it. `url` is mqtt://host:port or mqtts://host:port."""

    url: str
    username: str = ""
    password: str = ""
    ca_file: str = ""


class MqttBus:
    """A connection from `start` to `stop`.

    on_message   (topic, payload, retained), on the network's thread: take it and return
    on_up        called on that thread whenever the connection stands and its subscriptions are confirmed
    will         (topic, payload) that the broker publishes when we are lost
    """

    def __init__(
        self,
        address: BusAddress | str,
        client_id: str,
        topics: Sequence[str] = (),
        on_message: Callable[[str, bytes, bool], None] = lambda topic, payload, retained: None,
        on_up: Callable[[], None] = lambda: None,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        address = BusAddress(address) if isinstance(address, str) else address
        parts = urlsplit(address.url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"{address.url!r} is not mqtt://host:port or mqtts://host:port")
        self.name, self.topics = client_id, list(topics)
        self.dropped = self.connects = 0
        self._up, self._is_closing = threading.Event(), False
        self._on_message, self._on_up = on_message, on_up
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True, protocol=mqtt.MQTTv311)
        client.max_queued_messages_set(UNSENT_MESSAGES)
        client.max_inflight_messages_set(INFLIGHT_MESSAGES)
        client.reconnect_delay_set(RETRY_FIRST_S, RETRY_LAST_S)
        if address.username:
            client.username_pw_set(address.username, address.password or None)
        if parts.scheme == "mqtts":
            client.tls_set(ca_certs=address.ca_file or None)
        if will:
            client.will_set(will[0], will[1], qos=1)
        client.on_connect, client.on_subscribe, client.on_disconnect = self._connected, self._subscribed, self._lost
        client.on_message = self._heard
        client.connect_async(parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883), keepalive=KEEPALIVE_S)

    def start(self) -> None:
        """Connect, now or as soon as there is a broker, and stay connected."""
        self._client.loop_start()

    def stop(self) -> None:
        """Part in good order."""
        self._is_closing = True
        self._client.disconnect()
        self._client.loop_stop()
        self._up.clear()

    @property
    def is_connected(self) -> bool:
        return self._up.is_set()

    def wait_connected(self, timeout_s: float) -> bool:
        """Whether the connection stands within that time."""
        return self._up.wait(timeout_s)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Hand over at QoS 1. Without a connection it waits for the next one, up to UNSENT_MESSAGES; more is dropped and counted."""
        if len(payload) > MESSAGE_BYTES:
            raise ValueError(f"{topic}: {len(payload)} bytes; at most {MESSAGE_BYTES}")
        if self._client.publish(topic, payload, qos=1, retain=retain).rc == mqtt.MQTT_ERR_QUEUE_SIZE:
            self.dropped += 1

    def _connected(self, client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            log.error("broker_refuses_us", link=self.name, reason=str(reason))
        elif self.topics:
            client.subscribe([(topic, 1) for topic in self.topics])
        else:
            self._stands()

    def _subscribed(self, _client: mqtt.Client, _data: object, _number: int, reasons: list, _properties: object) -> None:
        for topic, reason in zip(self.topics, reasons, strict=False):
            if reason.is_failure:
                log.error("broker_refuses_topic", link=self.name, topic=topic, reason=str(reason))
        self._stands()

    def _stands(self) -> None:
        self.connects += 1
        self._up.set()
        log.info("link_up", link=self.name)
        self._on_up()

    def _lost(self, _client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _properties: object) -> None:
        if self._up.is_set() and not self._is_closing:
            log.warning("link_lost", link=self.name, reason=str(reason))
        self._up.clear()

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            self._on_message(message.topic, message.payload, message.retain)
        except Exception:  # paho's thread would end, and with it the connection, for good
            log.exception("message_handler_failed", link=self.name, topic=message.topic)
