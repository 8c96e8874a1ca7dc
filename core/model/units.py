"""Units of one SKU: pack levels with exact factors, dated changes, opened cases, catch weight.

Stock counts in whole base units ("each", the smallest stock unit of every SKU); everything else is a rational number of them. Nothing
here is a float: 2.2 lb is 2.2 lb and not 2.2000000000000002. A past move keeps its count for ever, because it was written in
base units; a new factor speaks only from its date on.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from floorwise.core.model.catalog import PackLevel
from floorwise.core.model.gs1 import Fault, is_digits, parse_gtin

BASE_UNIT = "each"
MAX_BASE = 2**53 - 1  # the journal's integers stay below 2**53, where every JSON reader is exact
MAX_DIGITS = 18  # of a quantity in text; "1e999999999" must not become a number

REASONS = (
    "bad_number",
    "check_digit",
    "double_level",
    "gtin_of_two_units",
    "out_of_range",
    "unit_unknown",
    "unknown_sku",
    "weight_out_of_tolerance",
)


class Opened(NamedTuple):
    """What taking loose units leaves: cases still shut, cases opened for it, loose units left over."""

    shut: int
    opened: int
    loose: int


class CatchWeight(NamedTuple):
    """Goods sold by weight and counted by piece: both numbers are stock, neither follows from the other."""

    pieces: int
    net_g: int


def factor(level: PackLevel) -> Fraction:
    """Return how many base units one unit of `level` holds, exact."""
    return Fraction(level.numerator, level.denominator)


def parse_quantity(text: str) -> Fraction | Fault:
    """Read "2", "1.5" or "3/4" exactly; no exponents, no thousands separators, no decimal comma (it would be a guess)."""
    whole, mark, part = text.strip().partition("." if "." in text else "/")
    digits = whole.removeprefix("-").removeprefix("+")
    if not is_digits(digits) or (mark and not is_digits(part)) or len(digits) + len(part) > MAX_DIGITS:
        return Fault("bad_number", f"{text[:200]!r} is not a quantity such as 2, 1.5 or 3/4")
    if mark == "/" and int(part) == 0:
        return Fault("bad_number", f"{text!r} divides by zero")
    return Fraction(text.strip())


def to_base(quantity: int | Fraction, unit: str, at_ms: int, levels: Iterable[PackLevel]) -> int | Fault:
    """Return how many base units `quantity` of `unit` is at that moment; refused where that is not a whole number.

    Zero is a quantity (a count may find nothing), a negative one is out of range: direction belongs to the move.
    """
    level = level_at(unit, at_ms, levels)
    return level if isinstance(level, Fault) else whole_units(quantity * factor(level), f"{quantity} {unit}")


def whole_units(base: Fraction, meant: str) -> int | Fault:
    """Return `base` as the integer it must be; `meant` is how the person wrote it."""
    if base.denominator != 1:
        return Fault("bad_number", f"{meant} is {base} base units, not a whole number")
    if not 0 <= base <= MAX_BASE:
        return Fault("out_of_range", f"{meant} is {base} base units")
    return int(base)


def from_base(base: int, unit: str, at_ms: int, levels: Iterable[PackLevel]) -> Fraction | Fault:
    """Return `base` units in `unit`, exact: 18 each are 3/2 cases of 12."""
    level = level_at(unit, at_ms, levels)
    return level if isinstance(level, Fault) else base / factor(level)


def in_packs(base: int, at_ms: int, levels: Sequence[PackLevel]) -> list[tuple[str, int]]:
    """Return `base` in as few whole packs as going from the largest down gives: 31 each → 2 case, 7 each."""
    packs = []
    units = sorted({level.unit for level in levels})
    current = [level for unit in units if isinstance(level := level_at(unit, at_ms, levels), PackLevel)]
    for level in sorted(current, key=lambda level: (-factor(level), level.unit)):
        if level.denominator == 1 and (count := base // level.numerator):
            packs.append((level.unit, count))
            base -= count * level.numerator
    return packs + [(BASE_UNIT, base)] * (base > 0)


def level_at(unit: str, at_ms: int, levels: Iterable[PackLevel]) -> PackLevel | Fault:
    """Return the level of `unit` that held at `at_ms`: the latest one begun by then. The base unit needs no level."""
    begun = [level for level in levels if level.unit == unit and level.valid_from_ms <= at_ms]
    if begun:
        return max(begun, key=lambda level: level.valid_from_ms)
    if unit == BASE_UNIT:
        return PackLevel("", BASE_UNIT, "", 1, 1, 0)
    return Fault("unit_unknown", f"no unit {unit!r} at that time")


def level_of_gtin(gtin: str, at_ms: int, levels: Iterable[PackLevel]) -> PackLevel | Fault:
    """Return the level a scanned GTIN means.

    A case printed before its factor changed keeps its old GTIN and its old count (GS1 gives a changed count a new GTIN), so the
    barcode decides, not the level that now holds for that unit.
    """
    begun = [level for level in levels if level.gtin == gtin and level.valid_from_ms <= at_ms]
    if not gtin or not begun:
        return Fault("unknown_sku", f"no pack level carries GTIN {gtin}")
    return max(begun, key=lambda level: level.valid_from_ms)


def check_levels(levels: Iterable[PackLevel]) -> list[Fault]:
    """Return what is wrong with the declared levels of one SKU, nothing if they may be stored."""
    faults, begins, unit_of = [], set(), {}
    for level in levels:
        said = f"{level.sku} {level.unit} from {level.valid_from_ms}"
        if level.numerator < 1 or level.denominator < 1:
            faults.append(Fault("out_of_range", f"{said}: factor {level.numerator}/{level.denominator}"))
        if level.unit == BASE_UNIT and level.numerator != level.denominator:
            faults.append(Fault("out_of_range", f"{said}: the base unit holds one of itself"))
        if (level.unit, level.valid_from_ms) in begins:
            faults.append(Fault("double_level", f"{said}: declared twice"))
        begins.add((level.unit, level.valid_from_ms))
        if level.gtin:
            if isinstance(gtin := parse_gtin(level.gtin), Fault) or gtin != level.gtin:
                faults.append(Fault("check_digit", f"{said}: {level.gtin} is not a GTIN of 14 digits"))
            if unit_of.setdefault(level.gtin, level.unit) != level.unit:
                faults.append(Fault("gtin_of_two_units", f"{said}: {level.gtin} already means {unit_of[level.gtin]}"))
    return faults


def open_cases(shut: int, loose: int, taken: int, per_case: int) -> Opened | Fault:
    """Take loose units, first those that lie loose, then out of cases opened one by one.

    2 cases of 12, 5 taken: 1 still shut, 1 opened, 7 loose.
    """
    opened = max(0, -((loose - taken) // per_case))
    if taken < 0 or opened > shut:
        return Fault("out_of_range", f"{taken} taken of {loose} loose and {shut} cases of {per_case}")
    return Opened(shut - opened, opened, loose + opened * per_case - taken)


def weigh(pieces: int, net_g: int, piece_g: int, tolerance_g: int) -> CatchWeight | Fault:
    """Return pieces and weight as stock, refused where the weight is not that of so many pieces.

    piece_g      what one piece weighs as a rule; tolerance_g: how far one may be off. Both bounds still pass.
    """
    if pieces < 1 or net_g < 1:
        return Fault("out_of_range", f"{pieces} pieces, {net_g} g")
    if abs(net_g - pieces * piece_g) > pieces * tolerance_g:
        expected = f"{pieces * (piece_g - tolerance_g)} to {pieces * (piece_g + tolerance_g)} g"
        return Fault("weight_out_of_tolerance", f"{net_g} g on the label, {pieces} pieces weigh {expected}")
    return CatchWeight(pieces, net_g)


def net_weight_g(ai: str, digits: str) -> int | Fault:
    """Return the grams of a GS1 net weight in kilograms, AI 310n with n decimals: 3103 and 003456 are 3456 g.

    Fault where the label is finer than one gram (3105 000001 is 10 mg): rounding stock is not for a scanner to do.
    """
    if len(ai) != 4 or ai[:3] != "310" or ai[3] not in "012345" or len(digits) != 6 or not is_digits(digits):
        return Fault("bad_number", f"({ai}){digits} is not a net weight in kilograms")
    grams = Fraction(int(digits) * 1000, 10 ** int(ai[3]))
    return int(grams) if grams.denominator == 1 else Fault("bad_number", f"({ai}){digits} is finer than one gram")
