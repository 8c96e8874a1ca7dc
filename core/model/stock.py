"""Stock as a double-entry ledger: moves between places, balances derived from them, the pool that orders draw on.

A place is a bin ("A01-012-0"), a handling unit ("pallet:340…", "tote:T7") or virtual ("SUPPLIER", "UNRESOLVED:A01-012-0").
Every move leaves one place and enters another, so the sum over all places is zero for each SKU, lot and owner. A handling
unit is itself a thing that moves (`Move.unit`), and what is in it moves with it: its contents lie at the place that is the unit.
"""

from collections.abc import Iterable
from typing import NamedTuple

from floorwise.core.model.record import Index, record

VIRTUAL = ("SUPPLIER", "CUSTOMER", "TRANSIT", "ADJUST", "SCRAP", "OPENING", "UNRESOLVED")
STOCK_UNITS = ("pallet", "case")  # units that hold stock for sale while they stand in a bin
FLOW_UNITS = ("tote", "parcel")  # units that hold what has been picked
STATUSES = ("available", "held", "damaged", "expired", "returned")
NEVER_MS = 253_402_300_799_000  # 9999-12-31: the expiry of what does not expire; sorts last


def place_kind(place: str) -> str:
    """"bin", "pallet", "case", "tote", "parcel" or "virtual"."""
    head, _, rest = place.partition(":")
    if head in VIRTUAL:
        return "virtual"
    return head if rest and (head in STOCK_UNITS or head in FLOW_UNITS) else "bin"


@record(
    key="number",
    indexes=[Index("by_sku", "sku number", where="sku <> ''"), Index("by_unit", "unit number", where="unit <> ''")],
    checks=["quantity > 0", "source <> target or status <> to_status", "(sku = '') <> (unit = '')"],
    append_only=True,
)
class Move(NamedTuple):
    """`quantity` units of a SKU, or one handling unit, went from `source` to `target`."""

    number: int  # 0 until the ledger numbers it
    at_ms: int  # when it happened
    recorded_at_ms: int  # when the ledger was told
    sku: str
    lot: str
    serial: str
    unit: str
    quantity: int
    source: str
    target: str
    owner: str
    status: str
    to_status: str
    cause: str  # "receipt", "pick", "count", …
    reference: str  # what caused it: an order, tour, count task, …


@record(
    key="place sku lot serial owner status",
    indexes=[Index("stock", "sku owner status place", where="on_hand > 0 and kind in ('bin', 'pallet', 'case')")],
    checks=["kind = 'virtual' or (on_hand >= 0 and reserved >= 0 and reserved <= on_hand)"],
    derived="on_hand kind",
)
class Balance(NamedTuple):
    """What lies at a place. `on_hand` follows from the moves; `reserved` of it is bound to picks."""

    place: str
    sku: str
    lot: str
    serial: str
    owner: str
    status: str
    kind: str  # place_kind(place)
    on_hand: int
    reserved: int
    version: int = 0


@record(key="sku lot", indexes=[Index("by_expiry", "expires_at_ms", where="is_expired = 0")])
class Lot(NamedTuple):
    """A production lot; SKUs that are not tracked by lot use the lot ""."""

    sku: str
    lot: str
    expires_at_ms: int
    received_at_ms: int
    is_expired: int = 0  # 1: its date has passed, and what was available of it has status "expired"
    version: int = 0


@record(key="sku serial")
class Serial(NamedTuple):
    """Where one serial number is; it is in one place only."""

    sku: str
    serial: str
    place: str
    version: int = 0


@record(key="number", indexes=[Index("by_lot", "sku lot number")], append_only=True)
class Weighing(NamedTuple):
    """Catch weight: what the pieces of move `number` weighed, as their label or a scale said.

    Moves and balances count pieces. Grams are kept for the moves where somebody weighed: what came in and what went out.
    """

    number: int
    sku: str
    lot: str
    pieces: int
    net_g: int
    cause: str  # as Move.cause


@record(key="site sku owner", checks=["reserved >= 0", "reserved <= eligible"])
class Pool(NamedTuple):
    """The first level of reservation: sellable units of a SKU at a site, and how many are promised to order lines."""

    site: str
    sku: str
    owner: str
    eligible: int  # on hand in pick and reserve bins, status available
    reserved: int  # promised at order entry, until picked
    version: int = 0

    @property
    def available(self) -> int:
        """Units that may still be promised."""
        return self.eligible - self.reserved


class ShelfStock(NamedTuple):
    """Unbound units of one lot on one shelf."""

    location: str
    available: int
    expires_at_ms: int
    lot: str = ""


class ShelfTake(NamedTuple):
    """Units to take from one shelf."""

    location: str
    lot: str
    quantity: int


def allocate(quantity: int, shelves: Iterable[ShelfStock], min_expiry_ms: int = 0) -> tuple[list[ShelfTake], int]:
    """Choose shelves for `quantity` units; return the takes and how many units are short.

    First expired, first out among lots that live until `min_expiry_ms`. Equal dates empty the smaller remainder first, so
    a picker leaves a free slot behind instead of two half-full ones.
    """
    takes, short = [], quantity
    for shelf in sorted(shelves, key=lambda s: (s.expires_at_ms, s.available, s.location, s.lot)):
        if shelf.expires_at_ms >= min_expiry_ms and (units := min(short, shelf.available)) > 0:
            takes.append(ShelfTake(shelf.location, shelf.lot, units))
            short -= units
    return takes, short


def promisable(supply: Iterable[tuple[int, int]], promised: Iterable[tuple[int, int]], min_expiry_ms: int) -> int:
    """How many more units with an expiry of at least `min_expiry_ms` may be promised so that every promise can be kept.

    `supply` is (expires_at_ms, units) in stock, `promised` is (min_expiry_ms, units) already given. Eligible sets are
    nested (who accepts a short date accepts a long one), so by Hall's theorem a set of promises can be kept exactly if,
    for each date d, the units promised with a minimum of d or later do not exceed the units that expire at d or later.
    """
    supply, promised = list(supply), list(promised)
    # A new promise counts at every date up to its own; dates between two promised minima allow at least as much.
    dates = {d for d, _ in promised if d <= min_expiry_ms} | {min_expiry_ms}
    return min(sum(u for e, u in supply if e >= d) - sum(u for m, u in promised if m >= d) for d in dates)


def overpromised(supply: Iterable[tuple[int, int]], promised: Iterable[tuple[int, int]], min_expiry_ms: int) -> int:
    """How many units promised with this minimum or a later one have no stock of such a date; below zero, how many are to spare."""
    return sum(u for m, u in promised if m >= min_expiry_ms) - sum(u for e, u in supply if e >= min_expiry_ms)
