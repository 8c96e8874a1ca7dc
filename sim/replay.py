"""Real orders, from a file's drafts to the door: the same stream as the twin's, fed with what customers really asked for.

What the file does not tell is assumed, by rule: opening stock of a SKU is what was sold of it in the 28 days before the first
day; it is bought anew at a quarter of that, arriving after two days; sizes and weights are drawn (sim.floorplan). Returns are
those of the file: a slip is matched to the latest delivered line of its customer and SKU; while the sale it may belong to is
still on its way it waits.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from floorwise.core.errors import OrderDiffers, Refused
from floorwise.core.flow.entry import LineWanted, ParkRow, PlaceOrder
from floorwise.core.flow.returns import MatchReturn, sale_of
from floorwise.core.model.intake import OrderDraft, ReturnDraft, ReviewRow
from floorwise.core.model.journal import IdempotencyKey, Review
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.returns import Rma
from floorwise.core.ports import Carrier, Ledger
from floorwise.sim import floorplan
from floorwise.sim.chance import Chance
from floorwise.sim.scenario import Carriers, Demand, Faults, Floor, People, Scenario, Supply
from floorwise.sim.twin import Result, Twin

DEMAND_DAYS = 28  # of trailing demand that opening stock covers
SUPPLY = Supply(cover_days=DEMAND_DAYS, lead_days=2.0, reorder_share=0.25)
BAYS, PICK_LEVELS = 50, 2
CREW = People(pickers=30, packers=15)

Draft = OrderDraft | ReturnDraft | ReviewRow


class Account(NamedTuple):
    """Where every row of the file has ended; all figures are read from the file and the ledger, none from counters of the run."""

    lines_accepted: int
    lines_review: int
    lines_returned: int
    orders_placed: int
    orders_delivered: int
    orders_on_time: int  # all that was sent of them left with the truck that they were placed for
    lines_delivered: int
    lines_backordered: int
    lines_cancelled: int
    unaccounted: int


class Replay:
    """One file through one floor. The directory keeps the ledger: a replay that was cut off goes on with it."""

    def __init__(
        self,
        drafts: list[Draft],
        demand_before: Mapping[str, int],
        zone: str,
        seed: int,
        directory: Path | None,
        carrier: Carrier | None = None,
    ) -> None:
        self._drafts = drafts
        orders = [draft for draft in drafts if isinstance(draft, OrderDraft)]
        sold = _units_sold(orders)
        skus = sorted({*sold, *demand_before}, key=lambda sku: (-demand_before.get(sku, 0), -sold.get(sku, 0), sku))
        chance = Chance(seed)
        articles = [floorplan.article(chance, sku) for sku in skus]
        floor = Floor(max(1, ceil(len(skus) / (BAYS * 2 * PICK_LEVELS))), BAYS, PICK_LEVELS)
        homes = floorplan.Homes(floor, skus, {a.sku: a.volume_mm3 for a in articles})
        currency = orders[0].currency if orders else "GBP"
        scenario = Scenario(
            "replay",
            date(1970, 1, 1),
            zone,
            currency,
            1,
            floor,
            Demand(),
            CREW,
            Carriers(),
            SUPPLY,
            Faults(short_share=0.0, return_share=0.0),
        )
        start_ms = next((at for at in map(_time, drafts) if at), 0)
        self.twin = Twin(scenario, seed, homes, directory, carrier, start_ms=start_ms)
        stock = {sku: floorplan.stocking(demand_before.get(sku, 0) / DEMAND_DAYS, SUPPLY) for sku in skus}
        floorplan.build(self.twin.warehouse, floor, zone, currency, scenario.carriers, articles, homes, stock, SUPPLY)
        self._waiting: list[MatchReturn] = []  # slips whose sale may still be on its way
        self.twin.on_delivered.append(self._on_delivered)
        self.twin.office.at_end.append(self._settle)

    def run(self, on_lines: Callable[[int], None] | None = None) -> Result:
        """Let everything of the file happen, and time go on until nothing is in flight; `on_lines` is told lines delivered."""
        if on_lines:
            self.twin.on_delivered.append(lambda parcel, _: on_lines(len(self.twin.ledger.find(ParcelLine, "key", parcel))))
        return self.twin.run(self._feed())

    def _feed(self) -> Iterator[tuple[int, Any]]:
        for draft in self._drafts:
            yield _time(draft), lambda _, draft=draft: self._take_in(draft)

    def _take_in(self, draft: Draft) -> None:
        """Place, match or park. Everything here may be told twice: after a crash the file is fed from its beginning."""
        warehouse = self.twin.warehouse
        if isinstance(draft, ReviewRow):
            warehouse.execute(ParkRow(draft.source, draft.row, draft.column, draft.reason, draft.text, draft.at_ms))
        elif isinstance(draft, ReturnDraft):
            self._waiting.append(
                MatchReturn(
                    draft.customer, draft.sku, draft.quantity, draft.reference, f"{draft.channel}/{draft.reference}", draft.row, draft.at_ms
                )
            )
            self._match(lambda slip: slip.row == draft.row)
        else:
            lines = tuple(LineWanted(line.sku, line.quantity, line.unit, line.price_minor, line.row) for line in draft.lines)
            try:
                warehouse.execute(
                    PlaceOrder(draft.channel, draft.reference, draft.customer, draft.country, draft.currency, lines, floorplan.CARRIER)
                )
            except Refused as refused:
                reason = "differs_from_order" if isinstance(refused, OrderDiffers) else "out_of_range"
                for line in draft.lines:
                    warehouse.execute(ParkRow(f"{draft.channel}/{draft.reference}", line.row, "", reason, str(refused), draft.placed_at_ms))

    def _on_delivered(self, parcel: str, at_ms: int) -> None:
        if self._waiting:
            order = self.twin.ledger.get(Order, self.twin.ledger.get(Parcel, parcel).order_id)
            self._match(lambda slip: slip.customer == order.customer)

    def _match(self, is_meant: Callable[[MatchReturn], bool], is_final: bool = False) -> bool:
        left, has_matched = [], False
        for slip in self._waiting:
            key = f"return/{slip.source}/{slip.row}"
            if is_meant(slip) and (is_final or sale_of(self.twin.ledger, slip) or _is_done(self.twin.ledger, key)):
                reply = self.twin.warehouse.execute(slip, key=key)
                if reply["rma"]:
                    self.twin.office.follow_return(reply["rma"])
                    has_matched = True
            else:
                left.append(slip)
        self._waiting = left
        return has_matched

    def _settle(self) -> bool:
        return self._match(lambda _: True, is_final=True)


def account(ledger: Ledger, drafts: Iterable[Draft]) -> Account:
    """Look up the end of every row of the file in the ledger."""
    slips = {rma.reference for rma in ledger.find(Rma, "key")}
    sums = dict.fromkeys(Account._fields, 0)
    for draft in drafts:
        if isinstance(draft, ReviewRow):
            sums["lines_review" if ledger.get(Review, draft.source, draft.row) else "unaccounted"] += 1
        elif isinstance(draft, ReturnDraft):
            if f"{draft.reference}#{draft.row}" in slips:
                sums["lines_returned"] += 1
            else:
                sums["lines_review" if ledger.get(Review, f"{draft.channel}/{draft.reference}", draft.row) else "unaccounted"] += 1
        else:
            _account_order(ledger, draft, sums)
    return Account(**sums)


def _account_order(ledger: Ledger, draft: OrderDraft, sums: dict[str, int]) -> None:
    found = ledger.find(Order, "by_reference", draft.channel, draft.reference, limit=1)
    lines = {line.source_row: line for line in ledger.find(OrderLine, "key", found[0].order_id)} if found else {}
    ends = []
    for row in draft.lines:
        line = lines.get(row.row)
        if line is None:
            parked = ledger.get(Review, f"{draft.channel}/{draft.reference}", row.row)
            sums["lines_review" if parked else "unaccounted"] += 1
        elif line.sku != row.sku:
            sums["unaccounted"] += 1
        else:
            ends.append(_end(line))
    sums["lines_accepted"] += len(ends)
    for end in ends:
        sums[end] += 1
    if ends:
        sums["orders_placed"] += 1
        sums["orders_delivered"] += "lines_backordered" not in ends and "lines_delivered" in ends
        left = [parcel.handed_over_at_ms for parcel in ledger.find(Parcel, "by_order", found[0].order_id)]
        is_gone = "lines_backordered" not in ends and min(left, default=0) > 0
        sums["orders_on_time"] += is_gone and max(left) <= found[0].cut_off_ms


def _end(line: OrderLine) -> str:
    if line.delivered + line.returned + line.cancelled == line.ordered:
        return "lines_cancelled" if line.cancelled == line.ordered else "lines_delivered"
    return "lines_backordered"


def _units_sold(orders: list[OrderDraft]) -> dict[str, int]:
    sold: dict[str, int] = {}
    for order in orders:
        for line in order.lines:
            sold[line.sku] = sold.get(line.sku, 0) + line.quantity
    return sold


def _time(draft: Draft) -> int:
    return draft.placed_at_ms if isinstance(draft, OrderDraft) else draft.at_ms


def _is_done(ledger: Ledger, key: str) -> bool:
    return ledger.get(IdempotencyKey, key) is not None
