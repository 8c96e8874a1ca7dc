"""Scenario files: what comes with floorwise loads, and mistakes are named."""

import pytest

from floorwise.core.errors import BadInput
from floorwise.sim.scenario import known, load


def test_every_scenario_that_comes_with_floorwise_loads():
    assert {"peak_day", "quiet_day"} <= set(known())
    assert all(load(name).name == name for name in known())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day = 2026-03-10\npeple = 3", "peple is unknown"),
        ("day = 2026-03-10\n[people]\npickers = 0", "at least 1"),
        ("day = 2026-03-10\n[people]\npickers = 'two'", "should be of type int"),
        ("day = 2026-03-10\n[floor]\naisles = 1\nbays = 2", "need more pick bins than the floor has"),
        ("day = 2026-03-10\n[carriers]\ncut_off = '25:00'", "carriers.cut_off = '25:00' is not a time"),
        ("day = 2026-03-10\n[people]\nshift_from = '22:00'\nshift_to = '06:00'", "the shift ends at 06:00, before it begins"),
        ("day = 2026-03-10\n[faults]\nshort_share = -0.1", "not a number from zero up"),
        ("day = 2026-03-10\n[people]\nspread = nan", "not a number from zero up"),
        ("day = 2026-03-10\nzone = 'Mars/Base'", "Mars/Base"),
        ("day = 2026-03-10\n[demand]\nhours = [-1, 2" + ", 0" * 22 + "]", "demand.hours are numbers from zero up"),
        ("[people]\npickers = 2", "day is missing"),
        ("day = 2026-03-10\ndays = 0", "days = 0 is not a number from 1 to 366"),
        ("day = 2026-03-10\ndays = 400", "days = 400 is not a number from 1 to 366"),
        ("day = 2026-03-10\ncurrency = 'pounds'", "currency = 'pounds' is not an ISO 4217 code"),
        ("day = 2026-03-10\n[carriers]\nopen_days = ''", "carriers.open_days = '' is not one or more digits"),
        ("day = 2026-03-10\n[carriers]\nopen_days = '07'", "carriers.open_days = '07' is not"),
        ("day = 2026-03-10\n[demand]\norders = 10000000", r"demand.orders = 10,000,000 is too much; 1,000,000 at most"),
        ("day = 2026-03-10\n[people]\npickers = 5000", "people.pickers = 5,000 is too much"),
        ("day = 2026-03-10\n[people]\nwalk_mm_s = 99999999999", "people.walk_mm_s = 99,999,999,999 is too much"),
        ("day = 2026-03-10\n[faults]\nreturn_share = 1.5", "faults.return_share = 1.5 is too much; 1 at most"),
        ("day = 2026-03-10\n[people]\nshift_from = 'early'", "people.shift_from = 'early' is not a time"),
        ("day = = 3", "Invalid value"),
    ],
)
def test_a_mistake_in_a_scenario_is_named(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        load(str(path))


def test_an_unknown_scenario_tells_which_there_are():
    with pytest.raises(BadInput, match="quiet_day"):
        load("quite_day")
