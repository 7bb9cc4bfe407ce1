"""What a sensor's seconds come to: samples of its counter, about one a minute. Pure.

A second belongs to the minute that it ends: 12:00:00 is the last of its minute. A device that counts tells its counter,
and the last one of each minute is kept. For one that only tells its rate the mean of the minute is counted here.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from .meter import HIGHEST, LOWEST, MAX_RATE, WRAP, Meter, Sample

MINUTE = 60
LATE, TOO_HIGH = "late", "beyond 20 Wh or L a second"


class Second(NamedTuple):
    """What a sensor told of a second that ended at `time` (unix seconds): its rate, its counter, or both."""

    time: int
    gauge: float | None
    counter: int | None


class Minutes:
    """Takes a sensor's seconds and makes samples of them. Memory does not grow with how many come."""

    __slots__ = (
        "_counter",
        "_factor",
        "_first",
        "_last",
        "_meter",
        "_newest",
        "_rest",
        "_seen",
        "_start",
        "_sum",
        "until",
    )

    def __init__(self, meter: Meter, factor: int, newest: Sample | None) -> None:
        """`factor` makes a gauge of the counter's units a second; `newest` is the sensor's newest sample."""
        self._meter = meter
        self._factor = factor
        self._counter = 0 if newest is None else newest.counter
        self._rest = 0.0
        """What has flowed since the counter's last whole unit, times the factor."""
        self.until = 0 if newest is None else newest.time
        """Unix seconds: what came until then is in a sample."""
        self._first = self._last = 0
        self._newest: Sample | None = None
        self._open(0)

    @property
    def is_open(self) -> bool:
        """Whether there are seconds that are in no sample yet."""
        return self._seen != 0

    def take(self, second: Second) -> str | None:
        """Take a second of the open minute, whatever their order; return why it is refused, None if it is not.

        A second that is there already is left as it is. Call `close_before` first.
        """
        start = _start_of(second.time)
        if second.time <= self.until or (self.is_open and start < self._start):
            return LATE
        if second.gauge is not None and abs(second.gauge) > MAX_RATE * self._factor:
            return TOO_HIGH
        if not self.is_open:
            self._open(start)
        place = second.time - self._start
        bit = 1 << place
        if second.counter is not None and (self._newest is None or second.time > self._newest.time):
            self._newest = Sample(second.time, second.counter)
        if self._seen & bit:
            return None
        self._seen |= bit
        self._first, self._last = min(self._first, place), max(self._last, place)
        if second.gauge is not None:
            self._sum += second.gauge if self._meter.net else max(0.0, second.gauge)
        return None

    def close_before(self, time: int) -> list[Sample]:
        """Return the samples of the open minute if `time` is in a later one, which then begins."""
        start = _start_of(time)
        if not self.is_open or start <= self._start:
            return []
        return self._close(goes_on=start == self._start + MINUTE)

    def close(self) -> list[Sample]:
        """Return the samples of what is open: nothing more comes for now."""
        return self._close(goes_on=False) if self.is_open else []

    def _open(self, start: int) -> None:
        self._start = start
        self._seen = 0
        self._sum = 0.0
        self._first, self._last = MINUTE, 0
        self._newest = None

    def _close(self, *, goes_on: bool) -> list[Sample]:
        start, newest = self._start, self._newest
        # A second that is not seen is like the mean of those that are, but not before the first or after the last one
        # of a silence.
        begin = start if self.until == start else max(start + self._first - 1, self.until)
        end = start + (MINUTE if goes_on else self._last)
        mean = self._sum / self._seen.bit_count()
        self._open(0)
        if newest is not None:
            self._counter, self._rest, self.until = newest.counter, 0.0, newest.time
            return [newest]
        samples = [Sample(begin, self._counter)] if begin > self.until else []
        self._rest += mean * (end - begin)
        whole = floor(self._rest / self._factor)
        self._rest -= whole * self._factor
        self._counter += whole
        if self._counter > HIGHEST:
            self._counter -= WRAP
        self._counter = max(LOWEST, self._counter)
        self.until = end
        return [*samples, Sample(end, self._counter)]


def _start_of(time: int) -> int:
    """Return the beginning of the minute that a second which ends at `time` is in."""
    return (time - 1) // MINUTE * MINUTE
