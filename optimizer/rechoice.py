"""Locations chosen once more when it is known which orders share a walk: what is in the cart's way need not be fetched elsewhere.

`rechoose` goes over the walks and pairs of walks. They give back what they take, and choose anew from that and what no other walk takes, as
they are or with an order moved from one to the other; what is cheaper stays. All walks together go on taking the earliest lots: the units
given back are the earliest there are, and are taken so again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from floorwise.optimizer import patience
from floorwise.optimizer.location import Choice, Offer, choose
from floorwise.optimizer.routing import Floor, shortest_tour

MOST_PASSES = 4
CHOICE_ROUNDS = 100  # of the search for one walk
MOST_PAIRS = 2_000  # of walks, tried in a pass; small walks first


@dataclass(frozen=True)
class Picked:
    """One walk: stops in walking order, units by offer number, and its cost in mm: way, set-up, stops, reaching up."""

    stops: tuple[int, ...]
    takes: tuple[tuple[int, int], ...]
    length_mm: int
    cost_mm: int


@dataclass(frozen=True)
class Prices:
    """What a walk costs besides its way, as the way one could have walked meanwhile."""

    tour_mm: int = 0
    place_mm: int = 0
    speed_mm_s: int = 0


def merged(choices: Sequence[Choice]) -> tuple[tuple[int, int], ...]:
    """Return what several orders take together, by offer number."""
    taken: dict[int, int] = {}
    for choice in choices:
        for offer, units in choice.takes:
            taken[offer] = taken.get(offer, 0) + units
    return tuple(sorted(taken.items()))


def picked(floor: Floor, offers: Sequence[Offer], takes, start: int, end: int, prices: Prices) -> Picked:
    """Return the shortest walk past what is taken; a location is stopped at, and reached up to, once."""
    stops = sorted({offers[number].location for number, _ in takes})
    tour = shortest_tour(floor, stops, start, end)
    return Picked(tour.stops, tuple(takes), tour.length_mm, tour.length_mm + extra_mm(floor, stops, prices))


def extra_mm(floor: Floor, stops: Sequence[int], prices: Prices) -> int:
    lift = sum(int(floor.lift_ms[stop]) * prices.speed_mm_s // 1_000 for stop in set(stops))
    return (prices.tour_mm if stops else 0) + prices.place_mm * places(floor, stops) + lift


def places(floor: Floor, stops: Sequence[int]) -> int:
    """Return at how many points a walk past these locations stops; two shelves at one point are one."""
    points = floor.places(stops) if hasattr(floor, "places") else (floor.nodes(stops),)
    return len(set(zip(*(point.tolist() for point in points), strict=True)))


@dataclass(frozen=True)
class Stock:
    """What is chosen from, for whom: `demands`, `loads` and `kinds` by order, `capacity` of a walk by resource."""

    floor: Floor
    offers: Sequence[Offer]
    demands: Sequence[Mapping[int | str, int]]
    loads: Sequence[Sequence[int]]
    capacity: Sequence[int]
    start: int
    end: int
    prices: Prices
    seed: int = 0

    def fits(self, orders: Sequence[int]) -> bool:
        return all(sum(self.loads[n][r] for n in orders) <= limit for r, limit in enumerate(self.capacity))

    def wanted(self, orders: Sequence[int]) -> dict[int | str, int]:
        total: dict[int | str, int] = {}
        for order in orders:
            for article, units in self.demands[order].items():
                total[article] = total.get(article, 0) + units
        return total

    def choose(self, orders: Sequence[int], left: Sequence[int]) -> Picked:
        """Return a walk for these orders from what is left; NotEnoughStock cannot be where their own units are among it."""
        there = [replace(offer, units=units) for offer, units in zip(self.offers, left, strict=True)]
        choice = choose(
            self.floor, there, self.wanted(orders), self.start, self.end,
            rounds=CHOICE_ROUNDS, seed=self.seed, speed_mm_s=self.prices.speed_mm_s,
        )  # fmt: skip
        return picked(self.floor, self.offers, choice.takes, self.start, self.end, self.prices)


Group = tuple[tuple[int, ...], Picked]


def rechoose(stock: Stock, groups: Sequence[Group], deadline: float) -> list[Group]:
    """Return walks (orders, walk) that together cost no more: other locations, an order in another walk, two walks in one.

    Ends when a pass over all walks and pairs changes nothing, after MOST_PASSES, or before the deadline of patience.now.
    """
    groups = list(groups)
    left = [offer.units for offer in stock.offers]
    for _, walk in groups:
        _return(left, walk, -1)
    slowest = 0.0
    for _ in range(MOST_PASSES):
        is_better = False
        for several in _trials(groups):
            begun = patience.now()
            if begun + slowest >= deadline:
                return [group for group in groups if group[0]]
            if any(not groups[at][0] for at in several):
                continue  # emptied meanwhile
            for split in _splits(stock, [groups[at][0] for at in several]):
                is_better |= _try(stock, groups, left, several, split)
                if patience.now() + slowest >= deadline:
                    break
            slowest = max(slowest, patience.now() - begun)
        if not is_better:
            break
    return [group for group in groups if group[0]]


def _trials(groups: Sequence[Group]) -> list[tuple[int, ...]]:
    """Every walk alone, then pairs, those that may empty a small walk first."""
    alone = [(at,) for at in range(len(groups))]
    pairs = [(a, b) for a in range(len(groups)) for b in range(len(groups)) if a != b]
    return [*alone, *sorted(pairs, key=lambda pair: (len(groups[pair[0]][0]), pair))[:MOST_PAIRS]]


def _splits(stock: Stock, orders: Sequence[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """One walk: itself. Two: an order of the first goes to the second, which empties it where there is but one, or two change places."""
    if len(orders) == 1:
        return [list(orders)]
    first, second = orders
    made = [[tuple(n for n in first if n != order), tuple(sorted((*second, order)))] for order in first]
    made += [[tuple(sorted({*first, b} - {a})), tuple(sorted({*second, a} - {b}))] for a in first for b in second]
    return [split for split in made if all(stock.fits(orders) for orders in split)]


def _try(stock: Stock, groups: list[Group], left: list[int], several: Sequence[int], split: Sequence[tuple[int, ...]]) -> bool:
    """Choose anew for `split` in place of some walks; keep it, and return True, if that is cheaper."""
    if len(several) == 2 and set(split[0]) | set(split[1]) != {n for at in several for n in groups[at][0]}:
        return False
    free = list(left)
    for at in several:
        _return(free, groups[at][1], 1)
    made: list[Group] = []
    for orders in split:
        walk = stock.choose(orders, free) if orders else Picked((), (), 0, 0)
        _return(free, walk, -1)
        made.append((orders, walk))
    if sum(walk.cost_mm for _, walk in made) >= sum(groups[at][1].cost_mm for at in several):
        return False
    for at, group in zip(several, made, strict=True):
        groups[at] = group
    left[:] = free
    return True


def _return(left: list[int], walk: Picked, sign: int) -> None:
    for number, units in walk.takes:
        left[number] += sign * units
