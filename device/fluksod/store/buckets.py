"""A sensor's history as columns of buckets, at any resolution. Pure.

The counter is one function of time, a line through what is known of it; a bucket's energy is that function's difference
at the bucket's edges, so sums agree at every resolution. In a gap the line goes on from before to after, and the gap
shows in coverage 0 and gauges that are None. Outside what is known the counter is None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fluksod.store.record import Position

MOST_BUCKETS = 100_000


class Cell(NamedTuple):
    """What is known of a gauge in [start, end), in thousandths; `covered` is how many of its seconds were measured."""

    start: int
    end: int
    low: int | None
    high: int | None
    mean: float | None
    last: int | None
    covered: float


@dataclass(slots=True)
class Columns:
    """One entry a bucket, in the sensor's units: `time` is its start, unix seconds; `coverage` goes from 0 to 1.

    `counter_start` and `counter_end` are the counter at its edges: in the first and in the last bucket that is known,
    where the knowledge begins and ends. Numbers are whole where they can be.
    """

    time: list[int] = field(default_factory=list)
    min: list[float | None] = field(default_factory=list)
    max: list[float | None] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)
    last: list[float | None] = field(default_factory=list)
    counter_start: list[float | None] = field(default_factory=list)
    counter_end: list[float | None] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)


def columns(points: Sequence[Position], cells: Sequence[Cell], *, start: int, end: int, resolution: int) -> Columns:
    """Make the buckets of [start, end), each `resolution` seconds long and the first one beginning at `start`.

    `points` (counters in thousandths) and `cells` ascend in time; points that fall are held at what was known before.
    Raises `ValueError` for no or more than 100,000 buckets.
    """
    count = check(start, end, resolution)
    line = _rising(points)
    times = [point.time for point in line]
    made = Columns()
    sums = [_Sum() for _ in range(count)]
    for cell in cells:
        first = max((cell.start - start) // resolution, 0)
        last = min((cell.end - 1 - start) // resolution, count - 1)
        for index in range(first, last + 1):
            edge = start + index * resolution
            share = (min(cell.end, edge + resolution) - max(cell.start, edge)) / (cell.end - cell.start)
            sums[index].add(cell, cell.covered * share)
    for index, summed in enumerate(sums):
        edge = start + index * resolution
        made.time.append(edge)
        opening = closing = None
        if line:
            opened, closed = max(edge, times[0]), min(edge + resolution, times[-1])
            if opened < closed:
                opening, closing = _at(line, times, opened), _at(line, times, closed)
        made.counter_start.append(_units(opening))
        made.counter_end.append(_units(closing))
        made.min.append(_units(summed.low))
        made.max.append(_units(summed.high))
        made.mean.append(_units(summed.total / summed.weight if summed.weight else None))
        made.last.append(_units(summed.last))
        made.coverage.append(round(min(summed.covered / resolution, 1.0), 4))
    return made


def check(start: int, end: int, resolution: int) -> int:
    """How many buckets that makes. Raises `ValueError` where it is none or more than 100,000."""
    if resolution < 1 or end <= start:
        raise ValueError("a history needs a resolution of 1 s or more and an end after its start")
    count = -(-(end - start) // resolution)
    if count > MOST_BUCKETS:
        raise ValueError(f"{count} buckets are more than {MOST_BUCKETS}; ask for a coarser resolution or less time")
    return count


class _Sum:
    __slots__ = ("covered", "high", "last", "low", "total", "weight")

    def __init__(self) -> None:
        self.low: int | None = None
        self.high: int | None = None
        self.last: int | None = None
        self.total = self.weight = self.covered = 0.0

    def add(self, cell: Cell, covered: float) -> None:
        self.covered += covered
        if cell.low is None or cell.high is None or cell.mean is None:
            return
        self.low = cell.low if self.low is None else min(self.low, cell.low)
        self.high = cell.high if self.high is None else max(self.high, cell.high)
        self.last = cell.last
        self.total += cell.mean * covered
        self.weight += covered


def _rising(points: Sequence[Position]) -> list[Position]:
    line: list[Position] = []
    for point in points:
        if line and point.time <= line[-1].time:
            continue
        line.append(point if not line or point.counter >= line[-1].counter else Position(point.time, line[-1].counter))
    return line


def _at(line: Sequence[Position], times: Sequence[int], time: int) -> int:
    """The counter at a time between the first and the last point."""
    place = bisect_left(times, time)
    after = line[place]
    if after.time == time:
        return after.counter
    before = line[place - 1]
    return before.counter + (after.counter - before.counter) * (time - before.time) // (after.time - before.time)


def _units(thousandths: float | None) -> float | None:
    if thousandths is None:
        return None
    whole = round(thousandths)
    return whole // 1000 if whole % 1000 == 0 else whole / 1000
