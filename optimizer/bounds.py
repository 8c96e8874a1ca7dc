"""How good a batch plan can be at most: prices of orders that no batch can beat, found with HiGHS, proven without it.

Prices of orders, and fines for batches with two or three orders of a triple, such that price(S) - fines(S) ≤ length(S) for every feasible
batch S, prove that no plan is shorter than Σ prices - Σ fines: each order is in one batch, and of a triple at most one batch has two.
`price_bound` checks that by listing batches depth first and needs no solver. `column_bound` finds good prices as duals of the
set-covering relaxation with subset-row cuts (column generation), and then looks for a better plan, or the proof that there is none,
among all batches that such a plan could contain. Sources: Muter & Öncan 2015, Wahlen & Gschwind 2023 (batching), Jepsen et al. 2008 (cuts).
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

import numpy as np

from floorwise.optimizer.batching import BatchPlan, Problem, _Search, radial_bound, walked
from floorwise.optimizer.kernels.lengths import all_lengths
from floorwise.optimizer.kernels.pricing import MOST_MEMBERS, cheap_batches, knapsack_table, violated_triples

KNAPSACK_ROOM = 4_096  # a finer capacity is coarsened to this many steps, which only loosens the pruning
COLUMNS_A_ROUND = 400
HASTY_NODES = 400_000  # tours a pricing round may measure before it is content with what it has found
MOST_COLUMNS = 150_000  # batches handed to the integer program
TOLERANCE_MM = 10  # a batch this much cheaper than its prices is let pass; the bound pays for it
SAMPLES, SAMPLE_STEPS = 400, 5_000  # plans that the search contributes before the first relaxation
NO_LIMIT_NODES = 1 << 60
CUTS_A_ROUND, MOST_CUTS, CUTS_AN_ORDER, LEAST_EXCESS = 60, 600, 4, 0.05

Cut = tuple[tuple[int, int, int], int]  # rows of three planned orders, and the fine in mm


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
        order = np.lexsort((np.arange(self.n), -prices / np.maximum(self.load[:, 0], 1)))
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
    problem: Problem, prices_mm: tuple[int, ...], cuts: tuple[Cut, ...] = (), most_nodes: int = NO_LIMIT_NODES
) -> PriceBound:
    """Return the length that no plan can beat, proven by the prices alone; needs no solver and trusts nothing but the listing.

    Prices that some batch undercuts by d lower the bound by d for each batch a plan may have.
    """
    masks, load, capacity, _, floor = problem.arrays
    radial = radial_bound(all_lengths(masks, floor), load, capacity) if len(masks) else 0
    prices = np.array(prices_mm, np.int64)
    if len(prices) != len(masks) or (len(prices) and prices.min() < 0):
        raise ValueError("one price of at least 0 for each planned order")
    if any(fine < 0 or len(set(rows)) != 3 or not 0 <= min(rows) <= max(rows) < len(masks) for rows, fine in cuts):
        raise ValueError("a cut is three different rows and a fine of at least 0")
    if not len(prices):
        return PriceBound(0, True, 0)
    _, _, lowest, nodes, complete = _Pricing(problem).list(prices, cuts, 0, 0, most_nodes)
    if not complete:
        return PriceBound(radial, False, nodes)
    return PriceBound(max(radial, _proven(problem, prices, cuts, lowest)), True, nodes)


def _proven(problem: Problem, prices: np.ndarray, cuts: tuple[Cut, ...], lowest: int) -> int:
    return int(prices.sum()) - sum(fine for _, fine in cuts) + min(0, lowest) * most_batches(problem)


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
    begun = time.perf_counter()
    deadline = begun + seconds
    row_of = {number: row for row, number in enumerate(problem.planned)}
    groups = [[row_of[n] for n in batch.orders] for batch in plan.batches]
    n = len(problem.planned)
    if n == 0 or plan.is_proven:
        return ColumnBound(
            plan.lower_bound_mm, plan.lower_bound_mm, (0,) * n, (), tuple(b.orders for b in plan.batches), plan.length_mm, False, 0, 0, 0.0
        )
    master = _Master(n)
    lengths = all_lengths(_unions(problem, groups), problem.floor.kernel).tolist()
    master.add(groups, lengths)
    best, best_length = groups, sum(lengths)
    for sample, measured in _samples(problem, seed, min(deadline, begun + 0.2 * seconds)):
        master.add(sample, measured)
    pricing = _Pricing(problem)
    bound, proven_prices, proven_cuts, rounds = plan.lower_bound_mm, np.zeros(n, np.int64), (), 0
    nodes_allowed = HASTY_NODES
    until = deadline - (0.5 * seconds if may_branch else 0.0)
    while time.perf_counter() < until:
        rounds += 1
        prices, cuts = master.solve()
        found, lengths, lowest, _, complete = pricing.list(prices, cuts, -TOLERANCE_MM, COLUMNS_A_ROUND, nodes_allowed)
        if complete and (proven := _proven(problem, prices, cuts, min(lowest, -TOLERANCE_MM))) > bound:
            bound, proven_prices, proven_cuts = proven, prices, cuts
        if found and master.add(found, lengths):
            continue
        if not complete:
            nodes_allowed = min(NO_LIMIT_NODES, nodes_allowed * 8)
        elif bound >= best_length or not master.cut():
            break
    price_bound_mm = bound
    needs_solver = False
    if may_branch and time.perf_counter() < deadline:
        chosen, bound, needs_solver = _branch(problem, master, pricing, proven_prices, proven_cuts, best_length, deadline, bound)
        if chosen is not None:
            measured = int(all_lengths(_unions(problem, chosen), problem.floor.kernel).sum())
            if measured < best_length:
                best, best_length = chosen, measured
    numbers = tuple(sorted(tuple(sorted(problem.planned[row] for row in group)) for group in best))
    return ColumnBound(
        min(bound, best_length), min(price_bound_mm, best_length), tuple(proven_prices.tolist()), proven_cuts, numbers, best_length,
        needs_solver and bound > price_bound_mm, rounds, master.columns, time.perf_counter() - begun,
    )  # fmt: skip


def planned_by(problem: Problem, found: ColumnBound, plan: BatchPlan) -> BatchPlan:
    """Return the plan behind a bound, with walks, if it is better than `plan`; else `plan` with the better bound."""
    bound = max(plan.lower_bound_mm, found.lower_bound_mm)
    batches = walked(problem, [list(group) for group in found.groups]) if found.length_mm < plan.length_mm else plan.batches
    total = sum(batch.length_mm for batch in batches)
    method = plan.method + ", column generation"
    seconds = plan.seconds + found.seconds
    return BatchPlan(batches, total, bound, plan.refused, plan.steps, seconds, plan.first_plan_seconds, method, plan.trace)


def _coarsened(load: np.ndarray, capacity: int) -> tuple[np.ndarray, int]:
    """Scale a resource to small integers: exactly by the common divisor, else rounded so that whatever fitted still fits."""
    divisor = math.gcd(capacity, *load.tolist()) or 1
    load, capacity = load // divisor, capacity // divisor
    if capacity <= KNAPSACK_ROOM:
        return load, capacity
    return load * KNAPSACK_ROOM // capacity, KNAPSACK_ROOM


def _unions(problem: Problem, groups: list[list[int]]) -> np.ndarray:
    masks = problem.arrays[0]
    return np.array([np.bitwise_or.reduce(masks[group], axis=0) for group in groups])


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
        if time.perf_counter() > deadline:
            return
        search.walk(SAMPLE_STEPS, sample / SAMPLES, (sample + 1) / SAMPLES)
        for batch in (search.batch, search.best):
            groups = [np.flatnonzero(batch == number).tolist() for number in np.unique(batch)]
            groups = [group for group in groups if (load[group].sum(axis=0) <= capacity).all()]
            yield groups, all_lengths(_unions(problem, groups), floor).tolist()


class _Master:
    """The set-covering relaxation over the batches known so far."""

    def __init__(self, orders: int) -> None:
        import highspy  # the extra `bounds`

        self.orders = orders
        self.known: dict[tuple[int, ...], int] = {}
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        none = np.array([], np.float64)
        empty = np.array([], np.int32)
        self.triples: list[tuple[int, int, int]] = []
        starts = np.zeros(orders, np.int32)
        self.highs.addRows(orders, np.ones(orders), np.full(orders, highspy.kHighsInf), 0, starts, empty, none)

    @property
    def columns(self) -> int:
        return len(self.known)

    def add(self, groups: list[list[int]], lengths: list[int]) -> int:
        """Add the batches not yet known; return how many were new."""
        fresh = {tuple(sorted(g)): length for g, length in zip(groups, lengths, strict=True)}
        fresh = {g: length for g, length in fresh.items() if g not in self.known}
        if not fresh:
            return 0
        self.known.update(fresh)
        m = len(fresh)
        hits = self._hits(list(fresh))
        entries = [[*group, *(self.orders + np.flatnonzero(hit)).tolist()] for group, hit in zip(fresh, hits, strict=True)]
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in entries])[:-1]]).astype(np.int32)
        rows = np.array([row for group in entries for row in group], np.int32)
        cost = np.array(list(fresh.values()), np.float64)
        self.highs.addCols(m, cost, np.zeros(m), np.full(m, np.inf), len(rows), starts, rows, np.ones(len(rows)))
        return m

    def solve(self) -> tuple[np.ndarray, tuple[Cut, ...]]:
        """Return the price of each order and the cuts with their fines, rounded to the safe side of nothing: both are re-proven."""
        self.highs.run()
        duals = np.array(self.highs.getSolution().row_dual)
        prices = np.floor(np.maximum(duals[: self.orders], 0)).astype(np.int64)
        fines = np.ceil(np.maximum(-duals[self.orders :], 0)).astype(np.int64).tolist()
        return prices, tuple((triple, fine) for triple, fine in zip(self.triples, fines, strict=True) if fine > 0)

    def cut(self) -> int:
        """Add the cuts that the present solution violates most, a few per order; return how many."""
        if len(self.triples) >= MOST_CUTS:
            return 0
        value = np.array(self.highs.getSolution().col_value)
        used = np.flatnonzero(value > 1e-6)
        groups = list(self.known)
        member = np.zeros((len(used), self.orders), np.bool_)
        for at, column in enumerate(used):
            member[at, list(groups[column])] = True
        triples, _ = violated_triples(member, value[used], LEAST_EXCESS, 10 * CUTS_A_ROUND)
        times = np.zeros(self.orders, np.int64)
        known, fresh = set(self.triples), []
        for triple in map(tuple, triples.tolist()):
            if len(fresh) < CUTS_A_ROUND and triple not in known and times[list(triple)].max() < CUTS_AN_ORDER:
                times[list(triple)] += 1
                fresh.append(triple)
        if not fresh:
            return 0
        incidence = self._hits(groups, fresh)
        columns = [np.flatnonzero(incidence[:, number]) for number in range(len(fresh))]
        starts = np.concatenate([[0], np.cumsum([len(c) for c in columns])[:-1]]).astype(np.int32)
        index = np.concatenate(columns).astype(np.int32)
        q = len(fresh)
        self.highs.addRows(q, np.full(q, -np.inf), np.ones(q), len(index), starts, index, np.ones(len(index)))
        self.triples += fresh
        return q

    def _hits(self, groups: list[tuple[int, ...]], triples: list[tuple[int, int, int]] | None = None) -> np.ndarray:
        """bool[groups, cuts]: which group has two or three orders of which cut."""
        triples = self.triples if triples is None else triples
        inside = np.zeros((len(groups), self.orders), np.int8)
        for at, group in enumerate(groups):
            inside[at, list(group)] = 1
        if not triples:
            return np.zeros((len(groups), 0), np.bool_)
        index = np.array(triples)
        return inside[:, index[:, 0]] + inside[:, index[:, 1]] + inside[:, index[:, 2]] >= 2


def _branch(
    problem: Problem,
    master: _Master,
    pricing: _Pricing,
    prices: np.ndarray,
    cuts: tuple[Cut, ...],
    best_length: int,
    deadline: float,
    bound: int,
):
    """Search among all batches a better plan could contain; return (groups or None, bound, whether HiGHS proved it).

    A plan shorter than best_length consists of batches whose length - prices + fines is below best_length - (Σ prices -
    Σ fines) + what the others may undercut; if all those fit the integer program, its bound holds for every plan.
    """
    slack = TOLERANCE_MM * most_batches(problem)
    limit = best_length - int(prices.sum()) + sum(fine for _, fine in cuts) + slack
    groups, lengths, _, _, complete = pricing.list(prices, cuts, limit, MOST_COLUMNS, 100 * HASTY_NODES)
    everything = complete and len(groups) < MOST_COLUMNS
    if not everything:
        groups, lengths = [list(g) for g in master.known], list(master.known.values())
    chosen, solver_bound = _cover(len(problem.planned), groups, lengths, best_length, deadline)
    if everything and solver_bound is not None:
        return chosen, max(bound, min(best_length, solver_bound)), True
    return chosen, bound, False


def _cover(orders: int, groups: list[list[int]], lengths: list[int], cutoff: int, deadline: float):
    """Return (groups of the best exact cover found or None, bound or None) of the integer program."""
    import highspy

    left = deadline - time.perf_counter()
    if left <= 0 or not groups:
        return None, None
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("time_limit", float(left))
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 0.5)
    highs.setOptionValue("objective_bound", float(cutoff))
    m = len(groups)
    highs.addRows(orders, np.ones(orders), np.ones(orders), 0, np.zeros(orders, np.int32), np.array([], np.int32), np.array([], np.float64))
    sizes = [len(group) for group in groups]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    rows = np.array([row for group in groups for row in group], np.int32)
    highs.addCols(m, np.array(lengths, np.float64), np.zeros(m), np.ones(m), len(rows), starts, rows, np.ones(len(rows)))
    highs.changeColsIntegrality(m, np.arange(m, dtype=np.int32), np.full(m, highspy.HighsVarType.kInteger, dtype=np.uint8))
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, cutoff  # nothing below the cut-off
    bound = math.ceil(info.mip_dual_bound - 1e-6) if math.isfinite(info.mip_dual_bound) else None
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None, bound
    values = np.array(highs.getSolution().col_value)
    return [groups[i] for i in np.flatnonzero(values > 0.5)], bound
