"""The live gateway: where its rooms are put together, started in their order and stopped in the other.

data/ledger.sqlite, heads.jsonl   orders, stock, journal      data/readings.duckdb   what devices measured
data/labels/                      labels of the paper carrier  data/floor_clock.json  floor time, once a second
data/gateway.json                 where this gateway listens, while it does; data/gateway.lock holds others off
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import structlog
import uvicorn

from floorwise.core.adapters.carriers.paper import PaperCarrier
from floorwise.core.adapters.ids import TimeOrderedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.errors import Conflict, FloorError
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.journal import Event
from floorwise.core.model.policies import DAY_MS
from floorwise.core.ports import Store
from floorwise.core.verify.liveness import backlogs
from floorwise.core.warehouse import Warehouse
from floorwise.edge.link import Address
from floorwise.gateway import app, ready, workers
from floorwise.gateway import clock as clocks
from floorwise.gateway.board import Board
from floorwise.gateway.broker import Broker, BrokerFailed
from floorwise.gateway.broker import start as start_broker
from floorwise.gateway.conditions import LedgerConditions
from floorwise.gateway.handhelds import Handhelds
from floorwise.gateway.http.context import Check, Gateway
from floorwise.gateway.http.protocol import BoundedHttp
from floorwise.gateway.http.streams import Streams
from floorwise.gateway.reader import Readers
from floorwise.gateway.sensing_desk import SensingDesk
from floorwise.gateway.settings import Settings
from floorwise.gateway.workers import Crew, Pulse, Worker
from floorwise.gateway.writer import Clerk, Writer

LOCK_FILE, ADDRESS_FILE, LABELS, STORE_FILE = "gateway.lock", "gateway.json", "labels", "readings.duckdb"
EASE_EVERY_S = 0.2  # how often floor time looks whether work keeps up
BROKER_LOOK_S = 0.5
BROKER_PAUSE_S = 5.0  # after a broker that does not start
TASK_PAUSE_S = 1.0  # after one of our own tasks failed
HTTP_STOP_S = 5  # for answers that are under way
CONNECTIONS = 500  # of HTTP at the same time; more are answered 503
SENSE_EVERY_S = 0.1  # between two looks at what the intake has stored
RATE_OVER_S = 10.0  # readings a second are counted over this time

log = structlog.get_logger(__name__)


class Broken(FloorError):
    """The gateway had to stop; the message says why."""


async def serve(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Run a gateway until SIGINT, SIGTERM or `stop`; raises Broken when it cannot go on.

    Conflict when another gateway runs on the same data directory, or the port is taken.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread: a test stops it otherwise
            loop.add_signal_handler(number, stop.set)
    settings.data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        held.enter_context(_lock(settings.data))
        listener = held.enter_context(_listen(settings.host, settings.port))
        broker = None if settings.broker == "none" else await asyncio.to_thread(_broker, settings)
        if broker:
            held.callback(broker.stop)
        live = await asyncio.to_thread(Live, settings, broker)
        held.callback(live.close)
        await live.run(listener, stop)
    log.info("stopped")


class Live:
    """The parts of one gateway. Made and closed on any thread, run on one event loop."""

    def __init__(self, settings: Settings, broker: Broker | None) -> None:
        self.settings, self.broker = settings, broker
        saved = ready.newest_heads(settings.data)
        ledger = open_ledger(settings.data)
        last = ledger.get(Event, ledger.head[0])
        self.clock = clocks.open_clock(settings.data, settings.speed, settings.epoch_ms, last.at_ms if last else 0)
        self.readers = Readers(settings.data)
        self.streams, self.pulse, self.board = Streams(self.readers), Pulse(), Board()
        self.writer = Writer(Warehouse(ledger, self.clock, TimeOrderedIds(), HANDLERS, settings.site), self._committed)
        self.planner, self.journal = ready.WarmPlanner(), ready.JournalEnd()
        self.journal.read(ledger, saved)
        self.crew = Crew(self.writer, self.readers, self.pulse)
        self.handhelds = Handhelds(_address(settings, broker), self.writer, self.readers, settings.site) if broker else None
        self.store = self._open_store() if broker else None
        self.intake, self.sensing = self._open_intake() if broker else (None, None)
        self._is_loaded = False
        self._stored: deque[tuple[float, int]] = deque(maxlen=round(RATE_OVER_S / EASE_EVERY_S))
        self._stored_before = sum(stream.count for stream in self.store.accounts()) if self.store else 0
        self.gateway = Gateway(
            settings, self.writer, self.readers, self.board, self.clock, self.streams, self.checks,
            store=self.store, conditions=LedgerConditions(self.store, settings.site) if self.store else None,
            intake_figures=self.readings_figures if self.intake else None, expected=self._expected(),
            collectors=(self.intake,) if self.intake else (), spoke=self._spoke,
        )  # fmt: skip

    async def run(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Start everything, answer until `stop`, then stop it all in the order in which nothing is lost."""
        self.streams.bind(asyncio.get_running_loop())
        self.writer.start()
        self.planner.start()
        self.crew.start(self._workers())
        async with AsyncExitStack() as running:
            running.callback(self.writer.stop)
            running.push_async_callback(asyncio.to_thread, self.crew.stop)
            if self.intake:
                self.intake.start()
                running.push_async_callback(asyncio.to_thread, self.intake.stop)
            for work in (lambda: self._keep_time(stop), self._watch_broker, *([self.handhelds.run] if self.handhelds else [])):
                running.push_async_callback(_end, asyncio.create_task(_again_and_again(work)))
            await self._answer(listener, stop)
        if self.writer.fault:
            raise Broken(f"the ledger could not be written: {self.writer.fault}")

    def close(self) -> None:
        """Let the files go."""
        clocks.save(self.settings.data, self.clock.now_ms())
        self.readers.close()
        if self.store:
            self.store.close()

    def checks(self) -> list[Check]:
        """For /readyz."""
        failing = "; ".join(f"{name}: {text}" for name, text in sorted(self.crew.failing.items()))
        told = [
            Check(name="writer", ok=self.writer.is_alive, detail=self.writer.fault or f"{self.writer.queued} commands wait"),
            Check(name="board", ok=self._is_loaded, detail=f"at event {self.board.number:,}"),
            Check(name="workers", ok=not failing, detail=failing or "all at work"),
            self.planner.check(),
            self.journal.check(),
            ready.disk(self.settings.data, self.settings.disk_min_mib),
            ready.wall(self.clock, time.time_ns() // 1_000_000),
        ]
        if self.intake:
            fault = self.intake.fault or self.intake.failing
            told.append(Check(name="store", ok=self.intake.is_alive and not fault, detail=fault or f"{self.intake.queued} messages wait"))
        if self.broker:
            is_up = self.broker.is_alive and self.handhelds.is_connected and (not self.intake or self.intake.is_connected)
            told.append(Check(name="broker", ok=is_up, detail=f"{self.broker.kind} at {self.broker.url}"))
        return told

    def readings_figures(self) -> dict[str, Any]:
        """The block `readings` of /api/figures."""
        figures = self.intake.figures()
        (began, first), (now, last) = (self._stored[0], self._stored[-1]) if len(self._stored) > 1 else ((0.0, 0), (1.0, 0))
        return {
            "stored": self._stored_before + figures.stored,
            "per_second": round((last - first) / max(now - began, 1e-3), 1),
            "devices": len({device for device, _ in self.store.latest()}),
            "dead_letters": figures.dead_letter,
        }

    def undelivered(self) -> int:
        """Pieces of work that wait for this process: what slows a paced clock."""
        with self.readers.read() as ledger:
            waiting = sum(backlog.count for backlog in backlogs(ledger, self.clock.now_ms(), self._expected()) if backlog.is_used)
        readings = self.intake.queued + self.sensing.waiting if self.intake else 0
        return waiting + self.gateway.outside.count() + self.writer.queued + readings

    def _spoke(self, picker: str) -> None:
        if self.handhelds:
            self.handhelds.presence.spoke(picker)

    def _committed(self, number: int) -> None:
        self.pulse.beat(number)
        self.streams.committed(number)

    def _expected(self) -> tuple[str, ...]:
        labels = ("labels",) if self.settings.labels == "paper" else ()
        return ("buying", "expiry", *labels, *(("dispatch",) if self.broker else ()))

    def _workers(self) -> list[Worker]:
        told = self.settings
        crew = workers.office(self.clock, self.planner, told.site, told.tick_s, told.horizon_h, told.effort)
        crew.append(Worker("board", self._follow, follows=True))
        if told.labels == "paper":
            crew.append(workers.shipping_desk(PaperCarrier(told.data / LABELS)))
        if self.handhelds:
            crew.append(workers.dispatcher(self.handhelds))
            crew.append(workers.roll_call(self.handhelds.presence, told.site, told.gone_after_s))
        if self.sensing:
            crew.append(Worker("sensing", self.sensing.step, SENSE_EVERY_S))
        return crew

    def _follow(self, clerk: Clerk) -> int:
        if not self._is_loaded:
            with self.readers.read() as ledger:
                self.board.load(ledger, ledger.head[0])
            self._is_loaded = True
        return self.board.follow(clerk.ledger)

    def _open_store(self) -> Store:
        from floorwise.core.adapters.store_duckdb import DuckStore

        store = DuckStore(self.settings.data / STORE_FILE)
        if store.aside:
            log.error("store_damaged", aside=store.aside.name)
        return store

    def _open_intake(self) -> tuple[Any, SensingDesk]:
        from floorwise.core.adapters.bus_mqtt import BusAddress
        from floorwise.gateway.intake import Intake

        sensing, told = SensingDesk(self.store, self.clock.now_ms), self.settings
        address = BusAddress(self.broker.url, told.broker_username, told.broker_password, told.broker_ca_file)
        return Intake(address, self.store, sensing.take, keep_from_ms=lambda: self.clock.now_ms() - told.retention_days * DAY_MS), sensing

    async def _answer(self, listener: socket.socket, stop: asyncio.Event) -> None:
        port = listener.getsockname()[1]
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        config = uvicorn.Config(
            app.guarded(self.gateway, port), http=BoundedHttp, ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=HTTP_STOP_S,
        )  # fmt: skip
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        told = {"url": f"http://{host}:{port}/", "broker": self.broker.url if self.broker else "", "pid": os.getpid()}
        _write_whole(self.settings.data / ADDRESS_FILE, told)
        log.info("listening", **told)
        waiting = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            log.info("stopping")
            with contextlib.suppress(FileNotFoundError):
                (self.settings.data / ADDRESS_FILE).unlink()
            waiting.cancel()
            self.streams.close()
            server.should_exit = True
            await serving

    async def _keep_time(self, stop: asyncio.Event) -> None:
        """Ease and save floor time; end the gateway when its writer has ended."""
        saved = 0.0
        while True:
            if self.writer.fault:
                stop.set()
            if self.intake:
                self._stored.append((time.monotonic(), self.intake.figures().stored))
            with contextlib.suppress(FloorError):
                self.clock.ease(await asyncio.to_thread(self.undelivered))
            if time.monotonic() - saved >= clocks.SAVE_EVERY_S:
                saved = time.monotonic()
                with contextlib.suppress(OSError):  # a full disk: /readyz says so
                    await asyncio.to_thread(clocks.save, self.settings.data, self.clock.now_ms())
            await asyncio.sleep(EASE_EVERY_S)

    async def _watch_broker(self) -> None:
        """Start our own broker again when it has died."""
        while self.broker:
            await asyncio.sleep(BROKER_LOOK_S)
            if not self.broker.is_alive:
                log.error("broker_died")
                try:
                    await asyncio.to_thread(self.broker.restart)
                except BrokerFailed as error:
                    log.error("broker_does_not_start", detail=str(error))
                    await asyncio.sleep(BROKER_PAUSE_S)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: this process has more to stop than HTTP."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _broker(settings: Settings) -> Broker:
    return start_broker(settings.broker, settings.broker_port, settings.data / "broker")


def _address(settings: Settings, broker: Broker) -> Address:
    return Address(broker.url, settings.broker_username, settings.broker_password, settings.broker_ca_file, broker.window)


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Hold the data directory; Conflict when another gateway does. The lock goes with the process, however that ends."""
    file: IO[str]
    with (directory / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another gateway runs on {directory}; its address is in {directory / ADDRESS_FILE}") from None
        yield


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    except OSError as error:
        raise Conflict(f"cannot listen on {host} port {port}: {error.strerror}; take another port (0 = any that is free)") from None
    with listener:
        # asyncio leaves this out for a socket whose protocol is 0, and each answer then waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setblocking(False)
        yield listener


def _write_whole(path: Path, told: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told), encoding="utf-8")
    os.replace(fresh, path)


async def _again_and_again(work: Callable[[], Awaitable[None]]) -> None:
    """Run until it ends by itself; a failure is told and followed by another try."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("task_failed")
            await asyncio.sleep(TASK_PAUSE_S)


async def _end(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
