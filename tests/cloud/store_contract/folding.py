"""Folding as a whole, slice after slice."""

from __future__ import annotations

from flukso_cloud.store import Sensor, Store

DAY = 86400
MOST_SLICES = 10_000


async def fold_from(store: Store, sensor: Sensor, now: int) -> int:
    """Fold all days that are over at `now`, of this sensor and younger ones; return how many samples that were."""
    await store.newest([sensor.number])  # what is read is in its place
    number: int | None = sensor.number
    count = 0
    for _ in range(MOST_SLICES):
        if number is None:
            return count
        done = await store.fold(now, number)
        count, number = count + done.samples, done.next_sensor
    raise AssertionError("folding comes to no end")
