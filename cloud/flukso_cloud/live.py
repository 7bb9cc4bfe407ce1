"""Readings as they come in, fanned out inside one process.

A slow listener loses its oldest readings and never holds up anybody: its queue is bounded. The newest readings of all
sensors together are kept for whoever comes back, or comes anew and wants to see the last minutes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from . import metrics
from .coarse import Coarse
from .readings import Gauge, Reading

__all__ = ["KEPT", "QUEUE", "Broadcaster", "Gauge", "Listener", "Reading", "Told"]

QUEUE = 256
"""Readings that may wait for one listener."""
KEPT = 20_000
"""Readings of all sensors that are kept, about 5 MB: an hour of a household at one a second, ten minutes of six."""


class Told(NamedTuple):
    """A reading, and its number among all that were handed out; None if it was told to one listener alone."""

    reading: Reading
    number: int | None


class Listener:
    """One listener's bounded queue. `account` is whose it is; `coarse` what thins the sensors shared with it so."""

    def __init__(self, account: int | None = None, coarse: Mapping[str, Coarse] | None = None) -> None:
        self._queue: asyncio.Queue[Told | None] = asyncio.Queue(QUEUE)
        self._coarse = coarse or {}
        self.account = account
        self.lost = 0

    def put(self, told: Told) -> None:
        """Add a reading, or what may be heard of it; the oldest makes room if need be."""
        coarse = self._coarse.get(told.reading.sensor)
        heard = told.reading if coarse is None else coarse.take(told.reading)
        if heard is not None:
            self._put(Told(heard, told.number))

    def tell(self, reading: Reading) -> None:
        """Add a reading as it is."""
        self._put(Told(reading, None))

    def hang_up(self) -> None:
        """Let the listener read no further than here: what it may hear has changed."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._put(None)

    async def get(self) -> Told | None:
        """Wait for the next reading; None is the end."""
        return await self._queue.get()

    def _put(self, item: Told | None) -> None:
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
        self._run = secrets.token_hex(4)
        self._number = 0
        self._kept: deque[Told] = deque(maxlen=KEPT)

    def gauge(self, sensor: str) -> Gauge | None:
        """Return the newest gauge of a sensor since the server started."""
        return self._gauges.get(sensor)

    def publish(self, readings: Iterable[Reading]) -> None:
        """Hand out readings in order of time, leaving out what is not newer than what was handed out already."""
        for reading in readings:
            news = self._news(reading)
            if news.counter is not None or news.gauge is not None:
                self._number += 1
                told = Told(news, self._number)
                self._kept.append(told)
                for listener in self._listeners.get(news.sensor, ()):
                    listener.put(told)

    def id_of(self, number: int) -> str:
        """Return the id of a reading's event: it is told apart from those before a restart."""
        return f"{self._run}-{number}"

    def missed(self, event_id: str) -> list[Told] | None:
        """Return all readings handed out after that event, in order; None if that is not known any more."""
        run, _, number = event_id.partition("-")
        if run != self._run or not number.isdecimal() or int(number) > self._number:
            return None
        oldest = self._kept[0].number or 0 if self._kept else self._number + 1
        if int(number) + 1 < oldest:
            return None
        return [told for told in self._kept if (told.number or 0) > int(number)]

    def recent(self, since: int) -> list[Told]:
        """Return the readings from unix second `since` on that are kept, in the order they came."""
        return [told for told in self._kept if told.reading.time >= since]

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
        self._kept = deque((told for told in self._kept if told.reading.sensor != sensor), KEPT)

    def forget_between(self, sensor: str, start: int, end: int) -> None:
        """Forget what a sensor has told of [start, end): its owner has deleted or corrected that."""
        gauge = self._gauges.get(sensor)
        if gauge is not None and start <= gauge.time < end:
            del self._gauges[sensor]
        kept = (one for one in self._kept if one.reading.sensor != sensor or not start <= one.reading.time < end)
        self._kept = deque(kept, KEPT)

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
