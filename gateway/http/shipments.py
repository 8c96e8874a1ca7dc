"""Parcels on their way, what they hold, what carriers and trackers said of them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from floorwise.core.errors import NotFound
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.orders import Order
from floorwise.core.model.parcels import RANK, Parcel, ParcelLine, Scan
from floorwise.core.model.stock import Balance
from floorwise.core.ports import Ledger
from floorwise.gateway.http.context import Body, Gateway, Here, Key, Name, Text, Whole
from floorwise.gateway.http.shapes import chosen

router = APIRouter(tags=["shipments"])

FIELDS = "parcel sscc tracking carrier order_id status status_at_ms cut_off_ms handed_over_at_ms delivered_at_ms"
MORE = "carton weight_g packed_at_ms proof"
SCAN_FIELDS = "at_ms status source proof recorded_at_ms"
UNDELIVERED = tuple(status for status in RANK if status != "delivered")
MOST = 10_000  # parcels of one status that are looked at


class ScanIn(Body):
    status: Name
    at_ms: Whole
    source: Name
    proof: Text = ""


@router.get("/shipments")
def list_shipments(
    gateway: Here,
    status: Literal[
        "", "packed", "labelled", "loaded", "in_transit", "out_for_delivery", "failed_attempt", "lost", "delivered", "delivered_in_error"
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    after: Text = "",
) -> dict[str, Any]:
    """Parcels in order of status and cut-off, delivered ones the newest first."""
    with gateway.readers.read() as ledger:
        if status == "delivered":
            found = [parcel for name in gateway.board.delivered_parcels() if (parcel := ledger.get(Parcel, name))]
        else:
            wanted = [status] if status else UNDELIVERED
            found = [parcel for one in wanted for parcel in ledger.find(Parcel, "by_status", gateway.settings.site, one, limit=MOST)]
        names = [parcel.parcel for parcel in found]
        start = names.index(after) + 1 if after in names else 0
        page = found[start : start + limit]
        following = page[-1].parcel if start + limit < len(found) else ""
        return {"shipments": [_shown(gateway, ledger, parcel) for parcel in page], "next": following}


@router.get("/shipments/{name:path}")
def read_shipment(name: Text, gateway: Here) -> dict[str, Any]:
    """One parcel, by its name, SSCC or tracking number."""
    with gateway.readers.read() as ledger:
        parcel = _parcel(ledger, name)
        order = ledger.get(Order, parcel.order_id)
        told = _shown(gateway, ledger, parcel) | chosen(parcel, MORE) | {
            "country": order.country if order else "",
            "lines": [chosen(row, "line sku quantity") for row in ledger.find(ParcelLine, "key", parcel.parcel)],
            "contents": [
                chosen(row, "sku lot serial on_hand status")
                for row in ledger.find(Balance, "key", parcel.place)
                if row.on_hand
            ],
            "scans": [chosen(scan, SCAN_FIELDS) for scan in ledger.find(Scan, "key", parcel.parcel)],
        }  # fmt: skip
        return told | (
            gateway.conditions.of_parcel(ledger, parcel) if gateway.conditions else {"bindings": [], "series": [], "excursions": []}
        )


@router.post("/shipments/{tracking}/scans")
async def record_scan(tracking: Name, body: ScanIn, gateway: Here, key: Key = "") -> dict[str, Any]:
    """A carrier saw the parcel; the same scan again changes nothing."""
    return await gateway.writer.execute(RecordScan(tracking, **body.model_dump()), key)


def _shown(gateway: Gateway, ledger: Ledger, parcel: Parcel) -> dict[str, Any]:
    return chosen(parcel, FIELDS) | {"tracker": gateway.conditions.tracker_of(ledger, parcel) if gateway.conditions else ""}


def _parcel(ledger: Ledger, name: str) -> Parcel:
    parcel = ledger.get(Parcel, name)
    for index in ("by_sscc", "by_tracking") if name else ():
        if parcel is None:
            found = ledger.find(Parcel, index, name, limit=1)
            parcel = found[0] if found else None
    if parcel is None:
        raise NotFound(f"parcel {name!r} is unknown; give its name, SSCC or tracking number")
    return parcel
