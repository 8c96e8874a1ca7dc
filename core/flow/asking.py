"""The planning question, read from the ledger: parts that wait, and unbound stock they may be picked from."""

from floorwise.core.errors import NotFound
from floorwise.core.model.handling import TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.places import SELLABLE_KINDS, AisleBlock, Location, Site
from floorwise.core.model.planning import BinPoint, BinStock, Block, DemandLine, PartDemand, PlanRequest
from floorwise.core.model.policies import CART, PALLET
from floorwise.core.model.stock import NEVER_MS, Balance, Lot
from floorwise.core.model.work import Part, PartLine
from floorwise.core.ports import Ledger


def request(ledger: Ledger, site_name: str, parts: list[Part], at_ms: int, seed: int = 0, effort: int = 0) -> PlanRequest:
    """Everything a planner needs for these parts (all of one kind and owner), complete and in a fixed order."""
    site = ledger.get(Site, site_name)
    if site is None:
        raise NotFound(f"site {site_name!r} is unknown")
    is_bulk = bool(parts) and parts[0].kind == "bulk"
    demands: list[PartDemand] = []
    wanted: dict[str, int] = {}
    for part in parts:
        rows = ledger.find(PartLine, "key", part.part)
        for row in rows:
            wanted[row.sku] = wanted.get(row.sku, 0) + row.quantity
        lines = tuple(DemandLine(row.line, row.sku, row.quantity, max(row.min_expiry_ms, at_ms)) for row in rows)
        demands.append(PartDemand(part.part, part.cut_off_ms, part.weight_g, part.volume_mm3, lines))
    stock: list[BinStock] = []
    bins: dict[str, BinPoint] = {}
    for sku in sorted(wanted):
        rows, points = shelves(ledger, sku, parts[0].owner, "bulk" if is_bulk else "cart", wanted[sku])
        stock += rows
        bins |= points
    named = {row.location for row in stock}
    return PlanRequest(
        site_name,
        at_ms,
        block(site),
        tuple(bins[place] for place in sorted(named)),
        PALLET if is_bulk else CART,
        tuple(demands),
        tuple(stock),
        seed,
        effort,
    )


def block(site: Site) -> Block:
    """The floor of a site as it is walked."""
    return Block(tuple(site.aisle_pitch_mm * n for n in range(site.aisles)), site.aisle_length_mm, site.depot_x_mm)


def shelves(ledger: Ledger, sku: str, owner: str, kind: str, wanted: int) -> tuple[list[BinStock], dict[str, BinPoint]]:
    """Unbound units of a SKU that a picker of this kind of part may take, in order of (expiry, place, lot), and where they stand.

    Bulk parts are picked from reserve and all others from the pick face, as long as that covers `wanted`.
    """
    free: dict[tuple[int, str, str], list[int]] = {}
    points: dict[str, tuple[BinPoint, str] | None] = {}
    for balance in ledger.find(Balance, "stock", sku, owner, "available"):
        if balance.place not in points:
            points[balance.place] = _point(ledger, balance.place)
        if points[balance.place] is not None:
            lot = ledger.get(Lot, sku, balance.lot) if balance.lot else None
            sums = free.setdefault((lot.expires_at_ms if lot else NEVER_MS, balance.place, balance.lot), [0, 0])
            sums[0] += balance.on_hand - balance.reserved  # one row a serial: the planner sees the bin
            sums[1] += balance.version
    rows = [
        BinStock(place, sku, lot, expiry, units, version)
        for (expiry, place, lot), (units, version) in sorted(free.items())
        if units > 0
    ]
    there = {place: found for place, found in points.items() if found is not None}
    chosen = _near_at_hand(rows, {place: kind for place, (_, kind) in there.items()}, "reserve" if kind == "bulk" else "pick", wanted)
    return chosen, {place: point for place, (point, _) in there.items()}


def balances_at(ledger: Ledger, place: str, sku: str, lot: str, owner: str) -> list[Balance]:
    """The sellable balances of an owner's SKU and lot at one place, by serial."""
    rows = ledger.find(Balance, "key", place, sku, lot)
    return [row for row in rows if row.owner == owner and row.status == "available" and row.on_hand]


def _near_at_hand(rows: list[BinStock], kinds: dict[str, str], kind: str, wanted: int) -> list[BinStock]:
    """Bulk lines are picked from reserve and all others from the pick face, as long as that covers them; lots go by expiry alone."""
    if any(row.lot for row in rows):
        return rows
    there = [row for row in rows if kinds[row.location] == kind]
    return there if sum(row.available for row in there) >= wanted else rows


def _point(ledger: Ledger, place: str) -> tuple[BinPoint, str] | None:
    """Where a place can be walked to, and the kind of its bin; None when that is not a pick or reserve bin, or its aisle is blocked."""
    standing = place
    for _ in range(TREE_DEPTH + 1):
        unit = unit_of(standing)
        if not unit:
            location = ledger.get(Location, standing)
            if location is None or location.kind not in SELLABLE_KINDS:
                return None
            block = ledger.get(AisleBlock, location.site, location.aisle)
            if block is not None and block.is_blocked:
                return None
            return BinPoint(place, location.aisle, location.y_mm, location.level), location.kind
        found = ledger.get(HandlingUnit, unit)
        if found is None:
            return None
        standing = found.parent
    return None
