"""Made-up devices: seeded, within the contract, and as real as they claim."""

import asyncio
import importlib
import random
from itertools import islice

import pytest

from floorwise.core.model.readings import Reading, decode_readings, encode_reading
from floorwise.edge.drivers.scanner.driver import once, reads
from floorwise.edge.drivers.synthetic import run_source
from floorwise.edge.spool import Verdict

NAMES = ("climate", "scale", "scanner", "tracker")


def looks(name: str, seed: str, count: int, **options: float) -> list:
    module = importlib.import_module(f"floorwise.edge.drivers.{name}.driver")
    source = reads if name == "scanner" else module.look
    return list(islice(source(random.Random(seed), options), count))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_says_the_same_and_another_seed_something_else(name):
    assert looks(name, "1/a", 300) == looks(name, "1/a", 300) != looks(name, "2/a", 300)


@pytest.mark.parametrize("name", NAMES)
def test_everything_a_made_up_device_says_is_within_the_contract(name):
    for wait_ms, values in looks(name, "1/a", 3000):
        assert wait_ms > 0
        assert not decode_readings(encode_reading(Reading("made-up", 1, 1, 1, values))).refused


@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_is_not_known_is_refused_by_name(name):
    with pytest.raises(ValueError, match="perriod_ms: no such option"):
        looks(name, "1/a", 1, perriod_ms=5)


def test_fifty_reads_of_a_passing_unit_are_one_scan():
    raw = list(islice(reads(random.Random(1), {"gap_ms": 60_000, "repeats": 50}), 500))
    scans = list(once(iter(raw), quiet_ms=2000))
    assert len({values["code"] for _, values in raw}) == 10
    assert [values for _, values in scans] == list({values["code"]: values for _, values in raw}.values())
    assert sum(wait for wait, _ in scans) <= sum(wait for wait, _ in raw)


def test_the_same_unit_passing_again_after_a_pause_is_another_scan():
    raw = [(100, {"code": "A"}), (20, {"code": "A"}), (1999, {"code": "A"}), (2001, {"code": "A"})]
    assert [wait for wait, _ in once(iter(raw), quiet_ms=2000)] == [100, 20 + 1999 + 2001]


def test_an_open_door_warms_the_room_and_a_closed_one_lets_it_recover():
    day = [values for _, values in looks("climate", "3/a", 8640)]
    by_door = {door: [one["temperature_c"] for one in day if one["door_open"] == door] for door in (0.0, 1.0)}
    assert max(by_door[1.0]) > 6.0
    assert sorted(by_door[0.0])[len(by_door[0.0]) // 2] < 6.5


def test_a_reading_that_the_spool_refuses_is_handed_in_again(monkeypatch):
    monkeypatch.setattr("floorwise.edge.drivers.synthetic.REFUSED_WAIT_S", 0)
    answers = iter([Verdict.REFUSED, Verdict.REFUSED, Verdict.ACCEPTED, Verdict.ACCEPTED])

    class Keeper:
        seen: list[Reading] = []  # noqa: RUF012

        def now_ms(self) -> int:
            return 1000

        async def keep(self, readings):
            self.seen.append(readings[0][0])
            return [next(answers)]

    source = lambda rng, options: iter([(1, {"gross_g": 1.0}), (1, {"gross_g": 2.0})])  # noqa: E731
    asyncio.run(run_source(Keeper(), "scale-1", {"speed": 1000.0}, source))
    assert [one.seq for one in Keeper.seen] == [1, 1, 1, 2]
