"""Follows what changes the stock position and has the SKUs reviewed for buying."""

from floorwise.core import journal
from floorwise.core.flow.buying import BUYING, KINDS, ReviewStock
from floorwise.core.model.journal import Cursor, Event
from floorwise.core.warehouse import Warehouse


def step(warehouse: Warehouse, limit: int) -> int:
    """Review the SKUs of up to `limit` events of each kind; give how many events were read."""
    cursor = warehouse.ledger.get(Cursor, BUYING)
    since = cursor.number if cursor else 0
    found = sorted(event for kind in KINDS for event in warehouse.ledger.find(Event, "by_kind", kind, after=since, limit=limit))[:limit]
    if found:
        skus = sorted({sku for event in found for sku in _skus(event)})
        warehouse.execute(ReviewStock(tuple(skus), upto=found[-1].number))
    return len(found)


def _skus(event: Event) -> list[str]:
    body = journal.body_of(event)
    return [line[1] for line in body["lines"]] if event.kind == "OrderPlaced" else [body["sku"]]
