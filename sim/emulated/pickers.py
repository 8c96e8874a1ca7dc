"""Pickers with handhelds: they take open tours, walk them at walking speed, and confirm each stop as it really was.

A picker's time is its own walk: `done_at_ms` of a stop is when the hands were done, whatever the network did meanwhile. What the hands
took is drawn from the world, so a bin that holds less than the books say ends in a short, and a hand that takes one too many (seeded)
leaves a bin lighter than the books say; the confirmation then tells what the picker believes.
"""

import json
import time
from typing import Any, NamedTuple
from urllib.parse import quote

from floorwise.core.model import device_messages
from floorwise.core.model.device_messages import Birth, SheetPick, TourSheet
from floorwise.core.model.readings import BadPayload
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import Plan
from floorwise.sim.emulated.world import Kept
from floorwise.sim.scenario import People

ASK_S = 0.4  # wall time between two looks at the open tours
LOOK_S = 3.0  # … and at the taken ones: a tour taken by one of us whose answer was lost is found here
SHEET_S = 2.0  # a sheet that does not come over MQTT in this time is read over HTTP
OPEN_LISTED = 40
MISPICK_SHARE = 0.004  # of picks: one unit too many, or another one left behind; warehouses measure 0.1 to 1 %
PEOPLE = People()
KEEPS = 500  # confirmations a handheld can hold


class Stop(NamedTuple):
    """One stop as the handheld knows it."""

    number: int
    location: str
    place: str
    sku: str
    quantity: int
    tote: str


class Picker:
    """One person with a handheld; it bears the person's name once signed in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tour = ""
        self.revision = 0
        self.stops: list[Stop] = []
        self.here = ""  # bin, or "" at the depot
        self.free_at_ms = 0
        self.from_ms = 0  # when the last deed ended
        self.is_walking = False  # a deed of this tour is scheduled
        self.asked_at_s = 0.0  # wall time at which the sheet was waited for; 0 = it is here


class Pickers:
    """All pickers of the floor."""

    def __init__(self, floor: Floor, plan: Plan, chance: Chance, people: People = PEOPLE) -> None:
        self._floor, self._world, self._plan, self._chance, self._people = floor, floor.world, plan, chance, people
        self._scaled = {scale.place for scale in plan.scales}
        self.crew = {name: Picker(name) for name in plan.pickers}
        self._tried: set[str] = set()  # tours somebody asks for now
        self._open: list[str] = []  # tours that nobody had at the last look, the most urgent first
        self._is_asking = self._is_looking = False
        self.shorts = self.mispicks = self.picked = 0
        floor.on_tour, floor.on_silence = self._sheet, self._silent
        floor.on_errand["confirm"] = self._confirmed_over_http

    def start(self) -> None:
        """Sign everybody in and begin to look for work."""
        for name in self.crew:
            boot = self._world.boot(name)
            self._floor.wire.born(Birth(name, boot, self._floor.now_ms, "handheld", "emulated", [], KEEPS))
        self._floor.every(LOOK_S, self._look)
        self._floor.every(ASK_S, self._ask)

    @property
    def idle(self) -> list[Picker]:
        """Who has no tour and is back at the depot."""
        now_ms = self._floor.now_ms
        return [picker for picker in self.crew.values() if not picker.tour and picker.free_at_ms <= now_ms]

    # finding work

    def _ask(self) -> None:
        self._chase_sheets()
        if not self._is_asking and len(self._open) < len(self.crew) / 2:
            self._is_asking = True
            self._floor.api.get(f"/api/tours?state=open&limit={OPEN_LISTED}", self._offer)

    def _offer(self, answer: Answer) -> None:
        self._is_asking = False
        tours = sorted(answer.body.get("tours", ()), key=lambda tour: (tour["cut_off_ms"], tour["planned_at_ms"], tour["tour"]))
        self._open = [tour["tour"] for tour in tours if tour["tour"] not in self._tried]
        self._hand_out()

    def _hand_out(self) -> None:
        """Idle pickers take what the last look showed."""
        for picker in self.idle[: len(self._open)]:
            self._take(picker, self._open.pop(0))

    def _take(self, picker: Picker, tour: str) -> None:
        self._tried.add(tour)
        picker.tour, picker.revision, picker.stops, picker.is_walking = tour, 0, [], False
        picker.here, picker.from_ms = "", max(picker.free_at_ms, self._floor.now_ms)
        picker.asked_at_s = 0.0
        self._floor.api.post(
            f"/api/tours/{quote(tour, safe='')}/take", {"picker": picker.name}, lambda answer: self._taken(picker, tour, answer)
        )

    def _taken(self, picker: Picker, tour: str, answer: Answer) -> None:
        self._tried.discard(tour)
        if picker.tour != tour:
            return
        if answer.ok:
            picker.asked_at_s = time.monotonic()
        else:
            picker.tour = ""  # somebody else has it, or nobody answered: then the look at taken tours tells

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._floor.api.get("/api/tours?state=taken&limit=1000", self._resume)

    def _resume(self, answer: Answer) -> None:
        """Tours that are ours by the books: take them up where the hands were."""
        self._is_looking = False
        for tour in answer.body.get("tours", ()):
            picker = self.crew.get(tour["picker"])
            if picker is not None and not picker.tour and tour["open_picks"]:
                picker.tour, picker.revision, picker.stops, picker.is_walking = tour["tour"], 0, [], False
                done = [act for _, act in self._world.acts(f"pick/{tour['tour']}/")]
                last = max(done, key=lambda act: act["at_ms"], default=None)
                picker.here = last["location"] if last else ""
                picker.from_ms = last["at_ms"] if last else max(tour["taken_at_ms"], picker.free_at_ms)
                picker.asked_at_s = time.monotonic()

    def _chase_sheets(self) -> None:
        for picker in self.crew.values():
            if picker.tour and picker.asked_at_s and time.monotonic() - picker.asked_at_s > SHEET_S:
                picker.asked_at_s = time.monotonic()
                tour = picker.tour
                self._floor.api.get(f"/api/tours/{quote(tour, safe='')}", lambda answer, p=picker, t=tour: self._read(p, t, answer))

    def _read(self, picker: Picker, tour: str, answer: Answer) -> None:
        if picker.tour != tour or not answer.ok:
            return
        stops = [
            Stop(stop["number"], stop["location"], stop["place"], stop["sku"], stop["quantity"], stop["tote"].partition(":")[2])
            for stop in answer.body["stops"]
            if stop["state"] == "open"
        ]
        self._know(picker, answer.body["revision"], stops)

    def _sheet(self, topic: str, payload: bytes) -> None:
        """A tour as it came over MQTT; an empty payload clears it."""
        _, device, _, tour = topic.split("/", 3)
        picker = self.crew.get(device)
        if picker is None or picker.tour != tour:
            return
        try:
            sheet = device_messages.decode(TourSheet, payload) if payload else None
        except BadPayload:
            return
        if sheet is None:
            if not picker.is_walking:
                self._know(picker, picker.revision + 1, [])
            else:
                picker.stops = []
        elif sheet.revision > picker.revision:
            self._know(picker, sheet.revision, [_stop(pick) for pick in sheet.picks])

    def _know(self, picker: Picker, revision: int, stops: list[Stop]) -> None:
        """The handheld shows these stops from now on; those done already are not asked for again."""
        picker.revision, picker.asked_at_s = max(revision, picker.revision), 0.0
        picker.stops = [stop for stop in stops if self._world.happened(_act(picker.tour, stop.number)) is None]
        if not picker.is_walking:
            if picker.here == "" and picker.stops:
                setup_ms = self._chance.lognormal("setup", picker.tour, self._people.setup_ms, self._people.spread)
                picker.from_ms += setup_ms
            self._walk(picker)

    # walking

    def _walk(self, picker: Picker) -> None:
        picker.is_walking = True
        if not picker.stops:
            back_ms = picker.from_ms + self._walk_ms(picker.here, "")
            self._floor.at(back_ms, self._back, picker, picker.tour, back_ms)
            return
        stop = picker.stops[0]
        hands_ms = min(stop.quantity * self._people.unit_ms, self._people.most_units_ms)
        if stop.location != picker.here:
            hands_ms += self._people.search_ms
            if self._plan.places[stop.location][2] >= self._plan.floor.pick_levels:
                hands_ms += self._people.climb_ms
        took_ms = self._chance.lognormal("pick", f"{picker.tour}.{stop.number}", hands_ms, self._people.spread)
        at_ms = picker.from_ms + self._walk_ms(picker.here, stop.location) + took_ms
        self._floor.at(at_ms, self._pick, picker, picker.tour, stop.number, stop.location, at_ms)

    def _walk_ms(self, start: str, end: str) -> int:
        return self._plan.walk_mm(start, end) * 1000 // self._people.walk_mm_s

    def _pick(self, picker: Picker, tour: str, number: int, location: str, at_ms: int) -> None:
        if picker.tour != tour:
            return
        picker.here, picker.from_ms = location, at_ms
        stop = next((stop for stop in picker.stops if stop.number == number), None)  # gone: its units were taken back meanwhile
        if stop is not None:
            picker.stops.remove(stop)
            if self._world.happened(_act(tour, number)) is None:
                self._hands(picker, tour, stop, at_ms)
        self._walk(picker)

    def _hands(self, picker: Picker, tour: str, stop: Stop, at_ms: int) -> None:
        """What the hands do, and what the picker then tells."""
        there = self._world.units(stop.place, stop.sku)
        told = min(stop.quantity, there)
        taken = self._mistaken(tour, stop, told, there)
        self._world.move(stop.sku, taken, stop.place, f"tote:{stop.tote}")
        self._world.happen(
            _act(tour, stop.number), at_ms, location=stop.location, sku=stop.sku, place=stop.place, told=told, taken=taken, tote=stop.tote
        )
        self._world.set_note(f"tour of/{stop.tote}", tour)
        outcome = "picked" if told == stop.quantity else "short"
        self.picked, self.shorts = self.picked + 1, self.shorts + (outcome == "short")
        words = {"tour": tour, "number": stop.number, "outcome": outcome, "quantity": told, "picker": picker.name, "code": stop.location}
        self._world.say(picker.name, "confirm", at_ms, words)

    def _mistaken(self, tour: str, stop: Stop, told: int, there: int) -> int:
        """Units really taken: mostly what the picker believes. The first pick from a bin on a scale is one too many: planted."""
        if not told:
            return told
        is_planted = stop.place in self._scaled and there > told and not self._world.note("mispick planted", False)
        if is_planted:
            self._world.set_note("mispick planted", True)
        if is_planted or self._chance.happens("mispick", f"{tour}.{stop.number}", MISPICK_SHARE):
            more = is_planted or self._chance.happens("one too many", f"{tour}.{stop.number}", 0.5)
            self.mispicks += 1
            return min(there, told + 1) if more else told - 1
        return told

    def _back(self, picker: Picker, tour: str, at_ms: int) -> None:
        if picker.tour != tour:
            return
        picker.here, picker.from_ms = "", at_ms
        if picker.stops:  # a newer sheet came on the way back
            self._walk(picker)
            return
        for tote in sorted({act["tote"] for _, act in self._world.acts(f"pick/{tour}/")}):
            self._world.set_note(f"arrived/{tote}", at_ms)
        picker.free_at_ms, picker.tour, picker.is_walking = at_ms, "", False
        self._hand_out()

    # when MQTT stays silent

    def _silent(self, kept: Kept) -> None:
        told = json.loads(kept.body)
        path = f"/api/tours/{quote(told['tour'], safe='')}/picks/{told['number']}"
        body = {"picker": told["picker"], "done_at_ms": kept.ts}
        if told["outcome"] == "picked":
            path, body = f"{path}/confirm", body | {"quantity": told["quantity"]}
        else:
            path, body = f"{path}/short", body | {"found": told["quantity"]}
        self._world.send(f"confirm/{kept.device}/{kept.boot}/{kept.seq}", path, f"confirm/{kept.device}/{kept.boot}/{kept.seq}", body)

    def _confirmed_over_http(self, errand: Any, answer: Answer) -> None:
        _, device, boot, seq = errand.lane.split("/")
        keys = [(device, int(boot), int(seq))]
        self._floor.wire.forget(keys)
        self._world.release(keys)


def _act(tour: str, number: int) -> str:
    return f"pick/{tour}/{number:05}"


def _stop(pick: SheetPick) -> Stop:
    return Stop(pick.number, pick.location, pick.place, pick.sku, pick.quantity, pick.tote)
