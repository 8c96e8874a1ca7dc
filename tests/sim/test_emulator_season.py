"""The season: its figures are those of the real orders, and the same seed places the same orders."""

import runpy
from datetime import date

import pytest

from floorwise.core.errors import BadInput
from floorwise.core.model.places import local_ms, zone_named
from floorwise.core.model.policies import HOUR_MS
from floorwise.sim.emulated import season
from floorwise.sim.emulated.plan import sku_names

ZONE = "Europe/London"


def make(seed: int = 1, orders: float = 120.0) -> season.Season:
    return season.Season(season.load(), seed, orders, sku_names(), "GBP", ZONE)


def test_the_profile_is_what_the_real_order_lines_give(shared_data, repository):
    derive = runpy.run_path(str(repository / "benchmarks" / "season_profile.py"))["profile"]
    written = (repository / "sim" / "profiles" / "gift_shop.toml").read_text(encoding="utf-8")
    assert derive(shared_data / "orders" / "online_retail_lines.csv.gz") == written


def test_the_profile_is_a_whole_week_and_a_whole_catalogue():
    profile = season.load()
    assert sum(map(sum, profile.hours)) == pytest.approx(1.0, abs=0.001)
    assert sum(profile.hours[5]) == 0  # no Saturdays
    assert max(profile.weeks, key=profile.weeks.get) == 46  # the week that ends on 2011-11-20
    assert profile.popular_lines[-1] == 1 and profile.popular_lines[4] == pytest.approx(0.64, abs=0.01)  # the top fifth
    assert list(profile.popular_lines) == sorted(profile.popular_lines)


def test_a_floor_opens_at_six_of_a_peak_weeks_monday():
    profile = season.load()
    for seed in range(20):
        monday = season.peak_monday(profile, 2026, seed)
        assert monday.weekday() == 0 and profile.weeks[monday.isocalendar().week] >= season.PEAK
    assert season.opening_ms(profile, 2026, 1, ZONE) == local_ms(season.peak_monday(profile, 2026, 1), season.time(6), zone_named(ZONE))
    assert len({season.peak_monday(profile, 2026, seed) for seed in range(20)}) > 1


def test_the_level_is_the_mean_hour_of_the_busiest_weeks_monday():
    busiest = local_ms(date.fromisocalendar(2026, 46, 1), season.time(6), zone_named(ZONE))
    found = make()
    means = [found.mean_of_hour(busiest + hour * HOUR_MS) for hour in range(9)]
    assert sum(means) / 9 == pytest.approx(120.0)
    assert means[0] < means[3]  # nine o'clock of the clock-shifted day is busier than six
    assert found.mean_of_hour(busiest - 6 * HOUR_MS) == 0  # midnight


def test_orders_of_an_hour_are_the_same_whoever_asks_and_in_order_of_time():
    hour_ms = season.opening_ms(season.load(), 2026, 1, ZONE)
    first, again, other = make().orders_of_hour(hour_ms), make().orders_of_hour(hour_ms), make(seed=2).orders_of_hour(hour_ms)
    assert first == again != other
    assert [at for at, _ in first] == sorted(at for at, _ in first)
    assert all(hour_ms <= at < hour_ms + HOUR_MS for at, _ in first)
    assert len({order["reference"] for _, order in first}) == len(first) > 50
    for _, order in first:
        assert order["lines"] and len({line["sku"] for line in order["lines"]}) == len(order["lines"])
        assert min(line["quantity"] for line in order["lines"]) >= 1


def test_counts_vary_more_than_plain_chance_would():
    hour_ms = season.opening_ms(season.load(), 2026, 1, ZONE) + 3 * HOUR_MS
    counts = [make(seed)._count(hour_ms, 100.0) for seed in range(400)]
    mean = sum(counts) / 400
    variance = sum((count - mean) ** 2 for count in counts) / 399
    assert mean == pytest.approx(100, abs=2.5)  # four standard errors
    assert 1.15 < variance / mean < 1.85  # the real hours of November: 1.48


def test_orders_that_wait_at_opening_came_in_before_it():
    opening_ms = season.opening_ms(season.load(), 2026, 1, ZONE)
    waiting = make().overnight(opening_ms, 40)
    assert len(waiting) == 40 and all(opening_ms - 6 * HOUR_MS <= at < opening_ms for at, _ in waiting)


def test_demand_of_a_day_spreads_over_all_skus_the_popular_ones_first():
    wanted = make().units_a_day(date.fromisocalendar(2026, 46, 1))
    assert list(wanted) == sku_names() and min(wanted.values()) > 0
    assert sum(list(wanted.values())[:80]) / sum(wanted.values()) == pytest.approx(0.637, abs=0.01)  # the top fifth of 400


@pytest.mark.parametrize("orders", [0, -1, 1e9])
def test_a_level_that_no_floor_has_is_refused(orders):
    with pytest.raises(BadInput, match="orders an hour"):
        make(orders=orders)


def test_an_unknown_profile_is_refused():
    with pytest.raises(BadInput, match="moon"):
        season.load("moon")
