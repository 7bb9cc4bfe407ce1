"""The stream of readings, opened again whenever it is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from random import uniform
from time import monotonic
from typing import Final, Never, Protocol

from .address import Address
from .errors import FluksoConnectionError, FluksoError
from .models import SensorReading

SHORTEST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
"""Seconds before the next attempt: the wait doubles from the shortest to the longest."""

_HEALTHY_SECONDS: Final = 30.0
"""A stream that lived this long was a good one: after it the wait starts from the shortest again."""


class Pushing(Protocol):
    """A client whose Fluksometer tells each reading by itself."""

    @property
    def address(self) -> Address:
        """Return where it is reached."""

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[SensorReading]]:
        """Open the stream of readings: first one for each sensor, then one for every change."""


class ReadingStream:
    """Follows a Fluksometer's readings for as long as `run` is awaited.

    `on_open` is called when the stream is up, `on_reading` for each reading, `on_lost` with the reason when it is lost
    or could not be opened. None of them may block.
    """

    def __init__(
        self,
        client: Pushing,
        *,
        on_open: Callable[[], None],
        on_reading: Callable[[SensorReading], None],
        on_lost: Callable[[FluksoError], None],
        shortest_wait: float = SHORTEST_WAIT,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        """Follow this client's readings."""
        self._client = client
        self._on_open = on_open
        self._on_reading = on_reading
        self._on_lost = on_lost
        self._shortest_wait = shortest_wait
        self._longest_wait = longest_wait
        self._hurry = asyncio.Event()

    def retry_now(self) -> None:
        """Cut the wait short: the Fluksometer was just heard."""
        self._hurry.set()

    async def run(self) -> Never:
        """Keep the stream up until cancelled."""
        wait = self._shortest_wait
        while True:
            opened = monotonic()
            try:
                await self._follow()
                lost: FluksoError = FluksoConnectionError(f"{self._client.address} closed the stream")
            except FluksoError as error:
                lost = error
            self._on_lost(lost)
            if monotonic() - opened >= _HEALTHY_SECONDS:
                wait = self._shortest_wait
            # Jitter, so that many clients do not come back to a restarted Fluksometer all at once.
            if await self._pause(wait * uniform(0.8, 1.2)):  # noqa: S311
                wait = self._shortest_wait
            else:
                wait = min(wait * 2, self._longest_wait)

    async def _follow(self) -> None:
        async with self._client.subscribe() as readings:
            self._on_open()
            async for reading in readings:
                self._on_reading(reading)

    async def _pause(self, seconds: float) -> bool:
        """Wait, and tell whether the wait was cut short."""
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return False
        return True
