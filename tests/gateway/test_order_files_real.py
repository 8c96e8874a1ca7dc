"""The published order lines, counted here a second time with nothing but the csv module."""

import csv
import gzip
from collections import Counter
from datetime import date

import pytest

from floorwise.core.model.intake import OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels.order_file import open_order_file


@pytest.fixture(scope="module")
def lines(shared_data):
    return shared_data / "orders" / "online_retail_lines.csv.gz"


@pytest.fixture(scope="module")
def counted(lines):
    """(row, its columns) of 28 days and the day behind them."""
    with gzip.open(lines, "rt", encoding="utf-8", newline="") as file:
        rows = enumerate(csv.DictReader(file), start=1)
        return [(row, fields) for row, fields in rows if "2011-11-07" <= fields["ts"][:10] <= "2011-12-05"]


def test_the_busiest_day_comes_out_row_for_row_and_the_28_days_before_it_as_demand(lines, counted):
    file = open_order_file(lines, from_date=date(2011, 12, 5), days=1, demand_days=28)
    drafts = list(file)
    assert (file.format, file.rows_read, file.rows_outside_range) == ("online-retail", 536_462, 536_462 - 5_304)
    assert (file.lines_accepted, file.lines_returned, file.lines_review) == (5_281, 23, 0)
    sold = [(row, fields) for row, fields in counted if fields["is_return"] == "False"]
    day = [(row, fields) for row, fields in sold if fields["ts"].startswith("2011-12-05")]
    orders = [draft for draft in drafts if isinstance(draft, OrderDraft)]
    assert sorted((line.row, order.reference, line.sku, line.quantity) for order in orders for line in order.lines) == [
        (row, fields["order_id"], fields["sku"], int(fields["qty"])) for row, fields in day
    ]
    assert file.orders == len({fields["order_id"] for _, fields in day})
    demand = Counter()
    for _, fields in sold:
        if not fields["ts"].startswith("2011-12-05"):
            demand[fields["sku"]] += int(fields["qty"])
    assert file.demand_before == demand
    assert file.catalogue.source == "online_retail_skus.csv.gz"


@pytest.mark.slow
def test_no_row_of_the_whole_file_is_parked(lines):
    file = open_order_file(lines)
    kinds = Counter(type(draft) for draft in file)
    assert (file.rows_read, file.lines_accepted, file.lines_returned) == (536_462, 527_758, 8_704)
    assert kinds == {OrderDraft: 19_773, ReturnDraft: 8_704}
    assert ReviewRow not in kinds
