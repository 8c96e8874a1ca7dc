"""New identifiers: counted in the ledger for the twin, time-ordered and random live."""

import os
import time

from floorwise.core.errors import Conflict
from floorwise.core.model.journal import Counter
from floorwise.core.ports import Ledger

PREFIX = {"order": "O", "tour": "T", "purchase": "P", "task": "C", "timer": "W", "excursion": "X"}
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread
DIGITS = 8


class CountedIds:
    """O00000001, O00000002 … : the same commands give the same names, and numbering goes on after a restart."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def new(self, kind: str) -> str:
        return f"{PREFIX[kind]}{next_number(self._ledger, kind):0{DIGITS}}"


class TimeOrderedIds:
    """48 bits of time and 52 random bits in base 32: unique without asking anybody, and sorted by age."""

    def new(self, kind: str) -> str:
        value = (time.time_ns() // 1_000_000) << 52 | int.from_bytes(os.urandom(7)) >> 4
        return PREFIX[kind] + "".join(ALPHABET[value >> shift & 31] for shift in range(95, -1, -5))


def next_number(ledger: Ledger, name: str) -> int:
    """The next number of a counter that lives in the ledger, from 1; undone with its command if that is refused."""
    counter = ledger.get(Counter, name)
    if counter is None:
        if not ledger.insert(Counter(name, 1)):
            raise Conflict(f"counter {name} was made by another writer")
        return 1
    return ledger.change(counter, value=counter.value + 1).value
