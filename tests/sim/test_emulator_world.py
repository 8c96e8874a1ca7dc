"""The emulated floor's own world: what happened is saved before it is told, once, and told until it is heard."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.sim.emulated.world import World


@pytest.fixture
def world():
    return World(None)


def test_more_than_lies_there_cannot_be_carried_away(world):
    world.move("MUG", 3, "", "A00")
    assert world.move("MUG", 5, "A00", "tote:1") == 3
    assert (world.units("A00", "MUG"), world.units("tote:1", "MUG")) == (0, 3)
    assert world.move("MUG", 1, "A00", "tote:1") == 0
    assert world.at("A00") == {}


places = st.sampled_from(["A", "B", "tote:1"])


@given(st.lists(st.tuples(st.sampled_from(["MUG", "BOWL"]), st.integers(-2, 9), places, places), max_size=30))
def test_carrying_about_neither_makes_nor_loses_units(moves):
    world = World(None)
    for sku in ("MUG", "BOWL"):
        world.move(sku, 10, "", "A")
    for sku, units, source, target in moves:
        world.move(sku, units, source, target)
    for sku in ("MUG", "BOWL"):
        lying = [world.units(place, sku) for place in ("A", "B", "tote:1")]
        assert sum(lying) == 10 and min(lying) >= 0


def test_nothing_is_told_before_it_is_saved_and_a_restart_tells_it_again(tmp_path):
    world = World(tmp_path)
    world.boot("picker-1")
    world.move("MUG", 2, "", "A00")
    world.commit()
    world.move("MUG", 1, "A00", "tote:1")
    world.happen("pick/T1/00001", 1_000, told=1)
    said = world.say("picker-1", "confirm", 1_000, {"tour": "T1", "number": 1})
    assert (said.boot, said.seq) == (1, 1)
    killed = World(tmp_path)  # as a kill before the commit leaves it
    assert (killed.units("A00", "MUG"), killed.kept(), killed.happened("pick/T1/00001")) == (2, [], None)
    kept, errands = world.commit()
    assert (kept, errands) == ([said], [])
    again = World(tmp_path)
    assert again.units("A00", "MUG") == 1
    assert again.happened("pick/T1/00001") == {"at_ms": 1_000, "told": 1}
    assert again.kept("confirm") == [said] and again.kept("readings") == []
    assert json.loads(said.body) == {"device": "picker-1", "boot": 1, "seq": 1, "ts": 1_000, "tour": "T1", "number": 1}
    again.release([("picker-1", 1, 1)])
    again.commit()
    assert World(tmp_path).kept() == []


def test_each_start_of_a_device_has_a_greater_boot_and_counts_anew(world):
    assert [world.boot("scale-1"), world.boot("scale-1"), world.boot("scale-2")] == [1, 2, 1]
    assert [(k.boot, k.seq) for k in (world.say("scale-1", "readings", 5, {"gross_g": 1.0}) for _ in range(2))] == [(2, 1), (2, 2)]
    world.boot("scale-1")
    assert world.say("scale-1", "readings", 6, {"gross_g": 1.0})[1:3] == (3, 1)


def test_an_act_happens_once(world):
    world.happen("receive/P1", 7, place="A00")
    with pytest.raises(Exception, match="UNIQUE"):
        world.happen("receive/P1", 8, place="A01")
    assert world.happened("receive/P1") == {"at_ms": 7, "place": "A00"}


def test_errands_stay_in_their_order_until_each_is_done(tmp_path):
    world = World(tmp_path)
    world.send("count/1", "/api/commands/RecordCount", "count/1/record", {"counted": 3})
    world.send("count/1", "/api/commands/SettleUnresolved", "count/1/settle", {})
    _, (first, second) = world.commit()
    again = World(tmp_path)
    assert again.errands() == [first, second] and first.number < second.number
    again.done(first)
    again.commit()
    assert [errand.key for errand in World(tmp_path).errands()] == ["count/1/settle"]
