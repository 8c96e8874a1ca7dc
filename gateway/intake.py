"""From the broker to the store: readings are decoded against the contract, stored once, and only then acknowledged to their agent.

    network thread   takes messages into a bounded queue and lets the broker have its PUBACK; when the queue is full it drops and
                     counts, and the agent sends again what it gets no acknowledgement for
    intake thread    gathers messages, decodes them, one store transaction, then `ack/<agent>`, then `on_readings`

The figures add up at any moment: received = stored + duplicate + dead letters + in flight. While the store refuses (a full disk) the
intake keeps its group and tries again; nothing is acknowledged meanwhile.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from floorwise.core.adapters.bus_mqtt import BusAddress, MqttBus
from floorwise.core.adapters.mqtt_receiver import MqttReceiver
from floorwise.core.adapters.mqtt_wire import Message
from floorwise.core.adapters.reading_columns import Mixed
from floorwise.core.adapters.store_duckdb import StoreFailed
from floorwise.core.model.device_messages import ack
from floorwise.core.model.packed import PACKED
from floorwise.core.model.readings import BadPayload, Reading, encode_ack
from floorwise.core.model.stored import PAYLOAD_KEPT, DeadLetter, Outcome
from floorwise.core.ports import Store
from floorwise.gateway.acks import ack_payloads
from floorwise.gateway.gathering import Gathered
from floorwise.gateway.packed_decoding import Tables

TOPICS = ("up/+/batch", "up/+/birth", "up/+/death")
QUEUE_MESSAGES = 5_000  # received and not yet decoded …
QUEUE_BYTES = 64 * 1024 * 1024  # … and their size; beyond either, messages are dropped and counted
GROUP_MESSAGES = 2_000  # in one transaction
GROUP_BYTES = 2 * 1024 * 1024  # … about 25,000 readings; a message may go beyond it
LINGER_S = 0.1  # a message waits so long for company: a transaction costs 5 ms whatever it holds
RETRY_S = 1.0  # between attempts while the store refuses
DEVICES = 100_000  # remembered with the agent they spoke through; beyond it the oldest are forgotten
RETAIN_EVERY_S = 3_600.0  # between two looks for readings that are too old
STOP_S = 30.0  # for what is queued when it is told to stop

log = structlog.get_logger(__name__)

Batch = Collection[Reading]


class Figures(NamedTuple):
    """Counts since the start, in readings but for `messages` and `dropped_messages`; an unreadable message counts as one reading."""

    messages: int
    dropped_messages: int
    received: int
    stored: int
    duplicate: int
    dead_letter: int
    conflict: int  # of the dead letters, those under a key that is taken
    in_flight: int
    transactions: int


class Intake:
    """Runs from `start` to `stop`; may be registered as a collector with prometheus.

    store         written by the intake's thread only
    on_readings   what was stored anew, after its acknowledgement, in order of arrival, on the intake's thread. After a crash it may have
                  missed some: whoever needs every reading asks the store at its start
    now_ms        wall time, for dead letters
    keep_from_ms  readings older than what it says are removed, once in RETAIN_EVERY_S; None keeps them for ever
    """

    def __init__(
        self,
        broker: BusAddress | str,
        store: Store,
        on_readings: Callable[[Batch], None] = lambda batch: None,
        client_id: str = "floorwise-intake",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        keep_from_ms: Callable[[], int] | None = None,
    ) -> None:
        self._store, self._on_readings, self._now_ms = store, on_readings, now_ms
        self._keep_from_ms, self._retained_at = keep_from_ms, -RETAIN_EVERY_S
        self.retired = 0
        self._receiver = MqttReceiver(broker, client_id, TOPICS, self._take)
        self._bus = MqttBus(broker, f"{client_id}-acks")
        self._queue: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._news = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._agents: dict[str, str] = {}  # device → agent it was heard through
        self._present: dict[str, int] = {}  # agent → boot, from its birth
        self._tables = Tables()
        self._takes: tuple[str, ...] = ()  # layouts beyond JSON that are read fast, once the loops for them are compiled
        self._warming = threading.Thread(target=self._warm, name="intake-kernels", daemon=True)
        self.messages = self.dropped_messages = self.received = self.transactions = 0
        self.stored = self.duplicate = self.dead_letter = self.conflict = 0
        self.failing = ""  # why the store refuses now; "" while it does not
        self.fault = ""  # why the intake has ended by itself; "" while it has not

    def start(self) -> None:
        """Listen from now on, or as soon as there is a broker."""
        self._warming.start()
        self._thread.start()
        self._bus.start()
        self._receiver.start()

    def stop(self) -> None:
        """Hear nothing more, store and acknowledge what is queued, end."""
        with self._news:
            self._is_stopping = True
            self._news.notify_all()
        self._receiver.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        self._bus.stop()

    def wait_warm(self, timeout_s: float) -> bool:
        """Whether packed batches are announced to agents within that time. Before that they are read, but slowly."""
        self._warming.join(timeout_s)
        return bool(self._takes)

    @property
    def is_connected(self) -> bool:
        return self._receiver.is_connected and self._bus.is_connected

    @property
    def is_alive(self) -> bool:
        """Whether readings are being taken, or would be if there were a broker."""
        return self._thread.is_alive() and not self.fault

    @property
    def queued(self) -> int:
        """Messages that wait to be decoded."""
        return len(self._queue)

    def wait_connected(self, timeout_s: float) -> bool:
        """Whether the broker has confirmed our subscriptions within that time."""
        return self._bus.wait_connected(timeout_s) and self._receiver.wait_connected(timeout_s)

    def figures(self) -> Figures:
        """Counts that add up: they are changed together by one thread."""
        with self._news:
            done = self.stored, self.duplicate, self.dead_letter
            counts = (self.messages, self.dropped_messages, self.received, *done, self.conflict)
            return Figures(*counts, self.received - sum(done), self.transactions)

    def collect(self) -> Iterator[Metric]:
        """The figures as prometheus wants them."""
        figures = self.figures()
        for name in ("messages", "dropped_messages", "received", "stored", "duplicate", "dead_letter", "conflict", "transactions"):
            yield CounterMetricFamily(f"floorwise_intake_{name}", f"{name.replace('_', ' ')} since the start", getattr(figures, name))
        yield GaugeMetricFamily("floorwise_intake_in_flight", "readings decoded and not yet settled", figures.in_flight)
        yield GaugeMetricFamily("floorwise_intake_queued_messages", "messages that wait to be decoded", self.queued)
        yield GaugeMetricFamily("floorwise_intake_connected", "1 while the broker has our subscriptions", int(self.is_connected))

    def _warm(self) -> None:
        try:
            from floorwise.core.adapters import reading_kernels  # numba is loaded here, off the way to the first reading

            reading_kernels.warm_up()
        except Exception as error:  # agents go on in JSON
            log.exception("kernels_failed", reason=str(error))
        else:
            self._takes = (PACKED,)

    # on the network's thread

    def _take(self, messages: list[Message]) -> None:
        with self._news:
            self.messages += len(messages)
            had = len(self._queue)
            for topic, payload, _ in messages:
                if self._is_stopping or len(self._queue) >= QUEUE_MESSAGES or self._bytes + len(payload) > QUEUE_BYTES:
                    self.dropped_messages += 1
                else:
                    self._queue.append((topic, payload))
                    self._bytes += len(payload)
            if not had or self._is_full():  # in between the intake lingers: to wake it for each message costs as much as to receive it
                self._news.notify()

    # on the intake's thread

    def _run(self) -> None:
        try:
            while True:
                self._retain()
                group = self._gather()
                if group:
                    self._settle(group)
                elif self._is_stopping:
                    return
        except BaseException as error:
            self.fault = f"{type(error).__name__}: {error}"
            log.exception("intake_stopped")

    def _gather(self) -> list[tuple[str, bytes]]:
        """Wait for a message, at most RETAIN_EVERY_S, then LINGER_S for others; empty when none has come."""
        with self._news:
            if not self._news.wait_for(lambda: self._queue or self._is_stopping, RETAIN_EVERY_S):
                return []
            until = time.monotonic() + LINGER_S
            while not self._is_full() and not self._is_stopping and (left := until - time.monotonic()) > 0:
                self._news.wait(left)
            group: list[tuple[str, bytes]] = []
            size = 0
            while self._queue and len(group) < GROUP_MESSAGES and size < GROUP_BYTES:
                group.append(self._queue.popleft())
                size += len(group[-1][1])
            self._bytes -= size
            return group

    def _retain(self) -> None:
        """Remove what is too old; here, because the store has one writing thread."""
        if self._keep_from_ms is None or time.monotonic() - self._retained_at < RETAIN_EVERY_S:
            return
        self._retained_at = time.monotonic()
        try:
            if gone := self._store.retain(self._keep_from_ms()):
                self.retired += gone
                log.info("readings_removed", count=gone)
        except StoreFailed as error:  # it is tried again when the time has come round
            log.error("readings_not_removed", reason=str(error))

    def _is_full(self) -> bool:
        return len(self._queue) >= GROUP_MESSAGES or self._bytes >= GROUP_BYTES

    def _settle(self, group: Sequence[tuple[str, bytes]]) -> None:
        """Decode, store, acknowledge and tell one group."""
        said = self._read(group)
        readings, dead = said.readings(), said.dead
        with self._news:
            self.received += len(readings) + len(dead)
        outcomes = self._store_at_last(readings, dead)
        if outcomes is None:
            return
        stored, conflicts = outcomes.count(Outcome.STORED), outcomes.count(Outcome.CONFLICT)
        with self._news:
            self.stored += stored
            self.duplicate += len(outcomes) - stored - conflicts
            self.dead_letter += len(dead) + conflicts
            self.conflict += conflicts
            self.transactions += 1
        if conflicts:
            log.error("same_key_other_content", count=conflicts)
        self._acknowledge(said)
        for number, *sign in said.signs:
            self._heed(*sign, said.devices_behind(number))
        self._follow(readings if stored == len(outcomes) else said.fresh(readings, outcomes))

    def _read(self, group: Sequence[tuple[str, bytes]]) -> Gathered:
        said = Gathered(self._tables if self._takes else None)
        for read, numbers in ((said.take, range(len(group))), (said.take_slowly, None)):
            for number in said.odd() if numbers is None else numbers:
                try:
                    read(number, *group[number])
                except BadPayload as error:
                    said.dead.append(self._unreadable(*group[number], str(error)))
        at_ms = self._now_ms()
        said.dead += [DeadLetter(at_ms, topic, *one, b"") for topic, one in said.refused]
        return said

    def _store_at_last(self, readings: Batch, dead: Sequence[DeadLetter]) -> list[Outcome] | None:
        """The outcomes, once the store has taken the group; None when it is told to stop while the store still refuses."""
        while True:
            try:
                outcomes = self._store.write_batch(readings, dead)
            except StoreFailed as error:
                if not self.failing:
                    log.error("store_takes_nothing", reason=str(error))
                self.failing = str(error)
                with self._news:
                    if self._news.wait_for(lambda: self._is_stopping, RETRY_S):
                        return None
            else:
                if self.failing:
                    log.info("store_takes_readings_again")
                self.failing = ""
                return outcomes

    def _acknowledge(self, said: Gathered) -> None:
        for sender, (ranges, refusals) in said.acks().items():
            for device, _ in ranges:
                self._agents.pop(device, None)
                self._agents[device] = sender
            for payload in ack_payloads(ranges, refusals, self._takes):
                self._bus.publish(ack(sender), payload)
        while len(self._agents) > DEVICES:
            del self._agents[next(iter(self._agents))]

    def _follow(self, fresh: Batch) -> None:
        """Note what agents say of their devices, then tell the gateway."""
        told = fresh.plain if isinstance(fresh, Mixed) else fresh  # names are texts, and texts do not come in columns
        gone = [about for reading in told if reading.values.get("alive") == 0.0 and isinstance(about := reading.values.get("about"), str)]
        if gone:
            self._store.mark_stale(gone)
        if not fresh:
            return
        try:
            self._on_readings(fresh)
        except Exception:  # the readings are stored and acknowledged; who follows them must not stop the next ones
            log.exception("follower_of_readings_failed")

    def _heed(self, device: str, is_birth: bool, boot: int, spoke_later: set[str]) -> None:
        """An agent (or a device without one) is there, or gone with all that spoke through it."""
        if is_birth:
            if device in self._present or len(self._present) < DEVICES:
                self._present[device] = boot
            if self._takes:  # it need not send anything first to hear what it may send
                self._bus.publish(ack(device), encode_ack((), (), self._takes))
        elif boot >= self._present.get(device, 0):
            self._present.pop(device, None)
            gone = {device, *(name for name, agent in self._agents.items() if agent == device)}
            self._store.mark_stale(gone - spoke_later)

    def _unreadable(self, topic: str, payload: bytes, reason: str) -> DeadLetter:
        parts = topic.split("/")
        log.error("message_cannot_be_read", topic=topic[:80], reason=reason)
        return DeadLetter(self._now_ms(), topic[:200], parts[1][:64] if len(parts) > 1 else "", 0, 0, reason, payload[:PAYLOAD_KEPT])
