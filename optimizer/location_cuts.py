"""Bounds and proofs for location choice on any floor by linear programming: how often each way is walked, which places of an article serve.

`bound_by_cuts` solves the relaxation with HiGHS (extra `bounds`) and adds, as long as the walked ways leave an article unreached, the cut
that says so: a set of nodes without the start is entered, or the article is taken outside it. What the duals prove is summed up again in
whole numbers here, so that this bound does not rest on the solver's arithmetic. If time is left, the same program is solved in whole
numbers, cuts added until the walk hangs together; what that proves rests on HiGHS.

Sources: M. Fischetti, J. Salazar González, P. Toth: A branch-and-cut algorithm for the symmetric generalized traveling salesman problem,
Operations Research 45(3), 1997; on sparse networks: A. Letchford, S. Nasiri, D. Theis, EJOR 228(1), 2013.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.kernels.flow import unreached
from floorwise.optimizer.layout import to_csr
from floorwise.optimizer.network import Network, network_of
from floorwise.optimizer.routing import Floor

MOST_NODES, MOST_CUTS, MOST_ROUNDS = 4_000, 6_000, 400
MOST_WAYS = 300  # to cover one article; beyond that each of its places is taken to be enough, which only loosens the bound
VIOLATION = 0.02  # what a cut must be short of
SCALE = 1 << 16  # duals are counted in this part of a millimetre
FINISH_S = 0.05  # the solver looks at its clock rarely
TOLERANCE = 1e-6  # of what the solver says without a proof in whole numbers


@dataclass(frozen=True)
class CutBound:
    """No choice costs less. `rows` are candidates in the order of a walk cheaper than any known before, if one was found on the way."""

    lower_bound_mm: int
    needs_solver: bool
    rows: tuple[int, ...] = ()


def has_solver() -> bool:
    return importlib.util.find_spec("highspy") is not None


def bound_by_cuts(
    floor: Floor, locations: np.ndarray, start: int, end: int, article: np.ndarray, units: np.ndarray, extra: np.ndarray,
    demand: np.ndarray, known_mm: int, deadline: float,
) -> CutBound:  # fmt: skip
    """Return what can be proven, or found below `known_mm`, before the deadline of patience.now; without the depots' approach.

    Candidate i is `locations[i]` and holds `units[i]` of article `article[i]`; stopping there costs `extra[i]`.
    """
    depots = (start,) if start == end else (start, end)
    network = network_of(floor, locations, depots)
    if network.nodes > MOST_NODES:
        return CutBound(0, False)
    first, last = int(network.node[0]), int(network.node[len(depots) - 1])
    program = Program(network, first, last, network.node[len(depots) :], article, units, extra, demand)
    proven = program.relax(known_mm, deadline)
    if proven >= known_mm or patience.now() + FINISH_S >= deadline:
        return CutBound(min(proven, known_mm), False)
    solved, value = program.finish(known_mm, deadline)
    rows = () if value is None or program.is_loose else walking_order(program, value)
    return CutBound(max(proven, solved), solved > proven, rows)


class Program:
    """One order on one network: columns are arcs, then ways to cover an article; rows are nodes, then articles, then cuts."""

    def __init__(
        self, network: Network, start: int, end: int, node: np.ndarray, article: np.ndarray, units: np.ndarray, extra: np.ndarray,
        demand: np.ndarray,
    ) -> None:  # fmt: skip
        import highspy  # the extra `bounds`

        self.network, self.start, self.node, self.article = network, start, node, article
        self.is_loose = False
        covers: list[tuple[int, tuple[int, ...]]] = []
        for a in range(len(demand)):
            mine = np.flatnonzero(article == a)
            found = least_covers(mine, units[mine], int(demand[a]))
            self.is_loose |= found is None
            covers += [(a, cover) for cover in (found or [(int(i),) for i in mine])]
        self.covers = [cover for _, cover in covers]
        self.of_article = np.array([a for a, _ in covers], np.int64)
        self.first_cover = np.searchsorted(self.of_article, np.arange(len(demand) + 1))
        self.member = np.zeros((len(covers), len(article)), np.bool_)
        for k, cover in enumerate(self.covers):
            self.member[k, list(cover)] = True
        self.cost = np.concatenate([network.length_mm, self.member @ extra]).astype(np.int64)
        self.balance = np.zeros(network.nodes, np.int64)
        self.balance[start] += 1
        self.balance[end] -= 1
        self.cuts: list[np.ndarray] = []  # columns of each, all with coefficient one: together at least one
        self.known: set[bytes] = set()
        self._join_sink()
        self._groups()
        arcs, columns, articles = network.arcs, len(self.cost), len(demand)
        self.highs = highspy.Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        right = np.concatenate([self.balance, np.ones(articles, np.int64)]).astype(np.float64)
        none = np.array([], np.int32), np.array([], np.float64)
        self.highs.addRows(len(right), right, right, 0, np.zeros(len(right), np.int32), *none)
        rows = np.concatenate([np.column_stack([network.tail, network.head]).ravel(), network.nodes + self.of_article])
        values = np.concatenate([np.tile([1.0, -1.0], arcs), np.ones(columns - arcs)])
        starts = np.concatenate([2 * np.arange(arcs), 2 * arcs + np.arange(columns - arcs)])
        upper = np.concatenate([np.full(arcs, highspy.kHighsInf), np.ones(columns - arcs)])
        starts, rows = starts.astype(np.int32), rows.astype(np.int32)
        self.highs.addCols(columns, self.cost.astype(np.float64), np.zeros(columns), upper, len(rows), starts, rows, values)

    def _join_sink(self) -> None:
        """Lay the edges of the network and one from each candidate to a sink, as `kernels.flow` wants them."""
        tail = np.concatenate([self.network.tail, self.node]).tolist()
        head = np.concatenate([self.network.head, np.full(len(self.node), self.network.nodes)]).tolist()
        both = [(u, v, 2 * e) for e, (u, v) in enumerate(zip(tail, head, strict=True))]
        self.first, goal, self.edge = to_csr([*both, *((v, u, e + 1) for u, v, e in both)], self.network.nodes + 1)
        self.goal = np.empty(len(goal), np.int64)
        self.goal[self.edge] = goal

    def _groups(self) -> None:
        """What must be reached: each article, and each place that serves an article only together with others."""
        shared = sorted({i for cover in self.covers if len(cover) > 1 for i in cover})
        articles = len(self.first_cover) - 1
        groups = [np.flatnonzero(self.article == a) for a in range(articles)] + [np.array([i]) for i in shared]
        self.group_article = np.array([*range(articles), *(int(self.article[i]) for i in shared)], np.int64)
        self.group_place = np.array([-1] * articles + shared, np.int64)
        self.group_first = np.cumsum([0, *(len(group) for group in groups)]).astype(np.int64)
        self.group_member = np.concatenate(groups).astype(np.int64)

    def relax(self, target: int, deadline: float) -> int:
        """Add cuts until nothing is violated, the bound reaches `target` or the time is over; return the proven bound."""
        best = 0
        for _ in range(MOST_ROUNDS):
            self.highs.setOptionValue("time_limit", self.highs.getRunTime() + max(deadline - patience.now(), FINISH_S))
            self.highs.run()
            solution = self.highs.getSolution()
            if not solution.dual_valid:
                break
            is_last = patience.now() > deadline or len(self.cuts) >= MOST_CUTS
            if is_last or self.highs.getInfo().objective_function_value >= target - 1:
                best = max(best, self.proven(np.array(solution.row_dual)))
                if is_last or best >= target:
                    break
            if not self.separate(np.array(solution.col_value)):
                best = max(best, self.proven(np.array(solution.row_dual)))
                break
        return best

    def separate(self, value: np.ndarray) -> int:
        """Add the cuts that `value` violates; return how many were new."""
        walked, taken = value[: self.network.arcs], value[self.network.arcs :]
        share = np.minimum(taken @ self.member, 1.0)
        need = np.where(self.group_place < 0, 1.0, share[self.group_place])
        side = np.zeros((2 * len(need), self.network.nodes), np.bool_)
        group = np.zeros(2 * len(need), np.int64)
        count = unreached(
            self.first, self.edge, self.goal, self.start, walked, share, need, self.group_first, self.group_member, VIOLATION, side, group
        )
        fresh = []
        for inside, a in zip(side[:count], self.group_article[group[:count]].tolist(), strict=True):
            columns = self.cut_columns(inside, a)
            key = columns.tobytes()
            if key not in self.known:
                self.known.add(key)
                fresh.append(columns)
        if fresh:
            self.cuts += fresh
            starts = np.cumsum([0, *(len(columns) for columns in fresh)])[:-1].astype(np.int32)
            index = np.concatenate(fresh).astype(np.int32)
            self.highs.addRows(len(fresh), np.ones(len(fresh)), np.full(len(fresh), np.inf), len(index), starts, index, np.ones(len(index)))
        return len(fresh)

    def cut_columns(self, inside: np.ndarray, a: int) -> np.ndarray:
        """Return the arcs into the set, and the ways to cover the article without it: a walk uses one of these at least."""
        arcs = np.flatnonzero(inside[self.network.head] & ~inside[self.network.tail])
        begin, end = self.first_cover[a], self.first_cover[a + 1]
        outside = begin + np.flatnonzero(~self.member[begin:end, inside[self.node]].any(axis=1))
        return np.concatenate([arcs, self.network.arcs + outside])

    def proven(self, dual: np.ndarray) -> int:
        """Return the bound that these duals prove, in whole numbers; an arc is walked at most once on the way from stop to stop."""
        price = np.rint(dual * SCALE).astype(np.int64)
        nodes, arcs, articles = self.network.nodes, self.network.arcs, len(self.first_cover) - 1
        at_node, of_article, of_cut = price[:nodes], price[nodes : nodes + articles], np.maximum(price[nodes + articles :], 0)
        total = int(at_node @ self.balance) + int(of_article.sum()) + int(of_cut.sum())
        left = self.cost * SCALE
        left[:arcs] += at_node[self.network.head] - at_node[self.network.tail]
        left[arcs:] -= of_article[self.of_article]
        for columns, worth in zip(self.cuts, of_cut.tolist(), strict=True):
            if worth:
                left[columns] -= worth
        total += int(np.minimum(left[:arcs], 0).sum()) * (len(self.article) + 1) + int(np.minimum(left[arcs:], 0).sum())
        return max(0, -(-total // SCALE))

    def finish(self, cutoff: int, deadline: float) -> tuple[int, np.ndarray | None]:
        """Solve in whole numbers what costs less than `cutoff`; return (bound, columns of a cheapest walk or None)."""
        import highspy

        columns = len(self.cost)
        whole = np.full(columns, highspy.HighsVarType.kInteger, dtype=np.uint8)
        self.highs.changeColsIntegrality(columns, np.arange(columns, dtype=np.int32), whole)
        self.highs.setOptionValue("mip_rel_gap", 0.0)
        self.highs.setOptionValue("mip_abs_gap", 0.5)
        self.highs.setOptionValue("objective_bound", float(cutoff) - 0.5)
        best = 0
        for _ in range(MOST_ROUNDS):
            left = deadline - patience.now()
            if left <= FINISH_S:
                break
            self.highs.setOptionValue("time_limit", self.highs.getRunTime() + left)
            self.highs.run()
            status, info = self.highs.getModelStatus(), self.highs.getInfo()
            if status == highspy.HighsModelStatus.kInfeasible:
                return cutoff, None
            if math.isfinite(info.mip_dual_bound):
                best = max(best, math.ceil(info.mip_dual_bound * (1 - TOLERANCE)))
            if best >= cutoff:
                return cutoff, None
            if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
                break
            value = np.rint(np.array(self.highs.getSolution().col_value))
            if not self.separate(value):
                return best, value
        return best, None


def least_covers(mine: np.ndarray, units: np.ndarray, demand: int) -> list[tuple[int, ...]] | None:
    """Return the sets of candidates that cover the demand and would not without any of them; None if there are too many."""
    order = np.argsort(-units, kind="stable")
    number, much = mine[order].tolist(), units[order].tolist()
    behind = np.cumsum(much[::-1])[::-1].tolist()
    found: list[tuple[int, ...]] = []

    def extend(at: int, taken: tuple[int, ...], missing: int) -> Iterator[None]:
        for k in range(at, len(number)):
            if behind[k] < missing:
                return
            yield
            # the last one taken holds least: if it is needed, all are
            if much[k] >= missing:
                found.append((*taken, number[k]))
            else:
                yield from extend(k + 1, (*taken, number[k]), missing - much[k])

    for step, _ in enumerate(extend(0, (), demand)):
        if step > 20 * MOST_WAYS or len(found) > MOST_WAYS:
            return None
    return found if len(found) <= MOST_WAYS else None


def walking_order(program: Program, value: np.ndarray) -> tuple[int, ...]:
    """Return the candidates that serve, as a walk over all arcs of `value` first meets them (Hierholzer); none if it hangs apart."""
    network = program.network
    ahead: dict[int, list[int]] = {}
    for e in np.flatnonzero(value[: network.arcs] > 0.5):
        ahead.setdefault(int(network.tail[e]), []).extend([int(network.head[e])] * int(value[e]))
    walk, stack = [], [program.start]
    while stack:
        if ahead.get(stack[-1]):
            stack.append(ahead[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    met: dict[int, int] = {}
    for at, node in enumerate(reversed(walk)):
        met.setdefault(node, at)
    chosen = {i for k in np.flatnonzero(value[network.arcs :] > 0.5) for i in program.covers[k]}
    if any(int(program.node[i]) not in met for i in chosen):
        return ()
    return tuple(sorted(chosen, key=lambda i: (met[int(program.node[i])], i)))
