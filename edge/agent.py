"""One edge agent: drivers → filters → spool → uplink, with local rules, for as long as it is left running.

It starts without a network, with a damaged spool and with devices that talk nonsense; it stops on SIGTERM or Ctrl-C with all that
it accepted in its file.
"""

import asyncio
import importlib
import logging
import signal
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType

import structlog

from floorwise.core.model.device_messages import Birth, Command, Death, commands, encode, up
from floorwise.edge.desk import Desk
from floorwise.edge.drivers.mqtt import driver as mqtt_driver
from floorwise.edge.keeper import Keeper
from floorwise.edge.link import Link
from floorwise.edge.rules import Alarm
from floorwise.edge.settings import BadSettings, DriverSettings, Settings
from floorwise.edge.spool import Spool
from floorwise.edge.uplink import Uplink

STATUS_S = 60.0  # one line about the spool this often
SIREN_MS = 60_000  # an alarm command is worth nothing later than this

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run an agent until SIGTERM or Ctrl-C. Raises BadSettings for a driver that does not exist."""
    _log_to_stderr()
    asyncio.run(_until_told(settings))


async def serve(settings: Settings, now_ms: Callable[[], int], ready: asyncio.Event | None = None) -> None:
    """Run an agent until cancelled; `ready` is set once its spool is open and its tasks run."""
    drivers = load_drivers(settings)
    async with Desk(lambda: Spool(settings.spool, settings.agent, now_ms(), settings.bounds)) as desk, asyncio.TaskGroup() as tasks:
        boot = desk.spool.boot
        will = up(settings.agent, "death"), encode(Death(settings.agent, boot, now_ms()))
        birth = encode(Birth(settings.agent, boot, now_ms(), "agent", version("floorwise"), [], settings.bounds.custody))
        keeper = Keeper(settings, desk, now_ms)
        link = Link(settings.uplink, f"{settings.agent}-up", Uplink.topics(settings.agent), False, will, desk.news)
        uplink = Uplink(desk, link, settings.agent, keeper.now_ms, birth, settings.batches)
        async with link:
            tasks.create_task(desk.watch(), name="spool")
            tasks.create_task(uplink.send(), name="uplink")
            tasks.create_task(uplink.hear(), name="acks")
            tasks.create_task(_status(desk, uplink), name="status")
            for one, module in drivers:
                tasks.create_task(_run_driver(module, keeper, one), name=one.device)
            if ready:
                ready.set()
            log.info("agent runs", agent=settings.agent, boot=boot, pending=desk.spool.pending)
            if settings.devices is None:
                await asyncio.Event().wait()
            async with Link(settings.devices, f"{settings.agent}-devices", mqtt_driver.TOPICS) as devices:
                keeper.on_alarm = lambda alarm: _sound(devices, alarm, keeper.now_ms())
                await mqtt_driver.run(keeper, devices)


def load_drivers(settings: Settings) -> list[tuple[DriverSettings, ModuleType]]:
    """Return each [[drivers]] table with its module. Raises BadSettings for a driver that does not exist."""
    return [(one, _driver(one)) for one in settings.drivers]


async def _until_told(settings: Settings) -> None:
    loop, work = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await serve(settings, lambda: time.time_ns() // 1_000_000)
    except asyncio.CancelledError:
        log.info("agent stopped", agent=settings.agent)


async def _run_driver(module: ModuleType, keeper: Keeper, one: DriverSettings) -> None:
    try:
        await module.run(keeper, one.device, one.options)
        log.info("driver has ended", driver=one.name, device=one.device)
    except Exception as error:  # one bad device must not take the others down
        log.error("driver failed", driver=one.name, device=one.device, reason=f"{type(error).__name__}: {error}")


def _driver(one: DriverSettings) -> ModuleType:
    if one.name == "mqtt":
        raise BadSettings("drivers: 'mqtt' is switched on by the [devices] table")
    try:
        return importlib.import_module(f"floorwise.edge.drivers.{one.name}.driver")
    except ModuleNotFoundError as error:
        raise BadSettings(f"drivers: {one.name!r} for {one.device}: no such driver ({error.name})") from None


def _sound(devices: Link, alarm: Alarm, now_ms: int) -> None:
    """Switch the rule's siren over the devices' broker, which needs no link to the gateway."""
    if not alarm.rule.siren:
        return
    name = f"{alarm.rule.name}/{alarm.device}/{alarm.ts}/{int(alarm.on)}"
    devices.publish(commands(alarm.rule.siren), encode(Command(name, "alarm", now_ms, now_ms + SIREN_MS, int(alarm.on))))


async def _status(desk: Desk, uplink: Uplink) -> None:
    while True:
        await asyncio.sleep(STATUS_S)
        counts = dict(sorted(desk.counts.items()))
        log.info("status", pending=desk.spool.pending, sent=uplink.sent, again=uplink.sent_again, messages=uplink.messages, **counts)


def _log_to_stderr() -> None:
    """Lines for people on a terminal, JSON elsewhere."""
    dress = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), dress],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
