"""The time, where the wall clock may jump: it was never set, or somebody sets it wrong, or right.

What counts is how far the wall clock agrees with the time that has gone by. A jump is believed once it has stood for a
day; until then nothing is deleted for its age because of a jump ahead, and nothing is refused because of a jump back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from .clock import unix_now

log = logging.getLogger(__name__)

TOLERANCE = 60
"""Seconds between two looks that are no jump."""
DAY = 86400
"""Seconds that a jump has to stand."""


class SteadyClock:
    """Belongs to one process. `wall` tells unix seconds, `monotonic` seconds that go by."""

    def __init__(self, wall: Callable[[], int] = unix_now, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._time = wall()
        self._since = monotonic()
        self._jump = 0
        self._doubted: float | None = None

    def hear(self, newest: int) -> None:
        """Note when, in unix seconds, something came last before this process began; 0 if nothing has ever come.

        A pause of up to a day is no jump.
        """
        if newest and not 0 <= self._wall() - newest <= DAY:
            self._time, self._since = newest, self._monotonic()
            self._steady(self._wall())

    def latest(self, now: int) -> int:
        """Return the latest that it may be when the wall clock shows `now`: what is later has not been yet."""
        return max(now, self._steady(now))

    def surely(self) -> int:
        """Return the earliest that it may be: what is too old for this is old."""
        now = self._wall()
        return min(now, self._steady(now))

    def is_behind(self, now: int) -> bool:
        """Tell whether the wall clock, which shows `now`, has gone back: what seems later may be right."""
        return now < self._steady(now) - TOLERANCE

    def _steady(self, now: int) -> int:
        """Return the time as it has gone by."""
        at = self._monotonic()
        steady = self._time + int(at - self._since)
        jump = now - steady
        if abs(jump) <= TOLERANCE:
            self._time, self._since, self._doubted = now, at, None
            return now
        if self._doubted is None or abs(jump - self._jump) > TOLERANCE:
            self._jump, self._doubted = jump, at
            log.warning("the clock has jumped; set it right within a day", extra={"seconds": jump})
        elif at - self._doubted >= DAY:
            log.warning("the clock has jumped and is believed now", extra={"seconds": jump})
            self._time, self._since, self._doubted = now, at, None
            return now
        return steady
