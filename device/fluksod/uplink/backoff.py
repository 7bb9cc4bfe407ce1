"""How long to wait after a failure: twice as long each time, with jitter, so that no fleet comes back at once."""

from __future__ import annotations

import random

FIRST = 1.0
LONGEST = 120.0


class Backoff:
    """Counts failures in a row; `delay` in seconds lies between half and all of the current step of 1, 2, 4 … 120 s."""

    def __init__(self) -> None:
        self._step = 0.0
        self.until = 0.0

    def succeeded(self) -> None:
        """Start from the beginning at the next failure."""
        self._step = 0.0
        self.until = 0.0

    def failed(self, now: float, at_least: float = 0.0) -> float:
        """Note a failure at `now` (monotonic seconds); `until` is when to try again, the delay is returned."""
        self._step = min(max(FIRST, 2 * self._step), LONGEST)
        delay = max(self._step * random.uniform(0.5, 1.0), at_least)  # noqa: S311 - spreads load, keeps no secret
        self.until = now + delay
        return delay
