"""Takes lots out of sale when their date has passed."""

from floorwise.core.flow.counting import ExpireLot
from floorwise.core.model.stock import Lot
from floorwise.core.warehouse import Warehouse


def step(warehouse: Warehouse, now_ms: int, limit: int) -> int:
    """Expire up to `limit` lots, the oldest date first; give how many. Until then nothing of them is promised or planned either."""
    due = warehouse.ledger.find(Lot, "by_expiry", until=now_ms, limit=limit)
    for lot in due:
        warehouse.execute(ExpireLot(lot.sku, lot.lot))
    return len(due)
