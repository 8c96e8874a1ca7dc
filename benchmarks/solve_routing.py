"""R1, R2: exact picker routing beside OR-Tools and PyVRP on the same tours, in the same run.

    kernel_us      one length, called from compiled code: 10 aisles, 30 picks, 1 to 4 blocks
    tours_ms       `tours` tours of 30 picks in two blocks, one Python call, walking orders included
    policy_excess  how much longer the habits of the floor are, one block

The yardsticks get the finished distance matrix and solve a few of the same tours; their gap is told against the exact length. Without
OR-Tools or PyVRP their rows are absent and `missing` says so (`uv pip install ortools pyvrp`).
"""

import importlib.util
import statistics
import time
from typing import Any

import numpy as np
from numba import njit

from floorwise.optimizer.kernels.block import block_length
from floorwise.optimizer.kernels.multiblock import multiblock_length
from floorwise.optimizer.kernels.states import OPTIONS, state_space
from floorwise.optimizer.layout import BlockLayout, Depot
from floorwise.optimizer.routing import POLICIES, policy_tour, shortest_tour, sweep_arrays

AISLES, CELLS, PICKS = 10, 45, 30
AISLE_MM, CELL_MM, END_MM = 5_000, 1_000, 1_500


def run(tours: int = 1_000, rounds: int = 5, yardstick_tours: int = 10, patient_tours: int = 2, seed: int = 1) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio; medians over `rounds`."""
    rng = np.random.default_rng(seed)
    floors = {blocks: floor(blocks) for blocks in (1, 2, 3, 4)}
    picks = rng.integers(0, AISLES * CELLS, (tours, PICKS))
    flat, first = picks.ravel().astype(np.int64), np.arange(tours + 1, dtype=np.int64) * PICKS
    figures: dict[str, Any] = {"kernel_us": {blocks: kernel_us(floors[blocks], picks[:20], rounds) for blocks in floors}}
    lengths, _ = sweep_arrays(floors[2], first, flat)
    figures["tours"] = tours
    figures["tours_ms"] = 1_000 * median_s(lambda: sweep_arrays(floors[2], first, flat), rounds)
    figures["policy_excess"] = {}
    for policy in POLICIES:
        walked = [policy_tour(floors[1], sorted(set(stops)), policy) for stops in picks[:100].tolist()]
        figures["policy_excess"][policy] = sum(t.length_mm for t in walked) / sum(t.lower_bound_mm for t in walked) - 1
    yardstick: dict[str, Any] = {}
    missing = [name for name in ("ortools", "pyvrp") if importlib.util.find_spec(name) is None]
    cases = [(floors[2].distances_mm(stops, (0,)), int(length)) for stops, length in zip(picks, lengths, strict=True)]
    if "ortools" not in missing:
        yardstick["ortools_default"] = judged(ortools_length, cases[:yardstick_tours], 0.0)
        yardstick["ortools_1s"] = judged(ortools_length, cases[:patient_tours], 1.0)
    if "pyvrp" not in missing:
        yardstick["pyvrp_1s"] = judged(pyvrp_length, cases[:patient_tours], 1.0)
    ratio = None
    if "ortools_default" in yardstick:
        ratio = figures["tours_ms"] / (yardstick["ortools_default"]["ms_a_tour"] * tours)
    return {"name": "solve_routing", "figures": figures, "yardstick": yardstick, "ratio": ratio, "missing": missing}


def floor(blocks: int) -> BlockLayout:
    """The Henn–Wäscher floor, cut into blocks by cross-aisles."""
    height = (CELLS - 1) * CELL_MM + 2 * END_MM
    place = np.tile(END_MM + CELL_MM * np.arange(CELLS), AISLES)
    lines = np.linspace(0, height, blocks + 1).astype(np.int64)
    return BlockLayout(AISLE_MM * np.arange(AISLES), lines, np.repeat(np.arange(AISLES), CELLS), place, (Depot("desk", 0, 0),))


@njit(nogil=True)
def _one_block(times, start, pos, x, height):
    total = 0
    for k in range(times):
        total += block_length(start, pos, x, height, k % len(x), 0)
    return total


@njit(nogil=True)
def _many_blocks(times, start, pos, line, closed, width, into, source, option, ends, costs, work):
    total = 0
    for k in range(times):
        total += multiblock_length(start, pos, line, closed, width, k % (len(start) - 1), 0, into, source, option, ends, costs, work)
    return total


def kernel_us(layout: BlockLayout, picks: np.ndarray, rounds: int) -> float:
    """Return the median microseconds of one exact length."""
    space = state_space(layout.blocks + 1)
    costs = np.empty((AISLES, layout.blocks, OPTIONS), np.int64)
    work = np.empty((2, space.states), np.int64)
    times = max(20, 200_000 // space.states**2)
    seen = []
    for stops in picks:
        ranked = layout.by_rank[np.sort(layout.rank[stops])]
        start = np.searchsorted(layout.location_aisle[ranked], np.arange(AISLES + 1)).astype(np.int64)
        pos = layout.location_mm[ranked]

        def once(start=start, pos=pos) -> None:
            if layout.blocks == 1:
                _one_block(times, start, pos, layout.aisle_x_mm, int(layout.line_mm[-1]))
            else:
                _many_blocks(
                    times, start, pos, layout.line_mm, layout.closed_mm, layout.width_mm,
                    space.into, space.source, space.option, space.closed, costs, work,
                )  # fmt: skip

        once()
        seen.append(1e6 * median_s(once, rounds) / times)
    return statistics.median(seen)


def median_s(work, rounds: int) -> float:
    seen = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        seen.append(time.perf_counter() - begun)
    return statistics.median(seen)


def judged(solver, cases: list[tuple[np.ndarray, int]], seconds: float) -> dict[str, float]:
    """Return milliseconds a tour (median) and the mean gap to the exact lengths."""
    took, gaps = [], []
    for matrix, exact in cases:
        begun = time.perf_counter()
        length = solver(matrix, seconds)
        took.append(time.perf_counter() - begun)
        gaps.append(length / exact - 1)
    return {"tours": len(cases), "ms_a_tour": 1_000 * statistics.median(took), "mean_gap": statistics.mean(gaps)}


def ortools_length(matrix: np.ndarray, seconds: float) -> int:
    """First solution by cheapest arc, then guided local search for `seconds` (0: the library's default search)."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    manager = pywrapcp.RoutingIndexManager(len(matrix), 1, 0)
    model = pywrapcp.RoutingModel(manager)
    rows = matrix.tolist()
    way = model.RegisterTransitCallback(lambda a, b: rows[manager.IndexToNode(a)][manager.IndexToNode(b)])
    model.SetArcCostEvaluatorOfAllVehicles(way)
    words = pywrapcp.DefaultRoutingSearchParameters()
    if seconds:
        words.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC
        words.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        words.time_limit.FromMilliseconds(round(1_000 * seconds))
    return model.SolveWithParameters(words).ObjectiveValue()


def pyvrp_length(matrix: np.ndarray, seconds: float) -> int:
    from pyvrp import Model
    from pyvrp.stop import MaxRuntime

    model = Model()
    places = [model.add_location(k, 0) for k in range(len(matrix))]
    depot = model.add_depot(places[0])
    for place in places[1:]:
        model.add_client(place)
    model.add_vehicle_type(1, start_depot=depot, end_depot=depot)
    for a, here in enumerate(places):
        for b, there in enumerate(places):
            if a != b:
                model.add_edge(here, there, distance=int(matrix[a, b]))
    return int(model.solve(MaxRuntime(seconds), display=False, collect_stats=False).cost())


if __name__ == "__main__":
    shortest_tour(floor(1), [0])
    print(run())
