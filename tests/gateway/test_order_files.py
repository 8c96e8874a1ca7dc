"""Order files: gathering rows into orders, the range of days, times, the three formats and their catalogues."""

import gzip
import json
from datetime import UTC, date, datetime

import pytest

from floorwise.core.model.intake import LineDraft, OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels.decoding import OrderFileError
from floorwise.gateway.channels.order_file import open_order_file, trailing_demand

RETAIL = "order_id,is_return,sku,qty,ts,price_pence,customer,country\n"
GENERIC = "order,sku,quantity,placed_at\n"


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def write(tmp_path):
    def write(text, name="orders.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def parked(drafts):
    return [(draft.row, draft.column, draft.reason) for draft in drafts if isinstance(draft, ReviewRow)]


def orders(drafts):
    return [draft for draft in drafts if isinstance(draft, OrderDraft)]


def accounted(file):
    return file.rows_outside_range + file.lines_accepted + file.lines_returned + file.lines_review


def test_an_order_over_two_minutes_is_one_order_placed_in_the_first_with_its_lines_in_file_order(write):
    path = write(
        RETAIL
        + "7,False,22423,2,2011-12-05 09:01:00,1095,17841,France\n"
        + "8,False,22423,1,2011-12-05 09:01:00,1095,12345,Malta\n"
        + "7,False,10002,6,2011-12-05 09:00:00,85,17841,France\n"
    )
    assert list(open_order_file(path)) == [
        OrderDraft(
            "online-retail", "7", "17841", "France", "GBP", ms("2011-12-05T09:00"),
            (LineDraft(1, "22423", 2, "each", 1095), LineDraft(3, "10002", 6, "each", 85)),
        ),
        OrderDraft("online-retail", "8", "12345", "Malta", "GBP", ms("2011-12-05T09:01"), (LineDraft(2, "22423", 1, "each", 1095),)),
    ]  # fmt: skip


def test_equal_rows_are_separate_lines(write):
    row = "7,False,22423,2,2011-12-05 09:00:00,1095,0,France\n"
    (order,) = open_order_file(write(RETAIL + row * 3))
    assert order.lines == tuple(LineDraft(number, "22423", 2, "each", 1095) for number in (1, 2, 3))


def test_drafts_come_in_the_order_of_time_and_equal_times_by_row(write):
    path = write(
        RETAIL
        + "9,False,22423,1,2011-12-06 09:00:00,1,0,France\n"
        + "6,True,22423,1,2011-12-05 09:00:00,1,5,France\n"
        + "8,False,22423,x,2011-12-05 09:00:00,1,0,France\n"
        + "7,False,22423,1,2011-12-05 08:59:00,1,0,France\n"
        + "7,False,22423,1,when,1,0,France\n"
    )
    drafts = list(open_order_file(path))
    assert [type(draft).__name__ for draft in drafts] == ["ReviewRow", "OrderDraft", "ReturnDraft", "ReviewRow", "OrderDraft"]
    assert [draft.at_ms for draft in drafts if not isinstance(draft, OrderDraft)] == [0, ms("2011-12-05T09:00"), ms("2011-12-05T09:00")]
    assert drafts[2] == ReturnDraft("online-retail", "6", 2, "5", "22423", 1, 1, ms("2011-12-05T09:00"))


def test_customer_zero_of_online_retail_is_nobody_known(write):
    (order,) = open_order_file(write(RETAIL + "7,False,22423,2,2011-12-05 09:00:00,1095,0,France\n"))
    assert order.customer == ""


THREE_DAYS = RETAIL + "".join(f"{day},False,10002,1,2011-12-0{day} 10:00:00,85,1,France\n" for day in (5, 6, 6, 7))


@pytest.mark.parametrize(
    ("first", "days", "rows"),
    [
        (None, None, [1, 2, 3, 4]),
        (None, 1, [1]),
        (None, 2, [1, 2, 3]),
        (date(2011, 12, 6), None, [2, 3, 4]),
        (date(2011, 12, 6), 1, [2, 3]),
        (date(2011, 12, 4), 2, [1]),
        (date(2012, 1, 1), 5, []),
    ],
)
def test_only_rows_of_the_days_asked_for_come_out_and_the_others_are_counted(write, first, days, rows):
    file = open_order_file(write(THREE_DAYS), from_date=first, days=days)
    assert [line.row for order in file for line in order.lines] == rows
    assert (file.rows_read, file.rows_outside_range, file.lines_accepted) == (4, 4 - len(rows), len(rows))


def test_the_first_day_is_the_earliest_one_wherever_it_stands_in_the_file(write):
    newest_first = "".join([RETAIL, *reversed(THREE_DAYS.splitlines(keepends=True)[1:])])
    file = open_order_file(write(newest_first), days=1)
    assert [line.row for order in file for line in order.lines] == [4]


def test_a_broken_row_with_a_readable_time_outside_the_range_is_outside_and_one_without_is_parked(write):
    path = write(
        RETAIL
        + "7,False,22423,x,2011-12-01 09:00:00,1,0,France\n"  # outside, whatever else is wrong with it
        + "7,False,22423,1,2011-12-01 09:00:00,1,0\n"
        + "7,False,22423,2011-12-01 09:00:00,1,0,France\n"  # the fifth field is no time
        + "7,False,22423,1,sometime,1,0,France\n"
        + "7,False,22423,1,2011-12-05 09:00:00,1,0,France\n"
    )
    file = open_order_file(path, from_date=date(2011, 12, 5), days=1)
    assert parked(file) == [(3, "country", "missing_column"), (4, "ts", "bad_time")]
    assert (file.rows_outside_range, file.lines_accepted) == (2, 1)


def test_an_order_number_that_returns_on_a_later_day_is_another_order_whatever_the_range(write):
    row = "7,False,10002,1,2011-12-{} 10:00:00,85,1,France\n"
    path = write(RETAIL + row.format("06") + row.format("05") + row.format("06"))
    assert [order.reference for order in open_order_file(path)] == ["7", "7@2011-12-06"]
    (later,) = open_order_file(path, from_date=date(2011, 12, 6))
    assert (later.reference, [line.row for line in later.lines]) == ("7@2011-12-06", [1, 3])


def test_no_order_gets_the_number_that_another_has_already(write):
    row = "{},MUG,1,2011-12-0{}T10:00\n"
    path = write(GENERIC + row.format("7", 5) + row.format("7", 6) + row.format("7@2011-12-06", 5))
    assert [order.reference for order in open_order_file(path)] == ["7", "7@2011-12-06", "7@2011-12-06@"]


def test_every_iteration_reads_the_file_anew_and_gives_the_same(write):
    file = open_order_file(write(THREE_DAYS))
    assert list(file) == list(file)
    assert file.rows_read == accounted(file) == 4


def test_demand_before_the_range_is_summed_up_in_the_same_scan(write):
    path = write(
        RETAIL
        + "1,False,10002,100,2011-12-02 23:59:00,85,1,France\n"  # three days before: too early
        + "2,False,10002,5,2011-12-03 00:00:00,85,1,France\n"
        + "3,True,10002,2,2011-12-03 10:00:00,85,1,France\n"  # a return is no demand
        + "4,False,22423,x,2011-12-04 10:00:00,85,1,France\n"  # broken
        + "5,False,10002,6,2011-12-04 23:59:00,85,1,France\n"
        + "6,False,10002,50,2011-12-05 00:00:00,85,1,France\n"
    )
    file = open_order_file(path, from_date=date(2011, 12, 5), days=1, demand_days=2)
    assert [order.reference for order in file] == ["6"]
    assert file.demand_before == {"10002": 11}
    assert trailing_demand(path, "auto", date(2011, 12, 5), days=2) == {"10002": 11}


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("2011-07-01 10:00:00", "2011-07-01T09:00"),  # summer time
        ("2011-12-01T10:00", "2011-12-01T10:00"),
        ("2011-03-27 01:30:00", "2011-03-27T01:30"),  # never on a clock in London: counted on from winter time
        ("2011-10-30 01:30:00", "2011-10-30T00:30"),  # twice on a clock: the first
        ("2011-07-01 10:00:00Z", "2011-07-01T10:00"),
        ("2011-07-01T10:00:00+02:00", "2011-07-01T08:00"),
    ],
)
def test_times_are_the_wall_clock_of_the_site_unless_they_carry_an_offset(write, wall, utc):
    (order,) = open_order_file(write(f"{GENERIC}A1,MUG,1,{wall}\n"))
    assert order.placed_at_ms == ms(utc)


def test_the_day_of_a_time_with_an_offset_is_the_day_at_the_site(write):
    path = write(GENERIC + "A1,MUG,1,2011-12-05T23:30:00Z\n")
    file = open_order_file(path, from_date=date(2011, 12, 6), zone="Europe/Berlin")
    assert [order.reference for order in file] == ["A1"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_generic_table_may_use_any_delimiter_case_and_order_of_columns(write, delimiter):
    header = ["Placed_At", "SKU", "Order", "Currency", "PRICE", "Quantity", "note", "Is_Return", "customer"]
    rows = [
        ["2024-05-01T10:00:00Z", "MUG", "A1", "eur", "2.5", "3", "x", "", "C-17"],
        ["2024-05-01T11:00:00Z", "MUG", "R1", "jpy", "250", "1", "x", "yes", "C-17"],
    ]
    text = "".join(delimiter.join(row) + "\r\n" for row in [header, *rows])
    order, back = open_order_file(write(text))
    assert order == OrderDraft("csv", "A1", "C-17", "", "EUR", ms("2024-05-01T10:00"), (LineDraft(1, "MUG", 3, "each", 250),))
    assert back == ReturnDraft("csv", "R1", 2, "C-17", "MUG", 1, 250, ms("2024-05-01T11:00"))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("order", " ", "blank_field"),
        ("order", "x" * 65, "out_of_range"),
        ("order", "A\x1b[2J", "bad_text"),
        ("quantity", "1,5", "wrong_field_count"),
        ("quantity", "٣", "bad_number"),  # a digit, but not one of ours
        ("quantity", "10000001", "out_of_range"),
        ("unit", "wheelbarrow", "unit_unknown"),
        ("price_minor", "-1", "not_positive"),
        ("price", "2.505", "bad_number"),
        ("price", "1 000", "bad_number"),
        ("price", "99999999.00", "out_of_range"),
        ("currency", "XYZ", "currency_unknown"),
        ("placed_at", "1900-01-01T00:00:00", "out_of_range"),
        ("placed_at", "2300-01-01T00:00:00", "out_of_range"),
        ("placed_at", "2024-05-01", "bad_time"),
        ("is_return", "maybe", "bad_flag"),
        ("country", "x" * 101, "out_of_range"),
        ("sku", "a b", "unknown_sku"),
        ("sku", "", "blank_field"),
    ],
)
def test_a_generic_row_is_parked_for_what_is_wrong_with_it(write, column, value, reason):
    good = {"order": "A1", "sku": "MUG", "quantity": "1", "placed_at": "2024-05-01T10:00:00", "country": "FR"}
    bad = {**good, column: value}
    header = ",".join({**good, column: ""})
    path = write("\n".join([header, ",".join({**good, column: good.get(column, "")}.values()), ",".join(bad.values())]))
    file = open_order_file(path)
    assert parked(file) == [(2, "" if reason == "wrong_field_count" else column, reason)]
    assert file.lines_accepted == 1


def test_a_row_that_disagrees_with_its_order_is_parked_and_a_blank_takes_over_what_the_order_says(write):
    header = "order,sku,quantity,placed_at,customer,country,currency\n"
    path = write(
        header
        + "A1,MUG,1,2024-05-01T10:00,,FR,EUR\n"
        + "A1,MUG,1,2024-05-01T10:00,C1,,EUR\n"
        + "A1,MUG,1,2024-05-01T10:00,C2,FR,EUR\n"
        + "A1,MUG,1,2024-05-01T10:00,C1,FR,USD\n"
        + "A1,MUG,1,2024-05-01T10:00,C1,DE,EUR\n"
    )
    drafts = list(open_order_file(path))
    assert parked(drafts) == [(row, column, "differs_from_order") for row, column in ((3, "customer"), (4, "currency"), (5, "country"))]
    (order,) = orders(drafts)
    assert (order.customer, order.country, order.currency, len(order.lines)) == ("C1", "FR", "EUR", 2)


def test_names_and_mail_addresses_of_customers_never_come_further_than_the_channel(write):
    header = "order,sku,quantity,placed_at,customer,country\n"
    path = write(
        header.encode()
        + b"A1,MUG,1,2024-05-01T10:00,Ada Lovelace,GB\n"
        + b"A2,MUG,1,2024-05-01T11:00,ada  LOVELACE,GB\n"
        + b"A3,MUG,1,2024-05-01T12:00,Ada L\xf3velace,GB\n"
        + b"A4,MUG,x,2024-05-01T12:00,Ada Lovelace,GB\n"
        + b"A5,MUG,1,2024-05-01T12:00,Ada Lovelace\n"
    )
    drafts = list(open_order_file(path))
    first, second = orders(drafts)
    assert first.customer == second.customer
    assert first.customer.startswith("p-")
    assert "lovelace" not in repr(drafts).lower()


def test_json_lines_hold_whole_orders_flat_lines_and_returns(write):
    lines = [
        {"order": "A1", "placed_at": "2024-05-01T10:00:00Z", "customer": "C1", "currency": "EUR", "lines": [
            {"sku": "MUG", "quantity": 2, "price": 2.55}, {"sku": "CUP", "quantity": "3", "price_minor": 120}]},
        {"order": "A2", "placed_at": "2024-05-01T11:00:00Z", "sku": "MUG", "quantity": 1},
        {"order": "R1", "placed_at": "2024-05-01T12:00:00Z", "is_return": True, "customer": "C1", "sku": "CUP", "quantity": 1},
    ]  # fmt: skip
    path = write("\n\n".join(json.dumps(line) for line in lines), "orders.jsonl")
    file = open_order_file(path)
    assert list(file) == [
        OrderDraft(
            "jsonl", "A1", "C1", "", "EUR", ms("2024-05-01T10:00"),
            (LineDraft(1, "MUG", 2, "each", 255), LineDraft(2, "CUP", 3, "each", 120)),
        ),
        OrderDraft("jsonl", "A2", "", "", "GBP", ms("2024-05-01T11:00"), (LineDraft(3, "MUG", 1, "each", 0),)),
        ReturnDraft("jsonl", "R1", 4, "C1", "CUP", 1, 0, ms("2024-05-01T12:00")),
    ]  # fmt: skip
    assert (file.rows_read, file.blank_lines) == (4, 2)


def test_each_row_of_a_broken_json_order_is_parked_with_its_place(write):
    good = '{"order": "A1", "placed_at": "2024-05-01T10:00:00", "lines": [{"sku": "MUG", "quantity": 1}]}'
    path = write(
        good
        + '\n{"order": "A2", "placed_at": "soon", "lines": [{"sku": "MUG", "quantity": 1}, {"sku": "CUP", "quantity": 1}]}'
        + '\n{"order": "A3", "placed_at"'
        + '\n["A4"]'
        + '\n{"order": "A5", "placed_at": "2024-05-01T10:00:00", "lines": []}'
        + '\n{"order": "A6", "placed_at": "2024-05-01T10:00:00", "lines": '
        + '[{"sku": ["MUG"], "quantity": 1}, 5, {"sku": "MUG", "quantity": 1.0}]}'
        + '\n{"order": "A7", "placed_at": "2024-05-01T10:00:00", "sku": "MUG", "quantity": NaN}'
        + "\n" + '{"x":' * 30_000  # deeper than the parser goes
        + '\n{"order": "A\\ud800", "customer": "\\ud800", "placed_at": "2024-05-01T10:00:00", "sku": "MUG", "quantity": 1}'
    )  # fmt: skip
    file = open_order_file(path)
    drafts = list(file)
    assert sorted(parked(drafts)) == [
        (2, "placed_at", "bad_time"),
        (3, "placed_at", "bad_time"),
        (4, "", "bad_json"),
        (5, "", "bad_json"),
        (6, "lines", "blank_field"),
        (7, "sku", "bad_json"),
        (8, "lines", "bad_json"),
        (9, "quantity", "bad_number"),
        (10, "", "bad_json"),
        (11, "", "bad_json"),
        (12, "order", "bad_text"),
    ]
    texts = {draft.row: draft.text for draft in drafts if isinstance(draft, ReviewRow)}
    assert texts[3] == "line 2, lines[1]: soon"
    assert texts[12] == r"line 9: A\ud800"
    assert accounted(file) == file.rows_read == 12


def test_a_list_of_skus_beside_the_file_decides_what_is_known(write):
    write("sku,description\nMUG,A mug\n10002,Globe\n", "shop_skus.csv")
    path = write(GENERIC + "A1,MUG,1,2024-05-01T10:00\nA1,CUP,1,2024-05-01T10:00\n", "shop_lines.csv")
    file = open_order_file(path)
    assert parked(file) == [(2, "sku", "unknown_sku")]
    assert (file.catalogue.source, file.catalogue.names["MUG"]) == ("shop_skus.csv", "A mug")


def test_a_named_list_of_skus_wins_over_the_one_beside_the_file(write):
    write("sku\nMUG\n", "shop_skus.csv")
    other = write(gzip.compress(b"sku\nCUP\n"), "mine.gz")
    path = write(GENERIC + "A1,MUG,1,2024-05-01T10:00\nA1,CUP,1,2024-05-01T10:00\n", "shop.csv")
    assert parked(open_order_file(path)) == [(2, "sku", "unknown_sku")]
    assert parked(open_order_file(path, catalogue=other)) == [(1, "sku", "unknown_sku")]


@pytest.mark.parametrize("list_of_skus", [b"", b"code\nMUG\n", b"sku\n", gzip.compress(b"sku\nMUG\n" * 99)[:-9]])
def test_a_list_of_skus_that_cannot_be_read_whole_stops_the_reading(write, list_of_skus):
    write(list_of_skus, "shop_skus.csv")
    with pytest.raises(OrderFileError, match=r"shop_skus\.csv: "):
        open_order_file(write(GENERIC + "A1,MUG,1,2024-05-01T10:00\n", "shop.csv"))
