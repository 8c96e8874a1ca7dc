"""What can be stocked: SKUs, their pack levels, the carriers that fetch them and the cartons they go in."""

from datetime import time
from typing import NamedTuple

from floorwise.core.model.record import Index, record


@record(key="sku", indexes=[Index("by_gtin", "gtin", where="gtin <> ''", unique=True)])
class Sku(NamedTuple):
    """One article. Sizes and weights are of one smallest stock unit ("each")."""

    sku: str
    gtin: str
    weight_g: int
    volume_mm3: int
    is_lot_tracked: int
    is_serial_tracked: int
    is_catch_weight: int  # pieces are counted, grams are weighed
    shelf_life_ms: int  # 0 = does not expire
    tolerance_g: int  # catch weight: allowed difference a piece
    version: int = 0


@record(key="sku unit valid_from_ms", indexes=[Index("by_gtin", "gtin valid_from_ms", where="gtin <> ''")])
class PackLevel(NamedTuple):
    """One `unit` of a SKU is exactly numerator/denominator smallest stock units, from `valid_from_ms` on."""

    sku: str
    unit: str
    gtin: str
    numerator: int
    denominator: int
    valid_from_ms: int
    version: int = 0


@record(key="carrier")
class CarrierService(NamedTuple):
    """A carrier's service from a site: when its truck leaves and how far ahead the floor must be done."""

    carrier: str
    service: str
    cut_off: str  # local "HH:MM"
    open_days: str  # weekdays 0-6 as digits, "01234"
    version: int = 0

    @property
    def cut_off_time(self) -> time:
        """The local time at which the truck leaves."""
        return time.fromisoformat(self.cut_off)

    @property
    def days(self) -> tuple[int, ...]:
        """Open weekdays, Monday = 0."""
        return tuple(int(d) for d in self.open_days)
