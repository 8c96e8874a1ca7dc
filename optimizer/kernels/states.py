"""State spaces of the aisle sweep for 2..6 cross-aisles, prepared once and shared by the multi-block kernels.

A state describes, for one aisle, what the part of the walk to its left has done at each cross-aisle: untouched, even or odd degree, and
which of the touched crossings already hang together. Every piece holds an even number of odd crossings, and pieces never cross each other.

Source: H. Cambazard and N. Catusse, Fixed-parameter algorithms for rectilinear Steiner tree and rectilinear traveling salesman
problem in the plane, EJOR 270(2), 2018; L. Pansart, N. Catusse and H. Cambazard, Exact algorithms for the order picking problem,
Computers & Operations Research 100, 2018.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

# How one stretch of aisle between two cross-aisles may be walked, with what the state was there before. Columns of a cost row.
NONE, PASS, DOUBLE, BACK, FRONT, GAP, STAY_BOTH, STAY_BACK, STAY_FRONT, ADD_FRONT, ADD_BACK = range(11)
OPTIONS = 11

MOST_CROSS_AISLES = 6  # 7 would need thousands of states and tens of milliseconds a walk


@dataclass(frozen=True, eq=False)
class StateSpace:
    """All states for `cross_aisles` and, for every step of the sweep over one aisle, the ways to come into each state.

    Steps of an aisle: one for each stretch from the front, then one for each crossing's way to the next aisle.
    into    int32[steps, states + 1]   transitions into state s at step t are into[t, s]:into[t, s + 1]
    source  int32[transitions]         state before
    option  int32[transitions]         column of the stretch's cost row, or how often the way to the next aisle is walked (0, 1, 2)
    closed  bool[states]               the walk may end here: one piece, no odd crossing
    """

    cross_aisles: int
    states: int
    into: np.ndarray
    source: np.ndarray
    option: np.ndarray
    closed: np.ndarray


UNTOUCHED = (0, 0)


@cache
def state_space(cross_aisles: int, *, with_end: bool = False) -> StateSpace:
    """Return the state space for a number of cross-aisles, 2..MOST_CROSS_AISLES; built once a process.

    `with_end` adds a last state for a walk that has ended in an aisle to the left: nothing may be left to visit to its right.
    """
    if not 2 <= cross_aisles <= MOST_CROSS_AISLES:
        raise ValueError(f"{cross_aisles} cross-aisles: the aisle sweep is prepared for 2 to {MOST_CROSS_AISLES}")
    empty = (UNTOUCHED,) * cross_aisles
    number = {empty: 0}
    todo = [empty]
    steps: list[list[tuple[int, int, int]]] = [[] for _ in range(2 * cross_aisles - 1)]
    while todo:
        state = todo.pop()
        for step in range(2 * cross_aisles - 1):
            moves = _stretch(state, step) if step < cross_aisles - 1 else _crossing(state, step - cross_aisles + 1)
            for option, after in moves:
                if after not in number:
                    number[after] = len(number)
                    todo.append(after)
                steps[step].append((number[after], number[state], option))
    if with_end:
        end = len(number)
        for step in range(len(steps)):
            steps[step].append((end, end, NONE if step < cross_aisles - 1 else 0))
        steps[cross_aisles - 1] += [(end, at, 0) for state, at in number.items() if _may_end(state)]
        number[()] = end
    states = len(number)
    into = np.zeros((len(steps), states + 1), dtype=np.int32)
    source, option = [], []
    for step, moves in enumerate(steps):
        into[step] = len(source) + np.searchsorted(np.sort([after for after, _, _ in moves]), np.arange(states + 1))
        for _, before, how in sorted(moves):
            source.append(before)
            option.append(how)
    closed = np.zeros(states, dtype=np.bool_)
    for state, at in number.items():
        closed[at] = state == () or _may_end(state)
    return StateSpace(cross_aisles, states, into, np.array(source, dtype=np.int32), np.array(option, dtype=np.int32), closed)


# A crossing is (degree, piece): degree 0 untouched, 1 odd, 2 even; pieces are numbered from the front in order of appearance.
State = tuple[tuple[int, int], ...]


def _may_end(state: State) -> bool:
    pieces = {piece for degree, piece in state if degree}
    return len(pieces) == 1 and all(degree != 1 for degree, _ in state)


def _stretch(state: State, front: int) -> list[tuple[int, State]]:
    """Return (option, state after) for the stretch between the crossings `front` and `front` + 1."""
    back = front + 1
    (low, low_piece), (high, high_piece) = state[front], state[back]
    fresh = len(state) + 1
    moves = [(PASS, _join(_flip(_flip(state, front, fresh), back, fresh + 1), front, back))]
    if not (low and high and low_piece == high_piece):
        moves.append((DOUBLE, _join(_touch(_touch(state, front, fresh), back, fresh + 1), front, back)))
    if low and high:
        moves.append((STAY_BOTH, state))
    elif high:
        moves += [(STAY_BACK, state), (ADD_FRONT, _touch(state, front, fresh))]
    elif low:
        moves += [(STAY_FRONT, state), (ADD_BACK, _touch(state, back, fresh))]
    else:
        with_back, with_front = _touch(state, back, fresh), _touch(state, front, fresh)
        moves += [(NONE, state), (BACK, with_back), (FRONT, with_front), (GAP, _touch(with_front, back, fresh + 1))]
    return [(option, _renumber(after)) for option, after in moves]


def _crossing(state: State, line: int) -> list[tuple[int, State]]:
    """Return (times walked, state after) for the way along cross-aisle `line` to the next aisle."""
    degree, piece = state[line]
    if degree == 0:
        return [(0, state)]
    if degree == 1:
        return [(1, state)]
    moves = [(2, state)]
    if sum(1 for d, p in state if d and p == piece) > 1:  # the piece must stay reachable from the right
        moves.append((0, _renumber((*state[:line], UNTOUCHED, *state[line + 1 :]))))
    return moves


def _touch(state: State, line: int, fresh: int) -> State:
    return state if state[line][0] else (*state[:line], (2, fresh), *state[line + 1 :])


def _flip(state: State, line: int, fresh: int) -> State:
    degree, piece = state[line]
    return (*state[:line], (1, piece if degree else fresh) if degree != 1 else (2, piece), *state[line + 1 :])


def _join(state: State, a: int, b: int) -> State:
    keep, drop = state[a][1], state[b][1]
    return tuple((degree, keep if piece == drop else piece) for degree, piece in state)


def _renumber(state: State) -> State:
    names: dict[int, int] = {}
    return tuple((degree, names.setdefault(piece, len(names) + 1)) if degree else UNTOUCHED for degree, piece in state)


@cache
def visit_moves(cross_aisles: int) -> np.ndarray:
    """Return int32[K-1, states, 6] for `state_space(K, with_end=True)`: the state after a stretch is passed, walked twice, left out,
    visited from the front, from the back, from both; -1 where that is not allowed."""
    space = state_space(cross_aisles, with_end=True)
    moves = np.full((cross_aisles - 1, space.states, 6), -1, dtype=np.int32)
    columns = {
        PASS: (0,), DOUBLE: (1,), NONE: (2,), FRONT: (3,), BACK: (4,), GAP: (5,),
        STAY_BOTH: (2, 3, 4, 5), STAY_BACK: (2, 4), STAY_FRONT: (2, 3), ADD_FRONT: (3, 5), ADD_BACK: (4, 5),
    }  # fmt: skip
    for step in range(cross_aisles - 1):
        for target in range(space.states):
            for t in range(space.into[step, target], space.into[step, target + 1]):
                for column in columns[int(space.option[t])]:
                    moves[step, space.source[t], column] = target
    return moves
