"""`floorwise demo`: a whole synthetic floor in one command. Broker, gateway, edge agent and emulator are child processes that meet only
over MQTT and HTTP; this module starts them, keeps them alive, shows how the floor does, and stops them all.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from floorwise.cli.output import Json, fail, note, result

DATA = Path("data") / "demo"
PORT, SPEED, SEED = 8420, 60.0, 1
HOST = "127.0.0.1"
YEAR = 2026  # of the peak week in which the floor begins
IDENTITY = "demo.json"
LOOK_S = 0.25  # how often children are looked after
SHOW_S = 1.0  # how often figures are asked for
LINE_EVERY_S = 10.0  # without a terminal: one plain line this often
START_S = 120.0  # until the floor is at work, a cold cache of compiled kernels included
ASK_S = 5.0  # for one question to the gateway
DRAIN_S = 5.0  # after the people have gone home: for readings and labels under way
VERIFY_S = 600.0
EMULATED = ["customers", "pickers", "packers", "receiving", "counting", "returns desk", "devices", "trackers", "carriers"]
STATES = ("reserved", "backordered", "released", "picked", "packed", "shipped", "delivered", "returned", "cancelled")


def command(
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="Wall seconds at work; default: until Ctrl-C.")] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=3_600, help="Floor time a wall time.")] = SPEED,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Fixes demand and faults.")] = SEED,
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65_535, help="Port of the pages; 0 = any that is free.")] = PORT,
    data: Annotated[Path, typer.Option("--data", "-d", help="Where the floor lives; a second start goes on.")] = DATA,
    broker: Annotated[str, typer.Option("--broker", help="auto, embedded, mosquitto or mqtt://host:port.")] = "auto",
    orders: Annotated[float, typer.Option("--orders", min=1, max=2_000, help="Orders an hour on the peak Monday.")] = 120.0,
    pickers: Annotated[int, typer.Option("--pickers", min=1, max=100, help="People who walk.")] = 12,
    as_json: Json = False,
) -> None:
    """Run a synthetic floor: orders, people, devices over real MQTT, pages at http://127.0.0.1:8420/. Stop it with Ctrl-C.

    People, devices, customers and carriers are emulated; everything else is what runs a real floor.
    At the end every invariant is recomputed.
    """
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    epoch = _identity(data, {"seed": seed, "orders": orders, "pickers": pickers})
    chosen = _port(port)
    demo = Demo(data, chosen, speed, epoch, broker, ["--seed", str(seed), "--orders-an-hour", str(orders), "--pickers", str(pickers)])
    from floorwise.cli.children import GivenUp

    problem = ""
    show = Display(as_json, demo.url)
    try:
        demo.start()
        began_s = _until_at_work(demo, show, stopping)
        while not stopping and (for_s is None or time.monotonic() - began_s < for_s):
            demo.look_after()
            show.tell(demo, began_s, for_s)
            time.sleep(LOOK_S)
    except (GivenUp, TimeoutError) as error:
        problem = str(error)
    finally:
        show.close()
        figures = demo.stop()
    note("every process has ended; verifying")
    summary = _summary(demo, figures)
    if problem:
        note(f"floorwise: {problem}")
    result(summary, as_json, None if as_json else _told(summary, demo))
    if problem or not summary["verify_ok"]:
        raise typer.Exit(1)


class Demo:
    """The four processes of a demo."""

    def __init__(self, data: Path, port: int, speed: float, epoch: str, broker: str, emulator: list[str]) -> None:
        from floorwise.cli.children import Child, floorwise_words
        from floorwise.core.errors import FloorError
        from floorwise.gateway.broker import start

        self.data, self.port, self.url = data.resolve(), port, f"http://{HOST}:{port}/"
        logs = self.data / "logs"
        for old in (self.data / "gateway.json", self.data / "emulator" / "emulator.json"):
            old.unlink(missing_ok=True)
        try:
            self.broker = start(broker, 0, self.data / "broker")
        except FloorError as error:
            fail(str(error))
        config = self.data / "gateway.toml"
        config.write_text(f"emulated = {json.dumps(EMULATED)}\n", encoding="utf-8")
        gateway = [
            "up",
            "--config",
            str(config),
            "--data",
            str(self.data),
            "--host",
            HOST,
            "--port",
            str(port),
            "--broker",
            self.broker.url,
        ]
        agent = self.data / "edge" / "edge.toml"
        agent.parent.mkdir(parents=True, exist_ok=True)
        agent.write_text(_agent_settings(self.broker.url, self.broker.window), encoding="utf-8")
        world = ["--url", self.url.rstrip("/"), "--broker", self.broker.url, "--data", str(self.data / "emulator"), *emulator]
        self.children = [
            Child("gateway", floorwise_words(*gateway, "--speed", f"{speed:g}", "--epoch", epoch), logs / "gateway.log"),
            Child("edge", floorwise_words("edge", "--config", str(agent)), logs / "edge.log"),
            Child("emulator", [sys.executable, "-P", "-m", "floorwise.sim.emulator", *world], logs / "emulator.log"),
        ]
        self.figures: dict[str, Any] = {}

    def start(self) -> None:
        """Start everybody; each waits for the others by itself."""
        for child in self.children:
            child.start()
        told = {child.name: child.pid for child in self.children} | {"broker": self.broker.pid, "broker_url": self.broker.url}
        note(
            f"{self.url}  data {self.data}  broker {self.broker.kind}  "
            + "  ".join(f"{name} {pid}" for name, pid in told.items() if name != "broker_url")
        )
        (self.data / "processes.json").write_text(json.dumps(told), encoding="utf-8")

    def look_after(self) -> None:
        """Start again what has died."""
        from floorwise.gateway.broker import BrokerFailed

        if not self.broker.is_alive:
            note("broker died; starting it again")
            try:
                self.broker.restart()
            except BrokerFailed as error:
                note(f"broker does not start: {error}")
        for child in self.children:
            if child.keep():
                note(f"{child.name} died; starting it again")

    def ask(self, path: str) -> dict[str, Any] | None:
        """What the gateway says; None when it says nothing."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ASK_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            told = json.loads(response.read())
            return told if response.status == 200 and isinstance(told, dict) else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def look(self) -> dict[str, Any]:
        """The newest figures; the last known ones when the gateway is away."""
        self.figures = self.ask("/api/figures") or self.figures
        return self.figures

    def emulator(self) -> dict[str, Any]:
        """What the emulator says about itself; {} before it is at work."""
        try:
            return json.loads((self.data / "emulator" / "emulator.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def stop(self) -> dict[str, Any]:
        """Send people home, let what is under way arrive, stop everything; give the last figures."""
        gateway, edge, emulator = self.children
        emulator.stop()
        end_s = time.monotonic() + DRAIN_S
        before = None
        while gateway.is_alive and time.monotonic() < end_s and before != (now := self.look().get("journal_number")):
            before = now
            time.sleep(LOOK_S)
        edge.stop()
        self.look()
        gateway.stop()
        self.broker.stop()
        (self.data / "processes.json").unlink(missing_ok=True)
        return self.figures


class Display:
    """Figures on the terminal: a table that stays in its place, or plain lines where there is none."""

    def __init__(self, as_json: bool, url: str) -> None:
        self._url, self._live = url, None
        self._asked_s = self._said_s = 0.0
        if sys.stdout.isatty() and not as_json:
            from rich.live import Live

            self._live = Live(auto_refresh=False, transient=True)  # no thread: children follow the one that started them
            self._live.start()

    def tell(self, demo: Demo, began_s: float, for_s: float | None) -> None:
        """Show how things are, at most every SHOW_S."""
        now_s = time.monotonic()
        if now_s - self._asked_s < SHOW_S:
            return
        self._asked_s = now_s
        figures = demo.look()
        if not figures:
            return
        if self._live:
            self._live.update(_table(figures, demo, now_s - began_s, for_s), refresh=True)
        elif now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            note(line_of(figures))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()


def line_of(figures: dict[str, Any]) -> str:
    """The floor in one line, for logs."""
    orders, lines, readings = figures["orders"], figures["lines"], figures["readings"]
    return (
        f"{_clock(figures['now_ms'])}  orders {orders['placed']} placed, {orders['shipped']} shipped, {orders['delivered']} delivered, "
        f"{orders['late']} late  lines {lines['picked']} ({lines['per_hour']}/h)  readings {readings['stored'] or 0} "
        f"({readings['per_second'] or 0:g}/s)  excursions {figures['excursions']['total'] or 0}  speed {figures['speed_reached']:.0f}"
    )


def _table(figures: dict[str, Any], demo: Demo, seconds: float, for_s: float | None) -> Any:
    from rich.console import Group
    from rich.table import Table

    orders, lines, readings, work = figures["orders"], figures["lines"], figures["readings"], figures["work"]
    left = f" of {for_s:.0f}" if for_s else ""
    states, emulated = orders["by_state"], demo.emulator()
    of_orders = [(state, sum(states.get(name, 0) for name in (state, f"partly {state}"))) for state in STATES]
    of_floor = [
        ("late orders", f"{orders['late']:,}"),
        ("lines picked", f"{lines['picked']:,}"),
        ("lines an hour", f"{lines['per_hour']:,}"),
        ("short picks", f"{lines['short']:,}"),
        ("people walking", f"{work['tours_taken']:,}"),
        ("counts open", f"{work['counts_open']:,}"),
        ("mis-picks made (nobody knows)", f"{emulated.get('mispicks', 0):,}"),
        ("readings", f"{readings['stored'] or 0:,} ({readings['per_second'] or 0:,.1f}/s)"),
        ("excursions", f"{figures['excursions']['total'] or 0:,}"),
    ]
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    for justify in ("left", "right", "left", "right"):
        table.add_column(justify=justify)
    for (state, count), (name, value) in zip(of_orders, of_floor, strict=True):
        table.add_row(f"orders {state}", f"{count:,}", name, value)
    speed = f"speed {figures['speed_reached']:.1f} of {figures['speed']:g}"
    return Group(f"{_clock(figures['now_ms'])}   {speed}   {seconds:.0f}{left} s   {demo.url}", table)


def _until_at_work(demo: Demo, show: Display, stopping: list[int]) -> float:
    """Wait until the emulator says that the floor is at work; give the wall time. TimeoutError after START_S."""
    end_s = time.monotonic() + START_S
    while not stopping and not demo.emulator():
        if time.monotonic() > end_s:
            raise TimeoutError(f"the floor was not at work within {START_S:g} s; see {demo.data / 'logs'}")
        demo.look_after()
        time.sleep(LOOK_S)
    return time.monotonic()


def _identity(data: Path, wanted: dict[str, Any]) -> str:
    """The moment at which the floor of a directory began; fails when it is another floor's directory."""
    told = data / IDENTITY
    if told.exists():
        known = json.loads(told.read_text(encoding="utf-8"))
        if {name: known.get(name) for name in wanted} != wanted:
            was = ", ".join(f"{name} {known.get(name)}" for name in wanted)
            fail(f"{data} holds another floor ({was}); give the same options, or another directory with --data")
        return known["epoch"]
    from datetime import UTC, datetime

    from floorwise.sim.emulated import plan, season

    opening_ms = season.opening_ms(season.load(), YEAR, wanted["seed"], plan.ZONE)
    epoch = datetime.fromtimestamp(opening_ms / 1000, UTC).isoformat()
    data.mkdir(parents=True, exist_ok=True)
    told.write_text(json.dumps(wanted | {"epoch": epoch}), encoding="utf-8")
    return epoch


def _port(port: int) -> int:
    """The port to listen on; fails when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            fail(f"port {port}: {error.strerror}; choose another with --port, 0 takes any that is free")
        return probe.getsockname()[1]


def _agent_settings(broker_url: str, window: int) -> str:
    return f"""\
agent = "edge-1"
clock = "heard"  # devices live in floor time

[uplink]
url = "{broker_url}"
window = {window}

[devices]
url = "{broker_url}"
window = {window}

[[filters]]
devices = "scale-*"
kind = "gross_g"
deadband = 12.0
silence_ms = 300000

[[rules]]
name = "cold_room_warm"
devices = "climate-cold"
kind = "temperature_c"
above = 8.0
clear = 7.0
for_ms = 300000
"""


def _summary(demo: Demo, figures: dict[str, Any]) -> dict[str, Any]:
    """What the demo came to, and whether every invariant holds."""
    orders, emulated = figures.get("orders", {}), demo.emulator()
    checks, head = _verify(demo.data)
    return {
        "url": demo.url,
        "orders_placed": orders.get("placed", 0),
        "orders_shipped": orders.get("shipped", 0),
        "orders_delivered": orders.get("delivered", 0),
        "orders_late": orders.get("late", 0),
        "lines_picked": figures.get("lines", {}).get("picked", 0),
        "lines_short": figures.get("lines", {}).get("short", 0),
        "readings_stored": figures.get("readings", {}).get("stored") or 0,
        "excursions": figures.get("excursions", {}).get("total") or 0,
        "mispicks_made": emulated.get("mispicks", 0),
        "speed_reached": figures.get("speed_reached", 0.0),
        "restarts": sum(child.restarts for child in demo.children) + demo.broker.restarts,
        "verify_ok": bool(checks) and all(check["ok"] for check in checks),
        "violated": [check for check in checks if not check["ok"]],
        "journal_head": head,
        "data": str(demo.data),
    }


def _verify(data: Path) -> tuple[list[dict[str, Any]], str]:
    """The checks of `floorwise verify` and the head they were made up to; no checks when it did not come to an end."""
    import subprocess

    from floorwise.cli.children import floorwise_words
    from floorwise.core.adapters.ledger_sql.sqlite import snapshot
    from floorwise.core.errors import FloorError

    words = floorwise_words("verify", "--data", str(data), "--json")
    try:
        told = subprocess.run(words, stdout=subprocess.PIPE, timeout=VERIFY_S, text=True, check=False).stdout
        checks = json.loads(told.strip().splitlines()[-1])["checks"]
        ledger = snapshot(data)
    except (subprocess.TimeoutExpired, ValueError, IndexError, KeyError, FloorError):
        return [], ""
    try:
        return checks, ledger.head[1]
    finally:
        ledger.close()


def _told(summary: dict[str, Any], demo: Demo) -> str:
    width = max(map(len, summary))
    rows = [f"{name:<{width}}  {value}" for name, value in summary.items() if name != "violated"]
    rows += [f"VIOLATED {check['name']}: {check['detail']}" for check in summary["violated"]]
    rows.append("emulated: customers, people, devices, carriers. Start again with the same --data and the floor goes on.")
    return "\n".join(rows)


def _clock(at_ms: int) -> str:
    from datetime import datetime

    from floorwise.core.model.places import zone_named
    from floorwise.sim.emulated.plan import ZONE

    return datetime.fromtimestamp(at_ms / 1000, zone_named(ZONE)).strftime("%a %d %b %H:%M")
