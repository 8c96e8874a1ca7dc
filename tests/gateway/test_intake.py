"""The intake on a real broker: every reading is stored once and then acknowledged; what cannot be taken is kept with its reason."""

import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import CollectorRegistry, generate_latest

from floorwise.core.adapters.store_duckdb import StoreFailed
from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.model.device_messages import Birth, Death, ack, encode, up
from floorwise.core.model.readings import Ack, Reading, decode_ack, encode_batch
from floorwise.gateway import intake as intakes
from floorwise.gateway.intake import Intake

NOW = 1_767_000_000_000
PATIENCE_S = 20.0


class Agent:
    """A client that speaks as an agent does and notes its acks."""

    def __init__(self, port: int, name: str = "edge-1") -> None:
        self.name, self.acks = name, []
        self.ready, self._heard = threading.Event(), threading.Condition()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv311)
        self.client.on_connect = lambda client, *_: client.subscribe(ack(name), 1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port, keepalive=10)
        self.client.loop_start()
        assert self.ready.wait(PATIENCE_S)

    def _hear(self, _client, _data, message) -> None:
        with self._heard:
            self.acks.append(decode_ack(message.payload))
            self._heard.notify_all()

    def send(self, *readings: Reading) -> None:
        self.say("batch", encode_batch(self.name, NOW, readings))

    def say(self, what: str, payload: bytes) -> None:
        self.client.publish(up(self.name, what), payload, qos=1)

    def wait_acks(self, count: int) -> list[Ack]:
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.acks) >= count, PATIENCE_S), f"{len(self.acks)} acks, {count} were to come"
            return self.acks

    def wait_keys(self, count: int) -> None:
        """Wait until acks have named that many readings; a group of messages is answered by one ack."""
        with self._heard:
            named = lambda: sum(one.last - one.first + 1 for heard in self.acks for one in heard.ranges)  # noqa: E731
            assert self._heard.wait_for(lambda: named() >= count, PATIENCE_S), f"{named()} readings acknowledged, {count} were to be"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Floor:
    """A store in memory, an intake and an agent on one broker."""

    def __init__(self, broker, store=None) -> None:
        self.told: list[Reading] = []
        self.store = store or MemoryStore()
        self.intake = Intake(broker.url, self.store, self.told.extend, now_ms=lambda: NOW)
        self.intake.start()
        assert self.intake.wait_connected(PATIENCE_S)
        self.agent = Agent(broker.port)

    def close(self) -> None:
        self.agent.close()
        self.intake.stop()


@pytest.fixture
def floor(broker):
    one = Floor(broker)
    yield one
    one.close()


@pytest.fixture
def mosquitto_floor(any_broker):
    one = Floor(any_broker)
    yield one
    one.close()


def look(seq: int, celsius: float = 4.0, device: str = "climate-1") -> Reading:
    return Reading(device, 1, seq, NOW + seq, {"temperature_c": celsius})


def sums(intake: Intake) -> tuple[int, int, int, int, int]:
    """received, stored, duplicate, dead letters, in flight."""
    f = intake.figures()
    return f.received, f.stored, f.duplicate, f.dead_letter, f.in_flight


def test_readings_are_stored_acknowledged_and_told_once(floor):
    floor.agent.send(look(1), look(2), look(3, device="climate-2"))
    (heard,) = floor.agent.wait_acks(1)
    assert sorted(map(tuple, heard.ranges)) == [("climate-1", 1, 1, 2), ("climate-2", 1, 3, 3)]
    floor.agent.send(look(2), look(4))
    assert [tuple(one) for one in floor.agent.wait_acks(2)[1].ranges] == [("climate-1", 1, 2, 2), ("climate-1", 1, 4, 4)]
    floor.close()
    assert floor.told == [look(1), look(2), look(3, device="climate-2"), look(4)]
    assert [(account.device, account.count) for account in floor.store.accounts()] == [("climate-1", 3), ("climate-2", 1)]
    assert sums(floor.intake) == (5, 4, 1, 0, 0)


def test_a_broken_reading_is_refused_by_name_and_its_neighbours_are_stored(floor):
    floor.agent.send(look(1), look(2, 4000.0), look(3))
    floor.agent.wait_acks(2)
    (refused,) = [one for heard in floor.agent.acks for one in heard.refused]
    assert refused[:3] == ("climate-1", 1, 2) and "4000.0 °C is outside" in refused.reason
    assert [letter[2:6] for letter in floor.store.dead] == [("climate-1", 1, 2, refused.reason)]
    assert sums(floor.intake) == (3, 2, 0, 1, 0)


def test_a_message_that_cannot_be_read_is_kept_with_its_reason_and_the_next_one_goes_on(floor):
    floor.agent.say("batch", b"{not json")
    floor.agent.say("batch", encode_batch("edge-2", NOW, [look(1)]))
    floor.agent.say("birth", b"[]")
    floor.agent.send(look(2))
    floor.agent.wait_acks(1)
    floor.close()
    assert [(letter.topic, letter.device) for letter in floor.store.dead] == [
        ("up/edge-1/batch", "edge-1"), ("up/edge-1/batch", "edge-1"), ("up/edge-1/birth", "edge-1"),
    ]  # fmt: skip
    assert floor.store.dead[0].payload == b"{not json" and "not JSON" in floor.store.dead[0].reason
    assert "'edge-2' speaks on the topic of 'edge-1'" in floor.store.dead[1].reason
    assert floor.told == [look(2)]
    assert sums(floor.intake) == (4, 1, 0, 3, 0)


def test_the_same_key_with_other_content_is_put_by_counted_and_never_told(mosquitto_floor):
    floor = mosquitto_floor
    floor.agent.send(look(1, 4.0))
    floor.agent.wait_acks(1)
    floor.agent.send(look(1, 9.0))
    floor.agent.wait_acks(2)
    floor.close()
    assert floor.told == [look(1, 4.0)]
    assert floor.intake.figures().conflict == 1
    assert sums(floor.intake) == (2, 1, 0, 1, 0)


def test_a_dead_agent_makes_all_that_spoke_through_it_stale_and_an_old_will_says_nothing(mosquitto_floor):
    floor = mosquitto_floor
    floor.agent.say("birth", encode(Birth("edge-1", 7, NOW, "agent", "1", [], 1)))
    floor.agent.send(look(1), look(1, device="climate-2"))
    floor.agent.say("death", encode(Death("edge-1", 6, NOW)))
    floor.agent.send(look(2))
    floor.agent.wait_keys(3)
    assert not any(latest.is_stale for latest in floor.store.latest().values())
    floor.agent.say("death", encode(Death("edge-1", 7, NOW)))
    floor.agent.send(Reading("edge-1", 7, 1, NOW, {"about": "nobody", "alive": 1.0}))
    floor.agent.wait_keys(4)
    floor.close()
    assert all(latest.is_stale for latest in floor.store.latest().values())


def test_a_device_told_dead_by_its_agent_is_stale_alone(mosquitto_floor):
    floor = mosquitto_floor
    floor.agent.send(look(1), look(1, device="climate-2"), Reading("edge-1", 7, 1, NOW, {"about": "climate-1", "alive": 0.0}))
    floor.agent.wait_acks(1)
    floor.close()
    assert {key[0]: latest.is_stale for key, latest in floor.store.latest().items()} == {"climate-1": True, "climate-2": False}


class FullStore(MemoryStore):
    """Its disk is full until `gate` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.tried = threading.Event(), threading.Event()

    def write_batch(self, readings, dead=()):
        self.tried.set()
        if not self.gate.is_set():
            raise StoreFailed("No space left on device")
        return super().write_batch(readings, dead)


def test_nothing_is_acknowledged_while_the_store_refuses_and_a_full_queue_drops_and_counts(any_broker, monkeypatch):
    monkeypatch.setattr(intakes, "QUEUE_MESSAGES", 3)
    monkeypatch.setattr(intakes, "RETRY_S", 0.05)
    floor = Floor(any_broker, FullStore())
    floor.agent.send(look(1))
    assert floor.store.tried.wait(PATIENCE_S)
    for seq in range(2, 12):
        floor.agent.send(look(seq))
    dropped = threading.Event()
    for _ in range(400):
        if floor.intake.figures().messages == 11 or dropped.wait(0.05):
            break
    figures = floor.intake.figures()
    assert (figures.messages, figures.dropped_messages, figures.received, figures.in_flight) == (11, 7, 1, 1)
    assert floor.agent.acks == [] and "No space left" in floor.intake.failing
    floor.store.gate.set()
    floor.agent.wait_acks(1)
    floor.close()
    assert floor.told == [look(seq) for seq in (1, 2, 3, 4)]  # one in hand, three queued; the agent sends the others again
    assert sums(floor.intake) == (4, 4, 0, 0, 0)


def test_a_follower_that_fails_does_not_stop_the_next_readings(any_broker):
    floor = Floor(any_broker)
    floor.intake._on_readings = lambda batch: 1 / 0
    floor.agent.send(look(1))
    floor.agent.wait_acks(1)
    floor.agent.send(look(2))
    floor.agent.wait_acks(2)
    floor.close()
    assert floor.store.accounts()[0].count == 2 and not floor.intake.fault


def test_an_ack_for_many_devices_with_long_names_stays_below_the_bound(any_broker):
    floor = Floor(any_broker)
    names = [f"{n:04}{'x' * 60}" for n in range(2_000)]
    for start in range(0, 2_000, 500):
        floor.agent.send(*(Reading(name, 2**52, 2**52, NOW, {"light_lx": 1.0}) for name in names[start : start + 500]))
    floor.agent.wait_keys(2_000)
    floor.close()
    assert sorted(one.device for heard in floor.agent.acks for one in heard.ranges) == names


def test_readings_older_than_the_house_keeps_them_are_removed_and_accounted_for(any_broker, monkeypatch):
    monkeypatch.setattr(intakes, "RETAIN_EVERY_S", 0.05)
    floor = Floor(any_broker)
    floor.intake._keep_from_ms = lambda: NOW + 2
    floor.agent.send(look(1), look(2))
    floor.agent.wait_keys(2)
    for _ in range(400):
        if floor.intake.retired:
            break
        threading.Event().wait(0.05)
    floor.close()
    (account,) = floor.store.accounts()
    assert (floor.intake.retired, account.count, account.removed) == (1, 2, 1)


def test_prometheus_is_shown_the_figures(any_broker):
    floor = Floor(any_broker)
    floor.agent.send(look(1))
    floor.agent.wait_acks(1)
    registry = CollectorRegistry()
    registry.register(floor.intake)
    floor.close()
    text = generate_latest(registry).decode()
    assert "floorwise_intake_stored_total 1.0" in text and "floorwise_intake_in_flight 0.0" in text
