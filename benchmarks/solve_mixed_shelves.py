"""Z1: order selection, copies, batches and picklists of Zalando folders beside DGA, the paper's greedy, in the same run.

    dga                  items and length of DGA that fills whole batches (it picks more than is asked); the yardstick of all ratios
    dga_stops_at_goal    the same steps, ended inside a batch as soon as the goal is met
    at_goal              for each time limit of `seconds`: items, length, an item, `of_total` = length / DGA's, `of_an_item` likewise
    at_dga_items         the search asked for as many items as DGA picks, `seconds_at_dga` long
    lower_bound          length that no plan at the goal can beat (`zalando.lower_bound`)
"""

import statistics
from pathlib import Path
from typing import Any

import _distance_greedy as greedy

from floorwise.optimizer import zalando
from floorwise.optimizer.formats import zalando as folder


def run(folders: str = "", seconds: str = "1,10", seconds_at_dga: int = 2, rounds: int = 3, seed: int = 1) -> dict[str, Any]:
    """Return name, figures, yardstick and ratio of the folders named (`a,b`); medians of `rounds` seeds, each folder by itself."""
    if not folders:
        raise SystemExit("solve_mixed_shelves needs --option folders=FOLDER,FOLDER,…")
    zalando.warm_up()
    figures: dict[str, Any] = {}
    yardstick: dict[str, Any] = {}
    for path in folders.split(","):
        store = folder.read(Path(path))
        dga, stopping = greedy.solve(store), greedy.solve(store, whole_batches=False)
        yardstick[store.name] = {"dga": _told(store, dga), "dga_stops_at_goal": _told(store, stopping)}
        figures[store.name] = {
            "asked": store.items_asked,
            "lower_bound": zalando.lower_bound(store),
            "at_goal": {limit: _median(store, dga, float(limit), None, rounds, seed) for limit in str(seconds).split(",")},
        }
        if seconds_at_dga:
            figures[store.name]["at_dga_items"] = _median(store, dga, seconds_at_dga, dga.items, rounds, seed)
    limit = str(seconds).split(",")[0]
    ratio = statistics.median(row["at_goal"][limit]["of_an_item"] for row in figures.values())
    return {"name": "solve_mixed_shelves", "figures": figures, "yardstick": yardstick, "ratio": ratio}


def _median(store, dga, seconds: float, asked: int | None, rounds: int, seed: int) -> dict[str, Any]:
    """Return the plan of median length, over seeds."""
    plans = sorted((zalando.solve(store, seconds, seed=seed + n, items_asked=asked) for n in range(rounds)), key=lambda plan: plan.length)
    told = _told(store, plans[(len(plans) - 1) // 2], asked)
    return told | {
        "of_total": told["length"] / dga.length,
        "of_an_item": told["length_an_item"] / dga.length_an_item,
        "worst": plans[-1].length,
        "first_plan_s": max(plan.first_plan_seconds for plan in plans),
    }


def _told(store, plan, asked: int | None = None) -> dict[str, Any]:
    wrong = len(zalando.check_plan(store, plan, asked))
    return {"items": plan.items, "length": plan.length, "length_an_item": plan.length_an_item, "wrong": wrong, "seconds": plan.seconds}
