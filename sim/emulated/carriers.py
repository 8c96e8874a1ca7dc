"""Carriers of the emulated floor: a courier who comes every twenty minutes and is at the door the same day, and the truck at its cut-off.

They fetch what is labelled, are scanned out at the dock door, and tell their scans over HTTP, as a carrier's own system would. Times
of a parcel depend on it alone, so that a restart goes on with the very same; a scan that is told twice changes nothing.
"""

import json
from typing import Any
from urllib.parse import quote

from floorwise.core.model.policies import HOUR_MS, MINUTE_MS
from floorwise.sim.chance import Chance
from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.plan import COURIER
from floorwise.sim.emulated.trackers import Trackers
from floorwise.sim.emulated.world import Errand
from floorwise.sim.floorplan import CARRIER

COURIER_EVERY_MS = 20 * MINUTE_MS
COURIER_FIRST_SCAN_MS = 4 * MINUTE_MS
COURIER_DOOR_MS, COURIER_SPREAD = 40 * MINUTE_MS, 0.3  # from hand-over: a town's round on a cargo bike; an assumption
TRUCK_FIRST_SCAN_MS = 2 * HOUR_MS
TRUCK_DOOR_MS, TRUCK_SPREAD = 28 * HOUR_MS, 0.3
LAST_MILE_SHARE = 0.7  # of the way to the door, when "out for delivery" is scanned
LOST_SHARE = 0.002
COURIER_SHARE = 0.6  # of orders
PARCELS_A_MANIFEST = 500
LISTED = 1_000
RETURN_SHARE = 0.06  # of delivered lines
RETURN_AFTER_MS = 2 * HOUR_MS
ON_THE_WAY = ("loaded", "in_transit", "out_for_delivery", "failed_attempt")


def carrier_of(chance: Chance, reference: str) -> str:
    """Which carrier an order's customer chose."""
    return COURIER if chance.happens("courier", reference, COURIER_SHARE) else CARRIER


class Carriers:
    """Vans at the door, and parcels on their way."""

    def __init__(
        self, floor: Floor, chance: Chance, trackers: Trackers, lost_share: float = LOST_SHARE, return_share: float = RETURN_SHARE
    ) -> None:
        self._lost_share, self._return_share = lost_share, return_share
        self._floor, self._world, self._chance, self._trackers = floor, floor.world, chance, trackers
        self._waiting: dict[str, list[dict[str, Any]]] = {}  # carrier -> parcels on the stage, as last listed
        self._due_ms: dict[str, int] = {}  # carrier -> next pick-up
        self._loading: set[str] = set()  # parcels on a manifest that is being told
        self._carried: set[str] = set()  # parcels whose scans are scheduled
        self._dock = 0
        self.fetched = self.delivered = self.lost = 0
        floor.on_errand["load"], floor.on_errand["scan"] = self._loaded, self._scanned

    def start(self) -> None:
        """Find what is on its way."""
        for status in ON_THE_WAY:
            self._floor.api.get(f"/api/shipments?status={status}&limit={LISTED}", self._resume)

    def hear(self, work: dict[str, Any]) -> None:
        """The work list: what stands on the stage, and when the truck comes."""
        self._waiting = {}
        for parcel in work["parcels"]:
            if parcel["parcel"] not in self._loading:
                self._waiting.setdefault(parcel["carrier"], []).append(parcel)
        for carrier in work["carriers"]:
            name = carrier["carrier"]
            if name not in self._due_ms:
                due_ms = self._next_ms(name, carrier["next_cut_off_ms"])
                self._due_ms[name] = due_ms
                self._floor.at(due_ms, self._fetch, name, due_ms)

    def _next_ms(self, carrier: str, cut_off_ms: int) -> int:
        """The courier comes every COURIER_EVERY_MS until its cut-off, the truck at it."""
        if carrier != COURIER:
            return cut_off_ms
        return min(cut_off_ms, (self._floor.now_ms // COURIER_EVERY_MS + 1) * COURIER_EVERY_MS)

    def _fetch(self, carrier: str, due_ms: int) -> None:
        """The van takes all that stands there for it; each parcel is scanned at the dock door."""
        del self._due_ms[carrier]
        parcels = sorted(self._waiting.pop(carrier, ()), key=lambda parcel: parcel["parcel"])
        for n in range(0, len(parcels), PARCELS_A_MANIFEST):
            some = parcels[n : n + PARCELS_A_MANIFEST]
            names = [parcel["parcel"] for parcel in some]
            self._loading.update(names)
            for parcel in some:
                self._dock += 1
                self._world.say(f"dock-{1 + self._dock % 2}", "scan", self._floor.now_ms, {"code": parcel["tracking"]})
            body = {"carrier": carrier, "manifest": f"{carrier}-{due_ms}", "parcels": names}
            self._world.send(f"load/{carrier}", "/api/commands/HandOver", f"load/{carrier}/{due_ms}/{names[0]}", body)

    def _loaded(self, errand: Errand, answer: Answer) -> None:
        names = json.loads(errand.body)["parcels"]
        self._loading.difference_update(names)
        if not answer.ok:
            return  # one of them is not to be loaded: the rest is fetched next time
        self.fetched += len(names)
        for name in names:
            self._floor.api.get(f"/api/shipments/{quote(name, safe='')}", self._follow)

    def _resume(self, answer: Answer) -> None:
        for parcel in answer.body.get("shipments", ()):
            self._carry(parcel)

    def _follow(self, answer: Answer) -> None:
        if answer.ok:
            self._trackers.consider(answer.body)
            self._carry(answer.body)

    def _carry(self, parcel: dict[str, Any]) -> None:
        """Schedule the scans of a parcel that has left."""
        name, sent_ms = parcel["parcel"], parcel["handed_over_at_ms"]
        if name in self._carried or not sent_ms:
            return
        self._carried.add(name)
        is_courier = parcel["carrier"] == COURIER
        first_ms, mean_ms, spread = (
            (COURIER_FIRST_SCAN_MS, COURIER_DOOR_MS, COURIER_SPREAD) if is_courier else (TRUCK_FIRST_SCAN_MS, TRUCK_DOOR_MS, TRUCK_SPREAD)
        )
        way_ms = first_ms + self._chance.lognormal("way", name, mean_ms, spread)
        scans = [("in_transit", sent_ms + first_ms, "")]
        if self._chance.happens("lost", name, self._lost_share):
            scans.append(("lost", sent_ms + way_ms, ""))
        else:
            scans.append(("out_for_delivery", sent_ms + first_ms + round((way_ms - first_ms) * LAST_MILE_SHARE), ""))
            scans.append(("delivered", sent_ms + way_ms, f"code {self._chance.whole('proof', name, 1000, 9999)}"))
        self._trackers.travel(name, sent_ms + way_ms)
        for status, at_ms, proof in scans:
            if at_ms >= parcel["status_at_ms"]:
                self._floor.at(at_ms, self._scan, parcel, status, at_ms, proof)

    def _scan(self, parcel: dict[str, Any], status: str, at_ms: int, proof: str) -> None:
        tracking = parcel["tracking"]
        body = {"status": status, "at_ms": at_ms, "source": parcel["carrier"], "proof": proof}
        key = f"scan/{tracking}/{status}"
        self._world.send(f"scan/{parcel['parcel']}", f"/api/shipments/{quote(tracking, safe='')}/scans", key, body)

    def _scanned(self, errand: Errand, answer: Answer) -> None:
        told, name = json.loads(errand.body), errand.lane.partition("/")[2]
        status = told["status"]
        if not answer.ok or status not in ("delivered", "lost"):
            return
        self._carried.discard(name)
        self._trackers.arrived(name, told["at_ms"])
        if status == "lost":
            self.lost += 1
            return
        self.delivered += 1
        if self._return_share:
            self._floor.api.get(f"/api/shipments/{quote(name, safe='')}", self._consider_return)

    def _consider_return(self, answer: Answer) -> None:
        """Some delivered lines come back, all units that were in this parcel."""
        for line in answer.body.get("lines", ()) if answer.ok else ():
            entity = f"{answer.body['parcel']}.{line['line']}"
            if self._chance.happens("return", entity, self._return_share):
                after_ms = self._chance.lognormal("return after", entity, RETURN_AFTER_MS, 0.5)
                body = {
                    "order_id": answer.body["order_id"],
                    "line": line["line"],
                    "quantity": line["quantity"],
                    "reference": f"back/{entity}",
                }
                self._floor.at(answer.body["delivered_at_ms"] + after_ms, self._send_back, entity, body)

    def _send_back(self, entity: str, body: dict[str, Any]) -> None:
        self._world.send(f"back/{entity}", "/api/commands/RequestReturn", f"back/{entity}", body)
