"""An in-transit tracker: it drives from one place to another, is jolted, opened, tilted, and slowly warms up."""

import random
from collections.abc import Iterator
from typing import Any

from floorwise.edge.drivers.synthetic import Look, run_source, settle
from floorwise.edge.keeper import Keeper


async def run(keeper: Keeper, device: str, options: dict[str, Any]) -> None:
    """Run a made-up tracker until cancelled."""
    await run_source(keeper, device, options, look)


def look(rng: random.Random, options: dict[str, Any]) -> Iterator[tuple[int, Look]]:
    """Yield position, temperature, humidity, shock, tilt, light and charge; the trip takes `steps` readings, then it stands still."""
    o = settle(
        options, period_ms=60_000, from_lat=52.37, from_lon=4.9, to_lat=51.51, to_lon=-0.13, steps=480, start_c=4.0, ambient_c=17.0,
        insulation=0.0015, shock=0.02, opened=0.003,
    )  # fmt: skip
    inside_c, step = o["start_c"], 0
    while True:
        share = min(1.0, step / max(1.0, o["steps"]))
        is_open = rng.random() < o["opened"]
        inside_c += (o["ambient_c"] - inside_c) * (o["insulation"] + 0.05 * is_open)
        jolt = rng.uniform(30, 180) if rng.random() < o["shock"] else abs(rng.gauss(0.0, 2.0))
        yield int(o["period_ms"]), {
            "lat_deg": round(o["from_lat"] + share * (o["to_lat"] - o["from_lat"]) + rng.gauss(0, 0.0005), 6),
            "lon_deg": round(o["from_lon"] + share * (o["to_lon"] - o["from_lon"]) + rng.gauss(0, 0.0005), 6),
            "position_error_m": round(rng.uniform(4, 60), 1),
            "temperature_c": round(inside_c + rng.gauss(0, 0.05), 2),
            "humidity_pct": round(min(100.0, max(0.0, 58 + rng.gauss(0, 2))), 1),
            "shock_mps2": round(jolt, 1),
            "tilt_deg": round(min(180.0, abs(rng.gauss(2, 3)) + (70 if jolt > 120 else 0)), 1),
            "light_lx": round(rng.uniform(80, 900) if is_open else rng.uniform(0, 2), 1),
            "battery_pct": round(max(0.0, 100 - step * 0.01), 1),
        }
        step += 1
