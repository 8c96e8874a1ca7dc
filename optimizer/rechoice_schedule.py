"""Locations chosen once more inside a schedule: what lies on a trip's way need not be fetched elsewhere.

`choose_again` goes over the trips, and then over orders that might move to another trip. What is touched gives back what its orders take
and chooses anew, for all orders of a trip together, from that and from what no other trip takes (`rechoice` says why lots stay right). It
is kept where the whole schedule gets better and nothing late; `schedule_search.plan` may go on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from floorwise.optimizer import patience
from floorwise.optimizer.location import Offer
from floorwise.optimizer.rechoice import Prices, Stock
from floorwise.optimizer.schedule import DISTANCE, Job, ScheduleProblem
from floorwise.optimizer.schedule_search import Route, value_of

MOST_MOVES = 20_000  # of one order to another trip, tried in a pass
Trip = tuple[int, tuple[int, ...]]  # person, orders
Takes = tuple[tuple[int, int], ...]  # offer, units


@dataclass(frozen=True)
class Picks:
    """What orders take from where: offers, the stage of each, demand by order, and what each order takes now."""

    offers: Sequence[Offer]
    stages: Sequence[int]
    demands: Sequence[dict[int | str, int]]
    takes: tuple[Takes, ...]

    def visits(self, takes: Takes) -> tuple[tuple[int, int], ...]:
        return tuple(sorted({(self.offers[number].location, self.stages[number]) for number, _ in takes}))


@dataclass(frozen=True)
class Plan:
    """A problem with its visits, what is taken for them, and the trips of each person in sequence."""

    problem: ScheduleProblem
    picks: Picks
    routes: list[Route]


def choose_again(plan: Plan, deadline: float, seed: int = 0) -> tuple[Plan, int]:
    """Return a plan that is no worse, and how many changes made it better; ends before `deadline` of patience.now."""
    walks: dict = {}
    best = value_of(plan.problem, plan.routes, walks)
    slowest, changed = 0.0, 0
    trips = [(p, orders) for p, route in enumerate(plan.routes) for orders in route] if best is not None else []
    alone = [(trip, None, None) for trip in trips]
    by_size = sorted(trips, key=lambda trip: (len(trip[1]), trip))  # what may empty a trip first
    moves = ((a, b, n) for a in by_size for b in trips if a != b for n in a[1])
    for first, second, order in chain(alone, islice(moves, MOST_MOVES)):
        begun = patience.now()
        if begun + slowest >= deadline:
            break
        trial = _tried(plan, first, second, order, seed)
        if trial is not None:
            found = value_of(trial.problem, trial.routes, walks)
            if found is not None and found < best:
                plan, best, changed = trial, found, changed + 1
        slowest = max(slowest, patience.now() - begun)
    return plan, changed


def _tried(plan: Plan, first: Trip, second: Trip | None, order: int | None, seed: int) -> Plan | None:
    """Return the plan with one trip chosen anew, or with an order moved to another trip and both chosen anew; None where that cannot be."""
    problem, routes = plan.problem, plan.routes
    if first[1] not in routes[first[0]] or (second and second[1] not in routes[second[0]]):
        return None  # changed meanwhile
    groups = [first]
    if second:
        joined = tuple(sorted((*second[1], order)))
        if not problem.fits(joined, second[0]) or problem.lacks(order, second[0]):
            return None
        rest = tuple(n for n in first[1] if n != order)
        groups = [(second[0], joined), *([(first[0], rest)] if rest else [])]
        routes = [list(route) for route in routes]
        routes[second[0]][routes[second[0]].index(second[1])] = joined
        at = routes[first[0]].index(first[1])
        routes[first[0]][at : at + 1] = [rest] if rest else []
    touched = {n for _, orders in groups for n in orders}
    picks = plan.picks
    left = [offer.units for offer in picks.offers]
    for n, takes in enumerate(picks.takes):
        for number, units in takes if n not in touched else ():
            left[number] -= units
    speed = 0 if problem.objective == DISTANCE else problem.speed_mm_s
    prices = Prices(problem.setup_ms * speed // 1_000, problem.stop_ms * speed // 1_000, speed)
    for person, orders in groups:
        who = problem.people[person]
        taken = Stock(problem.floor, picks.offers, picks.demands, (), (), who.start, who.end, prices, seed).choose(orders, left).takes
        for number, units in taken:
            left[number] -= units
        picks = _shared_out(picks, orders, taken)
    if picks.takes == plan.picks.takes and not second:
        return None
    return Plan(_with_visits(problem, sorted(touched), picks), picks, routes)


def _shared_out(picks: Picks, orders: Sequence[int], taken: Takes) -> Picks:
    """Give each order of a trip its units from what the trip takes, earliest offers of the list first."""
    left = dict(taken)
    takes = list(picks.takes)
    for n in sorted(orders):
        mine = []
        for article, wanted in picks.demands[n].items():
            for number in sorted(left):
                if wanted and left[number] and picks.offers[number].article == article:
                    units = min(wanted, left[number])
                    mine.append((number, units))
                    left[number] -= units
                    wanted -= units
        takes[n] = tuple(sorted(mine))
    return replace(picks, takes=tuple(takes))


def _with_visits(problem: ScheduleProblem, orders: Sequence[int], picks: Picks) -> ScheduleProblem:
    jobs: list[Job] = list(problem.jobs)
    for n in orders:
        jobs[n] = replace(jobs[n], visits=picks.visits(picks.takes[n]))
    return replace(problem, jobs=tuple(jobs))
