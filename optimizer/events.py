"""What happens while people walk: a rush order, a short pick, a blocked aisle, a picker who is gone; and what changes for begun tours.

Each function returns the begun tours as they go on and what is left over. The stop a picker heads for stays the next one; at most
`most_changed` stops of a tour change after it began (`changed_stops` counts: put in, taken out, moved). What cannot be reached any more is
taken out whatever the limit says, because nobody can walk there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from floorwise.optimizer.batching import Problem
from floorwise.optimizer.layout import BlockLayout
from floorwise.optimizer.online import BegunTour, insert_stops, joining


@dataclass(frozen=True)
class After:
    """Begun tours after the event, and what they do not do: whole orders and single (order, location) picks that need a plan."""

    begun: tuple[BegunTour, ...]
    orders: tuple[int, ...] = ()
    picks: tuple[tuple[int, int], ...] = ()


def changed_stops(before: Sequence[int], after: Sequence[int]) -> int:
    """Return how many stops differ: put in, taken out, or moved against the longest run that both keep in sequence."""
    row = [0] * (len(after) + 1)
    for stop in before:
        above = 0
        for at, other in enumerate(after, start=1):
            above, row[at] = row[at], above + 1 if stop == other else max(row[at], row[at - 1])
    kept = row[-1]
    common = len(set(before) & set(after))
    return len(set(after) - set(before)) + len(set(before) - set(after)) + common - kept


def rush_order(problem: Problem, begun: Sequence[BegunTour], order: int, most_changed: int) -> After:
    """Put an order into the begun tour where it costs least, even if a tour of its own were cheaper; else hand it back."""
    options = [(*found, at) for at, tour in enumerate(begun) if (found := joining(problem, tour, order, most_changed))]
    if not options:
        return After(tuple(begun), (order,))
    _, ahead, at = min(options)
    tour = begun[at]
    joined = BegunTour((*tour.orders, order), ahead, tour.changed + len(ahead) - len(tour.ahead))
    return After((*begun[:at], joined, *begun[at + 1 :]))


def short_pick(
    layout: BlockLayout, begun: Sequence[BegunTour], at: int, order: int, elsewhere: Sequence[int], most_changed: int, depot: int = 0
) -> After:
    """Go on to the location of `elsewhere` that adds least to tour `at`; a stop still ahead is free. Else the pick is handed back (-1)."""
    tour = begun[at]
    if any(location in tour.ahead for location in elsewhere):
        return After(tuple(begun))
    if not elsewhere or not tour.ahead or tour.changed >= most_changed:
        return After(tuple(begun), picks=tuple((order, location) for location in elsewhere[:1]) or ((order, -1),))
    _, ahead = min((extra, ahead) for location in elsewhere for ahead, extra in [insert_stops(layout, tour.ahead, (location,), depot)])
    return After((*begun[:at], replace(tour, ahead=ahead, changed=tour.changed + 1), *begun[at + 1 :]))


def blocked_aisle(
    now: BlockLayout, problem: Problem, begun: Sequence[BegunTour], most_changed: int, out_of_reach: Sequence[int] = ()
) -> After:
    """Let begun tours go on over the floor as it is `now`: without stops out of reach, and with stops moved where that saves way.

    Locations of `now` are numbered as in `problem.layout`; a floor refuses bins that nobody can reach, so they are told apart from it.
    The single move that saves most comes first.
    """
    made, picks = [], []
    for tour in begun:
        ahead = [stop for stop in tour.ahead if stop not in out_of_reach]
        gone = [stop for stop in tour.ahead if stop not in ahead]
        picks += [(order, stop) for stop in gone for order in tour.orders if stop in problem.orders[order].locations]
        changed = tour.changed + len(gone)
        while changed < most_changed:
            ahead, is_better = _best_move(now, ahead, problem.start)
            if not is_better:
                break
            changed += 1
        made.append(BegunTour(tour.orders, tuple(ahead), changed))
    return After(tuple(made), picks=tuple(picks))


def picker_gone(problem: Problem, begun: Sequence[BegunTour], at: int, most_changed: int) -> After:
    """Give the stops ahead of tour `at` to the other tours, order by order, where capacity, kind and the limit allow.

    What is picked already stays on the cart that was left; an order with nothing ahead is handed back, too: somebody brings the cart in.
    """
    lost = begun[at]
    others, orders, picks = [tour for n, tour in enumerate(begun) if n != at], [], []
    for order in lost.orders:
        ahead = [stop for stop in problem.orders[order].locations if stop in lost.ahead]
        rest = replace(problem, orders=(*problem.orders[:order], replace(problem.orders[order], locations=tuple(ahead)),
                                        *problem.orders[order + 1 :]))  # fmt: skip
        after = rush_order(rest, others, order, most_changed) if ahead else After(tuple(others), (order,))
        others = list(after.begun)
        orders += after.orders
        picks += [(order, stop) for stop in ahead] if after.orders else []
    return After(tuple(others), tuple(orders), tuple(picks))


def ahead_mm(layout: BlockLayout, ahead: Sequence[int], depot: int = 0) -> int:
    """Return the way from the first stop ahead past the others and home."""
    way = layout.distances_mm(list(ahead), (depot,))
    return sum(int(way[a, a + 1]) for a in range(1, len(ahead))) + (int(way[len(ahead), 0]) if ahead else 0)


def _best_move(layout: BlockLayout, ahead: list[int], depot: int) -> tuple[list[int], bool]:
    """Return the sequence with the one stop moved that saves most; the first stop stays."""
    best, least, is_better = ahead, ahead_mm(layout, ahead, depot), False
    for at in range(1, len(ahead)):
        rest = [*ahead[:at], *ahead[at + 1 :]]
        for to in range(1, len(ahead)):
            trial = [*rest[:to], ahead[at], *rest[to:]]
            if (length := ahead_mm(layout, trial, depot)) < least:
                best, least, is_better = trial, length, True
    return best, is_better
