"""The journal, live."""

from typing import Annotated

from fastapi import APIRouter, Header

from floorwise.core.errors import BadInput
from floorwise.core.model import events
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.gateway.http.context import Here, Number

router = APIRouter(tags=["events"])

KINDS = frozenset(name for name, kind in vars(events).items() if isinstance(kind, type) and kind is not events.NamedTuple)
KINDS_LENGTH = 2_000


@router.get("/events", response_model=None)
async def stream(
    gateway: Here,
    kinds: Annotated[str, "comma-separated"] = "",
    after: Number | None = None,
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
):
    """Server-sent events: every event of the journal from a point on, then each as it is committed."""
    wanted = [kind for kind in kinds[:KINDS_LENGTH].split(",") if kind]
    if unknown := sorted(set(wanted) - KINDS):
        raise BadInput(f"kinds: {unknown[0][:60]!r} is no kind of event")
    if last_event_id:
        if not (last_event_id.isascii() and last_event_id.isdigit()) or int(last_event_id) > LARGEST_INTEGER:
            raise BadInput(f"Last-Event-ID: {last_event_id!r} is not the number of an event")
        after = int(last_event_id)
    return gateway.streams.response(after, wanted)
