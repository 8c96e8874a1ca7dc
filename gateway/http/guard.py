"""Who may ask until there is access control: pages of this very gateway and programs of this machine.

A page of somebody else's, opened in a browser on this machine, can reach a loopback port too. Two headers that it cannot forge give it
away: `Host` (a foreign name that was made to point here) and `Origin` (where a write comes from).
"""

import contextlib
from collections.abc import Iterable

from floorwise.gateway.http.asgi import ASGIApp, Message, Receive, Scope, Send
from floorwise.gateway.http.errors import answer

BODY_BYTES = 1 << 20
READS = ("GET", "HEAD", "OPTIONS")
LOCAL = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}


class TooLarge(Exception):
    """The body is larger than BODY_BYTES."""


class Guard:
    """ASGI middleware that checks Host on everything, and Origin, kind and size of the body on writes."""

    def __init__(self, app: ASGIApp, host: str, port: int, hosts: Iterable[str] = ()) -> None:
        """`hosts` are further names, with their port where it is not the default."""
        names = {host.lower(), f"[{host.lower()}]" if ":" in host else host.lower(), *LOCAL}
        self._app = app
        self._hosts = {f"{name}:{port}" for name in names} | {name.lower() for name in hosts}
        if port in (80, 443):
            self._hosts |= names
        self._origins = {f"{scheme}://{name}" for scheme in ("http", "https") for name in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await answer(*refusal)(scope, receive, send)
            return
        body = _Body(receive)

        async def send_on(message: Message) -> None:
            if body.is_too_large:  # whatever the route made of half a body
                return
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS.items()]}
            await send(message)

        with contextlib.suppress(TooLarge):
            await self._app(scope, body.receive, send_on)
        if body.is_too_large:
            await answer(413, "TooLarge", f"a body has at most {BODY_BYTES:,} bytes")(scope, receive, send)

    def _refusal(self, method: str, headers: dict[bytes, str]) -> tuple[int, str, str] | None:
        host = headers.get(b"host", "").lower()
        if host not in self._hosts:
            return 421, "WrongHost", f"this gateway is not {host[:100]!r}; name it in the setting hosts if it should be"
        if method in READS:
            return None
        origin = headers.get(b"origin", "").lower()
        if origin and origin not in self._origins:
            return 403, "WrongOrigin", f"a write from {origin[:100]!r} is not taken"
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "WrongOrigin", "a write from another site is not taken"
        length = headers.get(b"content-length", "0")
        if not length.isdigit() or int(length) > BODY_BYTES:
            return 413, "TooLarge", f"a body has at most {BODY_BYTES:,} bytes"
        has_body = length != "0" or b"transfer-encoding" in headers
        if has_body and headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "NotJson", "a body is application/json"
        return None


class _Body:
    """What comes in, until it is more than a body may hold."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0
        self.is_too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > BODY_BYTES:
            self.is_too_large = True
            raise TooLarge
        return message
