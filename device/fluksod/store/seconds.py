"""The newest seconds of one sensor, in memory: for each second with a reading its newest counter and gauge. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

UNKNOWN = -(1 << 62)
"""Stands for a counter or gauge that is not known, in arrays that hold integers only."""
LONGEST_WORD = 15
"""Seconds for which one reading speaks at most: a board repeats itself after 10 s without news (docs/protocol.md)."""


MOST_IN_A_SECOND = 0xFFFF
"""Readings of one second that are told apart by their order."""


class Place(NamedTuple):
    """Where a reading stands among all that are kept: its unix second, and how many of that second came before it.

    The same after a restart, since the journal is read in the order it was written.
    """

    second: int
    order: int

    def following(self, second: int) -> Place:
        """The place of the reading that comes next, in `second`."""
        return Place(second, min(self.order + 1, MOST_IN_A_SECOND) if second == self.second else 0)


class Second(NamedTuple):
    """What was known at the end of unix second `time`, in thousandths; it speaks for `covers` seconds up to there.

    `order` is that of its newest reading.
    """

    time: int
    counter: int | None
    gauge: int | None
    covers: int
    order: int = 0

    @property
    def place(self) -> Place:
        """Where its newest reading stands."""
        return Place(self.time, self.order)


class Seconds:
    """Seconds in order of time, about 23 bytes each."""

    def __init__(self) -> None:
        self._times = array("q")
        self._counters = array("q")
        self._gauges = array("q")
        self._covers = array("B")
        self._orders = array("H")

    def __len__(self) -> int:
        return len(self._times)

    @property
    def first(self) -> int | None:
        """The oldest second that is kept."""
        return self._times[0] if self._times else None

    def put(self, second: Second) -> None:
        """Keep a second; one at the same time is replaced."""
        place = len(self._times)
        if self._times and second.time <= self._times[-1]:
            place = bisect_left(self._times, second.time)
        if place == len(self._times) or self._times[place] != second.time:
            self._times.insert(place, second.time)
            self._counters.insert(place, 0)
            self._gauges.insert(place, 0)
            self._covers.insert(place, 0)
            self._orders.insert(place, 0)
        self._counters[place] = UNKNOWN if second.counter is None else second.counter
        self._gauges[place] = UNKNOWN if second.gauge is None else second.gauge
        self._covers[place] = second.covers
        self._orders[place] = second.order

    def forget_before(self, time: int) -> None:
        """Drop what is older than unix second `time`."""
        place = bisect_left(self._times, time)
        for column in (self._times, self._counters, self._gauges, self._covers, self._orders):
            del column[:place]

    def between(self, start: int, end: int) -> Iterator[Second]:
        """The seconds in [start, end)."""
        for place in range(bisect_left(self._times, start), bisect_left(self._times, end)):
            counter, gauge = self._counters[place], self._gauges[place]
            yield Second(
                self._times[place],
                None if counter == UNKNOWN else counter,
                None if gauge == UNKNOWN else gauge,
                self._covers[place],
                self._orders[place],
            )

    def after(self, place: Place) -> Iterator[Second]:
        """The seconds whose newest reading stands after `place`."""
        later = self.between(place.second, 1 << 62)
        return (second for second in later if second.time > place.second or second.order > place.order)

    def counters(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """(unix second, counter) of the seconds in [start, end) with a known counter."""
        for place in range(bisect_left(self._times, start), bisect_left(self._times, end)):
            if self._counters[place] != UNKNOWN:
                yield self._times[place], self._counters[place]

    def around(self, start: int, end: int, since: int) -> list[tuple[int, int]]:
        """As `counters`, with the nearest known one on either side of [start, end); none before `since`."""
        least = bisect_left(self._times, since)
        first, past = max(bisect_left(self._times, start), least), max(bisect_left(self._times, end), least)
        while first > least and self._counters[(first := first - 1)] == UNKNOWN:
            pass
        while past < len(self._times) and self._counters[(past := past + 1) - 1] == UNKNOWN:
            pass
        return [
            (self._times[place], self._counters[place])
            for place in range(first, past)
            if self._counters[place] != UNKNOWN
        ]
