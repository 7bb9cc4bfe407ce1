"""HTTP/1.1 as fast as Python parses it (httptools), with the limits that its parser does not have.

It owes original Fluksometers nothing: what they need is in `wire`.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .goodbye import GOODBYE_SECONDS, MOST_UNREAD_BYTES, Brisk, Stall

ABORT = "flukso.abort"
"""Extension of a request's scope: `now` drops the connection, with all that it holds for the other side."""
HELD_BYTES = 64 * 1024
"""Of answers that wait in this process, and as much in the kernel, for who does not take them."""
PATIENCE = 10.0
"""Seconds for the head of a request, and as many for its body."""
MOST_HEAD_BYTES = 16 * 1024
"""Of a request's line and header."""
MOST_TRAILERS = 16
MOST_PIPELINED = 64
"""Requests that wait for the one before."""
SLICE_BYTES = 4096
"""What is parsed at once, so that a limit is noticed soon: more than nearly every request has."""


class Stage(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    WHOLE = auto()
    """Nothing: the request is there. What comes once it is answered, and begins no other, is nothing."""


class ModernProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol. Whatever it waits for, a clock runs, which what comes bit by bit does not stop."""

    patience = PATIENCE
    _brisk: Brisk
    _stall: Stall
    _deadline: asyncio.TimerHandle | None = None
    _timed: Stage | None = None
    """What the deadline is for."""
    _stage = Stage.HEAD
    _bytes = 0
    """Of a head, or of a body that nobody reads."""
    _named = 0
    """Lines of the header."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock with the connection."""
        transport.set_write_buffer_limits(HELD_BYTES)
        self._brisk = Brisk(transport, self.loop)
        self._stall = Stall(self._brisk, self.loop)
        super().connection_made(self._brisk)  # type: ignore[arg-type]  # it is a transport in all that is used of it
        self._start_clock()

    def data_received(self, data: bytes) -> None:
        """Read; a request that comes whole, as nearly all do, costs no clock."""
        if len(data) > SLICE_BYTES:
            for first in range(0, len(data), SLICE_BYTES):
                if not self.transport.is_closing():
                    self.data_received(data[first : first + SLICE_BYTES])
            return
        super().data_received(data)
        if self._stage is Stage.WHOLE and not self.cycle.response_complete:
            if self._deadline is not None:
                self._stop_clock()
            if len(self.pipeline) > MOST_PIPELINED:
                self.transport.close()
        elif not self.transport.is_closing():
            self._wait(len(data))

    def on_message_begin(self) -> None:
        """Wait for a head."""
        if self._stage is not Stage.HEAD:
            self._stage, self._timed, self._bytes = Stage.HEAD, None, 0
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        self._stage, self._bytes = Stage.BODY, 0
        super().on_headers_complete()
        self._named = len(self.headers)

    def on_message_complete(self) -> None:
        """Wait for the answer."""
        self._stage = Stage.WHOLE
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Look whether it is read at all what is written."""
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        """It is."""
        super().resume_writing()
        self._stall.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clock()
        self._stall.end()
        self._brisk.lost()
        super().connection_lost(exc)

    def _wait(self, came: int) -> None:
        """Wait for more, but not for ever."""
        if self._stage is Stage.HEAD:
            self._bytes += came
            if self._bytes > MOST_HEAD_BYTES:
                self.send_400_response("the head of the request is too long")
                return
        elif self._stage is Stage.BODY:
            if self.cycle.response_complete:
                self._bytes += came
            if self._bytes > MOST_UNREAD_BYTES or len(self.headers) > self._named + MOST_TRAILERS:
                self.transport.close()
                return
        if self._timed is not self._stage:
            self._start_clock()

    def _start_clock(self) -> None:
        self._stop_clock()
        self._timed = self._stage
        # whoever reads the body may have said before that it took too long
        grace = GOODBYE_SECONDS if self._stage is Stage.BODY else 0.0
        self._deadline = self.loop.call_later(self.patience + grace, self._too_slow)

    def _stop_clock(self) -> None:
        self._timed = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
