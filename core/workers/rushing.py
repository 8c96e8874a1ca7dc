"""Sends parts whose truck leaves soon with somebody who walks already."""

from floorwise.core.errors import Refused
from floorwise.core.flow import asking
from floorwise.core.flow.joining import JoinTour, why_not
from floorwise.core.model.places import Location, Site
from floorwise.core.model.policies import RUSH_MS
from floorwise.core.model.walking import Spot, put_in
from floorwise.core.model.work import Part, PartLine, Pick, Tour, in_walking_order
from floorwise.core.ports import Ledger
from floorwise.core.warehouse import Warehouse

MOST_TOURS = 100  # that are looked at for a part, the ones planned first
MOST_TRIES = 3  # tours that are asked for a part


def step(warehouse: Warehouse, site: str, now_ms: int, limit: int) -> int:
    """Let up to `limit` waiting parts whose truck leaves within RUSH_MS join the tour where they add least way; give how many did.

    What fits nowhere is planned like any other part.
    """
    ledger, joined = warehouse.ledger, 0
    rush = ledger.find(Part, "by_state", site, "waiting", "cart", until=now_ms + RUSH_MS, limit=limit)
    for part in rush:
        tours = ledger.find(Tour, "by_state", site, "taken", "cart", limit=MOST_TOURS)
        ways = sorted((_extra_mm(ledger, site, tour, part), tour.tour) for tour in tours if not why_not(ledger, tour, part))
        for _, name in ways[:MOST_TRIES]:
            try:
                warehouse.execute(JoinTour(name, part.part))
            except Refused:
                continue
            joined += 1
            break
    return joined


def _extra_mm(ledger: Ledger, site: str, tour: Tour, part: Part) -> int:
    """About how much way the part adds: each line by itself from its first shelf."""
    block = asking.block(ledger.get(Site, site))
    ahead = [_spot(ledger, pick.location) for pick in in_walking_order(ledger.find(Pick, "key", tour.tour)) if pick.state == "open"]
    total = 0
    for row in ledger.find(PartLine, "key", part.part):
        shelves, points = asking.shelves(ledger, row.sku, part.owner, part.kind, row.quantity)
        if shelves:
            point = points[shelves[0].location]
            total += put_in(block, ahead, Spot(point.aisle, point.y_mm))[1]
    return total


def _spot(ledger: Ledger, name: str) -> Spot:
    location = ledger.get(Location, name)
    return Spot(location.aisle, location.y_mm)
