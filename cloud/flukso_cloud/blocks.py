"""What becomes of a tmpo block that a device sends, whichever way it comes."""

from __future__ import annotations

import asyncio

from .meter import Sample
from .store import Sensor, Store
from .tmpo import BlockError, Place, counters, read
from .units import COUNTER_UNITS
from .upload import EPOCH, SKEW

AT_ONCE = 4096
"""Measurements of one transaction: a block may have a million, and others want to write meanwhile."""


class Blocks:
    """Keeps blocks, and what they have measured as measurements."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, sensor: Sensor, place: Place, data: bytes, now: int) -> bool:
        """Keep a block, on disk when this returns; False if it was there already, or one that spans it.

        `now` in unix seconds. Its measurements go first: what is cut off between the two, the device sends again.
        Raises BlockError, StoreUnavailableError.
        """
        if not place.exists:
            raise BlockError("a block's level is 8, 12, 16 or 20, its start a multiple of 2^level")
        if place.bid > now + SKEW:
            raise BlockError("the block begins in the future")
        if await self._store.has_block(sensor.number, place):
            return False
        block = await asyncio.to_thread(read, data, place)
        samples = _measured(sensor, counters(block), now)
        for first in range(0, len(samples), AT_ONCE):
            await self._store.append(sensor, samples[first : first + AT_ONCE], now)
        return await self._store.keep_block(sensor.number, place, data)


def _measured(sensor: Sensor, samples: list[Sample], now: int) -> list[Sample]:
    """Return what counts as measurements: of sensors that have a counter, at times that an upload may have too."""
    if sensor.type not in COUNTER_UNITS:
        return []
    return [sample for sample in samples if EPOCH <= sample.time <= now + SKEW]
