"""Pickers who walk tours and packers at their stations; each task takes its own drawn time."""

from heapq import heappop, heappush

from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick, ReportShort
from floorwise.core.flow.touring import TakeTour
from floorwise.core.journal import body_of
from floorwise.core.model.journal import Event
from floorwise.core.model.stock import Balance
from floorwise.core.model.work import Part, Pick, Tour, in_walking_order
from floorwise.core.ports import Carrier
from floorwise.core.workers import labels
from floorwise.sim.world import SITE, World

LABELS_A_STEP = 1_000
LOOK_BACK = 20_000  # events in which a cut run looks for who was on the way; an hour of a large floor
MOST_MISSING = 3  # units that a bin lacks against the books, where it lacks any


class Packers:
    """Stations that take picked parts in order of cut-off, pack them and ask for labels."""

    def __init__(self, world: World, carrier: Carrier) -> None:
        self._world = world
        self._carrier = carrier
        self._idle = [f"S{n:02}" for n in range(world.scenario.people.packers, 0, -1)]
        self._queue: list[tuple[int, str]] = []

    def resume(self) -> None:
        """Go on with what was being packed."""
        for part in self._world.ledger.find(Part, "by_state", SITE, "packing"):
            if part.station in self._idle:
                self._idle.remove(part.station)
            self._world.at(part.state_at_ms + self.pack_ms(part), self._close, part.part, part.station)
        labels.step(self._world.warehouse, self._carrier, LABELS_A_STEP)

    def arrive(self, part: str) -> None:
        """A cart brings a part to the pack benches."""
        row = self._world.ledger.get(Part, part)
        if row.state == "picked":
            heappush(self._queue, (row.cut_off_ms, part))
            self.kick()

    def kick(self) -> None:
        """Let idle stations begin."""
        while self._idle and self._queue and self._world.is_staffed():
            _, name = heappop(self._queue)
            station = self._idle.pop()
            self._world.execute(StartPack(name, station))
            part = self._world.ledger.get(Part, name)
            self._world.at(part.state_at_ms + self.pack_ms(part), self._close, name, station)

    def pack_ms(self, part: Part) -> int:
        """How long a part takes at a bench."""
        people = self._world.scenario.people
        return self._world.chance.lognormal("pack", part.part, people.pack_ms + part.lines * people.pack_line_ms, people.spread)

    def _close(self, part: str, station: str) -> None:
        self._world.execute(ClosePack(part))
        labels.step(self._world.warehouse, self._carrier, LABELS_A_STEP)
        self._idle.append(station)
        self._idle.sort(reverse=True)
        self.kick()


class Pickers:
    """People with carts: each takes the next open tour, walks it stop by stop and brings the totes to the benches."""

    def __init__(self, world: World, packers: Packers) -> None:
        self._world = world
        self._packers = packers
        self._idle = [f"picker-{n:03}" for n in range(world.scenario.people.pickers, 0, -1)]
        self._sheets: dict[str, tuple[int, list[Pick]]] = {}  # tour -> its revision and the stops ahead, the next one last

    def resume(self) -> None:
        """Go on with tours that were begun, and with carts that were on their way to the benches."""
        ledger = self._world.ledger
        for event in ledger.find(Event, "by_kind", "TourLeft") if self._world.scenario.faults.gone_share else ():
            picker, back_ms = body_of(event)["picker"], event.at_ms + self._world.scenario.faults.gone_ms
            if back_ms > self._world.now_ms and picker in self._idle:
                self._idle.remove(picker)
                self._world.at(back_ms, self._come_back, picker)
        for tour in ledger.find(Tour, "by_state", SITE, "taken"):
            if tour.picker in self._idle:
                self._idle.remove(tour.picker)
            here, since_ms = self._stands(tour.tour)
            self._walk(tour.tour, tour.picker, here, since_ms or tour.taken_at_ms + self._setup_ms(tour.tour))
        brought = set()
        for event in ledger.find(Event, "by_kind", "TourDone", after=max(0, ledger.head[0] - LOOK_BACK)):
            told = body_of(event)
            here, _ = self._stands(told["tour"])
            back_ms = event.at_ms + (self._world.walk_ms(here, "") if here else 0)
            if told["picker"] and back_ms > self._world.now_ms:
                if told["picker"] in self._idle:
                    self._idle.remove(told["picker"])
                self._world.at(back_ms, self._back, told["tour"], told["picker"])
                brought.add(told["tour"])
        for part in ledger.find(Part, "by_state", SITE, "picked"):
            if part.tour not in brought and ledger.get(Tour, part.tour).state != "taken":
                self._packers.arrive(part.part)  # its cart stands at the benches; others are on a walk, which brings them once

    def _stands(self, tour: str) -> tuple[str, int]:
        """Where a picker on this tour stands and since when: where something was taken or missed last; ("", 0) before that."""
        ended = [pick for pick in self._world.ledger.find(Pick, "key", tour) if pick.state == "done"]
        last = max(ended, key=lambda pick: (pick.done_at_ms, pick.number), default=None)
        here, since_ms = (last.location, last.done_at_ms) if last else ("", 0)
        events = self._world.ledger.find(Event, "by_kind", "PickShort", after=max(0, self._world.ledger.head[0] - LOOK_BACK))
        for event in events:
            told = body_of(event)
            if told["tour"] == tour and event.at_ms >= since_ms:
                here, since_ms = self._world.ledger.get(Pick, tour, told["number"]).location, event.at_ms
        return here, since_ms

    def kick(self) -> None:
        """Give open tours to idle pickers, while people are at work."""
        if not self._idle or not self._world.is_staffed():
            return
        for tour in self._world.ledger.find(Tour, "by_state", SITE, "open", limit=len(self._idle)):
            picker = self._idle.pop()
            self._world.execute(TakeTour(tour.tour, picker))
            self._walk(tour.tour, picker, "", self._world.now_ms + self._setup_ms(tour.tour))

    def _setup_ms(self, tour: str) -> int:
        people = self._world.scenario.people
        return self._world.chance.lognormal("setup", tour, people.setup_ms, people.spread)

    def _walk(self, tour: str, picker: str, here: str, from_ms: int) -> None:
        """Schedule the next open pick as the sheet now has it, reached from `here`; after the last one, the way back."""
        following = self._next(tour)
        if following is not None:
            self._world.at(from_ms + self._pick_ms(following, here), self._pick, tour, picker, following)
            return
        back_ms = from_ms + (self._world.walk_ms(here, "") if here else 0)
        self._world.at(back_ms, self._back, tour, picker)

    def _next(self, tour: str) -> Pick | None:
        """The next open pick of the sheet. A sheet stays as it is until its revision changes, but for what its own picker has done."""
        revision = self._world.ledger.get(Tour, tour).revision
        known, ahead = self._sheets.get(tour, (0, []))
        if known != revision:
            picks = in_walking_order(self._world.ledger.find(Pick, "key", tour))
            ahead = [pick for pick in reversed(picks) if pick.state == "open"]
            self._sheets[tour] = (revision, ahead)
        if ahead:
            return ahead.pop()
        self._sheets.pop(tour, None)
        return None

    def _pick_ms(self, pick: Pick, here: str) -> int:
        people = self._world.scenario.people
        hands_ms = min(pick.quantity * people.unit_ms, people.most_units_ms)
        if pick.location != here:
            hands_ms += people.search_ms
            if self._world.place(pick.location).kind == "reserve":
                hands_ms += people.climb_ms
        entity = f"{pick.tour}.{pick.number}"
        return self._world.walk_ms(here, pick.location) + self._world.chance.lognormal("pick", entity, hands_ms, people.spread)

    def _pick(self, tour: str, picker: str, planned: Pick) -> None:
        now_ms = self._world.now_ms
        pick = self._world.ledger.get(Pick, tour, planned.number)  # its units may have been taken back meanwhile
        if pick.state == "open":
            entity = f"{tour}.{pick.number}"
            found = self._found(pick, entity)
            if found < pick.quantity:
                self._world.execute(ReportShort(tour, pick.number, found, picker, now_ms))
            else:
                self._world.execute(ConfirmPick(tour, pick.number, pick.quantity, picker, now_ms))
        if self._leaves(tour, picker, planned):
            return
        self._walk(tour, picker, planned.location, now_ms)

    def _leaves(self, tour: str, picker: str, pick: Pick) -> bool:
        """Sometimes a picker is gone after a pick; the first idle one takes what is left."""
        faults = self._world.scenario.faults
        if not self._world.chance.happens("gone", f"{tour}.{pick.number}", faults.gone_share):
            return False
        if not self._world.execute(LeaveTour(tour, picker, "gone"))["left"]:
            return False
        self._world.at(self._world.now_ms + faults.gone_ms, self._come_back, picker)
        self.kick()
        return True

    def _come_back(self, picker: str) -> None:
        self._idle.append(picker)
        self._idle.sort(reverse=True)
        self.kick()

    def _found(self, pick: Pick, entity: str) -> int:
        """Units the picker finds: some bins hold a few less than the books say, which shows when they run low."""
        if not self._world.chance.happens("short", entity, self._world.scenario.faults.short_share):
            return pick.quantity
        there = self._world.ledger.get(Balance, pick.place, pick.sku, pick.lot, pick.serial, pick.owner, "available")
        return max(0, min(pick.quantity, there.on_hand - self._world.chance.whole("missing", entity, 1, MOST_MISSING)))

    def _back(self, tour: str, picker: str) -> None:
        for part in sorted({pick.part for pick in self._world.ledger.find(Pick, "key", tour)}):
            self._packers.arrive(part)
        self._come_back(picker)
