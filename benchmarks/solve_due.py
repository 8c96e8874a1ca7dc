"""D1: batches to pickers with hard due times, 6–18 orders, beside the best plan of all.

best        from every split, assignment and sequence (`exact_due` without a limit of time); for the first `oracle` instances of each size
            found once more by HiGHS from an integer program (`_due_oracle`), which must agree
feasible    share of the instances with a plan in time for which the search found one
gap         of the search after `seconds` to the best plan: mean and largest
tight       the same with due times so near that the share told of all instances has no plan at all
yardstick   one batch an order, walked by due time: its total beside the best where it is in time
"""

import statistics
import time
from typing import Any

import _due_oracle
import numpy as np

from floorwise.optimizer import assignment
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import due_date_orders, instance_text

SIZES = (6, 9, 12, 15, 18)
CAPACITY, LINE_MS, SETUP_MS = 20, 6_000, 30_000
LOOSE_S, TIGHT_S = 4_000, 2_600  # the last due time
ORACLE_S, NO_LIMIT_S = 30.0, 120.0


def run(seconds: int = 2, instances: int = 4, oracle: int = 1, seed: int = 1) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio: mean gap of the search over the mean excess of one batch an order."""
    assignment.warm_up(due_problem(SIZES[0], seed, LOOSE_S))
    loose = [row(n, seed + k, LOOSE_S, seconds, k < oracle) for n in SIZES for k in range(instances)]
    tight = [row(n, seed + k, TIGHT_S, seconds, False) for n in SIZES for k in range(instances)]
    figures = {
        "seconds": seconds,
        **_told(loose),
        "tight": _told(tight),
        "by_size": {n: _told([r for r in loose if r["orders"] == n]) for n in SIZES},
    }
    excess = statistics.mean(r["excess_of_one_batch_an_order"] for r in loose)
    return {
        "name": "solve_due",
        "figures": figures,
        "yardstick": {"mean_excess_of_one_batch_an_order": excess},
        "ratio": figures["mean_gap"] / excess if figures["mean_gap"] is not None else None,
    }


def due_problem(orders: int, seed: int, horizon_s: int) -> assignment.DueProblem:
    made = due_date_orders(seed, orders, horizon_s)
    pickers = tuple(assignment.Picker(f"picker {n}", 0, 1_100 * horizon_s) for n in range(1 + orders // 6))
    problem = problem_of(hessler_irnich.parse(instance_text("due", made, CAPACITY)))
    work, due = tuple(LINE_MS * len(order.lines) for order in made), tuple(1_000 * order.due_s for order in made)
    return assignment.DueProblem(problem, due, work, ("",) * orders, pickers, SETUP_MS)


def row(orders: int, seed: int, horizon_s: int, seconds: float, is_asked_again: bool) -> dict[str, Any]:
    task = due_problem(orders, seed, horizon_s)
    out = assignment.infeasible_orders(task)
    search = assignment._Search(task, [n for n in range(orders) if n not in out], seed)
    best = search.prove(0.0, None, time.perf_counter)
    has_plan = best < assignment.INFINITE
    begun = time.perf_counter()
    try:
        plan = assignment.solve_due(task, seconds=seconds, seed=seed)
    except assignment.NothingInTime:
        plan = None
    took = time.perf_counter() - begun
    if plan is not None and (wrong := assignment.check_due(task, plan)):
        raise AssertionError("; ".join(wrong))
    told = _due_oracle.least_total(task, ORACLE_S) if is_asked_again and not out else None
    if told and told[1] and told[0] != best:
        raise AssertionError(f"HiGHS finds {told[0]}, all sets {best}")
    alone = sum(SETUP_MS + int(own) + task.time_ms(int(way)) for own, way in zip(search.own, _alone(search), strict=True))
    return {
        "orders": orders, "has_plan": has_plan, "found": plan is not None, "gap": plan.total_ms / best - 1 if plan and has_plan else None,
        "proven": bool(plan and plan.is_proven), "seconds": took, "agreed": bool(told and told[1]),
        "excess_of_one_batch_an_order": alone / best - 1 if has_plan else 0.0,
    }  # fmt: skip


def _alone(search: "assignment._Search") -> np.ndarray:
    return assignment.all_lengths(search.masks, search.problem.batching.floor.kernel)


def _told(rows: list[dict[str, Any]]) -> dict[str, Any]:
    gaps = [row["gap"] for row in rows if row["gap"] is not None]
    with_plan = [row for row in rows if row["has_plan"]]
    return {
        "instances": len(rows), "with_a_plan": len(with_plan),
        "feasible": sum(row["found"] for row in with_plan) / len(with_plan) if with_plan else None,
        "mean_gap": statistics.mean(gaps) if gaps else None, "max_gap": max(gaps, default=None),
        "proven": sum(row["proven"] for row in rows), "agreed_by_highs": sum(row["agreed"] for row in rows),
        "most_seconds": max(row["seconds"] for row in rows),
    }  # fmt: skip
