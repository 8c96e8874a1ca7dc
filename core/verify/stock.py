"""I2: balances, pools, serials and handling units, each against what moves, picks and order lines add up to."""

from collections import defaultdict

from floorwise.core.model.catalog import Sku
from floorwise.core.model.handling import TREE_DEPTH, HandlingUnit, unit_of
from floorwise.core.model.places import SELLABLE_KINDS, Location
from floorwise.core.model.stock import STOCK_UNITS, Balance, Pool, Serial, place_kind
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows
from floorwise.core.verify.history import History
from floorwise.core.verify.moves import Replay
from floorwise.core.verify.orders import Promises

NOWHERE = ""  # the site of what does not stand in a bin for sale


class Tree:
    """Locations and handling units: where a place stands, and whether what lies there is for sale."""

    def __init__(self, ledger: Ledger) -> None:
        self.locations = {row.location: row for row in rows(ledger, Location)}
        self.units = {row.unit: row for row in rows(ledger, HandlingUnit)}
        self._sites: dict[str, str] = {}

    def sells_at(self, place: str) -> str:
        """The site whose pool counts available units at `place`; "" when none does."""
        if place not in self._sites:
            self._sites[place] = self._site(place)
        return self._sites[place]

    def _site(self, place: str) -> str:
        for _ in range(TREE_DEPTH + 1):
            kind = place_kind(place)
            if kind == "bin":
                location = self.locations.get(place)
                return location.site if location and location.kind in SELLABLE_KINDS else NOWHERE
            unit = self.units.get(unit_of(place)) if kind in STOCK_UNITS else None
            if unit is None:
                return NOWHERE
            place = unit.parent
        return NOWHERE

    def fault(self, unit: HandlingUnit) -> str:
        """What is wrong with the way from a unit to the bin or virtual place it stands at; "" when nothing is."""
        place = unit.parent
        for _ in range(TREE_DEPTH):
            kind = place_kind(place)
            if kind == "virtual":
                return ""
            if kind == "bin":
                return "" if place in self.locations else f"{place!r} is no location"
            above = self.units.get(unit_of(place))
            if above is None or above.place != place:
                return f"{place} is no handling unit"
            if above.unit == unit.unit:
                return "it stands in itself"
            place = above.parent
        return f"units within units are more than {TREE_DEPTH} deep, or stand in a circle"


def checks(ledger: Ledger, replay: Replay, promises: Promises, history: History) -> list[Check]:
    """All of I2 over one ledger."""
    tree = Tree(ledger)
    eligible: dict[tuple[str, str, str], int] = defaultdict(int)
    standing: dict[tuple[str, str], list[str]] = defaultdict(list)
    return [
        replay.tally.check(),
        *_balances(ledger, replay, promises, tree, eligible, standing),
        *_pools(ledger, promises, eligible),
        _serials(ledger, standing),
        _units(tree, replay, history),
    ]


def _balances(ledger: Ledger, replay: Replay, promises: Promises, tree: Tree, eligible: dict, standing: dict) -> list[Check]:
    against, zero, bounds, bound = Tally("I2 balance = moves"), Tally("I2 sum zero"), Tally("I2 on hand"), Tally("I2 bound to picks")
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    left, owed = dict(replay.on_hand), dict(promises.bound)
    for row in rows(ledger, Balance):
        key = row[:6]
        against.saw()
        follows = left.pop(key, None)
        if row.on_hand != follows:
            against.broken(f"{_named(key)}: {row.on_hand} stored, {'no move' if follows is None else f'moves say {follows}'}")
        sums[row.sku, row.lot, row.serial, row.owner] += row.on_hand
        bounds.saw()
        if row.kind != place_kind(row.place):
            bounds.broken(f"{_named(key)}: filed as {row.kind}, the place is a {place_kind(row.place)}")
        elif row.kind != "virtual" and not 0 <= row.reserved <= row.on_hand:
            bounds.broken(f"{_named(key)}: {row.on_hand} on hand, {row.reserved} bound")
        picks = owed.pop(key, 0)
        if row.reserved or picks:
            bound.saw()
            bound.equal(f"{_named(key)} bound to open picks", row.reserved, picks)
        if row.status == "available" and row.on_hand and (site := tree.sells_at(row.place)):
            eligible[site, row.sku, row.owner] += row.on_hand
        if row.serial and row.on_hand > 0:
            standing[row.sku, row.serial] += [row.place] * row.on_hand
    for key, units in left.items():
        against.broken(f"{_named(key)}: no row is stored, moves say {units}")
    for key, units in owed.items():
        bound.broken(f"{_named(key)}: no row is stored, open picks want {units}")
    for key, units in sums.items():
        zero.saw()
        if units:
            zero.broken(f"{' '.join(filter(None, key))}: all places together hold {units}")
    return [tally.check() for tally in (against, zero, bounds, bound)]


def _pools(ledger: Ledger, promises: Promises, eligible: dict) -> list[Check]:
    counted, promised, waiting = Tally("I2 pool = sellable stock"), Tally("I2 pool = promises"), Tally("I2 nobody waits for free units")
    stock, given = dict(eligible), dict(promises.promised)
    for row in rows(ledger, Pool):
        key = row[:3]
        where = f"pool {' '.join(key)}"
        counted.saw()
        counted.equal(f"{where} eligible", row.eligible, stock.pop(key, 0))
        promised.saw()
        promised.equal(f"{where} reserved", row.reserved, given.pop(key, 0))
        if row.reserved > row.eligible:
            promised.broken(f"{where}: {row.reserved} promised of {row.eligible}: oversold")
        # Lots may be too old for those who wait; without lots any unit serves anybody.
        if row.eligible > row.reserved and key in promises.waiting and not ledger.get(Sku, row.sku).is_lot_tracked:
            waiting.broken(f"{where}: {row.eligible - row.reserved} are free, order {promises.waiting[key]} waits for them")
        waiting.saw()
    for key, units in stock.items():
        if units:
            counted.broken(f"pool {' '.join(key)}: no row is stored, {units} are for sale")
    for key, units in given.items():
        if units:
            promised.broken(f"pool {' '.join(key)}: no row is stored, {units} are promised")
    return [tally.check() for tally in (counted, promised, waiting)]


def _serials(ledger: Ledger, standing: dict[tuple[str, str], list[str]]) -> Check:
    tally, left = Tally("I2 serials"), dict(standing)
    for row in rows(ledger, Serial):
        tally.saw()
        places = left.pop((row.sku, row.serial), [])
        if places != [row.place]:
            tally.broken(f"serial {row.serial} of {row.sku}: filed at {row.place!r}, it lies in {places or 'no place'}")
    for (sku, serial), places in left.items():
        tally.broken(f"serial {serial} of {sku}: not filed, it lies in {places}")
    return tally.check()


def _units(tree: Tree, replay: Replay, history: History) -> Check:
    tally = Tally("I2 handling units")
    moved = dict(replay.stands)
    for unit in tree.units.values():
        tally.saw()
        if fault := tree.fault(unit):
            tally.broken(f"unit {unit.unit} at {unit.parent!r}: {fault}")
        built = history.built.get(unit.unit)
        if built is None:
            tally.broken(f"unit {unit.unit}: no event built it")
        elif (came := replay.came.get(unit.unit, built)) != built:
            tally.broken(f"unit {unit.unit}: built at {built}, its first move leaves {came}")
        if built is not None or unit.unit in moved:
            tally.equal(f"unit {unit.unit} parent", unit.parent, moved.pop(unit.unit, built))
    for unit in sorted(set(moved) - set(tree.units)):
        tally.broken(f"unit {unit}: it was moved and is not filed")
    for unit in sorted(set(history.built) - set(tree.units)):
        tally.broken(f"unit {unit}: it was built and is not filed")
    return tally.check()


def _named(key: tuple[str, ...]) -> str:
    place, sku, *rest = key
    return " ".join(filter(None, (place, sku, *rest)))
