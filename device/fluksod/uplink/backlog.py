"""The measurements of one sensor that the cloud has not acknowledged. Pure."""

from __future__ import annotations

from array import array

from fluksod.uplink.thinning import thin_to

LIMIT = 100_000
"""Measurements kept for a sensor before old ones are thinned: more than a day at one a second, 1.6 MB.

Thinned to two a minute they last 34 days, to two a quarter of an hour 520 days; nothing is ever dropped beyond that.
"""
STEP_BACK = 5
"""Seconds by which time may be behind the newest measurement before the clock counts as set back."""


WIRE = 1 << 32
"""The wire's counters have 32 bits and wrap (trap 10), whatever width the board's or ours have."""


class Backlog:
    """Holds (unix second, counter) with strictly ascending times (trap 17), at most one a second.

    The first counter after the start is only a guard and not kept (trap 30); later ones are kept when they differ.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._times: array[int] = array("q")
        self._counters: array[int] = array("q")
        self._newest: int | None = None
        self._last_time = 0
        self._taken = 0

    def __len__(self) -> int:
        return len(self._times)

    def put(self, time: int, counter: int) -> int:
        """Keep a counter (Wh or L) seen at `time`; returns how many measurements a clock set back made worthless."""
        if self._newest is None or counter == self._newest:
            self._newest = counter
            return 0
        self._newest = counter
        forgotten = self._forget_from(time) if time < self._last_time - STEP_BACK else 0
        if time <= self._last_time and len(self._times) > self._taken:
            self._counters[-1] = counter  # the same second again: its newest counter counts
            return forgotten
        self._last_time = max(time, self._last_time + 1)
        self._times.append(self._last_time)
        self._counters.append(counter)
        if len(self._times) > self._limit and not self._taken:
            self._times, self._counters = thin_to(self._times, self._counters, self._limit // 2, time)
        return forgotten

    def take(self, most: int) -> list[tuple[int, int]]:
        """The oldest measurements, `most` at most, as the wire has them; they stay until `acknowledge`."""
        self._taken = min(most, len(self._times))
        counters = (counter % WIRE for counter in self._counters[: self._taken])
        return list(zip(self._times[: self._taken], counters, strict=True))

    def acknowledge(self) -> None:
        """The cloud has the measurements that were taken."""
        del self._times[: self._taken]
        del self._counters[: self._taken]
        self._taken = 0

    def give_back(self) -> None:
        """The cloud has not got the measurements that were taken: they go next time."""
        self._taken = 0

    def _forget_from(self, time: int) -> int:
        """The clock was set back to `time`: what is stamped later was stamped by a clock that was ahead."""
        before = len(self._times)
        while self._times and self._times[-1] >= time:
            self._times.pop()
            self._counters.pop()
        self._taken = min(self._taken, len(self._times))
        self._last_time = time - 1
        return before - len(self._times)
