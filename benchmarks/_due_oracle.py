"""The best plan with hard due times as an integer program for HiGHS: a yardstick that shares no code with the search but the floor.

A column is a batch that fits a cart with a picker who may pick it. Each order is in one; and as one picker's batches are in time in some
sequence only if they are by due time (Jackson 1955), for each picker and due time what is due by then takes no longer than there is.
Walks are measured by the aisle sweep of `routing`, where the search measures masks.
"""

from itertools import combinations

import numpy as np

from floorwise.optimizer.assignment import DueProblem
from floorwise.optimizer.routing import shortest_tours

MOST_COLUMNS = 200_000


def least_total(problem: DueProblem, seconds: float) -> tuple[int, bool] | None:
    """Return (total ms of the best plan found, proven); None if there is no plan or none was found in the time."""
    import highspy  # the extra `bounds`

    orders, capacity = problem.batching.orders, problem.batching.capacity
    groups: list[tuple[int, ...]] = []
    for size in range(1, len(orders) + 1):
        fits = [
            group
            for group in combinations(range(len(orders)), size)
            if all(sum(orders[n].load[r] for n in group) <= limit for r, limit in enumerate(capacity))
        ]
        if not fits:
            break
        groups += fits
    sets = [sorted({location for n in group for location in orders[n].locations}) for group in groups]
    walks = [tour.length_mm for tour in shortest_tours(problem.batching.layout, sets, problem.batching.start)]
    takes = [
        problem.setup_ms + sum(problem.work_ms[n] for n in group) + problem.time_ms(walk) for group, walk in zip(groups, walks, strict=True)
    ]
    due = [min(problem.due_ms[n] for n in group) for group in groups]
    columns = [(k, p) for k, group in enumerate(groups) for p in range(len(problem.pickers)) if all(problem.may(n, p) for n in group)]
    if len(columns) > MOST_COLUMNS:
        raise ValueError(f"{len(columns)} batches with pickers: at most {MOST_COLUMNS} are tried")
    limits = [
        (p, when, min(when, picker.end_ms) - picker.begin_ms)
        for p, picker in enumerate(problem.pickers)
        for when in sorted({*problem.due_ms, picker.end_ms})
    ]
    highs = highspy.Highs()
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("time_limit", float(seconds)),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.5),
    ):
        highs.setOptionValue(option, value)
    n, rows = len(orders), len(limits)
    none, nothing = np.array([], np.int32), np.array([], np.float64)
    highs.addRows(n, np.ones(n), np.ones(n), 0, np.zeros(n, np.int32), none, nothing)
    highs.addRows(
        rows, np.full(rows, -np.inf), np.array([room for *_, room in limits], np.float64), 0, np.zeros(rows, np.int32), none, nothing
    )
    starts, index, value = [], [], []
    for k, p in columns:
        starts.append(len(index))
        index += groups[k]
        value += [1.0] * len(groups[k])
        held = [row for row, (picker, when, _) in enumerate(limits) if picker == p and due[k] <= when]
        index += [n + row for row in held]
        value += [float(takes[k])] * len(held)
    cost = np.array([takes[k] for k, _ in columns], np.float64)
    m = len(columns)
    highs.addCols(m, cost, np.zeros(m), np.ones(m), len(index), np.array(starts, np.int32), np.array(index, np.int32), np.array(value))
    highs.changeColsIntegrality(m, np.arange(m, dtype=np.int32), np.full(m, highspy.HighsVarType.kInteger))
    highs.run()
    status = highs.getModelStatus()
    if (
        status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit)
        or highs.getInfo().primal_solution_status != 2
    ):
        return None
    return round(highs.getInfo().objective_function_value), status == highspy.HighsModelStatus.kOptimal
