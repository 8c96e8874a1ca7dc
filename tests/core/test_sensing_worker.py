"""Readings become commands: an excursion once whatever the order and however often, a weight when it has come to rest."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.flow.sensing import BindTracker, RecordExcursion, RecordWeight
from floorwise.core.model.excursions import Excursion, TrackerBinding
from floorwise.core.model.readings import Reading
from floorwise.core.model.work import CountTask
from floorwise.core.workers import sensing as worker
from floorwise.core.workers.sensing import Sensing

T0 = 1_323_075_600_000  # the floor's Monday, 09:00
M = 60_000
COLD = TrackerBinding("t-1", T0, "A00-0", "chilled", 0, 0, 0)
SCALE = TrackerBinding("scale-1", T0, "A00-0", "", 1_200, 5, 0)


def looks(*minutes_and_values: tuple[int, float], device: str = "t-1") -> list[Reading]:
    return [Reading(device, 1, n, T0 + minute * M, {"temperature_c": value}) for n, (minute, value) in enumerate(minutes_and_values, 1)]


WARM = looks(*((m, 5.0) for m in range(0, 30, 5)), *((m, 11.0) for m in range(30, 60, 5)), *((m, 5.0) for m in range(60, 90, 5)))
FOUND = [
    RecordExcursion("A00-0", "temperature_c", T0 + 25 * M, 0, 11_000, 8_000, "t-1", "high"),
    RecordExcursion("A00-0", "temperature_c", T0 + 25 * M, T0 + 60 * M, 11_000, 8_000, "t-1", "high"),
]


def commands(asks) -> list:
    return [ask.command for ask in asks]


def test_an_excursion_is_asked_for_when_it_is_one_and_when_it_ends():
    sensing = Sensing([COLD])
    assert commands(sensing.take(WARM)) == FOUND
    assert sensing.take(WARM[-1:]) == []


def test_a_device_that_is_not_bound_then_asks_for_nothing():
    assert Sensing([COLD._replace(bound_at_ms=T0 + 90 * M)]).take(WARM) == []
    assert Sensing([COLD._replace(released_at_ms=T0 + 30 * M)]).take(WARM) == []
    assert Sensing([]).take(WARM) == []


def test_readings_that_come_late_belong_to_the_binding_of_their_own_time():
    sensing = Sensing([COLD._replace(released_at_ms=T0 + 70 * M)])
    sensing.bind([COLD._replace(bound_at_ms=T0 + 70 * M, subject="A00-1")])
    assert {command.subject for command in commands(sensing.take(WARM))} == {"A00-0"}


@given(st.randoms(use_true_random=False))
def test_in_whatever_order_readings_come_the_same_excursion_is_known_at_the_end(rng: random.Random):
    shuffled = list(WARM)
    rng.shuffle(shuffled)
    sensing, known = Sensing([COLD]), {}
    for ask in sensing.take(shuffled):
        known[ask.command.side, ask.command.from_ms] = ask.command
    assert known["high", T0 + 25 * M] == FOUND[1]
    assert sensing.watch_of("t-1", "temperature_c") == replayed().watch_of("t-1", "temperature_c")


def replayed() -> Sensing:
    sensing = Sensing([COLD])
    sensing.take(WARM)
    return sensing


def test_a_start_reads_the_store_and_asks_the_same_under_the_same_keys():
    store = MemoryStore()
    store.write_batch(WARM)
    first, second = Sensing([COLD]), Sensing([COLD])
    asked = first.take(WARM)
    assert second.recall(store, T0 + 90 * M) == asked
    assert second.watch_of("t-1", "temperature_c") == first.watch_of("t-1", "temperature_c")


def test_old_looks_are_folded_away_and_what_is_older_still_is_passed_over(monkeypatch):
    monkeypatch.setattr(worker, "LOOKS_KEPT", 8)
    sensing = Sensing([COLD])
    assert commands(sensing.take(WARM)) == FOUND
    assert sensing.take(looks((1, 50.0))) == []
    assert sensing._tracks["t-1", T0, "temperature_c"].too_late == 1


def weights(*seconds_and_grams: tuple[int, float]) -> list[Reading]:
    return [Reading("scale-1", 3, n, T0 + s * 1000, {"gross_g": float(g)}) for n, (s, g) in enumerate(seconds_and_grams, 1)]


def test_a_weight_is_compared_when_it_has_come_to_rest_and_once_more_later():
    asks = Sensing([SCALE]).take(weights(*((s, 4_200 + s % 2) for s in range(0, 700, 10))))
    assert [(ask.key, ask.command.at_ms - T0) for ask in asks] == [("weight/scale-1/3/4", 30_000), ("weight/scale-1/3/31", 300_000)]
    assert asks[0].command == RecordWeight("A00-0", 3_000, 5, "scale-1", T0 + 30_000)  # 4,200 less a tare of 1,200


def test_a_hand_on_the_scale_is_not_compared_and_the_rest_after_it_is():
    asks = Sensing([SCALE]).take(weights((0, 4_200), (10, 4_200), (20, 9_000), (25, 3_900), (40, 3_900), (55, 3_901)))
    assert [ask.command.weight_g for ask in asks] == [2_700]  # the mean of 3,900, 3,900 and 3,901, less the tare


@pytest.fixture
def watched(floor):
    floor.do(BindTracker("t-1", "A00-0", "chilled", at_ms=T0))
    floor.do(BindTracker("scale-1", "A00-1", "", 1_200, 5, at_ms=T0))
    return floor


def test_on_the_floor_an_excursion_holds_the_stock_and_a_missing_mug_opens_a_count(watched):
    watched.stock("MUG", 10, "A00-0")
    watched.stock("MUG", 10, "A00-1")
    sensing = Sensing()
    assert worker.step(watched.warehouse, sensing, WARM) == 2
    assert worker.step(watched.warehouse, Sensing(), WARM) == 2  # after a restart: the same keys, the stored replies
    (case,) = watched.ledger.find(Excursion, "by_state", "main", "ended")
    assert (case.subject, case.peak_milli, case.to_ms) == ("A00-0", 11_000, T0 + 60 * M)
    worker.step(watched.warehouse, sensing, weights(*((s, 1_200 + 9 * 300) for s in range(0, 60, 10))))
    (task,) = watched.ledger.find(CountTask, "by_place", "A00-1")
    assert (task.sku, task.expected) == ("MUG", 10)
    assert len(watched.told("ExcursionFound")) == len(watched.told("CountWanted")) == 1


def test_what_is_refused_does_not_stop_what_follows(watched, monkeypatch):
    sensing = Sensing([COLD._replace(device="t-2", subject="A99-9")])
    gone = [reading._replace(device="t-2") for reading in WARM]
    watched.stock("MUG", 1, "A00-0")
    assert worker.step(watched.warehouse, sensing, [*gone, *WARM]) == 2
