"""uvicorn's HTTP parser with a bound on the head of a request, which the parser itself does not have."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024  # of request line and headers together


class BoundedHttp(HttpToolsProtocol):
    """Answers 400 and hangs up when a head goes on beyond HEAD_BYTES, before anything is made of it."""

    _head_bytes = 0  # of a head whose end has not come
    _is_head = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        self._is_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_head, self._head_bytes = False, 0
        super().on_headers_complete()
