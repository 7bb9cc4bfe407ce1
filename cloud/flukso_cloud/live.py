"""Readings as they come in, fanned out inside one process.

A slow listener loses its oldest readings and never holds up anybody: its queue is bounded. Of a sensor only the newest
gauge is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from . import metrics
from .coarse import Coarse
from .readings import Gauge, Reading

__all__ = ["QUEUE", "Broadcaster", "Gauge", "Listener", "Reading"]

QUEUE = 256
"""Readings that may wait for one listener."""


class Listener:
    """One listener's bounded queue. `account` is whose it is; `coarse` what thins the sensors shared with it so."""

    def __init__(self, account: int | None = None, coarse: Mapping[str, Coarse] | None = None) -> None:
        self._queue: asyncio.Queue[Reading | None] = asyncio.Queue(QUEUE)
        self._coarse = coarse or {}
        self.account = account
        self.lost = 0

    def put(self, reading: Reading) -> None:
        """Add a reading, or what may be heard of it; the oldest makes room if need be."""
        coarse = self._coarse.get(reading.sensor)
        heard = reading if coarse is None else coarse.take(reading)
        if heard is not None:
            self._put(heard)

    def tell(self, reading: Reading) -> None:
        """Add a reading as it is."""
        self._put(reading)

    def hang_up(self) -> None:
        """Let the listener read no further than here: what it may hear has changed."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._put(None)

    async def get(self) -> Reading | None:
        """Wait for the next reading; None is the end."""
        return await self._queue.get()

    def _put(self, item: Reading | None) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.lost += 1
            metrics.LOST.inc()
        self._queue.put_nowait(item)


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

    def forget(self, sensor: str) -> None:
        """Forget what a sensor has told: it is about to be somebody else's."""
        self._gauges.pop(sensor, None)
        self._counted.pop(sensor, None)

    def hang_up(self, *accounts: int) -> None:
        """End all streams of some accounts; whoever still may, listens again."""
        for listener in {one for listeners in self._listeners.values() for one in listeners}:
            if listener.account in accounts:
                listener.hang_up()

    @contextmanager
    def listen(
        self, sensors: Iterable[str], account: int | None = None, coarse: Mapping[str, Coarse] | None = None
    ) -> Iterator[Listener]:
        """Listen to some sensors for as long as the context lasts."""
        listener = Listener(account, coarse)
        wanted = list(sensors)
        for sensor in wanted:
            self._listeners.setdefault(sensor, set()).add(listener)
        metrics.LISTENERS.inc()
        try:
            yield listener
        finally:
            metrics.LISTENERS.dec()
            for sensor in wanted:
                others = self._listeners.get(sensor, set())
                others.discard(listener)
                if not others:
                    self._listeners.pop(sensor, None)
