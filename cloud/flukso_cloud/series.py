"""Buckets from counters: what flowed in a span of time is the difference of the counter at its two edges.

An edge between two samples is interpolated, the same way for every resolution, so that buckets add up: the minutes of
an hour to the hour, the days of a year to the year. Time that nobody measured (a gap, a reset, an impossible jump)
counts as not covered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .meter import SHORTEST_GAP, Meter, Sample

ENOUGH = 0.5
"""Share of a bucket that must be covered for it to have a value: the original archives' "xff"."""


class Span(NamedTuple):
    """A stretch of time [start, end) in unix seconds."""

    start: int
    end: int


class Neighbours(NamedTuple):
    """The samples around an instant: the newest at or before it, and the oldest after it."""

    before: Sample | None
    after: Sample | None


class Break(NamedTuple):
    """Two consecutive samples between which the counter wrapped, was reset or jumped."""

    earlier: Sample
    later: Sample


class Bucket(NamedTuple):
    """What flowed in a span, in Wh or L, and how many of its seconds were measured."""

    flowed: float
    covered: float


class _Edge(NamedTuple):
    time: float
    counter: float


def _opening(at: int, near: Neighbours, meter: Meter, resolution: int) -> _Edge | None:
    """Return the first known point at or after an edge, counted in the frame of the sample after it."""
    before, after = near
    if before is not None and before.time == at:
        return _Edge(*before)
    if after is None:
        return None
    if before is not None:
        flowed = meter.spread(before, after, resolution)
        if flowed is not None:
            rest = flowed * (after.time - at) / (after.time - before.time)
            return _Edge(at, after.counter - rest)
    return _Edge(*after)


def _closing(at: int, near: Neighbours, meter: Meter, resolution: int) -> _Edge | None:
    """Return the last known point at or before an edge, counted in the frame of the sample before it."""
    before, after = near
    if before is None:
        return None
    if after is not None and before.time != at:
        flowed = meter.spread(before, after, resolution)
        if flowed is not None:
            return _Edge(at, before.counter + flowed * (at - before.time) / (after.time - before.time))
    return _Edge(*before)


def measure(
    spans: Sequence[Span],
    near: Mapping[int, Neighbours],
    breaks: Sequence[Break],
    *,
    meter: Meter,
    resolution: int,
) -> list[Bucket | None]:
    """Return what flowed in each span, None where nothing is known.

    `near` has the neighbours of every edge of every span; `breaks` all breaks between them, in order of time.
    """
    starts = [interval.earlier.time for interval in breaks]
    return [_measure(span, near, breaks, starts, meter, resolution) for span in spans]


def _measure(
    span: Span,
    near: Mapping[int, Neighbours],
    breaks: Sequence[Break],
    starts: Sequence[int],
    meter: Meter,
    resolution: int,
) -> Bucket | None:
    before, after = near[span.start]
    if before is not None and after is not None and after.time > span.end:  # no sample in it
        whole = meter.spread(before, after, resolution)
        length = span.end - span.start
        return None if whole is None else Bucket(whole * length / (after.time - before.time), length)
    opening = _opening(span.start, near[span.start], meter, resolution)
    closing = _closing(span.end, near[span.end], meter, resolution)
    if opening is None or closing is None or opening.time >= closing.time:
        return None
    flowed, covered = closing.counter - opening.counter, closing.time - opening.time
    for earlier, later in breaks[bisect_left(starts, opening.time) :]:
        if later.time > closing.time:
            break
        known = meter.flow(earlier, later)
        flowed += (0 if known is None else known) - (later.counter - earlier.counter)
        if known is None:
            covered -= later.time - earlier.time
    return Bucket(flowed, covered) if covered > 0 else None


def rate(span: Span, bucket: Bucket | None, *, newest: int | None, now: int, lenient: bool = False) -> float | None:
    """Return the average rate of a span in Wh/s or L/s, or None if it has none.

    A bucket in progress has none; nor has the one that the newest sample (unix seconds) lies in, until nothing more can
    be expected for it. Else it is the average over what was measured, if that is half of the bucket or more, as the
    original archives had it. With `lenient` any coverage will do, and what was not measured counts as nothing.
    """
    if bucket is None or span.end > now:
        return None
    if newest is not None and newest < span.end and now - newest <= SHORTEST_GAP:
        return None
    length = span.end - span.start
    if lenient:
        return bucket.flowed / length
    return bucket.flowed / bucket.covered if bucket.covered >= ENOUGH * length else None
