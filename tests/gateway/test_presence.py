"""Who is gone: a handheld that died and stays dead for the bound, and nobody else."""

import pytest

from floorwise.gateway.presence import Presence


class Wall:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def presence(wall) -> Presence:
    return Presence(wall)


def test_a_death_counts_from_when_it_is_heard_and_only_after_the_bound(presence, wall):
    presence.born("ann", 1)
    presence.died("ann", 1)
    wall.now_s += 29.9
    presence.died("ann", 1)  # said again: the first one counts
    assert presence.gone(30) == []
    wall.now_s += 0.1
    assert presence.gone(30) == ["ann"]


def test_a_birth_or_a_word_brings_it_back(presence, wall):
    for name in ("ann", "bob", "carl"):
        presence.born(name, 1)
        presence.died(name, 1)
    presence.born("ann", 2)
    presence.spoke("bob")
    wall.now_s += 60
    assert presence.gone(30) == ["carl"]


def test_the_will_of_an_earlier_boot_and_of_a_stranger_says_nothing(presence, wall):
    presence.born("ann", 2)
    presence.died("ann", 1)
    presence.died("zoe", 1)
    wall.now_s += 60
    assert presence.gone(30) == []


def test_an_old_birth_that_comes_late_does_not_raise_the_dead(presence, wall):
    presence.born("ann", 2)
    presence.died("ann", 2)
    presence.born("ann", 1)
    wall.now_s += 60
    assert presence.gone(30) == ["ann"]


def test_names_are_remembered_up_to_a_bound(presence, monkeypatch):
    monkeypatch.setattr("floorwise.gateway.presence.REMEMBERED", 2)
    for name in ("ann", "bob", "carl"):
        presence.born(name, 1)
        presence.died(name, 1)
    assert presence.gone(0) == ["bob", "carl"]


def test_a_retained_birth_undoes_no_death_of_the_same_boot_but_a_new_boot_and_a_word_do(presence):
    for name in ("ann", "bob", "carl"):
        presence.born(name, 3)
        presence.died(name, 3)
    presence.born("ann", 3, is_retained=True)
    presence.born("bob", 4, is_retained=True)
    presence.born("carl", 3)
    assert presence.gone(0) == ["ann"]
    presence.spoke("ann")
    assert presence.gone(0) == []
