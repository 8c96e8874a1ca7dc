"""How a refusal leaves the house: one status and {"error", "detail"}, translated here and nowhere deeper."""

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.responses import Response

from floorwise.core.errors import BadInput, Conflict, Damaged, FloorError, KeyReused, NotFound, Refused
from floorwise.gateway.writer import Busy

RETRY_S = 1
DETAIL_LENGTH = 1_000
# The first class that fits decides.
STATUS: tuple[tuple[type[FloorError], int], ...] = (
    (BadInput, 422), (KeyReused, 422), (NotFound, 404), (Refused, 409), (Conflict, 409), (Busy, 503), (Damaged, 503), (FloorError, 503),
)  # fmt: skip
NAMES = {404: "NotFound", 405: "NoSuchMethod", 413: "TooLarge", 415: "NotJson", 421: "WrongHost", 403: "WrongOrigin"}


class NoStore(FloorError):
    """This gateway runs without a store for readings."""


def answer(status: int, error: str, detail: str) -> Response:
    """The error response; plain ASCII, so that whatever stood in the request can be repeated in it."""
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else {}
    body = json.dumps({"error": error, "detail": detail[:DETAIL_LENGTH]}, ensure_ascii=True).encode()
    return Response(body, status, headers, "application/json")


def status_of(error: FloorError) -> int:
    """The status that says the same as the refusal."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def install(app: FastAPI) -> None:
    """Have every error of this application answered in the one form."""
    app.add_exception_handler(FloorError, _floor_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(StarletteHTTPException, _http)


async def _floor_error(_: Request, error: Any) -> Response:
    return answer(status_of(error), type(error).__name__, str(error))


async def _validation(_: Request, error: Any) -> Response:
    told = [f"{'.'.join(str(part) for part in one['loc'][1:]) or one['loc'][0]}: {one['msg']}" for one in error.errors()[:5]]
    return answer(422, "BadInput", "; ".join(told))


async def _http(_: Request, error: Any) -> Response:
    # FastAPI answers 400 to a body that it cannot read at all; here that is bad input like any other.
    status = 422 if error.status_code == 400 else error.status_code
    return answer(status, NAMES.get(status, "BadInput" if status == 422 else "Refused"), str(error.detail))
