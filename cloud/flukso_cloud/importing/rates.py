"""A counter out of rates: what flowed is summed up, beginning at 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flukso_cloud.meter import HIGHEST, LOWEST, MAX_RATE, SHORTEST_GAP, WRAP, Meter, Sample
from flukso_cloud.units import whole


class Stretch(NamedTuple):
    """Time [start, end) in unix seconds in which a rate in Wh/s or L/s held."""

    start: int
    end: int
    rate: float


def holding(readings: Iterable[tuple[int, float]]) -> Iterator[Stretch]:
    """Let each rate hold until the next reading, (unix seconds, rate) in order of time, if that is within the hour."""
    previous: tuple[int, float] | None = None
    for reading in readings:
        if previous is not None and reading[0] - previous[0] <= SHORTEST_GAP:
            yield Stretch(previous[0], reading[0], previous[1])
        previous = reading


def integrate(stretches: Iterable[Stretch], meter: Meter) -> Iterator[Sample]:
    """Yield the counter at the edges of stretches that come in order of time.

    A hole of up to an hour is bridged with the rate before it. A longer one is a gap, and nobody knows what flowed in
    it: the counter begins anew after it, as if the meter had been replaced, so that the gap is shown as one.
    """
    total = 0.0
    before: Stretch | None = None
    for stretch in stretches:
        if before is None:
            yield Sample(stretch.start, 0)
        elif stretch.start > before.end:
            if stretch.start - before.end <= SHORTEST_GAP:
                total += before.rate * (stretch.start - before.end)
            else:
                total = _anew(_sample(before.end, total), stretch.start, meter)
            yield _sample(stretch.start, total)
        total += stretch.rate * (stretch.end - stretch.start)
        yield _sample(stretch.end, total)
        before = stretch


def _anew(before: Sample, time: int, meter: Meter) -> int:
    """Return a counter that nobody takes for what the one before has become by `time`.

    After 2**32 / MAX_RATE seconds, nearly seven years, there is none: each could be a wrap. It stays as it was then.
    """
    beyond = MAX_RATE * (time - before.time) + 1
    for counter in (0, before.counter + beyond, before.counter - beyond):
        if LOWEST <= counter <= HIGHEST and meter.flow(before, Sample(time, counter)) is None:
            return counter
    return before.counter


def _sample(time: int, total: float) -> Sample:
    counter = whole(total)
    return Sample(time, counter % WRAP if counter > HIGHEST else counter)
