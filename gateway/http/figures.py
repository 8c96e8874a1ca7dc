"""The numbers of the floor at one moment; each is what a query would give."""

from typing import Any

from fastapi import APIRouter

from floorwise.core.model.parcels import RANK, Parcel
from floorwise.core.model.policies import HOUR_MS
from floorwise.core.model.returns import Rma
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import CountTask, Part, Tour
from floorwise.core.ports import Ledger
from floorwise.core.verify.liveness import backlogs
from floorwise.gateway.http.context import Gateway, Here

router = APIRouter(tags=["figures"])

COUNTED = 10_000  # of one kind; a floor that has more of anything to do has other worries


@router.get("/figures")
def read_figures(gateway: Here) -> dict[str, Any]:
    """Orders, lines, work, shipments, readings, backlogs."""
    now_ms, clock, board, site = gateway.clock.now_ms(), gateway.clock, gateway.board, gateway.settings.site
    with gateway.readers.read() as ledger:
        number, head = ledger.head
        work, statuses = _work(ledger, site), _statuses(ledger, site)
        waiting = backlogs(ledger, now_ms, gateway.expected)
        excursions = gateway.conditions.counts(ledger) if gateway.conditions else {"open": None, "total": None}
    readings = gateway.intake_figures() if gateway.intake_figures else dict.fromkeys(("stored", "per_second", "devices", "dead_letters"))
    statuses["delivered"] = board.kinds["ParcelDelivered"]
    return {
        "now_ms": now_ms,
        "speed": clock.speed,
        "speed_reached": round(clock.speed_reached, 3),
        "rate": round(clock.rate, 3),
        "journal_number": number,
        "journal_head": head,
        "orders": board.order_figures(now_ms),
        "lines": {
            "picked": board.kinds["PickConfirmed"],
            "short": board.kinds["PickShort"],
            "per_hour": len(board.picks_since(now_ms - HOUR_MS)),
        },
        "work": work,
        "shipments": {"by_status": {status: count for status, count in statuses.items() if count}},
        "readings": readings,
        "excursions": excursions,
        "backlogs": [backlog._asdict() | {"ok": backlog.ok} for backlog in waiting],
        "writer": writer_figures(gateway),
        "emulated": gateway.settings.emulated,
    }


def writer_figures(gateway: Gateway) -> dict[str, int]:
    """What the writer has done since this process started."""
    writer = gateway.writer
    return {"queued": writer.queued, "commands": writer.commands, "refused": writer.refused, "commits": writer.commits}


def _work(ledger: Ledger, site: str) -> dict[str, int]:
    def count(record: type, index: str, *prefix: str) -> int:
        return len(ledger.find(record, index, site, *prefix, limit=COUNTED))

    return {
        "parts_waiting": count(Part, "by_state", "waiting"),
        "tours_open": count(Tour, "by_state", "open"),
        "tours_taken": count(Tour, "by_state", "taken"),
        "parts_picked": count(Part, "by_state", "picked"),
        "parts_packing": count(Part, "by_state", "packing"),
        "parcels_labelled": count(Parcel, "by_status", "labelled"),
        "counts_open": count(CountTask, "by_state", "open"),
        "purchases_open": count(Purchase, "by_expected"),
        "returns_open": sum(count(Rma, "by_state", state) for state in ("approved", "received", "graded")),
    }


def _statuses(ledger: Ledger, site: str) -> dict[str, int]:
    return {status: len(ledger.find(Parcel, "by_status", site, status, limit=COUNTED)) for status in RANK if status != "delivered"}
