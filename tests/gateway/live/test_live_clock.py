"""Floor time: as fast as asked, never back, on from where it stood, slower while work piles up."""

import pytest

from floorwise.gateway import clock as clocks
from floorwise.gateway.clock import CREEP, EASE_FROM, EASE_UNTIL, PacedClock, WallClock, open_clock

START_MS = 1_772_431_200_000


class Wall:
    """A wall clock that a test turns."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def on(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_floor_time_runs_as_many_times_faster_as_was_asked(wall):
    clock = PacedClock(START_MS, 60.0, wall)
    wall.on(2)
    assert clock.now_ms() == START_MS + 120_000
    assert clock.speed_reached == 60.0


def test_it_slows_with_what_is_undelivered_and_tells_what_it_reached(wall):
    clock = PacedClock(START_MS, 100.0, wall)
    wall.on(1)
    assert clock.ease(EASE_FROM) == 100.0
    assert clock.ease((EASE_FROM + EASE_UNTIL) // 2) == pytest.approx(50.0)
    wall.on(1)
    assert clock.now_ms() == START_MS + 150_000
    assert clock.speed_reached == pytest.approx(75.0)
    assert clock.ease(10 * EASE_UNTIL) == pytest.approx(100 * CREEP)  # never still: work that waits for a timer would wait for ever
    assert clock.ease(0) == 100.0


def test_a_change_of_pace_never_moves_time_back(wall):
    clock, before = PacedClock(START_MS, 300.0, wall), START_MS
    for undelivered in (0, 5_000, 100, 2_999, 0, 400):
        wall.on(0.0007)
        clock.ease(undelivered)
        assert clock.now_ms() >= before
        before = clock.now_ms()


@pytest.mark.parametrize(("saved_ms", "last_ms", "begins_ms"), [(0, 0, 0), (500, 0, 500), (500, 900, 900), (900, 500, 900)])
def test_it_goes_on_at_the_latest_of_what_was_saved_and_journalled(tmp_path, saved_ms, last_ms, begins_ms):
    if saved_ms:
        clocks.save(tmp_path, START_MS + saved_ms)
    clock = open_clock(tmp_path, 1e-9, START_MS, START_MS + last_ms if last_ms else 0)
    assert clock.now_ms() == START_MS + begins_ms


def test_a_file_that_cannot_be_read_is_no_reason_not_to_start(tmp_path):
    for broken in ("", "{", "[]", '{"now_ms": "late"}', '{"now_ms": true}'):
        (tmp_path / clocks.CLOCK_FILE).write_text(broken)
        assert clocks.saved_ms(tmp_path) == 0


def test_without_speed_and_epoch_it_is_the_walls_own_time_and_not_before_the_journal(tmp_path):
    ahead_ms = 4_102_444_800_000  # 2100
    clock = open_clock(tmp_path, 1.0, 0, ahead_ms)
    assert isinstance(clock, WallClock)
    assert clock.now_ms() == ahead_ms
    assert clock.ease(10**6) == 1.0
