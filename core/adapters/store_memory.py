"""A store in memory: for the twin and for tests; what it promises is what a file's store promises, but for outliving the process."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from floorwise.core.adapters.store_latest import LatestValues
from floorwise.core.adapters.store_marks import Key, Marks
from floorwise.core.adapters.store_rows import conflict_letter, require_fit, spans
from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.core.model.stored import DeadLetter, Latest, Outcome, Point, StoredStream, with_gaps


class MemoryStore:
    """See `core.ports.Store`."""

    def __init__(self) -> None:
        self._marks = Marks(self._stored)
        self._latest = LatestValues()
        self._digests: dict[Key, int] = {}
        self._series: dict[tuple[str, str], list[tuple[int, int, int, float | str]]] = defaultdict(list)
        self._rows: dict[Key, Reading] = {}
        self._removed: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
        self.dead: list[DeadLetter] = []

    def write_batch(self, readings: Collection[Reading], dead: Sequence[DeadLetter] = ()) -> list[Outcome]:
        is_mixed = getattr(readings, "columns", None) is not None
        decided = self._marks.decide_mixed(readings) if is_mixed else self._marks.decide(readings)
        fresh, marks = decided.fresh, decided.marks
        if decided.columns:
            more = list(decided.columns.readings())
            fresh, marks = fresh + more, marks | dict(zip([one.key for one in more], decided.columns.digests.tolist(), strict=True))
        for reading in fresh:
            self._rows[reading.key] = reading
            for kind, value in reading.values.items():
                insort(self._series[reading.device, kind], (reading.ts, reading.boot, reading.seq, value), key=lambda row: row[:3])
        self._digests |= marks
        self.dead += [*dead, *map(conflict_letter, decided.conflicts)]
        self._marks.note(decided)
        self._latest.take(fresh)
        return decided.outcomes

    def latest(self) -> dict[tuple[str, str], Latest]:
        return self._latest.all()

    def mark_stale(self, devices: Iterable[str]) -> None:
        self._latest.mark_stale(devices)

    def query(self, device: str, metric: str, from_ms: int, to_ms: int, step_ms: int = 0) -> list[Point | None]:
        require_fit(from_ms, to_ms, step_ms)
        rows = self._series.get((device, metric), [])
        low, high = bisect_left(rows, from_ms, key=lambda row: row[0]), bisect_right(rows, to_ms, key=lambda row: row[0])
        return with_gaps(spans([(ts, value) for ts, _, _, value in rows[low:high]], from_ms, step_ms))

    def accounts(self) -> list[StoredStream]:
        found: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        for (device, boot, seq), mark in self._digests.items():
            found[device, boot].append((seq, mark))
        accounts = []
        for key in sorted(found):
            seqs, total = [seq for seq, _ in found[key]], sum(mark for _, mark in found[key]) & SUM_MASK
            accounts.append(StoredStream(*key, min(seqs), max(seqs), len(seqs), total, *self._removed[key]))
        return accounts

    def retain(self, before_ms: int) -> int:
        old = [reading for reading in self._rows.values() if reading.ts < before_ms]
        for reading in old:
            del self._rows[reading.key]
            removed = self._removed[reading.key[:2]]
            removed[0], removed[1] = removed[0] + 1, (removed[1] + digest(reading)) & SUM_MASK
        for rows in self._series.values():
            del rows[: bisect_left(rows, before_ms, key=lambda row: row[0])]
        return len(old)

    def close(self) -> None:
        """Nothing to do: it ends with the process."""

    def _stored(self, keys: Sequence[Key]) -> dict[Key, int]:
        return {key: self._digests[key] for key in keys if key in self._digests}
