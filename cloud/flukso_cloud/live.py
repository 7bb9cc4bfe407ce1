"""Readings as they come in, fanned out inside one process.

A slow listener loses its oldest readings, is told so, and never holds up anybody: its queue is bounded. The newest
readings of all sensors together are kept for whoever comes back, or comes anew and wants to see the last minutes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from . import metrics
from .coarse import Coarse
from .readings import Gauge, Reading

__all__ = ["KEPT", "QUEUE", "Broadcaster", "Gauge", "Listener", "Reading", "Told"]

K = TypeVar("K")
QUEUE = 256
"""Readings that may wait for one listener."""
KEPT = 20_000
"""Readings of all sensors that are kept, about 5 MB: an hour of a household at one a second, ten minutes of six."""


class Told(NamedTuple):
    """A reading, and its number among all that were handed out; None if it was told to one listener alone."""

    reading: Reading
    number: int | None


class Listener:
    """One listener's bounded queue. `account` is whose it is; `coarse` what thins the sensors shared with it so.

    `is_over` tells that no more is to be read, `must_look` that somebody's rights have changed, perhaps this one's.
    """

    def __init__(self, account: int | None = None, coarse: Mapping[str, Coarse] | None = None) -> None:
        self._told: deque[Told] = deque()
        self._coarse = coarse or {}
        self._waiting: asyncio.Future[None] | None = None
        self._has_lost = False
        self.account = account
        self.lost = 0
        self.is_over = False
        self.must_look = False

    def put(self, told: Told) -> None:
        """Add a reading, or what may be heard of it; the oldest makes room if need be."""
        coarse = self._coarse.get(told.reading.sensor)
        heard = told.reading if coarse is None else coarse.take(told.reading)
        if heard is not None:
            self._put(told if heard is told.reading else Told(heard, told.number))

    def tell(self, reading: Reading) -> None:
        """Add a reading as it is."""
        self._put(Told(reading, None))

    def hang_up(self) -> None:
        """Let the listener read no further than here: what it may hear has changed."""
        self._told.clear()
        self._has_lost = False
        self.is_over = True
        self._wake()

    def look_again(self) -> None:
        """Let the listener find out whether it still may hear, before it reads on."""
        self.must_look = True
        self._wake()

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to read or to do, for so long at most."""
        if self._told or self.is_over or self.must_look:
            return
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(seconds, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def take(self) -> list[Told | None]:
        """Return what waits to be read, in order; None at first if something before it was lost."""
        taken: list[Told | None] = [None, *self._told] if self._has_lost else [*self._told]
        self._told.clear()
        self._has_lost = False
        return taken

    def _put(self, told: Told) -> None:
        if self.is_over:
            return
        if len(self._told) >= QUEUE:
            self._told.popleft()
            self._has_lost = True
            self.lost += 1
            metrics.LOST.inc()
        self._told.append(told)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Broadcaster:
    """Hands readings to listeners of their sensor."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._of_accounts: dict[int | None, set[Listener]] = {}
        self._gauges: dict[str, Gauge] = {}
        self._counted: dict[str, int] = {}
        self._number = 0
        self._kept: deque[Told] = deque()
        self._dropped: dict[str, int] = {}
        self._is_closed = False
        self.run = secrets.token_hex(4)
        """Tells the ids of events apart from those before a restart."""

    def gauge(self, sensor: str) -> Gauge | None:
        """Return the newest gauge of a sensor since the server started."""
        return self._gauges.get(sensor)

    def has_counted(self, sensor: str) -> bool:
        """Tell whether a sensor has told a counter since the server started."""
        return sensor in self._counted

    def publish(self, readings: Iterable[Reading]) -> None:
        """Hand out readings in order of time, leaving out what is not newer than what was handed out already."""
        for reading in readings:
            news = self._news(reading)
            if news.counter is not None or news.gauge is not None:
                self._number += 1
                told = Told(news, self._number)
                self._keep(told)
                for listener in self._listeners.get(news.sensor, ()):
                    listener.put(told)

    def missed(self, event_id: str, sensors: Collection[str]) -> list[Told | None]:
        """Return the readings of these sensors handed out after an event (`RUN-NUMBER`), in order.

        None at first if some of them are not kept any more, or it is not known what that event was.
        """
        run, _, text = event_id.partition("-")
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else self._number + 1
        if run != self.run or number > self._number:
            return [None]
        found: list[Told | None] = []
        for told in reversed(self._kept):
            if (told.number or 0) <= number:
                break
            if told.reading.sensor in sensors:
                found.append(told)
        if any(self._dropped.get(sensor, 0) > number for sensor in sensors):
            found.append(None)
        return found[::-1]

    def recent(self, since: int, sensors: Container[str]) -> list[Told]:
        """Return the readings of these sensors from unix second `since` on that are kept, in the order they came."""
        return [told for told in self._kept if told.reading.time >= since and told.reading.sensor in sensors]

    def _keep(self, told: Told) -> None:
        self._kept.append(told)
        if len(self._kept) > KEPT:
            gone = self._kept.popleft()
            self._dropped[gone.reading.sensor] = gone.number or 0

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
        for known in (self._gauges, self._counted, self._dropped):
            known.pop(sensor, None)
        self._kept = deque(told for told in self._kept if told.reading.sensor != sensor)

    def forget_between(self, sensor: str, start: int, end: int) -> None:
        """Forget what a sensor has told of [start, end): its owner has deleted or corrected that."""
        gauge = self._gauges.get(sensor)
        if gauge is not None and start <= gauge.time < end:
            del self._gauges[sensor]
        kept = (one for one in self._kept if one.reading.sensor != sensor or not start <= one.reading.time < end)
        self._kept = deque(kept, KEPT)

    def hang_up(self, *accounts: int) -> None:
        """End all streams of some accounts; whoever still may, listens again."""
        for account in accounts:
            for listener in self._of_accounts.get(account, ()):
                listener.hang_up()

    def look_again(self, *accounts: int) -> None:
        """Let all streams of some accounts find out whether they still may be; those that may go on."""
        for account in accounts:
            for listener in self._of_accounts.get(account, ()):
                listener.look_again()

    def close(self) -> None:
        """End all streams, and from now on each as it begins."""
        self._is_closed = True
        for listeners in self._of_accounts.values():
            for listener in listeners:
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
        self._of_accounts.setdefault(account, set()).add(listener)
        if self._is_closed:
            listener.hang_up()
        metrics.LISTENERS.inc()
        try:
            yield listener
        finally:
            metrics.LISTENERS.dec()
            for sensor in wanted:
                _discard(self._listeners, sensor, listener)
            _discard(self._of_accounts, account, listener)


def _discard(listeners: dict[K, set[Listener]], key: K, listener: Listener) -> None:
    others = listeners.get(key, set())
    others.discard(listener)
    if not others:
        listeners.pop(key, None)
