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
    """What there was up to some instants: flowed, flowed while measured, seconds known and covered."""

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
    line = _line(rows, steps, at) if fine is None else _line(fine, _steps(fine, meter), at)
    flowed, measured, known, covered = map(np.diff, line)
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


def _line(rows: Summaries, steps: _Steps, at: Integers) -> _Line:
    """Return what there was up to each of `at`, none of which is within a run."""
    run = np.searchsorted(rows.first_time, at, side="left") - 1  # the run before
    to_next = np.append(steps.seconds, 1)
    beyond = np.clip(at - rows.last_time[run], 0, to_next[run]) / to_next[run]

    def up_to(inside: Integers, across: Integers) -> Reals:
        across = np.append(across, 0)
        ends = np.cumsum(inside)
        ends[1:] += np.cumsum(across[:-1])
        return np.where(run < 0, 0.0, ends[run] + across[run] * beyond)

    flowed = up_to(rows.flow, steps.flowed)
    known = up_to(rows.known, np.where(steps.is_known, steps.seconds, 0))
    if np.array_equal(steps.is_covered, steps.is_known):  # most often: there is no gap
        return _Line(flowed, flowed, known, known)
    measured = up_to(rows.flow, np.where(steps.is_covered, steps.flowed, 0))
    covered = up_to(rows.known, np.where(steps.is_covered, steps.seconds, 0))
    return _Line(flowed, measured, known, covered)


class _Extremes(NamedTuple):
    """The lowest, highest and last of the rates in each bucket, and when the last ends; NaN where there is none."""

    low: Reals
    high: Reals
    last: Reals
    end: Reals


def _rates(rows: Summaries, steps: _Steps, edges: Integers) -> tuple[Reals, Reals, Reals]:
    """Return the lowest, highest and last rate in each bucket: those within the runs, and from each run to the next."""
    runs = rows if np.all(rows.late_seconds) else rows.pick(rows.late_seconds > 0)
    bounds = np.searchsorted(runs.first_time, edges)
    inside = _extremes(
        runs.low_flow / runs.low_seconds,
        runs.high_flow / runs.high_seconds,
        runs.late_flow / runs.late_seconds,
        runs.last_time,
        bounds[:-1],
        bounds[1:],
    )
    is_rate = steps.is_covered & (rows.tail_seconds[:-1] >= 0)
    end = rows.first_time[1:]
    seconds = steps.seconds + rows.tail_seconds[:-1]
    flowed = steps.flowed + rows.tail_flow[:-1]
    if not np.all(is_rate):
        end, seconds, flowed = end[is_rate], seconds[is_rate], flowed[is_rate]
    rates = flowed / seconds
    # A rate counts in every bucket that its two knots span; neither they nor the ends ever go back.
    first = np.searchsorted(end, edges[:-1], side="right")
    past = np.searchsorted(end - seconds, edges[1:], side="left")
    across = _extremes(rates, rates, rates, end, first, past)
    # Of two in a bucket that end together, that within a run is the earlier one.
    last = np.where(np.isnan(inside.end) | (across.end >= inside.end), across.last, inside.last)
    return np.fmin(inside.low, across.low), np.fmax(inside.high, across.high), last


def _extremes(low: Reals, high: Reals, last: Reals, end: Integers, first: Integers, past: Integers) -> _Extremes:
    """Return the extremes of rates, in order of time, in buckets that have those from `first` up to before `past`."""
    found = _Extremes._make(np.full(len(first), np.nan) for _ in _Extremes._fields)
    has = np.flatnonzero(first < past)
    if len(has):
        first, past = first[has], past[has]
        # Pairs of places, of which those between two buckets are left out; the last may be that behind the end.
        pairs = np.column_stack((first, past)).ravel()
        found.low[has] = np.fmin.reduceat(np.append(low, np.nan), pairs)[::2]
        found.high[has] = np.fmax.reduceat(np.append(high, np.nan), pairs)[::2]
        found.last[has] = last[past - 1]
        found.end[has] = end[past - 1]
    return found


def _or_none(values: Reals) -> list[float | None]:
    found: list[float | None] = values.tolist()
    for place in np.flatnonzero(np.isnan(values)).tolist():
        found[place] = None
    return found
