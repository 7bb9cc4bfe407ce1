"""Quarter-hour averages of what a counter counts, and the highest of each month. Knows nothing of Home Assistant.

A capacity tariff averages power over each quarter of an hour of the clock; the highest of a calendar month, in local
time, is the month's peak. A quarter's energy is the difference of the counter at its edges, so a hole between them
costs nothing; where the counter at an edge is not known, the quarter is not whole and makes no peak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from .client import is_number
from .counter_guard import reach

QUARTER: Final = 900
"""Seconds. The quarters of all time zones in use begin at multiples of it."""

SHORT_HOLE: Final = 120
"""Seconds between two readings in which a line tells the counter at the edge between them."""

JITTER: Final = 5
"""Seconds by which a reading may be older than the one before, as polled and pushed ones cross. Further back, the clock
was set."""

LEAST_PEAK: Final = 2500
"""W that a month counts for at least in the Belgian tariff."""

MONTHS: Final = 12
"""Months whose peaks make the mean."""

_KEPT: Final = 2 * MONTHS
"""Months that are kept: a clock that is wrong for a while must not push the others out."""


@dataclass(frozen=True, slots=True)
class Known:
    """A counter, in Wh, at an instant in unix seconds."""

    time: int
    counter: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest quarter: its average in W, and when it began, in unix seconds."""

    average: float
    time: int


@dataclass(frozen=True, slots=True)
class RunningQuarter:
    """A quarter that is not over.

    `average` is that in W until now, `projected` what that of all of it comes to if the power stays. With `whole` false
    the quarter is not known from its beginning on, and both go by what is.
    """

    average: float
    projected: float
    whole: bool


class QuarterHours:
    """Follows one counter, in Wh."""

    def __init__(self, zone: tzinfo) -> None:
        """Let months begin in this time zone."""
        self._zone = zone
        self._newest: Known | None = None
        self._began: Known | None = None
        self._peaks: dict[int, Peak] = {}  # by month: year x 12 + month - 1

    @property
    def peak(self) -> Peak | None:
        """Return the highest whole quarter of the month of the newest reading."""
        return None if self._newest is None else self._peaks.get(self._month(self._newest.time))

    @property
    def mean_peak(self) -> float | None:
        """Return the mean of this month's and the 11 earlier months' peaks in W, each at least 2.5 kW, where known."""
        if self._newest is None:
            return None
        month = self._month(self._newest.time)
        paid = [max(peak.average, LEAST_PEAK) for at, peak in self._peaks.items() if month - MONTHS < at <= month]
        return round(sum(paid) / len(paid), 1) if paid else None

    def observe(self, time: int, counter: float) -> bool:
        """Take the counter as read at a time (unix seconds), and tell whether a quarter ended.

        A counter that went back, or up faster than anything can draw, was set, and so was a clock that went back: what
        is known begins anew, and the quarter makes no peak.
        """
        newest, now = self._newest, Known(time, counter)
        if newest is None or newest.time - time > JITTER:
            self._newest = self._began = now
            return False
        if not 0 <= counter - newest.counter <= reach(newest.time, time):
            # Not at an older time: the next reading must not look older than this one.
            self._newest = self._began = Known(max(time, newest.time), counter)
            return False
        if time < newest.time:
            return False
        self._newest = now
        edge = time // QUARTER * QUARTER
        if newest.time >= edge:
            return False
        if time != edge and time - newest.time > SHORT_HOLE:
            self._began = now
            return True
        share = (counter - newest.counter) * (edge - newest.time) / (time - newest.time)
        self._pass(Known(edge, newest.counter + share))
        return True

    def running(self, watt: float) -> RunningQuarter | None:
        """Return where the running quarter leads while so many watts flow; None while nothing is known of it."""
        began, now = self._began, self._newest
        if began is None or now is None or now.time <= began.time:
            return None
        average = power(now.counter - began.counter, now.time - began.time)
        quarter = now.time // QUARTER * QUARTER
        elapsed = now.time - quarter
        projected = (average * elapsed + max(watt, 0.0) * (QUARTER - elapsed)) / QUARTER
        return RunningQuarter(average, round(projected, 1), began.time == quarter)

    def as_dict(self) -> dict[str, Any]:
        """Return what must survive a restart, as JSON."""
        return {
            "newest": None if self._newest is None else [self._newest.time, self._newest.counter],
            "began": None if self._began is None else [self._began.time, self._began.counter],
            "peaks": [[month, peak.average, peak.time] for month, peak in sorted(self._peaks.items())],
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Go on from an earlier run; what is not as we store it is left aside."""
        self._newest, self._began = _known(stored.get("newest")), _known(stored.get("began"))
        if self._newest is None or self._began is None:
            self._newest = self._began = None
        peaks = stored.get("peaks")
        for row in peaks if isinstance(peaks, list) else ():
            if isinstance(row, list) and len(row) == 3 and all(is_number(value) for value in row):
                self._peaks[int(row[0])] = Peak(row[1], int(row[2]))

    def _pass(self, at_edge: Known) -> None:
        began, self._began = self._began, at_edge
        if began is None or at_edge.time - began.time != QUARTER:
            return
        average, month = power(at_edge.counter - began.counter, QUARTER), self._month(began.time)
        if month not in self._peaks or average > self._peaks[month].average:
            self._peaks[month] = Peak(average, began.time)
            for old in sorted(self._peaks)[:-_KEPT]:
                del self._peaks[old]

    def _month(self, time: int) -> int:
        local = datetime.fromtimestamp(time, self._zone)
        return local.year * 12 + local.month - 1


def power(energy: float, seconds: float) -> float:
    """Return the mean power in W of so many Wh in so many seconds."""
    return round(energy * 3600 / seconds, 1)


def _known(stored: object) -> Known | None:
    if not isinstance(stored, list) or len(stored) != 2 or not all(is_number(value) for value in stored):
        return None
    return Known(int(stored[0]), stored[1])
