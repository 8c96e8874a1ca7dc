"""What packers, dock, stock desk and returns bench do next."""

from typing import Any

from fastapi import APIRouter

from floorwise.core.model.catalog import CarrierService
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.places import Site, next_cut_off_ms, zone_named
from floorwise.core.model.returns import Rma
from floorwise.core.model.stock import Balance, Move, place_kind
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import CountTask, Part
from floorwise.core.ports import Ledger
from floorwise.gateway.http.context import Here
from floorwise.gateway.http.shapes import chosen

router = APIRouter(tags=["work"])

LISTED = 500  # of each kind, the most urgent first
MOVES_LOOKED_AT = 500  # of a SKU without stock, to find a bin it once lay in
PART_FIELDS = "part order_id kind state station lines units weight_g cut_off_ms state_at_ms"
PARCEL_FIELDS = "parcel tracking carrier order_id weight_g cut_off_ms"
PURCHASE_FIELDS = "purchase sku owner quantity ordered_at_ms expected_at_ms"
COUNT_FIELDS = "task place sku lot owner cause opened_at_ms expected"
RETURN_FIELDS = "rma order_id line sku quantity state grade requested_at_ms received_at_ms"


@router.get("/work")
def read_work(gateway: Here) -> dict[str, Any]:
    """Everything that waits for somebody who is not walking a tour."""
    site, now_ms = gateway.settings.site, gateway.clock.now_ms()
    with gateway.readers.read() as ledger:
        parts = [
            p
            for state in ("picked", "packing")
            for kind in ("bulk", "cart")
            for p in ledger.find(Part, "by_state", site, state, kind, limit=LISTED)
        ]
        parts.sort(key=lambda part: (part.cut_off_ms, part.part))
        parcels = ledger.find(Parcel, "by_status", site, "labelled", limit=LISTED)
        purchases = ledger.find(Purchase, "by_expected", site, limit=LISTED)
        counts = ledger.find(CountTask, "by_state", site, "open", limit=LISTED)
        returns = [r for state in ("graded", "received", "approved") for r in ledger.find(Rma, "by_state", site, state, limit=LISTED)]
        return {
            "now_ms": now_ms,
            "parts": [chosen(part, PART_FIELDS) for part in parts[:LISTED]],
            "parcels": [chosen(parcel, PARCEL_FIELDS) for parcel in parcels],
            "carriers": _carriers(ledger, site, now_ms, parcels),
            "purchases": [chosen(row, PURCHASE_FIELDS) | {"place": home_of(ledger, row.sku, row.owner)} for row in purchases],
            "counts": [chosen(task, COUNT_FIELDS) for task in counts],
            "returns": [chosen(rma, RETURN_FIELDS) | {"place": home_of(ledger, rma.sku, "house")} for rma in returns[:LISTED]],
        }


def home_of(ledger: Ledger, sku: str, owner: str) -> str:
    """A bin that holds the SKU, else one that held it not long ago; "" when none is known."""
    for balance in ledger.find(Balance, "stock", sku, owner, "available", limit=20):
        if balance.kind == "bin":
            return balance.place
    for move in reversed(ledger.find(Move, "by_sku", sku, limit=MOVES_LOOKED_AT)):
        for place in (move.source, move.target):
            if place_kind(place) == "bin" and place not in ("RETURNS", "OUTLET"):
                return place
    return ""


def _carriers(ledger: Ledger, site_name: str, now_ms: int, parcels: list[Parcel]) -> list[dict[str, Any]]:
    site = ledger.get(Site, site_name)
    if site is None:
        return []
    zone, told = zone_named(site.zone), []
    for carrier in ledger.find(CarrierService, "key"):
        waiting = sum(parcel.carrier == carrier.carrier for parcel in parcels)
        following = next_cut_off_ms(now_ms, carrier.cut_off_time, zone, carrier.days)
        told.append(chosen(carrier, "carrier service cut_off open_days") | {"next_cut_off_ms": following, "parcels": waiting})
    return told
