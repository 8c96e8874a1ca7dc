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
        ("day = 2026-03-10\n[carriers]\ncut_off = '25:00'", "'25:00' is not a time"),
        ("day = 2026-03-10\n[people]\nshift_from = '22:00'\nshift_to = '06:00'", "the shift ends at 06:00, before it begins"),
        ("day = 2026-03-10\n[faults]\nshort_share = -0.1", "not a number from zero up"),
        ("day = 2026-03-10\n[people]\nspread = nan", "not a number from zero up"),
        ("day = 2026-03-10\nzone = 'Mars/Base'", "Mars/Base"),
        ("day = 2026-03-10\n[demand]\nhours = [-1, 2" + ", 0" * 22 + "]", "demand.hours are numbers from zero up"),
        ("[people]\npickers = 2", "day is missing"),
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
