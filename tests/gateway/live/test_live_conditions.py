"""From a device's message to what is on hold: broker, intake, store, sensing and the ledger of one live gateway."""

import queue

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from floorwise.core.model.readings import Reading, decode_ack, encode_batch
from floorwise.gateway import live


def test_a_shock_puts_what_was_there_on_hold_until_somebody_decides(floor, tools, monkeypatch):
    started, start = [], live.start_broker
    monkeypatch.setattr(live, "start_broker", lambda *words: started.append(start(*words)) or started[-1])
    with tools.running(floor, broker="embedded") as house:
        acks: queue.Queue[bytes] = queue.Queue()
        agent = mqtt.Client(CallbackAPIVersion.VERSION2, "edge-1", protocol=mqtt.MQTTv311)
        agent.on_message = lambda _client, _data, message: acks.put(message.payload)
        agent.on_subscribe = lambda *_: acks.put(b"subscribed")
        agent.connect(started[0].host, started[0].port, keepalive=20)
        agent.subscribe("ack/edge-1", 1)
        agent.loop_start()
        assert acks.get(timeout=tools.PATIENCE_S) == b"subscribed"
        house.do("BindTracker", device="tr-1", subject="A02-9", product_class="fragile")
        bound_ms = house.get("/api/clock")["now_ms"]

        def say(seq: int, shock: float) -> None:
            reading = Reading("tr-1", 1, seq, bound_ms + seq * 1000, {"shock_mps2": shock, "temperature_c": 21.5})
            agent.publish("up/edge-1/batch", encode_batch("edge-1", bound_ms, [reading]), qos=1)
            told = decode_ack(acks.get(timeout=tools.PATIENCE_S))
            assert [(one.device, one.first, one.last) for one in told.ranges] == [("tr-1", seq, seq)]

        say(1, 400.0)  # goods of this class bear 250 m/s²
        found = tools.eventually(lambda: house.get("/api/excursions", open=True)["excursions"])[0]
        assert (found["subject"], found["kind"], found["peak_milli"], found["limit_milli"]) == ("A02-9", "shock_mps2", 400_000, 250_000)
        assert [(row["what"], row["sku"], row["quantity"]) for row in found["exposed"]] == [("held", "MUG", 40)]
        assert [(row["status"], row["on_hand"]) for row in house.get("/api/stock", place="A02-9")["rows"]] == [("held", 40)]
        early = house.post("/api/commands/SettleExcursion", excursion=found["excursion"], decision="release", decided_by="quality/eve")
        assert (early.status_code, early.json()["error"]) == (409, "WrongState")

        say(2, 1.0)
        tools.eventually(lambda: house.get("/api/excursions", open=False)["excursions"])
        house.do("SettleExcursion", excursion=found["excursion"], decision="release", decided_by="quality/eve")
        assert [(row["status"], row["on_hand"]) for row in house.get("/api/stock", place="A02-9")["rows"]] == [("available", 40)]

        latest = {row["metric"]: (row["value"], row["unit"]) for row in house.get("/api/readings/latest", device="tr-1")["latest"]}
        assert latest == {"shock_mps2": (1.0, "m/s²"), "temperature_c": (21.5, "°C")}
        series = house.get("/api/readings", device="tr-1", metric="shock_mps2", from_ms=bound_ms, to_ms=bound_ms + 10_000)
        assert series["points"] == [[bound_ms + 1000, 400.0, 400.0, 400.0, 1], [bound_ms + 2000, 1.0, 1.0, 1.0, 1]]
        figures = house.get("/api/figures")
        assert (figures["readings"]["stored"], figures["excursions"]) == (2, {"open": 0, "total": 1})
        metrics = house.http.get("/metrics").text
        assert "floorwise_intake_stored_total 2.0" in metrics
        checks = {check["name"]: check["ok"] for check in house.get("/readyz")["checks"]}
        assert checks["store"] and checks["broker"]
        agent.disconnect()
        agent.loop_stop()
    assert house.verified() == []
