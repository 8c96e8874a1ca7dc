"""Tours on handhelds over real MQTT: retained, confirmed with an acknowledgement after the commit, said again to a broker that forgot."""

import os
import queue
import signal
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.device_messages import Birth, Confirm, Death, TourSheet, decode, encode
from floorwise.core.model.readings import decode_ack
from floorwise.gateway import live
from floorwise.gateway.presence import Presence

DONE_MS = 1_772_431_260_000


class Handheld:
    """A device that hears what is meant for it and says what its picker did."""

    def __init__(self, name: str, url: str, patience_s: float) -> None:
        self.name, self._patience_s = name, patience_s
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe([(f"ack/{name}", 1), (f"down/{name}/#", 1)])
        self._client.on_message = lambda _client, _data, message: self.heard.put((message.topic, message.payload))
        host, port = url.removeprefix("mqtt://").split(":")
        self._client.connect(host, int(port), keepalive=20)
        self._client.loop_start()

    def hear(self, topic: str) -> bytes:
        """The next message on this topic; others are passed over."""
        while True:
            there, payload = self.heard.get(timeout=self._patience_s)
            if there == topic:
                return payload

    def say(self, seq: int, tour: str, number: int, quantity: int, outcome: str = "picked") -> None:
        told = Confirm(self.name, 1, seq, DONE_MS, tour, number, outcome, quantity, self.name, "")
        self._client.publish(f"up/{self.name}/confirm", encode(told), qos=1)

    def is_there(self) -> None:
        self._client.publish(f"up/{self.name}/birth", encode(Birth(self.name, 1, DONE_MS, "handheld", "1", [], 10)), qos=1)

    def is_gone(self) -> None:
        """As its will says it when the connection is lost."""
        self._client.publish(f"up/{self.name}/death", encode(Death(self.name, 1, DONE_MS)), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> list:
    """The brokers that gateways of this test start."""
    started, start = [], live.start_broker

    def note(*words):
        started.append(start(*words))
        return started[-1]

    monkeypatch.setattr(live, "start_broker", note)
    return started


@pytest.fixture
def anna(floor, tools, brokers) -> Iterator[tuple]:
    with tools.running(floor, broker="embedded") as house:
        handheld = Handheld("anna", brokers[0].url, tools.PATIENCE_S)
        yield house, handheld, brokers[0]
        handheld.close()


def test_a_tour_is_walked_by_mqtt_alone_and_the_broker_may_forget_it_in_between(anna, tools):
    house, handheld, broker = anna
    order_id = house.order("by mqtt", ("MUG", 2), ("BOWL", 3))
    tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
    house.post(f"/api/tours/{tour}/take", picker="anna")
    topic = f"down/anna/tours/{tour}"
    sheet = decode(TourSheet, handheld.hear(topic))
    assert [(pick.sku, pick.quantity) for pick in sorted(sheet.picks, key=lambda pick: pick.sku)] == [("BOWL", 3), ("MUG", 2)]

    for _ in range(2):  # the device did not hear the first acknowledgement
        handheld.say(1, tour, sheet.picks[0].number, sheet.picks[0].quantity)
        acks = decode_ack(handheld.hear("ack/anna"))
        assert [(one.device, one.first, one.last) for one in acks.ranges] == [("anna", 1, 1)]
    assert house.get(f"/api/tours/{tour}")["stops"][0]["done_at_ms"] == DONE_MS

    os.kill(broker.pid, signal.SIGKILL)  # it kept nothing on disk: what it retained is gone
    again = decode(TourSheet, handheld.hear(topic))
    assert (again.revision, [pick.number for pick in again.picks]) == (sheet.revision, [sheet.picks[1].number])
    assert broker.restarts == 1

    handheld.say(2, tour, sheet.picks[1].number, 1, "short")
    assert decode_ack(handheld.hear("ack/anna")).ranges
    assert handheld.hear(topic) == b""  # walked to its end: taken back
    stops = house.get(f"/api/tours/{tour}")["stops"]
    assert sorted((stop["quantity"], stop["state"]) for stop in stops) == sorted([(sheet.picks[0].quantity, "done"), (1, "done")])
    tools.eventually(lambda: house.http.get("/readyz").status_code == 200)


def test_a_confirmation_that_cannot_be_is_refused_by_name_and_another_under_its_number_too(anna, tools):
    house, handheld, _ = anna
    handheld.say(1, "NO SUCH", 1, 1)
    refused = decode_ack(handheld.hear("ack/anna")).refused
    assert [(one.seq, one.reason) for one in refused] == [(1, "NotFound: tour NO SUCH has no pick 1")]
    order_id = house.order("twice told", ("MUG", 2))
    tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
    house.post(f"/api/tours/{tour}/take", picker="anna")
    handheld.say(2, tour, 1, 2)
    assert decode_ack(handheld.hear("ack/anna")).ranges
    handheld.say(2, tour, 1, 1)
    assert decode_ack(handheld.hear("ack/anna")).refused[0].reason.startswith("KeyReused")


def test_a_handheld_that_stays_dead_gives_its_tour_to_somebody_else(floor, tools, brokers):
    with tools.running(floor, broker="embedded", gone_after_s=1) as house:
        anna, ben = (Handheld(name, brokers[0].url, tools.PATIENCE_S) for name in ("anna", "ben"))
        anna.is_there()
        order_id = house.order("left", ("MUG", 2), ("BOWL", 3))
        tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
        house.post(f"/api/tours/{tour}/take", picker="anna")
        sheet = decode(TourSheet, anna.hear(f"down/anna/tours/{tour}"))
        anna.say(1, tour, sheet.picks[0].number, sheet.picks[0].quantity)
        decode_ack(anna.hear("ack/anna"))
        anna.is_gone()
        assert anna.hear(f"down/anna/tours/{tour}") == b""
        tools.eventually(lambda: tour in [row["tour"] for row in house.get("/api/tours", state="open")["tours"]])
        assert house.post(f"/api/tours/{tour}/take", picker="ben").is_success
        left = decode(TourSheet, ben.hear(f"down/ben/tours/{tour}"))
        assert [pick.number for pick in left.picks] == [sheet.picks[1].number]
        ben.say(1, tour, left.picks[0].number, left.picks[0].quantity)
        assert ben.hear(f"down/ben/tours/{tour}") == b""
        anna.close()
        ben.close()
    assert house.verified() == []


def test_a_dispatcher_opens_the_tour_of_somebody_who_is_gone(anna, tools):
    house, handheld, _ = anna
    order_id = house.order("opened", ("MUG", 2))
    tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
    house.post(f"/api/tours/{tour}/take", picker="anna")
    handheld.hear(f"down/anna/tours/{tour}")
    assert house.post(f"/api/tours/{tour}/leave", picker="anna", cause="opened by the dispatcher").json() == {"left": 1}
    assert handheld.hear(f"down/anna/tours/{tour}") == b""
    assert house.get(f"/api/tours/{tour}")["state"] == "open"


def test_whoever_works_on_a_page_lives_whatever_became_of_the_device(anna, tools, monkeypatch):
    heard = []
    monkeypatch.setattr(Presence, "spoke", lambda presence, picker: heard.append(picker))
    house, _, _ = anna
    order_id = house.order("page", ("MUG", 2), ("BOWL", 1))
    tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
    house.post(f"/api/tours/{tour}/take", picker="anna")
    assert heard == ["anna"]
    first, second = (stop["number"] for stop in house.get(f"/api/tours/{tour}")["stops"])
    assert house.post(f"/api/tours/{tour}/picks/{first}/short", picker="anna", found=0).is_success
    assert house.post(f"/api/tours/{tour}/picks/{second}/short", picker="anna", found=0, tote="").is_success
    assert house.post(f"/api/tours/{tour}/picks/99/short", picker="nobody", found=9).is_error
    assert heard == ["anna"] * 3
