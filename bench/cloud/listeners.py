"""Devices that send live gauges over connections they keep, and listeners on event streams, in one event loop."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

from .fleet import Sender, request
from .server import Server

P = TypeVar("P", bound=asyncio.Protocol)
AT_ONCE = 50
"""Streams that are opened at a time."""
PATIENCE = 30.0
"""Seconds that an answer is waited for."""
_GAUGE = re.compile(rb'"gauge":([0-9]+)')
_OPEN = b"HTTP/1.1 200"
_TAKEN = b'{"response":"ok"}'


class Listener(asyncio.Protocol):
    """A stream of some sensors; `heard` is called with each gauge, which comes as a whole number."""

    def __init__(self, sensors: Iterable[str], token: str, heard: Callable[[int], None]) -> None:
        query = "&".join(f"sensor={sensor}" for sensor in sensors)
        self._request = f"GET /api/v2/live?{query} HTTP/1.1\r\nHost: localhost\r\nX-Token: {token}\r\n\r\n"
        self._heard = heard
        self._rest = b""
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Tell what of it is whole: an event ends with an empty line."""
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        if not self.is_open.done():
            if not (whole or self._rest).startswith(_OPEN):
                self.is_open.set_exception(RuntimeError(f"the cloud answers {data[:200]!r}"))
                return
            self.is_open.set_result(None)
        for number in _GAUGE.findall(whole):
            self._heard(int(number))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail if it never opened."""
        if not self.is_open.done():
            self.is_open.set_exception(exc or ConnectionError("the cloud has hung up"))


class Uploader(asyncio.Protocol):
    """A connection over which one upload after another goes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take an answer; its head and its body come one after the other."""
        self._data += data
        if self._answer is not None and not self._answer.done():
            if not self._data.startswith(_OPEN):
                self._answer.set_exception(RuntimeError(f"the cloud answers {self._data[:200]!r}"))
            elif self._data.endswith(_TAKEN):
                self._answer.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the cloud has hung up"))

    async def send(self, data: bytes) -> None:
        """Send an upload and wait until it is answered."""
        if self._transport is None:
            raise RuntimeError("it is not connected")
        self._answer, self._data = asyncio.get_running_loop().create_future(), b""
        self._transport.write(data)
        async with asyncio.timeout(PATIENCE):
            await self._answer


class Fan:
    """Listeners, and the delays (s) with which they heard what was sent: from when it was due until it had come."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._token = token
        self._context = ssl.create_default_context(cafile=str(server.home.ca_certificate))
        self._due: list[float] = []
        self._listeners: list[Listener] = []
        self._idle: asyncio.Queue[Uploader] = asyncio.Queue()
        self.delays: deque[float] = deque()

    async def listen(self, sensors: Sequence[Sequence[str]]) -> None:
        """Open streams, each of some sensors."""
        for first in range(0, len(sensors), AT_ONCE):
            await asyncio.gather(*map(self._open, sensors[first : first + AT_ONCE]))

    async def connect(self, uploaders: int) -> None:
        """Open so many connections for uploads."""
        for _ in range(uploaders):
            _, uploader = await self._connect(Uploader)
            self._idle.put_nowait(uploader)

    async def send(self, sender: Sender, at: int, due: float) -> None:
        """Upload a gauge of the instant `at` (unix seconds) that was due at `due` (perf_counter)."""
        uploader = await self._idle.get()
        body = b'{"measurements":[],"gauges":[[%d,%d]]}' % (at, len(self._due))
        self._due.append(due)
        await uploader.send(request(sender, body))
        self._idle.put_nowait(uploader)

    async def close(self) -> None:
        """Hang up, as listeners do."""
        for listener in self._listeners:
            if listener.transport is not None:
                listener.transport.abort()
        while not self._idle.empty():
            self._idle.get_nowait()

    async def _open(self, sensors: Sequence[str]) -> None:
        _, listener = await self._connect(lambda: Listener(sensors, self._token, self._heard))
        self._listeners.append(listener)
        async with asyncio.timeout(PATIENCE):
            await listener.is_open

    async def _connect(self, make: Callable[[], P]) -> tuple[asyncio.BaseTransport, P]:
        loop, port = asyncio.get_running_loop(), self._server.port
        return await loop.create_connection(
            make, "127.0.0.1", port, ssl=self._context, server_hostname="localhost", ssl_handshake_timeout=PATIENCE
        )

    def _heard(self, number: int) -> None:
        self.delays.append(time.perf_counter() - self._due[number])
