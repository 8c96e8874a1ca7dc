"""Lower bounds for location choice on a distance matrix: what a part of the articles costs at least.

(The bound on rectangular floors comes from prices, see `kernels.prices`; where there is time for more, see `location_cuts`.)
"""

from collections.abc import Sequence

import numpy as np

from floorwise.optimizer.kernels.location_graph import least_walk

MOST_BITS = 40


def article_bits(
    article: np.ndarray, units: np.ndarray, demand: np.ndarray, by_first: np.ndarray, by_candidate: np.ndarray, articles: Sequence[int]
) -> tuple[np.ndarray, int]:
    """Return what each candidate adds to the code, and the number of codes, for some of the articles; 0 for the others."""
    bit = np.zeros(len(article), dtype=np.int64)
    used = 0
    for a in articles:
        mine = by_candidate[by_first[a] : by_first[a + 1]]
        is_enough = bool((units[mine] >= demand[a]).all())
        for i in mine:
            bit[i] = 1 << min(used, MOST_BITS)
            used += 0 if is_enough else 1
        used += 1 if is_enough else 0
    return bit, 1 << min(used, MOST_BITS)


def bound_by_parts(
    matrix: np.ndarray,
    last: int,
    article: np.ndarray,
    units: np.ndarray,
    extra: np.ndarray,
    demand: np.ndarray,
    by_first: np.ndarray,
    by_candidate: np.ndarray,
    most: int,
) -> int:
    """Return the largest optimum over parts of the articles: who covers all of them covers each part, and ways obey the triangle rule."""
    base = last + 1
    out = matrix[0, base:] + matrix[base:, last]
    nearest = np.array([out[by_candidate[by_first[a] : by_first[a + 1]]].min() for a in range(len(demand))])
    hardest = np.argsort(-nearest, kind="stable").tolist()
    best = 0
    for begin in range(0, len(hardest), max(1, len(hardest) // 4)):
        part: list[int] = []
        for a in hardest[begin:]:
            trial = [*part, a]
            rows = int(np.isin(article, trial).sum())
            if article_bits(article, units, demand, by_first, by_candidate, trial)[1] * rows**2 > most:
                break
            part = trial
        if not part:
            continue
        keep = np.flatnonzero(np.isin(article, part))
        bit, codes = article_bits(article, units, demand, by_first, by_candidate, part)
        number = {a: k for k, a in enumerate(sorted(part))}
        renumbered = np.array([number[a] for a in article[keep].tolist()], dtype=np.int64)
        grouped = np.argsort(renumbered, kind="stable").astype(np.int64)
        first = np.searchsorted(renumbered[grouped], np.arange(len(part) + 1)).astype(np.int64)
        places = np.concatenate([np.arange(base), base + keep])
        cost, _ = least_walk(
            np.ascontiguousarray(matrix[np.ix_(places, places)]), last, renumbered, units[keep], bit[keep],
            demand[sorted(part)], first, grouped, codes, extra[keep], np.zeros(len(keep), dtype=np.int64),
        )  # fmt: skip
        best = max(best, int(cost))
    return best
