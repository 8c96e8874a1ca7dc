"""Asks the planner for tours of the parts that wait, and releases them."""

from collections.abc import Callable

from floorwise.core.errors import StalePlan
from floorwise.core.flow import asking
from floorwise.core.flow.touring import FallBack, ReleaseTours
from floorwise.core.model.planning import Plan
from floorwise.core.model.work import Part
from floorwise.core.ports import Planner
from floorwise.core.warehouse import Warehouse
from floorwise.core.workers import rushing

KINDS = ("bulk", "cart")
MOST_TRIES = 3  # plans made anew because stock changed under them


def step(
    warehouse: Warehouse,
    planner: Planner,
    site: str,
    now_ms: int,
    limit: int,
    seed: int = 0,
    effort: int = 0,
    stopwatch_ms: Callable[[], int] = lambda: 0,
) -> list[Plan]:
    """Plan up to `limit` waiting parts of each kind, all of one owner, and release the tours; give the plans that were released.

    First, parts whose truck leaves soon join walks under way where these have room.

    A part that the planner leaves out, and stock changes that outrun it, end at the S-shape fall-back: nothing waits for ever.
    `stopwatch_ms` is wall time for the journal; a twin has none, or its head would not repeat.
    """
    released = []
    rushing.step(warehouse, site, now_ms, limit)
    for kind in KINDS:
        for _ in range(MOST_TRIES):
            parts = warehouse.ledger.find(Part, "by_state", site, "waiting", kind, limit=limit)
            if not parts:
                break
            parts = [part for part in parts if part.owner == parts[0].owner]
            began_ms = stopwatch_ms()
            plan = planner.plan(asking.request(warehouse.ledger, site, parts, now_ms, seed=seed, effort=effort))
            try:
                warehouse.execute(ReleaseTours(plan, now_ms, stopwatch_ms() - began_ms))
            except StalePlan:
                continue
            released.append(plan)
            if plan.unplanned:
                warehouse.execute(FallBack(tuple(left.part for left in plan.unplanned), "left out by the planner"))
            break
    return released
