"""What a group of messages holds once it is read: readings in order of arrival, signs of life, what is refused, and whom to answer."""

from collections.abc import Collection, Sequence

import numpy as np

from floorwise.core.adapters.reading_columns import Columns, Mixed
from floorwise.core.model.device_messages import Birth, Death, decode, read_up
from floorwise.core.model.packed import decode_either, is_packed
from floorwise.core.model.readings import Decoded, Reading, Refusal
from floorwise.core.model.stored import DeadLetter, Outcome
from floorwise.gateway import batch_decoding
from floorwise.gateway.acks import Ranges, add_ranges
from floorwise.gateway.packed_decoding import Sheaf, Tables

Sign = tuple[int, str, bool, int]  # number of the message, whose, birth or death, boot


class Gathered:
    """Give it the messages of a group with `take` and `read_odd`; then ask.

    tables  of packed messages; None while their columns cannot be had: then they are read one reading at a time
    """

    def __init__(self, tables: Tables | None) -> None:
        self.dead: list[DeadLetter] = []
        self.refused: list[tuple[str, Refusal]] = []  # with the topic it came on
        self.signs: list[Sign] = []
        self.columns: Columns | None = None
        self._sheaf = Sheaf(tables) if tables else None
        self._plain: list[tuple[int, Decoded]] = []

    def take(self, number: int, topic: str, payload: bytes) -> None:
        """Read the message with this number in the group. Raises BadPayload."""
        device, what = read_up(topic)
        if what != "batch":
            self.signs.append((number, *_sign(device, what, payload)))
        elif self._sheaf and is_packed(payload):
            self._sheaf.add(number, payload, device)
        elif is_packed(payload):
            self.take_slowly(number, topic, payload)
        else:
            self._add(number, topic, batch_decoding.decode(payload, device))

    def odd(self) -> list[int]:
        """Lay the packed messages into columns; give the numbers of those that `take_slowly` must read. Call it once."""
        if self._sheaf:
            self.columns = self._sheaf.columns()
            return self._sheaf.odd
        return []

    def take_slowly(self, number: int, topic: str, payload: bytes) -> None:
        """Read a message one reading at a time. Raises BadPayload."""
        self._add(number, topic, decode_either(payload, read_up(topic)[0]))

    def readings(self) -> Collection[Reading]:
        """All that can be stored, in order of arrival."""
        self._plain.sort(key=lambda part: part[0])
        plain = [reading for _, decoded in self._plain for reading in decoded.readings]
        if self.columns is None:
            return plain
        return Mixed(plain, [number for number, decoded in self._plain for _ in decoded.readings], self.columns)

    def fresh(self, readings: Collection[Reading], outcomes: Sequence[Outcome]) -> Collection[Reading]:
        """Those of `readings` that were stored."""
        if isinstance(readings, Mixed):
            return readings.where(np.array(outcomes) == Outcome.STORED)
        return [reading for reading, outcome in zip(readings, outcomes, strict=True) if outcome is Outcome.STORED]

    def acks(self) -> dict[str, tuple[Ranges, list[Refusal]]]:
        """For each sender what is to be acknowledged and what is refused."""
        acks: dict[str, tuple[Ranges, list[Refusal]]] = {}
        for _, decoded in self._plain:
            ranges, refusals = acks.setdefault(decoded.sender, ({}, []))
            add_ranges(ranges, decoded.readings)
            refusals += decoded.refused
        for agent, stream, first, last in self.columns.runs if self.columns else ():
            acks.setdefault(agent, ({}, []))[0].setdefault(stream, []).append([first, last])
        return acks

    def devices_behind(self, number: int) -> set[str]:
        """Who spoke in messages that came after the one with this number."""
        found = {reading.device for at, decoded in self._plain if at > number for reading in decoded.readings}
        if self.columns is not None:
            later = np.unique(self.columns.series[self.columns.message > number]).tolist()
            found |= {self.columns.of_series[which].device for which in later}
        return found

    def _add(self, number: int, topic: str, decoded: Decoded) -> None:
        self._plain.append((number, decoded))
        self.refused += [(topic, one) for one in decoded.refused]


def _sign(device: str, what: str, payload: bytes) -> tuple[str, bool, int]:
    """Whose sign of life it is, whether it is a birth, and of which boot. An empty payload clears a retained birth and says nothing."""
    if not payload:
        return device, False, -1
    message = decode(Birth if what == "birth" else Death, payload, device)
    return device, what == "birth", message.boot
