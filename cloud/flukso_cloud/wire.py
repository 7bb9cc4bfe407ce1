"""HTTP/1.1 as Fluksometers need it: names of headers in Title-Case, an answer in one write, and no endless requests.

FLM02 looks up `Content-Length`, `X-Digest` and `WWW-Authenticate` in exactly this case (trap 2), and takes the body of
an error that comes in a later segment for the beginning of the next answer (section 11.1 of the protocol reference).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from email.utils import formatdate
from functools import cache
from typing import Any

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

GOODBYE_SECONDS = 1.0
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

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
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
        """Write what is held, then close. TLS says goodbye, but waits a second for the answer and not half a minute."""
        self._flush()
        self._transport.close()
        self._loop.call_later(GOODBYE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        with suppress(AttributeError):  # asyncio's TLS transport, once its connection is lost
            if self._transport.get_write_buffer_size() == 0:
                self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class DeviceProtocol(H11Protocol):
    """uvicorn's h11 protocol, with a deadline for the header of a request, and one write for each answer."""

    head_seconds = 10.0
    """Longest time from the first byte of a request, or from the connection, to the end of the header."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock with the connection."""
        corked = _Corked(transport, self.loop)
        super().connection_made(corked)  # type: ignore[arg-type]  # it is a transport in all but name
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read, and stop the clock once a header is complete."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Start the clock for what of the next request came early."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().connection_lost(exc)

    def _watch(self) -> None:
        fresh = self.cycle is None
        waiting = self.conn.their_state is h11.IDLE and (fresh or bool(self.conn.trailing_data[0]))
        if waiting and self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)
        elif not waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()
