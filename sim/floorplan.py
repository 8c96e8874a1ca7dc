"""Builds a floor for the twin: site, bins, catalogue with assumed sizes, where each SKU lies, opening stock and rules for buying.

Nobody publishes sizes and weights of articles with their orders: those here are assumptions, drawn by SKU name and seed from
log-normal distributions (median 180 g and 0.45 litres, a gift shop's range), so a SKU weighs the same in every run of a seed.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import NamedTuple

from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, RuleWanted, SetStockRules, SkuWanted
from floorwise.core.flow.receiving import ReceiveOpening, StockArrived
from floorwise.core.model.places import Site
from floorwise.core.model.policies import DAY_MS, LITRE
from floorwise.core.warehouse import Warehouse
from floorwise.sim.chance import Chance
from floorwise.sim.scenario import Carriers, Floor, Supply

COMPANY_PREFIX = "9501234"  # the GS1 prefix reserved for examples
CARRIER = "paper"
STANDING = (
    ("DOCK", "dock"),
    ("CARTS", "stage"),
    ("STAGE", "stage"),
    ("PACK", "pack"),
    ("RETURNS", "returns"),
    ("OUTLET", "outlet"),
    ("QUARANTINE", "quarantine"),
)
MEDIAN_G, SPREAD_G, MOST_G = 180, 1.0, 12_000
MEDIAN_MM3, SPREAD_MM3, MOST_MM3 = 450_000, 1.0, 40 * LITRE
FACE_MM3 = 200 * LITRE  # what a pick bin holds; the rest of an article lies in reserve
LEAST_ORDER_UP_TO = 12


class Homes:
    """Where each SKU lies: a pick bin of its own, the popular ones nearest the depot, and a reserve bin above an aisle."""

    def __init__(self, floor: Floor, skus: Iterable[str], volumes: Mapping[str, int]) -> None:
        """`skus` come in order of popularity, the most wanted first."""
        self.floor = floor
        faces = sorted(
            (aisle * floor.pitch_mm + (bay + 1) * floor.bay_mm, aisle, bay, side, level)
            for aisle in range(floor.aisles)
            for bay in range(floor.bays)
            for side in "LR"
            for level in range(floor.pick_levels)
        )
        self.pick: dict[str, str] = {}
        self.reserve: dict[str, str] = {}
        for number, sku in enumerate(skus):
            _, aisle, bay, side, level = faces[number % len(faces)]
            self.pick[sku] = bin_name(aisle, bay, side, level)
            self.reserve[sku] = bin_name(aisle, bay, side, floor.pick_levels)
        self._volumes = volumes

    def face_units(self, sku: str) -> int:
        """Units that fit the SKU's pick bin."""
        return max(1, FACE_MM3 // max(1, self._volumes[sku]))

    def place_for(self, sku: str, quantity: int, on_face: int) -> str:
        """Where an arrival goes: to the face while it has room, else to reserve."""
        return self.pick[sku] if on_face + quantity <= self.face_units(sku) else self.reserve[sku]


class Stocking(NamedTuple):
    """What to have of a SKU: units at the opening, and when and how much to buy."""

    opening: int
    reorder_point: int
    order_up_to: int


def bin_name(aisle: int, bay: int, side: str, level: int) -> str:
    """A bin as the floor says it: A03-017L-1 is aisle 3, bay 17, left, second level."""
    return f"A{aisle:02}-{bay:03}{side}-{level}"


def article(chance: Chance, sku: str) -> SkuWanted:
    """An article with assumed weight and volume of one unit; see the module's docstring."""
    weight_g = min(MOST_G, max(5, chance.lognormal("weight", sku, MEDIAN_G * 1.5, SPREAD_G)))
    volume_mm3 = min(MOST_MM3, max(10_000, chance.lognormal("volume", sku, MEDIAN_MM3 * 1.5, SPREAD_MM3)))
    return SkuWanted(sku, "", weight_g, volume_mm3)


def stocking(demand_a_day: float, supply: Supply) -> Stocking:
    """Opening stock and buying rule for a mean daily demand: cover for `cover_days`, bought anew at `reorder_share` of it."""
    cover = max(LEAST_ORDER_UP_TO, ceil(demand_a_day * supply.cover_days))
    return Stocking(cover if demand_a_day else 0, int(cover * supply.reorder_share), cover)


def build(
    warehouse: Warehouse, floor: Floor, zone: str, currency: str, carriers: Carriers, articles: list[SkuWanted], homes: Homes,
    stock: Mapping[str, Stocking], supply: Supply,
) -> None:  # fmt: skip
    """Give the warehouse its master data and opening stock. Safe to repeat: each step is done once, by its key."""
    if warehouse.ledger.get(Site, "main") is None:
        warehouse.execute(site_wanted(floor, zone, currency))
    warehouse.execute(AddCarriers(((CARRIER, "standard", carriers.cut_off, carriers.open_days),)))
    warehouse.execute(AddSkus(tuple(articles)))
    lead_ms = round(supply.lead_days * DAY_MS)
    warehouse.execute(SetStockRules(tuple(RuleWanted(sku, s.reorder_point, s.order_up_to, lead_ms) for sku, s in stock.items())))
    rows = []
    for sku, wanted in stock.items():
        face = min(wanted.opening, homes.face_units(sku))
        rows += [
            StockArrived(sku, units, place)
            for units, place in ((face, homes.pick[sku]), (wanted.opening - face, homes.reserve[sku]))
            if units
        ]
    if rows:
        warehouse.execute(ReceiveOpening(tuple(rows)), key="opening stock")


def site_wanted(floor: Floor, zone: str, currency: str) -> AddSite:
    """The command that makes the site with its bins and standing places."""
    places = [LocationWanted(name, kind, 0, 0) for name, kind in STANDING]
    for aisle in range(floor.aisles):
        for bay in range(floor.bays):
            for side in "LR":
                for level in range(floor.pick_levels + 1):
                    kind = "reserve" if level == floor.pick_levels else "pick"
                    y_mm = bay * floor.bay_mm + floor.bay_mm // 2
                    places.append(LocationWanted(bin_name(aisle, bay, side, level), kind, aisle, y_mm, level))
    return AddSite(zone, currency, COMPANY_PREFIX, floor.aisles, floor.pitch_mm, floor.bays * floor.bay_mm, 0, tuple(places))
