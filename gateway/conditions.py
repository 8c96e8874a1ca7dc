"""What the ledger knows of trackers and limits, as pages show it: bindings, traces with their limits, excursions with what was exposed."""

from typing import Any

from floorwise.core.model.excursions import CLASSES, NO_LIMIT, Excursion, Exposure, Limits, TrackerBinding, judge
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.policies import MINUTE_MS
from floorwise.core.model.stored import unit_of
from floorwise.core.ports import Ledger, Store
from floorwise.core.workers.sensing import looks_of
from floorwise.gateway.http.shapes import chosen

KINDS = ("temperature_c", "humidity_pct", "shock_mps2", "tilt_deg", "light_lx", "lat_deg", "lon_deg")  # shown of a parcel, in this order
STEPS = 600  # points of one trace at most; a page is no wider
EXPOSURES = 200  # of one excursion in an answer; `exposures` tells how many there are
COUNTED = 10_000
LEAST_STEP_MS = MINUTE_MS
STATES = {True: ("open",), False: ("ended", "settled"), None: ("open", "ended", "settled")}
FIELDS = "excursion subject device kind side limit_milli peak_milli from_ms to_ms found_at_ms state decision decided_by exposures"


class LedgerConditions:
    """See `gateway.http.context.Conditions`."""

    def __init__(self, store: Store, site: str) -> None:
        self._store, self._site = store, site

    def excursions(self, ledger: Ledger, is_open: bool | None, limit: int) -> list[dict[str, Any]]:
        """The newest first, each with what was exposed."""
        found = [row for state in STATES[is_open] for row in ledger.find(Excursion, "by_state", self._site, state, limit=COUNTED)]
        found.sort(key=lambda row: (row.found_at_ms, row.excursion), reverse=True)
        return [self._shown(ledger, row) for row in found[:limit]]

    def counts(self, ledger: Ledger) -> dict[str, int]:
        """open and total; beyond COUNTED of one state they stand still."""
        counts = {state: len(ledger.find(Excursion, "by_state", self._site, state, limit=COUNTED)) for state in STATES[None]}
        return {"open": counts["open"], "total": sum(counts.values())}

    def tracker_of(self, ledger: Ledger, parcel: Parcel) -> str:
        """The device that travels with the parcel, or travelled with it last, or ""."""
        rows = ledger.find(TrackerBinding, "by_subject", parcel.place)
        return rows[-1].device if rows else ""

    def of_parcel(self, ledger: Ledger, parcel: Parcel) -> dict[str, Any]:
        """bindings, series (a trace a kind, with its limits and the verdict so far) and excursions of a parcel, on the way and before."""
        bindings = ledger.find(TrackerBinding, "by_subject", parcel.place)
        names = {row.excursion: None for row in ledger.find(Exposure, "by_parcel", parcel.parcel)}
        names |= {row.excursion: None for row in ledger.find(Excursion, "by_subject", parcel.place)}
        return {
            "bindings": [chosen(row, "device bound_at_ms released_at_ms product_class") for row in bindings],
            "series": [trace for row in bindings for trace in self._traces(row)],
            "excursions": [self._shown(ledger, row) for name in names if (row := ledger.get(Excursion, name))],
        }

    def of_device(self, ledger: Ledger, device: str) -> dict[str, Any]:
        """What the device speaks for now, or spoke for last ("" when it never did), and the limits of its class there."""
        rows = ledger.find(TrackerBinding, "key", device)
        if not rows:
            return {"device": device, "subject": "", "product_class": "", "bound_at_ms": 0, "released_at_ms": 0, "limits": []}
        limits = [
            {"metric": one.kind, "low_milli": _low(one), "high_milli": one.high_milli} for one in CLASSES.get(rows[-1].product_class, ())
        ]
        return chosen(rows[-1], "device subject product_class bound_at_ms released_at_ms") | {"limits": limits}

    def _shown(self, ledger: Ledger, row: Excursion) -> dict[str, Any]:
        exposed = ledger.find(Exposure, "key", row.excursion, limit=EXPOSURES)
        return chosen(row, FIELDS) | {
            "unit": unit_of(row.kind),
            "exposed": [chosen(one, "what place sku lot quantity order_id line parcel") for one in exposed],
        }

    def _traces(self, binding: TrackerBinding) -> list[dict[str, Any]]:
        latest = self._store.latest()
        spoke_ms = max((one.at_ms for (device, _), one in latest.items() if device == binding.device), default=0)
        until_ms = max(binding.bound_at_ms, binding.released_at_ms - 1 if binding.released_at_ms else spoke_ms)
        step_ms = max(LEAST_STEP_MS, (until_ms - binding.bound_at_ms) // STEPS + 1)
        limits = {one.kind: one for one in CLASSES[binding.product_class]}
        traces = []
        for kind in KINDS:
            points = self._store.query(binding.device, kind, binding.bound_at_ms, until_ms, step_ms)
            if points:
                limit = limits.get(kind)
                traces.append(
                    {
                        "device": binding.device, "metric": kind, "unit": unit_of(kind), "points": points,
                        "low_milli": _low(limit) if limit else None,
                        "high_milli": limit.high_milli if limit else None,
                        "verdict": self._verdict(binding, kind, until_ms) if limit else "",
                    }
                )  # fmt: skip
        return traces

    def _verdict(self, binding: TrackerBinding, kind: str, until_ms: int) -> str:
        """excursion, unknown or ok for the binding so far, from every look."""
        limit = next(one for one in CLASSES[binding.product_class] if one.kind == kind)
        looks = looks_of(self._store, binding.device, kind, binding.bound_at_ms, until_ms)
        milli = [(ts, round(value * 1000)) for ts, value in looks]
        return judge(milli, limit, binding.bound_at_ms, binding.released_at_ms)[0]


def _low(limit: Limits) -> int | None:
    return limit.low_milli if limit.low_milli > -NO_LIMIT else None
