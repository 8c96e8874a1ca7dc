"""Parcels from the pack bench to the door, and the one status model that carrier scans are read into."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record

# How far from the door a status is. Scans arrive late, twice and out of order: a scan counts by its own time, and at equal
# times the further status wins, so the order of arrival never matters. What was delivered stays so, whatever is seen of it later,
# until a carrier says in so many words that it was delivered in error.
RANK = {
    "packed": 0, "labelled": 1, "loaded": 2, "in_transit": 3, "out_for_delivery": 4, "failed_attempt": 5, "lost": 6, "delivered": 7,
    "delivered_in_error": 8,
}  # fmt: skip


@record(
    key="parcel",
    indexes=[
        Index("by_tracking", "tracking", where="tracking <> ''", unique=True),
        Index("by_sscc", "sscc", unique=True),
        Index("by_status", "site status cut_off_ms parcel", where="status <> 'delivered'"),
        Index("by_order", "order_id parcel"),
    ],
)
class Parcel(NamedTuple):
    """One closed carton or pallet on its way; its contents lie at the place "parcel:<sscc>"."""

    parcel: str
    sscc: str
    order_id: str
    part: str
    site: str
    carrier: str
    tracking: str
    carton: str
    weight_g: int
    status: str  # one of RANK
    status_at_ms: int  # time of the scan that set it
    cut_off_ms: int
    packed_at_ms: int
    handed_over_at_ms: int  # 0 = not yet
    delivered_at_ms: int
    proof: str  # what the carrier shows for the delivery
    lost_at_ms: int  # when it was given up and its lines replaced; 0 = never
    version: int = 0

    @property
    def place(self) -> str:
        """The place of its contents."""
        return f"parcel:{self.sscc}"


@record(key="parcel line", append_only=True, indexes=[Index("by_line", "order_id line parcel")])
class ParcelLine(NamedTuple):
    """Units of an order line in a parcel."""

    parcel: str
    order_id: str
    line: int
    sku: str
    quantity: int


@record(key="parcel at_ms status source", append_only=True)
class Scan(NamedTuple):
    """What a carrier or a dock scanner said of a parcel; every scan is kept."""

    parcel: str
    at_ms: int
    status: str
    source: str
    proof: str
    recorded_at_ms: int


def status_after(scans: list[Scan]) -> tuple[Scan, Scan | None]:
    """The scan that tells the parcel's status, and the one that tells its delivery, None while it is not delivered.

    The latest scan tells the status, at equal times the one further down. A delivery holds from its first scan on: what was seen
    later changes nothing, unless it is that the delivery was an error; from there on scans count again.
    """
    latest, delivery = scans[0], None
    for scan in sorted(scans, key=lambda scan: (scan.at_ms, RANK[scan.status], scan.source)):
        if scan.status == "delivered_in_error":
            latest, delivery = scan, None
        elif delivery is None:
            latest, delivery = scan, scan if scan.status == "delivered" else None
    return latest, delivery
