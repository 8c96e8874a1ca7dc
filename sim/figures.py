"""Key figures of a run, read from its ledger.

Cycle time is from placing an order until its last parcel is on the truck; on time means on the truck that the order was placed
for. Throughput and utilisation are over the working hours of the scenario's own days, not those of the drain behind them.
Plans are those of the whole run that bear a lower bound; the S-shape fall-back bears none.
"""

from typing import NamedTuple

from floorwise.core.journal import body_of
from floorwise.core.model.journal import Event
from floorwise.core.model.orders import Order, OrderLine
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.policies import HOUR_MS
from floorwise.core.model.work import Part, Pick, Tour
from floorwise.sim.twin import Twin


class Figures(NamedTuple):
    """What one run shows; times in seconds."""

    orders: int
    lines: int
    on_time_share: float
    cycle_mean_s: float
    cycle_p95_s: float
    throughput_lines_h: float
    utilisation: dict[str, float]
    bottleneck: str
    walked_km: float
    lines_short: int
    lines_replaced: int
    fallback_tours: int
    plans: int
    planned_km: float
    bound_km: float
    plan_gap: float  # (planned - bound) / planned


def figures(twin: Twin) -> Figures:
    """Read the figures; an order without a parcel counts as late and has no cycle time."""
    ledger, people = twin.ledger, twin.world.scenario.people
    orders, lines = ledger.find(Order, "key"), ledger.find(OrderLine, "key")
    left_ms: dict[str, int] = {}
    parcels = ledger.find(Parcel, "key")
    for parcel in parcels:
        left_ms[parcel.order_id] = max(left_ms.get(parcel.order_id, 0), parcel.handed_over_at_ms)
    cycles = sorted((left_ms[o.order_id] - o.placed_at_ms) / 1000 for o in orders if o.order_id in left_ms)
    on_time = sum(1 for o in orders if 0 < left_ms.get(o.order_id, 0) <= o.cut_off_ms)
    tours, picks = ledger.find(Tour, "key"), ledger.find(Pick, "key")
    begin_ms, end_ms = twin.world.first_days()
    shifts = list(twin.world.shifts(begin_ms, end_ms))
    paid_ms = sum(b - a for a, b in shifts)
    done = [pick for pick in picks if pick.picked and begin_ms <= pick.done_at_ms < end_ms]
    walking_ms = sum(t.done_at_ms - t.taken_at_ms for t in tours if begin_ms <= t.taken_at_ms < end_ms and t.done_at_ms)
    packed = {p.part for p in parcels if begin_ms <= p.packed_at_ms < end_ms}
    packing_ms = sum(twin.packers.pack_ms(ledger.get(Part, part)) for part in sorted(packed))
    utilisation = {
        "pickers": _share(walking_ms, paid_ms * people.pickers),
        "packers": _share(packing_ms, paid_ms * people.packers),
    }
    plans = [body for event in ledger.find(Event, "by_kind", "ToursReleased") if (body := body_of(event))["lower_bound_mm"]]
    planned_mm, bound_mm = sum(plan["length_mm"] for plan in plans), sum(plan["lower_bound_mm"] for plan in plans)
    return Figures(
        orders=len(orders),
        lines=len(lines),
        on_time_share=_share(on_time, len(orders)),
        cycle_mean_s=round(sum(cycles) / len(cycles), 1) if cycles else 0.0,
        cycle_p95_s=round(cycles[min(len(cycles) - 1, int(0.95 * len(cycles)))], 1) if cycles else 0.0,
        throughput_lines_h=round(len(done) * HOUR_MS / paid_ms, 1) if paid_ms else 0.0,
        utilisation=utilisation,
        bottleneck=max(sorted(utilisation), key=lambda name: utilisation[name]),
        walked_km=round(sum(t.length_mm for t in tours) / 1e6, 2),
        lines_short=sum(1 for pick in picks if pick.state == "short"),
        lines_replaced=sum(1 for line in lines if line.replaces_line),
        fallback_tours=sum(1 for t in tours if t.planner == "s-shape"),
        plans=len(plans),
        planned_km=round(planned_mm / 1e6, 2),
        bound_km=round(bound_mm / 1e6, 2),
        plan_gap=_share(planned_mm - bound_mm, planned_mm),
    )


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
