"""The writes that come by the thousand, orders and picks, answered without the framework.

A request that is right in every way is checked by the same model and made into the same command as in its route, and answered with the
same bytes. Whatever is odd about it goes on to the application, body and all: what is wrong is said in one place. Without this the
framework's own work was four fifths of what an order costs the event loop.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from floorwise.core.errors import FloorError
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.gateway.http import orders, tours
from floorwise.gateway.http.asgi import ASGIApp, Message, Receive, Scope, Send
from floorwise.gateway.http.context import KEY_LENGTH, TEXT_LENGTH, Body, Gateway
from floorwise.gateway.http.errors import answer, status_of

PICK = re.compile(r"/api/tours/([\x21-\x7e]+)/picks/([1-9]\d{0,15})/(confirm|short)")
KEY = re.compile(rb"[\x20-\x7e]{1,%d}" % KEY_LENGTH)


class _Write(NamedTuple):
    """What a request asks for: the model of its body, what makes a command of it, what gives the status of a reply."""

    model: type[Body]
    command: Callable[[Any], Any]
    status: Callable[[dict[str, Any]], int]


_ORDER = _Write(orders.OrderIn, orders.OrderIn.command, orders.status)


class Quick:
    """ASGI middleware in front of the application."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._gateway = app, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        write = _asked(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        key = _key(scope) if write else None
        if write is None or key is None:
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # gone before it was all there
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            command = write.command(write.model.model_validate_json(body))
        except (ValidationError, FloorError):
            await self._app(scope, _again(body, receive), send)
            return
        try:
            reply = await self._gateway.writer.execute(command, key)
        except FloorError as error:
            await answer(status_of(error), type(error).__name__, str(error))(scope, receive, send)
            return
        if picker := getattr(command, "picker", ""):
            self._gateway.spoke(picker)
        told = orjson.dumps(reply)
        headers = [(b"content-length", b"%d" % len(told)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": write.status(reply), "headers": headers})
        await send({"type": "http.response.body", "body": told})


def _asked(scope: Scope) -> _Write | None:
    path = scope["path"]
    if path == "/api/orders":
        return _ORDER
    found = PICK.fullmatch(path)
    if found is None or "/" in found[1] or len(found[1]) > TEXT_LENGTH or int(found[2]) > LARGEST_INTEGER:
        return None
    tour, number, model = found[1], int(found[2]), tours.ConfirmIn if found[3] == "confirm" else tours.ShortIn
    return _Write(model, lambda body: body.command(tour, number), lambda reply: 200)


def _key(scope: Scope) -> str | None:
    """The key of the command, "" without one; None when the application has to look at it."""
    given = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not given:
        return ""
    if len(given) > 1 or not KEY.fullmatch(given[0]):
        return None
    return f"http/{given[0].decode().strip()}"


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that tells the body once more, then what comes after it."""
    is_told = False

    async def told() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return told
