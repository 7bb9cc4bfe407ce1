"""Which instants have been measured already, so that a clock that is set back or forth spoils no history. Pure.

Counters are absolute: what a reading tells of energy is never lost when its time cannot be used, it arrives with the
next reading whose time can. A second time for an instant would contradict what is known of it, and be told twice.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAP = 300
"""Seconds by which time has to leap for what was leapt over to count as not measured."""
JITTER = 5
"""Seconds by which time may be behind without counting as set back: it waits for the second that is known."""


@dataclass(slots=True)
class Timeline:
    """`newest` is the newest instant measured; the seconds between `gap_start` and `gap_end` were leapt over."""

    newest: int = 0
    gap_start: int = 0
    gap_end: int = 0

    def place(self, time: int) -> int | None:
        """Where a reading of unix second `time` belongs; None where that instant was measured before."""
        if time >= self.newest:
            if time - self.newest > LEAP:
                self.gap_start, self.gap_end = self.newest, time
            self.newest = time
            return time
        if self.gap_start <= time < self.gap_end:
            self.gap_start = time
            return time
        for known in (self.newest, self.gap_start):
            if 0 < known - time <= JITTER:
                return known
        return None
