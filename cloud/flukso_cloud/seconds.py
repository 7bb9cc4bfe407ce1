"""Seconds that devices send for those who listen: handed out at once, kept as minutes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from . import metrics
from .clock import unix_now
from .live import Broadcaster, Reading
from .meter import HIGHEST, LOWEST, Sample
from .minutes import Minutes, Second
from .store import Sensor, SensorGoneError, Store, StoreUnavailableError
from .units import GAUGE_FACTORS
from .upload import EPOCH, SKEW

log = logging.getLogger(__name__)

MOST_UPLOADS = 120
"""Of a sensor in a minute."""
LIVE_PAST = 3600
"""Seconds: what is older is history and not shown live."""
QUIET_SECONDS = 60
"""After so long without a word the seconds of a minute that has begun are kept."""
IDLE_SECONDS = 86_400
"""After so long the part of a Wh or L that is not in the counter yet is forgotten."""
LOOK_SECONDS = 10.0
AT_ONCE = 500
"""Sensors whose minutes are kept by one commit or two."""
OLD, FUTURE, WIDE = "older than an hour", "time in the future", "beyond 32 bits"


class TooFastError(Exception):
    """A sensor uploads more often than is of use."""


class Taken(NamedTuple):
    """How many seconds were taken, how many refused for which reason, and until when (unix seconds) all is kept."""

    taken: int
    refused: dict[str, int]
    kept: int


class _Sender:
    """A sensor that sends seconds: what they come to, and the samples of it that wait for the store."""

    __slots__ = ("heard", "lock", "minute", "minutes", "sensor", "uploads", "waiting")

    def __init__(self, sensor: Sensor, minutes: Minutes | None) -> None:
        """`minutes` is None for a sensor whose device uploads its counters as measurements."""
        self.sensor = sensor
        self.minutes = minutes
        self.waiting: list[Sample] = []
        self.lock = asyncio.Lock()
        self.heard = 0
        self.minute = 0
        self.uploads = 0

    def has_time(self, now: int) -> bool:
        """Count an upload; tell whether it is one of those that may come in this minute."""
        if now // 60 != self.minute:
            self.minute, self.uploads = now // 60, 0
        self.uploads += 1
        return self.uploads <= MOST_UPLOADS


class Seconds:
    """Takes the seconds of all sensors. Of each only sums are held; what is not in a sample yet is lost by a crash."""

    def __init__(self, store: Store, live: Broadcaster) -> None:
        self._store = store
        self._live = live
        self._senders: dict[str, _Sender] = {}
        self._counted_here: set[str] = set()

    async def take(self, sensor: Sensor, seconds: Sequence[Second], now: int) -> Taken:
        """Hand seconds out, and keep the minutes that are over; what `kept` tells is on disk when this returns.

        Raises TooFastError, StoreUnavailableError, SensorGoneError.
        """
        sender = self._senders.get(sensor.id) or await self._begin(sensor)
        if not sender.has_time(now):
            raise TooFastError
        async with sender.lock:
            sender.heard = now
            await self._keep(sender, now)
            good, refused = _judged(sender.minutes, sender.waiting, seconds, now)
            self._live.publish(Reading(sensor.id, time, counter, gauge) for time, gauge, counter in good)
            metrics.seconds(taken=len(good), refused=refused.total())
            await self._keep(sender, now)
            kept = 0 if sender.minutes is None else sender.minutes.until
        return Taken(len(good), dict(refused), kept)

    def measured(self, sensor_id: str) -> None:
        """Hear that a sensor's counter came as a measurement: then its minutes are those, and only those."""
        sender = self._senders.get(sensor_id)
        if sender is not None:
            sender.minutes = None
        self._counted_here.discard(sensor_id)

    def forget(self, sensor_id: str) -> None:
        """Forget what a sensor has told: it is about to be somebody else's."""
        self._senders.pop(sensor_id, None)
        self._counted_here.discard(sensor_id)

    async def run(self) -> None:
        """Keep what silent sensors have told last, and forget those long silent, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = unix_now()
            await self._close(
                [sender for sender in self._senders.values() if _is_left(sender) and sender.heard < now - QUIET_SECONDS]
            )
            for sensor_id in [one for one, sender in self._senders.items() if sender.heard < now - IDLE_SECONDS]:
                del self._senders[sensor_id]

    async def close(self) -> None:
        """Keep all that is not kept yet."""
        await self._close([sender for sender in self._senders.values() if _is_left(sender)])

    async def _close(self, senders: Sequence[_Sender]) -> None:
        """Keep all that some sensors have told."""
        try:
            for first in range(0, len(senders), AT_ONCE):
                await asyncio.gather(*map(self._close_one, senders[first : first + AT_ONCE]))
        except StoreUnavailableError as error:
            log.warning("minutes of silent sensors are kept later: %s", error)

    async def _close_one(self, sender: _Sender) -> None:
        async with sender.lock:
            if sender.minutes is not None:
                sender.waiting += sender.minutes.close()
            try:
                await self._keep(sender, unix_now())
            except SensorGoneError:
                self.forget(sender.sensor.id)

    async def _begin(self, sensor: Sensor) -> _Sender:
        minutes = None
        if sensor.id in self._counted_here or not self._live.has_counted(sensor.id):
            self._counted_here.add(sensor.id)
            newest = (await self._store.newest([sensor.number])).get(sensor.number)
            minutes = Minutes(sensor.meter, GAUGE_FACTORS.get(sensor.type, 1), newest)
        return self._senders.setdefault(sensor.id, _Sender(sensor, minutes))

    async def _keep(self, sender: _Sender, now: int) -> None:
        """Store the samples that wait, and tell them to who hears the sensor coarsely."""
        samples = sender.waiting
        if not samples:
            return
        try:
            await self._store.append(sender.sensor, samples, now)
        except SensorGoneError:
            self.forget(sender.sensor.id)
            raise
        sender.waiting = []
        recent = (sample for sample in samples if sample.time > now - LIVE_PAST)
        self._live.publish(Reading(sender.sensor.id, *sample, None) for sample in recent)


def _is_left(sender: _Sender) -> bool:
    return bool(sender.waiting) or (sender.minutes is not None and sender.minutes.is_open)


def _judged(
    minutes: Minutes | None, waiting: list[Sample], seconds: Iterable[Second], now: int
) -> tuple[list[Second], Counter[str]]:
    """Return the seconds that are taken, and the reasons of those that are not; add samples to those that wait."""
    good: list[Second] = []
    refused: Counter[str] = Counter()
    for second in seconds:
        reason = _objection(second, now)
        if reason is None and minutes is not None:
            waiting += minutes.close_before(second.time)
            reason = minutes.take(second)
        if reason is None:
            good.append(second)
        else:
            refused[reason] += 1
    return sorted(good), refused


def _objection(second: Second, now: int) -> str | None:
    if second.time > now + SKEW:
        return FUTURE
    if second.time < max(EPOCH, now - LIVE_PAST):
        return OLD
    if second.counter is not None and not LOWEST <= second.counter <= HIGHEST:
        return WIDE
    return None
