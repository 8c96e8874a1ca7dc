"""Turns stored readings into commands: limits watched, weights that have come to rest compared.

`Sensing` holds what it needs in memory and can be made again at any time: give it the bindings and let it read the store's recent
traces (`recall`). What it asks for a second time carries the same key, and so has its effect once.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, NamedTuple

from floorwise.core.errors import BadInput, Refused
from floorwise.core.flow.sensing import SURE, RecordExcursion, RecordWeight
from floorwise.core.model.excursions import CLASSES, HOUR_MS, MINUTE_MS, Finding, Limits, TrackerBinding, Watch, advance
from floorwise.core.model.readings import Reading
from floorwise.core.ports import Ledger, Store
from floorwise.core.warehouse import Warehouse

LOOKS_KEPT = 20_000  # of one kind of one binding, to put late ones in their place; two weeks at one a minute
RECALL_MS = 72 * HOUR_MS  # how far back a start reads the store: an excursion that began before it is told anew from there
LEAST_SPAN_MS = MINUTE_MS  # a question is halved until its answer fits; looks that come faster than this allows are passed over
SETTLED_MS = (30_000, 5 * MINUTE_MS, 15 * MINUTE_MS)  # a weight at rest is compared after these times: confirmations may come late
BINDINGS_KEPT = 3  # of one device: late readings belong to the binding of their own time


class Ask(NamedTuple):
    """A command to execute with its idempotency key."""

    key: str
    command: Any


class _Track:
    """One kind of one binding: the watch, and the looks behind it."""

    __slots__ = ("_base", "_is_behind", "_looks", "_told", "binding", "late", "limits", "too_late", "watch")

    def __init__(self, binding: TrackerBinding, limits: Limits) -> None:
        self.binding, self.limits = binding, limits
        self.watch = self._base = Watch()
        self._looks: list[tuple[int, int]] = []
        self._told: dict[tuple[str, int], tuple[int, int]] = {}
        self._is_behind = False  # a look came late: the watch is to be made again
        self.late = self.too_late = 0

    def look(self, ts: int, milli: int) -> list[Finding]:
        """Take a look in, in its place in time; give what is new. After late looks that waits for `settle`."""
        if ts > self.watch.ts and not self._is_behind:
            self._looks.append((ts, milli))
            self.watch, findings = advance(self.watch, ts, milli, self.limits)
            return self._fresh(findings)
        if ts < self._base.ts:
            self.too_late += 1
            return []
        at = bisect_left(self._looks, (ts, milli))
        if at == len(self._looks) or self._looks[at] != (ts, milli):  # the same again says nothing
            self._looks.insert(at, (ts, milli))
            self.late += 1
            self._is_behind = True
        return []

    def settle(self) -> list[Finding]:
        """Look at the whole trace once more if something came late; give what is new, as it stands at the end."""
        findings: list[Finding] = []
        if self._is_behind:
            watch, found = self._base, {}
            for ts, milli in self._looks:
                watch, some = advance(watch, ts, milli, self.limits)
                found |= {(one.side, one.from_ms): one for one in some}
            self.watch, self._is_behind, findings = watch, False, self._fresh(found.values())
        if len(self._looks) > LOOKS_KEPT:
            half = LOOKS_KEPT // 2
            for old in self._looks[:half]:
                self._base, _ = advance(self._base, *old, self.limits)
            del self._looks[:half]
        return findings

    def _fresh(self, findings: Iterable[Finding]) -> list[Finding]:
        fresh = []
        for one in findings:
            if self._told.get((one.side, one.from_ms)) != (one.to_ms, one.peak_milli):
                self._told[one.side, one.from_ms] = one.to_ms, one.peak_milli
                fresh.append(one)
        return fresh


class _Rest:
    """Where a scale's weight stands still, and how often it was compared there."""

    __slots__ = ("asked", "count", "first_g", "since_ms", "total_g")

    def __init__(self, ts: int, gross_g: float) -> None:
        self.since_ms, self.first_g, self.total_g, self.count, self.asked = ts, gross_g, gross_g, 1, 0


class Sensing:
    """Give it stored readings in any order; it gives what to ask of the warehouse."""

    def __init__(self, bindings: Iterable[TrackerBinding] = ()) -> None:
        self._bindings: dict[str, list[TrackerBinding]] = {}
        self._tracks: dict[tuple[str, int, str], _Track] = {}
        self._rests: dict[tuple[str, int], _Rest] = {}
        self.bind(bindings)

    def bind(self, bindings: Iterable[TrackerBinding]) -> None:
        """Take bindings as they now stand; of each device the last BINDINGS_KEPT are remembered."""
        for one in bindings:
            kept = [old for old in self._bindings.get(one.device, ()) if old.bound_at_ms != one.bound_at_ms]
            kept = sorted([*kept, one], key=lambda row: row.bound_at_ms)
            for gone in kept[:-BINDINGS_KEPT]:
                self._rests.pop((gone.device, gone.bound_at_ms), None)
                for limits in CLASSES[gone.product_class]:
                    self._tracks.pop((gone.device, gone.bound_at_ms, limits.kind), None)
            self._bindings[one.device] = kept[-BINDINGS_KEPT:]

    def take(self, readings: Iterable[Reading]) -> list[Ask]:
        """What these readings ask for, in their order; what late ones change comes last."""
        asks: list[Ask] = []
        touched: dict[int, _Track] = {}
        for reading in readings:
            binding = self._binding_at(reading.device, reading.ts)
            if binding is not None:
                self._watch(reading, binding, asks, touched)
                if binding.sigma_g and isinstance(gross := reading.values.get("gross_g"), float):
                    self._weigh(reading, binding, gross, asks)
        for track in touched.values():
            asks += [_excursion(track.binding, one) for one in track.settle()]
        return asks

    def recall(self, store: Store, now_ms: int, devices: Iterable[str] = ()) -> list[Ask]:
        """Read what devices (none named: all) said lately under the bindings known here, as after a start or a late binding.

        The asks repeat what was asked before and miss nothing since.
        """
        asks: list[Ask] = []
        for device in sorted(devices or self._bindings):
            for binding in self._bindings.get(device, ()):
                start, end = max(binding.bound_at_ms, now_ms - RECALL_MS), min(now_ms, (binding.released_at_ms or now_ms + 1) - 1)
                for limits in CLASSES[binding.product_class]:
                    looks = looks_of(store, device, limits.kind, start, end) if start <= end else []
                    asks += self.take(Reading(device, 0, 0, ts, {limits.kind: value}) for ts, value in looks)
        return asks

    def watch_of(self, device: str, kind: str) -> Watch | None:
        """Where a kind of the device's present binding stands; None when it is not watched or has said nothing."""
        rows = self._bindings.get(device)
        track = self._tracks.get((device, rows[-1].bound_at_ms, kind)) if rows else None
        return track.watch if track else None

    def _binding_at(self, device: str, ts: int) -> TrackerBinding | None:
        for one in reversed(self._bindings.get(device, ())):
            if one.bound_at_ms <= ts and (not one.released_at_ms or ts < one.released_at_ms):
                return one
        return None

    def _watch(self, reading: Reading, binding: TrackerBinding, asks: list[Ask], touched: dict[int, _Track]) -> None:
        for limits in CLASSES[binding.product_class]:
            value = reading.values.get(limits.kind)
            if not isinstance(value, float):
                continue
            key = binding.device, binding.bound_at_ms, limits.kind
            track = self._tracks.get(key)
            if track is None:
                track = self._tracks[key] = _Track(binding, limits)
            touched[id(track)] = track
            asks += [_excursion(binding, one) for one in track.look(reading.ts, round(value * 1000))]

    def _weigh(self, reading: Reading, binding: TrackerBinding, gross_g: float, asks: list[Ask]) -> None:
        key = binding.device, binding.bound_at_ms
        rest = self._rests.get(key)
        if rest is None or abs(gross_g - rest.first_g) > SURE * binding.sigma_g or reading.ts < rest.since_ms:
            self._rests[key] = _Rest(reading.ts, gross_g)
            return
        rest.total_g, rest.count = rest.total_g + gross_g, rest.count + 1
        if rest.asked < len(SETTLED_MS) and reading.ts - rest.since_ms >= SETTLED_MS[rest.asked]:
            rest.asked += 1
            weight_g = round(rest.total_g / rest.count) - binding.tare_g
            name = f"weight/{reading.device}/{reading.boot}/{reading.seq}"
            asks.append(Ask(name, RecordWeight(binding.subject, weight_g, binding.sigma_g, reading.device, reading.ts)))


def _excursion(binding: TrackerBinding, found: Finding) -> Ask:
    name = f"excursion/{binding.device}/{found.kind}/{found.side}/{found.from_ms}/{found.to_ms}/{found.peak_milli}"
    words = (binding.subject, found.kind, found.from_ms, found.to_ms, found.peak_milli, found.limit_milli, binding.device, found.side)
    return Ask(name, RecordExcursion(*words))


def looks_of(store: Store, device: str, kind: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
    """Every look of a measured kind as (ts, value), in order, however many there are."""
    try:
        return [(point.at_ms, point.value) for point in store.query(device, kind, from_ms, to_ms) if point is not None]
    except BadInput:
        if to_ms - from_ms < LEAST_SPAN_MS:
            return []
    middle = (from_ms + to_ms) // 2
    return looks_of(store, device, kind, from_ms, middle) + looks_of(store, device, kind, middle + 1, to_ms)


def bindings_of(ledger: Ledger) -> list[TrackerBinding]:
    """The bindings that are open, by device."""
    return ledger.find(TrackerBinding, "by_open", 0)


def step(warehouse: Warehouse, sensing: Sensing, readings: Iterable[Reading]) -> int:
    """Do what these readings ask for; give how many commands ran. One that is refused (its subject has gone) is passed over."""
    done = 0
    sensing.bind(bindings_of(warehouse.ledger))
    for ask in sensing.take(readings):
        try:
            warehouse.execute(ask.command, ask.key)
            done += 1
        except Refused:
            continue
    return done
