"""MQTT of the whole emulated floor over one connection, within a budget of messages a second of wall time.

What a device says is kept by the world until `ack/<device>` names it; here it is put into messages (many readings of a device in one),
sent, and sent again while nothing is heard. All devices share the connection as if behind one radio base; a single will cannot tell their
deaths, so a killed emulator falls silent, and the next start tells births with a greater boot.
"""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.device_messages import Birth, Death, encode, up
from floorwise.core.model.readings import BadPayload, decode_ack
from floorwise.sim.emulated.world import Kept

MESSAGES_A_SECOND = 150.0  # that we publish; with the acks, the agent's batches and the tours a floor stays below 400
READINGS_SHARE = 1 / 3  # of them for readings, so that a rush of confirmations does not silence every sensor
BURST = 60  # messages saved up in quiet moments, shared likewise
READINGS_A_MESSAGE = 200
GATHER_S = 0.3  # a device's readings wait this long for company; scans and confirmations go at once
AGAIN_S = 6.0  # until what is not acknowledged is said again
SAYINGS = 4  # over MQTT; a confirmation goes over HTTP then, readings go on being said every AGAIN_S
KEPT_MOST = 30_000  # of all devices; beyond it telemetry is thinned by its oldest
KEEPALIVE_S = 20
RETRY_FIRST_S, RETRY_LAST_S = 1, 5

Hear = Callable[[str, bytes], None]


class Budget:
    """A bucket of tokens: `rate` a second, at most `burst` saved up."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._tokens, self._at = float(burst), clock()

    def take(self) -> bool:
        """Whether one more may go now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Wire:
    """The connection and what waits to be said on it. All but the network is used on the floor's thread only."""

    def __init__(
        self,
        url: str,
        client_id: str,
        post_back: Callable[[Callable[[], None]], None],
        on_tour: Hear,
        on_acked: Callable[[list[tuple[str, int, int]]], None],
        on_silence: Callable[[Kept], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        on_tour     a tour's topic and payload, as it came
        on_acked    (device, boot, seq) of what may be forgotten, refused ones included
        on_silence  a confirmation that was said SAYINGS times without an answer
        """
        self._post_back, self._on_tour, self._on_acked, self._on_silence = post_back, on_tour, on_acked, on_silence
        self._clock = clock
        self._budgets = {
            is_reading: Budget(MESSAGES_A_SECOND * share, round(BURST * share), clock)
            for is_reading, share in ((True, READINGS_SHARE), (False, 1 - READINGS_SHARE))
        }
        self._unsaid: dict[tuple[str, str], dict[tuple[int, int], Kept]] = {}  # (device, topic) -> what was never said, or again
        self._since: dict[tuple[str, str], float] = {}
        self._said: dict[tuple[str, int, int], tuple[Kept, float, int]] = {}  # what waits for its ack: when it was said, how often
        self._births: dict[str, Birth] = {}
        self.connected = False
        self.published = self.said_again = self.refused = self.thinned = 0
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 1883
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv311)
        client.reconnect_delay_set(RETRY_FIRST_S, RETRY_LAST_S)
        client.on_connect, client.on_disconnect, client.on_message = self._came, self._went, self._heard

    def start(self) -> None:
        """Connect, now or when there is a broker."""
        self._client.connect_async(*self._address, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def stop(self, now_ms: int) -> None:
        """Say good-bye for every device and disconnect."""
        if self.connected:
            for birth in self._births.values():
                self._client.publish(up(birth.device, "death"), encode(Death(birth.device, birth.boot, now_ms)), qos=1)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def waiting(self) -> int:
        """What devices keep because it was not acknowledged yet."""
        return len(self._said) + sum(map(len, self._unsaid.values()))

    def born(self, birth: Birth) -> None:
        """A device is there: told at each connect."""
        self._births[birth.device] = birth
        if self.connected:
            self._announce(birth)

    def keep(self, kept: Kept) -> list[tuple[str, int, int]]:
        """Say this when it can be said. Give what was thinned out to make room."""
        slot = kept.device, kept.topic
        self._unsaid.setdefault(slot, {})[kept.boot, kept.seq] = kept
        self._since.setdefault(slot, self._clock())
        return self._thin() if self.waiting > KEPT_MOST else []

    def flush(self) -> None:
        """Send what is due, as far as the budget goes: confirmations and scans first, then whose readings wait longest."""
        if not self.connected:
            return
        now = self._clock()
        self._take_back(now)
        due = [slot for slot, since in self._since.items() if slot[1] != "readings" or now - since >= GATHER_S]
        spent: set[bool] = set()
        for slot in sorted(due, key=lambda slot: (slot[1] == "readings", self._since[slot], slot)):
            if (slot[1] == "readings") not in spent and not self._send(slot, now):
                spent.add(slot[1] == "readings")

    def _send(self, slot: tuple[str, str], now: float) -> bool:
        """Send all of a device's topic; False when the budget is used up."""
        device, topic = slot
        while waiting := self._unsaid[slot]:
            if not self._budgets[topic == "readings"].take():
                return False
            boot = next(iter(waiting))[0]
            most = 1 if topic == "confirm" else READINGS_A_MESSAGE
            group = [kept for (of, _), kept in list(waiting.items())[:most] if of == boot]
            self._publish(up(device, topic), message_of(group))
            for kept in group:
                del waiting[kept.boot, kept.seq]
                key = kept.device, kept.boot, kept.seq
                times = self._said[key][2] if key in self._said else 0
                self._said[key] = kept, now, times + 1
        del self._unsaid[slot], self._since[slot]
        return True

    def _take_back(self, now: float) -> None:
        """What was said and not acknowledged in time is to be said again."""
        late = [key for key, (_, at, _) in self._said.items() if now - at >= AGAIN_S]
        for key in late:
            kept, _, times = self._said[key]
            slot = kept.device, kept.topic
            if (kept.boot, kept.seq) in self._unsaid.get(slot, {}):
                continue
            if kept.topic == "confirm" and times >= SAYINGS:
                self._said[key] = kept, now, 0
                self._on_silence(kept)
                continue
            self.said_again += 1
            self._unsaid.setdefault(slot, {})[kept.boot, kept.seq] = kept
            self._since.setdefault(slot, now - 2 * GATHER_S)
            self._said[key] = kept, now, times

    def _thin(self) -> list[tuple[str, int, int]]:
        """Every second of the oldest readings goes; never a scan or a confirmation."""
        old = sorted((k for (_, topic), held in self._unsaid.items() if topic == "readings" for k in held.values()), key=lambda k: k.ts)
        gone = old[: KEPT_MOST // 2 : 2]
        for kept in gone:
            self._unsaid[kept.device, kept.topic].pop((kept.boot, kept.seq), None)
            self._said.pop((kept.device, kept.boot, kept.seq), None)
        self.thinned += len(gone)
        return [(kept.device, kept.boot, kept.seq) for kept in gone]

    def forget(self, keys: list[tuple[str, int, int]]) -> None:
        """The other side has these."""
        for key in keys:
            kept = self._said.pop(key, None)
            if kept is not None:
                self._unsaid.get((kept[0].device, kept[0].topic), {}).pop(key[1:], None)

    def _announce(self, birth: Birth) -> None:
        self._publish(up(birth.device, "birth"), encode(birth), retain=True)

    def _publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.published += 1
        self._client.publish(topic, payload, qos=1, retain=retain)

    # on paho's thread

    def _came(self, client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if not getattr(reason, "is_failure", False):
            client.subscribe([("ack/+", 1), ("down/+/tours/+", 1)])
            self._post_back(self._connected)

    def _went(self, *_: object) -> None:
        self._post_back(self._disconnected)

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        topic, payload = message.topic, message.payload
        self._post_back(lambda: self._take(topic, payload))

    # on the floor's thread

    def _connected(self) -> None:
        self.connected = True
        for birth in self._births.values():  # beyond the budget once: everything else waits for it
            self._announce(birth)
        for key, (kept, at, times) in self._said.items():
            self._said[key] = kept, min(at, self._clock() - AGAIN_S), times

    def _disconnected(self) -> None:
        self.connected = False

    def _take(self, topic: str, payload: bytes) -> None:
        kind, _, rest = topic.partition("/")
        if kind == "down":
            self._on_tour(topic, payload)
            return
        if rest not in self._births:  # the agent's own, or a device that is none of ours
            return
        try:
            told = decode_ack(payload)
        except BadPayload:
            return
        keys = [(one.device, one.boot, one.seq) for one in told.refused]
        self.refused += len(keys)
        keys += [
            (of.device, of.boot, seq)
            for of in told.ranges
            for seq in range(of.first, of.last + 1)
            if (of.device, of.boot, seq) in self._said
        ]
        self.forget(keys)
        self._on_acked(keys)


def message_of(group: list[Kept]) -> bytes:
    """The payload that says these things of one device and boot: one confirmation, or one or many readings."""
    first = group[0]
    if first.topic == "confirm":
        return first.body.encode()
    about: dict[str, Any] = {"device": first.device, "boot": first.boot}
    if len(group) == 1:
        about |= {"seq": first.seq, "ts": first.ts, "values": json.loads(first.body)}
    else:
        about["readings"] = [[kept.seq, kept.ts, json.loads(kept.body)] for kept in group]
    return json.dumps(about, sort_keys=True, separators=(",", ":")).encode()
