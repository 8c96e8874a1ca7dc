"""Work on the floor: parts of orders, tours with their picks, pack jobs and count tasks."""

from collections.abc import Iterable
from typing import NamedTuple

from floorwise.core.model.record import Index, record

PART_STATES = ("waiting", "touring", "picked", "packing", "packed", "shipped", "dropped")


@record(
    key="part",
    indexes=[
        Index("by_state", "site state kind cut_off_ms part", where="state in ('waiting', 'touring', 'picked', 'packing', 'packed')"),
        Index("by_order", "order_id part"),
    ],
)
class Part(NamedTuple):
    """What one person picks on one walk for one order; never split again."""

    part: str
    order_id: str
    site: str
    owner: str  # whose stock it is picked from
    kind: str  # "cart", or "bulk": from reserve, with a truck of its own
    state: str
    cut_off_ms: int
    released_at_ms: int
    lines: int
    units: int
    weight_g: int
    volume_mm3: int
    tour: str  # "" while it waits
    tote: str  # the unit its picks go into
    station: str  # where it is packed
    state_at_ms: int  # when it came into its state
    version: int = 0


@record(key="part line", append_only=True)
class PartLine(NamedTuple):
    """The units of an order line that a part was made for."""

    part: str
    line: int
    sku: str
    quantity: int
    min_expiry_ms: int


@record(key="tour", indexes=[Index("by_state", "site state kind planned_at_ms tour", where="state in ('open', 'taken')")])
class Tour(NamedTuple):
    """One walk: released with its picks, taken by one picker, done when each pick has an end."""

    tour: str
    site: str
    kind: str  # as Part.kind
    state: str  # open, taken, done
    picker: str
    planner: str
    planned_at_ms: int
    taken_at_ms: int
    done_at_ms: int
    length_mm: int
    picks: int
    open_picks: int
    revision: int  # a device drops what is not newer than what it holds
    changed_stops: int  # put in, taken out or moved since it was taken
    version: int = 0


@record(
    key="tour number",
    indexes=[
        Index("by_place", "place sku tour number", where="state = 'open'"),
        Index("by_part", "part tour number"),
        Index("by_line", "order_id line tour number", where="state = 'open'"),
    ],
    checks=["quantity > 0", "picked >= 0", "picked <= quantity"],
)
class Pick(NamedTuple):
    """Take `quantity` of a SKU and lot from a place for one line; bound to that place from release on."""

    tour: str
    number: int  # from 1, as it was released; picks that come into the tour later go on counting
    part: str
    order_id: str
    line: int
    sku: str
    lot: str
    serial: str
    owner: str
    place: str  # the bin, or the unit in a bin, that the units are taken from
    location: str  # the bin to walk to
    quantity: int
    picked: int
    state: str  # open, done, short
    done_at_ms: int
    turn: int  # in walking order from 1; a stop that comes in between moves those behind it
    version: int = 0


def in_walking_order(picks: Iterable[Pick]) -> list[Pick]:
    """The picks of a tour as they are walked."""
    return sorted(picks, key=lambda pick: (pick.turn, pick.number))


@record(
    key="task",
    indexes=[Index("by_state", "site state opened_at_ms task", where="state = 'open'"), Index("by_place", "place sku lot state task")],
)
class CountTask(NamedTuple):
    """Somebody should look: the floor and the books disagree at a place, or may."""

    task: str
    site: str
    place: str
    sku: str
    lot: str
    owner: str
    cause: str
    state: str  # open, done
    opened_at_ms: int
    expected: int  # what the ledger said when it was opened
    counted: int
    closed_at_ms: int
    version: int = 0
