"""Stock as the balances say."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from floorwise.core.model.handling import TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.stock import Balance, Pool
from floorwise.core.ports import Ledger
from floorwise.gateway.http.context import Here, Text
from floorwise.gateway.http.shapes import chosen

router = APIRouter(tags=["stock"])

FIELDS = "sku lot serial owner status on_hand reserved"
UNITS_INSIDE = 1_000  # units in a place that are looked into


@router.get("/stock")
def read_stock(gateway: Here, sku: Text = "", place: Text = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000) -> dict[str, Any]:
    """Balances that are not zero."""
    with gateway.readers.read() as ledger:
        found = [row for row in _balances(ledger, sku, place, limit + 1) if row.on_hand]
        rows = [{"place": row.place, "location": _location(ledger, row.place)} | chosen(row, FIELDS) for row in found[:limit]]
        pools = ledger.find(Pool, "key", gateway.settings.site, sku) if sku else []
    return {
        "rows": rows,
        "units": sum(row["on_hand"] for row in rows),
        "cut": len(found) > limit,
        "pools": [chosen(pool, "sku owner eligible reserved available") for pool in pools],
    }


def _balances(ledger: Ledger, sku: str, place: str, limit: int) -> list[Balance]:
    if place:
        places, found = [place], []
        for at in places:
            found += ledger.find(Balance, "key", at, *([sku] if sku else []), limit=limit)
            if len(places) < UNITS_INSIDE:
                places += [unit.place for unit in ledger.find(HandlingUnit, "by_parent", at, limit=UNITS_INSIDE)]
        return found
    if sku:
        return ledger.find(Balance, "stock", sku, limit=limit)
    found, last = [], None
    while len(found) < limit:
        rows = ledger.find(Balance, "key", after=last, limit=2 * limit)
        found += [row for row in rows if row.on_hand]
        if len(rows) < 2 * limit:
            break
        last = rows[-1].place  # rows of that place that a page cut off are left out: this is a view, not the books
    return found[:limit]


def _location(ledger: Ledger, place: str) -> str:
    """The bin or virtual place where a unit stands."""
    for _ in range(TREE_DEPTH + 1):
        unit = ledger.get(HandlingUnit, unit_of(place)) if unit_of(place) else None
        if unit is None:
            return place
        place = unit.parent
    return place
