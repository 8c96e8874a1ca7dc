"""I1: each accepted reading is stored exactly once. Spools, the store's marks and the store's rows are held against each other.

    stored of a stream = accepted by its agents - dropped by them - still waiting + waiting and stored already (its ack is missing)

by count and by sum of digests mod 2^64, so that a reading which changed on its way is found as well as one that is missing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.core.model.stored import StoredStream
from floorwise.core.verify.check import Check, Tally

Stream = tuple[str, int]  # device, boot
Key = tuple[str, int, int]
DROPS = ("thinned", "damaged")  # reasons of gap readings that stand for readings which had been accepted


class SpoolAccount(NamedTuple):
    """What a spool says of a (device, boot) for ever."""

    device: str
    boot: int
    count: int  # accepted
    sum: int
    dropped: int  # of these, given up
    dropped_sum: int
    untold: int  # of the dropped, those whose gap reading is not delivered yet


class Pending(NamedTuple):
    """An entry that waits in a spool."""

    key: Key
    digest: int


class Rows(NamedTuple):
    """What the store's rows say, recomputed from them alone."""

    streams: dict[Stream, tuple[int, int]]  # count and sum of digests
    told: dict[Stream, int]  # readings of which gap readings say that they were dropped


def read_rows(readings: Iterable[Reading]) -> Rows:
    """Go through every stored reading once."""
    streams: dict[Stream, list[int]] = defaultdict(lambda: [0, 0])
    told: dict[Stream, int] = defaultdict(int)
    for reading in readings:
        account = streams[reading.device, reading.boot]
        account[0], account[1] = account[0] + 1, (account[1] + digest(reading)) & SUM_MASK
        values = reading.values
        if values.get("gap_reason") in DROPS:
            told[str(values.get("about")), int(values.get("gap_boot", 0))] += int(values.get("gap_count", 0))
    return Rows({key: (count, total) for key, (count, total) in streams.items()}, dict(told))


def checks(
    stored: Collection[StoredStream],
    rows: Rows,
    doubles: Iterable[tuple],
    spools: Iterable[SpoolAccount] = (),
    pending: Iterable[Pending] = (),
    held: Mapping[Key, int] | None = None,
    turned_away: Mapping[Stream, int] | None = None,
) -> list[Check]:
    """Check what the store holds by itself and against the spools.

    doubles      keys that stand twice in the store
    held         of the pending keys, those that the store has, with the digests it has for them
    turned_away  how many readings of a stream stand among the dead letters: their agents dropped them without a gap reading
    """
    accounts = _together(spools)
    waiting, known = _waiting(pending, held or {})
    return [
        _delivered(stored, accounts, waiting, known),
        _rows(stored, rows),
        _once(stored, doubles),
        _told(accounts, rows, turned_away or {}),
    ]


def _together(spools: Iterable[SpoolAccount]) -> dict[Stream, SpoolAccount]:
    """One account a stream, also where a device was heard by two agents in turn."""
    found: dict[Stream, SpoolAccount] = {}
    for one in spools:
        before = found.get(one[:2])
        if before:
            sums = (before.sum + one.sum) & SUM_MASK, (before.dropped_sum + one.dropped_sum) & SUM_MASK
            counts = before.count + one.count, before.dropped + one.dropped
            one = SpoolAccount(*one[:2], counts[0], sums[0], counts[1], sums[1], before.untold + one.untold)
        found[one[:2]] = one
    return found


def _waiting(pending: Iterable[Pending], held: Mapping[Key, int]) -> tuple[dict[Stream, tuple[int, int]], int]:
    """Count and sum of what waits and is not stored, by stream; and how many were looked at."""
    found: dict[Stream, tuple[int, int]] = {}
    seen = 0
    for one in pending:
        seen += 1
        if held.get(one.key) != one.digest:
            count, total = found.get(one.key[:2], (0, 0))
            found[one.key[:2]] = count + 1, (total + one.digest) & SUM_MASK
    return found, seen


def _delivered(
    stored: Iterable[StoredStream], accounts: Mapping[Stream, SpoolAccount], waiting: Mapping[Stream, tuple[int, int]], seen: int
) -> Check:
    tally = Tally("I1 spools and store")
    tally.saw(seen)
    left = {one[:2]: one for one in stored}
    for key, spool in sorted(accounts.items()):
        tally.saw(spool.count)
        where, there = f"{key[0]} boot {key[1]}", left.get(key)
        count, total = waiting.get(key, (0, 0))
        tally.equal(f"{where} readings", there.count if there else 0, spool.count - spool.dropped - count)
        tally.equal(f"{where} sum", there.sum if there else 0, (spool.sum - spool.dropped_sum - total) & SUM_MASK)
    return tally.check()


def _rows(stored: Iterable[StoredStream], rows: Rows) -> Check:
    tally = Tally("I1 rows and marks")
    left = dict(rows.streams)
    for one in stored:
        tally.saw(one.count)
        count, total = left.pop(one[:2], (0, 0))
        where = f"{one.device} boot {one.boot}"
        tally.equal(f"{where} marks", one.count, count + one.removed)
        tally.equal(f"{where} sum of marks", one.sum, (total + one.removed_sum) & SUM_MASK)
    for key in sorted(left):
        tally.broken(f"{key[0]} boot {key[1]}: {left[key][0]} readings have rows and no mark")
    return tally.check()


def _once(stored: Iterable[StoredStream], doubles: Iterable[tuple]) -> Check:
    tally = Tally("I1 no key twice")
    tally.saw(sum(one.count for one in stored))
    for device, boot, seq, times in doubles:
        tally.broken(f"{device} boot {boot} seq {seq} stands {times} times")
    return tally.check()


def _told(accounts: Mapping[Stream, SpoolAccount], rows: Rows, turned_away: Mapping[Stream, int]) -> Check:
    tally = Tally("I1 drops told")
    for key, spool in sorted(accounts.items()):
        tally.saw(spool.dropped)
        told = rows.told.get(key, 0) + spool.untold
        if not spool.dropped - turned_away.get(key, 0) <= told <= spool.dropped:
            tally.broken(f"{key[0]} boot {key[1]}: {spool.dropped} readings were dropped, {told} were told")
    return tally.check()
