"""From an instance file to an answer: reads the format, picks the solver, re-checks what it says.

`solve_file(path, …)` is the whole of `floorwise solve` without the terminal. A format is one entry in SOLVERS: a function
(path, blocks, Clock, seed) -> Answer in a module that is imported only when a file of that format comes.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.check import check_choice, check_takes, check_tour
from floorwise.optimizer.formats import detect, floorwise_json, hessler_irnich
from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.in_turn import Chosen, Shelves, choose_in_turn, least_alone_mm
from floorwise.optimizer.location import Choice, NotEnoughStock, Offer, choose, warm_up, warm_up_aisles
from floorwise.optimizer.routing import Floor, Tour, can_sweep

AUTO = "auto"
MOST_REHEARSED = 20  # orders whose locations are chosen once to see what has to be compiled
CHOICE_SHARE = 0.5  # of the time: for locations, where there are several orders
RECHOICE_SHARE = 0.2  # of the time left for batching: kept for choosing locations once more
BOUND_SHARE = 0.1  # of the time: for what each order needs alone
SOLVERS = {
    detect.HESSLER_IRNICH: "floorwise.optimizer.solving:solve_hessler_irnich",
    detect.FLOORWISE: "floorwise.optimizer.solving:solve_floorwise",
    detect.ZALANDO: "floorwise.optimizer.solving:solve_zalando",
}


class NoPlan(ValueError):
    """The instance is well formed and has no feasible plan; the message names the constraint that fails."""


@dataclass(frozen=True)
class Walk:
    """One tour: orders and stops as 0-based numbers of the file, stops in walking order; length in the file's unit."""

    orders: tuple[int, ...]
    stops: tuple[int, ...]
    length: float


@dataclass(frozen=True)
class Shift:
    """Who walks a tour, from when to when."""

    picker: str
    begin_ms: int
    end_ms: int
    lost_ms: int = 0


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found. `wrong` lists what the independent check objects to; empty for every answer that may be trusted."""

    objective: float
    lower_bound: float
    proven: bool
    tours: tuple[Walk, ...]
    method: str
    unit: str
    wrong: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    seconds: float = 0.0
    outside_s: float = 0.0  # loading kernels before, checking after: not part of `seconds`
    floor: Floor | None = None
    drawn: tuple[Tour, ...] = field(default=())
    schedule: tuple[Shift, ...] = ()  # who walks tour k, and when; empty where nobody asked
    order_names: Sequence[str] = ()  # as the file names order n; empty where it does not name orders
    stop_name: Callable[[int], str] = str  # as the file names stop n

    @property
    def gap(self) -> float:
        return (self.objective - self.lower_bound) / self.lower_bound if self.lower_bound else 0.0


LOADING, SEARCHING = "loading", "searching"


class Clock:
    """The time a solver has. It stands still while kernels are loaded, as they are at hand in a running service.

    `told` hears LOADING before kernels are loaded (milliseconds, or once on a machine tens of seconds of compiling) and SEARCHING after.
    """

    def __init__(self, seconds: float, told: Callable[[str], None]) -> None:
        self.begun, self.loading_s, self.seconds, self._told = time.perf_counter(), 0.0, seconds, told

    @property
    def deadline(self) -> float:
        """When to stop, as time.perf_counter tells it."""
        return self.begun + self.loading_s + self.seconds

    @property
    def left_s(self) -> float:
        return max(self.deadline - patience.now(), 0.0)

    def load(self, *kernels: Callable[[], object]) -> None:
        """Call what loads the kernels that the problem at hand needs, and no others."""
        begun = time.perf_counter()
        self._told(LOADING)
        for kernel in kernels:
            kernel()
        self.loading_s += time.perf_counter() - begun
        self._told(SEARCHING)


def solve_file(
    path: str | Path, format_name: str = AUTO, blocks: int = 1, seconds: float = 10.0, seed: int = 0,
    told: Callable[[str], None] = lambda phase: None,
) -> Answer:  # fmt: skip
    """Solve the instance; FormatError and LayoutError for bad input, NoPlan where nothing is feasible. `told`: see `Clock`."""
    name = detect.detect(path) if format_name == AUTO else format_name
    if name not in SOLVERS:
        raise FormatError(f"format {name!r} is none of {', '.join(SOLVERS)}")
    module, _, function = SOLVERS[name].partition(":")
    solver: Callable[[Path, int, Clock, int], Answer] = getattr(importlib.import_module(module), function)
    clock = Clock(seconds, told)
    answer = solver(Path(path), blocks, clock, seed)
    return replace(answer, seconds=time.perf_counter() - clock.begun - clock.loading_s - answer.outside_s)


def solve_hessler_irnich(path: Path, blocks: int, clock: Clock, seed: int) -> Answer:
    """Routing, scattered storage or batching, as the file has it; lengths in units of the file."""
    instance = hessler_irnich.read(path)
    unit = hessler_irnich.UNIT_MM
    if instance.is_batching:
        from floorwise.optimizer.bounds import warm_up as load_batching
        from floorwise.optimizer.formats.batching import problem_of

        problem = problem_of(instance, blocks)
        clock.load(lambda: load_batching(problem.layout, problem.start))
        return replace(_batched(problem, clock.deadline, seed, unit, "units of the file"), stop_name=_row_of(instance))
    floor = instance.layout(blocks)
    rows = zip(instance.position_article.tolist(), instance.position_quantity.tolist(), strict=True)
    offers = [Offer(row, article, units) for row, (article, units) in enumerate(rows)]
    demand = _demand(instance.orders[0].lines)
    picker = floorwise_json.Picker("picker", 1, {})
    clock.load(lambda: _load_choice(floor, offers, [("0", demand)], picker, 0))
    choice, wrong = _chosen(floor, offers, demand, picker, clock.deadline, seed, 0, "0")
    walk = Walk((0,), _rows(choice, offers), choice.tour.length_mm / unit)
    method = f"{choice.method}, {choice.tour.method}"
    return Answer(
        choice.cost_mm / unit, choice.lower_bound_mm / unit, choice.is_exact, (walk,), method, "units of the file", tuple(wrong),
        floor=floor, drawn=(choice.tour,), stop_name=_row_of(instance),
    )  # fmt: skip


def _row_of(instance) -> Callable[[int], str]:
    """Name a position, which the format only numbers, by where it lies."""
    return lambda row: f"{row} (aisle {instance.position_aisle[row]}, cell {instance.position_cell[row]})"


def solve_floorwise(path: Path, blocks: int, clock: Clock, seed: int) -> Answer:
    """Orders of a floorwise JSON: locations chosen order by order, then orders batched where a picker carries several."""
    task = floorwise_json.read(path)
    names = {"order_names": tuple(order.name for order in task.orders), "stop_name": task.floor.location_name}
    if _needs_schedule(task):
        from floorwise.optimizer.scheduling import load, solve_schedule

        clock.load(warm_up, lambda: load(task, seed, clock.seconds))
        return replace(solve_schedule(task, clock.deadline, seed), **names)
    return replace(_without_schedule(task, clock, seed), **names)


def _without_schedule(task: floorwise_json.Task, clock: Clock, seed: int) -> Answer:
    picker = task.pickers[0] if task.pickers else floorwise_json.Picker("anyone", 1, {"orders": 1})
    speed = task.speed_mm_s if task.objective == floorwise_json.TIME else 0
    is_plain = can_sweep(task.floor) and picker.start == picker.end
    is_batched = len(task.orders) > 1 and picker.capacity.get("orders") != 1 and is_plain
    clock.load(lambda: _load_choice(task.floor, task.offers, [(order.name, _demand(order.lines)) for order in task.orders], picker, speed))
    if is_batched:
        from floorwise.optimizer.bounds import warm_up as load_batching

        clock.load(lambda: load_batching(task.floor, picker.start))
    deadline, begun = clock.deadline, patience.now()
    left = max(0.0, deadline - begun)
    chosen = choose_for(task, picker, speed, begun + left * (CHOICE_SHARE if len(task.orders) > 1 else 1.0), seed)
    choices = [one.choice for one in chosen]
    if not is_batched:
        plan = Answer(
            sum(c.cost_mm for c in choices), 0, False, tuple(Walk((n,), c.tour.stops, c.tour.length_mm) for n, c in enumerate(choices)),
            choices[0].method, "mm", floor=task.floor, drawn=tuple(c.tour for c in choices),
        )  # fmt: skip
        bound = sum([c.lower_bound_mm for c in choices] if len(choices) == 1 else _alone(task, picker, speed, deadline))
    else:
        problem = _problem(task, picker, choices, speed)
        has_alternatives = len({offer.article for offer in task.offers}) < len(task.offers)
        bound_s = BOUND_SHARE * left if has_alternatives else 0.0
        again_s = RECHOICE_SHARE * max(0.0, deadline - patience.now()) if has_alternatives else 0.0
        plan = _batched(problem, deadline - bound_s - again_s, seed, 1, "mm")
        plan = _chosen_again(task, picker, choices, plan, speed, problem, deadline - bound_s, seed)
        bound = _joint_bound(task, picker, problem, deadline + plan.outside_s) if has_alternatives else plan.lower_bound
    checking = time.perf_counter()
    wrong = check_chosen(task, chosen, speed)
    plan = replace(plan, outside_s=plan.outside_s + time.perf_counter() - checking)
    plan = replace(plan, lower_bound=min(bound, plan.objective), wrong=(*wrong, *plan.wrong))
    if speed:
        plan = _in_time(task, plan, speed, is_batched)
    return replace(plan, proven=plan.objective == plan.lower_bound)


def _needs_schedule(task: floorwise_json.Task) -> bool:
    """Is there more to it than batches of one kind of cart?"""
    several = len(task.orders) > 1 and any(picker.capacity.get("orders") != 1 for picker in task.pickers)
    return (
        task.objective in (floorwise_json.TARDINESS, floorwise_json.MAKESPAN)
        or len({(picker.start, picker.end, tuple(sorted(picker.capacity.items()))) for picker in task.pickers}) > 1
        or any(picker.shift_from_s or picker.shift_to_s or picker.skills is not None for picker in task.pickers)
        or any("totes" in picker.capacity for picker in task.pickers)
        or any(order.due_s or order.release_s or order.needs or order.fault for order in task.orders)
        or any(article.stage or article.segregation for article in task.articles.values())
        or (several and task.objective != floorwise_json.DISTANCE and bool(task.sort_order_ms or task.sort_line_ms))
        or (bool(task.aisle_room) and task.objective != floorwise_json.DISTANCE and sum(picker.count for picker in task.pickers) > 1)
        or (several and not (can_sweep(task.floor) and task.pickers[0].start == task.pickers[0].end))
    )


def choose_for(task: floorwise_json.Task, picker, speed: int, deadline: float, seed: int) -> list[Chosen]:
    """Choose locations order by order, each from what the orders before it have left."""
    demands = [_demand(order.lines) for order in task.orders]
    try:
        return choose_in_turn(task.floor, task.offers, demands, picker.start, picker.end, deadline, seed, speed)
    except NotEnoughStock as error:
        raise NoPlan(f"order {task.orders[error.args[1]].name}: {error.args[0]}") from None


def check_chosen(task: floorwise_json.Task, chosen: list[Chosen], speed: int) -> list[str]:
    named = zip(task.orders, chosen, strict=True)
    return [f"order {order.name} {objection}" for order, one in named for objection in one.objections(task.floor, speed)]


def _chosen_again(task, picker, choices: list[Choice], plan: Answer, speed: int, problem, deadline: float, seed: int) -> Answer:
    """Return the batched plan with locations chosen walk by walk where that is shorter; reaching up is part of its lengths then."""
    from floorwise.optimizer.rechoice import Prices, Stock, merged, picked, rechoose

    prices = Prices(problem.tour_mm, problem.place_mm, speed)
    ends = picker.start, picker.end
    before = [
        (walk.orders, picked(task.floor, task.offers, merged([choices[n] for n in walk.orders]), *ends, prices)) for walk in plan.tours
    ]
    demands = [_demand(order.lines) for order in task.orders]
    stock = Stock(task.floor, task.offers, demands, [order.load for order in problem.orders], problem.capacity, *ends, prices, seed)
    after = rechoose(stock, before, deadline + plan.outside_s)
    checking = time.perf_counter()
    wrong = check_takes(task.offers, [stock.wanted(orders) for orders, _ in after], [walk.takes for _, walk in after])
    if sorted(n for orders, _ in after for n in orders) != list(range(len(demands))) or not all(stock.fits(orders) for orders, _ in after):
        wrong.append("an order is missing, picked twice, or too much for its walk")
    drawn = []
    for _, walk in after:
        tour = Tour(walk.stops, walk.length_mm, walk.length_mm, *ends, plan.method)
        wrong += check_tour(task.floor, tour, sorted({task.offers[number].location for number, _ in walk.takes}))
        drawn.append(tour)
    objective = sum(walk.cost_mm for _, walk in after)
    is_new = objective < sum(walk.cost_mm for _, walk in before)
    return replace(
        plan, objective=objective, wrong=(*plan.wrong, *wrong), drawn=tuple(drawn),
        tours=tuple(Walk(orders, walk.stops, walk.cost_mm) for orders, walk in after),
        method=f"{plan.method}, locations chosen again" if is_new else plan.method,
        outside_s=plan.outside_s + time.perf_counter() - checking,
    )  # fmt: skip


def _joint_bound(task: floorwise_json.Task, picker, problem, deadline: float) -> int:
    """Return a bound over all batches and all choices: no walk is shorter than what any of its orders needs alone."""
    from floorwise.optimizer.batching import radial_bound

    alone = np.array([least + problem.tour_mm + problem.place_mm for least in _alone(task, picker, 0, deadline)], np.int64)
    load = np.array([order.load for order in problem.orders], np.int64)
    return radial_bound(alone, load, np.array(problem.capacity, np.int64))


def _alone(task: floorwise_json.Task, picker, speed: int, deadline: float) -> list[int]:
    demands = [_demand(order.lines) for order in task.orders]
    return least_alone_mm(task.floor, task.offers, demands, [(picker.start, picker.end)], deadline, speed)


def _problem(task: floorwise_json.Task, picker, choices: list[Choice], speed: int):
    """Return the batching problem: the chosen locations, the resources that the picker's capacity names, times as way."""
    from floorwise.optimizer.batching import Order, Problem

    names = [name for name in floorwise_json.RESOURCES if name in picker.capacity] or ["orders"]
    capacity = [picker.capacity.get(name, len(task.orders)) for name in names]
    at = [floorwise_json.RESOURCES.index(name) for name in names]
    orders = [
        Order(order.name, choice.tour.stops, tuple(order.load[k] for k in at)) for order, choice in zip(task.orders, choices, strict=True)
    ]
    setup, stop = task.setup_ms * speed // 1000, task.stop_ms * speed // 1000
    return Problem(task.floor, tuple(orders), tuple(names), tuple(capacity), picker.start, setup, stop)


def _in_time(task: floorwise_json.Task, plan: Answer, speed: int, is_counted: bool) -> Answer:
    """Return the plan in milliseconds; `is_counted`: set-up and stops are in its lengths already."""
    fixed = sum(task.line_ms * len(order.lines) for order in task.orders)
    extra = 0 if is_counted else sum(task.setup_ms + task.stop_ms * len(walk.stops) for walk in plan.tours)
    least = 0 if is_counted else len(plan.tours) * (task.setup_ms + task.stop_ms)
    if len({offer.article for offer in task.offers}) == len(task.offers):
        least = extra  # nothing to choose: the stops are what they are
    walks = tuple(replace(walk, length=walk.length * 1000 / speed) for walk in plan.tours)
    found, bound = plan.objective * 1000 / speed + fixed + extra, plan.lower_bound * 1000 / speed + fixed + least
    return replace(plan, objective=found, lower_bound=min(found, bound), tours=walks, unit="ms")


def solve_zalando(path: Path, blocks: int, clock: Clock, seed: int) -> Answer:
    """Selection, copies, batches and picklists of a Zalando folder; a tour is a picklist, its orders are those of its batch."""
    from floorwise.optimizer import zalando
    from floorwise.optimizer.formats import zalando as folder

    store = folder.read(path)
    clock.load(zalando.warm_up)
    try:
        plan = zalando.solve(store, seconds=clock.left_s, seed=seed)
    except ValueError as error:
        raise NoPlan(str(error)) from None
    solved = time.perf_counter()
    bound = zalando.lower_bound(store)
    walks = tuple(Walk(batch.orders, picklist.items, picklist.length) for batch in plan.batches for picklist in batch.picklists)
    method = f"greedy, annealing; {plan.items} items, {plan.length_an_item:.2f} an item"
    wrong = tuple(zalando.check_plan(store, plan))
    return Answer(
        plan.length, bound, plan.length == bound, walks, method, "units of the folder", wrong, outside_s=time.perf_counter() - solved,
        order_names=store.order_names, stop_name=lambda item: store.item_names[item],
    )  # fmt: skip


def _batched(problem, deadline: float, seed: int, unit: int, unit_name: str) -> Answer:
    from floorwise.optimizer.bounds import solve_and_prove

    plan = solve_and_prove(problem, max(deadline - patience.now(), 0.0), seed)
    solved = time.perf_counter()
    if plan.refused:
        raise NoPlan("; ".join(refused.reason for refused in plan.refused[:5]))
    wrong, drawn = [], []
    for batch in plan.batches:
        bare = batch.length_mm - problem.tour_mm - problem.place_mm * len(set(zip(*problem.layout.places(batch.stops), strict=True)))
        tour = Tour(batch.stops, bare, bare, problem.start, problem.start, plan.method)
        wanted = sorted({location for order in batch.orders for location in problem.orders[order].locations})
        wrong += [f"tour of orders {batch.orders} {objection}" for objection in check_tour(problem.layout, tour, wanted)]
        drawn.append(tour)
    walks = tuple(Walk(batch.orders, batch.stops, batch.length_mm / unit) for batch in plan.batches)
    return Answer(
        plan.length_mm / unit, plan.lower_bound_mm / unit, plan.is_proven, walks, plan.method, unit_name, tuple(wrong),
        outside_s=time.perf_counter() - solved, floor=problem.layout, drawn=tuple(drawn),
    )  # fmt: skip


def _chosen(floor: Floor, offers, demand: dict, picker, deadline: float, seed: int, speed: int, order: str) -> tuple[Choice, list[str]]:
    seconds = max(deadline - patience.now(), 0.0)
    try:
        choice = choose(floor, offers, demand, picker.start, picker.end, seconds=seconds, seed=seed, speed_mm_s=speed)
    except NotEnoughStock as error:
        raise NoPlan(f"order {order}: {error}") from None
    return choice, [f"order {order} {objection}" for objection in check_choice(floor, offers, demand, choice, speed)]


def _load_choice(floor: Floor, offers, demands: list[tuple[str, dict]], picker, speed: int) -> None:
    """Load what choosing locations needs here: by choosing in no time, and the slower proofs only where that leaves something open."""
    is_plain = can_sweep(floor) and picker.start == picker.end
    is_open, shelves = len(demands) > MOST_REHEARSED, Shelves(offers)
    for name, demand in demands[:MOST_REHEARSED]:
        is_open |= not _chosen(floor, shelves.now(shelves.numbers(demand)), demand, picker, 0.0, 0, speed, name)[0].is_exact
    if is_open:
        (warm_up_aisles if is_plain else warm_up)()


def _demand(lines) -> dict:
    demand: dict = {}
    for article, units in lines:
        demand[article] = demand.get(article, 0) + units
    return demand


def _rows(choice: Choice, offers: list[Offer]) -> tuple[int, ...]:
    """Every row that is picked from, in walking order."""
    return tuple(offers[number].location for number, _ in choice.takes)
