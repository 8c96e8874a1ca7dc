"""The two programs that HiGHS solves: the set-covering relaxation over known batches, and the choice among many of them."""

from __future__ import annotations

import math

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.kernels.pricing import violated_triples

CUTS_A_ROUND, MOST_CUTS, CUTS_AN_ORDER, LEAST_EXCESS = 60, 600, 4, 0.02

Cut = tuple[tuple[int, int, int], int]  # rows of three planned orders, and the fine in mm


class Master:
    """The set-covering relaxation over the batches known so far."""

    def __init__(self, orders: int, fewest: int) -> None:
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
        self.highs.addRows(1, np.array([float(fewest)]), np.array([highspy.kHighsInf]), 0, starts[:1], empty, none)

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
        hit_by = hits(list(fresh), self.orders, self.triples)
        first_cut = self.orders + 1
        entries = [[*group, self.orders, *(first_cut + np.flatnonzero(hit))] for group, hit in zip(fresh, hit_by, strict=True)]
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in entries])[:-1]]).astype(np.int32)
        rows = np.array([row for group in entries for row in group], np.int32)
        cost = np.array(list(fresh.values()), np.float64)
        self.highs.addCols(m, cost, np.zeros(m), np.full(m, np.inf), len(rows), starts, rows, np.ones(len(rows)))
        return m

    def solve(self) -> tuple[np.ndarray, tuple[Cut, ...], int]:
        """Return the price of each order, the cuts with their fines and the price of a batch; all are proven elsewhere."""
        self.highs.run()
        duals = np.array(self.highs.getSolution().row_dual)
        prices = np.floor(np.maximum(duals[: self.orders], 0)).astype(np.int64)
        fines = np.ceil(np.maximum(-duals[self.orders + 1 :], 0)).astype(np.int64).tolist()
        cuts = tuple((triple, fine) for triple, fine in zip(self.triples, fines, strict=True) if fine > 0)
        return prices, cuts, int(max(0.0, duals[self.orders]))

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
        incidence = hits(groups, self.orders, fresh)
        columns = [np.flatnonzero(incidence[:, number]) for number in range(len(fresh))]
        starts = np.concatenate([[0], np.cumsum([len(c) for c in columns])[:-1]]).astype(np.int32)
        index = np.concatenate(columns).astype(np.int32)
        q = len(fresh)
        self.highs.addRows(q, np.full(q, -np.inf), np.ones(q), len(index), starts, index, np.ones(len(index)))
        self.triples += fresh
        return q


def cheapest_cover(
    orders: int, groups: list[list[int]], lengths: list[int], cutoff: int, deadline: float, triples: list[tuple[int, int, int]], fewest: int
):
    """Return (groups of the best exact cover found or None, bound or None) of the integer program; the cuts only speed it up."""
    import highspy

    left = deadline - patience.now()
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
    none = np.array([], np.int32), np.array([], np.float64)
    highs.addRows(1, np.array([float(fewest)]), np.array([np.inf]), 0, np.zeros(1, np.int32), *none)
    q = len(triples)
    if q:
        highs.addRows(q, np.full(q, -np.inf), np.ones(q), 0, np.zeros(q, np.int32), *none)
    hit_by = hits(groups, orders, triples)
    entries = [[*group, orders, *(orders + 1 + np.flatnonzero(hit))] for group, hit in zip(groups, hit_by, strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in entries])[:-1]]).astype(np.int32)
    rows = np.array([row for group in entries for row in group], np.int32)
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


def hits(groups: list, orders: int, triples: list[tuple[int, int, int]]) -> np.ndarray:
    """bool[groups, cuts]: which group has two or three orders of which cut."""
    inside = np.zeros((len(groups), orders), np.int8)
    for at, group in enumerate(groups):
        inside[at, list(group)] = 1
    if not triples:
        return np.zeros((len(groups), 0), np.bool_)
    index = np.array(triples)
    return inside[:, index[:, 0]] + inside[:, index[:, 1]] + inside[:, index[:, 2]] >= 2
