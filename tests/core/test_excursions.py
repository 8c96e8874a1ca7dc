"""What a trace says: limits with delay and budget, worst case between looks, unknown beyond the bridge, the same live and replayed."""

from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.model.excursions import CLASSES, MINUTE_MS, Finding, Limits, Watch, advance, judge

M = MINUTE_MS
T0 = 1_767_000_000_000
CHILLED = Limits("temperature_c", 2_000, 8_000, 15 * M, 60 * M, 20 * M)
INSTANT = Limits("shock_mps2", 0, 250_000, 0, 0, 2**52)


def trace(*looks: tuple[int, float]) -> list[tuple[int, int]]:
    """(minute, °C) as (ms, m°C)."""
    return [(T0 + minute * M, round(celsius * 1000)) for minute, celsius in looks]


def every(start: int, end: int, celsius: float, step: int = 5) -> list[tuple[int, float]]:
    return [(minute, celsius) for minute in range(start, end + 1, step)]


def found(limits: Limits, *looks: tuple[int, float]) -> list[tuple]:
    """(side, from minute, to minute or None, peak) of each excursion."""
    _, findings, _ = judge(trace(*looks), limits)
    return [(f.side, (f.from_ms - T0) // M, (f.to_ms - T0) // M if f.to_ms else None, f.peak_milli / 1000) for f in findings]


def test_a_trace_within_limits_is_ok_and_at_the_limit_is_within():
    assert judge(trace(*every(0, 60, 5), (65, 8.0), (70, 2.0)), CHILLED)[:2] == ("ok", [])


def test_a_short_time_above_is_no_excursion_and_one_beyond_the_delay_is():
    assert found(CHILLED, (0, 5), (5, 9), (10, 5)) == []  # out from minute 0 to 10 at worst
    assert found(CHILLED, (0, 5), (5, 9), (10, 10), (15, 5)) == []  # 15 minutes is not longer than 15
    assert found(CHILLED, (0, 5), (5, 9), (10, 10), (16, 5)) == [("high", 0, 16, 10.0)]


def test_an_excursion_is_told_as_soon_as_it_is_one_and_again_with_its_end_and_peak():
    watch, told = Watch(), []
    for ts, milli in trace((0, 5), (5, 9), (10, 9), (20, 12), (30, 11), (35, 6)):
        watch, findings = advance(watch, ts, milli, CHILLED)
        told.append(findings)
    begun = Finding("temperature_c", "high", T0, 0, 12_000, 8_000)
    assert told == [[], [], [], [begun], [], [begun._replace(to_ms=T0 + 35 * M)]]


def test_many_short_times_above_use_up_the_budget():
    hot = [look for start in range(0, 80, 10) for look in ((start, 5), (start + 5, 9))]  # each 10 minutes at worst, from 0, 10, 20 …
    assert found(CHILLED, *hot, (80, 5), (85, 5)) == [("high", 60, 70, 9.0), ("high", 70, 80, 9.0)]


def test_too_cold_is_an_excursion_of_its_own_side_with_the_lowest_as_its_peak():
    assert found(CHILLED, (0, 5), (10, 1), (20, -3), (30, 1), (40, 5)) == [("low", 0, 40, -3.0)]


def test_from_too_cold_straight_to_too_hot_are_two_excursions():
    looks = [(0, 5), *every(5, 25, 1), *every(30, 50, 9)]
    assert found(CHILLED, *looks) == [("low", 0, 30, 1.0), ("high", 25, None, 9.0)]


def test_one_shock_is_enough_where_no_delay_is_borne():
    shocks = [(T0, 3_000), (T0 + 1000, 400_000), (T0 + 2000, 2_000)]
    assert judge(shocks, INSTANT)[1] == [Finding("shock_mps2", "high", T0, T0 + 2000, 400_000, 250_000)]


def test_silence_beyond_the_bridge_is_unknown_and_within_it_is_not():
    assert judge(trace((0, 5), (20, 5)), CHILLED)[0] == "ok"
    verdict, findings, watch = judge(trace((0, 5), (21, 5)), CHILLED)
    assert (verdict, findings, watch.unknown_ms) == ("unknown", [], 21 * M)


def test_a_silence_ends_an_excursion_with_the_last_look_that_showed_it():
    assert found(CHILLED, *every(0, 30, 9), (100, 5)) == [("high", 0, 30, 9.0)]
    assert judge(trace(*every(0, 30, 9), (100, 5)), CHILLED)[2].unknown_ms == 70 * M


def test_no_look_at_all_and_silence_at_either_end_are_unknown_never_ok():
    looks = trace(*every(0, 60, 5))
    assert judge([], CHILLED)[0] == "unknown"
    assert judge(looks, CHILLED, T0 - 20 * M, T0 + 80 * M)[0] == "ok"
    assert judge(looks, CHILLED, T0 - 21 * M, 0)[0] == "unknown"
    assert judge(looks, CHILLED, 0, T0 + 81 * M)[0] == "unknown"


def test_every_class_has_limits_that_something_can_meet():
    for name, limits in CLASSES.items():
        for one in limits:
            assert one.low_milli < one.high_milli and one.delay_ms <= one.budget_ms, (name, one)


TRACES = st.lists(st.tuples(st.integers(0, 200), st.integers(-5, 15)), max_size=40)


@given(TRACES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_changes_the_verdict(looks, rng):
    looks = trace(*{minute: celsius for minute, celsius in looks}.items())
    shuffled = list(looks)
    rng.shuffle(shuffled)
    assert judge(shuffled, CHILLED) == judge(looks, CHILLED)


@given(TRACES)
def test_time_is_counted_once_and_completely(looks):
    looks = sorted(trace(*dict(looks).items()))
    _, findings, watch = judge(looks, CHILLED)
    if looks:
        out = watch.spent_ms + (watch.ts - watch.since_ms if watch.side else 0)
        assert 0 <= out + watch.unknown_ms <= 2 * (looks[-1][0] - looks[0][0])  # worst case: an interval may count for both sides
    for one in findings:
        assert one.peak_milli > one.limit_milli if one.side == "high" else one.peak_milli < one.limit_milli
        assert not one.to_ms or one.to_ms >= one.from_ms
