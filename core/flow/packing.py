"""Packing: what lies in a tote goes into cartons, each a parcel with an SSCC, and a label is asked for."""

from typing import NamedTuple

from floorwise.core.errors import Conflict, NotFound, StockConflict, WrongState
from floorwise.core.flow import books, counting
from floorwise.core.model import events
from floorwise.core.model.catalog import CarrierService, Sku
from floorwise.core.model.gs1 import nth_sscc
from floorwise.core.model.handling import HandlingUnit
from floorwise.core.model.journal import Counter
from floorwise.core.model.orders import Order
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.places import Site
from floorwise.core.model.policies import CARTONS, WEIGH_TOLERANCE_G, WEIGH_TOLERANCE_PERMILLE, Carton
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Part, Pick
from floorwise.core.ports import Desk

STAGE = "STAGE"  # where closed parcels wait for their truck
MOST_CARTONS = 5  # of one part; what would need more stands better on a pallet


class StartPack(NamedTuple):
    """A packer takes a picked part to a station."""

    part: str
    station: str


class ClosePack(NamedTuple):
    """Everything of the part is packed; `weighed_g` is what the scale shows for all its cartons, 0 = not weighed."""

    part: str
    weighed_g: int = 0


class Piece(NamedTuple):
    """Units of one pick in one carton."""

    pick: Pick
    quantity: int
    weight_g: int
    volume_mm3: int


def start_pack(desk: Desk, wanted: StartPack) -> dict:
    """Bind the part to a station; the same station may ask again, another gets WrongState."""
    part = part_named(desk, wanted.part)
    if part.state == "packing" and part.station == wanted.station:
        return {"part": part.part}
    if part.state != "picked":
        raise WrongState(f"part {part.part} is {part.state}; only a picked part can be packed")
    desk.ledger.change(part, state="packing", station=wanted.station, state_at_ms=desk.now_ms)
    desk.tell(events.PackStarted(part.part, wanted.station))
    return {"part": part.part}


def close_pack(desk: Desk, wanted: ClosePack) -> dict:
    """Make the parcels. StockConflict, with nothing packed, when the scale differs from what should be in the cartons, and when the books
    have less in the tote than was picked: report the short with ReportPackShort, then the rest can be packed."""
    part = part_named(desk, wanted.part)
    if part.state != "packing":
        raise WrongState(f"part {part.part} is {part.state}; start packing it first")
    order = desk.ledger.get(Order, part.order_id)
    picks = [pick for pick in desk.ledger.find(Pick, "by_part", part.part) if pick.picked]
    cartons = cartonise([_piece(desk, pick) for pick in picks], most=MOST_CARTONS)
    expected_g = sum(carton.tare_g + sum(piece.weight_g for piece in pieces) for carton, pieces in cartons)
    allowed_g = expected_g * WEIGH_TOLERANCE_PERMILLE // 1000 + WEIGH_TOLERANCE_G
    if wanted.weighed_g and abs(wanted.weighed_g - expected_g) > allowed_g:
        raise StockConflict(f"part {part.part} weighs {wanted.weighed_g} g, {expected_g} ± {allowed_g} g expected: check what is in it")
    try:
        parcels = [_parcel(desk, part, order, carton, pieces, n) for n, (carton, pieces) in enumerate(cartons, 1)]
    except StockConflict as error:
        raise StockConflict(f"{error}; say with ReportPackShort how many good units there are, then close the pack") from error
    packed: dict[int, int] = {}
    for pick in picks:
        packed[pick.line] = packed.get(pick.line, 0) + pick.picked
    for number, quantity in sorted(packed.items()):
        line = books.line_at(desk, part.order_id, number)
        books.shift(desk, line, "picked", "packed", min(quantity, line.picked))
    left_in_tote(desk, part)
    desk.ledger.change(part, state="packed", state_at_ms=desk.now_ms)
    return {"parcels": parcels, "expected_g": expected_g}


def cartonise(pieces: list[Piece], most: int) -> list[tuple[Carton, list[Piece]]]:
    """Everything in the smallest carton that holds it; else as many of the largest parcel carton as it takes, and a pallet for
    a piece that no carton holds or when the cartons would be more than `most`."""
    weight_g, volume_mm3 = sum(p.weight_g for p in pieces), sum(p.volume_mm3 for p in pieces)
    for carton in CARTONS[:-1]:
        if weight_g <= carton.weight_g and volume_mm3 <= room(carton):
            return [(carton, pieces)]
    for carton in CARTONS[-2:]:
        filled = _fill(pieces, carton)
        if filled and len(filled) <= most:
            return [(carton, content) for content in filled]
    return [(CARTONS[-1], pieces)]  # one thing too large for every pallet travels on one all the same


def room(carton: Carton) -> int:
    """The volume of a carton that can be used, mm³."""
    return carton.volume_mm3 * carton.fill_permille // 1000


def _fill(pieces: list[Piece], carton: Carton) -> list[list[Piece]]:
    """Pieces in their order into cartons of one kind, split by unit; [] when a single unit does not fit."""
    filled: list[list[Piece]] = [[]]
    weight_g, volume_mm3 = carton.weight_g, room(carton)
    for piece in pieces:
        one_g, one_mm3, left = piece.weight_g // piece.quantity, piece.volume_mm3 // piece.quantity, piece.quantity
        if one_g > carton.weight_g or one_mm3 > room(carton):
            return []
        while left:
            units = min(left, weight_g // one_g if one_g else left, volume_mm3 // one_mm3 if one_mm3 else left)
            if units:
                filled[-1].append(Piece(piece.pick, units, units * one_g, units * one_mm3))
                left, weight_g, volume_mm3 = left - units, weight_g - units * one_g, volume_mm3 - units * one_mm3
            if left:
                filled.append([])
                weight_g, volume_mm3 = carton.weight_g, room(carton)
    return filled


def _parcel(desk: Desk, part: Part, order: Order, carton: Carton, pieces: list[Piece], number: int) -> str:
    site = desk.ledger.get(Site, desk.site)
    sscc = nth_sscc(site.company_prefix, _next(desk, "sscc"))
    name = f"{part.part}/{number}"
    weight_g = carton.tare_g + sum(piece.weight_g for piece in pieces)
    parcel = Parcel(
        name,
        sscc,
        order.order_id,
        part.part,
        desk.site,
        order.carrier,
        "",
        carton.name,
        weight_g,
        "packed",
        desk.now_ms,
        part.cut_off_ms,
        desk.now_ms,
        0,
        0,
        "",
        0,
    )
    if not desk.ledger.insert(parcel):
        raise Conflict(f"parcel {name} or its SSCC {sscc} is taken")
    books.location_at(desk, STAGE)
    desk.ledger.insert(HandlingUnit(sscc, "parcel", STAGE, desk.site, "closed"))
    lines: dict[int, int] = {}
    for piece in pieces:
        pick = piece.pick
        books.move(
            desk, pick.sku, piece.quantity, part.tote, parcel.place, "pack", name, lot=pick.lot, serial=pick.serial, owner=pick.owner
        )
        lines[pick.line] = lines.get(pick.line, 0) + piece.quantity
    for line, quantity in sorted(lines.items()):
        desk.ledger.insert(ParcelLine(name, order.order_id, line, next(p.pick.sku for p in pieces if p.pick.line == line), quantity))
    desk.tell(events.ParcelPacked(name, sscc, order.order_id, part.part, carton.name, weight_g, [[n, q] for n, q in sorted(lines.items())]))
    service = desk.ledger.get(CarrierService, order.carrier).service
    desk.tell(
        events.LabelWanted(
            f"label/{name}",
            name,
            sscc,
            order.carrier,
            service,
            order.country,
            order.customer,
            weight_g,
            carton.length_mm,
            carton.width_mm,
            carton.height_mm,
        )
    )
    return name


def left_in_tote(desk: Desk, part: Part) -> None:
    """Units left in the tote were picked beyond what the order takes: somebody has to bring them back."""
    for row in desk.ledger.find(Balance, "key", part.tote):
        if row.on_hand:
            counting.open_task(desk, part.tote, row.sku, row.lot, row.owner, row.on_hand, "left in the tote")


def _piece(desk: Desk, pick: Pick) -> Piece:
    sku = desk.ledger.get(Sku, pick.sku)
    return Piece(pick, pick.picked, pick.picked * sku.weight_g, pick.picked * sku.volume_mm3)


def part_named(desk: Desk, name: str) -> Part:
    """The part with this name; NotFound otherwise."""
    part = desk.ledger.get(Part, name)
    if part is None:
        raise NotFound(f"part {name} is unknown")
    return part


def _next(desk: Desk, name: str) -> int:
    counter = desk.ledger.get(Counter, name)
    if counter is None:
        desk.ledger.insert(Counter(name, 1))
        return 1
    return desk.ledger.change(counter, value=counter.value + 1).value
