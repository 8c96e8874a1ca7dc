"""Format `csv`: one order line or return a row, under a header anyone can write; the same columns serve `jsonl`."""

import re
from collections.abc import Collection

from floorwise.gateway.channels.catalogue import Catalogue
from floorwise.gateway.channels.fields import (
    MAX_PRICE_MINOR,
    Row,
    RowFault,
    currency_code,
    flag,
    identifier,
    money,
    name,
    pseudonym,
    quantity,
    whole,
)

CHANNEL = "csv"
NEEDED = ("order", "sku", "quantity", "placed_at")
OPTIONAL = ("unit", "currency", "price_minor", "price", "is_return", "customer", "country")
COLUMNS = NEEDED + OPTIONAL
ORDER, TIME = "order", "placed_at"
SKU_PATTERN = re.compile(r"[A-Za-z0-9._/-]{1,40}")


class GenericOrders:
    """Turns the fields of one row into a `Row`; of several faults the first in the order of COLUMNS is told.

    A column that is absent or blank: unit "each", currency that of the site, price 0, no customer, no country, no return.
    """

    def __init__(self, header: tuple[str, ...], catalogue: Catalogue, currency: str, units: Collection[str]):
        self._at = {column: header.index(column) for column in COLUMNS if column in header}
        self._catalogue, self._currency, self._units = catalogue, currency, units

    def row(self, fields: list[str]) -> Row:
        def text(column: str) -> str:
            at = self._at.get(column)
            return "" if at is None else fields[at]

        reference = identifier("order", text("order"))
        sku = text("sku").strip()
        if sku not in self._catalogue:
            raise RowFault("sku", "unknown_sku" if sku else "blank_field", sku)
        units = quantity("quantity", text("quantity"))
        unit = text("unit").strip().lower() or "each"
        if unit not in self._units:
            raise RowFault("unit", "unit_unknown", text("unit"))
        currency = currency_code("currency", text("currency")) if text("currency").strip() else self._currency
        price_minor = 0
        if text("price_minor").strip():
            price_minor = whole("price_minor", text("price_minor"), 0, MAX_PRICE_MINOR)
        elif text("price").strip():
            price_minor = money("price", text("price"), currency)
        return Row(
            reference,
            bool(text("is_return").strip()) and flag("is_return", text("is_return")),
            sku,
            units,
            unit,
            price_minor,
            currency,
            pseudonym(text("customer")),
            name("country", text("country")),
        )
