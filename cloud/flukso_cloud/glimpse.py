"""What somebody who sees a sensor coarsely sees of it now: its last complete bucket."""

from __future__ import annotations

from typing import NamedTuple

from .access import Sight
from .coarse import counter_at
from .live import Gauge, Reading
from .meter import Sample
from .series import ENOUGH, Span, measure
from .store import Sensor, Store
from .units import GAUGE_FACTORS


class Glimpse(NamedTuple):
    """The counter at the end of a bucket, the mean rate in it (None: not known), and the newest sample of all."""

    measurement: Sample
    gauge: Gauge | None
    newest: Sample

    def reading(self, sensor: str) -> Reading:
        """Return it as a reading."""
        return Reading(sensor, *self.measurement, None if self.gauge is None else self.gauge.value)


async def glimpse(store: Store, sensor: Sensor, sight: Sight) -> Glimpse | None:
    """Return the last complete bucket at the finest resolution that may be seen, if that is coarser than live.

    None if there is none, or it began before the time from which on the sensor may be seen.
    """
    resolution = sight.finest
    newest = (await store.newest([sensor.number])).get(sensor.number)
    if not resolution or newest is None:
        return None
    end = newest.time // resolution * resolution
    bucket, since = Span(end - resolution, end), sight.since(resolution)
    near = await store.neighbours(sensor.number, bucket)
    before, after = near[end]
    if before is None or since is None or bucket.start < since:
        return None
    opening = near[bucket.start].before
    first, last = bucket.start if opening is None else opening.time, end if after is None else after.time
    breaks = await store.breaks(sensor.number, first, last)
    [measured] = measure([bucket], near, breaks, meter=sensor.meter, resolution=resolution)
    gauge = None
    if measured is not None and measured.covered >= ENOUGH * resolution:
        rate = measured.flowed / measured.covered * GAUGE_FACTORS.get(sensor.type, 1)
        gauge = Gauge(end, round(rate, 3))
    return Glimpse(Sample(end, counter_at(end, before, after, sensor.meter, resolution)), gauge, newest)
