"""Faults planted at known rows are parked there, and every other row comes through as it was."""

import gzip
import importlib.util
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from floorwise.core.model.intake import REASONS, LineDraft, OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels.order_file import open_order_file


@pytest.fixture(scope="module")
def faults(repository):
    spec = importlib.util.spec_from_file_location("order_file_faults", repository / "tests" / "faults" / "order_file_faults.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(drafts):
    """(row of a line or return) -> the eight columns as the file would say them."""
    rows = {}
    for draft in drafts:
        if isinstance(draft, OrderDraft):
            for line in draft.lines:
                rows[line.row] = (draft.reference, "False", line.sku, line.quantity, line.price_minor, draft.customer, draft.country)
        elif isinstance(draft, ReturnDraft):
            rows[draft.row] = (draft.reference, "True", draft.sku, draft.quantity, draft.price_minor, draft.customer, None)
    return rows


def expected_row(text):
    order, is_return, sku, qty, _, price, customer, country = text.split(",")
    customer = "" if customer == "0" else customer
    return (order, is_return, sku, int(qty), int(price), customer, country if is_return == "False" else None)


def check(planted, path):
    file = open_order_file(path)
    drafts = list(file)
    parked = sorted((d.row, d.column, d.reason) for d in drafts if isinstance(d, ReviewRow))
    assert parked == [tuple(fault) for fault in planted.faults]
    assert rows_of(drafts) == {row: expected_row(text) for row, text in planted.good_rows.items()}
    assert file.rows_read == len(planted.faults) + len(planted.good_rows)
    assert (file.lines_review, file.rows_outside_range) == (len(planted.faults), 0)
    return file, drafts


def test_200_faults_of_ten_kinds_in_a_real_day_are_each_parked_at_their_row_and_column(faults, shared_data, tmp_path):
    planted = faults.plant(faults.real_day(shared_data), count=200, seed=7)
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(planted.data))
    file, _ = check(planted, path)
    assert Counter(fault.reason for fault in planted.faults) == dict.fromkeys((kind[1] for kind in faults.KINDS), 20)
    assert file.rows_read == 5281 + 23


@pytest.mark.parametrize("seed", range(5))
def test_200_faults_in_a_made_up_day_are_found_for_any_seed(faults, tmp_path, seed):
    planted = faults.plant(faults.synthetic_day(1000, seed), count=200, seed=seed)
    path = tmp_path / "day.csv"
    path.write_bytes(planted.data)
    _, drafts = check(planted, path)
    assert {draft.reason for draft in drafts if isinstance(draft, ReviewRow)} <= set(REASONS)


def test_a_parked_row_tells_its_text_its_time_and_its_file(faults, tmp_path):
    rows = faults.synthetic_day(20)
    fields = rows[4].split(",")
    rows[4] = ",".join([*fields[:3], "six", *fields[4:]])
    path = tmp_path / "small.csv"
    path.write_text("\n".join([faults.HEADER, *rows]))
    (review,) = [draft for draft in open_order_file(path) if isinstance(draft, ReviewRow)]
    at = datetime.fromisoformat(fields[4]).replace(tzinfo=ZoneInfo("UTC"))  # December: the wall clock of the UK is UTC
    assert review == ReviewRow("online-retail", "small.csv", 5, "qty", "bad_number", "six", int(at.timestamp()) * 1000)


def test_everything_before_the_cut_of_a_truncated_gzip_is_used_and_the_cut_is_one_parked_row(faults, tmp_path):
    rows = faults.synthetic_day(3000)
    data = "\n".join([faults.HEADER, *rows, ""]).encode()
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(faults.cut_gzip(data, 0.6))
    file = open_order_file(path)
    drafts = list(file)
    (cut,) = [draft for draft in drafts if isinstance(draft, ReviewRow)]
    assert (cut.row, cut.column, cut.reason) == (file.rows_read, "", "truncated_file")
    got = rows_of(drafts)
    assert sorted(got) == list(range(1, cut.row))
    assert all(got[row] == expected_row(rows[row - 1]) for row in got)
    assert 1200 < cut.row < 2400  # about 60 % of 3000


def test_the_lines_of_an_order_stay_together_when_one_of_them_is_parked(faults, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        faults.HEADER
        + "\n1,False,10002,1,2011-12-05 09:00:00,85,7,France"
        + "\n1,False,10002,x,2011-12-05 09:00:00,85,7,France"
        + "\n1,False,10002,3,2011-12-05 09:00:00,85,7,France\n"
    )
    order, review = sorted(open_order_file(path), key=lambda draft: isinstance(draft, ReviewRow))
    assert order.lines == (LineDraft(1, "10002", 1, "each", 85), LineDraft(3, "10002", 3, "each", 85))
    assert review.row == 2
