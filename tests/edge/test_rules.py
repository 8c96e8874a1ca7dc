"""Local alarms: one when it begins, one when it ends, by the device's own clock."""

from floorwise.core.model.readings import Reading
from floorwise.edge.rules import Rules
from floorwise.edge.settings import Rule

WARM = Rule("warm", "climate-*", "temperature_c", above=8.0, clear=7.0)


def heard(rules: Rules, *looks: tuple[int, float], device: str = "climate-1") -> list[tuple[int, bool]]:
    """(second, on) of each alarm."""
    found = []
    for second, value in looks:
        reading = Reading(device, 1, second, second * 1000, {"temperature_c": value})
        found += [(alarm.ts // 1000, alarm.on) for alarm in rules.watch(reading)]
    return found


def test_an_alarm_begins_above_the_limit_and_ends_at_clear_not_before():
    assert heard(Rules([WARM]), (1, 8.0), (2, 8.1), (3, 9.0), (4, 7.5), (5, 7.0), (6, 5.0)) == [(2, True), (5, False)]


def test_a_short_visit_above_the_limit_is_no_alarm_when_the_rule_waits():
    rule = Rule("warm", "climate-*", "temperature_c", above=8.0, for_ms=60_000)
    looks = [(0, 9.0), (30, 9.0), (50, 7.9), (60, 9.0), (100, 9.0), (119, 9.0), (120, 9.0), (121, 8.0)]
    assert heard(Rules([rule]), *looks) == [(120, True), (121, False)]


def test_below_works_like_above_turned_round():
    rule = Rule("dry", "climate-*", "temperature_c", below=2.0, clear=3.0)
    assert heard(Rules([rule]), (1, 2.0), (2, 1.9), (3, 2.5), (4, 3.0)) == [(2, True), (4, False)]


def test_a_reading_from_the_past_moves_nothing():
    assert heard(Rules([WARM]), (10, 9.0), (5, 5.0), (11, 9.0)) == [(10, True)]


def test_devices_are_told_apart_and_others_are_not_watched():
    rules = Rules([WARM])
    assert heard(rules, (1, 9.0)) == [(1, True)]
    assert heard(rules, (1, 9.0), device="climate-2") == [(1, True)]
    assert heard(rules, (1, 9.0), device="oven-1") == []


def test_an_alarm_says_upstream_who_what_and_how_much():
    (alarm,) = Rules([WARM]).watch(Reading("climate-1", 1, 1, 1000, {"temperature_c": 9.5}))
    assert alarm.values() == {"alarm": "warm", "about": "climate-1", "alarm_on": 1.0, "observed": 9.5}
