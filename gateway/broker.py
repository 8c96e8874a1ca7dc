"""A broker of our own for one gateway: embedded or Mosquitto, a child process on loopback that dies with its parent.

Nothing that floorwise promises depends on what a broker remembers: readings are kept by their senders until the application ack,
tours are published again at each connect. So a broker here writes nothing to disk, and its owner may start it again whenever it died:

    broker = start("auto", 0, directory)
    ...
    if not broker.is_alive:
        broker.restart()

Loopback only and without passwords: whoever may open a port of this machine may speak. Speak MQTT 3.1.1 to it.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from floorwise.core.errors import BadInput, FloorError
from floorwise.core.model.readings import MESSAGE_BYTES

KINDS = ("auto", "embedded", "mosquitto")
HOST = "127.0.0.1"
INFLIGHT_MESSAGES = 100  # unacknowledged messages a broker hands out; the embedded one knows no other figure
QUEUED_MESSAGES = 20_000  # a client holds with Mosquitto while it is away; beyond it new ones are dropped, and their senders send again
QUEUED_BYTES = 64 * 1024 * 1024
PACKET_BYTES = MESSAGE_BYTES + 4_096  # a payload at its bound, topic and header included
SEGMENT_BYTES = 4 * 1024 * 1024  # the embedded broker keeps its log in memory: segments × this, and a log a topic filter
SEGMENTS = 4
CONNECTIONS = 1_000
START_S = 20.0  # until it answers a CONNECT; a cold machine loads the library first
FREE_S = 10.0  # until its port is free again after a restart
STOP_S = 5.0  # for a good end; then it is killed
STARTS = 3  # ports tried when another process takes the one that was free a moment ago
KNOCK_S = 0.02  # between two attempts to connect while it starts
LOG_TAIL = 500  # characters of its log that an error shows
GUARD = Path(__file__).with_name("broker_guard.py")

# Where Debian puts it, and no PATH of an ordinary user looks there.
SBIN = ("/usr/sbin", "/usr/local/sbin")


class BrokerFailed(FloorError):
    """The broker did not start; the text tells why, with the end of its log."""


class Broker:
    """A running broker, or the address of one that somebody else runs.

    url      mqtt://host:port
    kind     "embedded", "mosquitto" or "outside"
    window   messages it hands out without an acknowledgement
    """

    def __init__(self, kind: str, url: str, directory: Path | None = None) -> None:
        self.kind, self.url, self.directory = kind, url, directory
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or HOST, parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self.window = 20 if kind == "outside" else INFLIGHT_MESSAGES
        self.restarts = 0
        self._process: subprocess.Popen | None = None

    @property
    def is_alive(self) -> bool:
        """Whether its process runs; always true for a broker that is not ours."""
        return self.kind == "outside" or (self._process is not None and self._process.poll() is None)

    @property
    def pid(self) -> int:
        """The process to kill in a fault test, 0 when there is none of ours."""
        return self._process.pid if self._process else 0

    @property
    def log_file(self) -> Path | None:
        return self.directory / "broker.log" if self.directory else None

    def launch(self) -> None:
        """Start the process and return when it answers a CONNECT. Raises BrokerFailed."""
        if self.kind == "outside":
            return
        self._require_free_port()
        with self.log_file.open("wb") as log:  # anew at each start: its size stays bounded by what a broker says of warnings
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(GUARD), *self._words()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the owner; it stops us in its order
            )
        end = time.monotonic() + START_S
        while not answers(self.host, self.port):
            if self._process.poll() is not None:
                raise BrokerFailed(f"{self.kind} broker ended with code {self._process.returncode}: {self._log_tail()}")
            if time.monotonic() > end:
                self.stop()
                raise BrokerFailed(f"{self.kind} broker did not answer on {self.url} within {START_S:g} s: {self._log_tail()}")
            time.sleep(KNOCK_S)

    def restart(self) -> None:
        """Start again on the same port, with an empty memory. Raises BrokerFailed."""
        self.stop()
        self.restarts += 1
        self.launch()

    def stop(self) -> None:
        """End the process, if it is ours; the second time does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.stdin.close()  # the guard ends with it, and takes the broker along
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _require_free_port(self) -> None:
        """Another broker on this port would answer our CONNECT just as well."""
        # A client that dials a port where nobody listens may be given that very port as its own and talk to itself for a moment:
        # after a restart the port is waited for.
        until = time.monotonic() + (FREE_S if self.restarts else 0.0)
        while True:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a broker just killed do not count
                try:
                    probe.bind((HOST, self.port))
                    return
                except OSError as error:
                    if time.monotonic() >= until:
                        raise BrokerFailed(f"{self.kind} broker: port {self.port} is not free ({error.strerror})") from None
            time.sleep(KNOCK_S)

    def _words(self) -> list[str]:
        config = self.directory / ("broker.conf" if self.kind == "mosquitto" else "broker.toml")  # each knows its own suffix
        if self.kind == "mosquitto":
            config.write_text(_mosquitto_config(self.port), encoding="utf-8")
            return ["mosquitto", find_mosquitto() or "mosquitto", str(config)]
        config.write_text(_embedded_config(self.port), encoding="utf-8")
        return ["embedded", str(config)]

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return self.log_file.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip() or "its log is empty"
        return "it has no log"


def start(kind: str, port: int, directory: Path) -> Broker:
    """Return a broker that answers: of `kind`, or at `kind` when that is a URL. `auto` prefers Mosquitto where it is installed.

    port       0 = any that is free
    directory  for its configuration and its log (broker.conf or .toml, broker.log); made when it is not there
    Raises BadInput for a kind that is none, BrokerFailed when it does not start.
    """
    if "://" in kind:
        if urlsplit(kind).scheme not in ("mqtt", "mqtts") or not urlsplit(kind).hostname:
            raise BadInput(f"broker {kind!r}: mqtt://host:port or mqtts://host:port is needed")
        return Broker("outside", kind)
    chosen = choose(kind)
    directory.mkdir(parents=True, exist_ok=True)
    for attempt in range(STARTS):
        broker = Broker(chosen, f"mqtt://{HOST}:{port or free_port()}", directory.resolve())
        try:
            broker.launch()
            return broker
        except BrokerFailed:
            broker.stop()
            if port or attempt == STARTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def choose(kind: str) -> str:
    """Return "mosquitto" or "embedded" for auto, embedded or mosquitto. Raises BadInput when it is none of these or not installed."""
    if kind not in KINDS:
        raise BadInput(f"broker {kind!r} is not one of {', '.join(KINDS)} and no mqtt:// address")
    if kind == "auto":
        return "mosquitto" if find_mosquitto() else "embedded"
    if kind == "mosquitto" and not find_mosquitto():
        raise BadInput("broker mosquitto: there is no mosquitto on the PATH; install it, or take --broker embedded")
    return kind


def find_mosquitto() -> str | None:
    """The path of Mosquitto's program, if it is installed."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN)))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether a broker accepts a CONNECT there: an open port alone may be a broker that is not ready."""
    try:
        with socket.create_connection((host, port), timeout_s) as line:
            line.settimeout(timeout_s)
            line.sendall(_CONNECT)
            answer = line.recv(4)
            line.sendall(b"\xe0\x00")  # DISCONNECT
            return answer[:1] == b"\x20" and answer[3:4] == b"\x00"
    except OSError:
        return False


# MQTT 3.1.1 CONNECT: clean session, keepalive 10 s (the embedded broker closes on 0), client id "knock".
_CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05knock"


def _mosquitto_config(port: int) -> str:
    return f"""\
listener {port} {HOST}
allow_anonymous true
user {getpass.getuser()}
persistence false
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
max_inflight_messages {INFLIGHT_MESSAGES}
max_queued_messages {QUEUED_MESSAGES}
max_queued_bytes {QUEUED_BYTES}
message_size_limit {PACKET_BYTES}
max_connections {CONNECTIONS}
"""


def _embedded_config(port: int) -> str:
    return f"""\
id = 0
[router]
id = 0
max_connections = {CONNECTIONS}
max_outgoing_packet_count = 200
max_segment_size = {SEGMENT_BYTES}
max_segment_count = {SEGMENTS}
[v4.1]
name = "loopback"
listen = "{HOST}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {PACKET_BYTES}
max_inflight_count = {INFLIGHT_MESSAGES}
dynamic_filters = true
"""
