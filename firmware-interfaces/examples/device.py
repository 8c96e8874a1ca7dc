"""A device in forty lines: looks, keeps, sends, and forgets what it is told to forget. Needs paho-mqtt and a broker.

    python device.py --broker 127.0.0.1:1883 --device climate-9 --looks 20

Ends with exit code 0 when everything was acknowledged, 1 when that took longer than --patience seconds.
"""

import argparse
import json
import random
import sys
import threading
import time

import paho.mqtt.client as mqtt

words = argparse.ArgumentParser()
words.add_argument("--broker", default="127.0.0.1:1883")
words.add_argument("--device", default="climate-9")
words.add_argument("--looks", type=int, default=20)
words.add_argument("--patience", type=float, default=30.0)
told = words.parse_args()
me, boot = told.device, int(time.time())  # seconds since 1970: greater at each start, as long as the clock is
kept: dict[int, list] = {}  # seq → [seq, ts, values]; a real device keeps this in flash
empty = threading.Event()


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe([(f"ack/{me}", 1), (f"down/{me}/#", 1)])
    about = {"device": me, "boot": boot, "ts": int(time.time() * 1000)}
    birth = about | {"profile": "climate", "firmware": "example", "kinds": ["temperature_c", "humidity_pct"], "keeps": 1000}
    client.publish(f"up/{me}/birth", json.dumps(birth), qos=1, retain=True)


def on_message(client, userdata, message):
    if not message.topic.startswith("ack/"):
        return
    answer = json.loads(message.payload)
    for block in answer.get("acks", []):
        for first, last in block["ranges"] if (block["device"], block["boot"]) == (me, boot) else []:
            for seq in range(first, last + 1):
                kept.pop(seq, None)
    for one in answer.get("refused", []):
        print(f"refused: {one}", file=sys.stderr)
        kept.pop(one["seq"], None)
    if not kept:
        empty.set()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, me)
client.on_connect, client.on_message = on_connect, on_message
client.will_set(f"up/{me}/death", json.dumps({"device": me, "boot": boot, "ts": int(time.time() * 1000)}), qos=1)
host, _, port = told.broker.rpartition(":")
client.connect(host, int(port))
client.loop_start()
for seq in range(1, told.looks + 1):
    kept[seq] = [seq, int(time.time() * 1000), {"temperature_c": round(random.gauss(5, 0.3), 2), "humidity_pct": 61.0}]
end = time.monotonic() + told.patience
while kept and time.monotonic() < end:  # send all that is kept, wait for acks, send again
    rows = list(kept.values())[:200]
    client.publish(f"up/{me}/readings", json.dumps({"device": me, "boot": boot, "readings": rows}), qos=1)
    empty.wait(1.0)
client.disconnect()
client.loop_stop()
print(f"{told.looks - len(kept)} of {told.looks} readings acknowledged")
sys.exit(1 if kept else 0)
