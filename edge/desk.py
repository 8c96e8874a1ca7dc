"""The one place through which readings enter and leave the spool: a thread of its own, and groups that form by themselves.

While one group is being made durable the next one gathers, so a lone reading waits for one fsync and a crowd shares it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from floorwise.edge.spool import GROUP_READINGS, Item, Spool, SpoolFull, Verdict

WAITING_READINGS = 20_000  # handed in and not yet in a group; beyond it `accept` waits
FULL_RETRY_S = 1.0  # how long to leave a full or failing disk alone

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Desk:
    """Group commit over a spool for any number of tasks. Use as an async context; the spool is closed at its end."""

    def __init__(self, open_spool: Callable[[], Spool]) -> None:
        self._open = open_spool
        self._thread = ThreadPoolExecutor(1, "spool")
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[list[Verdict]]]] = []
        self._room = asyncio.Condition()
        self._held = 0
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self.news = asyncio.Event()  # set whenever something new stands in the spool; the uplink's link and acks set it too
        self.failing = False
        self.counts: Counter[str] = Counter()
        self.spool: Spool

    async def __aenter__(self) -> "Desk":
        self.spool = await self.call(self._open)
        if self.spool.aside:
            log.error("spool was damaged", aside=self.spool.aside.name, salvaged=self.spool.salvaged, ever=self.spool.damaged_files)
        self._writer = asyncio.create_task(self._write(), name="spool")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        for _, answer in self._waiting:
            answer.cancel()
        await self.call(self.spool.close)
        self._thread.shutdown()

    async def watch(self) -> None:
        """Wait for the writer, which never ends by itself; raises what ended it, so that the agent ends too and its next start mends."""
        await asyncio.shield(self._writer)

    async def call(self, function: Callable[..., T], *words: object) -> T:
        """Run something on the spool's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *words)

    async def insist(self, function: Callable[..., T], *words: object) -> T:
        """Like `call`, and waits while the disk is full or failing: without end on purpose, the senders keep what is not acknowledged."""
        while True:
            try:
                found = await self.call(function, *words)
            except SpoolFull as error:
                if not self.failing:
                    log.error("spool takes nothing", reason=str(error))
                self.failing = True
                await asyncio.sleep(FULL_RETRY_S)
            else:
                if self.failing:
                    log.info("spool takes readings again")
                self.failing = False
                return found

    async def accept(self, items: Sequence[Item]) -> list[Verdict]:
        """Return each item's verdict once the accepted ones are durable. Waits while the disk is full or failing."""
        if not items:
            return []
        if len(items) > GROUP_READINGS:
            raise ValueError(f"{len(items)} readings at once; at most {GROUP_READINGS}")
        async with self._room:
            await self._room.wait_for(lambda: self._held + len(items) <= WAITING_READINGS)
            self._held += len(items)
        answer: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, answer))
        self._work.set()
        return await answer

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            group: list[tuple[Sequence[Item], asyncio.Future[list[Verdict]]]] = []
            size = 0
            while self._waiting and size + len(self._waiting[0][0]) <= GROUP_READINGS:
                group.append(self._waiting.pop(0))
                size += len(group[-1][0])
            if not self._waiting:
                self._work.clear()
            try:
                verdicts = iter(await self._durable([item for items, _ in group for item in items]))
            except Exception as error:
                for _, answer in group + self._waiting:
                    if not answer.done():
                        answer.set_exception(error)
                raise
            for items, answer in group:
                mine = [next(verdicts) for _ in items]
                if not answer.done():
                    answer.set_result(mine)
            async with self._room:
                self._held -= size
                self._room.notify_all()
            self.news.set()

    async def _durable(self, items: list[Item]) -> list[Verdict]:
        verdicts = await self.insist(self.spool.accept, items)
        self.counts.update(verdict.name.lower() for verdict in verdicts)
        return verdicts
