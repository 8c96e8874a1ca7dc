"""How good a batch plan can be at most: prices of orders that no batch can beat, found with HiGHS, proven without it.

Prices of orders, fines for batches with two or three orders of a triple, and a price m of a batch, such that price(S) - fines(S) + m ≤
length(S) for every feasible batch S, prove that no plan is shorter than Σ prices - Σ fines + m · (fewest batches): each order is in one
batch, and of a triple at most one batch has two.
`price_bound` checks that by listing batches depth first and needs no solver. `column_bound` finds good prices as duals of the
set-covering relaxation with subset-row cuts (column generation), and then looks for a better plan, or the proof that there is none,
among all batches that such a plan could contain. Sources: Muter & Öncan 2015, Wahlen & Gschwind 2023 (batching), Jepsen et al. 2008 (cuts).
"""

from __future__ import annotations

import importlib.util
import math
import random
from dataclasses import dataclass, replace

import numpy as np

from floorwise.optimizer import batching, patience
from floorwise.optimizer.batching import BatchPlan, Order, Problem, _Search, radial_bound, solve, walked
from floorwise.optimizer.columns import Cut, Master, cheapest_cover
from floorwise.optimizer.kernels.lengths import all_lengths
from floorwise.optimizer.kernels.pricing import MOST_MEMBERS, cheap_batches, knapsack_table
from floorwise.optimizer.layout import BlockLayout

KNAPSACK_ROOM = 4_096  # a finer capacity is coarsened to this many steps, which only loosens the pruning
COLUMNS_A_ROUND = 400
HASTY_NODES = 400_000  # tours a pricing round may measure before it is content with what it has found
MOST_COLUMNS = 150_000  # batches handed to the integer program
LIMIT_SHARES = 0.0008, 0.002, 0.005  # of the bound: how far above it a batch's own part may lie in the first integer programs
SMOOTHING, LEAST_SMOOTHING = 0.8, 0.1  # how near to the best proof prices are asked, halved while no batch undercuts them
TOLERANCE_MM = 10  # a batch this much cheaper than its prices is let pass; the bound pays for it
SAMPLE_SHARE = 0.1  # of the time
SAMPLES, SAMPLE_STEPS = 400, 5_000  # plans that the search contributes before the first relaxation
NO_LIMIT_NODES = 1 << 60
NODES_A_SECOND = 1_000_000, 80_000  # tours a listing measures, cautiously; one block, several blocks
# Shares of the time for search and bound: where few orders fit a cart the bound's batches also make the better plans, and few orders at all
# are searched in a moment and take the solver long.
FEW_ORDERS_A_BATCH, MOST_ORDERS_TO_CLOSE = 3.5, 40
SHARES_SMALL, SHARES_FEW, SHARES_MANY = (0.1, 0.85), (0.3, 0.65), (0.5, 0.48)
LEAST_SECONDS_FOR_BOUND = 2.0
LEAST_NODES = 1_000
FINISH_S = 0.05  # the solver looks at its clock rarely


Proof = tuple[np.ndarray, tuple[Cut, ...], int]  # prices of the planned orders, fines, price of a batch, all mm


@dataclass(frozen=True)
class PriceBound:
    """What prices prove. `is_complete` False: the listing was cut off and the bound is the radial one."""

    lower_bound_mm: int
    is_complete: bool
    nodes: int


@dataclass(frozen=True)
class ColumnBound:
    """A bound with its prices (one per planned order, mm) and cuts, and the best batches known (groups of order numbers).

    `price_bound_mm` is what the prices prove; `lower_bound_mm` may be higher where the integer program closed the rest:
    that part rests on HiGHS, and `needs_solver` says so.
    """

    lower_bound_mm: int
    price_bound_mm: int
    prices_mm: tuple[int, ...]
    cuts: tuple[Cut, ...]
    batch_price_mm: int
    groups: tuple[tuple[int, ...], ...]
    length_mm: int
    needs_solver: bool
    rounds: int
    columns: int
    seconds: float

    @property
    def gap(self) -> float:
        return (self.length_mm - self.lower_bound_mm) / self.lower_bound_mm if self.lower_bound_mm else 0.0


class _Pricing:
    """Lists batches below their prices; rows are re-ordered so that dear orders for their load come first."""

    def __init__(self, problem: Problem) -> None:
        self.masks, load, capacity, self.kind, self.floor = problem.arrays
        self.n = len(self.masks)
        coarse, room = _coarsened(load[:, 0], int(capacity[0]))
        self.load = np.column_stack([coarse, load]).astype(np.int64)
        self.capacity = np.array([room, *capacity], np.int64)

    def list(self, prices: np.ndarray, cuts: tuple[Cut, ...], limit: int, most: int, most_nodes: int):
        """Return (groups as lists of rows, lengths, lowest, nodes, complete) of batches with length - prices + fines < limit."""
        heavy = self.load[:, 0] > 0
        order = np.lexsort((np.arange(self.n), -prices / np.where(heavy, self.load[:, 0], 1), heavy))
        price = prices[order]
        load = np.ascontiguousarray(self.load[order])
        table = knapsack_table(load[:, 0].copy(), int(self.capacity[0]), price)
        of_row: list[list[int]] = [[] for _ in range(self.n)]
        for number, (rows, _) in enumerate(cuts):
            for row in rows:
                of_row[row].append(number)
        cut_of = np.array([number for row in order for number in of_row[row]], np.int64)
        cut_start = np.cumsum([0, *(len(of_row[row]) for row in order)]).astype(np.int64)
        fines = np.array([fine for _, fine in cuts], np.int64)
        members = np.zeros((most, MOST_MEMBERS), np.int32)
        sizes, lengths, reduced = (np.zeros(most, np.int64) for _ in range(3))
        count, lowest, nodes, complete = cheap_batches(
            self.masks[order], load, self.capacity, self.kind[order], self.floor, price, table, cut_start, cut_of, fines,
            np.int64(limit), np.int64(most_nodes), members, sizes, lengths, reduced,
        )  # fmt: skip
        groups = [order[members[i, : sizes[i]]].tolist() for i in range(count)]
        return groups, lengths[:count].tolist(), int(lowest), int(nodes), bool(complete)


def price_bound(
    problem: Problem,
    prices_mm: tuple[int, ...],
    cuts: tuple[Cut, ...] = (),
    batch_price_mm: int = 0,
    most_nodes: int = NO_LIMIT_NODES,
) -> PriceBound:
    """Return the length that no plan can beat, proven by the prices alone; needs no solver and trusts nothing but the listing.

    Prices that some batch undercuts by d lower the bound by d for each batch a plan may have.
    """
    masks, load, capacity, _, floor = problem.arrays
    radial = radial_bound(all_lengths(masks, floor), load, capacity) if len(masks) else 0
    prices = np.array(prices_mm, np.int64)
    if len(prices) != len(masks) or (len(prices) and prices.min() < 0):
        raise ValueError("one price of at least 0 for each planned order")
    if batch_price_mm < 0 or any(fine < 0 or len(set(rows)) != 3 or not 0 <= min(rows) <= max(rows) < len(masks) for rows, fine in cuts):
        raise ValueError("a cut is three different rows and a fine of at least 0, and so is the price of a batch")
    if not len(prices):
        return PriceBound(0, True, 0)
    _, _, lowest, nodes, complete = _Pricing(problem).list(prices, cuts, batch_price_mm, 0, most_nodes)
    if not complete:
        return PriceBound(radial, False, nodes)
    return PriceBound(max(radial, _proven(problem, prices, cuts, batch_price_mm, lowest - batch_price_mm)), True, nodes)


def _proven(problem: Problem, prices: np.ndarray, cuts: tuple[Cut, ...], batch_price: int, lowest: int) -> int:
    base = int(prices.sum()) - sum(fine for _, fine in cuts) + batch_price * fewest_batches(problem)
    return base + min(0, lowest) * most_batches(problem)


def fewest_batches(problem: Problem) -> int:
    """How many batches every plan has at least: whole ones for the load of each kind, by its scarcest resource."""
    _, load, capacity, kind, _ = problem.arrays
    fewest = 0
    for one in set(kind.tolist()):
        total = load[kind == one].sum(axis=0).tolist()
        fewest += max([1, *(-(-int(q) // int(c)) for q, c in zip(total, capacity, strict=True) if c > 0)])
    return fewest


def most_batches(problem: Problem) -> int:
    """How many batches some shortest plan has at most.

    With one resource and one kind two batches that fit together may be joined without a longer walk, so any two of them
    exceed the capacity: fewer than 2 · load / capacity + 1 batches.
    """
    _, load, capacity, kind, _ = problem.arrays
    n = len(load)
    if len(capacity) != 1 or len(set(kind.tolist())) > 1 or capacity[0] == 0:
        return n
    return min(n, 2 * int(load.sum()) // int(capacity[0]) + 1)


def column_bound(problem: Problem, plan: BatchPlan, seconds: float, seed: int = 0, may_branch: bool = True) -> ColumnBound:
    """Return the best bound found in about `seconds`, starting from `plan`; a better plan may come with it. Needs highspy."""
    begun = patience.now()
    deadline = begun + seconds
    row_of = {number: row for row, number in enumerate(problem.planned)}
    groups = [[row_of[n] for n in batch.orders] for batch in plan.batches]
    n = len(problem.planned)
    if n == 0 or plan.is_proven:
        orders, bound = tuple(batch.orders for batch in plan.batches), plan.lower_bound_mm
        return ColumnBound(bound, bound, (0,) * n, (), 0, orders, plan.length_mm, False, 0, 0, 0.0)
    master = Master(n, fewest_batches(problem))
    lengths = all_lengths(_unions(problem, groups), problem.floor.kernel).tolist()
    master.add(groups, lengths)
    best, best_length = groups, sum(lengths)
    for sample, measured in _samples(problem, seed, min(deadline, begun + SAMPLE_SHARE * seconds)):
        master.add(sample, measured)
    pricing = _Pricing(problem)
    bound, proof, rounds = plan.lower_bound_mm, (np.zeros(n, np.int64), (), 0), 0
    nodes_allowed = HASTY_NODES
    rate = NODES_A_SECOND[0 if problem.has_one_block else 1]
    until = deadline - (0.6 * seconds if may_branch else 0.0)
    share = SMOOTHING
    while patience.now() < until:
        rounds += 1
        outer = master.solve()
        affordable = int(max(0.0, until - patience.now()) * rate)
        if affordable < LEAST_NODES:
            break
        # Prices between the best proof and the relaxation's own: those jump about and prove little until the end.
        at = _between(proof, outer, share) if proof[0].any() else outer
        prices, cuts, batch_price = at
        allowed = min(nodes_allowed, affordable)
        found, lengths, lowest, nodes, complete = pricing.list(prices, cuts, batch_price - TOLERANCE_MM, COLUMNS_A_ROUND, allowed)
        below = min(lowest - batch_price, -TOLERANCE_MM)
        if complete and (proven := _proven(problem, prices, cuts, batch_price, below)) > bound:
            bound, proof = proven, at
        if found and master.add(found, lengths):
            share = SMOOTHING
            continue
        if share > 0.0 and at is not outer:
            share = 0.0 if share < LEAST_SMOOTHING else share / 2
            continue
        share = SMOOTHING
        if not complete:
            if nodes < allowed:  # more orders to a cart than a listing goes through
                break
            nodes_allowed = min(NO_LIMIT_NODES, nodes_allowed * 8)
        elif bound >= best_length or not master.cut():
            break
    price_bound_mm = bound
    needs_solver = False
    if may_branch and proof[0].any() and bound < best_length:
        chosen, bound = _branch(problem, master, pricing, proof, best_length, deadline, bound)
        needs_solver = bound > price_bound_mm
        if chosen is not None:
            measured = int(all_lengths(_unions(problem, chosen), problem.floor.kernel).sum())
            if measured < best_length:
                best, best_length = chosen, measured
    numbers = tuple(sorted(tuple(sorted(problem.planned[row] for row in group)) for group in best))
    return ColumnBound(
        min(bound, best_length), min(price_bound_mm, best_length), tuple(proof[0].tolist()), proof[1], proof[2], numbers, best_length,
        needs_solver, rounds, master.columns, patience.now() - begun,
    )  # fmt: skip


def solve_and_prove(problem: Problem, seconds: float, seed: int = 0) -> BatchPlan:
    """Return the best plan of a search, and a bound from column generation where highspy is installed, in `seconds` together.

    Few orders are proven by trying every split. Otherwise a short search, the bound, and a second search with another seed
    in what is left, if the plan is not proven by then; the shorter plan is kept.
    """
    begun = patience.now()
    has_solver = importlib.util.find_spec("highspy") is not None and seconds >= LEAST_SECONDS_FOR_BOUND
    is_short = problem.planned and len(problem.planned) / max(1, fewest_batches(problem)) <= FEW_ORDERS_A_BATCH
    is_small = len(problem.planned) <= MOST_ORDERS_TO_CLOSE
    may_close = is_short or is_small
    search_share, bound_share = SHARES_SMALL if is_small else SHARES_FEW if may_close else SHARES_MANY
    plan = solve(problem, seconds=seconds * (search_share if has_solver else 1.0), seed=seed)
    if plan.is_proven or not has_solver or not problem.planned:
        return plan
    left = seconds - (patience.now() - begun)
    if left <= 0:
        return plan
    found = column_bound(problem, plan, min(left, seconds * bound_share) - FINISH_S, seed, may_branch=bool(may_close))
    better = planned_by(problem, found, plan)
    left = seconds - (patience.now() - begun) - FINISH_S
    if not better.is_proven and left > LEAST_SECONDS_FOR_BOUND:
        again = solve(problem, seconds=left, seed=seed + 1, lower_bound_mm=better.lower_bound_mm)
        if again.length_mm < better.length_mm:
            better = replace(better, batches=again.batches, length_mm=again.length_mm, steps=plan.steps + again.steps)
    return replace(better, seconds=patience.now() - begun)


def warm_up(layout: BlockLayout, start: int = 0) -> None:
    """Load the kernels of search and bound for floors like this one."""
    batching.warm_up(layout, start)
    if layout.locations and importlib.util.find_spec("highspy") is not None:
        orders = tuple(Order(str(n), (n % layout.locations, 3 * n % layout.locations), (1,)) for n in range(batching.EXACT_ORDERS + 2))
        problem = Problem(layout, orders, ("orders",), (3,), start)
        column_bound(problem, solve(problem, steps=0), 0.2)


def planned_by(problem: Problem, found: ColumnBound, plan: BatchPlan) -> BatchPlan:
    """Return the plan behind a bound, with walks, if it is better than `plan`; else `plan` with the better bound."""
    bound = max(plan.lower_bound_mm, found.lower_bound_mm)
    batches = walked(problem, [list(group) for group in found.groups]) if found.length_mm < plan.length_mm else plan.batches
    total = sum(batch.length_mm for batch in batches)
    method = plan.method + ", column generation"
    seconds = plan.seconds + found.seconds
    return BatchPlan(batches, total, bound, plan.refused, plan.steps, seconds, plan.first_plan_seconds, method, plan.trace)


def _between(one: Proof, other: Proof, share: float) -> Proof:
    """Return `share` of one set of prices, fines and batch price and the rest of the other."""
    fines: dict[tuple[int, int, int], float] = {}
    for part, (_, cuts, _) in ((share, one), (1.0 - share, other)):
        for rows, fine in cuts:
            fines[rows] = fines.get(rows, 0.0) + part * fine
    cuts = tuple((rows, math.ceil(fine)) for rows, fine in fines.items() if fine > 0)
    return np.floor(share * one[0] + (1.0 - share) * other[0]).astype(np.int64), cuts, int(share * one[2] + (1.0 - share) * other[2])


def _coarsened(load: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """Scale a resource to small integers: exactly by the common divisor, else rounded so that whatever fitted still fits."""
    divisor = math.gcd(capacity, *load.tolist()) or 1
    load, capacity = load // divisor, capacity // divisor
    if capacity <= KNAPSACK_ROOM:
        return load, capacity
    return load * KNAPSACK_ROOM // capacity, KNAPSACK_ROOM


def _unions(problem: Problem, groups: list[list[int]]) -> np.ndarray:
    masks = problem.arrays[0]
    unions = np.zeros((len(groups), *masks.shape[1:]), np.uint64)
    for at, group in enumerate(groups):
        unions[at] = np.bitwise_or.reduce(masks[group], axis=0)
    return unions


def _samples(problem: Problem, seed: int, deadline: float):
    """Yield batches, and their lengths, of plans that the search passes through: columns near good plans."""
    masks, load, capacity, _, floor = problem.arrays
    if len(masks) < 2:
        return
    search = _Search(problem, random.Random(seed).getrandbits(32))
    if search.is_exact:
        return
    search.cool_for(SAMPLES * SAMPLE_STEPS)
    for sample in range(SAMPLES):
        if patience.now() > deadline:
            return
        search.walk(SAMPLE_STEPS, sample / SAMPLES, (sample + 1) / SAMPLES)
        for batch in (search.batch, search.best):
            groups = [np.flatnonzero(batch == number).tolist() for number in np.unique(batch)]
            groups = [group for group in groups if (load[group].sum(axis=0) <= capacity).all()]
            yield groups, all_lengths(_unions(problem, groups), floor).tolist()


def _branch(
    problem: Problem,
    master: Master,
    pricing: _Pricing,
    proof: Proof,
    best_length: int,
    deadline: float,
    bound: int,
):
    """Search among the batches a better plan could contain; return (groups of a better plan or None, bound).

    A plan with a batch whose length - prices + fines - price of a batch is `limit` or more costs at least what the prices prove
    plus `limit`. So the best plan from the batches below the limit, or that sum, bounds every plan. Limits grow until the
    plan found lies below the sum, the listing gets too long, or time is up.
    """
    prices, cuts, batch_price = proof
    base = _proven(problem, prices, cuts, batch_price, -TOLERANCE_MM)
    rate = NODES_A_SECOND[0 if problem.has_one_block else 1]
    best = None
    for share in (*LIMIT_SHARES, math.inf):
        gap = best_length - base
        limit = int(min(gap, share * base)) if share < math.inf else gap
        left = deadline - patience.now()
        if left <= 0:
            break
        groups, lengths, _, _, complete = pricing.list(prices, cuts, limit + batch_price, MOST_COLUMNS, int(0.3 * left * rate))
        if not complete or len(groups) == MOST_COLUMNS:
            break
        chosen, solver_bound = cheapest_cover(
            len(problem.planned), groups, lengths, best_length, deadline, master.triples, fewest_batches(problem)
        )
        if chosen is not None:
            measured = int(all_lengths(_unions(problem, chosen), problem.floor.kernel).sum())
            if measured < best_length:
                best, best_length = chosen, measured
        if solver_bound is not None:
            bound = max(bound, min(best_length, solver_bound, base + limit))
        if bound >= best_length or limit >= gap:
            break
    return best, bound
