"""Makes the table of best known plans and proven bounds for the repository's own Henn–Wäscher instances (`batching_table.json`).

Each seeded instance is searched and bounded for about `seconds`; what is better than the table's entry takes its place, nothing gets worse.
An entry holds the plan (groups of order numbers) and the prices, fines and batch price that prove the bound without a solver
(`optimizer.check_batching.check_bound`). `solver_bound_mm` is higher where the integer program closed the rest; that part rests on HiGHS.
"""

import json
import time
from pathlib import Path
from typing import Any

from floorwise.optimizer import batching, bounds
from floorwise.optimizer.batching import Problem
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import CLASS_BASED, UNIFORM, henn_waescher

TABLE = Path(__file__).with_name("batching_table.json")
CAPACITIES, DEMANDS, ORDERS = (30, 45, 60, 75), (UNIFORM, CLASS_BASED), 100
SEARCH_SHARE = 0.35


def entries() -> list[dict[str, Any]]:
    """Return the table's entries, each with demand, capacity and seed of its instance."""
    return json.loads(TABLE.read_text()) if TABLE.exists() else []


def instance(demand: str, capacity: int, seed: int) -> Problem:
    return problem_of(hessler_irnich.parse(henn_waescher(seed, ORDERS, capacity, demand)))


def run(seconds: int = 120, demand: str = "", capacity: int = 0, seed: int = 1, search_seed: int = 7) -> dict[str, Any]:
    """Return name and figures; `demand` and `capacity` choose instances of `seed`, without them all eight are done."""
    table = {(entry["demand"], entry["capacity"], entry["seed"]): entry for entry in entries()}
    figures = []
    for one in [demand] if demand else DEMANDS:
        for limit in [capacity] if capacity else CAPACITIES:
            begun = time.perf_counter()
            key = (one, limit, seed)
            entry = table[key] = improved(instance(*key), table.get(key) or dict(zip(("demand", "capacity", "seed"), key, strict=True)),
                                          seconds, search_seed)  # fmt: skip
            TABLE.write_text(_text([table[k] for k in sorted(table)]))
            told = {k: entry[k] for k in ("demand", "capacity", "seed", "best_mm", "bound_mm", "solver_bound_mm")}
            gap = entry["best_mm"] / entry["bound_mm"] - 1
            figures.append({**told, "gap": gap, "seconds": time.perf_counter() - begun})
    return {"name": "batching_table", "figures": {"instances": figures}, "yardstick": None, "ratio": None}


def improved(problem: Problem, entry: dict[str, Any], seconds: float, seed: int) -> dict[str, Any]:
    """Return the entry with a shorter plan and a higher bound where they were found in about `seconds`."""
    bounds.warm_up(problem.layout)
    plan = batching.solve(problem, seconds=SEARCH_SHARE * seconds, seed=seed, lower_bound_mm=entry.get("bound_mm", 0))
    if plan.length_mm > entry.get("best_mm", plan.length_mm):
        known = batching.walked(problem, entry["groups"])
        plan = batching.BatchPlan(known, entry["best_mm"], plan.lower_bound_mm, (), 0, 0.0, 0.0, "from the table")
    found = bounds.column_bound(problem, plan, (1.0 - SEARCH_SHARE) * seconds, seed)
    best = bounds.planned_by(problem, found, plan)
    entry |= {"best_mm": best.length_mm, "groups": [list(batch.orders) for batch in best.batches]}
    if found.price_bound_mm > entry.get("bound_mm", -1):
        prices = list(found.prices_mm)
        fines = [[*rows, fine] for rows, fine in found.cuts]
        entry |= {"bound_mm": found.price_bound_mm, "prices_mm": prices, "fines": fines, "batch_price_mm": found.batch_price_mm}
    entry["solver_bound_mm"] = max(entry.get("solver_bound_mm", 0), found.lower_bound_mm)
    return entry


def _text(table: list[dict[str, Any]]) -> str:
    """JSON with one line for each value of an entry, so that a change can be read."""
    rows = [",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items()) for entry in table]
    return "[\n" + ",\n".join(f" {{\n{row}\n }}" for row in rows) + "\n]\n"
