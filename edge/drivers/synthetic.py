"""Runs a made-up device: the same seed gives the same readings, one after the other, at the period asked for."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

from floorwise.core.model.readings import Reading
from floorwise.edge.keeper import Keeper
from floorwise.edge.spool import Verdict

REFUSED_WAIT_S = 1.0  # how long a device waits before it hands in again what the spool had no room for

Look = dict[str, float | str]
Source = Callable[[random.Random, dict[str, Any]], Iterator[tuple[int, Look]]]


async def run_source(keeper: Keeper, device: str, options: dict[str, Any], source: Source, custody: bool = False) -> None:
    """Take (wait_ms, values) from `source` for ever. `seed`, `limit` and `speed` among the options belong to this runner.

    Raises ValueError for an option that the source does not know.
    """
    words = dict(options)
    rng = random.Random(f"{words.pop('seed', 0)}/{device}")
    limit, speed = words.pop("limit", None), words.pop("speed", 1.0)
    boot = keeper.now_ms()  # greater at each start
    for seq, (wait_ms, values) in enumerate(source(rng, words), 1):
        await asyncio.sleep(wait_ms / 1000 / speed)
        reading = Reading(device, boot, seq, keeper.now_ms(), values)
        while (await keeper.keep([(reading, custody)]))[0] is Verdict.REFUSED:
            await asyncio.sleep(REFUSED_WAIT_S)
        if seq == limit:
            return


def settle(options: dict[str, Any], **defaults: float) -> dict[str, float]:
    """Return `defaults` overridden by `options`; an unknown option is a ValueError that names the known ones."""
    if unknown := sorted(options.keys() - defaults.keys()):
        raise ValueError(f"{unknown[0]}: no such option; known: seed, limit, speed, {', '.join(defaults)}")
    return {name: float(options.get(name, value)) for name, value in defaults.items()}
