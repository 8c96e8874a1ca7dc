"""Format `online-retail`: the cleaned lines of the "Online Retail" data set (a UK gift wholesaler, 2010-2011).

Prices are pence, times the shop's wall clock by the minute, customer 0 is nobody known, `qty` of a return is positive.
Source: Chen, Sain, Guo (2012), doi:10.1057/dbm.2012.17.
"""

import re
from operator import itemgetter

from floorwise.gateway.channels.catalogue import Catalogue
from floorwise.gateway.channels.fields import MAX_PRICE_MINOR, MAX_QUANTITY, Row, RowFault, flag, name, whole

CHANNEL = "online-retail"
COLUMNS = ("order_id", "is_return", "sku", "qty", "ts", "price_pence", "customer", "country")
ORDER, TIME = "order_id", "ts"
CURRENCY = "GBP"
SKU_PATTERN = re.compile(r"[0-9]{5}[A-Z]{0,2}|DCGS[A-Z0-9]*")
MAX_COUNTRIES = 1_000
MAX_NUMBER = 10**12  # of an invoice or a customer


class OnlineRetail:
    """Turns the fields of one row into a `Row`; of several faults the first in the order of COLUMNS is told."""

    def __init__(self, header: tuple[str, ...], catalogue: Catalogue):
        self._columns = itemgetter(*(header.index(column) for column in COLUMNS))
        self._countries: dict[str, str] = {}  # checked before; at most MAX_COUNTRIES
        self._catalogue = catalogue

    def row(self, fields: list[str]) -> Row:
        order, returned, sku, qty, _, price, customer, country = self._columns(fields)
        if not (order.isascii() and order.isdigit() and len(order) <= 12):
            order = str(whole("order_id", order, 1, MAX_NUMBER))
        is_return = returned == "True" or (returned != "False" and flag("is_return", returned))
        if sku not in self._catalogue:
            sku = sku.strip()
            if sku not in self._catalogue:
                raise RowFault("sku", "unknown_sku" if sku else "blank_field", sku)
        units = whole("qty", qty, 1, MAX_QUANTITY)
        price_minor = whole("price_pence", price, 1, MAX_PRICE_MINOR)
        if not (customer.isascii() and customer.isdigit() and len(customer) <= 12):
            customer = str(whole("customer", customer, 0, MAX_NUMBER))
        known_country = self._countries.get(country) or self._country(country)
        known_customer = "" if customer == "0" else customer
        return Row(order, is_return, sku, units, "each", price_minor, CURRENCY, known_customer, known_country)

    def _country(self, text: str) -> str:
        country = name("country", text)
        if not country:
            raise RowFault("country", "blank_field", text)
        if len(self._countries) < MAX_COUNTRIES:
            self._countries[text] = country
        return country
