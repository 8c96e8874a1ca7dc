"""People and devices of the emulated floor, without a network: what they do to the world, and what they tell about it."""

import json

import pytest

from floorwise.core.model.device_messages import SheetPick, TourSheet, encode
from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated import benches as bench_rules
from floorwise.sim.emulated import devices as device_rules
from floorwise.sim.emulated import mishaps, plan, season
from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.benches import Benches
from floorwise.sim.emulated.devices import Devices
from floorwise.sim.emulated.floor import Floor, FloorTime
from floorwise.sim.emulated.pickers import Pickers
from floorwise.sim.emulated.world import World

START_MS = 1_794_808_800_000


class Api:
    """Answers nothing; remembers what was asked."""

    waiting = 0

    def __init__(self) -> None:
        self.asked = []
        self.told = []

    def get(self, path, then):
        self.asked.append((path, {}, then))

    def post(self, path, body, then, key=""):
        self.asked.append((path, body, then))

    def run(self, errand):
        self.told.append((errand.path, json.loads(errand.body)))


class House:
    """A floor with its world in memory, whose time the test tells."""

    def __init__(self) -> None:
        self.plan = plan.make(1, dict.fromkeys(plan.sku_names(), 10.0), pickers=2, packers=1)
        self.world = World(None)
        for sku, units, place in self.plan.opening():
            self.world.move(sku, units, "", place)
        self.floor = Floor(self.world, "http://127.0.0.1:1", "mqtt://127.0.0.1:1", "test")
        self.floor.api = self.api = Api()
        self.floor._calls.put(lambda: None)
        self.pass_to(START_MS)

    def pass_to(self, at_ms: int) -> None:
        """Let everything happen that is due until then, each thing at its own time."""
        while self.floor._deeds and self.floor._deeds[0][0] <= at_ms:
            self._turn(max(self.floor._deeds[0][0], self.floor.now_ms))
        self._turn(at_ms)

    def _turn(self, at_ms: int) -> None:
        self.floor.time.told(at_ms, 0.0)
        self.floor._calls.put(lambda: None)
        self.floor.turn()

    def said(self, device: str) -> list[dict]:
        return [json.loads(kept.body) for kept in self.world.kept() if kept.device == device]


@pytest.fixture
def house():
    return House()


def honest(stream, entity, share):
    return False


@pytest.fixture
def pickers(house, monkeypatch):
    chance = Chance(1)
    monkeypatch.setattr(chance, "happens", honest)
    found = Pickers(house.floor, house.plan, chance)
    for name in found.crew:
        house.world.boot(name)
    house.world.set_note("mispick planted", True)
    return found


def take(house, pickers, *stops: tuple[str, int], revision: int = 2, tour: str = "T1"):
    """The first picker has the tour and its sheet comes over MQTT."""
    picker = pickers.crew["picker-01"]
    if picker.tour != tour:
        pickers._take(picker, tour)
        house.api.asked[-1][2](Answer(200, {}))
    picks = [
        SheetPick(n, house.plan.homes.pick[sku], "00", house.plan.homes.pick[sku], sku, "", units, "O1.1")
        for n, (sku, units) in enumerate(stops, 1)
    ]
    pickers._sheet(f"down/picker-01/tours/{tour}", encode(TourSheet(tour, revision, "cart", START_MS, picks)))
    return picker


def test_a_picker_walks_its_tour_and_confirms_each_stop_at_the_time_of_its_own_walk(house, pickers):
    take(house, pickers, ("SKU-00001", 2), ("SKU-00399", 1))
    house.pass_to(START_MS + HOUR_MS)
    first, second = house.said("picker-01")
    assert (first["outcome"], first["quantity"], first["number"], second["number"]) == ("picked", 2, 1, 2)
    far = house.plan.homes.pick["SKU-00399"]
    walk_ms = house.plan.walk_mm(house.plan.homes.pick["SKU-00001"], far)  # at 1 m/s
    assert first["ts"] > START_MS and second["ts"] - first["ts"] > walk_ms
    assert house.world.at("tote:O1.1") == {"SKU-00001": 2, "SKU-00399": 1}
    assert pickers.crew["picker-01"].tour == "" and pickers.idle[0].name == "picker-01"


def test_a_bin_that_holds_less_than_the_books_say_ends_in_a_short_with_what_was_there(house, pickers):
    bin_name = house.plan.homes.pick["SKU-00001"]
    house.world.move("SKU-00001", house.world.units(bin_name, "SKU-00001") - 1, bin_name, "")
    take(house, pickers, ("SKU-00001", 3))
    house.pass_to(START_MS + HOUR_MS)
    (told,) = house.said("picker-01")
    assert (told["outcome"], told["quantity"]) == ("short", 1)
    assert house.world.units(bin_name, "SKU-00001") == 0 and house.world.at("tote:O1.1") == {"SKU-00001": 1}


def test_the_planted_mispick_leaves_a_scale_lighter_than_the_confirmation_tells(house, pickers):
    house.world.set_note("mispick planted", False)
    scale = house.plan.scales[0]
    before = house.world.units(scale.place, scale.sku)
    take(house, pickers, (scale.sku, 1))
    house.pass_to(START_MS + HOUR_MS)
    (told,) = house.said("picker-01")
    assert told["quantity"] == 1 and before - house.world.units(scale.place, scale.sku) == 2


def test_units_taken_back_while_somebody_walks_are_not_picked(house, pickers):
    picker = take(house, pickers, ("SKU-00001", 2), ("SKU-00002", 1))
    take(house, pickers, ("SKU-00001", 1), revision=3)
    take(house, pickers, ("SKU-00001", 2), ("SKU-00002", 1), revision=2)  # an older sheet comes late
    house.pass_to(START_MS + HOUR_MS)
    assert [(told["number"], told["quantity"]) for told in house.said("picker-01")] == [(1, 1)] and picker.tour == ""


def test_a_tour_read_again_after_a_restart_goes_on_behind_what_the_hands_have_done(house, pickers):
    picker = take(house, pickers, ("SKU-00001", 2), ("SKU-00399", 1))
    house.pass_to(house.floor._deeds[0][0])  # the first stop is done, the second is not
    assert len(house.said("picker-01")) == 1
    second = Pickers(house.floor, house.plan, Chance(1))
    second._resume(Answer(200, {"tours": [{"tour": "T1", "picker": "picker-01", "open_picks": 2, "taken_at_ms": START_MS}]}))
    again = second.crew["picker-01"]
    assert (again.tour, again.here) == ("T1", house.plan.homes.pick["SKU-00001"]) and again.from_ms == picker.from_ms
    house.floor._deeds.clear()
    stops = []
    for number, sku, units in ((1, "SKU-00001", 2), (2, "SKU-00399", 1)):
        place = house.plan.homes.pick[sku]
        stop = {"number": number, "location": place, "place": place, "sku": sku, "quantity": units}
        stops.append(stop | {"tote": "tote:O1.1", "state": "open"})
    second._read(again, "T1", Answer(200, {"revision": 2, "stops": stops}))
    house.pass_to(START_MS + HOUR_MS)
    assert [told["number"] for told in house.said("picker-01")] == [1, 2]
    assert house.world.at("tote:O1.1") == {"SKU-00001": 2, "SKU-00399": 1}


def test_a_confirmation_that_mqtt_does_not_bring_is_told_over_http_with_the_same_key(house, pickers):
    take(house, pickers, ("SKU-00001", 2))
    house.pass_to(START_MS + HOUR_MS)
    (kept,) = house.world.kept("confirm")
    pickers._silent(kept)
    (errand,) = house.world.errands()
    assert (errand.path, errand.key) == ("/api/tours/T1/picks/1/confirm", "confirm/picker-01/1/1")
    assert json.loads(errand.body) == {"picker": "picker-01", "done_at_ms": kept.ts, "quantity": 2}
    house.floor._told(errand, Answer(200, {}))
    assert house.world.kept() == [] and house.world.errands() == []


def packed(house, pickers, benches) -> list[tuple[str, dict]]:
    """A tour of one stop is walked, its part is packed; give what the bench asked."""
    take(house, pickers, (house.plan.scales[0].sku, 1))
    house.pass_to(START_MS + HOUR_MS)
    part = {"part": "O1.1", "state": "picked", "station": "", "lines": 1, "cut_off_ms": 0, "state_at_ms": START_MS}
    work = {"parts": [part], "purchases": [], "counts": [], "returns": [], "parcels": [], "carriers": []}
    benches._hear(Answer(200, work))
    house.api.asked[-1][2](Answer(200, {}))
    house.pass_to(START_MS + 2 * HOUR_MS)
    return [(path, body) for path, body, _ in house.api.asked if "Pack" in path]


def test_a_bench_weighs_what_is_really_in_the_tote(house, pickers):
    house.world.set_note("mispick planted", False)
    benches = Benches(house.floor, house.plan, Chance(1))
    scale = house.plan.scales[0]
    asked = packed(house, pickers, benches)
    assert [path.rpartition("/")[2] for path, _ in asked] == ["StartPack", "ClosePack"]
    true_g = 2 * scale.unit_g + 250  # two units where one was confirmed, in the smallest carton
    assert abs(asked[1][1]["weighed_g"] - true_g) <= true_g * bench_rules.SCALE_NOISE_PERMILLE // 1000 + 1


def test_a_weight_that_is_refused_makes_the_packer_look_and_the_surplus_comes_back_to_its_bin(house, pickers):
    house.world.set_note("mispick planted", False)
    benches = Benches(house.floor, house.plan, Chance(1))
    scale = house.plan.scales[0]
    before = house.world.units(scale.place, scale.sku)
    packed(house, pickers, benches)
    house.api.asked[-1][2](Answer(409, {"error": "StockConflict"}))
    assert house.world.at("tote:O1.1") == {scale.sku: 1} and house.world.at(bench_rules.PROBLEMS) == {scale.sku: 1}
    house.pass_to(START_MS + 4 * HOUR_MS)
    assert house.world.units(scale.place, scale.sku) == before - 1
    path, body, then = house.api.asked[-1]
    assert path.endswith("ClosePack") and body["weighed_g"] < 2 * scale.unit_g + 250
    then(Answer(200, {}))
    assert house.world.at("box:O1.1") == {scale.sku: 1} and benches._stations == ["S01"]


def test_a_counter_counts_the_world_but_what_bears_a_sticker(house):
    benches = Benches(house.floor, house.plan, Chance(1))
    place = house.plan.homes.pick["SKU-00001"]
    there = house.world.units(place, "SKU-00001")
    benches._look_at({"task": "C1", "place": place, "sku": "SKU-00001", "lot": "", "owner": "house", "opened_at_ms": START_MS})
    house.pass_to(START_MS + HOUR_MS)
    path, _, then = house.api.asked[-1]
    assert path.startswith("/api/stock?place=")
    then(Answer(200, {"rows": [{"place": place, "status": "held", "on_hand": 2}, {"place": place, "status": "available", "on_hand": 99}]}))
    house.pass_to(START_MS + HOUR_MS + 1)
    (counted, settled) = house.api.told
    assert counted[1]["counted"] == there - 2 and settled[1]["approved_by"] == "count desk"


def test_a_purchase_lies_in_its_bin_before_anybody_is_told_and_only_once(house):
    benches = Benches(house.floor, house.plan, Chance(1))
    purchase = {"purchase": "P1", "sku": "SKU-00001", "quantity": 5, "expected_at_ms": START_MS + 1}
    before = house.world.units(house.plan.homes.pick["SKU-00001"], "SKU-00001")
    benches._expect(purchase)
    house.pass_to(START_MS + 2)
    benches._busy.clear()
    benches._expect(purchase)  # an old work list
    house.pass_to(START_MS + 3)
    place = house.api.told[0][1]["place"]
    assert house.api.told == [("/api/commands/ReceivePurchase", {"purchase": "P1", "quantity": 5, "place": place})]
    assert house.world.units(place, "SKU-00001") == (before if place == house.plan.homes.pick["SKU-00001"] else 0) + 5


def test_a_scale_shows_the_world_within_a_few_grams_and_never_the_books(house):
    devices = Devices(house.floor, house.plan, Chance(1), START_MS)
    scale = house.plan.scales[0]
    devices.start()
    house.pass_to(START_MS + 5 * MINUTE_MS)
    house.world.move(scale.sku, 1, scale.place, "")
    house.pass_to(START_MS + 10 * MINUTE_MS)
    weights = [values["gross_g"] for values in house.said(scale.device)]
    units = house.world.units(scale.place, scale.sku)
    for weight, there in ((weights[0], units + 1), (weights[-1], units)):
        assert abs(weight - scale.tare_g - there * scale.unit_g) <= 4 * device_rules.SIGMA_G
    assert scale.unit_g / 2 > 4 * device_rules.SIGMA_G  # so one unit shows
    assert 9 <= len(weights) <= 13  # one look a minute at rest, and the change


def test_the_planted_opening_warms_the_cold_room_for_longer_than_chilled_goods_bear(house):
    devices = Devices(house.floor, house.plan, Chance(1), START_MS)
    minutes = [devices.cold_room_c(START_MS + minute * MINUTE_MS) for minute in range(90)]
    assert max(minutes[:6]) < 6 and minutes[-1] < 8
    warm = [minute for minute, celsius in enumerate(minutes) if celsius > 8.0]
    assert warm[-1] - warm[0] > 15 and warm[0] < 15
    assert devices.is_open(START_MS + 10 * MINUTE_MS) and not devices.is_open(START_MS + 60 * MINUTE_MS)


@pytest.mark.parametrize("seed", range(5))
def test_other_openings_are_too_short_to_spoil_anything(house, seed):
    devices = Devices(house.floor, house.plan, Chance(seed), START_MS - 100 * HOUR_MS)
    assert max(devices.cold_room_c(START_MS + minute * MINUTE_MS) for minute in range(0, 48 * 60)) < 8.0


def test_one_bin_that_an_early_order_needs_is_empty(house):
    found = season.Season(season.load(), 1, 120.0, plan.sku_names(), "GBP", plan.ZONE)
    place = mishaps.plant_short(house.world, house.plan, found, START_MS)
    assert house.world.at(place) == {} and sum(house.world.at(mishaps.GONE).values()) > 0
    wanted = {line["sku"] for _, order in found.overnight(START_MS, mishaps.EARLY_ORDERS) for line in order["lines"]}
    assert place in {house.plan.homes.pick[sku] for sku in wanted}


def test_floor_time_stands_still_when_the_gateway_is_away_and_never_goes_back():
    wall = [0.0]
    time = FloorTime(lambda: wall[0])
    time.told(1_000, 60.0)
    wall[0] = 1.0
    assert time.now_ms() == 61_000
    wall[0] = 100.0
    assert time.now_ms() == 1_000 + 1_200 * 60  # CLOCK_BLIND_S
    time.told(50_000, 60.0)
    assert time.now_ms() == 73_000
