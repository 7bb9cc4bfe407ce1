"""The quarter-hour average that capacity tariffs are made of: the running one, where it leads, a month's peak. Pure.

Source: the Belgian capacity tariff (VREG, "capaciteitstarief"): power drawn from the grid, averaged over each quarter
of an hour of the clock; the highest of a calendar month, in local time, is what is paid for. A quarter's energy is the
difference of the counter at its edges, so what was counted in a gap is spread evenly over it and makes no peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from fluksod.store.buckets import Columns

QUARTER = 900
"""Seconds. The quarters of all time zones in use begin at multiples of it."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest quarter: its average in W, and when it began, in unix seconds."""

    average: float
    time: int


@dataclass(frozen=True, slots=True)
class RunningQuarter:
    """The quarter that began at `start` (unix seconds): its average in W until now, and at its end if the power stays.

    Both are None before anything was counted in it.
    """

    start: int
    average: float | None
    projected: float | None


def running_quarter(start: int, now: float, energy: float | None, power: float | None) -> RunningQuarter:
    """Where a quarter leads that has counted `energy` Wh until `now`, while `power` W flow now."""
    elapsed = min(now - start, QUARTER)
    if energy is None or elapsed <= 0:
        return RunningQuarter(start, None, None)
    expected = energy + max(power or 0.0, 0.0) * (QUARTER - elapsed) / 3600
    return RunningQuarter(start, round(energy * 3600 / elapsed, 1), round(expected * 3600 / QUARTER, 1))


def highest(quarters: Columns, before: Peak | None = None) -> Peak | None:
    """The highest of finished quarters (columns of resolution 900) and of `before`; the earliest of equal ones."""
    peak = before
    for time, first, last in zip(quarters.time, quarters.counter_start, quarters.counter_end, strict=True):
        if first is not None and last is not None:
            average = round((last - first) * 3600 / QUARTER, 1)
            if peak is None or average > peak.average:
                peak = Peak(average, time)
    return peak


def month_start(now: int, zone: tzinfo | None) -> int:
    """When the calendar month of `now` began in `zone` (None: the machine's), in unix seconds."""
    local = datetime.fromtimestamp(now, zone)
    first = datetime(local.year, local.month, 1, tzinfo=zone)
    return int(first.timestamp())
