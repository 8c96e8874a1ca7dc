"""B1, J1, D1: batching beside its yardsticks on the same instances, in the same run.

    henn_waescher  gap of the plan after each time limit to the best known length of that seed, and to the proven bound; the yardsticks are
                   one walk an order, and savings alone
    two_block      boxes in a two-block store: proven or not, gap to the own bound, seconds
    due_dates      orders with hard due times: late orders, total time beside one batch an order

`BEST_KNOWN_MM` are the shortest lengths this code has ever found for those seeds, and `PROVEN_MM` the bounds it has proven.
"""

import statistics
from contextlib import suppress
from typing import Any

from floorwise.optimizer import assignment, batching, bounds
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import CLASS_BASED, UNIFORM, due_date_orders, henn_waescher, instance_text, two_block_orders

CAPACITIES, DEMANDS, ORDERS = (30, 45, 60, 75), (UNIFORM, CLASS_BASED), 100
#            (demand, capacity, seed): shortest length known in mm
BEST_KNOWN_MM = {
    (UNIFORM, 30, 1): 22_002_000,
    (UNIFORM, 45, 1): 15_130_000,
    (UNIFORM, 60, 1): 11_792_000,
    (UNIFORM, 75, 1): 9_626_000,
    (CLASS_BASED, 30, 1): 15_788_000,
    (CLASS_BASED, 45, 1): 10_862_000,
    (CLASS_BASED, 60, 1): 8_503_000,
    (CLASS_BASED, 75, 1): 7_014_000,
}
#            (demand, capacity, seed): what column generation has proven in mm; the first two are optima
PROVEN_MM = {(UNIFORM, 30, 1): 22_002_000, (UNIFORM, 45, 1): 15_130_000, (UNIFORM, 60, 1): 11_717_000, (UNIFORM, 75, 1): 9_546_000}


def run(seconds: int = 1, seed: int = 1, two_block: int = 3, due_date: int = 3) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio; `seconds` is the limit of each search."""
    figures: dict[str, Any] = {"seconds": seconds}
    yardstick: dict[str, Any] = {}
    rows = [henn_waescher_row(demand, capacity, seed, seconds) for demand in DEMANDS for capacity in CAPACITIES]
    figures["henn_waescher"] = rows
    for name in ("gap_to_best_known", "gap_of_savings"):
        known = [row[name] for row in rows if row[name] is not None]
        target = figures if name == "gap_to_best_known" else yardstick
        target[f"median_{name}"] = statistics.median(known) if known else None
    yardstick["median_excess_of_one_walk_an_order"] = statistics.median(row["excess_of_one_walk_an_order"] for row in rows)
    if two_block:
        figures["two_block"] = [two_block_row(orders, seed + n) for n in range(two_block) for orders in (10, 20, 30)]
    if due_date:
        figures["due_dates"] = [due_date_row(orders, seed + n) for n in range(due_date) for orders in (6, 12, 18)]
    return {"name": "solve_batching", "figures": figures, "yardstick": yardstick, "ratio": _ratio(rows)}


def henn_waescher_row(demand: str, capacity: int, seed: int, seconds: float) -> dict[str, Any]:
    problem = problem_of(hessler_irnich.parse(henn_waescher(seed, ORDERS, capacity, demand)))
    batching.warm_up(problem.layout)
    start, plan = batching.solve(problem, steps=0), batching.solve(problem, seconds=seconds, seed=seed)
    alone = sum(batch.length_mm for batch in batching.walked(problem, [[n] for n in range(ORDERS)]))
    best, proven = (table.get((demand, capacity, seed)) for table in (BEST_KNOWN_MM, PROVEN_MM))
    return {
        "demand": demand,
        "capacity": capacity,
        "length_mm": plan.length_mm,
        "seconds": plan.seconds,
        "first_plan_s": plan.first_plan_seconds,
        "gap_to_best_known": plan.length_mm / best - 1 if best else None,
        "gap_to_proven_bound": plan.length_mm / proven - 1 if proven else None,
        "gap_of_savings": start.length_mm / best - 1 if best else None,
        "excess_of_one_walk_an_order": alone / plan.length_mm - 1,
    }


def two_block_row(orders: int, seed: int) -> dict[str, Any]:
    text = instance_text("two-block", two_block_orders(seed, orders), 8, aisles=8, cells=44)
    problem = problem_of(hessler_irnich.parse(text), 2)
    bounds.warm_up(problem.layout)
    plan = bounds.solve_and_prove(problem, 10.0, seed)
    return {"orders": orders, "length_mm": plan.length_mm, "proven": plan.is_proven, "gap": plan.gap, "seconds": plan.seconds}


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
