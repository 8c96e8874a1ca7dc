"""What goes wrong with the goods themselves: units that vanish from bins, and the one bin that is empty from the beginning.

Nobody is told. A loss shows when a bin runs short, when a counter comes, or at once where a load cell stands below.
"""

from floorwise.core.model.policies import HOUR_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import Plan
from floorwise.sim.emulated.season import Season
from floorwise.sim.emulated.world import World

LOSSES_AN_HOUR = 3  # units broken and thrown away, stolen, put into another bin
MOST_LOST = 2
GONE = "BEHIND THE RACK"
SHORT_FROM_RANK = 40  # an empty bin of what everybody wants would hold up a tenth of all orders
EARLY_ORDERS = 20  # the planted short is met by one of so many orders that wait when the house opens


def plant_short(world: World, plan: Plan, season: Season, opening_ms: int) -> str:
    """Empty one bin that an early order needs, whatever the books say; give the bin."""
    spared = {scale.sku for scale in plan.scales} | plan.cold | set(list(plan.articles)[:SHORT_FROM_RANK])
    for _, order in season.overnight(opening_ms, EARLY_ORDERS):
        for line in order["lines"]:
            if line["sku"] not in spared:
                place = plan.homes.pick[line["sku"]]
                world.move(line["sku"], world.units(place, line["sku"]), place, GONE)
                return place
    return ""


class Mishaps:
    """Losses, hour by hour; the same seed loses the same units."""

    def __init__(self, floor: Floor, plan: Plan, chance: Chance) -> None:
        self._floor, self._world, self._plan, self._chance = floor, floor.world, plan, chance
        self._skus = list(plan.articles)
        self.lost = 0

    def start(self) -> None:
        """Let things go wrong from this hour on."""
        self._hour(self._floor.now_ms // HOUR_MS * HOUR_MS)

    def _hour(self, hour_ms: int) -> None:
        for number in range(LOSSES_AN_HOUR):
            entity = f"{hour_ms // HOUR_MS}.{number}"
            at_ms = hour_ms + self._chance.whole("lost at", entity, 0, HOUR_MS - 1)
            if at_ms >= self._floor.now_ms:
                self._floor.at(at_ms, self._lose, entity, at_ms)
        self._floor.at(hour_ms + HOUR_MS, self._hour, hour_ms + HOUR_MS)

    def _lose(self, entity: str, at_ms: int) -> None:
        if self._world.happened(f"loss/{entity}") is None:
            sku = self._skus[self._chance.whole("lost sku", entity, 0, len(self._skus) - 1)]
            units = self._chance.whole("lost units", entity, 1, MOST_LOST)
            gone = self._world.move(sku, units, self._plan.homes.pick[sku], GONE)
            self._world.happen(f"loss/{entity}", at_ms, sku=sku, units=gone)
            self.lost += gone
