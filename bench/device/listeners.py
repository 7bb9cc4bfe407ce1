"""Listeners of the event stream that note when each event came; what they heard is read afterwards."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

_DATA = re.compile(rb"^data: (\{.*\})$", re.MULTILINE)

Key = tuple[str, int | None, float | None]
"""A reading as its event tells it: sensor, counter, gauge."""


class Listener(asyncio.Protocol):
    """One listener of `url`'s /api/v2/events: a connection that only notes what comes and when."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._parts: list[tuple[float, bytes]] = []
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(f"GET /api/v2/events HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note what came."""
        self._parts.append((time.monotonic(), data))

    def events(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """What was told, and when it came (monotonic s)."""
        rest = b""
        for at, data in self._parts:
            events = (rest + data).split(b"\n\n")
            rest = events.pop()
            for event in events:
                if (found := _DATA.search(event)) is not None:
                    yield at, json.loads(found[1])

    def heard(self) -> dict[Key, float]:
        """When each reading came first (monotonic s)."""
        heard: dict[Key, float] = {}
        for at, told in self.events():
            heard.setdefault((told["sensor"], told["counter"], told["gauge"]), at)
        return heard


@asynccontextmanager
async def listening(url: str, count: int) -> AsyncIterator[list[Listener]]:
    """Listen `count` times until the block ends."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    listeners = [Listener(parts.netloc) for _ in range(count)]
    for listener in listeners:
        await loop.create_connection(partial(_itself, listener), parts.hostname or "", parts.port or 80)
    try:
        yield listeners
    finally:
        for listener in listeners:
            if listener.transport is not None:
                listener.transport.close()


def _itself(listener: Listener) -> Listener:
    return listener
