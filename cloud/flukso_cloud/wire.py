"""HTTP/1.1 as Fluksometers need it: names of headers in Title-Case, an answer in one write, and no endless requests.

FLM02 looks up `Content-Length`, `X-Digest` and `WWW-Authenticate` in exactly this case (trap 2), and takes the body of
an error that comes in a later segment for the beginning of the next answer (section 11.1 of the protocol reference).
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from functools import cache
from typing import Any

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .goodbye import GOODBYE_SECONDS, MOST_UNREAD_BYTES, Brisk, Stall
from .modern_wire import PATIENCE, SLICE_BYTES

_SPELLED = {"www-authenticate": b"WWW-Authenticate", "etag": b"ETag"}


@cache
def _title_case(name: bytes) -> bytes:
    return _SPELLED.get(name.decode("latin-1"), name.title())


class TitleCase:
    """ASGI middleware: names of headers go out in Title-Case, with a Date among them. It has to be the outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer with its headers rewritten."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_in_title_case(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(_title_case(name.lower()), value) for name, value in message.get("headers", ())]
                headers.append((b"Date", formatdate(usegmt=True).encode("ascii")))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_in_title_case)


class _Corked:
    """A transport that writes all that one turn of the event loop produced at once."""

    def __init__(self, transport: Brisk, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Hold data until the next turn of the loop."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def _flush(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        if data:
            self._transport.write(data)

    def close(self) -> None:
        """Write what is held, then close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class DeviceProtocol(H11Protocol):
    """uvicorn's h11 protocol, with one write for each answer.

    Whatever it waits for, a clock runs, which what comes bit by bit does not stop.
    """

    patience = PATIENCE
    _brisk: Brisk
    _stall: Stall
    _deadline: asyncio.TimerHandle | None = None
    _timed: Any = None
    """What the deadline is for: h11's IDLE for a head, its SEND_BODY for a body."""
    _unread = 0
    """Bytes of a body that has been answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock with the connection."""
        self._brisk = Brisk(transport, self.loop)
        self._stall = Stall(self._brisk, self.loop)
        corked = _Corked(self._brisk, self.loop)
        super().connection_made(corked)  # type: ignore[arg-type]  # it is a transport in all but name
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read, in slices so that limits are noticed soon, and see what is waited for now."""
        for first in range(0, len(data), SLICE_BYTES):
            if self.transport.is_closing():
                return
            part = data[first : first + SLICE_BYTES]
            super().data_received(part)
            if self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE:
                self._unread += len(part)
                if self._unread > MOST_UNREAD_BYTES:
                    self.transport.close()
            else:
                self._unread = 0
        self._watch()

    def on_response_complete(self) -> None:
        """Start the clock for what of the next request came early."""
        super().on_response_complete()
        self._watch()

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

    def _awaited(self) -> Any:
        """Return the state of h11 that only the other side can end, or None if it is our turn or nobody's."""
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            return state
        is_begun = self.cycle is None or bool(self.conn.trailing_data[0])
        return state if state is h11.IDLE and is_begun else None

    def _watch(self) -> None:
        awaited = self._awaited()
        if awaited is self._timed:
            return
        self._stop_clock()
        if awaited is not None:
            # whoever reads the body may have said before that it took too long
            grace = GOODBYE_SECONDS if awaited is h11.SEND_BODY else 0.0
            self._timed = awaited
            self._deadline = self.loop.call_later(self.patience + grace, self._too_slow)

    def _stop_clock(self) -> None:
        self._timed = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()
