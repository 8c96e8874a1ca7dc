"""The generic door for benches, docks and desks: a command by its name, for those that people give."""

from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Body

from floorwise.core.errors import NotFound
from floorwise.core.flow.table import COMMANDS, HANDLERS, command_from
from floorwise.gateway.http.context import Here, Key, Text

router = APIRouter(tags=["commands"])

# What only floorwise itself does (release, planning, labels bought, timers) is not here. Names that this version lacks are passed over.
PEOPLE = (
    "StartPack", "ReportPackShort", "ClosePack", "HandOver",
    "ReceivePurchase", "ReceiveStock", "ReceiveOpening",
    "OpenCount", "RecordCount", "SettleUnresolved", "ChangeStatus",
    "RequestReturn", "MatchReturn", "ReceiveReturn", "GradeReturn", "RefundReturn",
    "BuildUnit", "MoveStock", "MoveUnit", "SplitUnit", "MergeUnits", "RelabelUnit", "OpenUnit", "CloseUnit", "ReopenUnit",
    "BindTracker", "UnbindTracker", "SettleExcursion",
    "PlaceOrder", "CancelOrder", "ParkRow", "RecordScan",
    "TakeTour", "JoinTour", "LeaveTour", "ConfirmPick", "ReportShort", "BlockAisle", "OpenAisle",
    "AddSite", "AddSkus", "AddPackLevels", "AddCarriers", "SetStockRules",
)  # fmt: skip
OPEN = {name: COMMANDS[name] for name in PEOPLE if name in COMMANDS}


@router.get("/commands")
def list_commands() -> dict[str, Any]:
    """Which commands there are, and their fields."""
    return {"commands": [_described(name, command) for name, command in OPEN.items()]}


@router.post("/commands/{name}")
async def execute(name: Text, body: Annotated[dict[str, Any], Body()], gateway: Here, key: Key = "") -> dict[str, Any]:
    """Execute a command with these fields."""
    if name not in OPEN:
        raise NotFound(f"{name!r} is not a command that is given here; see /api/commands")
    return await gateway.writer.execute(command_from(name, body), key)


def _described(name: str, command: Any) -> dict[str, Any]:
    hints, defaults = get_type_hints(command), command._field_defaults
    fields = [
        {"name": field, "type": _type_name(hints[field])} | ({"default": defaults[field]} if field in defaults else {})
        for field in command._fields
    ]
    return {"name": name, "fields": fields, "does": (HANDLERS[command].__doc__ or command.__doc__ or "").strip()}


def _type_name(kind: Any) -> str:
    if kind in (int, str):
        return {int: "integer", str: "text"}[kind]
    inner = getattr(kind, "__args__", ())
    if inner:
        return f"list of {_type_name(inner[0])}"
    return "{" + ", ".join(f"{name}: {_type_name(hint)}" for name, hint in get_type_hints(kind).items()) + "}"
