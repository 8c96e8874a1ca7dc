"""N4: how fast an edge agent accepts readings durably, beside a bare SQLite loop with the same promise.

    single   one reading a call, `callers` at once, through the desk that forms groups by itself
    batched  `batch` readings a call, four callers
    bare     the yardstick: INSERT of 100 rows a transaction, WAL, synchronous=FULL, no account, no digest, no checks

Rounds alternate and medians are given. It measures in a process of its own, which has imported nothing but the edge.
"""

import asyncio
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEVICES = 50
BARE_BATCH = 100


def run(**options: Any) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio. Options: readings (30,000 a round), rounds (3), callers (256), batch (50), folder."""
    found = subprocess.run(
        [sys.executable, __file__, json.dumps(options)], capture_output=True, text=True, check=True, timeout=600
    ).stdout  # fmt: skip
    return json.loads(found.splitlines()[-1])


def measure(
    readings: int = 30_000, rounds: int = 3, callers: int = 256, batch: int = 50, folder: str | None = None
) -> dict[str, Any]:
    """Do the work of `run` in this process."""
    seen: dict[str, list[dict[str, float]]] = {"bare": [], "single": [], "batched": []}
    for _ in range(rounds):
        for name, work in (
            ("bare", lambda path: _bare(path, readings)),
            ("single", lambda path: asyncio.run(_through_the_desk(path, readings, callers, 1))),
            ("batched", lambda path: asyncio.run(_through_the_desk(path, readings, 4, batch))),
        ):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                wall, cpu = time.perf_counter(), time.process_time()
                latencies = work(Path(place) / "spool")
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            p99 = statistics.quantiles(latencies, n=100)[98] if len(latencies) > 1 else 0.0
            seen[name].append({"per_s": readings / wall, "cpu_us": cpu / readings * 1e6, "p99_ms": p99 * 1000})
    medians = {name: {key: round(statistics.median(one[key] for one in many), 1) for key in many[0]} for name, many in seen.items()}
    bare = medians.pop("bare")
    rss_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return {
        "name": "edge accept",
        "figures": medians | {"rss_mb": rss_mb, "batch": batch, "callers": callers, "readings": readings, "rounds": rounds},
        "yardstick": {"what": f"bare SQLite, FULL, {BARE_BATCH} a transaction", **bare},
        "ratio": round(medians["batched"]["per_s"] / bare["per_s"], 3),
    }


async def _through_the_desk(path: Path, readings: int, callers: int, batch: int) -> list[float]:
    from floorwise.core.model.readings import Reading
    from floorwise.edge.desk import Desk
    from floorwise.edge.spool import Item, Spool, Verdict

    latencies: list[float] = []
    numbers = iter(range(0, readings, batch))

    async def caller(desk: Desk) -> None:
        for start in numbers:
            items = [
                Item(Reading(f"scale-{n % DEVICES}", 1, n // DEVICES + 1, 1_767_000_000_000 + n, {"gross_g": 1000.0 + n}))
                for n in range(start, min(start + batch, readings))
            ]
            began = time.perf_counter()
            verdicts = await desk.accept(items)
            latencies.append(time.perf_counter() - began)
            assert all(one is Verdict.ACCEPTED for one in verdicts)

    async with Desk(lambda: Spool(path, "edge-1", 0)) as desk:
        await asyncio.gather(*(caller(desk) for _ in range(callers)))
        assert desk.spool.pending == readings
    return latencies


def _bare(path: Path, readings: int) -> Sequence[float]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE readings (id INTEGER PRIMARY KEY, device TEXT, boot INTEGER, seq INTEGER, ts INTEGER, body TEXT)")
    latencies = []
    for start in range(0, readings, BARE_BATCH):
        rows = [
            (n, f"scale-{n % DEVICES}", 1, n // DEVICES + 1, 1_767_000_000_000 + n, json.dumps({"gross_g": 1000.0 + n}))
            for n in range(start, min(start + BARE_BATCH, readings))
        ]
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")
        latencies.append(time.perf_counter() - began)
    db.close()
    return latencies


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
