"""What is left of a stream that is shared at a coarse resolution: its counter at the edges of buckets. Pure."""

from __future__ import annotations

from math import floor

from .meter import Meter, Sample
from .readings import Reading


def counter_at(edge: int, before: Sample, after: Sample | None, meter: Meter, resolution: int) -> int:
    """Return the counter at `edge` (unix seconds), rounded down; `before` is at or before it, `after` later.

    It is interpolated as in a series (series.py); across a gap it is what it was before the gap.
    """
    flowed = None if after is None else meter.spread(before, after, resolution)
    if flowed is None or after is None:
        return before.counter
    return floor(before.counter + flowed * (edge - before.time) / (after.time - before.time))


class Coarse:
    """Tells the counter at the newest edge of buckets of `resolution` seconds, with the mean rate since the one before.

    `factor` makes a rate of the counter's units a second: 3600 for W of Wh, 60 for L/min of L.
    """

    def __init__(self, resolution: int, factor: int, meter: Meter) -> None:
        self._resolution = resolution
        self._factor = factor
        self._meter = meter
        self._told: Sample | None = None
        self._newest: Sample | None = None

    def begin(self, told: Sample, newest: Sample) -> None:
        """Go on from what was told of an edge, and from the newest sample, unless a newer one was taken meanwhile."""
        if self._told is None:
            self._told = told
        if self._newest is None:
            self._newest = newest

    def take(self, reading: Reading) -> Reading | None:
        """Return what may be heard of a reading, None when nothing."""
        if reading.counter is None:
            return None
        before, sample = self._newest, Sample(reading.time, reading.counter)
        if before is not None and sample.time <= before.time:
            return None
        self._newest = sample
        edge = sample.time // self._resolution * self._resolution
        if edge == sample.time:
            counter = sample.counter
        elif before is None or edge <= before.time:
            return None
        else:
            counter = counter_at(edge, before, sample, self._meter, self._resolution)
        told, self._told = self._told, Sample(edge, counter)
        if told is None or edge <= told.time:
            return Reading(reading.sensor, edge, counter, None) if told is None else None
        flowed = self._meter.flow(told, self._told)
        gauge = None if flowed is None else round(flowed * self._factor / (edge - told.time), 3)
        return Reading(reading.sensor, edge, counter, gauge)
