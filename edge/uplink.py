"""From the spool to the gateway: many readings a message, and nothing forgotten before the other side has said that it is durable.

Readings of numbers go in packed batches to a gateway that has said on this connection that it reads them, all else in JSON.

The broker's PUBACK means nothing here: a broker may lose what it has acknowledged. Custody (scans, alarms, gaps) goes first, then
telemetry, each oldest first. What is not acknowledged in time is sent again from the oldest, with growing pauses; the other side
drops repeats by (device, boot, seq).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

import structlog

from floorwise.core.model.device_messages import ack, up
from floorwise.core.model.packed import PACKED, Unpackable, encode_packed
from floorwise.core.model.readings import MESSAGE_BYTES, Ack, BadPayload, Reading, decode_ack, encode_batch
from floorwise.edge.desk import Desk
from floorwise.edge.link import Link
from floorwise.edge.spool import Entry

BATCH_READINGS = 200  # readings in one message
BATCH_BYTES = MESSAGE_BYTES // 2  # estimated, so that a message never reaches its bound
IN_FLIGHT_READINGS = 4_000  # sent and not yet acknowledged
LINGER_S = 0.1  # how long a reading may wait for company
ACK_WAIT_FIRST_S, ACK_WAIT_LAST_S = 5.0, 60.0  # without any ack for this long, send again from the oldest
IDLE_S = 1.0  # housekeeping when nothing happens

log = structlog.get_logger(__name__)


class Uplink:
    """Sends what the desk's spool holds over `link`, which shares the desk's `news`; run `send` and `hear` as two tasks."""

    def __init__(self, desk: Desk, link: Link, agent: str, now_ms: Callable[[], int], birth: bytes = b"", batches: str = "auto") -> None:
        self._desk, self._link, self._agent, self._now_ms, self._birth = desk, link, agent, now_ms, birth
        self._batches, self._packs = batches, batches == "packed"
        self._in_flight: dict[tuple[str, int, int], int] = {}  # key → place
        self._after = {True: 0, False: 0}  # lane → place last sent
        self._ack_wait_s = ACK_WAIT_FIRST_S
        self._heard_at = 0.0
        self._session = -1
        self.sent = self.sent_again = self.messages = self.packed = self.refused = 0

    @staticmethod
    def topics(agent: str) -> list[str]:
        """What the link of an uplink subscribes to."""
        return [ack(agent)]

    async def send(self) -> None:
        """Send for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._link.connected.wait()
            if self._session != self._link.session or (self._in_flight and loop.time() - self._heard_at > self._ack_wait_s):
                await self._from_the_oldest(loop.time())
            self._desk.news.clear()
            if not await self._send_some():
                await self._wait()
                await asyncio.sleep(LINGER_S)

    async def hear(self) -> None:
        """Take acks for ever."""
        while True:
            messages = await self._link.messages()
            for message in messages:
                try:
                    answer = decode_ack(message.payload)
                except BadPayload as error:
                    log.error("ack cannot be read", reason=str(error))
                else:
                    await self._take(answer)
            self._link.done(messages)

    async def _send_some(self) -> bool:
        """Send one message; False when there is nothing to send or no room for it."""
        room = min(BATCH_READINGS, IN_FLIGHT_READINGS - len(self._in_flight))
        if room <= 0:
            return False
        entries = await self._desk.insist(self._desk.spool.take, self._after[True], room, True)
        custody = bool(entries)
        if not custody:
            entries = await self._desk.insist(self._desk.spool.take, self._after[False], room, False)
        entries = list(_that_fit(entries))
        if not entries or not self._link.publish(up(self._agent, "batch"), self._batch([entry.reading for entry in entries])):
            return False
        if not self._in_flight:
            self._heard_at = asyncio.get_running_loop().time()
        self._in_flight.update((entry.reading.key, entry.place) for entry in entries)
        self._after[custody] = entries[-1].place
        self.sent += len(entries)
        self.messages += 1
        return True

    def _batch(self, readings: list[Reading]) -> bytes:
        if self._packs:
            with contextlib.suppress(Unpackable):
                payload = encode_packed(self._agent, self._now_ms(), readings)
                self.packed += 1
                return payload
        return encode_batch(self._agent, self._now_ms(), readings)

    async def _take(self, answer: Ack) -> None:
        if self._batches == "auto":
            self._packs = PACKED in answer.takes
        done = []
        for device, boot, first, last in answer.ranges:
            if last - first < len(self._in_flight):
                keys: Iterable[tuple[str, int, int]] = [(device, boot, seq) for seq in range(first, last + 1)]
            else:
                keys = [key for key in self._in_flight if key[:2] == (device, boot) and first <= key[2] <= last]
            done += [place for key in keys if (place := self._in_flight.pop(key, None)) is not None]
        await self._desk.insist(self._desk.spool.forget, done)
        dead = [place for one in answer.refused if (place := self._in_flight.pop(one[:3], None)) is not None]
        if dead:
            self.refused += len(dead)
            log.error("gateway refuses readings for good", count=len(dead), first=answer.refused[0].reason)
            await self._desk.insist(self._desk.spool.drop, dead, "dead_letter")
        if done or dead:
            self._heard_at = asyncio.get_running_loop().time()
            if self._ack_wait_s > ACK_WAIT_FIRST_S:
                log.info("acks come again")
            self._ack_wait_s = ACK_WAIT_FIRST_S
        self._desk.news.set()

    async def _from_the_oldest(self, now: float) -> None:
        """Begin again: after a new connection, or when acks have failed to come."""
        if self._session == self._link.session:
            if self._ack_wait_s == ACK_WAIT_FIRST_S:
                log.warning("no ack, sending again until one comes", readings=len(self._in_flight))
            self._ack_wait_s = min(2 * self._ack_wait_s, ACK_WAIT_LAST_S)
        elif self._birth:
            self._link.publish(up(self._agent, "birth"), self._birth, retain=True)
        self._session, self._heard_at = self._link.session, now
        self._packs = self._batches == "packed"  # it may be another gateway, and all of them read JSON
        self.sent_again += len(self._in_flight)
        self._in_flight.clear()
        self._after = {True: 0, False: 0}
        await self._desk.insist(self._desk.spool.flush, self._now_ms())

    async def _wait(self) -> None:
        """Wait for something new, an ack, a change of the link, or IDLE_S; then write what was forgotten."""
        try:
            async with asyncio.timeout(IDLE_S):  # not wait_for: in Python 3.11 it swallows a cancellation that meets its result
                await self._desk.news.wait()
        except TimeoutError:
            await self._desk.insist(self._desk.spool.flush, self._now_ms())


def _that_fit(entries: list[Entry]) -> Iterable[Entry]:
    """The leading entries whose message stays below BATCH_BYTES."""
    size = 0
    for entry in entries:
        size += 80 + sum(len(kind) + (len(value) * 4 if isinstance(value, str) else 24) for kind, value in entry.reading.values.items())
        if size > BATCH_BYTES and entry is not entries[0]:
            return
        yield entry
