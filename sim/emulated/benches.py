"""People at benches and desks: packers, goods receiving, counters, the returns desk. They see the work list and the real things.

Whatever a bench weighs or counts is the world's: a tote with a unit too many is found on the packing scale, a counter counts what lies
there, a supplier's pallet holds what it holds.
"""

from typing import Any
from urllib.parse import quote

from floorwise.core.flow.packing import MOST_CARTONS, Piece, cartonise
from floorwise.core.model.policies import MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import Plan
from floorwise.sim.emulated.world import Errand
from floorwise.sim.scenario import People

ASK_S = 0.4  # wall time between two looks at the work list
QUALITY_S = 3.0  # … and at the excursions
PEOPLE = People()
COUNT_MS = 8 * MINUTE_MS  # until a counter stands before the bin
BRING_BACK_MS = 45 * MINUTE_MS  # until a unit found at the bench lies in its bin again
FETCH_MS = 4 * MINUTE_MS  # until a missing unit is fetched from its bin
RETURN_TRANSIT_MS = 90 * MINUTE_MS  # the courier brings parcels back on its round
GRADE_MS = 30 * MINUTE_MS
GRADES = (("A", 0.7), ("B", 0.9), ("C", 1.0))  # cumulative shares
DECIDE_MS = 90 * MINUTE_MS  # after an excursion has ended
BEARABLE_C = 12.0  # warmer goods are rejected: an assumption of this house's quality desk
SCALE_NOISE_PERMILLE = 4  # of the packing scale, plus or minus
MOST_PACKS = 3  # attempts at closing a part before it goes unweighed
PROBLEMS = "PROBLEM"  # where units stand that a packer had too many of


class Benches:
    """All who work from the list at GET /api/work."""

    def __init__(self, floor: Floor, plan: Plan, chance: Chance, people: People = PEOPLE) -> None:
        self._floor, self._world, self._plan, self._chance, self._people = floor, floor.world, plan, chance, people
        self._stations = [f"S{n:02}" for n in range(plan.packers, 0, -1)]
        self._free_ms: dict[str, int] = {}  # station -> when its last parcel was closed
        self._parts: list[dict[str, Any]] = []  # the last list of what stands before the benches
        self._busy: set[str] = set()  # parts, purchases, counts and returns that somebody is at
        self._is_asking = self._is_asking_quality = False
        self.on_work: list[Any] = []  # told every work list
        self.packed = self.repacked = self.received = self.counted = self.refunded = 0
        floor.on_errand["receive"] = floor.on_errand["return"] = self._over
        floor.on_errand["count"] = self._counted

    def start(self) -> None:
        """Begin to look at the work list, and bring back what stands about."""
        self._floor.every(ASK_S, self._ask)
        self._floor.every(QUALITY_S, self._ask_quality)
        for sku, units in self._world.at(PROBLEMS).items():
            self._floor.at(self._floor.now_ms + BRING_BACK_MS, self._bring_back, sku, units)

    def _ask(self) -> None:
        if not self._is_asking:
            self._is_asking = True
            self._floor.api.get("/api/work", self._hear)

    def _hear(self, answer: Answer) -> None:
        self._is_asking = False
        if not answer.ok:
            return
        work = answer.body
        for hear in self.on_work:
            hear(work)
        self._parts = work["parts"]
        self._staff_stations()
        for purchase in work["purchases"]:
            self._expect(purchase)
        for task in work["counts"]:
            self._look_at(task)
        for rma in work["returns"]:
            self._treat(rma)

    # packing

    def _staff_stations(self) -> None:
        for part in self._parts:
            self._pack(part)

    def _pack(self, part: dict[str, Any]) -> None:
        name = part["part"]
        if name in self._busy:
            return
        if part["state"] == "packing":
            if part["station"] in self._stations:
                self._stations.remove(part["station"])
                self._busy.add(name)
                self._begin(part, part["station"], part["state_at_ms"])
        elif self._stations and self._arrived(part) <= self._floor.now_ms:
            station = self._stations.pop()
            self._busy.add(name)
            body = {"part": name, "station": station}
            self._floor.api.post("/api/commands/StartPack", body, lambda answer: self._started(part, station, answer))

    def _arrived(self, part: dict[str, Any]) -> int:
        """When its cart stands at the benches; a minute after the last pick where nobody knows."""
        return self._world.note(f"arrived/{part['part']}", part["state_at_ms"] + MINUTE_MS)

    def _started(self, part: dict[str, Any], station: str, answer: Answer) -> None:
        if answer.ok:
            self._begin(part, station, max(self._arrived(part), self._free_ms.get(station, 0)))
        else:
            self._leave(part["part"], station)

    def _begin(self, part: dict[str, Any], station: str, at_ms: int) -> None:
        took_ms = self._people.pack_ms + part["lines"] * self._people.pack_line_ms
        at_ms += self._chance.lognormal("pack", part["part"], took_ms, self._people.spread)
        self._floor.at(at_ms, self._close, part["part"], station, 1, at_ms)

    def _close(self, part: str, station: str, attempt: int, at_ms: int) -> None:
        weighed_g = self._weigh(part, attempt) if attempt <= MOST_PACKS else 0
        body = {"part": part, "weighed_g": weighed_g}
        self._floor.api.post("/api/commands/ClosePack", body, lambda answer: self._closed(part, station, attempt, at_ms, answer))

    def _weigh(self, part: str, attempt: int) -> int:
        """What the scale shows: what is really in the tote, and the cartons that the packer took for what should be in it."""
        picks = [act for act in self._picks(part) if act["told"]]
        pieces = [
            Piece(
                None,
                act["told"],
                act["told"] * self._plan.articles[act["sku"]].weight_g,
                act["told"] * self._plan.articles[act["sku"]].volume_mm3,
            )
            for act in picks
        ]
        tare_g = sum(carton.tare_g for carton, _ in cartonise(pieces, most=MOST_CARTONS)) if pieces else 0
        true_g = self._plan.weight_g(self._world.at(f"tote:{part}")) + tare_g
        noise = self._chance.whole("packing scale", f"{part}.{attempt}", -SCALE_NOISE_PERMILLE, SCALE_NOISE_PERMILLE)
        return max(1, true_g + true_g * noise // 1000)

    def _picks(self, part: str) -> list[dict[str, Any]]:
        tour = self._world.note(f"tour of/{part}", "")
        return [act for _, act in self._world.acts(f"pick/{tour}/") if act["tote"] == part] if tour else []

    def _closed(self, part: str, station: str, attempt: int, at_ms: int, answer: Answer) -> None:
        if answer.status == 409 and answer.body.get("error") == "StockConflict" and attempt <= MOST_PACKS:
            self.repacked += 1
            at_ms = max(at_ms, self._floor.now_ms - MINUTE_MS) + self._put_right(part)
            self._floor.at(at_ms, self._close, part, station, attempt + 1, at_ms)
            return
        if answer.ok:
            self.packed += 1
            for sku, units in self._world.at(f"tote:{part}").items():
                self._world.move(sku, units, f"tote:{part}", f"box:{part}")
        if answer.is_final:
            self._free_ms[station] = at_ms
            self._leave(part, station)
        else:
            self._floor.at(self._floor.now_ms + MINUTE_MS, self._close, part, station, attempt, at_ms)

    def _put_right(self, part: str) -> int:
        """The packer compares tote and sheet: what is too much stands aside, what is missing is fetched. Give how long that takes."""
        told: dict[str, int] = {}
        homes: dict[str, str] = {}
        for act in self._picks(part):
            told[act["sku"]] = told.get(act["sku"], 0) + act["told"]
            homes[act["sku"]] = act["place"]
        wait_ms = MINUTE_MS
        for sku, units in told.items():
            there = self._world.units(f"tote:{part}", sku)
            if there > units:
                self._world.move(sku, there - units, f"tote:{part}", PROBLEMS)
                self._floor.at(self._floor.now_ms + BRING_BACK_MS, self._bring_back, sku, there - units)
            elif there < units:
                self._world.move(sku, units - there, homes[sku], f"tote:{part}")
                wait_ms = FETCH_MS
        return wait_ms

    def _bring_back(self, sku: str, units: int) -> None:
        self._world.move(sku, units, PROBLEMS, self._plan.homes.pick[sku])

    def _leave(self, part: str, station: str) -> None:
        self._busy.discard(part)
        self._parts = [row for row in self._parts if row["part"] != part]
        self._stations.append(station)
        self._stations.sort(reverse=True)
        self._staff_stations()

    # goods receiving

    def _expect(self, purchase: dict[str, Any]) -> None:
        name = purchase["purchase"]
        if name not in self._busy and purchase["sku"] in self._plan.articles:
            self._busy.add(name)
            self._floor.at(purchase["expected_at_ms"], self._receive, name, purchase["sku"], purchase["quantity"])

    def _receive(self, name: str, sku: str, quantity: int) -> None:
        """The supplier's goods are put away: to the face while it has room, else to reserve."""
        act = self._world.happened(f"receive/{name}")
        if act is None:
            place = self._plan.homes.place_for(sku, quantity, self._world.units(self._plan.homes.pick[sku], sku))
            self._world.move(sku, quantity, "", place)
            self._world.happen(f"receive/{name}", self._floor.now_ms, place=place)
            self.received += 1
            body = {"purchase": name, "quantity": quantity, "place": place}
            self._world.send(f"receive/{name}", "/api/commands/ReceivePurchase", f"receive/{name}", body)

    # counting

    def _look_at(self, task: dict[str, Any]) -> None:
        if task["task"] not in self._busy:
            self._busy.add(task["task"])
            self._floor.at(task["opened_at_ms"] + COUNT_MS, self._count, task)

    def _count(self, task: dict[str, Any]) -> None:
        """A counter counts; what pickers took there and have not told yet would be counted against them, so it waits for them."""
        place, sku = task["place"], task["sku"]
        if self._is_hot(place):
            self._floor.at(self._floor.now_ms + MINUTE_MS, self._count, task)
        else:
            path = f"/api/stock?place={quote(place, safe='')}&sku={quote(sku, safe='')}"
            self._floor.api.get(path, lambda answer: self._record(task, answer))

    def _record(self, task: dict[str, Any], answer: Answer) -> None:
        """Good units are counted; those that stand there with a sticker, held or damaged, are not."""
        place, sku = task["place"], task["sku"]
        if not answer.ok or self._is_hot(place):
            self._floor.at(self._floor.now_ms + MINUTE_MS, self._count, task)
            return
        stickers = sum(
            row["on_hand"] for row in answer.body["rows"] if row["place"] == place and row["status"] not in ("available", "expired")
        )
        words = {"place": place, "sku": sku, "lot": task["lot"], "owner": task["owner"]}
        lane = f"count/{task['task']}"
        good = max(0, self._world.units(place, sku) - stickers)
        counted = words | {"counted": good, "task": task["task"], "at_ms": self._floor.now_ms}
        self._world.send(lane, "/api/commands/RecordCount", f"{lane}/record", counted)
        self._world.send(lane, "/api/commands/SettleUnresolved", f"{lane}/settle", words | {"approved_by": "count desk"})

    def _is_hot(self, place: str) -> bool:
        return any(f'"code":"{place}"' in kept.body for kept in self._world.kept("confirm"))

    def _counted(self, errand: Errand, answer: Answer) -> None:
        if errand.path.endswith("RecordCount"):
            self.counted += 1
        else:
            self._busy.discard(errand.lane.partition("/")[2])

    # returns

    def _treat(self, rma: dict[str, Any]) -> None:
        key = f"{rma['rma']}/{rma['state']}"
        if key in self._busy:
            return
        self._busy.add(key)
        if rma["state"] == "approved":
            self._floor.at(rma["requested_at_ms"] + RETURN_TRANSIT_MS, self._take_in, rma, key)
        elif rma["state"] == "received":
            self._floor.at(rma["received_at_ms"] + GRADE_MS, self._grade, rma, key)
        else:
            self._world.send(f"return/{key}", "/api/commands/RefundReturn", key, {"rma": rma["rma"]})
            self.refunded += 1

    def _take_in(self, rma: dict[str, Any], key: str) -> None:
        if self._world.happened(f"return/{key}") is None:
            self._world.happen(f"return/{key}", self._floor.now_ms)
            self._world.move(rma["sku"], rma["quantity"], "", "RETURNS")
            self._world.send(f"return/{key}", "/api/commands/ReceiveReturn", key, {"rma": rma["rma"]})

    def _grade(self, rma: dict[str, Any], key: str) -> None:
        if self._world.happened(f"return/{key}") is None:
            draw = self._chance.unit("grade", rma["rma"])
            grade = next(grade for grade, share in GRADES if draw <= share)
            home = self._plan.homes.pick.get(rma["sku"], rma["place"])
            self._world.happen(f"return/{key}", self._floor.now_ms)
            self._world.move(rma["sku"], rma["quantity"], "RETURNS", {"A": home, "B": "OUTLET", "C": ""}[grade])
            body = {"rma": rma["rma"], "grade": grade, "place": home if grade == "A" else ""}
            self._world.send(f"return/{key}", "/api/commands/GradeReturn", key, body)

    # quality

    def _ask_quality(self) -> None:
        if not self._is_asking_quality:
            self._is_asking_quality = True
            self._floor.api.get("/api/excursions?open=false", self._decide)

    def _decide(self, answer: Answer) -> None:
        """What is held for an excursion that is over is looked at some time later, and released or rejected."""
        self._is_asking_quality = False
        for case in answer.body.get("excursions", ()) if answer.ok else ():
            name = case["excursion"]
            is_due = case["state"] == "ended" and case["to_ms"] + DECIDE_MS <= self._floor.now_ms
            if is_due and self._world.happened(f"settle/{name}") is None:
                decision = "release" if case["peak_milli"] <= BEARABLE_C * 1000 else "reject"
                self._world.happen(f"settle/{name}", self._floor.now_ms, decision=decision)
                body = {"excursion": name, "decision": decision, "decided_by": "quality desk"}
                self._world.send(f"settle/{name}", "/api/commands/SettleExcursion", f"settle/{name}", body)

    def _over(self, errand: Errand, answer: Answer) -> None:
        self._busy.discard(errand.lane.partition("/")[2])
