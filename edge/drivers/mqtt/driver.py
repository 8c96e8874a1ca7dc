"""Takes what devices publish, keeps it, and only then acknowledges: to the broker in arrival order, to the device by its keys."""

import structlog

from floorwise.core.model.device_messages import Birth, Death, ack, decode, read_up
from floorwise.core.model.readings import BadPayload, Reading, Refusal, decode_readings, encode_ack
from floorwise.edge.keeper import Keeper
from floorwise.edge.link import Link, Message
from floorwise.edge.spool import Verdict

TOPICS = ("up/+/readings", "up/+/scan", "up/+/birth", "up/+/death")
DEVICES_KNOWN = 10_000  # presences remembered, so that a retained birth is told once

log = structlog.get_logger(__name__)


async def run(keeper: Keeper, link: Link) -> None:
    """Serve the devices behind `link` (subscribed to TOPICS) until cancelled."""
    presence: dict[str, tuple[int, bool]] = {}
    while True:
        messages = await link.messages()
        readings: list[tuple[Reading, bool]] = []
        refused: list[Refusal] = []
        for message in messages:
            try:
                await _sort(message, keeper, readings, refused, presence)
            except BadPayload as error:
                log.error("message cannot be read", topic=message.topic[:80], reason=str(error))
        verdicts = await keeper.keep(readings)
        if refused:
            await keeper.turn_away(refused)
        link.done(messages)
        _answer(link, readings, verdicts, refused)


async def _sort(
    message: Message, keeper: Keeper, readings: list[tuple[Reading, bool]], refused: list[Refusal], presence: dict[str, tuple[int, bool]]
) -> None:
    device, what = read_up(message.topic)
    if what in ("readings", "scan"):
        decoded = decode_readings(message.payload, device, keeper.aliases)
        readings += [(reading, what == "scan") for reading in decoded.readings]
        refused += decoded.refused
    elif device != keeper.agent and message.payload:
        told = decode(Birth if what == "birth" else Death, message.payload, device)
        before, now = presence.pop(device, (-1, False)), (told.boot, what == "birth")
        if told.boot < before[0]:  # the death of an earlier boot says nothing about this one
            presence[device] = before
            return
        presence[device] = now
        if len(presence) > DEVICES_KNOWN:
            del presence[next(iter(presence))]
        if now != before:
            await keeper.tell({"about": device, "alive": float(now[1])})


def _answer(link: Link, readings: list[tuple[Reading, bool]], verdicts: list[Verdict], refused: list[Refusal]) -> None:
    """Tell each device what it may forget; for a REFUSED reading it hears nothing, keeps it and tries again."""
    keys: dict[str, list[tuple[str, int, int]]] = {}
    final: dict[str, list[Refusal]] = {}
    for (reading, _), verdict in zip(readings, verdicts, strict=True):
        if verdict is Verdict.CONFLICT:
            final.setdefault(reading.device, []).append(Refusal(*reading.key, "same key, other content"))
        elif verdict is not Verdict.REFUSED:
            keys.setdefault(reading.device, []).append(reading.key)
    for one in refused:
        final.setdefault(one.device, []).append(one)
    for device in sorted(keys.keys() | final.keys()):
        link.publish(ack(device), encode_ack(keys.get(device, ()), final.get(device, ())))
