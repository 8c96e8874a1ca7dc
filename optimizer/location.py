"""Where to pick from: which of several locations of an article to visit, decided together with the walk.

`choose(floor, offers, demand)` takes what lies where (`Offer`) and what is wanted and returns a `Choice`: takes, tour, cost, lower bound.
The method follows from floor and size:

- rectangular floors, round trips: exact by sweeping the aisles with what has been collected, if that is small enough; otherwise a search
  (prices, then ruin and recreate with exact walks) with a lower bound from prices;
- any other floor, or another depot to end at: exact over sets of articles if small, otherwise ruin and recreate on the distance matrix
  with the optimum of a part of the articles as the lower bound; with `seconds`, a linear program with cuts raises the bound, and often
  finds and proves the best choice (`location_cuts`; needs HiGHS, the extra `bounds`).

With `speed_mm_s`, the time to reach up to a location counts as the way that could be walked meanwhile. Offers with `expires` are taken
first-expired-first-out: an earlier lot is used up before a later one is touched, and only locations of equal date are chosen between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import gcd

import numpy as np

from floorwise.optimizer import patience
from floorwise.optimizer.kernels.block import INFINITE
from floorwise.optimizer.kernels.location_exact import MOST_MM, least_cost, trace_choice
from floorwise.optimizer.kernels.location_graph import least_walk, search_walk
from floorwise.optimizer.kernels.location_labels import sweep_labels
from floorwise.optimizer.kernels.location_search import choose_locations
from floorwise.optimizer.kernels.states import state_space, visit_moves
from floorwise.optimizer.layout import NO_WAY_MM, BlockLayout, Depot, UnknownPlace, UnreachableBin
from floorwise.optimizer.location_bounds import article_bits, bound_by_parts
from floorwise.optimizer.location_cuts import bound_by_cuts, has_solver
from floorwise.optimizer.routing import Floor, Tour, can_sweep, shortest_tour, tour_of

PRICE_ROUNDS = 60
ROUNDS = 800
QUICK_STEPS = 15_000_000  # of the exact sweep: some milliseconds
SEARCH_SHARE = 0.4  # of the time, where cuts can use the rest
STEPS_A_SECOND = 200_000_000  # of either exact sweep, on a slow machine
MOST_KEPT_BYTES = 400_000_000
MOST_CODES = 1 << 17
MOST_RADIX = 1 << 61  # of a code that is one number
QUICK_LABELS, LABELS_A_SECOND, MOST_LABELS = 42_000, 15_000, 200_000  # labels × states of the proof
MOST_SEARCHES = 10_000  # whatever the clock says


class NotEnoughStock(ValueError):
    """The offers together hold fewer units of an article than are wanted; the message names it."""


@dataclass(frozen=True)
class Offer:
    """Units of an article at a location; `expires` sorts lots (0 = the lot does not matter)."""

    location: int
    article: int | str
    units: int
    expires: int = 0


@dataclass(frozen=True)
class Choice:
    """What to take where: (offer number, units) in walking order, the tour past them, its cost, and the cost no choice can beat."""

    takes: tuple[tuple[int, int], ...]
    tour: Tour
    cost_mm: int
    lower_bound_mm: int
    method: str

    @property
    def is_exact(self) -> bool:
        return self.cost_mm == self.lower_bound_mm

    @property
    def gap(self) -> float:
        return (self.cost_mm - self.lower_bound_mm) / self.lower_bound_mm if self.lower_bound_mm else 0.0


def choose(
    floor: Floor,
    offers: Sequence[Offer],
    demand: Mapping[int | str, int],
    start: int = 0,
    end: int | Sequence[int] | None = None,
    *,
    seconds: float = 0.0,
    rounds: int = ROUNDS,
    seed: int = 0,
    speed_mm_s: int = 0,
) -> Choice:
    """Return the cheapest covering choice found.

    Without `seconds` the work is counted: milliseconds, and the same arguments give the same choice. With it, the proof or further
    searches with other seeds may go on that long. NotEnoughStock names an article that cannot be covered, UnreachableBin a location
    that no tour takes in.
    """
    deadline = patience.now() + seconds
    ends = (start,) if end is None else (end,) if isinstance(end, int) else tuple(end)
    for depot in (start, *ends):
        if not 0 <= depot < len(floor.depots):
            raise UnknownPlace(f"depot {depot} of {len(floor.depots)}")
    wanted = _Wanted(floor, offers, demand, speed_mm_s)
    found, refused, begun = [], None, patience.now()
    may_cut = seconds > 0 and has_solver()
    for number, depot in enumerate(ends):
        until = begun + (deadline - begun) * (number + 1) / len(ends) * (SEARCH_SHARE if may_cut else 1.0)
        try:
            if not wanted.demand.size:
                tour = shortest_tour(floor, (), start, depot)
                found.append(Choice((), tour, tour.length_mm, tour.length_mm, tour.method))
            elif wanted.is_forced:
                found.append(_finish(floor, wanted, list(range(len(wanted.offer))), start, depot, None, "no choice", seed))
            elif can_sweep(floor) and depot == start:
                found.append(_on_aisles(floor, wanted, start, until, rounds, seed, QUICK_STEPS))
            else:
                found.append(_on_matrix(floor, wanted, start, depot, until, rounds, seed, QUICK_STEPS))
        except UnreachableBin as error:  # another depot may still be reached
            refused = error
    if not found:
        raise refused
    if may_cut and wanted.demand.size:
        _cut(floor, wanted, start, found, deadline, seed)
    best = min(found, key=lambda choice: choice.cost_mm)
    return replace(best, lower_bound_mm=min(choice.lower_bound_mm for choice in found))


@cache
def warm_up() -> None:
    """Load every kernel that routing and location choice use, compiling what is not cached; later calls cost nothing."""
    warm_up_aisles()
    floor, wanted = _little()
    for quick_steps in (QUICK_STEPS, 0):
        _on_matrix(floor, wanted, 0, 1, 0.0, 2, 0, quick_steps)
    if has_solver():
        bound_by_cuts(
            floor, wanted.location, 0, 1, wanted.article, wanted.units, wanted.extra, wanted.demand, NO_WAY_MM, patience.now() + 1.0
        )


@cache
def warm_up_aisles() -> None:
    """Load the kernels for floors of aisles that are walked from a depot back to it."""
    floor, wanted = _little()
    for quick_steps in (QUICK_STEPS, 0):
        _on_aisles(floor, wanted, 0, 0.0, 2, 0, quick_steps)


def _little() -> tuple[BlockLayout, "_Wanted"]:
    place = [(a, mm) for a in range(3) for mm in (1, 4, 7)]
    depots = (Depot("in", 0, 0), Depot("out", 2, 9))
    floor = BlockLayout([0, 5, 9], [0, 9], [a for a, _ in place], [mm for _, mm in place], depots)
    offers = [Offer(n, n % 3, 1) for n in range(len(place))]
    return floor, _Wanted(floor, offers, {0: 1, 1: 2, 2: 1}, 0)


class _Wanted:
    """Candidates as arrays: one row an offer that may be used, articles numbered; lots that must be used up are articles of their own."""

    def __init__(self, floor: Floor, offers: Sequence[Offer], demand: Mapping[int | str, int], speed_mm_s: int) -> None:
        by_article: dict[int | str, list[int]] = {article: [] for article, units in demand.items() if units > 0}
        for number, offer in enumerate(offers):
            if offer.units < 0 or not 0 <= offer.location < floor.locations:
                raise UnknownPlace(f"offer {number}: {offer.units} units at location {offer.location}")
            if offer.units > 0 and offer.article in by_article:
                by_article[offer.article].append(number)
        rows: list[tuple[int, int, int]] = []  # article, offer, units
        needs: list[int] = []
        for article, numbers in by_article.items():
            left = demand[article]
            held = sum(offers[number].units for number in numbers)
            if held < left:
                raise NotEnoughStock(f"article {article}: {left} wanted, {held} in stock")
            for date in sorted({offers[number].expires for number in numbers}):
                lot = [number for number in numbers if offers[number].expires == date]
                in_lot = sum(offers[number].units for number in lot)
                if left <= 0:
                    break
                if in_lot <= left:
                    for number in lot:
                        rows.append((len(needs), number, offers[number].units))
                        needs.append(offers[number].units)
                else:
                    rows += [(len(needs), number, offers[number].units) for number in lot]
                    needs.append(left)
                left -= in_lot
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        self.article, self.offer, self.units = (table[:, column].copy() for column in range(3))
        self.demand = np.array(needs, dtype=np.int64)
        self.is_forced = int(self.units.sum()) == int(self.demand.sum())
        self.location = np.array([offers[number].location for number in self.offer], dtype=np.int64)
        self.extra = floor.lift_ms[self.location] * speed_mm_s // 1000

    def candidates_of(self, article: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return CSR of candidate numbers by article; rows with article < 0 belong to none."""
        order = np.argsort(article, kind="stable")
        first = np.searchsorted(article[order], np.arange(len(self.demand) + 1)).astype(np.int64)
        return first, order.astype(np.int64)

    def takes(self, rows: Sequence[int]) -> dict[int, int]:
        """Return units to take by row, never more than wanted; later rows of an article are cut first."""
        left = self.demand.copy()
        taken = {}
        for row in rows:
            units = int(min(self.units[row], left[self.article[row]]))
            if units > 0:
                taken[int(row)] = units
                left[self.article[row]] -= units
        assert not (left > 0).any(), "a choice must cover the demand"
        return taken


def _finish(floor: Floor, wanted: _Wanted, rows: list[int], start: int, end: int, bound: int | None, method: str, seed: int) -> Choice:
    """Walk past the chosen rows as short as possible, not longer than in the order given, and put the takes in walking order.

    Without a bound, the walk's own counts.
    """
    taken = wanted.takes(rows)
    at_location: dict[int, list[int]] = {}
    for row in taken:
        at_location.setdefault(int(wanted.location[row]), []).append(row)
    tour = shortest_tour(floor, sorted(at_location), start, end, seed=seed)
    if not tour.is_exact:
        as_given = tour_of(floor, list(at_location), start, end, tour.lower_bound_mm, tour.method)
        tour = min(tour, as_given, key=lambda t: t.length_mm)
    takes = tuple((int(wanted.offer[row]), taken[row]) for location in tour.stops for row in sorted(at_location[location]))
    cost = tour.length_mm + int(sum(wanted.extra[row] for row in taken))
    if bound is None:
        bound = cost - tour.length_mm + tour.lower_bound_mm
    return Choice(takes, tour, cost, min(bound, cost), method)


def _on_aisles(floor: BlockLayout, wanted: _Wanted, start: int, deadline: float, rounds: int, seed: int, quick_steps: int) -> Choice:
    depot = floor.depots[start]
    approach = 2 * depot.approach_mm
    store, row_of, grain = _store(floor, wanted, start)
    space = state_space(floor.blocks + 1, with_end=True)
    tables = (space.into, space.source, space.option, space.closed)
    chosen = np.zeros(len(row_of), dtype=np.bool_)
    found = _inside_one_stretch(floor, wanted, start)

    def finish(bound: int, method: str) -> Choice:
        rows = [int(row_of[i]) for i in np.flatnonzero(chosen) if row_of[i] >= 0]
        choice = _finish(floor, wanted, rows, start, start, bound + approach, method, seed)
        if found is not None and found.cost_mm <= choice.cost_mm:
            choice = found
        return Choice(choice.takes, choice.tour, choice.cost_mm, min(bound + approach, choice.cost_mm), method)

    radix, codes = _radix(wanted.demand)
    steps = 6 * codes * space.states * len(row_of)
    aisles = store[8].shape[1]
    kept_bytes = 4 * aisles * space.states * codes
    reach = _farthest(store)
    can_be_exact = codes <= MOST_CODES and kept_bytes <= MOST_KEPT_BYTES and reach < MOST_MM and store[8][:, :-1].max(initial=0) < MOST_MM

    def exact() -> Choice:
        kept = np.empty((aisles, space.states, codes), dtype=np.int32)
        arguments = (*store[:9], wanted.demand, radix, codes, visit_moves(floor.blocks + 1), *tables, kept)
        cost = int(least_cost(*arguments))
        if cost >= 1 << 30:
            if found is not None:
                return found
            raise UnreachableBin("no round trip takes in locations that cover the demand")
        trace_choice(*arguments, chosen)
        return finish(cost, "aisle sweep with sets")

    if can_be_exact and steps <= quick_steps:
        return exact()
    best, best_bound, spare, begun = INFINITE, 0, chosen.copy(), patience.now()
    price = np.zeros(len(wanted.demand), dtype=np.int64)
    for again in range(MOST_SEARCHES):
        cost, bound = choose_locations(
            *store, wanted.demand, *tables, PRICE_ROUNDS if again % 10 == 0 else PRICE_ROUNDS // 4, rounds, grain, seed + again,
            spare, price,
        )  # fmt: skip
        best_bound = max(best_bound, int(bound))
        if cost < best:
            best, chosen[:] = int(cost), spare
        if best <= best_bound or best >= INFINITE:
            break
        now = patience.now()
        left, took, begun = deadline - now, now - begun, now
        if again == 0 and can_be_exact and steps <= left * STEPS_A_SECOND:
            return exact()
        if again % 10 == 0 and codes < MOST_RADIX and not wanted.extra.any():
            labels = int(min(max(QUICK_LABELS, left * LABELS_A_SECOND), MOST_LABELS)) // space.states
            cost, has_given_up = sweep_labels(
                *store[:9], wanted.demand, radix, visit_moves(floor.blocks + 1), *tables, price, best - grain + 1, labels, spare
            )
            if cost < best:
                best, chosen[:] = int(cost), spare
            if not has_given_up:
                return finish(best, "prices, ruin and recreate, proven by labels")
        if deadline - patience.now() < took:
            break
    if best >= INFINITE:
        if found is not None:
            return found
        raise UnreachableBin("no round trip takes in locations that cover the demand")
    return finish(best_bound, "prices, ruin and recreate")


def _store(floor: BlockLayout, wanted: _Wanted, start: int) -> tuple[tuple, np.ndarray, int]:
    """Return the kernel's store, the row of each candidate (-1 = depot), and a number that divides every cost."""
    depot = floor.depots[start]
    stretches = floor.blocks
    aisle = np.append(floor.location_aisle[wanted.location], depot.aisle)
    mm = np.append(floor.location_mm[wanted.location], depot.mm)
    rows = np.append(np.arange(len(wanted.location)), -1)
    article = np.append(wanted.article, -1)
    units, extra = np.append(wanted.units, 0), np.append(wanted.extra, 0)
    # On an open floor an aisle without candidates is never walked: nothing is lost by walking the next one with a stop instead.
    used = np.unique(aisle) if floor.is_plain else np.arange(len(floor.aisle_x_mm))
    block = np.clip(np.searchsorted(floor.line_mm, mm, side="left") - 1, 0, stretches - 1)
    stretch = np.searchsorted(used, aisle) * stretches + block
    order = np.lexsort((rows, mm, stretch))
    count = len(used) * stretches
    first = np.searchsorted(stretch[order], np.arange(count + 1)).astype(np.int64)
    low, high = np.tile(floor.line_mm[:-1], len(used)), np.tile(floor.line_mm[1:], len(used))
    closed = floor.closed_mm[used].reshape(-1).copy()
    width = np.zeros((stretches + 1, len(used)), dtype=np.int64)
    width[:, :-1] = np.diff(floor.aisle_x_mm[used]) if floor.is_plain else floor.width_mm[:, :-1]
    by_first, by_candidate = wanted.candidates_of(article[order])
    behind = int((article < 0).sum())  # the depot sorts before all articles
    by_first, by_candidate = by_first - behind, by_candidate[behind:]
    grain = 1
    if not extra.any():  # a closed walk goes right as far as left and up as far as down
        parts = np.concatenate([np.diff(floor.aisle_x_mm), floor.line_mm, floor.location_mm[wanted.location], [depot.mm]])
        grain = 2 * max(gcd(*parts.tolist()), 1)
    return (
        (mm[order], article[order], units[order], extra[order], first, low, high, closed, width, by_first, by_candidate),
        rows[order],
        grain,
    )


def _farthest(store: tuple) -> int:
    """Return a length that no useful walk exceeds: every stretch walked twice, every open way walked twice."""
    width = store[8]
    return int(2 * (store[6] - store[5]).sum() + 2 * width[width < NO_WAY_MM].sum() + store[3].sum())


def _radix(demand: np.ndarray) -> tuple[np.ndarray, int]:
    radix, codes = [], 1
    for units in demand.tolist():
        radix.append(min(codes, MOST_RADIX))
        codes *= units + 1
    return np.array(radix, dtype=np.int64), min(codes, MOST_RADIX)


def _inside_one_stretch(floor: BlockLayout, wanted: _Wanted, start: int) -> Choice | None:
    """Return the best choice whose walk never reaches a cross-aisle; only a depot inside an aisle makes that possible."""
    depot = floor.depots[start]
    if depot.mm in floor.line_mm.tolist():
        return None
    block = int(np.searchsorted(floor.line_mm, depot.mm)) - 1
    mm, aisle = floor.location_mm[wanted.location], floor.location_aisle[wanted.location]
    closed = int(floor.closed_mm[depot.aisle, block])
    near = (aisle == depot.aisle) & (mm >= floor.line_mm[block]) & (mm <= floor.line_mm[block + 1])
    if closed >= 0:
        near &= (mm <= closed) == (depot.mm <= closed)
    best = None
    for lowest in sorted({depot.mm, *mm[near & (mm < depot.mm)].tolist()}, reverse=True):
        for highest in sorted({depot.mm, *mm[near & (mm > depot.mm)].tolist()}):
            rows = np.flatnonzero(near & (mm >= lowest) & (mm <= highest))
            have = np.bincount(wanted.article[rows], wanted.units[rows], minlength=len(wanted.demand))
            if (have >= wanted.demand).all():
                rows = rows[np.argsort(wanted.extra[rows], kind="stable")]
                choice = _finish(floor, wanted, rows.tolist(), start, start, 0, "one stretch", 0)
                best = choice if best is None or choice.cost_mm < best.cost_mm else best
                break
    return None if best is None else Choice(best.takes, best.tour, best.cost_mm, best.cost_mm, best.method)


def _on_matrix(floor: Floor, wanted: _Wanted, start: int, end: int, deadline: float, rounds: int, seed: int, quick_steps: int) -> Choice:
    depots = (start,) if start == end else (start, end)
    last = len(depots) - 1
    matrix = floor.distances_mm(wanted.location, depots)
    approach = floor.depots[start].approach_mm + floor.depots[end].approach_mm
    by_first, by_candidate = wanted.candidates_of(wanted.article)
    order = np.zeros(len(wanted.location), dtype=np.int64)
    bit, codes = article_bits(wanted.article, wanted.units, wanted.demand, by_first, by_candidate, range(len(wanted.demand)))
    most = max(quick_steps, int((deadline - patience.now()) * STEPS_A_SECOND / 2))
    if codes * len(order) ** 2 <= most and codes * len(order) * 8 <= MOST_KEPT_BYTES:
        cost, count = least_walk(
            matrix, last, wanted.article, wanted.units, bit, wanted.demand, by_first, by_candidate, codes, wanted.extra, order
        )
        _refuse_unreachable(floor, wanted, matrix, last, int(cost))
        return _finish(floor, wanted, order[:count].tolist(), start, end, int(cost) + approach, "sets of articles", seed)
    bound = bound_by_parts(matrix, last, wanted.article, wanted.units, wanted.extra, wanted.demand, by_first, by_candidate, most)
    best, rows, begun = INFINITE, [], patience.now()
    for again in range(MOST_SEARCHES):
        cost, count = search_walk(
            matrix, last, wanted.article, wanted.units, wanted.demand, by_first, by_candidate, wanted.extra, not floor.is_directed,
            rounds, seed + again, bound, order,
        )  # fmt: skip
        if cost < best:
            best, rows = int(cost), order[:count].tolist()
        now = patience.now()
        took, begun = now - begun, now
        if best <= bound or deadline - now < took:
            break
    _refuse_unreachable(floor, wanted, matrix, last, best)
    return _finish(floor, wanted, rows, start, end, bound + approach, "ruin and recreate", seed)


def _cut(floor: Floor, wanted: _Wanted, start: int, found: list[Choice], deadline: float, seed: int) -> None:
    """Raise the bounds of choices that no sweep of the aisles proves, one for each depot to end at, and replace what can be beaten."""
    for number in sorted(range(len(found)), key=lambda k: found[k].lower_bound_mm):
        choice, best = found[number], min(choice.cost_mm for choice in found)
        end, left = choice.tour.end, deadline - patience.now()
        waiting = sum(other.lower_bound_mm < best for other in found)
        if choice.lower_bound_mm >= best or (can_sweep(floor) and end == start) or left <= 0:
            continue
        approach = floor.depots[start].approach_mm + floor.depots[end].approach_mm
        cut = bound_by_cuts(
            floor, wanted.location, start, end, wanted.article, wanted.units, wanted.extra, wanted.demand,
            best - approach, patience.now() + left / max(waiting, 1),
        )  # fmt: skip
        bound = max(choice.lower_bound_mm, cut.lower_bound_mm + approach)
        method = f"{choice.method}, bound by cuts" + (" and HiGHS" if cut.needs_solver else "")
        found[number] = replace(choice, lower_bound_mm=min(bound, choice.cost_mm), method=method)
        if cut.rows:
            other = _finish(floor, wanted, list(cut.rows), start, end, bound - approach, method, seed)
            found[number] = min(found[number], other, key=lambda c: c.cost_mm)


def _refuse_unreachable(floor: Floor, wanted: _Wanted, matrix: np.ndarray, last: int, cost: int) -> None:
    if cost >= NO_WAY_MM:
        for row, location in enumerate(wanted.location):
            if matrix[0, last + 1 + row] >= NO_WAY_MM or matrix[last + 1 + row, last] >= NO_WAY_MM:
                raise UnreachableBin(f"location {floor.location_name(int(location))} does not lie on a way between the depots")
        raise UnreachableBin("no tour takes in locations that cover the demand")
