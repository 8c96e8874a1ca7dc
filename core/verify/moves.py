"""Stock from zero: what every move ever written adds up to, and where it left each handling unit."""

from collections import defaultdict

from floorwise.core.model.stock import Move
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Tally, rows

Key = tuple[str, str, str, str, str, str]  # place, SKU, lot, serial, owner, status


class Replay:
    """All moves, added up.

    on_hand   units by (place, SKU, lot, serial, owner, status); every key that a move ever touched is there
    stands    where the last move of each handling unit left it
    came      where its first move found it
    picked    units by (tour, SKU, lot, tote) that pickers moved
    """

    def __init__(self, ledger: Ledger) -> None:
        self.on_hand: dict[Key, int] = defaultdict(int)
        self.stands: dict[str, str] = {}
        self.came: dict[str, str] = {}
        self.picked: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self.tally = Tally("I2 moves")
        self._read(ledger)

    def _read(self, ledger: Ledger) -> None:
        last, tally, on_hand = 0, self.tally, self.on_hand
        for move in rows(ledger, Move):
            tally.saw()
            if move.number != last + 1:
                tally.broken(f"move {last + 1} is missing: {move.number} follows {last}")
            last = move.number
            if move.quantity <= 0:
                tally.broken(f"move {move.number}: quantity {move.quantity}")
            if move.unit:
                self._unit(move)
                continue
            tail = (move.sku, move.lot, move.serial, move.owner)
            on_hand[(move.source, *tail, move.status)] -= move.quantity
            on_hand[(move.target, *tail, move.to_status)] += move.quantity
            if move.cause == "pick":
                self.picked[move.reference, move.sku, move.lot, move.target] += move.quantity

    def _unit(self, move: Move) -> None:
        stood = self.stands.get(move.unit)
        if stood is None:
            self.came[move.unit] = move.source
        elif stood != move.source:
            self.tally.broken(f"move {move.number}: unit {move.unit} leaves {move.source}, it stood at {stood}")
        self.stands[move.unit] = move.target
