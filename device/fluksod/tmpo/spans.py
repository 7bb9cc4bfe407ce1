"""Which blocks there are of a sensor at a time: the spans of the levels, the largest first. Pure.

Source: section 7.1 of the protocol reference. A block of level n spans 2^n seconds from a multiple of that on; 16 of
one level are compacted into one of the next when that one's span has passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

LEVELS = (20, 16, 12, 8)
SHORTEST = 1 << LEVELS[-1]
GRACE = 20
"""Seconds after its end at which a block is cut: late readings belong to it. The original waits 4 to 20 s."""


class Span(NamedTuple):
    """A block's place: level and start, a multiple of 2^level unix seconds."""

    level: int
    start: int

    @property
    def end(self) -> int:
        """The first second behind it."""
        return self.start + (1 << self.level)

    def is_cut(self, now: int) -> bool:
        """Whether it is a span of a level, and over."""
        return self.level in LEVELS and self.start % (1 << self.level) == 0 and self.end + GRACE <= now


def spans(first: int, now: int) -> list[Span]:
    """The blocks of a sensor whose first reading was at `first`, at `now` (unix seconds), in order of time."""
    found: list[Span] = []
    start = first
    for level in LEVELS:
        size = 1 << level
        start = max(start - start % size, found[-1].end if found else 0)
        while Span(level, start).is_cut(now):
            found.append(Span(level, start))
            start += size
    return found


def missing(known: list[Span], level: int, start: int) -> Iterator[Span]:
    """Those whose end is behind the end of the block that somebody has as his last; all for level and start 0."""
    last = start + (1 << level) - 1 if start else 0
    return (span for span in known if span.end - 1 > last)


def just_cut(now: int) -> list[Span]:
    """The spans that were cut in the 256 s until `now`: always one of level 8, and those that it completes."""
    end = (now - GRACE) // SHORTEST * SHORTEST
    return [Span(level, end - (1 << level)) for level in reversed(LEVELS) if end % (1 << level) == 0]
