"""Which handhelds have died, and for how long: what their births, their wills and their own words say, by the wall."""

import threading
import time
from collections.abc import Callable

REMEMBERED = 10_000  # devices; what floods the broker with names is forgotten by age


class Presence:
    """Told on one thread, asked on any. Who was never heard of is not gone: people work on pages, too, which announce nothing."""

    def __init__(self, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_s = wall_s
        self._lock = threading.Lock()
        self._boots: dict[str, int] = {}
        self._died_s: dict[str, float] = {}

    def born(self, device: str, boot: int, is_retained: bool = False) -> None:
        """It is there, since this boot. What a broker retained says no more than that it once was: it undoes no death of the same boot."""
        with self._lock:
            known = self._boots.get(device, -1)
            if boot > known or (boot == known and not (is_retained and device in self._died_s)):
                self._died_s.pop(device, None)
                self._boots.pop(device, None)
                self._boots[device] = boot
            while len(self._boots) > REMEMBERED:
                gone = next(iter(self._boots))
                del self._boots[gone]
                self._died_s.pop(gone, None)

    def died(self, device: str, boot: int) -> None:
        """Its connection of this boot was lost; that of an earlier boot says nothing about this one."""
        with self._lock:
            if device in self._boots and boot >= self._boots[device]:
                self._died_s.setdefault(device, self._wall_s())

    def spoke(self, device: str) -> None:
        """It has said something: it lives, whatever was heard of it."""
        if device in self._died_s:
            with self._lock:
                self._died_s.pop(device, None)

    def gone(self, after_s: float) -> list[str]:
        """Who has been dead for at least so long."""
        now_s = self._wall_s()
        with self._lock:
            return sorted(device for device, died_s in self._died_s.items() if now_s - died_s >= after_s)
