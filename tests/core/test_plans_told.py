"""The journal tells every plan: what it costs, what no plan can beat, what it left out, and why it is a fall-back."""

from floorwise.core.model.planning import Plan, PlanRequest, Unplanned
from floorwise.core.model.s_shape import s_shape_plan
from floorwise.core.workers import planning, timers


class Careful:
    """Walks an S and knows that half of it could not be saved; leaves out the parts it is told to."""

    def __init__(self, *left_out: str) -> None:
        self._left_out = left_out

    def plan(self, request: PlanRequest) -> Plan:
        plan = s_shape_plan(request._replace(parts=tuple(p for p in request.parts if p.part not in self._left_out)))
        unplanned = tuple(Unplanned(name, "cart: units 5 > 4") for name in self._left_out)
        return plan._replace(planner="careful", lower_bound_mm=plan.length_mm // 2, unplanned=unplanned)


def waiting(floor, *references: str) -> None:
    floor.stock("MUG", 40, "A00-4")
    for reference in references:
        floor.order(reference, ("MUG", 4))
    floor.release()


def test_a_plan_tells_cost_bound_parts_and_wall_time(floor):
    waiting(floor, "R1", "R2")
    ticks = iter((1_000, 1_030))
    planning.step(floor.warehouse, Careful(), "main", floor.clock.now_ms(), 500, stopwatch_ms=lambda: next(ticks))
    (told,) = floor.told("ToursReleased")
    # A00-4 is 4 m up the first aisle: each of two walks is 8 m.
    assert told == {
        "planner": "careful", "length_mm": 16_000, "lower_bound_mm": 8_000, "tours": ["T00000001", "T00000002"], "planned": 2,
        "unplanned": [], "took_ms": 30, "cause": "",
    }  # fmt: skip


def test_without_a_stopwatch_the_wall_stays_out_of_the_journal(floor):
    waiting(floor, "R1")
    planning.step(floor.warehouse, Careful(), "main", floor.clock.now_ms(), 500)
    assert floor.told("ToursReleased")[0]["took_ms"] == 0


def test_what_the_planner_leaves_out_is_told_with_its_reason_and_falls_back(floor):
    waiting(floor, "R1", "R2")
    planning.step(floor.warehouse, Careful("O00000002.1"), "main", floor.clock.now_ms(), 500)
    first, second = floor.told("ToursReleased")
    assert (first["planned"], first["unplanned"]) == (1, [["O00000002.1", "cart: units 5 > 4"]])
    assert (second["planner"], second["planned"], second["lower_bound_mm"], second["cause"]) == ("s-shape", 1, 0, "left out by the planner")


def test_a_part_that_nobody_planned_in_time_says_so(floor):
    waiting(floor, "R1")
    floor.clock.set(floor.clock.now_ms() + 5 * 60_000)
    timers.step(floor.warehouse, floor.clock.now_ms(), 10)
    (told,) = floor.told("ToursReleased")
    assert (told["planner"], told["cause"]) == ("s-shape", "no plan in time")
