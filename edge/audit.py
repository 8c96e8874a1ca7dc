"""Invariant I1 between a spool and a store: nothing an agent accepted is lost, doubled or changed on the way.

For each stream, the agent's account minus what it dropped and what still waits must be the store's count and sum. A waiting reading
may already be stored, its ack not yet heard; those are asked for one by one. Check a spool whose agent does not run, or while the
intake stands still: else a reading can cross between the two looks.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.edge.spool import read_ledger
from floorwise.edge.spool_file import entry_reading


class StreamFault(NamedTuple):
    """A stream whose books do not agree, and how."""

    device: str
    boot: int
    detail: str


def faults(
    spool: Path, stored: Callable[[str, int], tuple[int, int]], holds: Callable[[Reading], bool]
) -> Iterator[StreamFault]:
    """Yield every stream of the spool file that contradicts the store.

    `stored` gives (count, sum of digests mod 2^64) of a (device, boot), what retention removed included; `holds` says whether the
    store has this very reading. Raises sqlite3.DatabaseError when the spool is damaged.
    """
    crossing: dict[tuple[str, int], list[int]] = {}
    for reading in waiting(spool):
        if holds(reading):
            both = crossing.setdefault((reading.device, reading.boot), [0, 0])
            both[0], both[1] = both[0] + 1, (both[1] + digest(reading)) & SUM_MASK
    for one in read_ledger(spool):
        count, total = stored(one.device, one.boot)
        early, early_sum = crossing.get((one.device, one.boot), (0, 0))
        due = one.count - one.dropped - one.pending + early
        due_sum = (one.sum - one.dropped_sum - one.pending_sum + early_sum) & SUM_MASK
        if count != due:
            word = "lost" if count < due else "more than it should have"
            detail = f"the store has {count} readings, the agent accounts for {due}: {abs(due - count)} {word}"
        elif total != due_sum:
            detail = f"{count} readings on both sides, but not the same ones: sums {total:016x}, {due_sum:016x}"
        else:
            continue
        yield StreamFault(one.device, one.boot, detail)


def waiting(spool: Path) -> Iterator[Reading]:
    """Yield the readings in a spool file that wait for their ack; entries that are damaged are left out."""
    db = sqlite3.connect(spool)
    db.text_factory = lambda stored: stored.decode(errors="replace")
    try:
        for row in db.execute("SELECT device, boot, seq, ts, body, digest FROM entries ORDER BY id"):
            if (reading := entry_reading(*row)) is not None:
                yield reading
    finally:
        db.close()
