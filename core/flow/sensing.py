"""Sensing: devices are bound to what they measure; excursions put what was exposed on hold, weights that disagree ask for a count.

Scope is exposure, never the lot: what lies at the place, in the units that stand there, and what was picked from it since the excursion
began. Stock is held where it lies; what belongs to an order already is flagged. A weight never edits stock.
"""

from collections.abc import Callable
from typing import NamedTuple

from floorwise.core import journal
from floorwise.core.errors import BadInput, Conflict, NotFound, StockConflict, WrongState
from floorwise.core.flow import books
from floorwise.core.flow.counting import ChangeStatus, change_status, open_task
from floorwise.core.model import events
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.core.model.catalog import Sku
from floorwise.core.model.excursions import CLASSES, SIDES, Excursion, Exposure, TrackerBinding
from floorwise.core.model.handling import HandlingUnit, unit_of
from floorwise.core.model.journal import Event, Head
from floorwise.core.model.parcels import Parcel, ParcelLine
from floorwise.core.model.readings import KINDS, Number, is_device_name
from floorwise.core.model.stock import STOCK_UNITS, Balance, place_kind
from floorwise.core.model.work import Pick, Tour
from floorwise.core.ports import Desk

MOST_UNITS = 10_000  # handling units within an exposed place
LOOK_BACK = 20_000  # PickConfirmed events searched for what has left an exposed place
MOST_TASKS = 10  # count tasks that one weight opens
SURE = 4  # standard deviations of the scale: 1 of 16,000 weighings of the right stock is beyond them
CHANGES = ("PickConfirmed", "StockReceived", "StockCounted", "StockMoved")  # tell of goods that come to or leave a bin
CHANGES_LOOKED_AT = 2_000  # of the newest events: more than come in while a weight is on its way
DECISIONS = {"release": "available", "reject": "damaged"}


class BindTracker(NamedTuple):
    """A device measures what is at `subject` from `at_ms` on: a bin, a handling unit, a parcel (name or SSCC)."""

    device: str
    subject: str
    product_class: str = ""
    tare_g: int = 0
    sigma_g: int = 0
    at_ms: int = 0


class UnbindTracker(NamedTuple):
    """A device measures nothing of ours any more."""

    device: str
    at_ms: int = 0


class RecordExcursion(NamedTuple):
    """What is at `subject` was out of its limits from `from_ms` on, until `to_ms` (0 = it still is)."""

    subject: str
    kind: str
    from_ms: int
    to_ms: int
    peak_milli: int
    limit_milli: int
    device: str
    side: str = "high"


class SettleExcursion(NamedTuple):
    """Somebody who may has decided: `release` what is held for it, or `reject` it."""

    excursion: str
    decision: str
    decided_by: str


class RecordWeight(NamedTuple):
    """What lies at a place weighs `weight_g`, tare taken off, by a scale whose noise is `sigma_g`."""

    place: str
    weight_g: int
    sigma_g: int
    device: str = ""
    at_ms: int = 0


def bind_tracker(desk: Desk, told: BindTracker) -> dict:
    """Bind; a device that was bound elsewhere is released there at the same moment, the same binding again changes nothing.

    BadInput for a name no device can have and for an unknown class; NotFound when the subject is not there.
    """
    if not is_device_name(told.device) or told.product_class not in CLASSES or told.tare_g < 0 or told.sigma_g < 0:
        known = ", ".join(sorted(filter(None, CLASSES)))
        raise BadInput(f"binding of {told.device!r}: a device name, a class of {known} or none, and weights of 0 g or more are needed")
    subject = _subject(desk, told.subject)
    at_ms = told.at_ms or desk.now_ms
    for row in _open_bindings(desk, told.device):
        if (row.subject, row.product_class, row.tare_g, row.sigma_g) == (subject, told.product_class, told.tare_g, told.sigma_g):
            return {"device": row.device, "subject": subject, "again": 1}
        if row.bound_at_ms >= at_ms:
            raise WrongState(f"{told.device} is bound to {row.subject} since {row.bound_at_ms}; {at_ms} is not later")
        _release(desk, row, at_ms)
    if not desk.ledger.insert(TrackerBinding(told.device, at_ms, subject, told.product_class, told.tare_g, told.sigma_g, 0)):
        raise WrongState(f"{told.device} was bound and released at {at_ms} already; a binding needs a moment of its own")
    desk.tell(events.TrackerBound(told.device, subject, told.product_class, at_ms))
    return {"device": told.device, "subject": subject}


def unbind_tracker(desk: Desk, told: UnbindTracker) -> dict:
    """End the binding; a device that is not bound is released already."""
    found = _open_bindings(desk, told.device)
    for row in found:
        _release(desk, row, max(row.bound_at_ms, told.at_ms or desk.now_ms))
    return {"released": len(found)}


def record_excursion(desk: Desk, told: RecordExcursion) -> dict:
    """Open the case, hold or flag what was exposed, or add to the case what is new; the same again changes nothing.

    The case is named by (subject, device, kind, side, from_ms). What is new is a worse peak, an end, and what has come to the place
    since: as long as it was out of limits, that is exposed too. A case ends with its binding at the latest.
    """
    rule = KINDS.get(told.kind)
    is_fit = isinstance(rule, Number) and told.side in SIDES and told.from_ms > 0 and (not told.to_ms or told.to_ms >= told.from_ms)
    if not is_fit or max(abs(told.peak_milli), abs(told.limit_milli)) > LARGEST_INTEGER:
        raise BadInput(f"excursion of {told.subject}: {told.kind} {told.side} from {told.from_ms} to {told.to_ms} makes no sense")
    subject = _subject(desk, told.subject)
    to_ms = told.to_ms or _released_at(desk, told.device, subject, told.from_ms)
    known = desk.ledger.find(Excursion, "by_subject", subject, told.device, told.kind, told.side, told.from_ms)
    if known:
        return _extend(desk, known[0], told, told.to_ms or known[0].to_ms or to_ms)
    name = desk.ids.new("excursion")
    exposed = _expose(desk, name, 0, subject, told.from_ms)
    row = Excursion(
        name, desk.site, subject, told.device, told.kind, told.side, told.limit_milli, told.peak_milli, told.from_ms, to_ms,
        desk.now_ms, "ended" if to_ms else "open", "", "", len(exposed),
    )  # fmt: skip
    if not desk.ledger.insert(row):
        raise Conflict(f"excursion of {subject} from {told.from_ms} was recorded by another writer")
    desk.tell(
        events.ExcursionFound(
            name, subject, told.device, told.kind, told.side, told.from_ms, to_ms, told.peak_milli, told.limit_milli, _told(exposed)
        )
    )
    return {"excursion": name, "exposed": len(exposed)}


def follow_held(desk: Desk, source: str, pick: Pick, quantity: int, target: str) -> None:
    """Units that were held at `source` lie at `target` now: each undecided case that holds them there holds them here too."""
    for state in ("ended", "open"):
        for case in desk.ledger.find(Excursion, "by_state", desk.site, state):
            rows = desk.ledger.find(Exposure, "key", case.excursion)
            alike = (source, pick.sku, pick.lot, pick.owner)
            if not any(row.what == "held" and (row.place, row.sku, row.lot, row.owner) == alike for row in rows):
                continue
            words = (target, pick.sku, pick.lot, pick.owner, quantity, pick.order_id, pick.line, "")
            moved = Exposure(case.excursion, case.exposures + 1, "held", *words)
            desk.ledger.insert(moved)
            desk.ledger.change(case, exposures=moved.number)
            desk.tell(events.ExcursionExtended(case.excursion, case.subject, case.to_ms, case.peak_milli, _told([moved])))


def settle_excursion(desk: Desk, wanted: SettleExcursion) -> dict:
    """Decide the case: units still held for it become available or damaged. What has moved on since is left to whoever moved it.

    WrongState while it still is out of limits, and when it is decided already.
    """
    row = desk.ledger.get(Excursion, wanted.excursion)
    if row is None:
        raise NotFound(f"excursion {wanted.excursion!r} is unknown")
    if wanted.decision not in DECISIONS or not wanted.decided_by:
        raise BadInput(f"excursion {row.excursion}: decide {' or '.join(DECISIONS)}, and say who decides")
    if row.state != "ended":
        raise WrongState(f"excursion {row.excursion} is {row.state}; it can be decided once, after it has ended")
    units = 0
    for one in desk.ledger.find(Exposure, "key", row.excursion):
        if one.what == "held":
            status, cause = DECISIONS[wanted.decision], f"{row.excursion} {wanted.decision}"
            units += _change(desk, ChangeStatus(one.place, one.sku, "held", status, cause, one.quantity, one.lot, one.owner))
    desk.ledger.change(row, state="settled", decision=wanted.decision, decided_by=wanted.decided_by)
    desk.tell(events.ExcursionSettled(row.excursion, row.subject, wanted.decision, wanted.decided_by, units))
    return {"excursion": row.excursion, "units": units}


def record_weight(desk: Desk, told: RecordWeight) -> dict:
    """Compare with what the books say lies there, and open a count when the difference is no noise. Nothing else changes.

    A difference counts beyond SURE standard deviations of the scale and beyond half the lightest piece, plus what catch-weight
    pieces may differ by. While somebody walks a tour with an open pick there, and when the books of the place have changed since
    `at_ms`, nothing is said: `unsettled`.
    """
    if told.sigma_g < 0 or place_kind(told.place) not in ("bin", *STOCK_UNITS):
        raise BadInput(f"weight of {told.place}: a bin, pallet or case, and a noise of 0 g or more")
    _subject(desk, told.place)
    for pick in desk.ledger.find(Pick, "by_place", told.place):
        if desk.ledger.get(Tour, pick.tour).state == "taken":
            return {"differs": 0, "unsettled": 1}
    if told.at_ms and _has_changed_since(desk, told.place, told.at_ms):
        return {"differs": 0, "unsettled": 1}
    there: dict[tuple[str, str, str], int] = {}
    for place in _places_at(desk, told.place):
        for row in desk.ledger.find(Balance, "key", place):
            key = row.sku, row.lot, row.owner
            there[key] = there.get(key, 0) + row.on_hand
    skus = {sku: desk.ledger.get(Sku, sku) for sku, _, _ in there}
    expected = sum(units * skus[sku].weight_g for (sku, _, _), units in there.items())
    spread = sum(units * skus[sku].tolerance_g for (sku, _, _), units in there.items() if skus[sku].is_catch_weight)
    lightest = min((sku.weight_g for sku in skus.values() if sku.weight_g > 0), default=0)
    bound = max(SURE * told.sigma_g, lightest // 2) + spread
    difference = told.weight_g - expected
    if abs(difference) <= bound:
        return {"differs": 0, "expected_g": expected}
    cause = f"{told.device or 'a scale'} weighs {told.weight_g} g, the books say {expected} g"
    suspects = [key for key in sorted(there) if _explains(difference, skus[key[0]].weight_g, SURE * told.sigma_g)] or sorted(there)
    tasks = [open_task(desk, told.place, sku, lot, owner, there[sku, lot, owner], cause) for sku, lot, owner in suspects[:MOST_TASKS]]
    desk.tell(events.WeightDiffers(told.place, told.device, told.weight_g, expected, told.sigma_g, tasks))
    return {"differs": 1, "expected_g": expected, "tasks": tasks}


def _has_changed_since(desk: Desk, place: str, at_ms: int) -> bool:
    """Whether the newest events tell of goods that came to or went from a place at `at_ms` or later: then the weight is of before."""
    heads = desk.ledger.find(Head, "key", limit=1)
    after = max(0, heads[0].number - CHANGES_LOOKED_AT) if heads else 0
    for kind in CHANGES:
        for event in desk.ledger.find(Event, "by_kind", kind, after=after):
            body = journal.body_of(event) if event.at_ms >= at_ms else {}
            if place in (body.get("place"), body.get("source"), body.get("target")):
                return True
    return False


def _explains(difference_g: int, piece_g: int, noise_g: int) -> bool:
    """Whether whole pieces of this weight make up the difference, but for the scale's noise."""
    if piece_g <= 0:
        return False
    pieces = (abs(difference_g) + piece_g // 2) // piece_g
    return pieces > 0 and abs(abs(difference_g) - pieces * piece_g) <= noise_g


def _extend(desk: Desk, row: Excursion, told: RecordExcursion, to_ms: int) -> dict:
    if row.state == "settled":
        return {"excursion": row.excursion, "again": 1}
    peak = max(row.peak_milli, told.peak_milli) if row.side == "high" else min(row.peak_milli, told.peak_milli)
    state = "ended" if to_ms else "open"
    exposed = _expose(desk, row.excursion, row.exposures, row.subject, row.from_ms) if row.state == "open" else []
    if (peak, to_ms, state) == (row.peak_milli, row.to_ms, row.state) and not exposed:
        return {"excursion": row.excursion, "again": 1}
    desk.ledger.change(row, peak_milli=peak, to_ms=to_ms, state=state, exposures=row.exposures + len(exposed))
    desk.tell(events.ExcursionExtended(row.excursion, row.subject, to_ms, peak, _told(exposed)))
    return {"excursion": row.excursion, "exposed": len(exposed)}


def _expose(desk: Desk, excursion: str, number: int, subject: str, from_ms: int) -> list[Exposure]:
    """Hold or flag what is exposed and is not told yet; numbers go on from `number`."""
    told = {(row.place, row.sku, row.lot, row.order_id, row.line) for row in desk.ledger.find(Exposure, "key", excursion)}
    rows: list[Exposure] = []

    def note(
        what: str, place: str, sku: str, lot: str, owner: str, quantity: int, order_id: str = "", line: int = 0, parcel: str = ""
    ) -> None:
        if what == "held" or (place, sku, lot, order_id, line) not in told:
            told.add((place, sku, lot, order_id, line))
            rows.append(Exposure(excursion, number + len(rows) + 1, what, place, sku, lot, owner, quantity, order_id, line, parcel))

    for place in _places_at(desk, subject):
        if place_kind(place) in ("bin", *STOCK_UNITS):
            for sku, lot, owner in sorted({(r.sku, r.lot, r.owner) for r in _held_there(desk, place)}):
                units = _change(desk, ChangeStatus(place, sku, "available", "held", f"excursion {excursion}", 0, lot, owner))
                if units:
                    note("held", place, sku, lot, owner, units)
        else:
            _flag_contents(desk, place, note)
    if place_kind(subject) in ("bin", *STOCK_UNITS):
        for body in _picked_since(desk, subject, from_ms):
            packed = desk.ledger.find(ParcelLine, "by_line", body["order_id"], body["line"])
            parcel = packed[-1].parcel if packed else ""
            note("flagged", body["tote"], body["sku"], body["lot"], "", body["quantity"], body["order_id"], body["line"], parcel)
    for row in rows:
        desk.ledger.insert(row)
    return rows


def _flag_contents(desk: Desk, place: str, note: Callable[..., None]) -> None:
    """What is in a parcel or tote belongs to an order: nobody can hold it, whoever decides has to know of it."""
    parcels = desk.ledger.find(Parcel, "by_sscc", unit_of(place), limit=1) if place_kind(place) == "parcel" else []
    for parcel in parcels:
        for row in desk.ledger.find(ParcelLine, "key", parcel.parcel):
            note("flagged", place, row.sku, "", "", row.quantity, row.order_id, row.line, parcel.parcel)
    for row in () if parcels else _held_there(desk, place):
        note("flagged", place, row.sku, row.lot, row.owner, row.on_hand)


def _held_there(desk: Desk, place: str) -> list[Balance]:
    return [row for row in desk.ledger.find(Balance, "key", place) if row.on_hand > 0 and row.status == "available"]


def _picked_since(desk: Desk, place: str, from_ms: int) -> list[dict]:
    """Bodies of picks from this place that were done at `from_ms` or later."""
    heads = desk.ledger.find(Head, "key", limit=1)
    last = heads[0].number if heads else 0
    found = desk.ledger.find(Event, "by_kind", "PickConfirmed", after=max(0, last - LOOK_BACK))
    bodies = [journal.body_of(event) for event in found if event.at_ms >= from_ms]
    return [body for body in bodies if body["place"] == place and body["done_at_ms"] >= from_ms and body["quantity"]]


def _places_at(desk: Desk, subject: str) -> list[str]:
    """The place itself and the places that are units within it, each after its parent."""
    found = [subject]
    for place in found:
        if len(found) > MOST_UNITS:
            raise WrongState(f"{subject} holds more than {MOST_UNITS:,} units")
        found += [unit.place for unit in desk.ledger.find(HandlingUnit, "by_parent", place)]
    return found


def _change(desk: Desk, wanted: ChangeStatus) -> int:
    """Units that changed; fewer than wanted lie there when somebody moved them since, then those."""
    rows = desk.ledger.find(Balance, "key", wanted.place, wanted.sku, wanted.lot)
    there = sum(row.on_hand for row in rows if row.owner == wanted.owner and row.status == wanted.status)
    quantity = min(wanted.quantity, there) if wanted.quantity else there
    if not quantity:
        return 0
    try:
        return change_status(desk, wanted._replace(quantity=quantity))["changed"]
    except StockConflict:  # an expired lot stays expired
        return 0


def _subject(desk: Desk, text: str) -> str:
    """The place that a subject names; NotFound when there is none."""
    parcel = desk.ledger.get(Parcel, text) or next(iter(desk.ledger.find(Parcel, "by_sscc", text, limit=1) if text else []), None)
    if parcel is not None:
        return parcel.place
    unit = desk.ledger.get(HandlingUnit, text)
    if unit is not None:
        return unit.place
    kind = place_kind(text)
    if kind == "bin":
        return books.location_at(desk, text).location
    if kind == "virtual" or books.unit_at(desk, unit_of(text)).place != text:
        raise NotFound(f"{text!r} is no bin, handling unit or parcel")
    return text


def _open_bindings(desk: Desk, device: str) -> list[TrackerBinding]:
    return desk.ledger.find(TrackerBinding, "by_open", 0, device)


def _release(desk: Desk, row: TrackerBinding, at_ms: int) -> None:
    """End a binding, and with it what is still out of limits by it: nobody will say that it is well again."""
    desk.ledger.change(row, released_at_ms=at_ms)
    desk.tell(events.TrackerReleased(row.device, row.subject, at_ms))
    for case in desk.ledger.find(Excursion, "by_subject", row.subject, row.device):
        if case.state == "open":
            to_ms = max(case.from_ms, at_ms)
            desk.ledger.change(case, to_ms=to_ms, state="ended")
            desk.tell(events.ExcursionExtended(case.excursion, case.subject, to_ms, case.peak_milli, []))


def _released_at(desk: Desk, device: str, subject: str, from_ms: int) -> int:
    """When the binding ended under which the device measured this at `from_ms`; 0 while it lasts."""
    rows = desk.ledger.find(TrackerBinding, "key", device, until=from_ms)
    return max(from_ms, rows[-1].released_at_ms) if rows and rows[-1].subject == subject and rows[-1].released_at_ms else 0


def _told(exposed: list[Exposure]) -> list[list[int | str]]:
    return [[row.what, row.place, row.sku, row.lot, row.quantity, row.order_id, row.line] for row in exposed]
