"""Statistics of a series in buckets of any length, from summed-up samples. Pure.

What flowed in a bucket is the difference at its two edges of a line through all samples, the same at every
resolution, so buckets add up. What flowed while nobody measured (a gap) is spread over the gap, since it did flow; but
that time is not covered, and has no rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .meter import Meter
from .summary import Flags, Integers, Summaries, flows, gaps

Reals: TypeAlias = NDArray[np.float64]


class Columns(NamedTuple):
    """A value for each bucket: lists of one length.

    `flowed` is in Wh or L, None where nothing is known. `covered` is how many of its seconds were measured. `low`,
    `high`, `mean` and `last` are rates in Wh or L a second, None where nothing was measured; the lowest, highest and
    last are those between samples, over a minute at least.
    """

    flowed: list[float | None]
    covered: list[float]
    low: list[float | None]
    high: list[float | None]
    mean: list[float | None]
    last: list[float | None]


class _Steps(NamedTuple):
    """From the end of each run to the beginning of the next: seconds, what flowed, whether that is known and when."""

    seconds: Integers
    flowed: Integers
    is_known: Flags
    is_covered: Flags


class _Line(NamedTuple):
    """Points at `times`, and what there was up to each: flowed, flowed while measured, seconds known and covered."""

    times: Integers
    flowed: Reals
    measured: Reals
    known: Reals
    covered: Reals


def columns(rows: Summaries, edges: Sequence[int], meter: Meter, *, fine: Summaries | None = None) -> Columns:
    """Return the statistics between each two neighbours of `edges` (ascending unix seconds).

    No edge may be within a run of `rows`, unless `fine` has the same samples in runs where none is. The runs around the
    first and the last edge have to be among them.
    """
    at = np.asarray(edges, np.int64)
    count = len(at) - 1
    if not rows.size or count < 1:
        nothing: list[float | None] = [None] * max(count, 0)
        return Columns(nothing, [0.0] * max(count, 0), nothing, nothing, nothing, nothing)
    steps = _steps(rows, meter)
    line = _line(rows, steps) if fine is None else _line(fine, _steps(fine, meter))
    flowed, measured, known, covered = (np.diff(np.interp(at, line.times, part)) for part in line[1:])
    low, high, last = _rates(rows, steps, at)
    has, is_measured = known > 0, covered > 0
    mean = np.divide(measured, covered, out=np.full(count, np.nan), where=is_measured)
    return Columns(
        _or_none(np.where(has, flowed, np.nan)),
        covered.tolist(),
        _or_none(low),
        _or_none(high),
        _or_none(mean),
        _or_none(last),
    )


def _steps(rows: Summaries, meter: Meter) -> _Steps:
    seconds = rows.first_time[1:] - rows.last_time[:-1]
    flowed, is_known = flows(seconds, rows.first_counter[1:] - rows.last_counter[:-1], meter)
    return _Steps(seconds, flowed, is_known, is_known & ~gaps(seconds, flowed, meter))


def _line(rows: Summaries, steps: _Steps) -> _Line:
    count = rows.size
    times = np.empty(2 * count, np.int64)
    times[0::2], times[1::2] = rows.first_time, rows.last_time

    def up_to(inside: Integers, across: Integers) -> Reals:
        grown = np.zeros(2 * count)
        grown[1::2], grown[2::2] = inside, across
        return np.cumsum(grown)

    flowed = up_to(rows.flow, steps.flowed)
    known = up_to(rows.known, np.where(steps.is_known, steps.seconds, 0))
    if np.array_equal(steps.is_covered, steps.is_known):  # most often: there is no gap
        return _Line(times, flowed, flowed, known, known)
    measured = up_to(rows.flow, np.where(steps.is_covered, steps.flowed, 0))
    covered = up_to(rows.known, np.where(steps.is_covered, steps.seconds, 0))
    return _Line(times, flowed, measured, known, covered)


def _rates(rows: Summaries, steps: _Steps, edges: Integers) -> tuple[Reals, Reals, Reals]:
    """Return the lowest, highest and last rate in each bucket: those within the runs, and from each run to the next."""
    count = len(edges) - 1
    low, high, last = (np.full(count, np.nan) for _ in range(3))
    inside = np.searchsorted(edges, rows.first_time, side="right") - 1
    shown = np.flatnonzero((inside >= 0) & (inside < count) & (rows.late_seconds > 0))
    inside = inside[shown]
    np.fmin.at(low, inside, rows.low_flow[shown] / rows.low_seconds[shown])
    np.fmax.at(high, inside, rows.high_flow[shown] / rows.high_seconds[shown])

    ends = rows.pick(slice(-1))
    start, end = ends.last_time - ends.tail_seconds, rows.first_time[1:]
    is_rate = steps.is_covered & (ends.tail_seconds >= 0)
    # A rate counts in every bucket that its two knots span.
    first = np.maximum(np.searchsorted(edges, start, side="right") - 1, 0)
    past = np.minimum(np.searchsorted(edges, end, side="left"), count)
    spans = np.where(is_rate, np.maximum(past - first, 0), 0)
    across = np.repeat(first, spans) + np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
    across_rates = np.repeat((ends.tail_flow + steps.flowed) / (end - start), spans)
    np.fmin.at(low, across, across_rates)
    np.fmax.at(high, across, across_rates)

    # Of several in one bucket the last stays: those within a run end before the one from it to the next begins.
    order = np.argsort(np.concatenate((rows.last_time[shown], np.repeat(end, spans))), kind="stable")
    rates = np.concatenate((rows.late_flow[shown] / rows.late_seconds[shown], across_rates))
    last[np.concatenate((inside, across))[order]] = rates[order]
    return low, high, last


def _or_none(values: Reals) -> list[float | None]:
    found: list[float | None] = values.tolist()
    for place in np.flatnonzero(np.isnan(values)).tolist():
        found[place] = None
    return found
