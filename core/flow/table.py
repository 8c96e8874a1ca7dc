"""Which function handles which command; the only list of what can be asked of a warehouse."""

import json
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from floorwise.core.errors import BadInput, NotFound
from floorwise.core.flow import (
    blocking,
    buying,
    counting,
    dispatching,
    entry,
    handling,
    joining,
    leaving,
    masterdata,
    pack_shorts,
    packing,
    picking,
    receiving,
    returns,
    sensing,
    shipping,
    touring,
    tracking,
    waving,
)
from floorwise.core.model import events
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.core.model.journal import Timer
from floorwise.core.model.policies import LATEST_MS, MOST_DAYS, MOST_OF_A_SIZE
from floorwise.core.model.stock import NEVER_MS
from floorwise.core.ports import Desk, Handler


class FireTimer(NamedTuple):
    """Execute the command of a timer that is due."""

    timer: str


class DropTimer(NamedTuple):
    """Close a timer whose command was refused."""

    timer: str
    reason: str


def fire_timer(desk: Desk, wanted: FireTimer) -> dict:
    """Execute the timer's command and close it in the same transaction; a closed timer does nothing."""
    timer = desk.ledger.get(Timer, wanted.timer)
    if timer is None:
        raise NotFound(f"timer {wanted.timer} is unknown")
    if not timer.is_open:
        return {"fired": 0}
    command = command_from(timer.command, json.loads(timer.body))
    reply = HANDLERS[type(command)](desk, command)
    desk.ledger.change(timer, is_open=0)
    return {"fired": 1} | reply


def drop_timer(desk: Desk, wanted: DropTimer) -> dict:
    """Close the timer and tell why its command did not run; a closed one stays as it is."""
    timer = desk.ledger.get(Timer, wanted.timer)
    if timer is None:
        raise NotFound(f"timer {wanted.timer} is unknown")
    if not timer.is_open:
        return {"dropped": 0}
    desk.ledger.change(timer, is_open=0)
    desk.tell(events.TimerDropped(timer.timer, timer.command, wanted.reason))
    return {"dropped": 1}


HANDLERS: dict[type, Handler] = {
    masterdata.AddSite: masterdata.add_site,
    masterdata.AddSkus: masterdata.add_skus,
    masterdata.AddPackLevels: masterdata.add_pack_levels,
    masterdata.AddCarriers: masterdata.add_carriers,
    masterdata.SetStockRules: masterdata.set_stock_rules,
    entry.PlaceOrder: entry.place_order,
    entry.CancelOrder: entry.cancel_order,
    entry.ParkRow: entry.park_row,
    receiving.ReceiveStock: receiving.receive_stock,
    receiving.ReceiveOpening: receiving.receive_opening,
    receiving.ReceivePurchase: receiving.receive_purchase,
    buying.ReviewStock: buying.review_stock,
    waving.ReleaseOrders: waving.release_orders,
    touring.ReleaseTours: touring.release_tours,
    touring.FallBack: touring.fall_back,
    touring.TakeTour: touring.take_tour,
    leaving.LeaveTour: leaving.leave_tour,
    joining.JoinTour: joining.join_tour,
    blocking.BlockAisle: blocking.block_aisle,
    blocking.OpenAisle: blocking.open_aisle,
    picking.ConfirmPick: picking.confirm_pick,
    picking.ReportShort: picking.report_short,
    counting.OpenCount: counting.open_count,
    counting.RecordCount: counting.record_count,
    counting.SettleUnresolved: counting.settle_unresolved,
    counting.ChangeStatus: counting.change_status,
    counting.ExpireLot: counting.expire_lot,
    handling.BuildUnit: handling.build_unit,
    handling.MoveStock: handling.move_stock,
    handling.MoveUnit: handling.move_unit,
    handling.SplitUnit: handling.split_unit,
    handling.MergeUnits: handling.merge_units,
    handling.RelabelUnit: handling.relabel_unit,
    handling.OpenUnit: handling.open_unit,
    handling.CloseUnit: handling.close_unit,
    handling.ReopenUnit: handling.reopen_unit,
    packing.StartPack: packing.start_pack,
    packing.ClosePack: packing.close_pack,
    pack_shorts.ReportPackShort: pack_shorts.report_pack_short,
    shipping.RecordLabel: shipping.record_label,
    shipping.HandOver: shipping.hand_over,
    tracking.RecordScan: tracking.record_scan,
    dispatching.RecordDispatch: dispatching.record_dispatch,
    returns.RequestReturn: returns.request_return,
    returns.MatchReturn: returns.match_return,
    returns.ReceiveReturn: returns.receive_return,
    returns.GradeReturn: returns.grade_return,
    returns.RefundReturn: returns.refund_return,
    sensing.BindTracker: sensing.bind_tracker,
    sensing.UnbindTracker: sensing.unbind_tracker,
    sensing.RecordExcursion: sensing.record_excursion,
    sensing.SettleExcursion: sensing.settle_excursion,
    sensing.RecordWeight: sensing.record_weight,
    FireTimer: fire_timer,
    DropTimer: drop_timer,
}

COMMANDS = {command.__name__: command for command in HANDLERS}


def command_from(name: str, body: Any) -> Any:
    """The command `name` with the fields of `body`, a JSON object; BadInput names the field that is wrong."""
    if name not in COMMANDS:
        raise BadInput(f"{name!r} is not a command; known are {', '.join(sorted(COMMANDS))}")
    return _built(COMMANDS[name], body, name)


# A field's name ends in its unit, and so tells what it may hold; what has no unit is checked by its flow.
RANGES = {
    "expires_at_ms": (0, NEVER_MS),
    "min_expiry_ms": (0, NEVER_MS),
    "_ms": (0, LATEST_MS),
    "_days": (-MOST_DAYS, MOST_DAYS),
    "_g": (-MOST_OF_A_SIZE, MOST_OF_A_SIZE),
    "_mm": (-MOST_OF_A_SIZE, MOST_OF_A_SIZE),
    "_mm3": (-MOST_OF_A_SIZE, MOST_OF_A_SIZE),
    "_minor": (-MOST_OF_A_SIZE, MOST_OF_A_SIZE),
    "": (-LARGEST_INTEGER, LARGEST_INTEGER),
}


def _check_range(value: int, where: str) -> None:
    low, high = next(bounds for end, bounds in RANGES.items() if where.endswith(end))
    if not low <= value <= high:
        raise BadInput(f"{where}: {value} is not within {low:,} and {high:,}")


def _built(kind: Any, value: Any, where: str) -> Any:
    if kind in (int, str):
        if type(value) is not kind:
            raise BadInput(f"{where}: {value!r} is not {'a whole number' if kind is int else 'a text'}")
        if kind is int:
            _check_range(value, where)
        if kind is str and ("\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value))):
            raise BadInput(f"{where}: {value!r} holds a character that no text has")  # half a surrogate pair, or NUL
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise BadInput(f"{where}: {value!r} is not a list")
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_built(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
        if len(inner) != len(value):
            raise BadInput(f"{where}: {len(inner)} values are needed, {len(value)} given")
        return tuple(_built(k, item, f"{where}[{i}]") for i, (k, item) in enumerate(zip(inner, value, strict=True)))
    fields = get_type_hints(kind)
    if isinstance(value, list | tuple) and len(value) == len(fields):  # as a stored command's inner rows stand
        value = dict(zip(fields, value, strict=True))
    if not isinstance(value, dict):
        raise BadInput(f"{where}: {value!r} is not an object with {', '.join(fields)}")
    if unknown := sorted(set(value) - set(fields)):
        raise BadInput(f"{where}: {', '.join(unknown)} is unknown; fields are {', '.join(fields)}")
    if missing := [f for f in fields if f not in value and f not in kind._field_defaults]:
        raise BadInput(f"{where}: {', '.join(missing)} is missing")
    return kind(**{name: _built(fields[name], inner, f"{where}.{name}") for name, inner in value.items()})
