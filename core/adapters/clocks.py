"""Clocks: the system's, and one that a test or the twin turns by hand."""

import time


class SystemClock:
    """UTC now; never goes back, also when the machine's clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def now_ms(self) -> int:
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last


class SetClock:
    """Floor time that stands still until it is set forward."""

    def __init__(self, at_ms: int = 0) -> None:
        self._at_ms = at_ms

    def now_ms(self) -> int:
        return self._at_ms

    def set(self, at_ms: int) -> None:
        """Go forward to `at_ms`; an earlier time changes nothing."""
        self._at_ms = max(self._at_ms, at_ms)
