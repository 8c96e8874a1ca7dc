"""What a floor consists of: site, locations, catalogue, carriers, rules for buying. Adding the same again changes nothing."""

from typing import NamedTuple

from floorwise.core.errors import BadInput
from floorwise.core.model import events
from floorwise.core.model.catalog import CarrierService, PackLevel, Sku
from floorwise.core.model.gs1 import is_digits
from floorwise.core.model.places import LOCATION_KINDS, Location, Site, check_digits, zone_named
from floorwise.core.model.stock import place_kind
from floorwise.core.model.supply import StockRule
from floorwise.core.model.units import check_levels
from floorwise.core.ports import Desk

MOST_AISLES = 10_000
MOST_MM = 10_000_000  # of an aisle, or between two
MOST_G = 100_000_000  # of one unit; ten million of them still add up below 2^53
MOST_MM3 = 100_000_000_000
MOST_STOCK = 10**12  # units that a rule may fill up to


class LocationWanted(NamedTuple):
    """A bin or slot at (aisle, y) and a level."""

    location: str
    kind: str
    aisle: int
    y_mm: int
    level: int = 0


class AddSite(NamedTuple):
    """Make the floor of this warehouse: its time zone, currency, block and locations."""

    zone: str
    currency: str
    company_prefix: str
    aisles: int
    aisle_pitch_mm: int
    aisle_length_mm: int
    depot_x_mm: int
    locations: tuple[LocationWanted, ...]


class SkuWanted(NamedTuple):
    """An article; see model.catalog.Sku."""

    sku: str
    gtin: str = ""
    weight_g: int = 0
    volume_mm3: int = 0
    is_lot_tracked: int = 0
    is_serial_tracked: int = 0
    is_catch_weight: int = 0
    shelf_life_ms: int = 0
    tolerance_g: int = 0


class AddSkus(NamedTuple):
    """Add articles."""

    skus: tuple[SkuWanted, ...]


class PackLevelWanted(NamedTuple):
    """One `unit` of a SKU is exactly numerator/denominator smallest stock units from that time on."""

    sku: str
    unit: str
    numerator: int
    denominator: int = 1
    gtin: str = ""
    valid_from_ms: int = 0


class AddPackLevels(NamedTuple):
    """Add pack levels; a changed factor is a new level with a later date, past moves stay as they are."""

    levels: tuple[PackLevelWanted, ...]


class AddCarriers(NamedTuple):
    """Add carriers: name, service, local cut-off "HH:MM", open weekdays as digits (0 = Monday)."""

    carriers: tuple[tuple[str, str, str, str], ...]


class RuleWanted(NamedTuple):
    """When to buy a SKU and up to how much; see model.supply.StockRule."""

    sku: str
    reorder_point: int
    order_up_to: int
    lead_time_ms: int
    owner: str = "house"


class SetStockRules(NamedTuple):
    """Set rules for buying; the latest rule of a SKU holds."""

    rules: tuple[RuleWanted, ...]


def add_site(desk: Desk, wanted: AddSite) -> dict:
    """Make site and locations; BadInput names what cannot be."""
    try:
        zone_named(wanted.zone)
    except ValueError as error:
        raise BadInput(str(error)) from error
    if not (is_digits(wanted.company_prefix) and 4 <= len(wanted.company_prefix) <= 12):
        raise BadInput(f"company prefix {wanted.company_prefix!r}: 4 to 12 digits")
    if wanted.aisles < 1 or wanted.aisle_length_mm < 1 or wanted.aisle_pitch_mm < 1:
        raise BadInput("a floor needs at least one aisle, with a length and a pitch above zero")
    if wanted.aisles > MOST_AISLES or max(wanted.aisle_length_mm, wanted.aisle_pitch_mm, wanted.depot_x_mm) > MOST_MM:
        raise BadInput(f"a floor has at most {MOST_AISLES:,} aisles, none longer or farther from the next than {MOST_MM:,} mm")
    site = Site(
        desk.site,
        wanted.zone,
        wanted.currency,
        wanted.company_prefix,
        wanted.aisles,
        wanted.aisle_pitch_mm,
        wanted.aisle_length_mm,
        wanted.depot_x_mm,
    )
    if not desk.ledger.insert(site):
        return {"site": desk.site, "again": 1}
    for place in wanted.locations:
        if place.kind not in LOCATION_KINDS:
            raise BadInput(f"location {place.location}: kind {place.kind!r}; known are {', '.join(LOCATION_KINDS)}")
        if place_kind(place.location) != "bin" or not place.location:
            raise BadInput(f"location {place.location!r}: that name means a virtual place or a handling unit")
        if not (0 <= place.aisle < wanted.aisles and 0 <= place.y_mm <= wanted.aisle_length_mm):
            raise BadInput(f"location {place.location}: aisle {place.aisle}, {place.y_mm} mm lies outside the block")
        row = Location(place.location, desk.site, place.kind, place.aisle, place.y_mm, place.level, check_digits(place.location))
        if not desk.ledger.insert(row):
            raise BadInput(f"location {place.location} is named twice")
    desk.tell(events.SiteAdded(desk.site, wanted.zone, len(wanted.locations)))
    return {"site": desk.site, "locations": len(wanted.locations)}


def add_skus(desk: Desk, wanted: AddSkus) -> dict:
    """Add articles that are not there yet."""
    added = 0
    for sku in wanted.skus:
        if min(sku.weight_g, sku.volume_mm3, sku.shelf_life_ms, sku.tolerance_g) < 0 or not sku.sku:
            raise BadInput(f"SKU {sku.sku!r}: a name is needed, and no size or weight below zero")
        if max(sku.weight_g, sku.tolerance_g) > MOST_G or sku.volume_mm3 > MOST_MM3:
            raise BadInput(f"SKU {sku.sku!r}: one unit has at most {MOST_G:,} g and {MOST_MM3:,} mm³")
        if {sku.is_lot_tracked, sku.is_serial_tracked, sku.is_catch_weight} - {0, 1}:
            raise BadInput(f"SKU {sku.sku!r}: what it is tracked by is said with 0 or 1")
        added += desk.ledger.insert(Sku(*sku))
    return _told(desk, skus=added)


def add_pack_levels(desk: Desk, wanted: AddPackLevels) -> dict:
    """Add pack levels; BadInput when a factor, a GTIN or a double declaration makes a SKU's levels ambiguous."""
    added = 0
    for sku in sorted({level.sku for level in wanted.levels}):
        if desk.ledger.get(Sku, sku) is None:
            raise BadInput(f"pack level of {sku}: the SKU is unknown")
        there = desk.ledger.find(PackLevel, "key", sku)
        new = [PackLevel(w.sku, w.unit, w.gtin, w.numerator, w.denominator, w.valid_from_ms) for w in wanted.levels if w.sku == sku]
        new = [level for level in new if level not in there]
        if faults := check_levels([*there, *new]):
            raise BadInput("; ".join(fault.text for fault in faults))
        for level in new:
            added += desk.ledger.insert(level)
    return _told(desk, pack_levels=added)


def add_carriers(desk: Desk, wanted: AddCarriers) -> dict:
    """Add carriers that are not there yet."""
    added = 0
    for name, service, cut_off, open_days in wanted.carriers:
        row = CarrierService(name, service, cut_off, open_days)
        try:
            is_sound = bool(row.days) and max(row.days) <= 6 and row.cut_off_time is not None
        except ValueError:
            is_sound = False
        if not is_sound:
            raise BadInput(f"carrier {name}: cut-off {cut_off!r} must be HH:MM, open days {open_days!r} digits from 0 (Monday) to 6")
        added += desk.ledger.insert(row)
    return _told(desk, carriers=added)


def set_stock_rules(desk: Desk, wanted: SetStockRules) -> dict:
    """Set rules; BadInput when one would never buy or buy less than nothing."""
    changed = 0
    for rule in wanted.rules:
        if not 0 <= rule.reorder_point < rule.order_up_to <= MOST_STOCK or rule.lead_time_ms < 0:
            raise BadInput(f"rule of {rule.sku}: 0 <= reorder point < order up to <= {MOST_STOCK:,}, lead time not below zero")
        row = StockRule(desk.site, rule.sku, rule.owner, rule.reorder_point, rule.order_up_to, rule.lead_time_ms)
        there = desk.ledger.get(StockRule, desk.site, rule.sku, rule.owner)
        if there is None:
            desk.ledger.insert(row)
        elif there[:-1] == row[:-1]:
            continue
        else:
            desk.ledger.change(there, reorder_point=rule.reorder_point, order_up_to=rule.order_up_to, lead_time_ms=rule.lead_time_ms)
        changed += 1
    return _told(desk, rules=changed)


def _told(desk: Desk, **counts: int) -> dict:
    changed = events.CatalogueChanged(**({"skus": 0, "pack_levels": 0, "carriers": 0, "rules": 0} | counts))
    if any(counts.values()):
        desk.tell(changed)
    return counts
