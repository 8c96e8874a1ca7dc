"""What an order waits for, told from the records of its lines, parts and parcels."""

from floorwise.core.model.orders import OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.work import Part, Tour
from floorwise.core.ports import Ledger
from floorwise.gateway.http.shapes import clock_text


def why(ledger: Ledger, lines: list[OrderLine], parts: list[Part]) -> str:
    """What an order waits for now, in words; "" when it waits for nothing."""
    told = []
    if short := sum(line.backordered for line in lines):
        told.append(f"{short} units wait for stock")
    if reserved := sum(line.reserved for line in lines):
        told.append(f"{reserved} units wait to be released to the floor")
    for part in parts:
        since = f"since {clock_text(part.state_at_ms)}"
        if part.state == "waiting":
            told.append(f"part {part.part} waits for a plan {since}")
        elif part.state == "touring":
            tour = ledger.get(Tour, part.tour)
            told.append(
                f"part {part.part} waits for a picker: tour {part.tour} is open since {clock_text(tour.planned_at_ms)}"
                if tour.state == "open"
                else f"part {part.part} is being picked by {tour.picker} on tour {part.tour} since {clock_text(tour.taken_at_ms)}"
            )
        elif part.state == "picked":
            told.append(f"part {part.part} waits for a packer {since}")
        elif part.state == "packing":
            told.append(f"part {part.part} is being packed at {part.station} {since}")
        elif part.state in ("packed", "shipped"):
            told += _waits_of_parcels(ledger, part)
    return "; ".join(told)


def _waits_of_parcels(ledger: Ledger, part: Part) -> list[str]:
    told = []
    for parcel in ledger.find(Parcel, "by_order", part.order_id):
        if parcel.part != part.part:
            continue
        if parcel.status == "packed":
            told.append(f"parcel {parcel.parcel} waits for its label")
        elif parcel.status == "labelled":
            told.append(f"parcel {parcel.parcel} waits for the truck of {parcel.carrier} at {clock_text(parcel.cut_off_ms)}")
        elif parcel.status == "lost":
            told.append(f"parcel {parcel.parcel} is lost")
        elif parcel.status != "delivered":
            told.append(f"parcel {parcel.parcel} is {parcel.status.replace('_', ' ')} with {parcel.carrier}")
    return told
