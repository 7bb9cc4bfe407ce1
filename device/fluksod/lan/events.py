"""The push stream, /api/v2/events: each reading as a server-sent event.

Source of the format: docs/protocol.md and the WHATWG's "Server-sent events". An event's id is where its reading is kept
in the store, so a listener that comes back with it is first told what it has missed, also after a restart of the
daemon. A listener that reads too slowly is dropped; it may come back the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from typing import Protocol

from aiohttp import HttpVersion11, web

from fluksod.lan.access import refusal
from fluksod.lan.v2 import measured_values
from fluksod.meter.metering import Reading
from fluksod.store import Store, Stream
from fluksod.store.seconds import Place

_LOG = logging.getLogger(__name__)

UNSENT = 1 << 17
"""Bytes that wait for a slow listener, a minute of six sensors, before it is dropped."""
SEND_BUFFER = 1 << 16
"""Bytes the kernel keeps for a listener; by default megabytes of stale events before a stuck one is noticed."""
STUCK = 20.0
"""Seconds after which a listener that takes nothing of what it has missed is dropped."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment line is sent."""
RETRY = b"retry: 2000\n\n"
"""Milliseconds after which a browser that lost the stream asks for it again."""
MAX_LISTENERS = 100
AT_ONCE = 16
"""Missed readings that are told in one go: a live event of another listener waits for them, 0.1 ms."""

_ID = re.compile(r"([0-9]{1,12})-([0-9]{1,5})")


class Kept(Protocol):
    """The part of `fluksod.store.archive.Archive` that knows what a listener has missed."""

    @property
    def newest_place(self) -> Place:
        """Where the newest reading is kept."""

    @property
    def seconds_since(self) -> int:
        """The unix second from which on every second is kept."""

    def readings_after(self, place: Place, most: int) -> list[tuple[Place, Reading]]:
        """What is kept by the second after `place`, in order, at most `most` readings."""


class _Listener:
    """One open stream. Live events go straight to its transport: to wake a task for each takes twice as long."""

    def __init__(self, transport: asyncio.Transport, *, chunked: bool) -> None:
        self.is_live = False
        self.ended = asyncio.Event()
        self.last_told = time.monotonic()
        self._transport = transport
        self._chunked = chunked

    def tell(self, events: bytes) -> bool:
        """Send events; False when too much waits to be sent already."""
        if self._transport.is_closing():
            self.ended.set()
        elif self._transport.get_write_buffer_size() > UNSENT:
            return False
        elif events:
            self._transport.write(b"%x\r\n%b\r\n" % (len(events), events) if self._chunked else events)
            self.last_told = time.monotonic()
        return True

    async def ended_within(self, seconds: float) -> bool:
        """Wait until the stream has to end, for `seconds` at most; whether it has."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        return self.ended.is_set()

    def drop(self) -> None:
        """End the stream now, also where its reader is stuck."""
        self.ended.set()
        self._transport.abort()


class EventStream:
    """Serves the events of a store, and of the peers', to at most 100 listeners, then answers 503.

    `kept` has what a listener missed. Events of a peer have no id and are not kept.
    """

    def __init__(self, store: Store, peers: Store, kept: Kept, keep_alive: float = KEEP_ALIVE) -> None:
        self._store = store
        self._peers = peers
        self._kept = kept
        self._keep_alive = keep_alive
        self._listeners: set[_Listener] = set()
        for told in (self._store, self._peers):
            told.on_reading(self._spread)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Stream until the listener goes, is too slow or the daemon stops."""
        if len(self._listeners) >= MAX_LISTENERS:
            return refusal(503, f"{MAX_LISTENERS} listeners are connected already; close one first")
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the listener has gone")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.force_close()
        await response.prepare(request)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listener = _Listener(transport, chunked=request.version >= HttpVersion11)
        self._listeners.add(listener)
        try:
            await response.write(RETRY)
            await self._catch_up(listener, response, request.headers.get("Last-Event-ID"))
            while not await listener.ended_within(listener.last_told + self._keep_alive - time.monotonic()):
                if time.monotonic() - listener.last_told >= self._keep_alive:
                    await response.write(b": nothing new\n\n")
                    listener.last_told = time.monotonic()
            await response.write_eof()
        except ConnectionError:
            pass  # the listener went or was dropped: nobody is left to be told
        except TimeoutError:
            self._drop(listener)
        finally:
            self._listeners.discard(listener)
        return response

    async def close(self, _app: web.Application) -> None:
        """End all streams, so that the daemon can stop at once."""
        for listener in self._listeners:
            listener.ended.set()

    async def _catch_up(self, listener: _Listener, response: web.StreamResponse, last_id: str | None) -> None:
        """Tell a listener what it has missed since `last_id`, or the newest readings; from then on it is live."""
        place = self._place_of(last_id) if last_id else None
        if place is None:
            gap = _gap(None, self._kept.newest_place.second) if last_id else b""
            beginning = gap + self._newest_readings()
        else:
            since = self._kept.seconds_since
            if place.second + 1 < since:
                await response.write(_gap(place.second, since))
            while not listener.ended.is_set() and (missed := self._kept.readings_after(place, AT_ONCE)):
                place = missed[-1][0]
                async with asyncio.timeout(STUCK):
                    await response.write(b"".join(_event(reading, at) for at, reading in missed))
                await asyncio.sleep(0)
            beginning = b"".join(_event(reading, None) for at, reading in self._readings() if at is None)
        # No await since nothing was left to be told, so nothing falls between this and what is live.
        listener.is_live = True
        listener.tell(beginning)

    def _place_of(self, event_id: str) -> Place | None:
        """The place that an event's id tells; None where we have told no such id, or have forgotten it."""
        parts = _ID.fullmatch(event_id)
        if parts is None:
            return None
        place = Place(int(parts[1]), int(parts[2]))
        return place if place <= self._kept.newest_place else None

    def _newest_readings(self) -> bytes:
        """The newest reading of each sensor. Only the last has an id: who has lost some of them has to begin again."""
        newest = sorted(self._readings(), key=lambda told: told[0] or Place(0, 0))
        events = [_event(reading, None) for _, reading in newest[:-1]]
        return b"".join([*events, *(_event(reading, at) for at, reading in newest[-1:])])

    def _readings(self) -> Iterator[tuple[Place | None, Reading]]:
        for store in (self._peers, self._store):
            for stream in store.streams.values():
                if stream.reading is not None:
                    yield stream.place, stream.reading

    def _spread(self, stream: Stream, reading: Reading) -> None:
        live = [listener for listener in self._listeners if listener.is_live]
        if not live:
            return
        event = _event(reading, stream.place)
        for listener in live:
            if not listener.tell(event):
                self._drop(listener)

    def _drop(self, listener: _Listener) -> None:
        _LOG.warning("a listener of the event stream reads too slowly and is dropped")
        self._listeners.discard(listener)
        listener.drop()


def _event(reading: Reading, place: Place | None) -> bytes:
    data = json.dumps({"sensor": reading.sensor, **measured_values(reading)}, separators=(", ", ": "))
    name = "" if place is None else f"id: {place.second}-{place.order}\n"
    return f"event: reading\n{name}data: {data}\n\n".encode()


def _gap(last: int | None, since: int) -> bytes:
    """Tells that readings between unix second `last`, None where that is not known, and `since` are not kept."""
    return b"event: gap\ndata: " + json.dumps({"from": last, "to": since}).encode() + b"\n\n"
