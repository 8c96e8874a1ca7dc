"""Draws depend on seed, stream and entity alone."""

from statistics import mean, stdev

from floorwise.sim.chance import Chance


def test_a_draw_does_not_depend_on_what_was_drawn_before():
    one, other = Chance(5), Chance(5)
    other.unit("walk", "T1")
    other.lognormal("pack", "P1", 1000, 0.3)
    assert one.unit("pick", "T1.4") == other.unit("pick", "T1.4")


def test_seed_stream_and_entity_each_make_another_draw():
    chance = Chance(5)
    draws = {chance.unit("pick", "T1"), chance.unit("pick", "T2"), chance.unit("pack", "T1"), Chance(6).unit("pick", "T1")}
    assert len(draws) == 4


def test_draws_are_uniform_within_what_ten_thousand_of_them_can_show():
    draws = [Chance(1).unit("u", n) for n in range(10_000)]
    assert min(draws) > 0 and max(draws) < 1
    assert abs(mean(draws) - 0.5) < 0.012  # four standard errors of 1/sqrt(12 n)
    shares = [sum(1 for d in draws if k / 10 <= d < (k + 1) / 10) / len(draws) for k in range(10)]
    assert all(abs(share - 0.1) < 0.012 for share in shares)


def test_work_times_have_the_mean_and_spread_they_are_asked_for():
    times = [Chance(1).lognormal("t", n, 60_000, 0.35) for n in range(20_000)]
    assert abs(mean(times) / 60_000 - 1) < 0.01
    assert abs(stdev(times) / mean(times) - 0.35) < 0.01
    assert Chance(1).lognormal("t", 1, 0, 0.35) == 0


def test_whole_numbers_reach_both_ends():
    assert {Chance(3).whole("w", n, 1, 3) for n in range(100)} == {1, 2, 3}
