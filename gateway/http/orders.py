"""Orders: placed, read, cancelled."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from floorwise.core import journal
from floorwise.core.errors import NotFound
from floorwise.core.flow.entry import MOST_LINES, CancelOrder, LineWanted, PlaceOrder
from floorwise.core.model.journal import Event
from floorwise.core.model.orders import BUCKETS, Order, OrderLine, state_of
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.returns import Rma
from floorwise.core.model.work import Part
from floorwise.gateway.board import row_of
from floorwise.gateway.http.context import Body, Here, Key, Name, Text, Whole
from floorwise.gateway.http.shapes import chosen
from floorwise.gateway.why import why

router = APIRouter(tags=["orders"])

PART_FIELDS = "part kind state tour tote station lines units cut_off_ms released_at_ms state_at_ms"
PARCEL_FIELDS = (
    "parcel sscc tracking carrier carton weight_g status status_at_ms cut_off_ms packed_at_ms handed_over_at_ms delivered_at_ms proof"
)
RETURN_FIELDS = "rma line sku quantity state grade requested_at_ms received_at_ms closed_at_ms refund_minor"
LINE_FIELDS = "line sku unit ordered price_minor paid_minor min_expiry_ms delivered_at_ms replaces_line"
LIST_FIELDS = "order_id channel reference state carrier placed_at_ms cut_off_ms lines units"
ORDER_FIELDS = "order_id channel reference customer country currency owner carrier placed_at_ms cut_off_ms"


class LineIn(Body):
    sku: Name
    quantity: Whole
    unit: Name = "each"
    price_minor: Whole = 0
    source_row: Whole = 0
    min_shelf_life_days: Annotated[int, Field(ge=0, le=36_500, strict=True)] = 0


class OrderIn(Body):
    channel: Name
    reference: Name
    customer: Text
    country: Annotated[Text, Field(max_length=60)]
    currency: Annotated[Text, Field(min_length=3, max_length=3)]
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MOST_LINES)]
    carrier: Name = "paper"
    owner: Name = "house"
    placed_at_ms: Annotated[int, Field(ge=0, le=4_102_444_800_000, strict=True)] = 0  # until 2100
    allow_backorder: Annotated[int, Field(ge=0, le=1, strict=True)] = 1

    def command(self) -> PlaceOrder:
        """The command that this body asks for."""
        return PlaceOrder(**(self.__dict__ | {"lines": tuple([LineWanted(**line.__dict__) for line in self.lines])}))


@router.post("/orders", status_code=201)
async def place_order(body: OrderIn, gateway: Here, response: Response, key: Key = "") -> dict[str, Any]:
    """Accept an order from any channel; units that cannot be promised are backordered, lines that make no sense parked."""
    reply = await gateway.writer.execute(body.command(), key)
    response.status_code = status(reply)
    return reply


def status(reply: dict[str, Any]) -> int:
    """201 for an order that is new, 200 where there is none or was one already."""
    return 200 if reply.get("again") or not reply["order_id"] else 201


@router.get("/orders")
def list_orders(
    gateway: Here,
    state: Text = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: Text = "",
    channel: Text = "",
    reference: Text = "",
) -> dict[str, Any]:
    """Orders, the newest first; with `channel` and `reference` the one that bears them."""
    if channel or reference:
        with gateway.readers.read() as ledger:
            orders = ledger.find(Order, "by_reference", channel, reference, limit=1)
            found = [row_of(order, ledger.find(OrderLine, "key", order.order_id)) for order in orders]
        return {"orders": [chosen(row, LIST_FIELDS) for row in found], "next": ""}
    found, following = gateway.board.orders(state, limit, after)
    return {"orders": [chosen(row, LIST_FIELDS) for row in found], "next": following}


@router.get("/orders/{order_id}")
def read_order(order_id: Text, gateway: Here) -> dict[str, Any]:
    """One order with all that has become of it."""
    numbers = gateway.board.events_of(order_id)
    with gateway.readers.read() as ledger:
        order = ledger.get(Order, order_id)
        if order is None:
            raise NotFound(f"order {order_id} is unknown")
        lines = ledger.find(OrderLine, "key", order_id)
        parts = ledger.find(Part, "by_order", order_id)
        events = [ledger.get(Event, number) for number in numbers]
        return chosen(order, ORDER_FIELDS) | {
            "state": state_of(lines),
            "why": why(ledger, lines, parts),
            "lines": [
                chosen(line, LINE_FIELDS) | {"buckets": {b: units for b in BUCKETS if (units := getattr(line, b))}} for line in lines
            ],
            "parts": [chosen(part, PART_FIELDS) for part in parts],
            "parcels": [chosen(parcel, PARCEL_FIELDS) for parcel in ledger.find(Parcel, "by_order", order_id)],
            "returns": [chosen(rma, RETURN_FIELDS) for line in lines for rma in ledger.find(Rma, "by_line", order_id, line.line)],
            "events": [{"number": e.number, "kind": e.kind, "at_ms": e.at_ms, "body": journal.body_of(e)} for e in events if e],
        }


@router.post("/orders/{order_id}/cancel")
async def cancel_order(order_id: Text, gateway: Here, key: Key = "") -> dict[str, Any]:
    """Cancel every unit that nobody walks for yet."""
    return await gateway.writer.execute(CancelOrder(order_id), key)
