import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model import gs1
from floorwise.core.model.gs1 import Fault, ScannedItem

APPLE = "09501234567891"
NOON = 1_771_243_200_000  # 2026-02-16 12:00 UTC


def vectors(shared_data: Path, kind: str) -> list[dict]:
    found = json.loads((shared_data / "conformance/gs1/gs1_syntax_engine_vectors.json").read_text())["vectors"]
    return next(rows for name, rows in found.items() if name.startswith(kind))


def linted(shared_data: Path, linter: str) -> list[dict]:
    return [row for row in vectors(shared_data, "linter_vectors") if row["linter"] == linter]


def test_the_check_digit_weighs_three_and_one_from_the_right():
    # 629104150021: from the right 1·3+2·1+0·3+0·1+5·3+1·1+4·3+0·1+1·3+9·1+2·3+6·1 = 57, so 3 is missing to 60
    assert gs1.check_digit("629104150021") == "3"
    assert gs1.check_digit("37610425002123456") == "9"  # the worked SSCC of the General Specifications


def test_our_check_digits_and_dates_agree_with_the_gs1_engine(shared_data, capsys):
    judges = {
        "csum": lambda text: gs1.check_number(text, range(8, 19)),
        "yymmd0": lambda text: gs1.parse_date(text, 2026),
        "yymmdd": lambda text: gs1.parse_date(text, 2026, day_zero=False),
        "hhmi": gs1.parse_time,
        "csetnumeric": lambda text: text == "" or gs1.is_digits(text) or Fault("bad_number", text),
    }
    rows = [(name, row) for name in judges for row in linted(shared_data, name)]
    wrong = [(name, row) for name, row in rows if isinstance(judges[name](row["data"]), Fault) == row["ok"]]
    with capsys.disabled():
        print(f"\n  GS1 linter vectors: {len(rows)} compared, {len(wrong)} differ")
    assert wrong == []
    assert len(rows) >= 240


@given(st.text("0123456789", min_size=7, max_size=17), st.data())
def test_one_wrong_digit_never_passes(payload, data):
    number = payload + gs1.check_digit(payload)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    mistyped = number[:place] + other + number[place + 1 :]
    assert gs1.check_number(number, [len(number)]) == number
    assert gs1.check_number(mistyped, [len(number)]).reason == "check_digit"


def test_a_gtin_of_any_length_becomes_one_key_of_14_digits():
    assert gs1.parse_gtin("02345673") == "00000002345673"
    assert gs1.parse_gtin("416000336108") == "00416000336108"
    assert gs1.parse_gtin("9501234567891") == APPLE
    assert gs1.parse_gtin(APPLE) == APPLE


@pytest.mark.parametrize(
    ("text", "reason"),
    [("9501234567892", "check_digit"), ("950123456789", "check_digit"), ("95012345678", "wrong_length"), ("", "bad_number"),
     ("95012345678²1", "bad_number"), ("٩٥٠١٢٣٤٥", "bad_number"), (" 9501234567891", "bad_number")],
)  # fmt: skip
def test_what_is_no_gtin_is_refused_by_its_reason(text, reason):
    assert gs1.parse_gtin(text).reason == reason


def test_an_sscc_is_extension_prefix_serial_and_check_digit():
    # 3 | 7610425 | 002123456 | 9, the example of the General Specifications
    assert gs1.make_sscc(3, "7610425", 2_123_456) == "376104250021234569"
    assert gs1.parse_sscc("376104250021234569") == "376104250021234569"
    assert gs1.parse_sscc("376104250021234568").reason == "check_digit"
    assert gs1.parse_sscc("00376104250021234569").reason == "wrong_length"


@given(st.text("0123456789", min_size=4, max_size=12), st.data())
def test_no_two_numbers_of_a_prefix_share_an_sscc(prefix, data):
    numbers = data.draw(st.lists(st.integers(0, 10 * gs1.sscc_serials(prefix) - 1), min_size=2, max_size=30, unique=True))
    made = [gs1.nth_sscc(prefix, number) for number in numbers]
    assert len(set(made)) == len(numbers)
    assert all(gs1.parse_sscc(sscc) == sscc and sscc[1:].startswith(prefix) for sscc in made)


def test_a_run_of_sscc_goes_on_into_the_next_extension_digit_and_ends_instead_of_coming_round():
    # a prefix of 12 digits leaves four for the serial: 10,000 an extension digit, 100,000 in all
    assert gs1.nth_sscc("950123456789", 9_999)[:17] == "09501234567899999"
    assert gs1.nth_sscc("950123456789", 10_000)[:17] == "19501234567890000"
    assert len({gs1.nth_sscc("950123456789", number) for number in range(100_000)}) == 100_000
    with pytest.raises(ValueError, match="no SSCC number 100000"):
        gs1.nth_sscc("950123456789", 100_000)


@pytest.mark.parametrize(
    "wrong", [(10, "7610425", 1), (-1, "7610425", 1), (0, "761042A", 1), (0, "761", 1), (0, "7610425", 10**9), (0, "7610425", -1)]
)
def test_an_sscc_that_cannot_be_is_not_made(wrong):
    with pytest.raises(ValueError, match=r"extension|prefix"):
        gs1.make_sscc(*wrong)


def test_day_zero_is_the_last_day_of_the_month():
    assert gs1.parse_date("260200", 2026) == date(2026, 2, 28)
    assert gs1.parse_date("280200", 2026) == date(2028, 2, 29)
    assert gs1.parse_date("261200", 2026) == date(2026, 12, 31)


def test_a_two_digit_year_lies_49_back_to_50_ahead():
    assert gs1.parse_date("770101", 2026) == date(1977, 1, 1)
    assert gs1.parse_date("760101", 2026) == date(2076, 1, 1)
    assert gs1.parse_date("000101", 2051) == date(2100, 1, 1)  # 51 - 0 = 51 back would be too far
    assert gs1.parse_date("000229", 2051).reason == "bad_time"  # 2100 is no leap year


def test_what_expires_on_a_day_is_good_until_that_day_ends_at_the_site():
    day = date(2026, 3, 28)
    assert gs1.end_of_day_ms(day) == 1_774_742_400_000  # 2026-03-29 00:00 UTC
    assert gs1.end_of_day_ms(day, ZoneInfo("Europe/Berlin")) == 1_774_742_400_000 - 3_600_000
    # the clocks go forward on the 29th: that day has 23 hours
    assert gs1.end_of_day_ms(date(2026, 3, 29), ZoneInfo("Europe/Berlin")) == 1_774_742_400_000 + 22 * 3_600_000
    assert gs1.moment_ms(datetime(1970, 1, 1, 0, 0, 1, 5000, UTC)) == 1005


def test_a_scan_that_does_not_fit_says_what_is_wrong_first():
    asked = ([APPLE, "19501234567898"], "A1", "", NOON)
    right = ScannedItem(APPLE, "A1", NOON + 1)
    assert gs1.scan_fault(right, *asked) == ""
    assert gs1.scan_fault(right._replace(gtin="19501234567898"), *asked) == ""
    assert gs1.scan_fault(right._replace(gtin="09506000134352", lot="B2"), *asked) == "wrong_item"
    assert gs1.scan_fault(right._replace(lot="B2", expires_at_ms=NOON), *asked) == "wrong_lot"
    assert gs1.scan_fault(right._replace(expires_at_ms=NOON), *asked) == "expired"
    assert gs1.scan_fault(right._replace(expires_at_ms=0), *asked) == ""
    assert gs1.scan_fault(ScannedItem(APPLE), *asked) == "lot_not_read"
    assert gs1.scan_fault(ScannedItem(), *asked) == "item_not_read"
    assert gs1.scan_fault(right, [APPLE], "", "S9", NOON) == "serial_not_read"
    assert gs1.scan_fault(right._replace(serial="S8"), [APPLE], "", "S9", NOON) == "wrong_serial"
