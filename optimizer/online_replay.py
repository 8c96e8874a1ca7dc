"""A small floor on which orders arrive while people walk: how long they take under one way of planning or another.

`replay` moves pickers from stop to stop through arrivals and tells when each order came home. Two plans: FIFO_S_SHAPE takes the oldest
orders that fit and walks S-shape; RE_OPTIMISE batches what waits anew whenever somebody is free (the batch with least time an order first),
and at every arrival lets what waits join begun tours within `most_changed` stops. `best_makespan` and `best_turnover` are the optima of a
single picker who knows all arrivals and changes nothing under way, by trying every split and sequence. All by count: the same arguments
give the same times.
"""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from floorwise.optimizer import batching
from floorwise.optimizer.events import changed_stops
from floorwise.optimizer.online import BegunTour, replan
from floorwise.optimizer.routing import policy_tour, shortest_tour

FIFO_S_SHAPE, RE_OPTIMISE = "fifo + s-shape", "re-optimise"
MOST_TRIED = 6  # orders of `best_makespan`
STEPS = 2_000


@dataclass(frozen=True)
class Outcome:
    """When each order came home, and the most stops that changed in any begun tour."""

    done_ms: tuple[int, ...]
    makespan_ms: int
    turnover_ms: float  # mean time from arrival to home
    most_changed: int


@dataclass
class _Walk:
    orders: list[int]
    ahead: list[int]
    here: int | None  # last stop; None = the depot
    told: tuple[int, ...]
    changed: int = 0


def replay(
    problem: batching.Problem, arrivals_ms: Sequence[int], plan: str, pickers: int = 1, speed_mm_s: int = 1_000, setup_ms: int = 0,
    most_changed: int = 0, seed: int = 0,
) -> Outcome:  # fmt: skip
    """Return how it went; one block for FIFO_S_SHAPE. Orders are `problem.orders`, arrivals in ms, one each."""
    if plan not in (FIFO_S_SHAPE, RE_OPTIMISE) or len(arrivals_ms) != len(problem.orders):
        raise ValueError("a plan is known and each order has an arrival")
    layout, start = problem.layout, problem.start
    done, waiting, worst = [0] * len(arrivals_ms), [], 0
    walks: list[_Walk | None] = [None] * pickers
    events = [(at, 0, n) for n, at in enumerate(arrivals_ms)]  # (time, 0 = order, 1 = picker at next stop or home; number)
    heapq.heapify(events)

    def way_ms(a: int | None, b: int | None) -> int:
        stops = [stop for stop in (a, b) if stop is not None]
        matrix = layout.distances_mm(stops, (start,))
        length = int(matrix[0 if a is None else 1, 0 if b is None else len(stops)])
        return -(-length * 1_000 // speed_mm_s)

    def move(picker: int, now: int) -> None:
        walk = walks[picker]
        heapq.heappush(events, (now + way_ms(walk.here, walk.ahead[0] if walk.ahead else None), 1, picker))

    def begin(now: int) -> None:
        for picker in range(pickers):
            if walks[picker] is None and waiting:
                orders, stops = _next_batch(problem, waiting, plan, seed)
                for order in orders:
                    waiting.remove(order)
                walks[picker] = _Walk(list(orders), list(stops), None, tuple(stops))
                move(picker, now + setup_ms)

    while events:
        now, kind, number = heapq.heappop(events)
        if kind == 0:
            waiting.append(number)
            if plan == RE_OPTIMISE and most_changed:
                begun = [(p, walk) for p, walk in enumerate(walks) if walk is not None and walk.ahead]
                tours = [BegunTour(tuple(walk.orders), tuple(walk.ahead), walk.changed) for _, walk in begun]
                found = replan(problem, tours, list(waiting), most_changed, STEPS, seed)
                for (_, walk), tour in zip(begun, found.begun, strict=True):
                    if tour.orders != tuple(walk.orders):
                        walk.changed += changed_stops(walk.ahead, tour.ahead)
                        walk.orders, walk.ahead = list(tour.orders), list(tour.ahead)
                        worst = max(worst, walk.changed)
                for order in found.joined:
                    waiting.remove(order)
            if not events or events[0][0] > now or events[0][1] == 1:  # all that arrive at once are known before anybody starts
                begin(now)
            continue
        walk = walks[number]
        if walk.ahead:
            walk.here = walk.ahead.pop(0)
            move(number, now)
        else:
            for order in walk.orders:
                done[order] = now
            walks[number] = None
            begin(now)
    late = [home - came for home, came in zip(done, arrivals_ms, strict=True)]
    return Outcome(tuple(done), max(done, default=0), sum(late) / len(late) if late else 0.0, worst)


def _next_batch(problem: batching.Problem, waiting: Sequence[int], plan: str, seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if plan == FIFO_S_SHAPE:
        chosen: list[int] = []
        for order in waiting:
            members = [problem.orders[n] for n in (*chosen, order)]
            if chosen and any(sum(member.load[r] for member in members) > limit for r, limit in enumerate(problem.capacity)):
                break
            chosen.append(order)
        stops = sorted({location for n in chosen for location in problem.orders[n].locations})
        return tuple(chosen), policy_tour(problem.layout, stops, "s-shape", problem.start).stops
    found = replan(problem, (), list(waiting), 0, STEPS, seed).waiting
    best = min(found.batches, key=lambda batch: (batch.length_mm / len(batch.orders), min(batch.orders)))
    return best.orders, best.stops


def best_makespan(problem: batching.Problem, arrivals_ms: Sequence[int], speed_mm_s: int = 1_000, setup_ms: int = 0) -> int:
    """Return the earliest time at which one picker can have brought home all orders, each walk begun after its orders have come."""
    n = len(problem.orders)
    if n > MOST_TRIED:
        raise ValueError(f"{n} orders: every plan of at most {MOST_TRIED} is tried")
    takes, comes = _walks(problem, arrivals_ms, speed_mm_s, setup_ms)
    least: dict[frozenset[int], int] = {frozenset(): 0}  # orders brought home -> earliest time
    for size in range(1, n + 1):
        for group in itertools.combinations(range(n), size):
            have = frozenset(group)
            least[have] = min(max(least[have - set(last)], comes[last]) + takes[last] for last in takes if set(last) <= have)
    return least[frozenset(range(n))]


def best_turnover(problem: batching.Problem, arrivals_ms: Sequence[int], speed_mm_s: int = 1_000, setup_ms: int = 0) -> float:
    """Return the least mean time from arrival to home under the same rules, by every sequence of walks."""
    if len(problem.orders) > MOST_TRIED:
        raise ValueError(f"{len(problem.orders)} orders: every plan of at most {MOST_TRIED} is tried")
    takes, comes = _walks(problem, arrivals_ms, speed_mm_s, setup_ms)

    def least(left: frozenset[int], now: int) -> int:
        best = 0 if not left else 1 << 62
        for walk in takes:
            if left.issuperset(walk):
                home = max(now, comes[walk]) + takes[walk]
                best = min(best, home * len(walk) + least(left.difference(walk), home))
        return best

    n = len(problem.orders)
    return (least(frozenset(range(n)), 0) - sum(arrivals_ms)) / n


def _walks(problem: batching.Problem, arrivals_ms: Sequence[int], speed_mm_s: int, setup_ms: int) -> tuple[dict, dict]:
    """Return what each set of orders that fits a cart takes, and when its last order has come."""
    n = len(problem.orders)
    takes, comes = {}, {}
    for size in range(1, n + 1):
        for group in itertools.combinations(range(n), size):
            members = [problem.orders[k] for k in group]
            if all(sum(member.load[r] for member in members) <= limit for r, limit in enumerate(problem.capacity)):
                stops = sorted({location for member in members for location in member.locations})
                length = shortest_tour(problem.layout, stops, problem.start).length_mm
                takes[group], comes[group] = setup_ms - (-length * 1_000 // speed_mm_s), max(arrivals_ms[k] for k in group)
    return takes, comes
