"""Whether the gateway lives, is ready, and how it does: for supervisors and for graphs."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from floorwise.core.verify.liveness import backlogs
from floorwise.gateway.http.context import Gateway, Here, Number

router = APIRouter(tags=["process"])
clock_router = APIRouter(tags=["process"])


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    """The process answers."""
    return {"ok": True}


@router.get("/readyz")
def readyz(gateway: Here) -> JSONResponse:
    """Whether work can be given to it."""
    checks = gateway.checks()
    ok = all(check.ok for check in checks)
    return JSONResponse({"ok": ok, "checks": [check.model_dump() for check in checks]}, 200 if ok else 503)


@router.get("/metrics", response_model=None)
def metrics(gateway: Here) -> Response:
    """Figures for Prometheus."""
    registry = CollectorRegistry()
    for collector in (_Figures(gateway), *gateway.collectors):
        registry.register(collector)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@clock_router.get("/clock")
async def read_clock(gateway: Here, waiting: Number | None = None) -> dict[str, Any]:
    """Floor time now, how fast it goes, and which steps an emulator does.

    `waiting` is what an emulated floor has still to tell: a paced clock slows down for it.
    """
    clock = gateway.clock
    if waiting is not None:
        gateway.outside.told(waiting)
    return {
        "now_ms": clock.now_ms(),
        "speed": clock.speed,
        "speed_reached": round(clock.speed_reached, 3),
        "rate": round(clock.rate, 3),
        "kind": clock.kind,
        "emulated": gateway.settings.emulated,
    }


class _Figures:
    """Reads every figure when it is asked for; nothing is counted twice."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self):
        gateway = self._gateway
        writer, board, now_ms = gateway.writer, gateway.board, gateway.clock.now_ms()
        with gateway.readers.read() as ledger:
            waiting, (number, _) = backlogs(ledger, now_ms, gateway.expected), ledger.head
        for name, text, value in (
            ("commands", "Commands done by the writer", writer.commands),
            ("commands_refused", "Commands that were refused", writer.refused),
            ("commits", "Transactions of the writer", writer.commits),
            ("streams_cut", "Event streams ended because their client was slow", gateway.streams.cut),
        ):
            yield CounterMetricFamily(f"floorwise_{name}", text, value)
        events = CounterMetricFamily("floorwise_events", "Events of the journal by kind", labels=["kind"])
        for kind, count in sorted(board.kinds.items()):
            events.add_metric([kind], count)
        yield events
        orders = GaugeMetricFamily("floorwise_orders", "Orders by state", labels=["state"])
        for state, count in board.order_figures(now_ms)["by_state"].items():
            orders.add_metric([state], count)
        yield orders
        for name, unit in (("count", ""), ("oldest_ms", "")):
            family = GaugeMetricFamily(f"floorwise_backlog_{name}", f"Backlogs of floorwise itself: {name}", labels=["name"], unit=unit)
            for backlog in waiting:
                family.add_metric([backlog.name], getattr(backlog, name))
            yield family
        for name, text, value in (
            ("writer_queued", "Commands that wait for the writer", writer.queued),
            ("journal_number", "Number of the last event", number),
            ("floor_time_ms", "Floor time", now_ms),
            ("speed_reached", "Floor time a wall time since the start", gateway.clock.speed_reached),
            ("streams", "Event streams open now", gateway.streams.clients),
        ):
            yield GaugeMetricFamily(f"floorwise_{name}", text, value)
