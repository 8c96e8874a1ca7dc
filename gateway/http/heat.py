"""How much lies in each bin, for the colours of the map."""

import threading
import time

from floorwise.core.model.places import Location
from floorwise.core.model.stock import Balance
from floorwise.core.ports import Ledger

HEAT_EVERY_S = 2.0  # walking all bins costs 10 µs each; several pages share one walk


class Heat:
    """Units in each bin, looked up at most every HEAT_EVERY_S."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0.0
        self._units: dict[str, int] = {}

    def units(self, ledger: Ledger, bins: list[Location]) -> dict[str, int]:
        """Units on hand by bin, those without any left out."""
        with self._lock:
            if time.monotonic() - self._at > HEAT_EVERY_S:
                sums = {b.location: sum(row.on_hand for row in ledger.find(Balance, "key", b.location)) for b in bins}
                self._units = {place: units for place, units in sums.items() if units}
                self._at = time.monotonic()
            return self._units
