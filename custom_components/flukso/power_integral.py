"""Adds the watts of single seconds up to energy. Knows nothing of Home Assistant.

The old local API has no counters, only the watts of each of the last 60 seconds. Each second counts once, with its own
value: whoever asks at least once a minute misses none. A second without a value is a gap, and a gap counts nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .counter_guard import FASTEST

WINDOW: Final = 60
"""Seconds that the old local API tells of."""

_SECONDS_PER_HOUR: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegralMemory:
    """What must survive a restart: what was counted, in Ws, and the last second that was (unix, the Fluksometer's)."""

    watt_seconds: int | float
    counted_to: int


class PowerIntegral:
    """The energy of one sensor since it was first seen. It never goes back."""

    def __init__(self, memory: IntegralMemory | None = None) -> None:
        """Go on from an earlier run, or start from nothing."""
        self._memory = memory
        self._credit = float(WINDOW)
        self._asked: float | None = None

    @property
    def memory(self) -> IntegralMemory | None:
        """Return what to go on from after a restart, None before the first second."""
        return self._memory

    @property
    def total(self) -> float | None:
        """Return the energy in Wh, None before the first second."""
        return None if self._memory is None else round(self._memory.watt_seconds / _SECONDS_PER_HOUR, 3)

    def observe(self, seconds: Sequence[tuple[int, int | float]], now: float) -> None:
        """Take what the Fluksometer tells of its seconds with a value, in ascending order, as (unix seconds, W).

        `now` is in seconds on a monotonic clock of ours: no more seconds are counted than have passed on it, but for
        one window, whatever the Fluksometer's clock does. Power that flows back, or that no house has, counts nothing.
        """
        if self._asked is not None:
            self._credit = min(WINDOW, self._credit + max(0.0, now - self._asked))
        self._asked = now
        if not seconds:
            return
        newest = seconds[-1][0]
        if self._memory is None or newest < self._memory.counted_to:
            # The first minute may be hours old; and after a clock was set back, nobody knows which seconds are new.
            counted = 0 if self._memory is None else self._memory.watt_seconds
            self._memory = IntegralMemory(watt_seconds=counted, counted_to=newest)
            return
        known = self._memory
        new = [(time, watt) for time, watt in seconds if time > known.counted_to]
        new = new[len(new) - min(len(new), int(self._credit)) :]
        self._credit -= len(new)
        added = sum(watt for _, watt in new if 0 < watt <= FASTEST * _SECONDS_PER_HOUR)
        self._memory = IntegralMemory(watt_seconds=known.watt_seconds + added, counted_to=newest)
