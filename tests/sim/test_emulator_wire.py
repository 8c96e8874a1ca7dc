"""What devices say: within the budget, in messages the contract understands, again until it is acknowledged."""

import json

import pytest

from floorwise.core.model.device_messages import Birth, Confirm, decode
from floorwise.core.model.readings import decode_readings, encode_ack
from floorwise.sim.emulated import wire as wires
from floorwise.sim.emulated.wire import Budget, Wire, message_of
from floorwise.sim.emulated.world import World


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Line:
    """A wire whose network is a list; `told` is what it gave back."""

    def __init__(self, clock: Clock) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.acked: list[tuple[str, int, int]] = []
        self.silent: list = []
        self.wire = Wire("mqtt://127.0.0.1:1", "test", lambda call: call(), lambda *_: None, self.acked.extend, self.silent.append, clock)
        self.wire._publish = lambda topic, payload, retain=False: self.sent.append((topic, payload))
        self.wire.connected = True
        self.world = World(None)
        for name in ("scale-1", "scale-2", "picker-1"):
            boot = self.world.boot(name)
            self.wire._births[name] = Birth(name, boot, 0, "scale", "test", [], 10)

    def say(self, device: str, topic: str, ts: int, **values: object):
        kept = self.world.say(device, topic, ts, values)
        self.wire.keep(kept)
        return kept


@pytest.fixture
def line(clock):
    return Line(clock)


def test_a_budget_gives_its_burst_and_then_its_rate(clock):
    budget = Budget(10.0, 3, clock)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    clock.now = 0.1
    assert [budget.take(), budget.take()] == [True, False]
    clock.now = 100.0
    assert sum(budget.take() for _ in range(50)) == 3


def test_many_readings_of_a_device_go_in_one_message_after_a_moment(line, clock):
    for ts in (5, 6, 7):
        line.say("scale-1", "readings", ts, gross_g=float(ts))
    line.wire.flush()
    assert line.sent == []
    clock.now = wires.GATHER_S
    line.wire.flush()
    ((topic, payload),) = line.sent
    assert topic == "up/scale-1/readings"
    assert [(r.boot, r.seq, r.ts, r.values["gross_g"]) for r in decode_readings(payload, "scale-1").readings] == [
        (1, 1, 5, 5.0), (1, 2, 6, 6.0), (1, 3, 7, 7.0),
    ]  # fmt: skip


def test_readings_of_two_boots_never_share_a_message(line, clock):
    line.say("scale-1", "readings", 5, gross_g=1.0)
    line.world.boot("scale-1")
    line.say("scale-1", "readings", 6, gross_g=1.0)
    clock.now = wires.GATHER_S
    line.wire.flush()
    assert [json.loads(payload)["boot"] for _, payload in line.sent] == [1, 2]


def test_a_confirmation_goes_at_once_and_reads_as_the_contract_says(line):
    words = {"tour": "T1", "number": 3, "outcome": "short", "quantity": 1, "picker": "picker-1", "code": "A00"}
    line.say("picker-1", "confirm", 900, **words)
    line.wire.flush()
    ((topic, payload),) = line.sent
    assert topic == "up/picker-1/confirm"
    assert decode(Confirm, payload, "picker-1") == Confirm("picker-1", 1, 1, 900, "T1", 3, "short", 1, "picker-1", "A00")


def test_what_is_acknowledged_is_forgotten_and_what_is_not_is_said_again(line, clock):
    line.say("scale-1", "readings", 5, gross_g=1.0)
    line.say("scale-1", "readings", 6, gross_g=2.0)
    clock.now = wires.GATHER_S
    line.wire.flush()
    line.wire._take("ack/scale-1", encode_ack([("scale-1", 1, 1)]))
    assert line.acked == [("scale-1", 1, 1)] and line.wire.waiting == 1
    clock.now += wires.AGAIN_S + 0.01
    line.wire.flush()
    assert [r.seq for r in decode_readings(line.sent[-1][1]).readings] == [2]
    line.wire._take("ack/scale-1", encode_ack([("scale-1", 1, 2)]))
    assert line.wire.waiting == 0


def test_a_confirmation_that_nobody_answers_is_given_up_to_http_after_some_sayings(line, clock):
    kept = line.say("picker-1", "confirm", 900, tour="T1", number=1)
    for _ in range(wires.SAYINGS + 1):
        line.wire.flush()
        clock.now += wires.AGAIN_S + 0.01
    assert len(line.sent) == wires.SAYINGS and line.silent == [kept]


def test_no_more_than_the_budget_leaves_and_neither_kind_silences_the_other(line, clock):
    for n in range(30):
        name = f"scale-{n:03}"
        line.world.boot(name)
        line.say(name, "readings", 1, gross_g=1.0)
    for n in range(50):
        line.say("picker-1", "confirm", 900, tour="T1", number=n)
    clock.now = wires.GATHER_S
    line.wire.flush()
    confirms = [topic for topic, _ in line.sent if topic == "up/picker-1/confirm"]
    assert (len(confirms), len(line.sent)) == (40, 60)  # two thirds of the burst of 60, and one third
    clock.now += 1.0
    line.wire.flush()
    assert len(line.sent) == 80


def test_a_full_memory_thins_the_oldest_telemetry_and_never_a_confirmation(line, monkeypatch):
    monkeypatch.setattr(wires, "KEPT_MOST", 10)
    confirm = line.say("picker-1", "confirm", 0, tour="T1", number=1)
    gone = []
    for ts in range(1, 11):
        gone += line.wire.keep(line.world.say("scale-1", "readings", ts, {"gross_g": 1.0}))
    assert [seq for _, _, seq in gone] == [1, 3, 5]  # every second of the older half
    assert line.wire._unsaid["picker-1", "confirm"] == {(1, 1): confirm}


def test_one_reading_stands_alone_in_its_message(line):
    kept = line.world.say("scale-2", "scan", 7, {"code": "X"})
    assert json.loads(message_of([kept])) == {"boot": 1, "device": "scale-2", "seq": 1, "ts": 7, "values": {"code": "X"}}
