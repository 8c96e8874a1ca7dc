"""What an agent does to readings before it keeps them: smooth them by a median, leave out what says nothing new.

Units are converted while a message is decoded (`settings.aliases`), so everything here speaks the contract's units. Readings that
come late or twice pass untouched: their neighbours in time have gone, and the spool knows what it has seen.
"""

from collections import deque
from collections.abc import Sequence
from statistics import median

from floorwise.core.model.readings import Reading
from floorwise.edge.settings import Filter

DEVICES_REMEMBERED = 10_000  # filter states kept; the device not heard for longest is forgotten first


class _State:
    """What the filters remember of one device."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self.filters = {one.kind: one for one in reversed(filters)}  # the first that fits a kind counts
        self.windows = {kind: deque(maxlen=one.median) for kind, one in self.filters.items() if one.median > 1}
        self.passed: dict[str, tuple[int, float]] = {}  # kind → (ts, value) last passed on
        self.boot = self.seq = -1


class Filters:
    """The filters of an agent, with what they remember a device."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = filters
        self._states: dict[str, _State] = {}

    def apply(self, reading: Reading) -> tuple[Reading, bool]:
        """Return the reading to keep, and whether it may be left out.

        It may be left out when each of its values has a deadband, lies within it of the value last passed on, and that one is not
        older than `silence_ms`. A reading with any value outside every filter is always kept.
        """
        if not self._filters:
            return reading, False
        state = self._state(reading.device)
        if (reading.boot, reading.seq) <= (state.boot, state.seq):
            return reading, False
        state.boot, state.seq = reading.boot, reading.seq
        values = {kind: self._smooth(state, kind, value) for kind, value in reading.values.items()}
        if all(self._is_old_news(state, kind, value, reading.ts) for kind, value in values.items()):
            return reading, True
        for kind, value in values.items():
            if kind in state.filters:
                state.passed[kind] = reading.ts, value
        return reading._replace(values=values), False

    def _state(self, device: str) -> _State:
        state = self._states.pop(device, None) or _State([one for one in self._filters if one.fits(device)])
        self._states[device] = state  # now the youngest
        if len(self._states) > DEVICES_REMEMBERED:
            del self._states[next(iter(self._states))]
        return state

    def _smooth(self, state: _State, kind: str, value: float | str) -> float | str:
        window = state.windows.get(kind)
        if window is None:
            return value
        window.append(value)
        return median(window)

    def _is_old_news(self, state: _State, kind: str, value: float | str, ts: int) -> bool:
        rule, before = state.filters.get(kind), state.passed.get(kind)
        if rule is None or rule.deadband == 0 or before is None:
            return False
        return abs(value - before[1]) <= rule.deadband and 0 <= ts - before[0] < rule.silence_ms
