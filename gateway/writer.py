"""The one thread that changes the ledger. Everybody else hands it commands and gets the reply after the commit.

Commands that arrive while a group is being committed make the next group, so a lone command waits for nobody and a rush shares
its commits. Nothing leaves before the commit: replies, wake-ups of those who follow the journal, messages to devices.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import structlog

from floorwise.core.errors import BadInput, FloorError
from floorwise.core.ports import Ledger
from floorwise.core.warehouse import Warehouse

QUEUE_COMMANDS = 2_000  # commands that may wait; the next one is told to come back
GROUP_COMMANDS = 64  # commands that share a commit at most
GROUP_MS = 20  # … and how long the first of them waits for the others at most
REPLY_S = 60.0  # how long a worker waits for its reply; the writer has died if it takes longer

log = structlog.get_logger(__name__)


class Busy(FloorError):
    """Too much is waiting already; nothing was done, come back in a moment."""


class Stopped(Busy):
    """The gateway is going down; nothing was done."""


class _Job(NamedTuple):
    command: Any
    key: str
    reply: Future | asyncio.Future
    loop: asyncio.AbstractEventLoop | None = None  # of an asyncio.Future


class Writer:
    """Owns the warehouse from `start` to `stop`.

    on_commit   called on the writer's thread with the journal's last number after each commit that added events
    """

    def __init__(self, warehouse: Warehouse, on_commit: Callable[[int], None] = lambda number: None, bound: int = QUEUE_COMMANDS) -> None:
        warehouse.group = GROUP_COMMANDS + 1  # commits are the writer's to make
        self._warehouse = warehouse
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._bound = bound
        self._door = threading.Lock()  # nothing is put in behind the order to stop
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._is_open = False
        self._number = warehouse.ledger.head[0]
        self.commands = self.commits = self.refused = 0
        self.fault = ""  # why it cannot go on; "" while it can

    def start(self) -> None:
        """Take commands from now on."""
        self._is_open = True
        self._thread.start()

    def stop(self) -> None:
        """Do what was accepted, then end; what comes later is told so."""
        with self._door:
            self._is_open = False
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def queued(self) -> int:
        """Commands that wait."""
        return self._queue.qsize()

    @property
    def is_alive(self) -> bool:
        """Whether commands are being done."""
        return self._is_open and self._thread.is_alive() and not self.fault

    def submit(self, command: Any, key: str = "") -> Future:
        """Hand over a command; the future gets its reply, or its refusal, once it is durable. Busy when the queue is full."""
        job = _Job(command, key, Future())
        self._put(job)
        return job.reply

    async def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        """The reply to a command, after its commit; raises what `Warehouse.execute` raises, and Busy."""
        loop = asyncio.get_running_loop()
        job = _Job(command, key, loop.create_future(), loop)
        self._put(job)
        return await job.reply

    def execute_and_wait(self, command: Any, key: str = "") -> dict[str, Any]:
        """The same for threads that may block; never call it on the event loop."""
        while True:
            try:
                return self.submit(command, key).result(REPLY_S)
            except Stopped:
                raise
            except Busy:
                time.sleep(0.05)  # a worker has time: people and devices come first

    def _put(self, job: _Job) -> None:
        with self._door:
            if self.fault:
                raise Stopped(f"the writer has stopped: {self.fault}")
            if not self._is_open:
                raise Stopped("the gateway is going down")
            if self._queue.qsize() >= self._bound:
                raise Busy(f"{self._bound} commands wait already")
            self._queue.put(job)

    def _run(self) -> None:
        try:
            while True:
                job = self._queue.get()
                if job is None:
                    break
                if not self._group(job):
                    break
        except BaseException as error:
            self.fault = f"{type(error).__name__}: {error}"
            log.exception("writer_stopped")
        finally:
            with self._door:
                self._is_open = False
            self._turn_away()
            self._warehouse.ledger.close()

    def _group(self, job: _Job) -> bool:
        """Do a command and those behind it, commit, reply; False when the last of them was the order to stop."""
        done: list[_Done] = []
        until, goes_on = time.monotonic() + GROUP_MS / 1000, True
        try:
            while True:
                done.append((job, *self._do(job)))
                if len(done) == GROUP_COMMANDS or time.monotonic() >= until:
                    break
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    goes_on = False
                    break
                job = following
            self._warehouse.commit()
        except BaseException:
            asked = [given for given, _, _ in done]
            asked += [job] if job not in asked else []  # the one that it stopped in
            _answer([(given, None, Stopped("the writer stopped before the commit; ask again with the same key")) for given in asked])
            raise
        self.commits += 1
        self.commands += len(done)
        number = self._warehouse.ledger.head[0]
        if number != self._number:
            self._number = number
            self._on_commit(number)
        _answer(done)
        return goes_on

    def _do(self, job: _Job) -> tuple[dict[str, Any] | None, Exception | None]:
        """The reply or the error of one command; its savepoint is rolled back by then, so the next one starts clean."""
        name = type(job.command).__name__
        try:
            return self._warehouse.execute(job.command, job.key), None
        except FloorError as refusal:
            self.refused += 1
            return None, refusal
        except (sqlite3.Error, OSError):  # the disk or the file: nobody knows what stands in it now, so nothing more is written
            raise
        except OverflowError as error:  # a product of two fair numbers that no 64-bit column holds
            self.refused += 1
            return None, BadInput(f"{name}: the numbers are too large together ({error})")
        except Exception as error:
            if isinstance(error, ValueError) and "beyond 2^53" in str(error):  # the same, found by the canonical form of an event
                self.refused += 1
                return None, BadInput(f"{name}: the numbers are too large together ({error})")
            log.exception("command_failed", command=name)
            return None, error

    def _turn_away(self) -> None:
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                _answer([(job, None, Stopped(f"the writer has stopped: {self.fault or 'the gateway is going down'}"))])


_Done = tuple[_Job, dict[str, Any] | None, Exception | None]  # a command with its reply or its refusal


def _answer(done: list[_Done]) -> None:
    """Answer whoever asked; an event loop is woken once for all of its own."""
    of_loops: dict[asyncio.AbstractEventLoop, list[_Done]] = {}
    for answered in done:
        job = answered[0]
        if job.loop is not None:
            of_loops.setdefault(job.loop, []).append(answered)
        elif job.reply.set_running_or_notify_cancel():
            _reply(answered)
    for loop, theirs in of_loops.items():
        with contextlib.suppress(RuntimeError):  # closed: nobody waits there any more
            loop.call_soon_threadsafe(_reply_all, theirs)


def _reply_all(done: list[_Done]) -> None:
    for answered in done:
        if not answered[0].reply.done():  # cancelled: whoever asked is gone, and what was done stays done
            _reply(answered)


def _reply(answered: _Done) -> None:
    job, reply, refusal = answered
    if refusal is None:
        job.reply.set_result(reply)
    else:
        job.reply.set_exception(refusal)


class Clerk:
    """What workers take for a warehouse: it reads what is committed and has the writer do the rest.

    A worker's step thus sees nothing that could still be undone, and a carrier, planner or broker is never asked inside a transaction.
    """

    def __init__(self, writer: Writer, ledger: Ledger) -> None:
        self.ledger = ledger
        self._writer = writer

    def execute(self, command: Any, key: str = "") -> dict[str, Any]:
        """The reply to a command, after its commit."""
        return self._writer.execute_and_wait(command, key)
