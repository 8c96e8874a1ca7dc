"""New orders while picking goes on: into a walk that has begun, with few changed stops, or into a walk of its own.

A begun tour keeps the sequence of the stops that are left: a picker never sees steps flip behind or ahead, only stops that come
in between. Everything not yet begun is batched anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floorwise.optimizer.batching import Batch, BatchPlan, Problem, solve
from floorwise.optimizer.layout import BlockLayout


@dataclass(frozen=True)
class BegunTour:
    """A walk on the floor: its orders, the stops still ahead (the first is where the picker stands or heads), added stops so far."""

    orders: tuple[int, ...]
    ahead: tuple[int, ...]
    changed: int = 0


@dataclass(frozen=True)
class Replan:
    """Begun tours as they go on, new batches, and the orders that joined: order -> tour. `extra_mm` is what joining costs."""

    begun: tuple[BegunTour, ...]
    waiting: BatchPlan
    joined: dict[int, int]
    extra_mm: int


def replan(
    problem: Problem, begun: Sequence[BegunTour], waiting: Sequence[int], most_changed: int, steps: int = 20_000, seed: int = 0
) -> Replan:
    """Return what to do with `waiting` orders: each joins the begun tour where it costs least, or is batched with the others.

    An order joins only where capacity and kind allow, at most `most_changed` stops of that tour have changed since it began,
    and the way it adds is shorter than the way it adds to the batches. The order that saves most joins first; ties by place in the list.
    """
    tours = list(begun)
    left, joined, extra_mm = list(waiting), {}, 0
    plan = _batched(problem, left, steps, seed)
    while True:
        best: tuple[int, int, int, tuple[int, ...], BatchPlan] | None = None
        for order in left:
            options = [
                (extra, at, ahead)
                for at, tour in enumerate(tours)
                if (found := joining(problem, tour, order, most_changed))
                for extra, ahead in [found]
            ]
            if not options:
                continue
            extra, at, ahead = min(options)
            without = _batched(problem, [n for n in left if n != order], steps, seed)
            saved = plan.length_mm - without.length_mm - extra
            if saved > 0 and (best is None or saved > best[0]):
                best = saved, order, at, ahead, without
        if best is None:
            return Replan(tuple(tours), plan, joined, extra_mm)
        saved, order, at, ahead, without = best
        fresh = len(ahead) - len(tours[at].ahead)
        tours[at] = BegunTour((*tours[at].orders, order), ahead, tours[at].changed + fresh)
        joined[order], extra_mm, plan = at, extra_mm + plan.length_mm - without.length_mm - saved, without
        left.remove(order)


def _batched(problem: Problem, orders: list[int], steps: int, seed: int) -> BatchPlan:
    """Batch some of the orders; numbers in the answer are those of `problem`."""
    part = Problem(
        problem.layout, tuple(problem.orders[n] for n in orders), problem.resources, problem.capacity, problem.start, problem.tour_mm,
        problem.place_mm,
    )  # fmt: skip
    plan = solve(part, steps=steps, seed=seed)
    batches = tuple(Batch(tuple(orders[n] for n in batch.orders), batch.stops, batch.length_mm) for batch in plan.batches)
    return BatchPlan(
        batches, plan.length_mm, plan.lower_bound_mm, plan.refused, plan.steps, plan.seconds, plan.first_plan_seconds, plan.method
    )


def joining(problem: Problem, tour: BegunTour, order: int, most_changed: int) -> tuple[int, tuple[int, ...]] | None:
    """Return (extra way, stops ahead) if the order can join the tour, else None."""
    members = [problem.orders[n] for n in (*tour.orders, order)]
    if len({member.kind for member in members}) > 1:
        return None
    if any(sum(member.load[r] for member in members) > limit for r, limit in enumerate(problem.capacity)):
        return None
    fresh = [location for location in problem.orders[order].locations if location not in tour.ahead]
    if tour.changed + len(fresh) > most_changed or not tour.ahead:
        return None
    ahead, extra = insert_stops(problem.layout, tour.ahead, fresh, problem.start)
    return extra + problem.place_mm * len(fresh), ahead


def insert_stops(layout: BlockLayout, ahead: Sequence[int], fresh: Sequence[int], depot: int = 0) -> tuple[tuple[int, ...], int]:
    """Return (stops, extra way) with `fresh` stops put between the stops ahead, or behind the last, each where it adds least.

    The first stop stays first, the others keep their sequence; the walk ends at the depot.
    """
    places = [*ahead, *fresh]
    way = layout.distances_mm(places, (depot,))  # the depot is row 0
    order = list(range(1, len(ahead) + 1))
    total = 0
    left = list(range(len(ahead) + 1, len(places) + 1))
    while left:
        options = [
            (int(way[a, stop] + way[stop, b] - way[a, b]), stop, at)
            for stop in left
            for at, (a, b) in enumerate(zip(order, [*order[1:], 0], strict=True), start=1)
        ]
        extra, stop, at = min(options)
        order.insert(at, stop)
        left.remove(stop)
        total += extra
    return tuple(places[row - 1] for row in order), total
