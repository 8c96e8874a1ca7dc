"""Carriers of the twin: labels without paper, trucks at the cut-off, a network with drawn transit times. All of it is simulated."""

from collections.abc import Callable

from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.catalog import CarrierService
from floorwise.core.model.labels import Label, LabelWanted
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.places import next_cut_off_ms, zone_named
from floorwise.core.model.policies import HOUR_MS
from floorwise.sim.floorplan import CARRIER
from floorwise.sim.world import SITE, World

PARCELS_A_TRUCK = 5_000
FIRST_SCAN_MS = 2 * HOUR_MS
LAST_MILE_MS = 6 * HOUR_MS


class TwinCarrier:
    """Gives tracking numbers and prints nothing."""

    name = CARRIER

    def buy_label(self, wanted: LabelWanted) -> Label:
        """The same key gives the same label."""
        return Label(wanted.key, f"TW{wanted.sscc}", "zpl", f"{wanted.sscc}.zpl")


class Trucks:
    """The carrier: fetches what is labelled at each cut-off and scans it on the way to the door."""

    def __init__(self, world: World, on_delivered: Callable[[str, int], None]) -> None:
        """`on_delivered` is told each parcel and the time at the door."""
        self._world = world
        self._on_delivered = on_delivered
        self._zone = zone_named(world.scenario.zone)

    def resume(self) -> None:
        """Go on with parcels on their way, and wait for the next cut-off."""
        for status in ("loaded", "in_transit", "out_for_delivery", "failed_attempt"):
            for parcel in self._world.ledger.find(Parcel, "by_status", SITE, status):
                self._carry(parcel)
        self._await_cut_off(self._world.now_ms)

    def _await_cut_off(self, from_ms: int) -> None:
        service = self._world.ledger.get(CarrierService, CARRIER)
        self._world.keep(next_cut_off_ms(from_ms, service.cut_off_time, self._zone, service.days), self._fetch)

    def _fetch(self) -> None:
        while parcels := self._world.ledger.find(Parcel, "by_status", SITE, "labelled", limit=PARCELS_A_TRUCK):
            self._world.execute(HandOver(CARRIER, f"{CARRIER}-{self._world.now_ms}", tuple(parcel.parcel for parcel in parcels)))
            for parcel in parcels:
                self._carry(self._world.ledger.get(Parcel, parcel.parcel))
        self._await_cut_off(self._world.now_ms + 1)

    def _carry(self, parcel: Parcel) -> None:
        """Scans of one parcel; times depend on the parcel alone, and a scan told again changes nothing."""
        carriers, chance, sent_ms = self._world.scenario.carriers, self._world.chance, parcel.handed_over_at_ms
        door_ms = sent_ms + FIRST_SCAN_MS + LAST_MILE_MS + chance.lognormal("transit", parcel.parcel, carriers.transit_ms, carriers.spread)
        scans = [("in_transit", sent_ms + FIRST_SCAN_MS, "")]
        if chance.happens("lost", parcel.parcel, carriers.lost_share):
            scans.append(("lost", door_ms, ""))
        else:
            scans += [
                ("out_for_delivery", door_ms - LAST_MILE_MS, ""),
                ("delivered", door_ms, f"code {chance.whole('proof', parcel.parcel, 1000, 9999)}"),
            ]
        for status, at_ms, proof in scans:
            if at_ms >= parcel.status_at_ms:
                self._world.at(at_ms, self._scan, parcel, status, at_ms, proof)

    def _scan(self, parcel: Parcel, status: str, at_ms: int, proof: str) -> None:
        self._world.execute(RecordScan(parcel.tracking, status, at_ms, CARRIER, proof))
        if status == "delivered":
            self._on_delivered(parcel.parcel, at_ms)
