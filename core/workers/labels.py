"""Buys a label for each closed parcel: follows the journal, asks the carrier, records what it gave."""

from floorwise.core import journal
from floorwise.core.failpoints import reach
from floorwise.core.flow.shipping import LABELS, RecordLabel
from floorwise.core.model.journal import Cursor, Event
from floorwise.core.model.labels import LabelWanted
from floorwise.core.ports import Carrier
from floorwise.core.warehouse import Warehouse


def step(warehouse: Warehouse, carrier: Carrier, limit: int) -> int:
    """Deal with up to `limit` wanted labels in the order they were asked for; give how many.

    After a crash the same event is read again: the carrier gives the same label for the same key, and `RecordLabel` notes it once.
    """
    cursor = warehouse.ledger.get(Cursor, LABELS)
    wanted = warehouse.ledger.find(Event, "by_kind", "LabelWanted", after=cursor.number if cursor else 0, limit=limit)
    for event in wanted:
        reach("effects_before_act")
        label = carrier.buy_label(LabelWanted(**journal.body_of(event)))
        reach("effects_after_act")
        warehouse.execute(RecordLabel(event.number, label.key.partition("/")[2], label.tracking, label.document))
    return len(wanted)
