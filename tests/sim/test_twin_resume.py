"""A twin killed in the middle of a tour goes on and ends in the head of the day that nobody cut."""

from collections import Counter
from datetime import date

import pytest

from floorwise.core.flow.packing import ClosePack
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.model.journal import Event
from floorwise.core.model.work import Part, Tour
from floorwise.sim import people
from floorwise.sim.scenario import Demand, Faults, Floor, People, Scenario
from floorwise.sim.twin import run_scenario
from floorwise.sim.world import World

# All orders are there when people begin, for one bench and two carts: parts queue, tours carry several parts, and a picker is often on
# the way back.
SMALL = Scenario(
    "small", date(2026, 3, 10), floor=Floor(4, 10, 2),
    demand=Demand(orders=40, skus=60, mean_lines=3.0, hours=(0,) * 5 + (1,) + (0,) * 18),
    people=People(pickers=2, packers=1), faults=Faults(short_share=0.1, return_share=0.1),
)  # fmt: skip
SEED = 3


class Cut(Exception):
    """The process was killed here; everything up to here is committed."""


@pytest.fixture(scope="module")
def uncut() -> tuple[str, int]:
    twin, result = run_scenario(SMALL, SEED)
    parts = Counter(part.tour for part in twin.ledger.find(Part, "key"))
    twin.close()
    assert max(parts.values()) > 2  # tours with several parts are among them
    return result.journal_head, result.events


def cut(monkeypatch, directory, command: type, number: int) -> tuple[int, str]:
    """Kill the day right after the `number`th command of this kind; give the time and, after a pick, the picker."""
    execute, done = World.execute, Counter()
    at: list[tuple[int, str]] = []

    def until(world, wanted, key=""):
        reply = execute(world, wanted, key)
        done[type(wanted)] += 1
        if type(wanted) is command and done[command] == number:
            world.warehouse.commit()
            at.append((world.now_ms, getattr(wanted, "picker", "")))
            raise Cut
        return reply

    monkeypatch.setattr(World, "execute", until)
    with pytest.raises(Cut):
        run_scenario(SMALL, SEED, directory)
    monkeypatch.setattr(World, "execute", execute)
    return at[0]


@pytest.mark.parametrize("number", [1, 2, 9, 30, 57, 80])
def test_a_day_cut_in_the_middle_of_a_tour_ends_in_the_head_of_the_day_that_was_not(uncut, monkeypatch, tmp_path, number):
    cut(monkeypatch, tmp_path, ConfirmPick, number)
    twin, result = run_scenario(SMALL, SEED, tmp_path)
    twin.close()
    assert (result.journal_head, result.events) == uncut


@pytest.mark.parametrize("number", [1, 12, 20])
def test_a_day_cut_at_its_only_bench_ends_in_the_same_head(uncut, monkeypatch, tmp_path, number):
    cut(monkeypatch, tmp_path, ClosePack, number)
    twin, result = run_scenario(SMALL, SEED, tmp_path)
    twin.close()
    assert (result.journal_head, result.events) == uncut


def test_a_picker_on_the_way_back_takes_no_tour_before_the_cart_is_at_the_benches(monkeypatch, tmp_path):
    """The cut is the last pick of a tour: until the cart is back its picker is no idle one."""
    twin, _ = run_scenario(SMALL, SEED)
    picks = [event for kind in ("PickConfirmed", "TourDone") for event in twin.ledger.find(Event, "by_kind", kind)]
    kinds = [event.kind for event in sorted(picks)]
    last = kinds.index("TourDone", kinds.index("TourDone") + 1)  # the second tour that ends
    twin.close()
    at_ms, picker = cut(monkeypatch, tmp_path, ConfirmPick, kinds[:last].count("PickConfirmed"))
    begun: list[int] = []
    come_back = people.Pickers._come_back
    monkeypatch.setattr(people.Pickers, "_come_back", lambda self, who: (begun.append(self._world.now_ms), come_back(self, who))[1])
    twin, _ = run_scenario(SMALL, SEED, tmp_path)
    taken = [tour.taken_at_ms for tour in twin.ledger.find(Tour, "key") if tour.picker == picker and tour.taken_at_ms > at_ms]
    twin.close()
    assert begun and begun[0] > at_ms
    assert min(taken) >= begun[0]
