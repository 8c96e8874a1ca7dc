"""GS1 identity: check digits, GTIN, SSCC, dates, and what one scan says.

Input from outside comes back as a value or as a `Fault`; only a caller's own mistake (a company prefix with a letter in it)
raises ValueError. Rules and section numbers are those of the GS1 General Specifications; AI is their word for the two to four
digits in front of a value that say what it is.
"""

from calendar import monthrange
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

GTIN_LENGTHS = (8, 12, 13, 14)
SSCC_LENGTH = 18
COMPANY_PREFIX_LENGTHS = range(4, 13)

REASONS = (
    "ambiguous",  # more than one reading; a guess could put the wrong lot on a parcel
    "bad_number",
    "bad_time",
    "check_digit",  # misread or mistyped; not the same as an item nobody knows
    "contradiction",  # one element twice with two values, or two that exclude each other
    "not_gs1",  # may still be a label of the house: a location, a tote
    "separator_mangled",
    "wrong_length",
)


class Fault(NamedTuple):
    """Why an input cannot be taken: a reason for the machine, a text for the person who must mend it."""

    reason: str
    text: str


class ScannedItem(NamedTuple):
    """What a scan says about a thing; "" and 0 stand for what the barcode does not tell."""

    gtin: str = ""  # 14 digits; on a logistic unit (`sscc` set) the item inside
    lot: str = ""
    expires_at_ms: int = 0  # the first moment it may no longer be used
    serial: str = ""
    sscc: str = ""
    pieces: int = 0
    net_g: int = 0


def check_digit(payload: str) -> str:
    """Return the digit that ends `payload`, for every GS1 number that has one digit of check (GTIN, SSCC, GLN …)."""
    if not is_digits(payload):
        raise ValueError(f"a check digit is computed over digits, not {payload!r}")
    # weights 3, 1, 3 … from the right (section 7.9)
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(payload)))
    return str(-total % 10)


def is_digits(text: str) -> bool:
    """Tell whether `text` is one or more of 0-9; str.isdigit alone takes "²" and Arabic digits too."""
    return text.isascii() and text.isdigit()


def check_number(text: str, lengths: Collection[int] = (*GTIN_LENGTHS, SSCC_LENGTH)) -> str | Fault:
    """Return `text` if it has one of `lengths` and its last digit is right."""
    if not is_digits(text):
        return Fault("bad_number", f"{text!r} is not made of digits")
    if len(text) not in lengths:
        return Fault("wrong_length", f"{text} has {len(text)} digits, expected {' or '.join(map(str, lengths))}")
    if text[-1] != (right := check_digit(text[:-1])):
        return Fault("check_digit", f"{text} ends in {text[-1]}, its check digit would be {right}: misread or mistyped")
    return text


def parse_gtin(text: str) -> str | Fault:
    """Return GTIN-8, -12, -13 or -14 as 14 digits, zeros in front: one item has one key, however short its barcode."""
    number = check_number(text, GTIN_LENGTHS)
    return number if isinstance(number, Fault) else number.zfill(14)


def parse_sscc(text: str) -> str | Fault:
    """Return the 18 digits of an SSCC, without the (00) that announces it in a barcode."""
    return check_number(text, (SSCC_LENGTH,))


def make_sscc(extension: int, company_prefix: str, serial: int) -> str:
    """Return the SSCC of extension digit, company prefix and serial reference.

    Prefix and serial share 16 digits: a 7-digit prefix leaves serials 0 … 999,999,999. ValueError where one does not fit.
    """
    serials = sscc_serials(company_prefix)
    if not 0 <= extension <= 9:
        raise ValueError(f"the extension of an SSCC is one digit, not {extension}")
    if not 0 <= serial < serials:
        raise ValueError(f"serial {serial} does not fit beside prefix {company_prefix}: 0 to {serials - 1}")
    payload = f"{extension}{company_prefix}{serial:0{16 - len(company_prefix)}}"
    return payload + check_digit(payload)


def nth_sscc(company_prefix: str, number: int) -> str:
    """Return SSCC `number` of a prefix: serials first, then the next extension digit; ValueError when all ten are used up.

    No two numbers give the same SSCC and none comes round again. GS1 asks for twelve months without reuse; a counter that
    only rises keeps that whatever the volume, and a prefix of 7 digits lasts for 10,000,000,000 parcels.
    """
    extension, serial = divmod(number, sscc_serials(company_prefix))
    if not 0 <= extension <= 9:
        raise ValueError(f"prefix {company_prefix} has no SSCC number {number}")
    return make_sscc(extension, company_prefix, serial)


def sscc_serials(company_prefix: str) -> int:
    """Return how many serials one extension digit has beside `company_prefix`."""
    if not is_digits(company_prefix) or len(company_prefix) not in COMPANY_PREFIX_LENGTHS:
        raise ValueError(f"a GS1 company prefix has 4 to 12 digits, not {company_prefix!r}")
    return 10 ** (16 - len(company_prefix))


def parse_date(text: str, this_year: int, day_zero: bool = True) -> date | Fault:
    """Read YYMMDD; day 00 is the last day of the month where the element allows it (all dates but those with a time).

    The century is the one that puts the year within 49 years back and 50 ahead of `this_year` (section 7.12).
    """
    if not is_digits(text) or len(text) != 6:
        return Fault("bad_time", f"{text!r} is not a date YYMMDD")
    ahead = (int(text[:2]) - this_year) % 100
    year, month, day = this_year + (ahead if ahead <= 50 else ahead - 100), int(text[2:4]), int(text[4:])
    if not 1 <= month <= 12:
        return Fault("bad_time", f"{text} has month {month}")
    last = monthrange(year, month)[1]
    if day > last or (day == 0 and not day_zero):
        return Fault("bad_time", f"{text} has day {day}; month {month} of {year} has {last}")
    return date(year, month, day or last)


def parse_time(text: str) -> time | Fault:
    """Read HHMM, 0000 to 2359."""
    if not is_digits(text) or len(text) != 4 or int(text[:2]) > 23 or int(text[2:]) > 59:
        return Fault("bad_time", f"{text!r} is not a time HHMM")
    return time(int(text[:2]), int(text[2:]))


def end_of_day_ms(day: date, zone: tzinfo = UTC) -> int:
    """Return the moment the day after `day` begins in `zone`: what expires on a day is good until that day has ended."""
    return moment_ms(datetime.combine(day + timedelta(days=1), time(), zone))


def moment_ms(moment: datetime) -> int:
    """Return a moment with a time zone as UTC milliseconds, without a float on the way."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def scan_fault(scanned: ScannedItem, gtins: Collection[str], lot: str, serial: str, at_ms: int) -> str:
    """Return why a scan is not the thing asked for, or "": the first of item, lot, serial, date that does not fit.

    An empty `lot` or `serial` asks for none in particular. `lot_not_read` and `serial_not_read` are not wrong goods: that barcode
    (an EAN on the article, say) does not tell, and another on the same thing may.
    """
    if scanned.gtin not in gtins:
        return "wrong_item" if scanned.gtin else "item_not_read"
    if lot and scanned.lot != lot:
        return "wrong_lot" if scanned.lot else "lot_not_read"
    if serial and scanned.serial != serial:
        return "wrong_serial" if scanned.serial else "serial_not_read"
    return "expired" if scanned.expires_at_ms and at_ms >= scanned.expires_at_ms else ""
