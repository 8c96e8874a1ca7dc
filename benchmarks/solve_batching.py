"""B1, J1, D1: batching beside its yardsticks on the same instances, in the same run.

    henn_waescher  gap of the plan at the time limit to the best known length of that seed (median of searches), and to the proven bound;
                   the yardsticks are one walk an order, and savings alone
    two_block      boxes in a two-block store: proven or not, gap to the own bound, seconds (`large_two_block`: 80 orders as well, with
                   60 seconds, and the first plan of 500)
    due_dates      orders with hard due times: late orders, total time beside one batch an order

Best known lengths and proven bounds are those of `batching_table.json`: the best that this code has found, see `batching_table.py`.
"""

import statistics
from contextlib import suppress
from typing import Any

from batching_table import CAPACITIES, DEMANDS, ORDERS, entries, instance

from floorwise.optimizer import assignment, batching, bounds
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import due_date_orders, instance_text, two_block_orders

SEARCH_SEEDS = 3  # searches of an instance: the median counts


def run(
    seconds: int = 1, seed: int = 1, one_block: int = 1, two_block: int = 3, large_two_block: int = 0, due_date: int = 3
) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio; `seconds` is the limit of each search."""
    figures: dict[str, Any] = {"seconds": seconds}
    yardstick: dict[str, Any] = {}
    chosen = [(demand, capacity) for demand in DEMANDS for capacity in CAPACITIES] if one_block else []
    rows = [henn_waescher_row(demand, capacity, seed, seconds) for demand, capacity in chosen]
    figures["henn_waescher"] = rows
    for name in ("gap_to_best_known", "gap_of_savings"):
        known = [row[name] for row in rows if row[name] is not None]
        target = figures if name == "gap_to_best_known" else yardstick
        target[f"median_{name}"] = statistics.median(known) if known else None
    if rows:
        yardstick["median_excess_of_one_walk_an_order"] = statistics.median(row["excess_of_one_walk_an_order"] for row in rows)
    if two_block:
        figures["two_block"] = [two_block_row(orders, seed + n) for n in range(two_block) for orders in (10, 20, 30)]
    if large_two_block:
        figures["two_block_80"] = [two_block_row(80, seed + n, 60.0) for n in range(large_two_block)]
        figures["two_block_500_first_plan"] = [first_plan_row(500, seed + n) for n in range(large_two_block)]
    if due_date:
        figures["due_dates"] = [due_date_row(orders, seed + n) for n in range(due_date) for orders in (6, 12, 18)]
    return {"name": "solve_batching", "figures": figures, "yardstick": yardstick, "ratio": _ratio(rows)}


def henn_waescher_row(demand: str, capacity: int, seed: int, seconds: float) -> dict[str, Any]:
    problem = instance(demand, capacity, seed)
    batching.warm_up(problem.layout)
    start = batching.solve(problem, steps=0)
    plans = sorted((batching.solve(problem, seconds=seconds, seed=seed + n) for n in range(SEARCH_SEEDS)), key=lambda plan: plan.length_mm)
    plan = plans[SEARCH_SEEDS // 2]
    alone = sum(batch.length_mm for batch in batching.walked(problem, [[n] for n in range(ORDERS)]))
    entry = next((e for e in entries() if (e["demand"], e["capacity"], e["seed"]) == (demand, capacity, seed)), {})
    best, proven = entry.get("best_mm"), entry.get("bound_mm")
    return {
        "demand": demand,
        "capacity": capacity,
        "length_mm": plan.length_mm,
        "lengths_mm": [one.length_mm for one in plans],
        "steps": plan.steps,
        "most_seconds": max(one.seconds for one in plans),
        "first_plan_s": plan.first_plan_seconds,
        "gap_to_best_known": plan.length_mm / best - 1 if best else None,
        "gap_to_proven_bound": plan.length_mm / proven - 1 if proven else None,
        "gap_of_savings": start.length_mm / best - 1 if best else None,
        "excess_of_one_walk_an_order": alone / plan.length_mm - 1,
    }


def two_block_problem(orders: int, seed: int) -> batching.Problem:
    text = instance_text("two-block", two_block_orders(seed, orders), 8, aisles=8, cells=44)
    return problem_of(hessler_irnich.parse(text), 2)


def two_block_row(orders: int, seed: int, seconds: float = 10.0) -> dict[str, Any]:
    problem = two_block_problem(orders, seed)
    bounds.warm_up(problem.layout)
    plan = bounds.solve_and_prove(problem, seconds, seed)
    told = {"length_mm": plan.length_mm, "first_plan_s": plan.first_plan_seconds, "seconds": plan.seconds}
    return {"orders": orders, "seed": seed, "proven": plan.is_proven, "gap": plan.gap, **told}


def first_plan_row(orders: int, seed: int) -> dict[str, Any]:
    problem = two_block_problem(orders, seed)
    batching.warm_up(problem.layout)
    plan = batching.solve(problem, seconds=1.0, seed=seed)
    return {"orders": orders, "first_plan_s": plan.first_plan_seconds, "seconds": plan.seconds, "length_mm": plan.length_mm}


def due_date_row(orders: int, seed: int) -> dict[str, Any]:
    made = due_date_orders(seed, orders, horizon_s=4_000)
    problem = problem_of(hessler_irnich.parse(instance_text("due", made, 20)))
    pickers = tuple(assignment.Picker(f"picker {n}", 0, 4_400_000) for n in range(1 + orders // 6))
    work = tuple(6_000 * len(order.lines) for order in made)
    due = tuple(order.due_s * 1_000 for order in made)
    task = assignment.DueProblem(problem, due, work, ("",) * orders, pickers, setup_ms=30_000)
    with suppress(assignment.NothingInTime):
        assignment.solve_due(task, steps=1)
    try:
        plan, long = assignment.solve_due(task, seconds=2.0, seed=seed), assignment.solve_due(task, seconds=6.0, seed=seed + 1)
    except assignment.NothingInTime as nothing:
        return {"orders": orders, "nothing_in_time": str(nothing)}
    return {
        "orders": orders,
        "infeasible": len(plan.infeasible),
        "late": len(assignment.check_due(task, plan)),
        "total_ms": plan.total_ms,
        "above_a_longer_search": plan.total_ms / min(plan.total_ms, long.total_ms) - 1 if plan.total_ms else 0.0,
        "seconds": plan.seconds,
    }


def _ratio(rows: list[dict[str, Any]]) -> float | None:
    """Gap of the search over the gap of savings alone, median."""
    pairs = [row["gap_to_best_known"] / row["gap_of_savings"] for row in rows if row["gap_of_savings"]]
    return statistics.median(pairs) if pairs else None
