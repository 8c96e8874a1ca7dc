"""What the journal says happened: every path of states step by step, and what it adds up to; nothing here looks at a record."""

import json
from collections import defaultdict
from typing import Any

from floorwise.core.model.journal import Event
from floorwise.core.verify.check import Tally

Line = tuple[str, int]  # order, line

STAGE = "STAGE"  # where a parcel stands when it is made

# For each kind of thing: which events move it, from which states ("" = it is new), to which state.
PATHS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "order": {"OrderPlaced": (("",), "placed"), "OrderCancelled": (("placed",), "placed"), "OrderReleased": (("placed",), "placed")},
    "part": {
        "OrderReleased": (("",), "waiting"),
        "TourReleased": (("waiting",), "touring"),
        "PartJoined": (("waiting",), "touring"),
        "TourDone": (("touring",), "picked"),
        "PartDropped": (("waiting", "picked", "packing"), "dropped"),  # right after TourDone when nothing was found, or at the bench
        "PackStarted": (("picked",), "packing"),
        "ParcelPacked": (("packing", "packed"), "packed"),
        "ParcelsHandedOver": (("packed", "shipped"), "shipped"),
    },
    "tour": {
        "TourReleased": (("",), "open"),
        "TourTaken": (("open",), "taken"),
        "TourLeft": (("taken",), "open"),
        "TourDone": (("open", "taken"), "done"),
    },
    "parcel": {
        "ParcelPacked": (("",), "packed"),
        "LabelWanted": (("packed",), "label wanted"),
        "LabelRecorded": (("label wanted",), "labelled"),
        "ParcelsHandedOver": (("labelled",), "shipped"),
        "ParcelLost": (("shipped",), "lost"),
        "ParcelDelivered": (("shipped", "lost"), "delivered"),
        "DeliveryUndone": (("delivered",), "shipped"),  # or "lost", where it had been before
    },
    "return": {
        "ReturnApproved": (("",), "approved"),
        "ReturnReceived": (("approved",), "received"),
        "ReturnGraded": (("received",), "graded"),
        "RefundGiven": (("graded",), "refunded"),
    },
    "purchase": {"PurchaseRaised": (("",), "open"), "PurchaseReceived": (("open",), "received")},
    "task": {"CountWanted": (("",), "wanted")},
    "excursion": {
        "ExcursionFound": (("",), "open"),  # or "ended", when it had ended before it was found
        "ExcursionExtended": (("open", "ended"), "open"),  # likewise
        "ExcursionSettled": (("ended",), "settled"),
    },
    "timer": {"TimerSet": (("",), "set"), "TimerDropped": (("set",), "dropped")},
}


class History:
    """Give it every event in order through `see`, then read what it found.

    state       the state that the journal leaves each thing in, by kind and name
    ordered     (SKU, units) of each line, replacements included
    buckets     units that each line has in packed, shipped, delivered, returned and lost
    cancelled   units of each order
    confirmed   (times, units) of each pick; taken: units by (tour, SKU, lot, tote)
    planned     units by line of each part, as its tour was released
    stops       how many picks each tour was ever told to have
    built       where each handling unit was made
    cases       what was told of each excursion, with all its exposures
    wanted      LabelWanted event number -> parcel; labels: parcel -> tracking number
    """

    def __init__(self) -> None:
        self.tally = Tally("I3 paths in the journal")
        self.state: dict[str, dict[str, str]] = {kind: {} for kind in PATHS}
        self.ordered: dict[Line, tuple[str, int]] = {}
        self.buckets: dict[Line, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.cancelled: dict[str, int] = defaultdict(int)
        self.confirmed: dict[tuple[str, int], tuple[int, int]] = {}
        self.taken: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self.planned: dict[str, dict[int, int]] = {}
        self.stops: dict[str, int] = defaultdict(int)
        self._walked: set[str] = set()
        self._joining = ""  # the part whose stops come with the next StopsAdded
        self.built: dict[str, str] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.wanted: dict[int, str] = {}
        self.labels: dict[str, str] = {}
        self.replaced: dict[Line, list[int]] = defaultdict(list)
        self.last = 0
        self._parcels: dict[str, tuple[str, str, list[list[int]]]] = {}  # parcel -> order, part, lines
        self._parts: dict[str, list[str]] = {}  # tour -> parts
        self._lost: set[str] = set()  # parcels that were replaced

    def see(self, event: Event) -> None:
        """Take the next event in; one that cannot be read is told by the chain's check and passed over here."""
        self.last = event.number
        read = getattr(self, f"_{event.kind}", None)
        if read is None:
            return
        self.tally.saw()
        try:
            read(json.loads(event.line)["body"], event.number)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            self.tally.broken(f"event {event.number}: {event.kind} cannot be read: {type(error).__name__} {error}")

    def _step(self, kind: str, name: str, event: str, number: int) -> None:
        sources, target = PATHS[kind][event]
        now = self.state[kind].get(name, "")
        if now not in sources:
            self.tally.broken(f"event {number}: {event} of {kind} {name}, which {f'is {now}' if now else 'nothing made'}")
        self.state[kind][name] = target

    def _shift(self, line: Line, source: str, target: str, units: int, number: int) -> None:
        buckets = self.buckets[line]
        if source:
            buckets[source] -= units
            if buckets[source] < 0:
                self.tally.broken(f"event {number}: order {line[0]} line {line[1]}: {units} become {target}, fewer were {source}")
        buckets[target] += units

    def _OrderPlaced(self, body: dict[str, Any], number: int) -> None:
        self._step("order", body["order_id"], "OrderPlaced", number)
        for line, sku, ordered, reserved, backordered in body["lines"]:
            self.ordered[body["order_id"], line] = (sku, ordered)
            if reserved + backordered != ordered or min(reserved, backordered) < 0:
                self.tally.broken(f"event {number}: line {line}: {ordered} ordered, {reserved} reserved, {backordered} backordered")

    def _OrderCancelled(self, body: dict[str, Any], number: int) -> None:
        self._step("order", body["order_id"], "OrderCancelled", number)
        self.cancelled[body["order_id"]] += body["units"]

    def _OrderReleased(self, body: dict[str, Any], number: int) -> None:
        self._step("order", body["order_id"], "OrderReleased", number)
        for part, *_ in body["parts"]:
            self._step("part", part, "OrderReleased", number)

    def _TourReleased(self, body: dict[str, Any], number: int) -> None:
        self._step("tour", body["tour"], "TourReleased", number)
        self._parts[body["tour"]] = list(body["parts"])
        for part in body["parts"]:
            self._step("part", part, "TourReleased", number)
            self.planned[part] = {}
        self.stops[body["tour"]] += len(body["picks"])
        for _, _, _, _, quantity, part, line in body["picks"]:
            self.planned[part][line] = self.planned[part].get(line, 0) + quantity

    def _PartJoined(self, body: dict[str, Any], number: int) -> None:
        self._step("part", body["part"], "PartJoined", number)
        self._parts[body["tour"]].append(body["part"])
        self.planned[body["part"]] = {}
        self._joining = body["part"]

    def _StopsAdded(self, body: dict[str, Any], number: int) -> None:
        if self.state["tour"].get(body["tour"]) not in ("open", "taken"):
            self.tally.broken(f"event {number}: stops come into tour {body['tour']}, which nobody walks or will")
        for _, _, _, _, quantity, part, line in body["picks"]:
            if part == self._joining:
                self.planned[part][line] = self.planned[part].get(line, 0) + quantity
        self._joining = ""
        self.stops[body["tour"]] += len(body["picks"])

    def _TourTaken(self, body: dict[str, Any], number: int) -> None:
        self._step("tour", body["tour"], "TourTaken", number)
        self._walked.add(body["tour"])

    def _TourLeft(self, body: dict[str, Any], number: int) -> None:
        self._step("tour", body["tour"], "TourLeft", number)

    def _TourDone(self, body: dict[str, Any], number: int) -> None:
        self._step("tour", body["tour"], "TourDone", number)
        for part in self._parts.get(body["tour"], ()):
            self._step("part", part, "TourDone", number)

    def _PartDropped(self, body: dict[str, Any], number: int) -> None:
        self._step("part", body["part"], "PartDropped", number)

    def _PickConfirmed(self, body: dict[str, Any], number: int) -> None:
        key = (body["tour"], body["number"])
        times, units = self.confirmed.get(key, (0, 0))
        self.confirmed[key] = (times + 1, units + body["quantity"])
        self.taken[body["tour"], body["sku"], body["lot"], body["tote"]] += body["quantity"]
        if body["tour"] not in self._walked:
            self.tally.broken(f"event {number}: pick {key[1]} of tour {key[0]} confirmed, nobody has taken the tour")

    def _UnitBuilt(self, body: dict[str, Any], number: int) -> None:
        if body["unit"] in self.built:
            self.tally.broken(f"event {number}: unit {body['unit']} is built a second time")
        self.built[body["unit"]] = body["parent"]

    def _PackStarted(self, body: dict[str, Any], number: int) -> None:
        self._step("part", body["part"], "PackStarted", number)

    def _ParcelPacked(self, body: dict[str, Any], number: int) -> None:
        self._step("parcel", body["parcel"], "ParcelPacked", number)
        self._step("part", body["part"], "ParcelPacked", number)
        self._UnitBuilt({"unit": body["sscc"], "parent": STAGE}, number)
        self._parcels[body["parcel"]] = (body["order_id"], body["part"], body["lines"])
        for line, units in body["lines"]:
            self._shift((body["order_id"], line), "", "packed", units, number)

    def _LabelWanted(self, body: dict[str, Any], number: int) -> None:
        self._step("parcel", body["parcel"], "LabelWanted", number)
        self.wanted[number] = body["parcel"]

    def _LabelRecorded(self, body: dict[str, Any], number: int) -> None:
        self._step("parcel", body["parcel"], "LabelRecorded", number)
        self.labels[body["parcel"]] = body["tracking"]

    def _ParcelsHandedOver(self, body: dict[str, Any], number: int) -> None:
        for parcel in body["parcels"]:
            self._step("parcel", parcel, "ParcelsHandedOver", number)
            order_id, part, lines = self._parcels[parcel]
            self._step("part", part, "ParcelsHandedOver", number)
            for line, units in lines:
                self._shift((order_id, line), "packed", "shipped", units, number)

    def _ParcelScanned(self, body: dict[str, Any], number: int) -> None:
        if self.state["parcel"].get(body["parcel"]) not in ("shipped", "lost", "delivered"):
            self.tally.broken(f"event {number}: parcel {body['parcel']} is scanned and was never handed over")

    def _ParcelDelivered(self, body: dict[str, Any], number: int) -> None:
        was = self.state["parcel"].get(body["parcel"], "")
        self._step("parcel", body["parcel"], "ParcelDelivered", number)
        order_id, _, lines = self._parcels[body["parcel"]]
        for line, units in lines:
            self._shift((order_id, line), "lost" if was == "lost" else "shipped", "delivered", units, number)

    def _DeliveryUndone(self, body: dict[str, Any], number: int) -> None:
        self._step("parcel", body["parcel"], "DeliveryUndone", number)
        back = "lost" if body["parcel"] in self._lost else "shipped"
        self.state["parcel"][body["parcel"]] = back
        order_id, _, lines = self._parcels[body["parcel"]]
        for line, units in lines:
            self._shift((order_id, line), "delivered", back, units, number)

    def _ParcelLost(self, body: dict[str, Any], number: int) -> None:
        self._step("parcel", body["parcel"], "ParcelLost", number)
        self._lost.add(body["parcel"])
        order_id, _, lines = self._parcels[body["parcel"]]
        if len(lines) != len(body["replaced_by"]):
            self.tally.broken(f"event {number}: parcel {body['parcel']} had {len(lines)} lines, {len(body['replaced_by'])} replace them")
        for (line, units), new in zip(lines, body["replaced_by"], strict=False):
            self._shift((order_id, line), "shipped", "lost", units, number)
            if (order_id, new) in self.ordered:
                self.tally.broken(f"event {number}: line {new} of order {order_id} is there already")
            self.ordered[order_id, new] = (self.ordered[order_id, line][0], units)
            self.replaced[order_id, line].append(new)

    def _ReturnApproved(self, body: dict[str, Any], number: int) -> None:
        self._step("return", body["rma"], "ReturnApproved", number)

    def _ReturnReceived(self, body: dict[str, Any], number: int) -> None:
        self._step("return", body["rma"], "ReturnReceived", number)
        self._shift((body["order_id"], body["line"]), "delivered", "returned", body["quantity"], number)

    def _ReturnGraded(self, body: dict[str, Any], number: int) -> None:
        self._step("return", body["rma"], "ReturnGraded", number)

    def _RefundGiven(self, body: dict[str, Any], number: int) -> None:
        self._step("return", body["rma"], "RefundGiven", number)

    def _PurchaseRaised(self, body: dict[str, Any], number: int) -> None:
        self._step("purchase", body["purchase"], "PurchaseRaised", number)

    def _PurchaseReceived(self, body: dict[str, Any], number: int) -> None:
        self._step("purchase", body["purchase"], "PurchaseReceived", number)

    def _CountWanted(self, body: dict[str, Any], number: int) -> None:
        self._step("task", body["task"], "CountWanted", number)

    def _ExcursionFound(self, body: dict[str, Any], number: int) -> None:
        self._step("excursion", body["excursion"], "ExcursionFound", number)
        self.cases[body["excursion"]] = body | {"state": "ended" if body["to_ms"] else "open", "decision": "", "decided_by": ""}
        self.state["excursion"][body["excursion"]] = self.cases[body["excursion"]]["state"]

    def _ExcursionExtended(self, body: dict[str, Any], number: int) -> None:
        self._step("excursion", body["excursion"], "ExcursionExtended", number)
        case = self.cases[body["excursion"]]
        case |= {"to_ms": body["to_ms"], "peak_milli": body["peak_milli"], "state": "ended" if body["to_ms"] else "open"}
        case["exposed"] = case["exposed"] + body["exposed"]
        self.state["excursion"][body["excursion"]] = case["state"]

    def _ExcursionSettled(self, body: dict[str, Any], number: int) -> None:
        self._step("excursion", body["excursion"], "ExcursionSettled", number)
        self.cases[body["excursion"]] |= {"state": "settled", "decision": body["decision"], "decided_by": body["decided_by"]}

    def _TimerSet(self, body: dict[str, Any], number: int) -> None:
        self._step("timer", body["timer"], "TimerSet", number)

    def _TimerDropped(self, body: dict[str, Any], number: int) -> None:
        self._step("timer", body["timer"], "TimerDropped", number)
