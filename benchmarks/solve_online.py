"""O1: orders that arrive while picking goes on: re-optimising with changes to begun walks beside FIFO + S-shape, in the same run.

    ratio_to_fifo     makespan and turnover (mean time from arrival to home) of the same arrivals, pickers and carts
    tiny_…_excess     one picker, few orders: above the complete-information optimum (one for each) of walks that do not change under way;
                      below 0 where joining a begun walk beats it; also with as many changes as a cart holds (`…_whole_cart`)
    changed           most stops that changed in any begun walk, never above the limit
"""

import random
import statistics
from typing import Any

from floorwise.optimizer import batching
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.batching import problem_of
from floorwise.optimizer.generators import henn_waescher_orders, instance_text
from floorwise.optimizer.online_replay import FIFO_S_SHAPE, RE_OPTIMISE, best_makespan, best_turnover, replay

CAPACITY, FEWEST, MOST = 12, 1, 6
SETUP_MS = 10_000


def run(
    orders: int = 40, days: int = 5, tiny: int = 60, tiny_orders: int = 5, pickers: int = 2, gap_s: int = 60, most_changed: int = 4,
    seed: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Return name, figures, yardstick and ratio; `gap_s` is the mean time between arrivals."""
    figures: dict[str, Any] = {"most_changed": most_changed}
    yardstick: dict[str, Any] = {}
    days_of = [day(seed + n, orders, gap_s) for n in range(days)]
    for plan, target in ((RE_OPTIMISE, figures), (FIFO_S_SHAPE, yardstick)):
        outcomes = [replay(problem, come, plan, pickers, 1_000, SETUP_MS, most_changed) for problem, come in days_of]
        target["makespan_s"] = [round(outcome.makespan_ms / 1_000) for outcome in outcomes]
        target["turnover_s"] = [round(outcome.turnover_ms / 1_000) for outcome in outcomes]
        target["changed"] = max(outcome.most_changed for outcome in outcomes)
    ratios = {
        name: statistics.median(a / b for a, b in zip(figures[name], yardstick[name], strict=True)) for name in ("makespan_s", "turnover_s")
    }
    figures["ratio_to_fifo"] = ratios
    if tiny:
        ways = {
            "": (figures, RE_OPTIMISE, most_changed),
            "_whole_cart": (figures, RE_OPTIMISE, CAPACITY),
            "fifo": (yardstick, FIFO_S_SHAPE, 0),
        }
        makespan, turnover = ({way: [] for way in ways} for _ in range(2))
        for n in range(tiny):
            problem, come = day(seed + 1_000 + n, tiny_orders, gap_s)
            soonest, least = best_makespan(problem, come, 1_000, SETUP_MS), best_turnover(problem, come, 1_000, SETUP_MS)
            for way, (_, plan, changes) in ways.items():
                outcome = replay(problem, come, plan, 1, 1_000, SETUP_MS, changes)
                makespan[way].append(outcome.makespan_ms / soonest - 1)
                turnover[way].append(outcome.turnover_ms / least - 1)
        for way, (target, _, _) in ways.items():
            name = way.removeprefix("fifo")
            target[f"tiny_makespan_excess{name}"], target[f"tiny_turnover_excess{name}"] = _spread(makespan[way]), _spread(turnover[way])
    return {"name": "solve_online", "figures": figures, "yardstick": yardstick, "ratio": ratios["turnover_s"]}


def _spread(found: list[float]) -> dict[str, float]:
    return {"mean": statistics.mean(found), "median": statistics.median(found), "max": max(found), "min": min(found)}


def day(seed: int, orders: int, gap_s: int) -> tuple[batching.Problem, list[int]]:
    """Return orders of the Henn–Wäscher floor and when they come: exponential gaps."""
    made = henn_waescher_orders(seed, orders, fewest=FEWEST, most=MOST)
    rng, now, come = random.Random(f"arrivals {seed} {gap_s}"), 0.0, []
    for _ in made:
        now += rng.expovariate(1 / gap_s)
        come.append(round(now * 1_000))
    return problem_of(hessler_irnich.parse(instance_text("online", made, CAPACITY))), come
