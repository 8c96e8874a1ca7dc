"""Chance with names: each source of randomness is a stream, each thing that happens draws by its own name.

A draw depends on (seed, stream, entity) alone, never on what was drawn before: the same pick takes equally long whoever walks
there first, two scenarios share their randomness wherever they share entities, and a run that was interrupted goes on with the
very numbers it would have drawn.
"""

from hashlib import blake2b
from math import exp, log, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()
_STEPS = 1 << 53


class Chance:
    """Draws for one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = f"{seed}|".encode()

    def unit(self, stream: str, entity: str | int) -> float:
        """A number in (0, 1), uniform."""
        bits = int.from_bytes(blake2b(self._seed + f"{stream}|{entity}".encode(), digest_size=8).digest()) >> 11
        return (bits + 0.5) / _STEPS

    def happens(self, stream: str, entity: str | int, share: float) -> bool:
        """True in `share` of all entities."""
        return self.unit(stream, entity) < share

    def whole(self, stream: str, entity: str | int, low: int, high: int) -> int:
        """A whole number in low … high, both included, uniform."""
        return low + int(self.unit(stream, entity) * (high - low + 1))

    def lognormal(self, stream: str, entity: str | int, mean: float, spread: float) -> int:
        """A positive whole number around `mean` with coefficient of variation `spread`, skewed to the right, as work times are."""
        if mean <= 0:
            return 0
        sigma = sqrt(log(1 + spread * spread))
        return round(mean * exp(sigma * _NORMAL.inv_cdf(self.unit(stream, entity)) - sigma * sigma / 2))
