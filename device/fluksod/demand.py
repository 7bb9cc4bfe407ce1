"""Keeps the quarter-hour averages and the peaks of months of every sensor that counts what the house draws.

All of it comes from the minutes in the store, so nothing more has to be kept: after a restart it is what it was.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from fluksod.meter.quarter_hours import (
    MONTHS,
    QUARTER,
    SHORT_HOLE,
    Known,
    Peak,
    QuarterHours,
    RunningQuarter,
    mean_of_months,
    month_start,
    running_quarter,
)
from fluksod.sensor import Direction, SensorType
from fluksod.store import Store, Stream
from fluksod.store.archive import DAY, Archive
from fluksod.store.timeline import JITTER


@dataclass(slots=True)
class _Watched:
    """One sensor: what its month, since `month`, had until `quarter`, and what the running one `began` with.

    `past` has the peaks of the months before, by their start.
    """

    month: int = 0
    quarter: int = 0
    hours: QuarterHours = field(default_factory=QuarterHours)
    began: Known | None = None
    past: dict[int, Peak | None] = field(default_factory=dict)


class Demand:
    """Follows the sensors of `store`, whose past `archive` has; months begin in `zone` (None: the machine's).

    `of_meter` gives what a sensor's meter computes by itself.
    """

    def __init__(
        self,
        store: Store,
        archive: Archive,
        zone: tzinfo | None,
        of_meter: Callable[[str], Mapping[str, Any] | None] = lambda _sensor: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._archive = archive
        self._zone = zone
        self._of_meter = of_meter
        self._wall = wall
        self._watched: dict[str, _Watched] = {}
        self._month = 0
        self._before: list[tuple[int, int]] = []

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(1.0)

    async def look(self) -> None:
        """Take what has ended since the last look. To be called about once a second."""
        now = self._wall()
        quarter = int(now) // QUARTER * QUARTER
        self._find_months(quarter)
        for stream in [stream for stream in self._store.streams.values() if _draws(stream)]:
            sensor = stream.sensor.id
            watched = self._watched.setdefault(sensor, _Watched())
            if quarter > watched.quarter or now + JITTER < watched.quarter:
                await self._follow(sensor, watched, quarter)
            else:
                await self._read_a_month(sensor, watched)
            newest = self._archive.newest(sensor)
            if watched.began is None and newest is not None and newest.counter is not None and newest.time >= quarter:
                watched.began = Known(newest.time + 1, newest.counter)

    def of(self, sensor: str) -> dict[str, Any] | None:
        """The member `demand` of a sensor in the API (docs/protocol.md); None for one that has none."""
        stream = self._store.streams.get(sensor)
        if stream is None or not _draws(stream):
            return None
        watched = self._watched.get(sensor, _Watched())
        quarter = int(self._wall()) // QUARTER * QUARTER
        running = self._running(sensor, watched) if quarter == watched.quarter else None
        peak, passed = watched.hours.peak, (watched.quarter - watched.month) // QUARTER
        of_meter = self._of_meter(sensor)
        return {
            "quarter": quarter,
            "average": None if running is None else running.average,
            "projected": None if running is None else running.projected,
            "whole": running is not None and running.is_whole,
            "month_peak": None if peak is None else peak.average,
            "month_peak_time": None if peak is None else peak.time,
            "month_coverage": round(watched.hours.whole / passed, 4) if passed else None,
            "mean_month_peak": self._mean(watched),
            "meter": None if of_meter is None else dict(of_meter),
        }

    def _running(self, sensor: str, watched: _Watched) -> RunningQuarter | None:
        newest = self._archive.newest(sensor)
        if watched.began is None or newest is None or newest.counter is None:
            return None
        if any(watched.quarter <= leap <= newest.time for leap in self._archive.leaps):
            return None
        now = Known(newest.time + 1, newest.counter)
        return running_quarter(watched.quarter, watched.began, now, (newest.gauge or 0) / 1000)

    def _mean(self, watched: _Watched) -> float | None:
        """None before all months are read."""
        if any(start not in watched.past for start, _ in self._before):
            return None
        peaks = [watched.hours.peak, *(watched.past[start] for start, _ in self._before)]
        return mean_of_months(peak.average for peak in peaks if peak is not None)

    def _find_months(self, now: int) -> None:
        month = month_start(now, self._zone)
        if month != self._month:
            starts = [month_start(now, self._zone, before) for before in range(MONTHS)]
            self._month, self._before = month, [(start, end) for end, start in itertools.pairwise(starts)]

    async def _follow(self, sensor: str, watched: _Watched, quarter: int) -> None:
        """Take the minutes until `quarter`: of the whole month where it is new, or where the clock was set back."""
        is_new = self._month != watched.month or quarter < watched.quarter
        hours = QuarterHours(self._archive.leaps) if is_new else watched.hours
        if await self._feed(hours, sensor, self._month - SHORT_HOLE if is_new else watched.quarter, quarter):
            hours.end(quarter)
            watched.month, watched.quarter, watched.hours = self._month, quarter, hours
            watched.began = hours.began_with(quarter)

    async def _read_a_month(self, sensor: str, watched: _Watched) -> None:
        """Read one of the months before that is missing: one at a time, nobody is in a hurry.

        Those from before it was measured have no peak.
        """
        first = self._archive.first(sensor)
        if first is None:
            return
        for start, end in self._before:
            if end + SHORT_HOLE <= first:
                watched.past.setdefault(start, None)
        missing = next(((start, end) for start, end in self._before if start not in watched.past), None)
        if missing is None:
            return
        start, end = missing
        hours = QuarterHours(self._archive.leaps)
        if await self._feed(hours, sensor, start - SHORT_HOLE, end + SHORT_HOLE):
            watched.past[start] = hours.peak

    async def _feed(self, hours: QuarterHours, sensor: str, start: int, end: int) -> bool:
        """Tell `hours` the minutes in [start, end), a day at a time so that what is live is not held up.

        False where they cannot be read now.
        """
        for day in range(start, end, DAY):
            counters = await self._archive.minute_counters(sensor, day, min(day + DAY, end))
            if counters is None:
                return False
            for at, counter in counters:
                hours.take(at, counter)
        return True


def _draws(stream: Stream) -> bool:
    return stream.sensor.type is SensorType.ELECTRICITY and stream.sensor.direction is Direction.IMPORT
