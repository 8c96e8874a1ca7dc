"""Local alarms: they need no link to anywhere, and what they found is kept in the spool like any reading.

A rule looks at the readings of one kind of one device in the order of their own times; a reading older than one already seen does
not move it. Times are the device's, so a rule says the same live and when a trace is played again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from floorwise.core.model.readings import Reading
from floorwise.edge.settings import Rule

DEVICES_REMEMBERED = 10_000  # (rule, device) states kept


class Alarm(NamedTuple):
    """A rule began (`on`) or ended to hold for a device."""

    rule: Rule
    device: str
    on: bool
    value: float
    ts: int

    def values(self) -> dict[str, float | str]:
        """The reading of the agent's own that tells it upstream."""
        return {"alarm": self.rule.name, "about": self.device, "alarm_on": float(self.on), "observed": self.value}


class _State(NamedTuple):
    ts: int
    since: int | None  # when the limit was first broken without a break, None while it is kept
    on: bool


class Rules:
    """The rules of an agent and where each of them stands a device."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._states: dict[tuple[str, str], _State] = {}

    def watch(self, reading: Reading) -> list[Alarm]:
        """Return the alarms that this reading starts or ends."""
        found = []
        for rule in self._rules:
            value = reading.values.get(rule.kind)
            if isinstance(value, float) and rule.fits(reading.device) and (alarm := self._step(rule, reading, value)):
                found.append(alarm)
        return found

    def _step(self, rule: Rule, reading: Reading, value: float) -> Alarm | None:
        key = rule.name, reading.device
        before = self._states.get(key, _State(-1, None, False))
        if reading.ts < before.ts:
            return None
        broken = value > rule.above if rule.above is not None else value < rule.below
        if before.on:
            now = _State(reading.ts, before.since, not self._is_over(rule, value))
        elif not broken:
            now = _State(reading.ts, None, False)
        else:
            since = reading.ts if before.since is None else before.since
            now = _State(reading.ts, since, reading.ts - since >= rule.for_ms)
        self._states[key] = now if now.on or broken else now._replace(since=None)
        if len(self._states) > DEVICES_REMEMBERED:
            del self._states[next(iter(self._states))]
        return Alarm(rule, reading.device, now.on, value, reading.ts) if now.on != before.on else None

    def _is_over(self, rule: Rule, value: float) -> bool:
        if rule.above is not None:
            return value <= (rule.above if rule.clear is None else rule.clear)
        return value >= (rule.below if rule.clear is None else rule.clear)
