"""The push stream, /api/v2/events: each reading as a server-sent event.

Source of the format: docs/protocol.md and the WHATWG's "Server-sent events". A listener that reads too slowly is
dropped when its bounded queue is full. The id of an event is the unix second of its reading: whoever connects again
with it gets what was measured from that second on, as far as seconds are kept, also after a restart of the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Callable, Iterator

from aiohttp import web

from fluksod.lan.access import refusal
from fluksod.lan.v2 import measured_values
from fluksod.meter.metering import Reading
from fluksod.store import Store

_LOG = logging.getLogger(__name__)

QUEUE = 256
"""Events kept for a slow listener, about 40 s of six sensors at 1 Hz, before it is dropped."""
SEND_BUFFER = 1 << 16
"""Bytes the kernel keeps for a listener; by default megabytes of stale events before a stuck one is noticed."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment line is sent."""
MAX_LISTENERS = 100
_CHUNK = 1 << 15
"""Bytes of missed events that are written at a time."""

Missed = Callable[[int], tuple[int | None, Iterator[Reading]]]
"""Since when seconds are kept, and the readings from a unix second on, in order of time."""


def _nothing(_since: int) -> tuple[int | None, Iterator[Reading]]:
    return None, iter(())


class _Listener:
    def __init__(self, transport: asyncio.Transport | None) -> None:
        self.transport = transport
        self.pending: list[bytes] = []
        self.wake = asyncio.Event()
        self.closing = False

    def put(self, event: bytes) -> bool:
        """Keep an event to be sent; False when there is no more room."""
        if len(self.pending) >= QUEUE:
            return False
        self.pending.append(event)
        self.wake.set()
        return True

    async def take(self, patience: float) -> bytes:
        """Wait for events and take all there are; empty when none came within `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.wake.wait()
        self.wake.clear()
        events, self.pending = self.pending, []
        return b"".join(events)

    def end(self) -> None:
        """End the stream after what is pending."""
        self.closing = True
        self.wake.set()

    def drop(self) -> None:
        """End the stream now, also where its reader is stuck."""
        self.end()
        if self.transport is not None:
            self.transport.abort()


class EventStream:
    """Serves the events of a store, and of the peers', to at most 100 listeners, then answers 503.

    An event of a peer has no id. `missed` tells what a listener that comes back has missed.
    """

    def __init__(
        self,
        store: Store,
        peers: Store | None = None,
        missed: Missed = _nothing,
        keep_alive: float = KEEP_ALIVE,
    ) -> None:
        self._store = store
        self._peers = peers
        self._missed = missed
        self._keep_alive = keep_alive
        self._listeners: set[_Listener] = set()
        store.on_reading(lambda _stream, reading: self._spread(_event(reading)))
        if peers is not None:
            peers.on_reading(lambda _stream, reading: self._spread(_event(reading, has_id=False)))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Stream until the listener goes, is too slow or the daemon stops."""
        if len(self._listeners) >= MAX_LISTENERS:
            return refusal(503, f"{MAX_LISTENERS} listeners are connected already; close one first")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.force_close()
        await response.prepare(request)
        listener = _Listener(request.transport)
        if request.transport is not None:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        for stream in sorted(
            self._store.streams.values(), key=lambda stream: stream.reading.time if stream.reading else 0
        ):
            if stream.reading is not None:
                listener.put(_event(stream.reading))
        for stream in [] if self._peers is None else self._peers.streams.values():
            if stream.reading is not None:
                listener.put(_event(stream.reading, has_id=False))
        self._listeners.add(listener)
        try:
            await self._tell_missed(request.headers.get("Last-Event-ID", ""), response)
            while not listener.closing:
                await response.write(await listener.take(self._keep_alive) or b": nothing new\n\n")
            await response.write_eof()
        except ConnectionError:
            pass  # the listener went or was dropped: nobody is left to be told
        finally:
            self._listeners.discard(listener)
        return response

    async def _tell_missed(self, last: str, response: web.StreamResponse) -> None:
        """Tell what was measured since the event `last`; what was measured before seconds are kept is named a gap."""
        if not last.isdecimal() or len(last) > 12:
            return
        kept_since, readings = self._missed(int(last))
        if kept_since is not None and int(last) < kept_since:
            gap = json.dumps({"from": int(last), "to": kept_since})
            await response.write(f"event: gap\ndata: {gap}\n\n".encode())
        chunk = bytearray()
        for reading in readings:
            chunk += _event(reading)
            if len(chunk) >= _CHUNK:
                await response.write(bytes(chunk))
                chunk.clear()
        if chunk:
            await response.write(bytes(chunk))

    async def close(self, _app: web.Application) -> None:
        """End all streams, so that the daemon can stop at once."""
        for listener in self._listeners:
            listener.end()

    def _spread(self, event: bytes) -> None:
        for listener in list(self._listeners):
            if not listener.put(event):
                _LOG.warning("a listener of the event stream reads too slowly and is dropped")
                self._listeners.discard(listener)
                listener.drop()


def _event(reading: Reading, *, has_id: bool = True) -> bytes:
    data = json.dumps({"sensor": reading.sensor, **measured_values(reading)}, separators=(", ", ": "))
    name = f"id: {reading.time}\n" if has_id else ""
    return f"event: reading\n{name}data: {data}\n\n".encode()
