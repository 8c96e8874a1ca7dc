"""The clock that deadlines are told by, and how somebody who has had enough moves it past all of them.

`now()` is time.perf_counter until `hurry()` is called inside a `with patience():`. From then on it stands years later, so every search
ends as it does when its time is over, with the best plan it has. What is measured rather than waited for is read from time.perf_counter.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

YEARS_S = 1e9  # later than any deadline


class _Ahead:
    seconds = 0.0


def now() -> float:
    """Return the time to compare with a deadline, in seconds."""
    return time.perf_counter() + _Ahead.seconds


def hurry() -> None:
    """Let every deadline of this process be over; for signal handlers. Outside `patience` there would be no end to it, so it is refused."""
    if not _Patience.is_open:
        raise RuntimeError("nobody waits")
    _Ahead.seconds = YEARS_S


class _Patience:
    is_open = False


@contextmanager
def patience() -> Iterator[None]:
    """Allow `hurry` within; afterwards deadlines are what they were."""
    _Patience.is_open = True
    try:
        yield
    finally:
        _Patience.is_open, _Ahead.seconds = False, 0.0
