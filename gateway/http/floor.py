"""The floor as a page draws it: racks, what lies and is picked where, who walks."""

from collections import Counter
from typing import Any

from fastapi import APIRouter

from floorwise.core.errors import BadInput
from floorwise.core.model.places import AisleBlock, Location, Site
from floorwise.core.model.policies import HOUR_MS
from floorwise.core.model.work import Pick, Tour, in_walking_order
from floorwise.core.ports import Ledger
from floorwise.gateway.http.context import Gateway, Here, Text
from floorwise.gateway.http.shapes import chosen

router = APIRouter(tags=["floor"])

ALL = "block,bins,heat,tours"
PARTS = ALL.split(",")
TOURS = 200  # walks that are told at once
BIN_FIELDS = "location kind aisle y_mm level check_digits"
TOUR_FIELDS = "tour kind picker planner revision planned_at_ms taken_at_ms length_mm picks open_picks"


@router.get("/floor")
def read_floor(gateway: Here, parts: Text = ALL) -> dict[str, Any]:
    """Whichever of `parts` a page asks for."""
    wanted = [part for part in parts.split(",") if part]
    if unknown := sorted(set(wanted) - set(PARTS)):
        raise BadInput(f"parts: {unknown[0]!r} is unknown; there are {', '.join(PARTS)}")
    now_ms = gateway.clock.now_ms()
    told: dict[str, Any] = {"now_ms": now_ms, "site": gateway.settings.site}
    with gateway.readers.read() as ledger:
        site = ledger.get(Site, gateway.settings.site)
        if "block" in wanted:
            told["block"] = _block(site) | {"blocked": _blocked(ledger, site)} if site else None
        if "bins" in wanted:
            told["bins"] = [chosen(location, BIN_FIELDS) for location in ledger.find(Location, "by_kind", gateway.settings.site)]
        if "heat" in wanted:
            told["heat"] = _heat(gateway, ledger, now_ms)
        if "tours" in wanted:
            found = [tour for kind in ("bulk", "cart") for tour in ledger.find(Tour, "by_state", gateway.settings.site, "taken", kind)]
            told["tours"] = [_walk(ledger, tour) for tour in found[:TOURS]]
    return told


def _block(site: Site) -> dict[str, Any]:
    told = chosen(site, "aisles aisle_pitch_mm aisle_length_mm depot_x_mm zone currency")
    return told | {"aisle_x_mm": [n * site.aisle_pitch_mm for n in range(site.aisles)]}


def _blocked(ledger: Ledger, site: Site) -> list[dict[str, Any]]:
    return [chosen(row, "aisle cause since_ms") for row in ledger.find(AisleBlock, "key", site.site) if row.is_blocked]


def _heat(gateway: Gateway, ledger: Ledger, now_ms: int) -> dict[str, Any]:
    since_ms = now_ms - HOUR_MS
    picked: Counter[str] = Counter()
    for pick in gateway.board.picks_since(since_ms):
        picked[pick.place] += pick.units
    units = gateway.heat.units(ledger, ledger.find(Location, "by_kind", gateway.settings.site))
    return {"since_ms": since_ms, "bins": {place: [units.get(place, 0), picked[place]] for place in sorted(units.keys() | picked.keys())}}


def _walk(ledger: Ledger, tour: Tour) -> dict[str, Any]:
    stops = []
    for pick in in_walking_order(ledger.find(Pick, "key", tour.tour)):
        location = ledger.get(Location, pick.location)
        where = chosen(location, "aisle y_mm level")
        told = chosen(pick, "sku quantity picked state done_at_ms")
        stops.append({"number": pick.number, "location": pick.location} | where | told)
    return chosen(tour, TOUR_FIELDS) | {"stops": stops}
