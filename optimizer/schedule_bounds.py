"""What no schedule can beat.

Every bound rests on *prices*: what each order costs at least of any trip it is in, so that no trip takes less than its orders' prices and
work together. `radial_prices` are a share of the trip that an order needs alone (Haimovich & Rinnooy Kan 1985) and cost nothing;
`column_prices` come from column generation over batches (`bounds`), for the widest cart, without times, stages, waiting and sorting.
From prices follow: the least total; for the makespan the same for late releases and scarce skills, shared by those who are there;
for tardiness that the k-th order is done when the k smallest prices are, paired with due times in turn (after Chu 1992). Prices are
proven by listing trips, without the solver that found them: `check_prices`.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace

from floorwise.optimizer import batching, bounds, patience
from floorwise.optimizer.routing import can_sweep
from floorwise.optimizer.schedule import DISTANCE, TARDINESS, TIME, ScheduleProblem

MOST_TRIPS = 200_000  # listed to make prices hold without fines
LEAST_SECONDS = 0.5
LISTING_SHARE = 0.2
MOST_GROUPS = 60  # of orders by release and by who may take them
MOST_ORDERS = 300  # beyond that the listing takes longer than anybody waits


@dataclass(frozen=True)
class Prices:
    """What each order costs at least of any trip, in mm (objective distance) or ms, without its own work; `total` no plan can beat."""

    each: tuple[int, ...]
    total: int


def lower_bound(problem: ScheduleProblem, more: Prices | None = None) -> int:
    """Return what no schedule can beat, from `radial_prices` and, if told, better ones."""
    known = [*radial_prices(problem), *([more] if more else [])]
    if problem.objective == DISTANCE:
        return max((prices.total for prices in known), default=0)
    work = sum(job.work_ms for job in problem.jobs)
    if problem.objective == TIME:
        return work + max((prices.total for prices in known), default=0)
    ends = _earliest_ends(problem)
    if problem.objective == TARDINESS:
        alone = sum(max(0, end - job.due_ms) for end, job in zip(ends, problem.jobs, strict=True) if job.due_ms is not None)
        return max([alone, *(_tardiness(problem, prices, sorted(ends)) for prices in known)])
    return max([*ends, *(_makespan(problem, prices) for prices in known)], default=0)


def radial_prices(problem: ScheduleProblem) -> list[Prices]:
    """Return prices by each resource: an order's share of the widest cart times what it takes alone; and what the dearest takes alone."""
    jobs = problem.jobs
    if not jobs:
        return []
    alone = [job.least_mm if problem.objective == DISTANCE else problem.least_ms(n) for n, job in enumerate(jobs)]
    made = []
    for r in range(len(problem.resources)):
        if widest := max(person.capacity[r] for person in problem.people):
            exact = sum(job.load[r] * own for job, own in zip(jobs, alone, strict=True)) // widest
            each = tuple(job.load[r] * own // widest for job, own in zip(jobs, alone, strict=True))
            made.append(_with_sorting(problem, Prices(each, exact), [own - 1 for own in alone]))  # - 1: `each` is rounded down
    dearest = max(range(len(jobs)), key=lambda n: alone[n])
    one = Prices(tuple(own if n == dearest else 0 for n, own in enumerate(alone)), alone[dearest])
    return [*made, _with_sorting(problem, one, alone)]


def _with_sorting(problem: ScheduleProblem, prices: Prices, alone: Sequence[int]) -> Prices:
    """Return higher prices: whoever shares a trip is sorted out, whoever does not takes what it takes `alone`."""
    if problem.objective == DISTANCE:
        return prices
    more = [max(0, min(job.sort_ms, own - price)) for job, own, price in zip(problem.jobs, alone, prices.each, strict=True)]
    return Prices(tuple(price + extra for price, extra in zip(prices.each, more, strict=True)), prices.total + sum(more))


def column_prices(problem: ScheduleProblem, seconds: float, seed: int = 0) -> Prices | None:
    """Return prices from column generation; None where the extra `bounds` is missing or the problem is beyond it."""
    relaxed = as_batching(problem)
    if relaxed is None or relaxed.refused or seconds < LEAST_SECONDS or importlib.util.find_spec("highspy") is None:
        return None
    begun = patience.now()
    plan = batching.solve(relaxed, seconds=0.1 * seconds, seed=seed)
    left = (1 - LISTING_SHARE) * seconds - (patience.now() - begun)
    found = bounds.column_bound(relaxed, replace(plan, lower_bound_mm=0), left, seed, may_branch=False)
    each = _without_fines(relaxed, found.prices_mm, max(0.05, seconds - (patience.now() - begun)))
    alone = [batch.length_mm for batch in batching.walked(relaxed, [[n] for n in range(len(problem.jobs))])]
    alone_ms = [_in_unit(problem, length, is_up=False) for length in alone]
    paid = tuple(_in_unit(problem, price + found.batch_price_mm, is_up=True) for price in found.prices_mm)
    whole = _with_sorting(problem, Prices(paid, _in_unit(problem, found.price_bound_mm, is_up=True)), alone_ms).total
    own = Prices(tuple(_in_unit(problem, price, is_up=False) for price in each), 0)
    return Prices(
        _with_sorting(problem, own, alone_ms).each, max(whole, _in_unit(problem, plan.lower_bound_mm, is_up=True) if plan.is_proven else 0)
    )


def check_prices(problem: ScheduleProblem, prices: Prices) -> list[str]:
    """Return what is wrong with prices: a trip that takes less than its orders' prices, listed without the solver; for small problems."""
    relaxed = as_batching(problem)
    if relaxed is None:
        return ["these prices belong to a problem that has none"]
    wrong = []
    n, load = len(problem.jobs), relaxed.arrays[1]
    for chosen in range(1, 1 << n):
        rows = [k for k in range(n) if chosen >> k & 1]
        if (load[rows].sum(axis=0) <= relaxed.arrays[2]).all():
            length = batching.walked(relaxed, [rows])[0].length_mm
            takes = _in_unit(problem, length, is_up=True)
            takes += sum(problem.jobs[k].sort_ms for k in rows) if len(rows) > 1 and problem.objective != DISTANCE else 0
            if (asked := sum(prices.each[k] for k in rows)) > takes:
                wrong.append(f"orders {rows} cost {asked} together and take {takes}")
    return wrong


def as_batching(problem: ScheduleProblem) -> batching.Problem | None:
    """Return the batching problem that every schedule solves, too: the widest cart, everybody from one depot and back, no times."""
    people, jobs = problem.people, problem.jobs
    starts = {(person.start, person.end) for person in people}
    if problem.is_chosen or len(starts) > 1 or people[0].start != people[0].end or not can_sweep(problem.floor):
        return None
    if not 2 <= len(jobs) <= MOST_ORDERS or any(not job.visits for job in jobs):
        return None
    widest = [max(person.capacity[r] for person in people) for r in range(len(problem.resources))]
    loads = [sum(job.load[r] for job in jobs) for r in range(len(widest))]
    binding = sorted((r for r, limit in enumerate(widest) if loads[r] > limit), key=lambda r: -loads[r] / max(1, widest[r]))
    names = tuple(problem.resources[r] for r in binding) or ("orders",)
    capacity = tuple(widest[r] for r in binding) or (len(jobs),)
    orders = tuple(
        batching.Order(job.name, tuple(sorted({at for at, _ in job.visits})), tuple(job.load[r] for r in binding) or (1,)) for job in jobs
    )
    speed = 0 if problem.objective == DISTANCE else problem.speed_mm_s
    setup, stop = problem.setup_ms * speed // 1_000, problem.stop_ms * speed // 1_000
    return batching.Problem(problem.floor, orders, names, capacity, people[0].start, setup, stop)


def _without_fines(relaxed: batching.Problem, prices: Sequence[int], seconds: float) -> tuple[int, ...]:
    """Return prices so much smaller that they hold without fines for triples and without a price of a trip; 0 if that takes too long."""
    import numpy as np

    rate = bounds.NODES_A_SECOND[0 if relaxed.has_one_block else 1]
    price = np.array(prices, np.int64)
    groups, lengths, _, _, is_complete = bounds._Pricing(relaxed).list(price, (), 0, MOST_TRIPS, int(seconds * rate))
    if not is_complete or len(groups) == MOST_TRIPS:
        return (0,) * len(prices)
    much, of = 1, 1  # the least share of its prices that a trip takes
    for group, length in zip(groups, lengths, strict=True):
        asked = int(price[group].sum())
        if length * of < much * asked:
            much, of = length, asked
    return tuple(int(one) * much // of for one in prices)


def _in_unit(problem: ScheduleProblem, mm: int, is_up: bool) -> int:
    if problem.objective == DISTANCE:
        return mm
    return -(-mm * 1_000 // problem.speed_mm_s) if is_up else mm * 1_000 // problem.speed_mm_s


def _able(problem: ScheduleProblem) -> list[frozenset[int]]:
    known = {people: frozenset(people or range(len(problem.people))) for people in set(problem.able)}
    return [known[people] for people in problem.able]


def _earliest_ends(problem: ScheduleProblem) -> list[int]:
    ends, able = [], _able(problem)
    first = {who: min(problem.people[p].begin_ms for p in who) for who in set(able)}
    for n, job in enumerate(problem.jobs):
        begin = max(first[able[n]], job.release_ms)
        ends.append(begin + problem.least_ms(n) + job.work_ms)
    return ends


def _makespan(problem: ScheduleProblem, prices: Prices) -> int:
    """Orders released late, or that few may take, and everything: whatever they cost is done by those who may, from then on."""
    able = _able(problem)
    releases = sorted({job.release_ms for job in problem.jobs}, reverse=True)[:MOST_GROUPS]
    best = 0
    for who in sorted(set(able) | {frozenset(range(len(problem.people)))}, key=sorted)[:MOST_GROUPS]:
        for release in {*releases, 0}:
            rows = [n for n, job in enumerate(problem.jobs) if job.release_ms >= release and able[n] <= who]
            if not rows:
                continue
            whole = prices.total if len(rows) == len(problem.jobs) else sum(prices.each[n] for n in rows)
            total = whole + sum(problem.jobs[n].work_ms for n in rows)
            best = max(best, _done_at(total, sorted(max(problem.people[p].begin_ms, release) for p in who)))
    return best


def _done_at(total: int, begins: Sequence[int]) -> int:
    """Return when so many ms can be done by people who begin at these times (ascending), all at work until then."""
    first = 0
    for count in range(1, len(begins) + 1):
        first += begins[count - 1]
        end = -(-(total + first) // count)
        if count == len(begins) or end <= begins[count]:
            return end
    return 0


def _tardiness(problem: ScheduleProblem, prices: Prices, ends: Sequence[int]) -> int:
    """The k-th order is done when the k smallest costs are, and no earlier than the k-th of them all could be alone (`ends` ascending)."""
    begins = sorted(person.begin_ms for person in problem.people)
    due = sorted(job.due_ms for job in problem.jobs if job.due_ms is not None)
    costs = sorted(price + job.work_ms for price, job in zip(prices.each, problem.jobs, strict=True))
    total = late = 0
    for when, cost, end in zip(due, costs, ends, strict=False):  # orders without a due time come last
        total += cost
        late += max(0, end - when, _done_at(total, begins) - when)
    return late
