"""Time series of a sensor, as API v1 asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .series import Span, measure, rate
from .store import Sensor, Store
from .timescale import SECONDS, night_in
from .units import FACTORS, whole

FEW = 2000
"""Buckets whose arithmetic is over before anybody notices; more of them must not hold up the event loop."""


class Point(NamedTuple):
    """A bucket's end in unix seconds, and its average in whole units; None where it is not known."""

    time: int
    value: int | None


async def averages(
    store: Store, sensor: Sensor, buckets: Sequence[Span], *, unit: str, now: int, nights: ZoneInfo | None = None
) -> list[Point]:
    """Return the average rate in each bucket (all of one length, in order), in `unit`.

    With `nights`, each is the average of 02:00 to 05:00 local time in that zone, where what is missing counts as
    nothing (section 8.2).
    """
    if not buckets:
        return []
    spans = list(buckets) if nights is None else [night_in(bucket, nights) for bucket in buckets]
    resolution = spans[0].end - spans[0].start if nights is None else SECONDS["15min"]
    edges = sorted({edge for span in spans for edge in span})
    near = await store.neighbours(sensor.number, edges)
    newest = (await store.newest([sensor.number])).get(sensor.number)
    first, last = near[edges[0]], near[edges[-1]]
    start = first.before.time if first.before is not None else edges[0]
    end = last.after.time if last.after is not None else edges[-1]
    breaks = await store.breaks(sensor.number, start, end)

    def points() -> list[Point]:
        measured = measure(spans, near, breaks, meter=sensor.meter, resolution=resolution)
        last = None if newest is None else newest.time
        rates = (
            rate(span, found, newest=last, now=now, lenient=nights is not None) if bucket.end <= now else None
            for bucket, span, found in zip(buckets, spans, measured, strict=True)
        )
        return [
            Point(bucket.end, None if value is None else whole(value * FACTORS[unit]))
            for bucket, value in zip(buckets, rates, strict=True)
        ]

    return points() if len(buckets) <= FEW else await asyncio.to_thread(points)
