"""What the emulated floor consists of: site, articles, where each lies, opening stock, which bins stand on scales, what is cold.

Sizes, weights and stocking rules are the twin's assumptions (sim.floorplan). The last aisle is a cold room; every COLD_EVERY-th
article lives there. The world opens with what the books say, but for one bin: there the planted short waits.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from floorwise.core.flow.masterdata import SkuWanted
from floorwise.sim import floorplan
from floorwise.sim.chance import Chance
from floorwise.sim.floorplan import CARRIER, Homes, Stocking, bin_name
from floorwise.sim.scenario import Floor, Supply

ZONE, CURRENCY = "Europe/London", "GBP"
FLOOR = Floor(aisles=8, bays=30, pick_levels=2)
SKUS = 400
COLD_EVERY = 25
COURIER = "courier"
CARRIERS = ((CARRIER, "standard", "17:30", "01234"), (COURIER, "same-day", "20:00", "0123456"))
SUPPLY = Supply(cover_days=3.0, lead_days=0.25, reorder_share=0.4)
LEAST_A_DAY = 12.0  # units that even the rarest article is stocked for: an order may ask for twenty
SCALES = 12
SCALE_LEAST_G = 100  # a lighter article drowns in a load cell's noise
SCALE_FROM_RANK = 8  # bins where a hand goes every few minutes never come to rest
SKUS_A_COMMAND = 2_000  # a body has at most 1 MiB


class Scale(NamedTuple):
    """A load cell under a pick bin."""

    device: str
    place: str
    sku: str
    unit_g: int
    tare_g: int


class Plan(NamedTuple):
    """All that stands still on the floor."""

    floor: Floor
    supply: Supply
    articles: dict[str, SkuWanted]  # in order of popularity
    homes: Homes
    stock: dict[str, Stocking]
    places: dict[str, tuple[int, int, int]]  # bin -> aisle, y_mm, level
    cold: frozenset[str]  # SKUs that must stay cool
    scales: tuple[Scale, ...]
    pickers: tuple[str, ...]
    packers: int
    zone: str = ZONE
    currency: str = CURRENCY

    def opening(self) -> list[tuple[str, int, str]]:
        """(SKU, units, place) of the opening count."""
        rows = []
        for sku, wanted in self.stock.items():
            face = min(wanted.opening, self.homes.face_units(sku))
            rows += [(sku, face, self.homes.pick[sku]), (sku, wanted.opening - face, self.homes.reserve[sku])]
        return [row for row in rows if row[1]]

    def weight_g(self, contents: Mapping[str, int]) -> int:
        """What these units weigh."""
        return sum(self.articles[sku].weight_g * units for sku, units in contents.items())

    def walk_mm(self, start: str, end: str) -> int:
        """Shortest way between two bins: along the aisle, or round by the nearer cross-aisle; "" is the depot."""
        (a, y, _), (b, z, _) = (self.places[name] if name else (0, 0, 0) for name in (start, end))
        if a == b:
            return abs(y - z)
        length_mm = self.floor.bays * self.floor.bay_mm
        return abs(a - b) * self.floor.pitch_mm + min(y + z, 2 * length_mm - y - z)


def sku_names() -> list[str]:
    """The catalogue in order of popularity; cold articles say so."""
    return [f"{'COLD' if number % COLD_EVERY == 0 else 'SKU'}-{number:05}" for number in range(1, SKUS + 1)]


def make(
    seed: int,
    a_day: Mapping[str, float],
    pickers: int,
    packers: int,
    floor: Floor = FLOOR,
    supply: Supply = SUPPLY,
    least: float = LEAST_A_DAY,
) -> Plan:
    """The floor of a seed, stocked for a demand of `a_day` units of each SKU (in order of popularity), for `least` of each at least.

    SKUs whose name begins with COLD lie in the last aisle; without any it is an aisle like the others.
    """
    chance, names = Chance(seed), list(a_day)
    articles = {sku: floorplan.article(chance, sku) for sku in names}
    volumes = {sku: article.volume_mm3 for sku, article in articles.items()}
    cold = [sku for sku in names if sku.startswith("COLD")]
    cold_aisle = floor.aisles - 1
    homes = Homes(floor._replace(aisles=cold_aisle) if cold else floor, [sku for sku in names if sku not in cold], volumes)
    for number, sku in enumerate(cold):
        bay, side = number // 2, "LR"[number % 2]
        homes.pick[sku], homes.reserve[sku] = bin_name(cold_aisle, bay, side, 0), bin_name(cold_aisle, bay, side, floor.pick_levels)
    stock = {sku: floorplan.stocking(max(a_day[sku], least), supply) for sku in names}
    site = floorplan.site_wanted(floor, ZONE, CURRENCY)
    places = {place.location: (place.aisle, place.y_mm, place.level) for place in site.locations}
    heavy = [sku for sku in names[SCALE_FROM_RANK:] if articles[sku].weight_g >= SCALE_LEAST_G and sku not in cold][:SCALES]
    scales = tuple(
        Scale(f"scale-{n:02}", homes.pick[sku], sku, articles[sku].weight_g, chance.whole("tare", sku, 1_800, 2_600))
        for n, sku in enumerate(heavy, 1)
    )
    hands = tuple(f"picker-{n:02}" for n in range(1, pickers + 1))
    return Plan(floor, supply, articles, homes, stock, places, frozenset(cold), scales, hands, packers)


def set_up(plan: Plan) -> list[tuple[str, dict[str, Any], str]]:
    """(command, body, idempotency key) of everything the books need to know before the first order; safe to repeat."""
    site = floorplan.site_wanted(plan.floor, plan.zone, plan.currency)
    told: list[tuple[str, dict[str, Any], str]] = [
        ("AddSite", site._asdict() | {"locations": [place._asdict() for place in site.locations]}, "emulator/site"),
        ("AddCarriers", {"carriers": [list(carrier) for carrier in CARRIERS]}, "emulator/carriers"),
    ]
    articles = list(plan.articles.values())
    for n in range(0, len(articles), SKUS_A_COMMAND):
        told.append(("AddSkus", {"skus": [article._asdict() for article in articles[n : n + SKUS_A_COMMAND]]}, f"emulator/skus/{n}"))
    lead_ms = round(plan.supply.lead_days * 86_400_000)
    rules = [
        {"sku": sku, "reorder_point": s.reorder_point, "order_up_to": s.order_up_to, "lead_time_ms": lead_ms}
        for sku, s in plan.stock.items()
    ]
    told.append(("SetStockRules", {"rules": rules}, "emulator/rules"))
    rows = [{"sku": sku, "quantity": units, "place": place} for sku, units, place in plan.opening()]
    for n in range(0, len(rows), SKUS_A_COMMAND):
        told.append(("ReceiveOpening", {"rows": rows[n : n + SKUS_A_COMMAND]}, f"emulator/opening/{n}"))
    return told
