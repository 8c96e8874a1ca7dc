"""What a class of goods bears, and what a trace of readings says about it; who was measured by what, and what was found.

Everything is integers: milli-units of the reading's kind (8 °C is 8000) and ms of the device's own clock. `advance` is a pure step over
one look, so the same trace gives the same verdict live, when it comes late in one piece, and when it is played again.

How time is counted: between two looks the worse of them holds, because nobody knows better. Beyond `bridge_ms` without a look
nothing is known: such time is counted as unknown and never as good.
"""

from collections.abc import Iterable
from typing import NamedTuple

from floorwise.core.model.record import Index, record

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
NO_LIMIT = 2**52  # milli-units: no device measures it
SIDES = ("high", "low")


class Limits(NamedTuple):
    """What goods of a class bear of one kind. At the limit is still good."""

    kind: str
    low_milli: int
    high_milli: int
    delay_ms: int  # out of limits for longer than this at one time is an excursion; 0: one look is enough
    budget_ms: int  # … and so is more than this in sum over the whole binding
    bridge_ms: int  # longest time between two looks that still tells what lay between


# Chilled 2-8 °C and frozen below -18 °C are the usual storage classes of food and pharmacy (EU GDP 2013/C 343/01; Regulation (EC)
# 37/2005 lets quick-frozen food reach -15 °C for a short time); ambient is the 15-25 °C of a controlled room with the
# 2-30 °C that transport allows. Delays and budgets are this house's defaults, for a class to be told better.
CLASSES: dict[str, tuple[Limits, ...]] = {
    "ambient": (Limits("temperature_c", 2_000, 30_000, 60 * MINUTE_MS, 24 * HOUR_MS, 60 * MINUTE_MS),),
    "chilled": (
        Limits("temperature_c", 2_000, 8_000, 15 * MINUTE_MS, 60 * MINUTE_MS, 15 * MINUTE_MS),
        Limits("humidity_pct", 0, 85_000, 60 * MINUTE_MS, 12 * HOUR_MS, 60 * MINUTE_MS),
    ),
    "frozen": (Limits("temperature_c", -NO_LIMIT, -15_000, 10 * MINUTE_MS, 20 * MINUTE_MS, 15 * MINUTE_MS),),
    "fragile": (
        Limits("shock_mps2", 0, 250_000, 0, 0, NO_LIMIT),  # 25 g: a fall of about half a metre in a padded carton
        Limits("tilt_deg", 0, 80_000, 5 * MINUTE_MS, 30 * MINUTE_MS, NO_LIMIT),
    ),
    "": (),  # nothing is watched, the trace is kept
}


class Watch(NamedTuple):
    """Where one kind of one binding stands. All times are 0 and `ts` -1 before the first look."""

    ts: int = -1
    milli: int = 0
    side: str = ""  # "high" or "low" while out of limits
    since_ms: int = 0  # when this time out of limits began
    spent_ms: int = 0  # out of limits before it
    peak_milli: int = 0
    is_found: bool = False  # this time out of limits is an excursion
    found: int = 0  # excursions so far
    unknown_ms: int = 0


class Finding(NamedTuple):
    """Goods were out of limits for too long; `to_ms` is 0 while they still are."""

    kind: str
    side: str
    from_ms: int
    to_ms: int
    peak_milli: int
    limit_milli: int


def side_of(milli: int, limits: Limits) -> str:
    """ "high", "low", or "" within limits."""
    return "high" if milli > limits.high_milli else "low" if milli < limits.low_milli else ""


def advance(watch: Watch, ts: int, milli: int, limits: Limits) -> tuple[Watch, list[Finding]]:
    """Take the next look in; give what it shows: excursions that begin to be, and those that end.

    Looks come in order of time (`ts` below the last one is a mistake of the caller); a second look at the same time counts as well.
    """
    assert ts >= watch.ts, "looks come in order of time"
    side, findings = side_of(milli, limits), []
    if watch.ts >= 0 and ts - watch.ts > limits.bridge_ms:
        watch, findings = _end(watch, watch.ts, limits)
        watch = watch._replace(unknown_ms=watch.unknown_ms + ts - watch.ts, ts=-1)
    if watch.side and side != watch.side:
        watch, ended = _end(watch, ts, limits, late=True)
        findings += ended
    if side and not watch.side:
        began = ts if watch.ts < 0 else watch.ts  # it may have left the limits right after the last good look
        watch = watch._replace(side=side, since_ms=began, peak_milli=milli)
    if side:
        peak = max(watch.peak_milli, milli) if side == "high" else min(watch.peak_milli, milli)
        watch = watch._replace(peak_milli=peak)
        if not watch.is_found and _is_too_long(watch, ts, limits):
            watch = watch._replace(is_found=True, found=watch.found + 1)
            findings.append(_finding(watch, 0, limits))
    return watch._replace(ts=ts, milli=milli), findings


def _end(watch: Watch, ts: int, limits: Limits, late: bool = False) -> tuple[Watch, list[Finding]]:
    """Close the time out of limits at `ts`; with `late` the look that closed it may be what makes it too long."""
    if not watch.side:
        return watch, []
    is_found = watch.is_found or (late and _is_too_long(watch, ts, limits))
    findings = [_finding(watch, ts, limits)] if is_found else []
    spent = watch.spent_ms + ts - watch.since_ms
    return watch._replace(side="", spent_ms=spent, is_found=False, found=watch.found + (is_found and not watch.is_found)), findings


def _is_too_long(watch: Watch, ts: int, limits: Limits) -> bool:
    if not limits.delay_ms:
        return True
    return ts - watch.since_ms > limits.delay_ms or watch.spent_ms + ts - watch.since_ms > limits.budget_ms


def _finding(watch: Watch, to_ms: int, limits: Limits) -> Finding:
    limit = limits.high_milli if watch.side == "high" else limits.low_milli
    return Finding(limits.kind, watch.side, watch.since_ms, to_ms, watch.peak_milli, limit)


def judge(looks: Iterable[tuple[int, int]], limits: Limits, from_ms: int = 0, to_ms: int = 0) -> tuple[str, list[Finding], Watch]:
    """Return "excursion", "unknown" or "ok" for a whole trace of (ts, milli), its excursions, and where it ends.

    With `from_ms` and `to_ms` (0 = not told) the trace has to cover that time: silence before the first or after the last look
    that is longer than the bridge is unknown too. No look at all is unknown, never ok. Findings that were extended stand once.
    """
    watch, found = Watch(), {}
    first = None
    for ts, milli in sorted(looks):
        first = ts if first is None else first
        watch, findings = advance(watch, ts, milli, limits)
        for one in findings:
            found[one.side, one.from_ms] = one
    silent = first is None or (from_ms and first - from_ms > limits.bridge_ms) or (to_ms and to_ms - watch.ts > limits.bridge_ms)
    verdict = "excursion" if found else "unknown" if silent or watch.unknown_ms else "ok"
    return verdict, sorted(found.values(), key=lambda one: (one.from_ms, one.side)), watch


@record(
    key="device bound_at_ms",
    indexes=[
        Index("by_subject", "subject bound_at_ms device"),
        Index("by_open", "released_at_ms device", where="released_at_ms = 0"),
    ],
)
class TrackerBinding(NamedTuple):
    """A device measured what is at `subject` from `bound_at_ms` until it was released or bound elsewhere."""

    device: str
    bound_at_ms: int
    subject: str  # a place: a bin, "pallet:…", "parcel:<sscc>"
    product_class: str  # one of CLASSES
    tare_g: int  # a scale: what it shows when nothing is on it
    sigma_g: int  # … and its noise; 0 = not a scale
    released_at_ms: int  # 0 = still bound
    version: int = 0


@record(
    key="excursion",
    indexes=[
        Index("by_subject", "subject device kind side from_ms", unique=True),
        Index("by_state", "site state found_at_ms excursion"),
    ],
)
class Excursion(NamedTuple):
    """What was at a place was out of its limits for too long; the case that somebody has to decide."""

    excursion: str
    site: str
    subject: str
    device: str
    kind: str
    side: str  # one of SIDES
    limit_milli: int
    peak_milli: int
    from_ms: int
    to_ms: int  # 0 = still out of limits
    found_at_ms: int
    state: str  # open, ended, settled
    decision: str  # "", release, reject
    decided_by: str
    exposures: int  # how many rows of Exposure it has
    version: int = 0


@record(
    key="excursion number",
    append_only=True,
    indexes=[
        Index("by_parcel", "parcel excursion", where="parcel <> ''"),
        Index("by_order", "order_id excursion", where="order_id <> ''"),
    ],
)
class Exposure(NamedTuple):
    """Units that were there: held where they lie, or flagged because they belong to an order already."""

    excursion: str
    number: int  # from 1
    what: str  # held, flagged
    place: str  # where they were found
    sku: str
    lot: str
    owner: str
    quantity: int
    order_id: str  # flagged ones
    line: int
    parcel: str
