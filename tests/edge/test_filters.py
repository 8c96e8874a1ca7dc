"""Filters: less is passed on, nothing is invented, and late readings are left alone."""

from floorwise.core.model.readings import Reading
from floorwise.edge.filters import Filters
from floorwise.edge.settings import Filter

MINUTE = 60_000


def passed(filters: Filters, *values: float, step_ms: int = 1000) -> list[float | None]:
    """The values that go on, None where one may be left out."""
    found = []
    for seq, value in enumerate(values, 1):
        kept, skip = filters.apply(Reading("scale-1", 1, seq, seq * step_ms, {"gross_g": value}))
        found.append(None if skip else kept.values["gross_g"])
    return found


def test_within_the_deadband_a_reading_may_be_left_out_and_drift_still_shows():
    filters = Filters([Filter("scale-*", "gross_g", deadband=5.0)])
    assert passed(filters, 100.0, 104.0, 105.0, 105.1, 101.0, 100.0) == [100.0, None, None, 105.1, None, 100.0]


def test_after_silence_a_reading_goes_on_though_nothing_changed():
    filters = Filters([Filter("scale-*", "gross_g", deadband=5.0, silence_ms=MINUTE)])
    assert passed(filters, 100.0, 100.0, 100.0, step_ms=30_000) == [100.0, None, 100.0]


def test_a_median_takes_a_single_spike_away():
    filters = Filters([Filter("scale-*", "gross_g", median=3)])
    assert passed(filters, 100.0, 100.0, 900.0, 100.0, 100.0) == [100.0, 100.0, 100.0, 100.0, 100.0]


def test_a_late_or_repeated_reading_passes_untouched():
    filters = Filters([Filter("*", "gross_g", median=3, deadband=50.0)])
    passed(filters, 100.0, 100.0, 100.0)
    late = Reading("scale-1", 1, 2, 2000, {"gross_g": 104.0})
    assert filters.apply(late) == (late, False)


def test_a_new_boot_is_no_repeat():
    filters = Filters([Filter("*", "gross_g", deadband=5.0)])
    passed(filters, 100.0, 100.0)
    assert filters.apply(Reading("scale-1", 2, 1, 3000, {"gross_g": 101.0}))[1] is True


def test_a_value_without_a_filter_keeps_the_whole_reading():
    filters = Filters([Filter("*", "temperature_c", deadband=1.0)])
    first = Reading("climate-1", 1, 1, 1000, {"temperature_c": 5.0, "humidity_pct": 60.0})
    second = Reading("climate-1", 1, 2, 2000, {"temperature_c": 5.0, "humidity_pct": 60.0})
    assert [filters.apply(one)[1] for one in (first, second)] == [False, False]


def test_devices_that_no_pattern_fits_are_left_alone():
    filters = Filters([Filter("scale-*", "gross_g", deadband=5.0)])
    for seq in (1, 2):
        one = Reading("other-1", 1, seq, seq, {"gross_g": 100.0})
        assert filters.apply(one) == (one, False)


def test_the_first_filter_that_fits_a_kind_counts():
    filters = Filters([Filter("scale-1", "gross_g", deadband=5.0), Filter("*", "gross_g", deadband=500.0)])
    assert passed(filters, 100.0, 110.0) == [100.0, 110.0]
