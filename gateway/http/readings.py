"""What devices measured, and where it went beyond a limit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from floorwise.core.model.policies import HOUR_MS
from floorwise.core.model.stored import unit_of
from floorwise.core.ports import Store
from floorwise.gateway.http.context import Gateway, Here, Name, Number, Text
from floorwise.gateway.http.errors import NoStore

router = APIRouter(tags=["readings"])

EXCURSIONS = 500


@router.get("/readings/latest")
def latest(gateway: Here, device: Text = "") -> dict[str, Any]:
    """The last value of each series."""
    found = sorted(_store(gateway).latest().items())
    return {
        "latest": [
            {"device": name, "metric": kind, "value": one.value, "unit": one.unit, "at_ms": one.at_ms, "stale": one.is_stale}
            for (name, kind), one in found
            if device in ("", name)
        ]
    }


@router.get("/readings/live", response_model=None)
def live(gateway: Here):
    """Server-sent events: the last value of every series, then of those that changed, ten times a second at most."""
    return gateway.streams.values(_store(gateway).latest)


@router.get("/devices/{device}")
def read_device(device: Name, gateway: Here) -> dict[str, Any]:
    """What a device speaks for, and what it must not exceed there."""
    if gateway.conditions is None:
        raise NoStore("nothing watches conditions here")
    with gateway.readers.read() as ledger:
        return gateway.conditions.of_device(ledger, device)


@router.get("/readings")
def series(
    gateway: Here,
    device: Name,
    metric: Name,
    from_ms: Number | None = None,
    to_ms: Number | None = None,
    step_ms: Annotated[int, Query(ge=0, le=31_622_400_000)] = 0,
) -> dict[str, Any]:
    """One series between two moments, null where nothing was said for long."""
    until_ms = gateway.clock.now_ms() if to_ms is None else to_ms
    since_ms = max(0, until_ms - HOUR_MS) if from_ms is None else from_ms
    points = _store(gateway).query(device, metric, since_ms, until_ms, step_ms)
    return {"device": device, "metric": metric, "unit": unit_of(metric), "step_ms": step_ms, "points": points}


@router.get("/excursions")
def excursions(gateway: Here, open: bool | None = None) -> dict[str, Any]:
    """Where a limit was passed, the newest first."""
    if gateway.conditions is None:
        raise NoStore("nothing watches conditions here")
    with gateway.readers.read() as ledger:
        return {"excursions": gateway.conditions.excursions(ledger, open, EXCURSIONS)}


def _store(gateway: Gateway) -> Store:
    if gateway.store is None:
        raise NoStore("this gateway runs without a store for readings")
    return gateway.store
