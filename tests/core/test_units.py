import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model import units
from floorwise.core.model.catalog import PackLevel
from floorwise.core.model.gs1 import Fault
from floorwise.core.model.units import CatchWeight, Opened

DAY = 86_400_000
EACH_GTIN, CASE_GTIN, NEW_CASE_GTIN = "09501234567891", "19501234567898", "29501234567895"
MUG = [
    PackLevel("MUG", "each", EACH_GTIN, 1, 1, 0),
    PackLevel("MUG", "case", CASE_GTIN, 12, 1, 0),
    PackLevel("MUG", "case", NEW_CASE_GTIN, 10, 1, 100 * DAY),
    PackLevel("MUG", "pallet", "", 240, 1, 0),
]


def test_two_cases_of_twelve_are_24_each():
    assert units.to_base(2, "case", 0, MUG) == 24
    assert units.to_base(24, "each", 0, MUG) == 24


def test_one_and_a_half_each_is_refused_but_one_and_a_half_cases_are_18():
    assert units.to_base(Fraction(3, 2), "each", 0, MUG).reason == "bad_number"
    assert units.to_base(Fraction(3, 2), "case", 0, MUG) == 18
    assert units.to_base(Fraction(1, 3), "case", 0, MUG) == 4


def test_an_unknown_unit_is_refused_and_each_needs_no_declaration():
    assert units.to_base(1, "crate", 0, MUG).reason == "unit_unknown"
    assert units.to_base(7, "each", 0, []) == 7


def test_a_new_factor_speaks_from_its_date_on_and_the_past_keeps_the_old_one():
    assert units.to_base(2, "case", 100 * DAY - 1, MUG) == 24
    assert units.to_base(2, "case", 100 * DAY, MUG) == 20
    assert units.to_base(1, "case", -1, MUG).reason == "unit_unknown"  # before the unit existed


def test_a_case_printed_before_the_change_still_counts_twelve_by_its_gtin():
    assert units.level_of_gtin(CASE_GTIN, 200 * DAY, MUG).numerator == 12
    assert units.level_of_gtin(NEW_CASE_GTIN, 200 * DAY, MUG).numerator == 10
    assert units.level_of_gtin(NEW_CASE_GTIN, 99 * DAY, MUG).reason == "unknown_sku"
    assert units.level_of_gtin("", 0, MUG).reason == "unknown_sku"  # the pallet's "" is no GTIN to find


def test_a_pound_is_an_exact_fraction_of_grams():
    # 1 lb = 453.59237 g by definition, so only multiples of 100,000 lb are whole grams
    pound = [PackLevel("TEA", "lb", "", 45_359_237, 100_000, 0)]
    assert units.to_base(100_000, "lb", 0, pound) == 45_359_237
    assert units.to_base(1, "lb", 0, pound).reason == "bad_number"


def test_a_quantity_beyond_what_the_journal_can_hold_is_refused():
    assert units.to_base(2**53 - 1, "each", 0, []) == 2**53 - 1
    assert units.to_base(2**53, "each", 0, []).reason == "out_of_range"
    assert units.to_base(-1, "case", 0, MUG).reason == "out_of_range"
    assert units.to_base(0, "case", 0, MUG) == 0


factors = st.builds(lambda top, bottom: [PackLevel("X", "pack", "", top, bottom, 0)], st.integers(1, 10**6), st.integers(1, 10**4))


@given(st.integers(0, 10**9), factors)
def test_there_and_back_is_the_same_number_or_an_honest_refusal(quantity, levels):
    base = units.to_base(quantity, "pack", 0, levels)
    exact = quantity * units.factor(levels[0])
    if isinstance(base, Fault):
        assert exact.denominator > 1 or exact > units.MAX_BASE
    else:
        assert base == exact
        assert units.from_base(base, "pack", 0, levels) == quantity


@given(st.integers(0, 10**9), factors)
def test_back_and_there_loses_nothing(base, levels):
    assert units.to_base(units.from_base(base, "pack", 0, levels), "pack", 0, levels) == base


@given(st.integers(0, 10**6))
def test_packs_add_up_to_the_units_they_were_made_of(base):
    packs = units.in_packs(base, 0, MUG)
    assert sum(units.to_base(count, unit, 0, MUG) for unit, count in packs) == base


def test_units_are_packed_from_the_largest_level_down():
    assert units.in_packs(240 + 31, 0, MUG) == [("pallet", 1), ("case", 2), ("each", 7)]
    assert units.in_packs(31, 100 * DAY, MUG) == [("case", 3), ("each", 1)]
    assert units.in_packs(0, 0, MUG) == []
    assert units.in_packs(5, 0, []) == [("each", 5)]


def test_quantities_in_text_are_read_exactly_or_not_at_all():
    assert units.parse_quantity("0.1") * 3 == units.parse_quantity("0.3")  # floats say 0.30000000000000004
    assert units.parse_quantity(" 3/4 ") == Fraction(3, 4)
    for wrong in ("", "1,5", "1e5", "1.2.3", "1/0", "½", "٣", "nan", "inf", ".", "1.", "--1", "1_000", "9" * 19):
        assert units.parse_quantity(wrong).reason == "bad_number", wrong


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_a_fault(text):
    assert isinstance(units.parse_quantity(text), Fraction | Fault)


def test_taking_five_of_two_cases_leaves_one_shut_and_seven_loose():
    assert units.open_cases(2, 0, 5, 12) == Opened(1, 1, 7)
    assert units.open_cases(2, 5, 5, 12) == Opened(2, 0, 0)
    assert units.open_cases(2, 1, 25, 12) == Opened(0, 2, 0)
    assert units.open_cases(2, 0, 25, 12).reason == "out_of_range"


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 700), st.integers(1, 24))
def test_opening_cases_neither_makes_nor_loses_a_unit(shut, loose, taken, per_case):
    left = units.open_cases(shut, loose, taken, per_case)
    if isinstance(left, Fault):
        assert taken > shut * per_case + loose
    else:
        assert left.shut * per_case + left.loose + taken == shut * per_case + loose
        assert left.shut + left.opened == shut
        assert left.loose < per_case or left.opened == 0


def test_declared_levels_are_checked_before_they_are_stored():
    assert units.check_levels(MUG) == []
    wrong = [
        (PackLevel("MUG", "each", "", 2, 1, 0), "out_of_range"),
        (PackLevel("MUG", "box", "", 0, 1, 0), "out_of_range"),
        (PackLevel("MUG", "case", "", 6, 1, 0), "double_level"),
        (PackLevel("MUG", "box", "9501234567891", 6, 1, 0), "check_digit"),  # a GTIN is stored with 14 digits
        (PackLevel("MUG", "box", "09501234567892", 6, 1, 0), "check_digit"),
        (PackLevel("MUG", "box", CASE_GTIN, 6, 1, 0), "gtin_of_two_units"),
    ]
    for level, reason in wrong:
        assert [fault.reason for fault in units.check_levels([*MUG[1:], level])] == [reason]


def test_310n_is_grams_without_a_float():
    assert units.net_weight_g("3103", "003456") == 3456
    assert units.net_weight_g("3100", "000012") == 12_000
    assert units.net_weight_g("3101", "000012") == 1_200
    assert units.net_weight_g("3105", "123400") == 1_234
    assert units.net_weight_g("3105", "000001").reason == "bad_number"  # 10 mg
    for ai, digits in [("3106", "000001"), ("3203", "000001"), ("3103", "12345"), ("3103", "12345²")]:
        assert units.net_weight_g(ai, digits).reason == "bad_number"


@given(st.integers(0, 5), st.integers(0, 999_999))
def test_a_weight_in_whole_grams_is_never_off_by_one(decimals, number):
    grams = units.net_weight_g(f"310{decimals}", f"{number:06}")
    thousand_fold = number * 10 ** (8 - decimals)  # in units of 10 µg
    assert grams == thousand_fold // 10**5 if thousand_fold % 10**5 == 0 else isinstance(grams, Fault)


@pytest.mark.parametrize(("net_g", "fits"), [(3759, False), (3760, True), (4000, True), (4240, True), (4241, False)])
def test_catch_weight_may_be_off_by_the_tolerance_of_each_piece(net_g, fits):
    # 8 chickens of 500 g, each up to 30 g off: 3,760 to 4,240 g
    weighed = units.weigh(8, net_g, 500, 30)
    assert weighed == CatchWeight(8, net_g) if fits else weighed.reason == "weight_out_of_tolerance"


def test_every_reason_given_is_a_declared_one():
    given_here = set(re.findall(r'Fault\("(\w+)"', Path(units.__file__).read_text()))
    assert given_here == set(units.REASONS)
