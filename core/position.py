"""What lies where: now from the balances, at a past time from the moves up to then. Both must agree, and verify compares them."""

from collections import defaultdict
from typing import NamedTuple

from floorwise.core.model.handling import TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.stock import Balance, Move, Weighing, place_kind
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import PAGE, rows


class StockRow(NamedTuple):
    """Units at a place; `location` is the bin or virtual place where the units around it stand."""

    place: str
    location: str
    sku: str
    lot: str
    serial: str
    owner: str
    status: str
    on_hand: int
    reserved: int  # bound to picks; 0 at a past time


class Weighed(NamedTuple):
    """Catch weight of a lot: pieces and grams that came in and went out, where somebody weighed."""

    sku: str
    lot: str
    pieces_in: int
    grams_in: int
    pieces_out: int
    grams_out: int


def stock_now(ledger: Ledger, sku: str = "", place: str = "") -> list[StockRow]:
    """Every balance that is not zero, in order of place, SKU and lot; of one SKU, or at one place and in the units that stand there."""
    found = [row for row in rows(ledger, Balance) if row.on_hand and sku in ("", row.sku)]
    parents = {unit.place: unit.parent for unit in rows(ledger, HandlingUnit)}
    made = [
        StockRow(
            row.place, _location(row.place, parents), row.sku, row.lot, row.serial, row.owner, row.status, row.on_hand, row.reserved
        )
        for row in found
    ]
    return [row for row in made if _is_at(row, place, parents)]


def stock_at(ledger: Ledger, at_ms: int, sku: str = "", place: str = "") -> list[StockRow]:
    """The same as it was at `at_ms`: all moves that had happened by then, whenever the ledger was told of them.

    Something picked offline at 10:00 and told at 11:00 is gone at 10:30.
    """
    sums: dict[tuple[str, str, str, str, str, str], int] = defaultdict(int)
    parents: dict[str, str] = {}
    kinds = {unit.unit: unit for unit in rows(ledger, HandlingUnit)}
    later: dict[str, str] = {}
    for move in _moves(ledger):
        if move.unit:
            at = kinds[move.unit].place if move.unit in kinds else move.unit
            if move.at_ms <= at_ms:
                parents[at] = move.target
            else:
                later.setdefault(at, move.source)  # where it stood until its first move after `at_ms`
        elif move.at_ms <= at_ms and sku in ("", move.sku):
            tail = (move.sku, move.lot, move.serial, move.owner)
            sums[move.source, *tail, move.status] -= move.quantity
            sums[move.target, *tail, move.to_status] += move.quantity
    stood = {unit.place: unit.parent for unit in kinds.values()} | later | parents
    made = [StockRow(key[0], _location(key[0], stood), *key[1:], on_hand, 0) for key, on_hand in sorted(sums.items()) if on_hand]
    return [row for row in made if _is_at(row, place, stood)]


def weighed(ledger: Ledger, sku: str = "") -> list[Weighed]:
    """Catch weights by lot, as far as anybody weighed."""
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows(ledger, Weighing):
        if sku in ("", row.sku):
            of = sums.setdefault((row.sku, row.lot), [0, 0, 0, 0])
            first = 0 if row.cause == "receipt" else 2
            of[first] += row.pieces
            of[first + 1] += row.net_g
    return [Weighed(*key, *of) for key, of in sorted(sums.items())]


def _moves(ledger: Ledger):
    last = 0
    while found := ledger.find(Move, "key", after=last, limit=PAGE):
        yield from found
        last = found[-1].number


def _location(place: str, parents: dict[str, str]) -> str:
    for _ in range(TREE_DEPTH + 1):
        if not unit_of(place) or place not in parents:
            return place
        place = parents[place]
    return place


def _is_at(row: StockRow, place: str, parents: dict[str, str]) -> bool:
    """Whether the row lies at `place` or in something that stands there; "" is every place but the far side of the books."""
    if not place:
        return place_kind(row.place) != "virtual" or row.place.startswith("UNRESOLVED")
    at = row.place
    for _ in range(TREE_DEPTH + 1):
        if at == place:
            return True
        if at not in parents:
            return False
        at = parents[at]
    return at == place
