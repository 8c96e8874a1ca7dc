"""What a driver hands its readings to: filters, then the spool, then the local rules."""

from collections.abc import Callable, Sequence

import structlog

from floorwise.core.model.readings import Reading, Refusal, digest
from floorwise.edge.desk import Desk
from floorwise.edge.filters import Filters
from floorwise.edge.rules import Alarm, Rules
from floorwise.edge.settings import Settings
from floorwise.edge.spool import Item, Verdict

log = structlog.get_logger(__name__)


class Keeper:
    """Takes readings from any driver. `on_alarm` is called for each alarm after it is safe in the spool."""

    def __init__(self, settings: Settings, desk: Desk, now_ms: Callable[[], int]) -> None:
        self.agent, self.aliases = settings.agent, settings.aliases
        self._system_ms, self._heard_ms = now_ms, 0 if settings.clock == "heard" else None
        self.on_alarm: Callable[[Alarm], None] = lambda alarm: None
        self._desk, self._filters, self._rules = desk, Filters(settings.filters), Rules(settings.rules)

    def now_ms(self) -> int:
        """The agent's time: the system's, or the latest that any device has told when the settings say so."""
        return self._heard_ms or self._system_ms()

    async def keep(self, readings: Sequence[tuple[Reading, bool]]) -> list[Verdict]:
        """Return what became of each (reading, custody) once it is durable. Only REFUSED ones must be handed in again."""
        if self._heard_ms is not None:
            self._heard_ms = max(self._heard_ms, *(reading.ts for reading, _ in readings), 0)
        items = [self._item(reading, custody) for reading, custody in readings]
        verdicts = await self._desk.accept(items)
        alarms = []
        for item, verdict in zip(items, verdicts, strict=True):
            if verdict in (Verdict.ACCEPTED, Verdict.SKIPPED):
                alarms += self._rules.watch(item.reading)
            elif verdict is Verdict.CONFLICT:
                log.error("same key, other content", device=item.reading.device, boot=item.reading.boot, seq=item.reading.seq)
        if alarms:
            await self.tell(*(alarm.values() for alarm in alarms))
            for alarm in alarms:
                log.warning("alarm", rule=alarm.rule.name, device=alarm.device, on=alarm.on, value=alarm.value)
                self.on_alarm(alarm)
        return verdicts

    async def tell(self, *values: dict[str, float | str]) -> None:
        """Keep readings of the agent's own: alarms, births, deaths."""
        await self._desk.insist(self._desk.spool.own, self.now_ms(), *values)
        self._desk.news.set()

    async def turn_away(self, refusals: Sequence[Refusal]) -> None:
        """Count readings that cannot be understood, log the first, and have it told upstream."""
        self._desk.counts["unreadable"] += len(refusals)
        log.error("readings make no sense", count=len(refusals), device=refusals[0].device, seq=refusals[0].seq, reason=refusals[0].reason)
        await self._desk.insist(self._desk.spool.note_unreadable, refusals)

    def _item(self, reading: Reading, custody: bool) -> Item:
        if custody:
            return Item(reading, custody=True)
        kept, skip = self._filters.apply(reading)
        return Item(kept, skip=skip, heard=None if kept is reading else digest(reading))
