"""Blocks cut from the store when somebody wants them: of seconds as long as those are kept, then of minutes.

Nothing is written twice for them, so they cost no life of an SD card, survive what the store survives, and there is one
for all that it has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fluksod.mqtt.sensor_config import sensor_section
from fluksod.store import Store
from fluksod.store.archive import Archive
from fluksod.store.record import Position
from fluksod.tmpo.block import block
from fluksod.tmpo.spans import Span, spans

RID = 0
"""The recycle id counts the sensors that had a port's id before; our ids are never used again."""


class Blocks:
    """The blocks of the sensors of `store`, whose past `archive` has."""

    def __init__(self, store: Store, archive: Archive, wall: Callable[[], float] = time.time) -> None:
        self._store = store
        self._archive = archive
        self._wall = wall

    def sensors(self) -> list[str]:
        """The sensors that have blocks."""
        return list(self._store.streams)

    async def spans(self, sensor: str) -> list[Span]:
        """The blocks of a sensor that have anything in them, the largest first."""
        cursor = self._archive.first_time(sensor)
        if sensor not in self._store.streams or cursor is None:
            return []
        now = int(self._wall())
        oldest = max(cursor, now - self._archive.kept_seconds)
        return [span for span in spans(oldest, now) if await self._points(sensor, span, 1)]

    async def read(self, sensor: str, span: Span) -> bytes | None:
        """A block; None where there is none."""
        stream = self._store.streams.get(sensor)
        if stream is None or not span.is_cut(int(self._wall())):
            return None
        points = await self._points(sensor, span, 1 << span.level)
        section = sensor_section(stream.sensor)
        return await asyncio.to_thread(block, section, [(row.time, row.counter) for row in points])

    async def _points(self, sensor: str, span: Span, most: int) -> list[Position]:
        before = Position(span.start - 1, -1)
        return await self._archive.measurements(sensor, before, span.end - 1, most) or []
