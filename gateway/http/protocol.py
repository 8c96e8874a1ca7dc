"""uvicorn's HTTP parser with bounds that it lacks: on the head of a request, and on what stands behind its body."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024  # of request line and headers together; as much may go on without a byte of body behind them


class BoundedHttp(HttpToolsProtocol):
    """Answers 400 and hangs up when a head goes on beyond HEAD_BYTES, before anything is made of it.

    So it does when that much comes in the place of a body and is none: trailers, which would be kept, and extensions of chunks.
    """

    _head_bytes = 0  # of a head, or of something else that is no body, whose end has not come
    _is_head = _is_body = _has_body = False

    def data_received(self, data: bytes) -> None:
        self._has_body = False
        super().data_received(data)
        if self._is_head or (self._is_body and not self._has_body):
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"The {'head' if self._is_head else 'end'} of the request is too large.")

    def on_message_begin(self) -> None:
        self._is_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_head, self._is_body, self._head_bytes = False, True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._has_body, self._head_bytes = True, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_body, self._head_bytes = False, 0
        super().on_message_complete()
