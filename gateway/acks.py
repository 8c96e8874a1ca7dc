"""Application acks for readings that come nearly in order: ranges are joined as they come, nothing is sorted.

`core.model.readings.encode_ack` says the same of any keys in any order, at several times the price.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from floorwise.core.model.readings import Reading, Refusal

ACK_RANGES, ACK_REFUSALS = 1_500, 400  # in one ack at most, so that it stays below its bound whatever the names and reasons

Ranges = dict[tuple[str, int], list[list[int]]]  # (device, boot) -> [first, last] each

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def add_ranges(ranges: Ranges, readings: Iterable[Reading]) -> None:
    """Add the keys of readings to `ranges`; what does not follow on its neighbour begins a range of its own."""
    stream, runs = None, []
    for device, boot, seq, _, _ in readings:
        if stream != (device, boot):
            stream = device, boot
            runs = ranges.setdefault(stream, [])
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])


def ack_payloads(ranges: Ranges, refused: Sequence[Refusal], takes: Sequence[str] = ()) -> Iterator[bytes]:
    """The ack payloads that name all of these, canonical, each below the bound of a message."""
    more = {"takes": list(takes)} if takes else {}
    block: list[dict] = []
    room = ACK_RANGES
    for device, boot in sorted(ranges):
        runs = ranges[device, boot]
        for start in range(0, len(runs), ACK_RANGES):
            some = runs[start : start + ACK_RANGES]
            if block and len(some) > room:
                yield _encode({"acks": block, "refused": []} | more).encode()
                block, room = [], ACK_RANGES
            block.append({"boot": boot, "device": device, "ranges": some})
            room -= len(some)
    if block:
        yield _encode({"acks": block, "refused": []} | more).encode()
    for start in range(0, len(refused), ACK_REFUSALS):
        yield _encode({"acks": [], "refused": [one._asdict() for one in refused[start : start + ACK_REFUSALS]]} | more).encode()
