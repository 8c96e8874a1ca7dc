"""What a scanner sends → what it says: GS1 element strings, EAN and ITF numbers, typed "(01)…(10)…" text.

`read` gives a `ScannedItem`, or a `Fault` that keeps apart what a picker must be told differently: `check_digit` (scan again),
`ambiguous` (two readings; enrol the scanner), `not_gs1` (perhaps a location or a tote). Whether the item is known is for the
catalogue to say, never for this module.

Elements of variable length end with FNC1, which scanners that act as a keyboard send as some character, or lose. Lost, "10A117261231"
is lot A117261231, or lot A1 good until 2026-12-31. Nothing is guessed: a scanner proves by `enrol` what it sends in place of FNC1;
without that, and with no separator in the scan itself, the text is taken only if no other reading of it is valid.
biip gives the table of application identifiers and the symbology identifiers.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from biip import ParseError
from biip.gs1_application_identifiers import GS1ApplicationIdentifier
from biip.symbology import GS1Symbology, SymbologyIdentifier

from floorwise.core.model import gs1
from floorwise.core.model.gs1 import Fault, ScannedItem
from floorwise.core.model.units import net_weight_g

FNC1 = "\x1d"  # what scanners send for it unless set up otherwise (section 7.8)
MAX_SCAN = 400  # characters; the largest GS1 symbols in use hold fewer
MAX_UNSEPARATED = 120  # characters of a text that is searched for all its readings
MAX_READINGS = 50  # readings looked at; a text with more is ambiguous whatever the rest may be
MAX_MARK = 8  # characters a keyboard scanner may send for one separator

DATES = {"11", "12", "13", "15", "16", "17"}
NUMBERS = {"00": (18,), "01": (14,), "02": (14,), "03": (14,)}
# Two of a pair never stand on one thing: the item itself, and what a logistic unit holds (GS1 syntax dictionary, "ex=").
EXCLUDING = (("01", "02"), ("01", "37"), ("03", "01"), ("03", "02"), ("03", "37"), ("21", "235"))

ENROLMENT = "0109501234567891" + "10fLoOr" + FNC1 + "21WiSe"  # print as GS1-128, DataMatrix or QR; scan it three times
ENROLMENT_SCANS = 3


class Element(NamedTuple):
    """One application identifier and its value."""

    ai: str
    value: str


class ScannerProfile(NamedTuple):
    """What is known of a scanner; `separator` is what it sends for FNC1, "" while nobody has proved that it sends anything."""

    separator: str = ""


UNPROVEN = ScannerProfile()


def read(text: str, at_ms: int, zone: tzinfo = UTC, profile: ScannerProfile = UNPROVEN) -> ScannedItem | Fault:
    """Return what a scan says. `at_ms` settles the century of its dates, `zone` is that of the site: where a day ends.

    A date to use by (17, or 7003 with a time) is the expiry; a best-before date (15) stands in where there is none.
    """
    found = elements(text, profile)
    return found if isinstance(found, Fault) else _item(found, at_ms, zone)


def elements(text: str, profile: ScannerProfile = UNPROVEN) -> tuple[Element, ...] | Fault:
    """Return the elements of a scan in their order; a plain EAN, UPC or ITF number comes back as (01), a plain SSCC as (00)."""
    text = text.strip(" \t\r\n")
    if not text or len(text) > MAX_SCAN:
        return Fault("wrong_length", f"a scan has 1 to {MAX_SCAN} characters, this one {len(text)}")
    if profile.separator not in ("", FNC1):
        text = text.replace(profile.separator, FNC1)
    if text.startswith("("):
        return _typed(text)
    if text.startswith("]"):
        return _announced(text, bool(profile.separator))
    if gs1.is_digits(text) and len(text) in (*gs1.GTIN_LENGTHS, gs1.SSCC_LENGTH):
        return _number(text, "00" if len(text) == gs1.SSCC_LENGTH else "01")
    # Without a symbology identifier only a text that begins by naming a thing is taken: "10A-03" may well be a location.
    if text.lstrip(FNC1)[:2] not in NUMBERS:
        return Fault("not_gs1", f"{text!r} does not begin with (00), (01), (02) or (03)")
    return _element_string(text.lstrip(FNC1), bool(profile.separator))


def enrol(scans: Sequence[str]) -> ScannerProfile | Fault:
    """Return the profile of a scanner from three scans of the `ENROLMENT` barcode; refused where it mangles or wavers.

    A scanner that loses FNC1 is enrolled with an empty separator: it works, and its ambiguous scans stay refused.
    """
    if len(scans) != ENROLMENT_SCANS:
        return Fault("wrong_length", f"enrolment takes {ENROLMENT_SCANS} scans, not {len(scans)}")
    before, after = ENROLMENT.split(FNC1)
    pattern = rf"(?:\][A-Za-z][0-9])?{re.escape(before)}(.{{0,{MAX_MARK}}}){re.escape(after)}"
    marks = [match[1] if (match := re.fullmatch(pattern, scan.strip(" \t\r\n"), re.DOTALL)) else None for scan in scans]
    if None in marks:
        return Fault("separator_mangled", f"sent {scans[marks.index(None)]!r}: check the keyboard layout and caps lock")
    if len(set(marks)) > 1:
        return Fault("ambiguous", f"three scans gave different separators: {marks}")
    if any(_may_be_data(character) for character in marks[0]):
        return Fault("separator_mangled", f"sends {marks[0]!r} for the separator, which may also be part of a lot")
    return ScannerProfile(marks[0])


def _announced(text: str, is_proven: bool) -> tuple[Element, ...] | Fault:
    """Read a text that begins with a symbology identifier such as ]C1 (ISO/IEC 15424)."""
    try:
        symbology = SymbologyIdentifier.extract(text)
    except (ParseError, IndexError, ValueError):
        return Fault("not_gs1", f"{text[:5]!r} announces no known symbology")
    body, kind = text[len(symbology) :], symbology.gs1_symbology
    if kind in (GS1Symbology.EAN_13, GS1Symbology.EAN_8, GS1Symbology.ITF_14):
        lengths = {GS1Symbology.EAN_13: (13,), GS1Symbology.EAN_8: (8,), GS1Symbology.ITF_14: (14,)}[kind]
        return _number(body, "01", lengths)
    if kind in GS1Symbology.with_gs1_messages():
        return _element_string(body, is_proven)
    return Fault("not_gs1", f"]{symbology.iso_symbology.value}{symbology.modifiers} is not a GS1 symbol")


def _number(text: str, ai: str, lengths: Sequence[int] = ()) -> tuple[Element, ...] | Fault:
    number = gs1.check_number(text, lengths or (gs1.GTIN_LENGTHS if ai == "01" else (gs1.SSCC_LENGTH,)))
    return number if isinstance(number, Fault) else (Element(ai, number.zfill(14)),)


def _typed(text: str) -> tuple[Element, ...] | Fault:
    r"""Read "(01)…(10)…"; a bracket that belongs to a value is written \(."""
    # [0-9] and not \d: what is typed may hold the digits of other scripts
    if not re.fullmatch(r"(?:\([0-9]{2,4}\)(?:\\\(|[^(])+)+", text):
        return Fault("not_gs1", f"{text!r} is not of the form (01)…(10)…")
    found = re.findall(r"\(([0-9]{2,4})\)((?:\\\(|[^(])+)", text)
    return _checked(tuple(Element(ai, value.replace("\\(", "(")) for ai, value in found))


def _element_string(text: str, is_proven: bool) -> tuple[Element, ...] | Fault:
    odd = sorted({character for character in text if character != FNC1 and not _may_be_data(character)})
    if odd:
        return Fault("separator_mangled", f"{odd} cannot be data; if it stands for the separator, enrol the scanner")
    if not text.strip(FNC1):
        return Fault("not_gs1", "the symbol holds nothing")
    # A separator that arrived proves as much as an enrolment. A trailing one proves it too.
    if is_proven or FNC1 in text:
        return _separated(text)
    if len(text) > MAX_UNSEPARATED:
        return Fault("ambiguous", f"more than {MAX_UNSEPARATED} characters without a separator; enrol the scanner")
    readings = list(islice(_readings(text), MAX_READINGS + 1))
    verdicts = [(_checked(reading), reading) for reading in readings]
    valid = [verdict for verdict, _ in verdicts if not isinstance(verdict, Fault)]
    if len(valid) == 1 and len(readings) <= MAX_READINGS:
        return valid[0]
    if len(valid) > 1 or len(readings) > MAX_READINGS:
        shown = " or ".join(_shown(reading) for reading in valid[:2])
        return Fault("ambiguous", f"without its separators this is {shown or 'anything'}; enrol the scanner")
    return verdicts[0][0] if verdicts else Fault("not_gs1", f"{text!r} is no sequence of elements")


def _separated(text: str) -> tuple[Element, ...] | Fault:
    """Read a text whose separators are all there: an element of variable length reaches to the next one."""
    found, rest = [], text
    while rest:  # each round takes at least one character
        ai = _identifier(rest)
        if ai is None:
            return Fault("not_gs1", f"{rest[:8]!r} begins with no application identifier")
        piece = rest.partition(FNC1)[0] if ai.separator_required else rest[: _fixed_length(ai)]
        found.append(Element(ai.ai, piece[len(ai.ai) :]))
        rest = rest[len(piece) :].removeprefix(FNC1)
    return _checked(tuple(found))


def _readings(text: str) -> Iterator[tuple[Element, ...]]:
    """Give every way to cut `text` into elements as if all separators had been lost; the longest last element comes first."""

    @lru_cache(maxsize=MAX_UNSEPARATED + 1)
    def first_elements(start: int) -> tuple[tuple[Element, int], ...]:
        ai = _identifier(text[start:])
        if ai is None:
            return ()
        ends = range(len(text), start + len(ai.ai), -1) if ai.separator_required else [start + _fixed_length(ai)]
        pieces = (text[start:end] for end in ends if end <= len(text))
        return tuple(
            (Element(ai.ai, piece[len(ai.ai) :]), start + len(piece)) for piece in pieces if re.fullmatch(ai.pattern, piece, re.ASCII)
        )

    @lru_cache(maxsize=MAX_UNSEPARATED + 1)
    def can_finish(start: int) -> bool:
        return start == len(text) or any(can_finish(end) for _, end in first_elements(start))

    def walk(start: int, done: tuple[Element, ...]) -> Iterator[tuple[Element, ...]]:
        if start == len(text):
            yield done
        elif can_finish(start):  # without this look ahead, dead ends would cost exponential time
            for element, end in first_elements(start):
                yield from walk(end, (*done, element))

    return walk(0, ())


def _identifier(text: str) -> GS1ApplicationIdentifier | None:
    try:
        return GS1ApplicationIdentifier.extract(text)
    except ParseError:
        return None


def _fixed_length(ai: GS1ApplicationIdentifier) -> int:
    """Return the characters an element of predefined length has, identifier and value; its format reads "N4+N6"."""
    return sum(int(part[1:]) for part in ai.format.split("+"))


def _checked(found: tuple[Element, ...]) -> tuple[Element, ...] | Fault:
    """Return the elements if each is well formed, check digits and dates are right, and none speaks against another."""
    values: dict[str, str] = {}
    for ai, value in found:
        known = _identifier(ai)
        if known is None or known.ai != ai:
            return Fault("not_gs1", f"({ai}) is no application identifier")
        if fault := _value_fault(ai, value):
            return fault
        if not value or not re.fullmatch(known.pattern, ai + value, re.ASCII):
            return Fault("bad_number", f"({ai}){value} is not of the form {known.format}")
        if values.setdefault(ai, value) != value:
            return Fault("contradiction", f"({ai}) is both {values[ai]} and {value}")
    for one, other in EXCLUDING:
        if one in values and other in values:
            return Fault("contradiction", f"({one}) and ({other}) exclude each other")
    if len([ai for ai in values if ai.startswith("310")]) > 1:
        return Fault("contradiction", "two net weights")
    return found


def _value_fault(ai: str, value: str) -> Fault | None:
    """Return what is wrong with a number or a date. The window of 2000 has the same leap years as today's."""
    said: object = None
    if ai in NUMBERS:
        said = gs1.check_number(value, NUMBERS[ai])
    elif ai in DATES:
        said = gs1.parse_date(value, 2000)
    elif ai == "7003":
        said = gs1.parse_date(value[:6], 2000, day_zero=False)
        said = said if isinstance(said, Fault) else gs1.parse_time(value[6:])
    return said if isinstance(said, Fault) else None


def _item(found: tuple[Element, ...], at_ms: int, zone: tzinfo) -> ScannedItem | Fault:
    values = {element.ai: element.value for element in found}
    weights = [net_weight_g(ai, value) for ai, value in found if ai.startswith("310")]
    if weights and isinstance(weights[0], Fault):
        return weights[0]
    expires_at_ms = _expiry_ms(values, datetime.fromtimestamp(at_ms // 1000, UTC).year, zone)
    if isinstance(expires_at_ms, Fault):
        return expires_at_ms
    return ScannedItem(
        gtin=values.get("01") or values.get("02") or values.get("03", ""),
        lot=values.get("10", ""),
        expires_at_ms=expires_at_ms,
        serial=values.get("21", ""),
        sscc=values.get("00", ""),
        pieces=int(values.get("30") or values.get("37") or 0),
        net_g=weights[0] if weights else 0,
    )


def _expiry_ms(values: dict[str, str], this_year: int, zone: tzinfo) -> int | Fault:
    text = values.get("17") or values.get("7003", "")[:6] or values.get("15", "")
    if not text:
        return 0
    day = gs1.parse_date(text, this_year)
    if isinstance(day, Fault):
        return day
    if "17" not in values and "7003" in values:
        time = gs1.parse_time(values["7003"][6:])
        return time if isinstance(time, Fault) else gs1.moment_ms(datetime.combine(day, time, zone))
    return gs1.end_of_day_ms(day, zone)


def _may_be_data(character: str) -> bool:
    # GS1 character set 82 (section 7.11, figure 7.11-1)
    return re.fullmatch(r"""[!"%-?A-Z_a-z]""", character) is not None


def _shown(found: tuple[Element, ...]) -> str:
    return "".join(f"({ai}){value}" for ai, value in found)
