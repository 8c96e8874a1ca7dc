"""Handhelds over MQTT: tours go out retained, confirmations come in and are acknowledged after their commit, births and deaths noted."""

import asyncio
from typing import Any

import structlog

from floorwise.core.errors import FloorError, Refused
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.model import device_messages
from floorwise.core.model.device_messages import Birth, Confirm, Death
from floorwise.core.model.readings import BadPayload, Refusal, encode_ack
from floorwise.core.workers import dispatch
from floorwise.edge.link import Address, Link, Message
from floorwise.gateway.presence import Presence
from floorwise.gateway.reader import Readers
from floorwise.gateway.workers import Offline
from floorwise.gateway.writer import Busy, Clerk, Writer

CLIENT = "floorwise-tours"
TOPICS = ("up/+/confirm", "up/+/birth", "up/+/death")
TRIES = 5  # for a confirmation that lost a race or found the queue full; then it is left unacknowledged and comes again
PAUSE_S = 0.2
UNREADABLE = 1_000  # counted and thrown away: nobody can be told about a message that does not say whose it is

log = structlog.get_logger(__name__)


class Handhelds:
    """One connection to the broker for tours and confirmations; also the Bus of `core.workers.dispatch`."""

    def __init__(self, address: Address, writer: Writer, readers: Readers, site: str) -> None:
        self._address = address
        self._link = self._new_link()
        self._writer, self._readers, self._site = writer, readers, site
        self.presence = Presence()
        self.confirmed = self.refused = self.unreadable = self.republished = 0

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there and has taken our subscription."""
        return self._link.connected.is_set()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Hand a message to the broker; Offline when there is none, so that the step runs again later."""
        if not self._link.publish(topic, payload, retain):
            raise Offline("no broker, or too much lies unsent")

    async def run(self) -> None:
        """Until cancelled: say all tours again at each connect, and take confirmations. May be run again after it failed."""
        self._link = self._new_link()
        async with self._link, asyncio.TaskGroup() as group:
            group.create_task(self._say_again())
            while True:
                messages = await self._link.messages()
                await self._take(messages)

    def _new_link(self) -> Link:
        return Link(self._address, CLIENT, TOPICS, keep_session=True)

    async def _say_again(self) -> None:
        """A broker may have lost what it retained, and a device what it heard: after each connect everything is said again."""
        while True:
            await self._link.connected.wait()
            session = self._link.session
            try:
                self.republished = await asyncio.to_thread(self._republish)
                log.info("tours_republished", topics=self.republished)
            except Offline:
                pass  # gone again already; the next connect starts anew
            while self._link.connected.is_set() and self._link.session == session:
                self._link.changed.clear()
                if self._link.connected.is_set() and self._link.session == session:
                    await self._link.changed.wait()

    def _republish(self) -> int:
        ledger = self._readers.own()
        try:
            return dispatch.republish(Clerk(self._writer, ledger), self, self._site)
        finally:
            ledger.close()

    async def _take(self, messages: list[Message]) -> None:
        """Do what the messages tell, all at once, then acknowledge: first to the devices, then to the broker."""
        outcomes = await asyncio.gather(*(self._one(message) for message in messages))
        for outcome in outcomes:
            if outcome is not None:
                device, payload = outcome
                self._link.publish(device_messages.ack(device), payload)  # lost with the connection: the device asks again
        self._link.done(messages)

    async def _one(self, message: Message) -> tuple[str, bytes] | None:
        """The device to answer and what; None when there is nobody to answer or nothing was done."""
        try:
            device, what = device_messages.read_up(message.topic)
            told = device_messages.decode(Confirm, message.payload, device) if what == "confirm" else None
            self._heed(device, what, message)
        except BadPayload as error:
            self.unreadable += 1
            if self.unreadable <= UNREADABLE:
                log.warning("confirm_unreadable", topic=message.topic[:100], reason=str(error)[:200])
            return None
        if told is None:
            return None
        for _ in range(TRIES):
            try:
                await self._writer.execute(command_of(told), f"confirm/{told.device}/{told.boot}/{told.seq}")
            except Refused as refusal:
                self.refused += 1
                log.warning("confirm_refused", device=device, tour=told.tour, number=told.number, reason=str(refusal))
                reason = f"{type(refusal).__name__}: {refusal}"[:200]
                return device, encode_ack([], [Refusal(told.device, told.boot, told.seq, reason)])
            except (FloorError, Busy):
                await asyncio.sleep(PAUSE_S)
                continue
            self.confirmed += 1
            return device, encode_ack([(told.device, told.boot, told.seq)])
        return None


    def _heed(self, device: str, what: str, message: Message) -> None:
        """Note who lives; an empty birth or death clears what was retained and says nothing."""
        if what == "birth" and message.payload:
            self.presence.born(device, device_messages.decode(Birth, message.payload, device).boot, message.retained)
        elif what == "death" and message.payload:
            self.presence.died(device, device_messages.decode(Death, message.payload, device).boot)
        elif what == "confirm":
            self.presence.spoke(device)


def command_of(told: Confirm) -> Any:
    """The command that a picker's confirmation means."""
    if told.outcome == "picked" and told.quantity > 0:
        return ConfirmPick(told.tour, told.number, told.quantity, told.picker, told.ts)
    return ReportShort(told.tour, told.number, told.quantity, told.picker, told.ts)
