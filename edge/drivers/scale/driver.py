"""A shelf load cell: pieces that are taken and put back, noise of the cell, slow drift of its zero."""

import random
from collections.abc import Iterator
from typing import Any

from floorwise.edge.drivers.synthetic import Look, run_source, settle
from floorwise.edge.keeper import Keeper


async def run(keeper: Keeper, device: str, options: dict[str, Any]) -> None:
    """Run a made-up scale until cancelled."""
    await run_source(keeper, device, options, look)


def look(rng: random.Random, options: dict[str, Any]) -> Iterator[tuple[int, Look]]:
    """Yield weights: `pieces` of `piece_g` on a tare, a take of 1 to 3 with chance `take`, refilled when empty."""
    o = settle(options, period_ms=1000, pieces=40, piece_g=250, tare_g=1200, noise_g=1.5, drift_g_h=4.0, take=0.02)
    pieces, drift_g = int(o["pieces"]), 0.0
    while True:
        if rng.random() < o["take"]:
            pieces = pieces - min(pieces, rng.randint(1, 3)) if pieces else int(o["pieces"])
        drift_g += rng.gauss(0.0, 1.0) * o["drift_g_h"] * (o["period_ms"] / 3_600_000) ** 0.5
        gross = o["tare_g"] + pieces * o["piece_g"] + drift_g + rng.gauss(0.0, o["noise_g"])
        yield int(o["period_ms"]), {"gross_g": round(gross, 1)}
