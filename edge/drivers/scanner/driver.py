"""A dock scanner: units pass at random and are read many times while they do; one passage becomes one scan."""

import random
from collections.abc import Iterator
from typing import Any

from floorwise.edge.drivers.synthetic import Look, run_source, settle
from floorwise.edge.keeper import Keeper


async def run(keeper: Keeper, device: str, options: dict[str, Any]) -> None:
    """Run a made-up scanner until cancelled; its scans are custody and are never thinned."""
    words = dict(options)
    quiet_ms = int(words.pop("quiet_ms", 2000))
    await run_source(keeper, device, words, lambda rng, rest: once(reads(rng, rest), quiet_ms), custody=True)


def reads(rng: random.Random, options: dict[str, Any]) -> Iterator[tuple[int, Look]]:
    """Yield raw reads: a unit every `gap_ms` on average (exponential), each read `repeats` times, 20 ms apart."""
    o = settle(options, gap_ms=8000, repeats=50, prefix=340123450, first=1)
    number = int(o["first"])
    while True:
        code = "00" + _with_check_digit(f"{o['prefix']:.0f}{number:08}"[:17])
        wait_ms = 1 + round(rng.expovariate(1 / o["gap_ms"]))
        for _ in range(max(1, int(o["repeats"]))):
            yield wait_ms, {"code": code}
            wait_ms = 20
        number += 1


def once(raw: Iterator[tuple[int, Look]], quiet_ms: int) -> Iterator[tuple[int, Look]]:
    """Yield the first read of each code; the same code again within `quiet_ms` of its last read is the same passage."""
    seen: dict[str, int] = {}
    now = waited = 0
    for wait_ms, values in raw:
        now, waited = now + wait_ms, waited + wait_ms
        code = str(values["code"])
        before = seen.pop(code, None)
        seen[code] = now
        for old in [old for old, at in seen.items() if now - at > quiet_ms]:
            del seen[old]
        if before is None or now - before > quiet_ms:
            yield waited, values
            waited = 0


def _with_check_digit(digits: str) -> str:
    """GS1: weights 3 and 1 in turn from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)
