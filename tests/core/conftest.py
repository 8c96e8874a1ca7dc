"""A small floor in memory that flow tests walk over: three aisles, two articles, one carrier, one hand-turned clock."""

from typing import Any

import pytest

from floorwise.core import journal
from floorwise.core.adapters.clocks import SetClock
from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.flow.entry import LineWanted, PlaceOrder
from floorwise.core.flow.masterdata import AddCarriers, AddSite, AddSkus, LocationWanted, SkuWanted
from floorwise.core.flow.packing import ClosePack, StartPack
from floorwise.core.flow.picking import ConfirmPick
from floorwise.core.flow.receiving import ReceiveStock
from floorwise.core.flow.shipping import HandOver
from floorwise.core.flow.table import HANDLERS
from floorwise.core.flow.touring import TakeTour
from floorwise.core.flow.tracking import RecordScan
from floorwise.core.model.journal import Event
from floorwise.core.model.labels import Label, LabelWanted
from floorwise.core.model.orders import OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.planning import Plan, PlanRequest
from floorwise.core.model.s_shape import s_shape_plan
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.core.warehouse import Warehouse
from floorwise.core.workers import labels, planning, waving

MONDAY_MS = 1_323_075_600_000  # 2011-12-05 09:00 UTC
PLACES = {"DOCK": "dock", "CARTS": "stage", "STAGE": "stage", "RETURNS": "returns", "OUTLET": "outlet"}


class SShape:
    """The planner that needs no library."""

    def plan(self, request: PlanRequest) -> Plan:
        return s_shape_plan(request)


class Sticker:
    """A carrier whose tracking number is "T" and the SSCC."""

    name = "paper"

    def buy_label(self, wanted: LabelWanted) -> Label:
        return Label(wanted.key, f"T{wanted.sscc}", "zpl", f"{wanted.sscc}.zpl")


class Floor:
    """A warehouse and short words for what people do in it.

    Bins A00-0 … A02-9: aisle in the name, a metre apart; MUG weighs 300 g in a litre, BOWL 500 g in two.
    """

    def __init__(self, reserve: bool = False) -> None:
        """With `reserve` there is a reserve bin R00 above A00-0."""
        self.ledger, self.clock = open_ledger(None), SetClock(MONDAY_MS)
        self.warehouse = Warehouse(self.ledger, self.clock, CountedIds(self.ledger), HANDLERS)
        bins = [LocationWanted(f"A{aisle:02}-{y}", "pick", aisle, y * 1000) for aisle in range(3) for y in range(10)]
        others = [LocationWanted(name, kind, 0, 0) for name, kind in PLACES.items()]
        others += [LocationWanted("R00", "reserve", 0, 0, 3)] * reserve
        self.do(AddSite("Europe/London", "GBP", "5012345", 3, 3000, 10_000, 0, (*bins, *others)))
        self.do(AddCarriers((("paper", "standard", "17:00", "01234"), ("bike", "same day", "12:00", "0123456"))))
        self.do(AddSkus((SkuWanted("MUG", weight_g=300, volume_mm3=1_000_000), SkuWanted("BOWL", weight_g=500, volume_mm3=2_000_000))))

    def do(self, command: Any, key: str = "") -> dict[str, Any]:
        return self.warehouse.execute(command, key)

    def stock(self, sku: str, quantity: int, place: str = "A00-0", **more: Any) -> None:
        self.do(ReceiveStock(sku, quantity, place, **more))

    def order(self, reference: str, *lines: tuple[str, int], price: int = 100, **more: Any) -> str:
        wanted = tuple(LineWanted(sku, quantity, price_minor=price) for sku, quantity in lines)
        return self.do(PlaceOrder("shop", reference, more.pop("customer", "c1"), "GB", "GBP", wanted, **more))["order_id"]

    def release(self) -> None:
        waving.step(self.warehouse, "main", self.clock.now_ms(), 30 * 86_400_000, 500)

    def plan(self) -> list[Plan]:
        return planning.step(self.warehouse, SShape(), "main", self.clock.now_ms(), 500)

    def take(self, picker: str = "ann") -> list[Tour]:
        tours = [tour for kind in ("bulk", "cart") for tour in self.ledger.find(Tour, "by_state", "main", "open", kind)]
        for tour in tours:
            self.do(TakeTour(tour.tour, picker))
        return [self.ledger.get(Tour, tour.tour) for tour in tours]

    def pick(self) -> None:
        for tour in [*self.ledger.find(Tour, "by_state", "main", "taken")]:
            for pick in self.ledger.find(Pick, "key", tour.tour):
                if pick.state == "open":
                    self.do(ConfirmPick(pick.tour, pick.number, pick.quantity, tour.picker))

    def pack(self) -> list[Parcel]:
        for part in self.ledger.find(Part, "by_state", "main", "picked"):
            self.do(StartPack(part.part, "P1"))
            self.do(ClosePack(part.part))
        labels.step(self.warehouse, Sticker(), 500)
        return self.ledger.find(Parcel, "by_status", "main", "labelled")

    def ship(self) -> list[Parcel]:
        """Walk everything that is reserved onto the truck; give the parcels that left."""
        self.release()
        self.plan()
        self.take()
        self.pick()
        parcels = self.pack()
        for carrier in sorted({parcel.carrier for parcel in parcels}):
            self.do(HandOver(carrier, "M1", tuple(p.parcel for p in parcels if p.carrier == carrier)))
        return [self.ledger.get(Parcel, parcel.parcel) for parcel in parcels]

    def deliver(self, after_ms: int = 3_600_000) -> list[Parcel]:
        parcels = self.ship()
        for parcel in parcels:
            self.do(RecordScan(parcel.tracking, "delivered", self.clock.now_ms() + after_ms, "van", "signature"))
        return [self.ledger.get(Parcel, parcel.parcel) for parcel in parcels]

    def line(self, order_id: str, line: int = 1) -> OrderLine:
        return self.ledger.get(OrderLine, order_id, line)

    def buckets(self, order_id: str, line: int = 1) -> dict[str, int]:
        """The buckets of a line that hold units."""
        names = OrderLine._fields[OrderLine._fields.index("backordered") : -1]
        row = self.line(order_id, line)
        return {name: getattr(row, name) for name in names if getattr(row, name)}

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the journal's events of a kind."""
        return [journal.body_of(event) for event in self.ledger.find(Event, "by_kind", kind)]


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture(scope="session")
def new_floor() -> type[Floor]:
    """To make a floor for each example of a property."""
    return Floor
