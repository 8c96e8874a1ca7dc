"""Locations for many orders on time: one order after the other from what those before it have left, and what each costs alone at least.

`choose_in_turn` uses its time for choosing well. Orders that it does not come to take what lies nearest to the depot, all in one go, where
the floor is open aisles and a round trip is asked for; on other floors each is still chosen, in milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.check import check_choice
from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.location import Choice, NotEnoughStock, Offer, choose
from floorwise.optimizer.routing import Floor, can_sweep, shortest_tours

Demand = Mapping[int | str, int]


class Shelves:
    """Offers by article, so that an order looks only at what it wants; `left` are the units not yet taken."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers, self.left = offers, [offer.units for offer in offers]
        self._of: dict[int | str, list[int]] = {}
        for number, offer in enumerate(offers):
            self._of.setdefault(offer.article, []).append(number)

    def numbers(self, demand: Demand) -> list[int]:
        """Return the numbers of the offers that may serve, ascending."""
        return sorted(number for article, units in demand.items() if units > 0 for number in self._of.get(article, ()))

    def now(self, numbers: Sequence[int]) -> list[Offer]:
        """Return these offers with what is left of them."""
        return [replace(self.offers[number], units=self.left[number]) for number in numbers]

    def take(self, takes: Sequence[tuple[int, int]]) -> None:
        for number, units in takes:
            self.left[number] -= units


@dataclass(frozen=True)
class Chosen:
    """What one order takes, with what was there when it chose: enough to check it later."""

    offers: tuple[Offer, ...]
    numbers: tuple[int, ...]  # of these offers
    demand: Demand
    choice: Choice  # takes by the numbers of all offers

    def objections(self, floor: Floor, speed_mm_s: int) -> list[str]:
        at = {number: k for k, number in enumerate(self.numbers)}
        here = replace(self.choice, takes=tuple((at[number], units) for number, units in self.choice.takes))
        return check_choice(floor, self.offers, self.demand, here, speed_mm_s)


def choose_in_turn(
    floor: Floor, offers: Sequence[Offer], demands: Sequence[Demand], start: int, end: int, deadline: float, seed: int = 0,
    speed_mm_s: int = 0,
) -> list[Chosen]:  # fmt: skip
    """Return a choice for each demand; NotEnoughStock has the number of the order as its second argument.

    Until `deadline` of patience.now each order has its share of the time left; a single order has all of it.
    """
    shelves = Shelves(offers)
    made: list[Chosen] = []
    may_grab = can_grab(floor, start, end)
    for number, demand in enumerate(demands):
        if may_grab and len(demands) > 1 and patience.now() >= deadline:
            return [*made, *_grabbed(floor, shelves, demands[number:], start, speed_mm_s, number)]
        numbers = shelves.numbers(demand)
        there = shelves.now(numbers)
        seconds = max(0.0, deadline - patience.now()) / (len(demands) - number)
        try:
            choice = choose(floor, there, demand, start, end, seconds=seconds, seed=seed, speed_mm_s=speed_mm_s)
        except NotEnoughStock as error:
            raise NotEnoughStock(str(error), number) from None
        choice = replace(choice, takes=tuple((numbers[k], units) for k, units in choice.takes))
        made.append(Chosen(tuple(there), tuple(numbers), demand, choice))
        shelves.take(choice.takes)
    return made


def can_grab(floor: Floor, start: int, end: int) -> bool:
    """Is every place reached by every round trip, so that a choice need not look at ways?"""
    return can_sweep(floor) and start == end and floor.is_plain


def _grabbed(floor: BlockLayout, shelves: Shelves, demands: Sequence[Demand], start: int, speed_mm_s: int, first: int) -> list[Chosen]:
    """Return what the orders take if each takes the nearest of the earliest lots."""
    near = reach_mm(floor, shelves.offers, start, start)
    taken: list[tuple[list[int], list[Offer], dict[int, int]]] = []
    for at, demand in enumerate(demands):
        numbers = shelves.numbers(demand)
        there = shelves.now(numbers)
        takes: dict[int, int] = {}
        for article, units in demand.items():
            wanted = units
            mine = [number for number in shelves.numbers({article: units}) if shelves.left[number]]
            for number in sorted(mine, key=lambda number: (shelves.offers[number].expires, near[number], number)):
                if wanted <= 0:
                    break
                takes[number] = min(wanted, shelves.left[number])
                wanted -= takes[number]
            if wanted > 0:
                raise NotEnoughStock(f"article {article}: {units} wanted, {units - wanted} in stock", first + at)
        shelves.take(list(takes.items()))
        taken.append((numbers, there, takes))
    stops = [sorted({shelves.offers[number].location for number in takes}) for _, _, takes in taken]
    made = []
    for (numbers, there, takes), demand, tour in zip(taken, demands, shortest_tours(floor, stops, start), strict=True):
        place = {stop: k for k, stop in enumerate(tour.stops)}
        walked = tuple(sorted(takes.items(), key=lambda take: (place[shelves.offers[take[0]].location], take[0])))
        lift = sum(int(floor.lift_ms[shelves.offers[number].location]) * speed_mm_s // 1000 for number in takes)
        least = max((min(near[n] for n in numbers if shelves.offers[n].article == shelves.offers[k].article) for k in takes), default=0)
        cost = tour.length_mm + lift
        made.append(Chosen(tuple(there), tuple(numbers), demand, Choice(walked, tour, cost, min(least, cost), "nearest")))
    return made


def least_alone_mm(
    floor: Floor, offers: Sequence[Offer], demands: Sequence[Demand], ends: Sequence[tuple[int, int]], deadline: float, speed_mm_s: int = 0
) -> list[int]:
    """Return what each demand costs at least, had it the whole stock and the best of the `ends` to itself.

    Of several orders one may find a later lot nearer, so lots do not count then. Orders that the time does not reach get what the dearest
    of their articles costs alone.
    """
    any_lot = offers if len(demands) == 1 else [replace(offer, expires=0) for offer in offers]
    shelves = Shelves(any_lot)
    near = np.min([reach_mm(floor, offers, *pair) for pair in ends], axis=0) if offers else np.zeros(0, np.int64)
    found = []
    for demand in demands:
        numbers = shelves.numbers(demand)
        if patience.now() < deadline:
            there = [any_lot[number] for number in numbers]
            found.append(min(choose(floor, there, demand, *pair, speed_mm_s=speed_mm_s).lower_bound_mm for pair in ends))
            continue
        nearest: dict[int | str, int] = {}
        for number in numbers:
            article = any_lot[number].article
            nearest[article] = min(int(near[number]), nearest.get(article, int(near[number])))
        found.append(max(nearest.values(), default=0))
    return found


def reach_mm(floor: Floor, offers: Sequence[Offer], start: int, end: int) -> np.ndarray:
    """Return for each offer what no walk from depot to depot past it is shorter than: with open aisles the way itself, on a graph 0."""
    where = np.array([offer.location for offer in offers], np.int64)
    if not isinstance(floor, BlockLayout):
        return np.zeros(len(where), np.int64)
    total = np.zeros(len(where), np.int64)
    aisle, mm = floor.location_aisle[where], floor.location_mm[where]
    for depot in (floor.depots[start], floor.depots[end]):
        across = np.abs(floor.aisle_x_mm[aisle] - floor.aisle_x_mm[depot.aisle])
        along = np.abs(mm[:, None] - floor.line_mm[None, :]) + np.abs(floor.line_mm - depot.mm)[None, :]
        total += np.where(aisle == depot.aisle, np.abs(mm - depot.mm), across + along.min(axis=1)) + depot.approach_mm
    return total
