"""Runs of samples, each summed up in a row: what is needed of it to tell what flowed between any two runs. Pure.

A summary depends on the samples of its own run alone, so a late sample changes the summary of its run and no other.

Counters are whole Wh or L, so the rate between two samples of a second says little: rates are taken between knots, the
first sample in each minute.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .meter import LONGEST_SILENCE, MAX_RATE, SHORTEST_GAP, WRAP, Meter

Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

MINUTE, HOUR = 60, 3600


class Samples(NamedTuple):
    """Samples in order of time, no two at the same: unix seconds, and counters in Wh or L."""

    times: Integers
    counters: Integers

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.times)

    def between(self, start: int, end: int) -> Samples:
        """Return those with start <= time < end."""
        first, past = np.searchsorted(self.times, (start, end))
        return Samples(self.times[first:past], self.counters[first:past])


class Summaries(NamedTuple):
    """A row for each run, in order of time.

    `first` and `last` are the samples at its ends, times in unix seconds. `flow` is what flowed from one to the other
    in Wh or L, where that is known, which is for `known` seconds. The lowest, highest and last rate between its knots
    are kept as what flowed in how many seconds: none with one knot only. `tail` leads from its last knot to its last
    sample; its seconds are -1 where not all of it is known.
    """

    first_time: Integers
    first_counter: Integers
    last_time: Integers
    last_counter: Integers
    flow: Integers
    known: Integers
    tail_flow: Integers
    tail_seconds: Integers
    low_flow: Integers
    low_seconds: Integers
    high_flow: Integers
    high_seconds: Integers
    late_flow: Integers
    late_seconds: Integers

    @property
    def size(self) -> int:
        """How many runs there are."""
        return len(self.first_time)

    def pick(self, rows: Flags | Integers | slice) -> Summaries:
        """Return some of the rows."""
        return Summaries._make(column[rows] for column in self)


def nothing() -> Summaries:
    """Return no rows."""
    return Summaries._make([np.zeros(0, np.int64)] * len(Summaries._fields))


def no_samples() -> Samples:
    """Return no samples."""
    return Samples(np.zeros(0, np.int64), np.zeros(0, np.int64))


def together(parts: list[Samples]) -> Samples:
    """Return the samples of all parts, which have none in common, in order of time."""
    times, counters = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(times, kind="stable")
    return Samples(times[order], counters[order])


def joined(parts: list[Summaries]) -> Summaries:
    """Return the rows of all parts in order of time."""
    filled = [part for part in parts if part.size]
    if len(filled) < 2:
        return filled[0] if filled else nothing()
    whole = Summaries._make(np.concatenate(columns) for columns in zip(*filled, strict=True))
    is_in_order = bool(np.all(whole.first_time[1:] >= whole.first_time[:-1]))
    return whole if is_in_order else whole.pick(np.argsort(whole.first_time, kind="stable"))


def flows(seconds: Integers, differences: Integers, meter: Meter) -> tuple[Integers, Flags]:
    """Return what flowed between pairs of samples (Wh or L), and whether that is known: `Meter.flow` for many.

    `seconds` and `differences` are those between the two times and counters of each pair. What is not known is 0.
    """
    most = MAX_RATE * seconds
    wrapped = differences + WRAP
    plain = (differences >= 0) & (differences <= most)
    if meter.net:
        plain |= (differences < 0) & (-differences <= most) & ~((wrapped >= 0) & (wrapped <= most))
    over = ~plain & (differences < 0) & (wrapped >= 0) & (wrapped <= most)
    return np.where(plain, differences, np.where(over, wrapped, 0)), plain | over


def gaps(seconds: Integers, flowed: Integers, meter: Meter) -> Flags:
    """Tell of pairs of samples whether nobody knows when in between it flowed: `Meter.spread` for many."""
    if meter.patient:
        return seconds > LONGEST_SILENCE
    return ((np.abs(flowed) > 1) & (seconds > SHORTEST_GAP)) | (seconds > LONGEST_SILENCE)


def summarise(samples: Samples, meter: Meter, width: int) -> Summaries:
    """Sum samples up in runs of `width` seconds, a whole number of minutes."""
    times, counters = samples
    if not len(times):
        return nothing()
    flowed, known = flows(np.diff(times), np.diff(counters), meter)
    at = np.concatenate(([0], np.cumsum(flowed)))  # what flowed from the first sample of all to each
    knows = np.concatenate(([0], np.cumsum(np.where(known, np.diff(times), 0))))
    runs = times // width
    first = np.flatnonzero(np.concatenate(([True], runs[1:] != runs[:-1])))
    last = np.append(first[1:], len(times)) - 1
    minutes = times // MINUTE
    knots = np.flatnonzero(np.concatenate(([True], minutes[1:] != minutes[:-1])))
    tails = knots[np.searchsorted(knots, last, side="right") - 1]
    tail = times[last] - times[tails]
    return Summaries(
        times[first],
        counters[first],
        times[last],
        counters[last],
        at[last] - at[first],
        knows[last] - knows[first],
        at[last] - at[tails],
        np.where(knows[last] - knows[tails] == tail, tail, -1),
        *_rates(knots, times, at, knows, runs, first),
    )


def _rates(
    knots: Integers, times: Integers, at: Integers, knows: Integers, runs: Integers, first: Integers
) -> list[Integers]:
    """Return the lowest, highest and last rate between the knots of each run; `first` is where each run begins."""
    early, late = knots[:-1], knots[1:]
    seconds = times[late] - times[early]
    good = (runs[early] == runs[late]) & (knows[late] - knows[early] == seconds)
    early, late, seconds = early[good], late[good], seconds[good]
    flow = at[late] - at[early]
    run = np.searchsorted(first, early, side="right") - 1
    by_rate = np.lexsort((flow / seconds, run))
    ends = np.flatnonzero(np.concatenate((run[1:] != run[:-1], [True]))) if len(run) else run
    begins = np.concatenate(([0], ends[:-1] + 1)) if len(run) else run
    columns = [np.zeros(len(first), np.int64) for _ in range(6)]
    for place, chosen in enumerate((by_rate[begins], by_rate[ends], ends)):
        columns[2 * place][run[chosen]] = flow[chosen]
        columns[2 * place + 1][run[chosen]] = seconds[chosen]
    return columns
