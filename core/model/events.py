"""What the journal tells: one NamedTuple an event, named as it stands in the journal.

Fields are integers, strings and lists of these. Personal data stays out: a customer is a pseudonym, an address is a country.
"""

from typing import NamedTuple


class SiteAdded(NamedTuple):
    site: str
    zone: str
    locations: int


class CatalogueChanged(NamedTuple):
    skus: int
    pack_levels: int
    carriers: int
    rules: int


class OrderPlaced(NamedTuple):
    order_id: str
    channel: str
    reference: str
    customer: str
    country: str
    carrier: str
    cut_off_ms: int
    lines: list[list[int | str]]  # [line, sku, ordered, reserved, backordered]


class OrderCancelled(NamedTuple):
    order_id: str
    units: int


class RowParked(NamedTuple):
    source: str
    row: int
    column: str
    reason: str


class RowMended(NamedTuple):
    source: str
    row: int
    order_id: str
    line: int


class BackorderFilled(NamedTuple):
    order_id: str
    line: int
    sku: str
    quantity: int


class ReservationShrunk(NamedTuple):
    order_id: str
    line: int
    sku: str
    quantity: int
    cause: str


class StockReceived(NamedTuple):
    sku: str
    lot: str
    quantity: int
    place: str
    source: str
    reference: str


class StockMoved(NamedTuple):
    sku: str
    lot: str
    quantity: int
    source: str
    target: str
    cause: str


class StatusChanged(NamedTuple):
    sku: str
    lot: str
    quantity: int
    place: str
    status: str
    to_status: str
    cause: str


class UnitBuilt(NamedTuple):
    unit: str
    kind: str
    parent: str


class UnitMoved(NamedTuple):
    unit: str
    source: str
    target: str
    cause: str


class UnitOpened(NamedTuple):
    unit: str
    place: str
    loose: int


class UnitChanged(NamedTuple):
    unit: str
    state: str
    cause: str


class OrderReleased(NamedTuple):
    order_id: str
    parts: list[list[int | str]]  # [part, kind, lines, units]


class ToursReleased(NamedTuple):
    planner: str
    length_mm: int
    lower_bound_mm: int  # of any plan for the same parts; 0 = none known
    tours: list[str]
    planned: int  # parts that walk now
    unplanned: list[list[str]]  # [part, reason], the first of them
    took_ms: int  # wall time the planner took; 0 = not measured, as in the twin
    cause: str  # why it is a fall-back; "" = it is none


class TourReleased(NamedTuple):
    tour: str
    kind: str
    parts: list[str]
    length_mm: int
    picks: list[list[int | str]]  # [number, place, sku, lot, quantity, part, line]


class PartJoined(NamedTuple):
    tour: str
    part: str
    extra_walk_mm: int


class StopsAdded(NamedTuple):
    tour: str
    cause: str
    picks: list[list[int | str]]  # as in TourReleased


class TourTaken(NamedTuple):
    tour: str
    picker: str


class TourLeft(NamedTuple):
    tour: str
    picker: str  # who walked it
    cause: str
    open_picks: int


class AisleBlocked(NamedTuple):
    aisle: int
    cause: str


class AisleOpened(NamedTuple):
    aisle: int


class TourChanged(NamedTuple):
    tour: str
    picker: str
    revision: int


class PickConfirmed(NamedTuple):
    tour: str
    number: int
    order_id: str
    line: int
    sku: str
    lot: str
    place: str
    quantity: int
    tote: str
    picker: str
    done_at_ms: int


class PickShort(NamedTuple):
    tour: str
    number: int
    order_id: str
    line: int
    sku: str
    place: str
    found: int
    missing: int


class ExpiryOverridden(NamedTuple):
    tour: str
    number: int
    sku: str
    lot: str
    override_by: str  # "role/name"


class LotExpired(NamedTuple):
    sku: str
    lot: str
    expires_at_ms: int
    quantity: int


class StockWeighed(NamedTuple):
    sku: str
    lot: str
    pieces: int
    net_g: int
    cause: str
    reference: str


class TourDone(NamedTuple):
    tour: str
    picker: str


class CountWanted(NamedTuple):
    task: str
    place: str
    sku: str
    lot: str
    expected: int
    cause: str


class StockCounted(NamedTuple):
    task: str
    place: str
    sku: str
    lot: str
    expected: int
    counted: int


class PartDropped(NamedTuple):
    part: str
    order_id: str
    cause: str


class PackStarted(NamedTuple):
    part: str
    station: str


class PackShort(NamedTuple):
    part: str
    order_id: str
    line: int
    sku: str
    found: int
    missing: int
    damaged: int


class ParcelPacked(NamedTuple):
    parcel: str
    sscc: str
    order_id: str
    part: str
    carton: str
    weight_g: int
    lines: list[list[int]]  # [line, quantity]


class LabelWanted(NamedTuple):
    key: str
    parcel: str
    sscc: str
    carrier: str
    service: str
    ship_to_country: str
    customer: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class LabelRecorded(NamedTuple):
    parcel: str
    tracking: str
    document: str


class ParcelsHandedOver(NamedTuple):
    carrier: str
    manifest: str
    parcels: list[str]


class ParcelScanned(NamedTuple):
    parcel: str
    status: str
    at_ms: int
    source: str


class ParcelDelivered(NamedTuple):
    parcel: str
    order_id: str
    at_ms: int
    proof: str


class DeliveryUndone(NamedTuple):
    parcel: str
    order_id: str
    at_ms: int


class ParcelLost(NamedTuple):
    parcel: str
    order_id: str
    replaced_by: list[int]  # line numbers


class ReturnApproved(NamedTuple):
    rma: str
    order_id: str
    line: int
    quantity: int
    reference: str


class ReturnReceived(NamedTuple):
    rma: str
    order_id: str
    line: int
    sku: str
    quantity: int


class ReturnGraded(NamedTuple):
    rma: str
    grade: str
    place: str


class RefundGiven(NamedTuple):
    rma: str
    order_id: str
    line: int
    amount_minor: int
    currency: str


class PurchaseRaised(NamedTuple):
    purchase: str
    sku: str
    quantity: int
    expected_at_ms: int


class PurchaseReceived(NamedTuple):
    purchase: str
    sku: str
    quantity: int


class TimerSet(NamedTuple):
    timer: str
    due_at_ms: int
    command: str


class TimerDropped(NamedTuple):
    timer: str
    command: str
    reason: str


class TrackerBound(NamedTuple):
    device: str
    subject: str
    product_class: str
    at_ms: int


class TrackerReleased(NamedTuple):
    device: str
    subject: str
    at_ms: int


class ExcursionFound(NamedTuple):
    excursion: str
    subject: str
    device: str
    kind: str
    side: str
    from_ms: int
    to_ms: int  # 0 = still out of limits
    peak_milli: int
    limit_milli: int
    exposed: list[list[int | str]]  # [held | flagged, place, sku, lot, quantity, order_id, line]


class ExcursionExtended(NamedTuple):
    excursion: str
    subject: str
    to_ms: int
    peak_milli: int
    exposed: list[list[int | str]]  # as in ExcursionFound, what has been added


class ExcursionSettled(NamedTuple):
    excursion: str
    subject: str
    decision: str
    decided_by: str
    units: int


class WeightDiffers(NamedTuple):
    place: str
    device: str
    weight_g: int
    expected_g: int
    sigma_g: int
    tasks: list[str]
