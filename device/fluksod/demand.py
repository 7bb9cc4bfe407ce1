"""Keeps the quarter-hour averages and the month's peak of every sensor that counts what the house draws.

All of it comes from the store, so nothing more has to be kept: after a restart it is what it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from fluksod.meter.demand import QUARTER, Peak, highest, month_start, running_quarter
from fluksod.sensor import Direction, SensorType
from fluksod.store import Store, Stream
from fluksod.store.buckets import Columns

ReadHistory = Callable[[str, int, int, int], Awaitable[Columns]]
LATE = 5.0
"""Seconds after a quarter by which the readings that end it are in the store."""


@dataclass(slots=True)
class _Watched:
    """One sensor: the month it is in and its peak, the quarter that runs and the counter it began with."""

    month: int = 0
    done: int = 0
    peak: Peak | None = None
    quarter: int = 0
    began_with: float | None = None


class Demand:
    """Follows the sensors of `store`, whose past `history` reads; months begin in `zone` (None: the machine's)."""

    def __init__(
        self, store: Store, history: ReadHistory, zone: tzinfo | None, wall: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._history = history
        self._zone = zone
        self._wall = wall
        self._watched: dict[str, _Watched] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(1.0)

    async def look(self) -> None:
        """Take what has ended since the last look. To be called about once a second."""
        now = self._wall()
        for stream in [stream for stream in self._store.streams.values() if _draws(stream)]:
            watched = self._watched.setdefault(stream.sensor.id, _Watched())
            quarter = int(now) // QUARTER * QUARTER
            is_new = watched.quarter != quarter and (now - quarter >= LATE or not watched.quarter)
            if is_new or (watched.began_with is None and stream.reading is not None):
                await self._take(stream.sensor.id, watched, quarter)

    def of(self, sensor: str) -> dict[str, Any] | None:
        """The member `demand` of a sensor in the API (docs/protocol.md); None for one that has none."""
        watched, stream = self._watched.get(sensor), self._store.streams.get(sensor)
        if watched is None or stream is None:
            return None
        reading = stream.reading
        now = self._wall()
        quarter, energy = int(now) // QUARTER * QUARTER, None
        if reading is not None and reading.exact_counter is not None and watched.began_with is not None:
            energy = max(reading.exact_counter - watched.began_with, 0.0) if watched.quarter == quarter else None
        running = running_quarter(quarter, now, energy, None if reading is None else reading.gauge)
        return {
            "quarter": running.start,
            "average": running.average,
            "projected": running.projected,
            "month_peak": None if watched.peak is None else watched.peak.average,
            "month_peak_time": None if watched.peak is None else watched.peak.time,
        }

    async def _take(self, sensor: str, watched: _Watched, quarter: int) -> None:
        month = month_start(quarter, self._zone)
        if month != watched.month or quarter < watched.done:  # a new month, or a clock that was set back
            watched.month, watched.done, watched.peak = month, month, None
        if quarter > watched.done:
            past = await self._history(sensor, watched.done, quarter, QUARTER)
            watched.peak, watched.done = highest(past, watched.peak), quarter
        running = await self._history(sensor, quarter, quarter + QUARTER, QUARTER)
        watched.quarter, watched.began_with = quarter, running.counter_start[0]


def _draws(stream: Stream) -> bool:
    return stream.sensor.type is SensorType.ELECTRICITY and stream.sensor.direction is Direction.IMPORT
