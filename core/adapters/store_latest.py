"""The youngest value of every series, in memory: to find it in a file of 20 million rows takes more than a second."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from floorwise.core.model.readings import Reading
from floorwise.core.model.stored import ABOUT_DEVICES, Latest, unit_of

if TYPE_CHECKING:
    from floorwise.core.adapters.reading_columns import Columns

SERIES = 200_000  # series remembered; beyond it a new one is stored and not shown here


class LatestValues:
    """Written by the thread that stores, read by any."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], Latest] = {}
        self._kinds: dict[str, set[str]] = defaultdict(set)  # device → its kinds
        self._lock = threading.Lock()

    def take(self, readings: Iterable[Reading]) -> None:
        """Take stored readings in; one that is older than what is known changes nothing."""
        best: dict[tuple[str, str], tuple[int, float | str]] = {}
        for device, _, _, ts, said in readings:
            for kind, value in said.items():
                key = device, kind
                before = best.get(key)
                if before is None or before[0] <= ts:
                    best[key] = ts, value
        self._take(best)

    def take_columns(self, columns: "Columns") -> None:
        """The same for columns."""
        from floorwise.core.adapters import reading_kernels

        (reading, line), names = columns.rows, columns.line_names
        at = reading_kernels.youngest(line, columns.ts[reading], len(names))
        best: dict[tuple[str, str], tuple[int, float | str]] = {}
        for row, (device, _, kind) in sorted((row, name) for row, name in zip(at.tolist(), names, strict=True) if row >= 0):
            ts = int(columns.ts[reading[row]])
            before = best.get((device, kind))
            if before is None or before[0] <= ts:
                best[device, kind] = ts, float(columns.values[row])
        self._take(best)

    def _take(self, best: dict[tuple[str, str], tuple[int, float | str]]) -> None:
        with self._lock:
            for (device, kind), (ts, value) in best.items():
                before = self._values.get((device, kind))
                if before is None:
                    self.put(device, kind, Latest(value, ts, unit_of(kind), False))
                elif before.at_ms <= ts:
                    self._values[device, kind] = Latest(value, ts, before.unit, False)

    def put(self, device: str, kind: str, latest: Latest) -> None:
        """Set the value of a series, as a store does that opens its file."""
        if kind not in ABOUT_DEVICES and len(self._values) < SERIES:
            self._values[device, kind] = latest
            self._kinds[device].add(kind)

    def mark_stale(self, devices: Iterable[str]) -> None:
        """These devices have gone: what they said last may be true no more."""
        with self._lock:
            for device in devices:
                for kind in self._kinds.get(device, ()):
                    self._values[device, kind] = self._values[device, kind]._replace(is_stale=True)

    def all(self) -> dict[tuple[str, str], Latest]:
        """A copy that is the caller's."""
        with self._lock:
            return dict(self._values)
