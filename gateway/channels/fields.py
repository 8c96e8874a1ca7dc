"""What the fields of an order row mean: numbers, money, flags, moments. Each gives the value or raises RowFault."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

MAX_QUANTITY = 10_000_000  # units in one line
MAX_PRICE_MINOR = 1_000_000_000  # for one unit
MAX_ID_CHARS = 64
MAX_NAME_CHARS = 100
FIRST_YEAR, LAST_YEAR = 1980, 2199
MAX_MOMENTS = 1 << 16  # remembered time texts

TRUE, FALSE = frozenset(("true", "t", "yes", "y", "1")), frozenset(("false", "f", "no", "n", "0"))

# ISO 4217, active codes of states, by the number of decimals of the minor unit.
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP "
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB "
    "TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCY_DECIMALS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]+))?")
_MOMENT = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_CUSTOMER_NUMBER = re.compile(r"(?=.*[0-9])[A-Za-z0-9._/-]{1,40}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class RowFault(Exception):
    """This row must be looked at by a person: the column, one of intake.REASONS, and the offending text."""

    def __init__(self, column: str, reason: str, text: str):
        self.column, self.reason, self.text = column, reason, text


class Row(NamedTuple):
    """One sale line or return in the words of every format; when it was placed stands beside it."""

    reference: str
    is_return: bool
    sku: str
    quantity: int
    unit: str
    price_minor: int
    currency: str
    customer: str  # "" = not told
    country: str


class Moment(NamedTuple):
    """A time of the file: UTC ms and the ordinal of the site's calendar day, or why it cannot be one."""

    at_ms: int
    day: int
    fault: RowFault | None


class SiteTimes(dict):
    """time text -> Moment, remembered, for one column in one time zone.

    ISO 8601 date and time; without an offset it is the site's wall clock. A wall time that occurs twice (autumn)
    is the first of the two; one that never occurs (spring) counts on from the hour before: 01:30 is 02:30.
    """

    def __init__(self, column: str, zone: ZoneInfo):
        super().__init__()
        self._column, self._zone = column, zone

    def __missing__(self, text: str) -> Moment:
        if len(self) >= MAX_MOMENTS:
            self.clear()
        moment = self[text] = self._read(text)
        return moment

    def _read(self, text: str) -> Moment:
        stripped = text.strip()
        if not stripped:
            return Moment(0, 0, RowFault(self._column, "blank_field", text))
        shape = _MOMENT.fullmatch(stripped)
        if shape is None:
            return Moment(0, 0, RowFault(self._column, "bad_time", text))
        if not FIRST_YEAR <= int(shape[1]) <= LAST_YEAR:
            return Moment(0, 0, RowFault(self._column, "out_of_range", text))
        try:
            read = datetime.fromisoformat(stripped)
        except ValueError:
            return Moment(0, 0, RowFault(self._column, "bad_time", text))
        local = read.replace(tzinfo=self._zone) if read.tzinfo is None else read.astimezone(self._zone)
        return Moment((local - _EPOCH) // _MS, local.toordinal(), None)


def quantity(column: str, text: str) -> int:
    """A whole number from 1 to MAX_QUANTITY."""
    return whole(column, text, 1, MAX_QUANTITY)


def whole(column: str, text: str, least: int, most: int) -> int:
    """A whole number; below `least` is `not_positive`, above `most` `out_of_range`."""
    if len(text) <= 18 and text.isdigit() and text.isascii():
        number = int(text)
    else:
        stripped = text.strip()
        if not stripped:
            raise RowFault(column, "blank_field", text)
        if not _INTEGER.fullmatch(stripped):
            raise RowFault(column, "bad_number", text)
        # Python refuses to read integers of thousands of digits; leading zeros are harmless.
        digits = stripped.lstrip("+-").lstrip("0")
        size = int(digits or "0") if len(digits) <= 18 else most + 1
        number = -size if stripped[0] == "-" else size
    if number < least:
        raise RowFault(column, "not_positive", text)
    if number > most:
        raise RowFault(column, "out_of_range", text)
    return number


def money(column: str, text: str, currency: str) -> int:
    """Minor units of `currency` from an amount with a point or a comma before its decimals; thousands are not grouped."""
    stripped = text.strip()
    if not stripped:
        raise RowFault(column, "blank_field", text)
    shape = _DECIMAL.fullmatch(stripped)
    decimals = CURRENCY_DECIMALS[currency]
    cents = (shape[3] or "").rstrip("0") if shape else ""
    if shape is None or len(cents) > decimals:
        raise RowFault(column, "bad_number", text)
    try:
        return whole(column, f"{shape[1]}{shape[2]}{cents.ljust(decimals, '0')}", 0, MAX_PRICE_MINOR)
    except RowFault as fault:
        raise RowFault(column, fault.reason, text) from None


def flag(column: str, text: str) -> bool:
    folded = text.strip().lower()
    if folded in TRUE:
        return True
    if folded in FALSE:
        return False
    raise RowFault(column, "bad_flag" if folded else "blank_field", text)


def currency_code(column: str, text: str) -> str:
    code = text.strip().upper()
    if not code:
        raise RowFault(column, "blank_field", text)
    if code not in CURRENCY_DECIMALS:
        raise RowFault(column, "currency_unknown", text)
    return code


def identifier(column: str, text: str) -> str:
    """An order number: up to MAX_ID_CHARS visible characters and blanks, no quotes."""
    stripped = text.strip()
    if not stripped:
        raise RowFault(column, "blank_field", text)
    if len(stripped) > MAX_ID_CHARS:
        raise RowFault(column, "out_of_range", text)
    if not stripped.isprintable() or '"' in stripped:
        raise RowFault(column, "bad_text", text)
    return stripped


def name(column: str, text: str) -> str:
    """A short free text such as a country; "" is allowed."""
    words = " ".join(text.split())
    if len(words) > MAX_NAME_CHARS:
        raise RowFault(column, "out_of_range", text)
    if not words.isprintable():
        raise RowFault(column, "bad_text", text)
    return words


def pseudonym(text: str) -> str:
    """A customer number as it is; a name, an address or a mail address as `p-` and 20 hex digits that repeat for it.

    The digits are a plain hash: whoever holds the list of names can work them out again.
    """
    stripped = text.strip()
    if not stripped or _CUSTOMER_NUMBER.fullmatch(stripped):
        return stripped
    folded = " ".join(stripped.casefold().split())
    return "p-" + blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=10, person=b"floorwise").hexdigest()
