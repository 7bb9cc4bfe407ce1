"""Readings as they come in, fanned out inside one process.

A slow listener loses its oldest readings and never holds up anybody: its queue is bounded. Of a sensor only the newest
gauge is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

QUEUE = 256
"""Readings that may wait for one listener."""


class Reading(NamedTuple):
    """What a sensor said: counter in Wh or L, gauge in W or L/min; either may be missing."""

    sensor: str
    time: int
    counter: int | None
    gauge: float | None


class Gauge(NamedTuple):
    """The newest rate of a sensor: unix seconds, W or L/min."""

    time: int
    value: float


class Listener:
    """One listener's bounded queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Reading] = asyncio.Queue(QUEUE)
        self.lost = 0

    def put(self, reading: Reading) -> None:
        """Add a reading; the oldest makes room if need be."""
        if self._queue.full():
            self._queue.get_nowait()
            self.lost += 1
        self._queue.put_nowait(reading)

    async def get(self) -> Reading:
        """Wait for the next reading."""
        return await self._queue.get()


class Broadcaster:
    """Hands readings to listeners of their sensor."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._gauges: dict[str, Gauge] = {}
        self._counted: dict[str, int] = {}

    def gauge(self, sensor: str) -> Gauge | None:
        """Return the newest gauge of a sensor since the server started."""
        return self._gauges.get(sensor)

    def publish(self, readings: Iterable[Reading]) -> None:
        """Hand out readings in order of time, leaving out what is not newer than what was handed out already."""
        for reading in readings:
            news = self._news(reading)
            if news.counter is not None or news.gauge is not None:
                for listener in self._listeners.get(news.sensor, ()):
                    listener.put(news)

    def _news(self, reading: Reading) -> Reading:
        """Return what of a reading is newer than all before, and remember it."""
        sensor, time, counter, gauge = reading
        told = self._gauges.get(sensor)
        if gauge is not None and told is not None and time <= told.time:
            gauge = None
        if gauge is not None:
            self._gauges[sensor] = Gauge(time, gauge)
        if counter is not None and time <= self._counted.get(sensor, 0):
            counter = None
        if counter is not None:
            self._counted[sensor] = time
        return Reading(sensor, time, counter, gauge)

    @contextmanager
    def listen(self, sensors: Iterable[str]) -> Iterator[Listener]:
        """Listen to some sensors for as long as the context lasts."""
        listener = Listener()
        wanted = list(sensors)
        for sensor in wanted:
            self._listeners.setdefault(sensor, set()).add(listener)
        try:
            yield listener
        finally:
            for sensor in wanted:
                others = self._listeners.get(sensor, set())
                others.discard(listener)
                if not others:
                    self._listeners.pop(sensor, None)
