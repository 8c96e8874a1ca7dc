"""A climate sensor: a room with a daily swing whose door is opened now and then and which takes its time to recover."""

import math
import random
from collections.abc import Iterator
from typing import Any

from floorwise.edge.drivers.synthetic import Look, run_source, settle
from floorwise.edge.keeper import Keeper

DAY_MS = 86_400_000


async def run(keeper: Keeper, device: str, options: dict[str, Any]) -> None:
    """Run a made-up climate sensor until cancelled."""
    await run_source(keeper, device, options, look)


def look(rng: random.Random, options: dict[str, Any]) -> Iterator[tuple[int, Look]]:
    """Yield temperature, humidity and door: an open door pulls the room towards `outside_c`, a closed one towards its set point."""
    o = settle(
        options, period_ms=10_000, set_c=5.0, swing_c=0.6, outside_c=19.0, humidity_pct=62.0, noise_c=0.08, door=0.004,
        door_ms=180_000, settle_ms=1_200_000,
    )  # fmt: skip
    at_ms, open_ms, room_c = 0.0, 0.0, o["set_c"]
    while True:
        if open_ms <= 0 and rng.random() < o["door"]:
            open_ms = o["door_ms"] * rng.uniform(0.3, 1.7)
        target = o["outside_c"] if open_ms > 0 else o["set_c"] + o["swing_c"] * math.sin(2 * math.pi * at_ms / DAY_MS)
        room_c += (target - room_c) * (1 - math.exp(-o["period_ms"] / o["settle_ms"]))
        humidity = o["humidity_pct"] + 1.5 * (room_c - o["set_c"]) + rng.gauss(0.0, 0.4)
        yield int(o["period_ms"]), {
            "temperature_c": round(room_c + rng.gauss(0.0, o["noise_c"]), 2),
            "humidity_pct": round(min(100.0, max(0.0, humidity)), 1),
            "door_open": float(open_ms > 0),
        }
        at_ms, open_ms = at_ms + o["period_ms"], open_ms - o["period_ms"]
