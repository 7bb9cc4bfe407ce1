"""HTTP/1.1 as fast as Python parses it (httptools), with the limits that its parser does not have.

It owes original Fluksometers nothing: what they need is in `wire`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .wire import GOODBYE_SECONDS

ABORT = "flukso.abort"
"""Extension of a request's scope: `now` drops the connection, with all that it holds for the other side."""
HELD_BYTES = 64 * 1024
"""Of answers that wait in this process, and as much in the kernel, for who does not take them."""
MOST_HEAD_BYTES = 64 * 1024
"""Of a request's line and header: what h11 takes."""


class _Brisk:
    """A transport whose goodbye takes a second at most: TLS alone would wait half a minute for the other's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self.write = transport.write
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info

    def close(self) -> None:
        """Send what is held, then close. Whoever still sends is not listened to."""
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._transport.close()
            self._loop.call_later(GOODBYE_SECONDS, self._transport.abort)


class ModernProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, with a deadline and a limit for the head of each request."""

    head_seconds = 10.0
    """Longest time from the first byte of a request, or from the connection, to the end of its head."""
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock with the connection."""
        transport.set_write_buffer_limits(HELD_BYTES)
        brisk = _Brisk(transport, self.loop)
        super().connection_made(brisk)  # type: ignore[arg-type]  # it is a transport in all that is used of it
        self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Read; a head that comes whole, as nearly all do, costs no clock."""
        super().data_received(data)
        if self._is_in_head and self.parser is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("the head of the request is too long")
            elif self._deadline is None:
                self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)
        elif self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head = True
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """End counting."""
        self._is_in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
