"""The quarter-hour averages that capacity tariffs are made of, and the peaks of months. Pure.

Source: the Belgian capacity tariff (VREG, "capaciteitstarief"): power drawn from the grid, averaged over each quarter
of an hour of the clock; the highest of a calendar month, in local time, is the month's peak; what is paid for is the
mean of twelve months' peaks, each of them at least 2.5 kW.

A quarter's energy is the difference of the counter at its edges. It is whole where both are known: from the last
reading of the minute before the edge, or, where that minute has none, between the minutes around it. A hole between the
edges costs nothing, since counters are absolute; only whole quarters make a peak. So the counters of minutes are
enough, and a month computed from them again comes out the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

QUARTER = 900
"""Seconds. The quarters of all time zones in use begin at multiples of it."""
MINUTE = 60
DAY = 86400
SHORT_HOLE = 2 * MINUTE
"""Seconds between two known counters in which a line tells those between: one minute without a reading."""
LEAST_PEAK = 2500
"""W: a lower month counts as this much."""
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest quarter: its average in W, and when it began, in unix seconds."""

    average: float
    time: int


@dataclass(frozen=True, slots=True)
class Known:
    """A counter, in thousandths of Wh, at an instant in unix seconds."""

    time: int
    counter: int


class QuarterHours:
    """The quarters that `take` was told of: the highest whole one, and how many are `whole`.

    `leaps` are the instants at which a clock that had been set back was past it: their quarters hold energy of others.
    """

    def __init__(self, leaps: Collection[int] = ()) -> None:
        self.peak: Peak | None = None
        self.whole = 0
        self._leaps = leaps
        self._known: Known | None = None
        self._newest: Known | None = None
        self._opened: Known | None = None
        self._fell: int | None = None

    def take(self, time: int, counter: int) -> None:
        """Take the counter, in thousandths of Wh, that was shown last in unix second `time`; times ascend.

        A counter below an earlier one was stamped with a time ahead of it and tells nothing of this one. One that is
        still below after a day was set anew.
        """
        if self._newest is not None and counter < self._newest.counter:
            self._fell = time if self._fell is None else self._fell
            if time - self._fell < DAY:
                return
            self._newest = self._known = self._opened = None
        self._fell = None
        if self._newest is not None and time // MINUTE > self._newest.time // MINUTE:
            self._end_minute(self._newest)
        self._newest = Known(time, counter)

    def end(self, time: int) -> None:
        """Nothing more is told of what was before unix second `time`, a full minute."""
        if self._newest is not None and self._newest.time < time:
            self._end_minute(self._newest)

    def began_with(self, quarter: int) -> Known | None:
        """What is known of the counter where the quarter that follows the last minute begins."""
        return self._known if self._known is not None and self._known.time == quarter else None

    def _end_minute(self, newest: Known) -> None:
        before, now = self._known, Known((newest.time // MINUTE + 1) * MINUTE, newest.counter)
        if before is not None and now.time <= before.time:
            return
        self._known = now
        edge = now.time // QUARTER * QUARTER
        if before is None or before.time < edge:
            self._pass_edge(_between(before, now, edge))

    def _pass_edge(self, at_edge: Known | None) -> None:
        opened, self._opened = self._opened, at_edge
        if opened is None or at_edge is None or at_edge.time - opened.time != QUARTER:
            return
        if any(opened.time <= leap < at_edge.time for leap in self._leaps):
            return
        self.whole += 1
        average = power(at_edge.counter - opened.counter, QUARTER)
        if self.peak is None or average > self.peak.average:
            self.peak = Peak(average, opened.time)


@dataclass(frozen=True, slots=True)
class RunningQuarter:
    """A quarter that is not over: its average in W until now, and what that of all of it comes to if the power stays.

    `is_whole` tells that it is known from its beginning on; else what came before counts as what is known.
    """

    average: float
    projected: float
    is_whole: bool


def running_quarter(quarter: int, began: Known, now: Known, watt: float) -> RunningQuarter | None:
    """Where the quarter that began at `quarter` leads, known from `began` until `now`, while `watt` flow.

    None where nothing is known of it yet.
    """
    if not quarter <= began.time < now.time <= quarter + QUARTER or now.counter < began.counter:
        return None
    average = power(now.counter - began.counter, now.time - began.time)
    elapsed = now.time - quarter
    projected = (average * elapsed + max(watt, 0.0) * (QUARTER - elapsed)) / QUARTER
    return RunningQuarter(average, round(projected, 1), is_whole=began.time == quarter)


def power(energy: int, seconds: int) -> float:
    """The mean power in W of `energy` in thousandths of Wh."""
    return round(energy * 3.6 / seconds, 1)


def month_start(time: int, zone: tzinfo | None, before: int = 0) -> int:
    """When the calendar month of unix second `time`, or the one so many `before` it, began in `zone`, in unix seconds.

    `zone` is None for the machine's.
    """
    local = datetime.fromtimestamp(time, zone)
    year, month = divmod(local.year * 12 + local.month - 1 - before, 12)
    return int(datetime(year, month + 1, 1, tzinfo=zone).timestamp())


def mean_of_months(peaks: Iterable[float]) -> float | None:
    """What the tariff is paid for: the mean of months' peaks in W, each at least 2.5 kW; None where there is none."""
    paid = [max(peak, LEAST_PEAK) for peak in peaks]
    return round(sum(paid) / len(paid), 1) if paid else None


def _between(before: Known | None, after: Known, edge: int) -> Known | None:
    """The counter at `edge`, which is not after `after`; None where that is not known."""
    if after.time == edge:
        return after
    if before is None or after.time - before.time > SHORT_HOLE:
        return None
    share = (after.counter - before.counter) * (edge - before.time) // (after.time - before.time)
    return Known(edge, before.counter + share)
