"""The journal as server-sent events: each stream reads it by its own cursor, so a client that comes back misses nothing."""

import asyncio
import time
from collections.abc import Callable, Sequence

import orjson
import structlog
from fastapi.responses import Response

from floorwise.core.model.journal import Event
from floorwise.core.model.stored import Latest
from floorwise.core.ports import Ledger
from floorwise.gateway.http.asgi import Receive, Scope, Send
from floorwise.gateway.reader import Readers
from floorwise.gateway.writer import Busy

STREAMS = 64  # clients that listen at the same time
CHUNK_EVENTS = 500  # events in one chunk
SLOW_S = 10.0  # a client that does not take a chunk within this is cut
QUIET_S = 15.0  # between two comments that tell a client, and whoever stands between, that we are there
GATHER_S = 0.02  # pause after a chunk, so that a rush of commits makes few chunks
VALUES_S = 0.1  # between two looks at the last values
CHUNK_VALUES = 2_000  # values in one message
RETRY_MS = 1_000  # after which a cut client comes back

log = structlog.get_logger(__name__)


class Streams:
    """All streams of a gateway; lives on one event loop."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._is_told = False
        self.is_open = True
        self.clients = 0
        self.cut = 0  # clients that were too slow

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake-ups go to this loop from now on."""
        self._loop = loop

    def committed(self, _: int) -> None:
        """Called on the writer's thread: there are new events."""
        if self._loop is not None and not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._tell)

    def close(self) -> None:
        """End all streams; their clients will come back to whoever listens then. On the event loop."""
        self.is_open = False
        self._tell()

    def _tell(self) -> None:
        self._is_told = False
        wake, self._wake = self._wake, asyncio.Event()
        wake.set()

    def response(self, after: int | None, kinds: Sequence[str]) -> "EventStream":
        """A stream from behind event `after` (None: from now on); Busy when there are STREAMS already."""
        if self.clients >= STREAMS:
            raise Busy(f"{STREAMS} streams are open already")
        return EventStream(self, after, frozenset(kinds))

    def values(self, latest: Callable[[], dict[tuple[str, str], Latest]]) -> "ValueStream":
        """A stream of the last values of all series; Busy when there are STREAMS already."""
        if self.clients >= STREAMS:
            raise Busy(f"{STREAMS} streams are open already")
        return ValueStream(self, latest)

    def signal(self) -> asyncio.Event:
        """What the next commit sets; take it before you read, or a commit in between is slept through."""
        return self._wake

    async def wait(self, wake: asyncio.Event) -> bool:
        """Return at the commit that sets `wake`, or after QUIET_S with False."""
        try:
            await asyncio.wait_for(wake.wait(), QUIET_S)
        except TimeoutError:
            return False
        return True

    async def read(self, after: int) -> list[Event]:
        """The next events."""
        return await asyncio.to_thread(self._read, lambda ledger: ledger.find(Event, "key", after=after, limit=CHUNK_EVENTS))

    async def last(self) -> int:
        """The number of the last event."""
        return await asyncio.to_thread(self._read, lambda ledger: ledger.head[0])

    def _read(self, ask: Callable[[Ledger], object]):
        with self._readers.read() as ledger:
            return ask(ledger)


class _Stream(Response):
    """One client's stream; what it tells is told by `_speak`."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self._streams = streams

    async def _speak(self, send: Send) -> None:
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        self._streams.clients += 1
        tasks: tuple[asyncio.Task, ...] = ()
        try:
            await self._begin()
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            tasks = asyncio.create_task(self._speak(send)), asyncio.create_task(_gone(receive))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):  # returning without an end makes the server close the connection
            self._streams.cut += 1
            log.info("stream_cut", client=scope.get("client"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._streams.clients -= 1

    async def _begin(self) -> None:
        """What has to be known before the answer begins."""


class EventStream(_Stream):
    """The journal from behind an event on."""

    def __init__(self, streams: Streams, after: int | None, kinds: frozenset[str]) -> None:
        super().__init__(streams)
        self._after = after
        self._kinds = kinds

    async def _begin(self) -> None:
        if self._after is None:
            self._after = await self._streams.last()

    async def _speak(self, send: Send) -> None:
        after = self._after
        await _say(send, f"retry: {RETRY_MS}\n: from event {after}\n\n".encode())
        while self._streams.is_open:
            wake = self._streams.signal()
            found = await self._streams.read(after)
            if found:
                after = found[-1].number
                chunk = b"".join(_told(event) for event in found if not self._kinds or event.kind in self._kinds)
                if chunk:
                    await _say(send, chunk)
                if len(found) < CHUNK_EVENTS:
                    await asyncio.sleep(GATHER_S)
            elif not await self._streams.wait(wake):
                await _say(send, f": at event {after}\n\n".encode())


class ValueStream(_Stream):
    """The last values of all series: all of them at first, then those that are new, every VALUES_S at most."""

    def __init__(self, streams: Streams, latest: Callable[[], dict[tuple[str, str], Latest]]) -> None:
        super().__init__(streams)
        self._latest = latest

    async def _speak(self, send: Send) -> None:
        known: dict[tuple[str, str], Latest] = {}
        quiet_since = time.monotonic()
        await _say(send, f"retry: {RETRY_MS}\n\n".encode())
        while self._streams.is_open:
            now = self._latest()
            # A value is replaced by another object and never changed, so a look at who it is tells.
            rows = [(*key, one.value, one.unit, one.at_ms, one.is_stale) for key, one in now.items() if known.get(key) is not one]
            known = now
            for start in range(0, len(rows), CHUNK_VALUES):
                told = orjson.dumps(rows[start : start + CHUNK_VALUES])
                await _say(send, b"event: latest\ndata: " + told + b"\n\n")
            if rows:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > QUIET_S:
                quiet_since = time.monotonic()
                await _say(send, b": nothing new\n\n")
            await asyncio.sleep(VALUES_S)


def _told(event: Event) -> bytes:
    return f"id: {event.number}\nevent: {event.kind}\ndata: {event.line}\n\n".encode()


async def _say(send: Send, chunk: bytes) -> None:
    await asyncio.wait_for(send({"type": "http.response.body", "body": chunk, "more_body": True}), SLOW_S)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
