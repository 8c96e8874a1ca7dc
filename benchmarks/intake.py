"""N1, N2, N3: what a reading costs on its way into the store, and what the last values of all series cost.

    N1   one reading a message, durable and acknowledged; yardstick: paho → json → DuckDB by the thousand, nothing durable promised
    N2   50 readings a message, packed; yardstick: JSON → paho → msgspec → Python lists → DuckDB; n2_json is the same in JSON
    N3   the last value of 5,000 series at 20 million rows; yardstick: asking DuckDB for it

N1 and N2 are CPU µs a reading of the consuming process, from its first message to its last commit; rounds alternate, medians. The
intake decodes against the contract, knows repeats, commits rows and marks, acknowledges and gives the readings on; the
yardsticks do none of this. `ack` is the time from a batch of 50 to its application ack at 40 batches a second.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from floorwise.core.adapters.store_duckdb import DuckStore
from floorwise.gateway import broker as brokers

CONSUMERS = Path(__file__).with_name("_consumers.py")
AIMS = {"n1_ratio": 1.1, "n2_ratio": 0.4, "n3_ratio": 0.001}
# name, how many readings, readings a message, the yardstick, what the intake is sent; yardsticks are sent JSON
PLAYS = (
    ("n1", "single", 1, "single", "json"),
    ("n2", "many", 50, "many", "packed"),
    ("n2_json", "many", 50, "many", "json"),
)
SERIES = 5_000


def run(rounds: int = 3, single: int = 4_000, many: int = 100_000, rows: int = 20_000_000, broker: str = "auto") -> dict[str, Any]:
    """Run all three; `rows` 0 leaves N3 out."""
    figures: dict[str, Any] = {}
    yardstick: dict[str, Any] = {}
    ratio: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        running = brokers.start(broker, 0, Path(folder) / "broker")
        try:
            for name, readings, size, kind, layout in PLAYS:
                readings = {"single": single, "many": many}[readings]
                both = ((kind, "json"), ("intake", layout))
                pairs = [[_consume(running.url, how, readings, size, sent) for how, sent in both] for _ in range(rounds)]
                for who, into in ((0, yardstick), (1, figures)):
                    into[f"{name}_cpu_us"] = statistics.median(pair[who]["cpu_us"] for pair in pairs)
                    into[f"{name}_readings_s"] = statistics.median(pair[who]["per_s"] for pair in pairs)
                    into[f"{name}_lost"] = sum(readings - pair[who]["stored"] for pair in pairs)
                ratio[f"{name}_ratio"] = round(statistics.median(ours["cpu_us"] / theirs["cpu_us"] for theirs, ours in pairs), 3)
            figures |= _ack_times(running.url)
        finally:
            running.stop()
        figures["broker"] = running.kind
        if rows:
            ours_s, scan_s = _latest(Path(folder), rows)
            figures["n3_latest_ms"], yardstick["n3_scan_ms"] = round(ours_s * 1000, 3), round(scan_s * 1000, 1)
            ratio["n3_ratio"] = round(ours_s / scan_s, 6)
    missed = [name for name, aim in AIMS.items() if ratio.get(name, 0) > aim]
    return {"name": "intake", "figures": figures | {"missed": missed}, "yardstick": yardstick, "ratio": ratio}


def _consume(url: str, how: str, readings: int, size: int, layout: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, str(CONSUMERS), "consume", how, url, folder, str(readings)]
        consumer = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert consumer.stdout.readline().strip() == "ready", "the consumer did not start"
        subprocess.run([sys.executable, str(CONSUMERS), "publish", url, str(readings), str(size), layout], check=True, timeout=300)
        return json.loads(consumer.communicate(timeout=300)[0].splitlines()[-1])


def _ack_times(url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, str(CONSUMERS), "consume", "intake", url, folder, "6000"]
        consumer = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        consumer.stdout.readline()
        words = [sys.executable, str(CONSUMERS), "acks", url, "120", "50", "40", "packed"]
        told = subprocess.run(words, capture_output=True, text=True, timeout=300)
        consumer.communicate(timeout=300)
        waits = json.loads(told.stdout.splitlines()[-1])["waits_ms"]
        return {"ack_p50_ms": waits[len(waits) // 2], "ack_p99_ms": waits[min(len(waits) - 1, len(waits) * 99 // 100)]}


def _latest(folder: Path, rows: int) -> tuple[float, float]:
    """Seconds that `latest` takes, and the scan it replaces, on the same rows; medians of 5 and 3."""
    store = DuckStore(folder / "latest.duckdb")
    store._db.execute(f"""INSERT INTO readings SELECT 'scale-' || (i % {SERIES}), 1, i // {SERIES}, i, 'gross_g', i % 977, ''
        FROM range({rows}) AS all_rows(i)""")
    store._recall()
    ours, scans = [], []
    for _ in range(5):
        began = time.perf_counter()
        found = store.latest()
        ours.append(time.perf_counter() - began)
    for _ in range(3):
        began = time.perf_counter()
        asked = store._ask("SELECT device, kind, max(ts), arg_max(value, ts) FROM readings GROUP BY device, kind")
        scans.append(time.perf_counter() - began)
    store.close()
    assert len(found) == len(asked) == SERIES
    assert all(found[device, kind][:2] == (value, ts) for device, kind, ts, value in asked)
    return statistics.median(ours), statistics.median(scans)
