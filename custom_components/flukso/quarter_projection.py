"""The average power of the running quarter of an hour, as it will be at its end. Knows nothing of Home Assistant.

Grid operators bill the highest average of a quarter (Belgium's capacity tariff). What is fed in during a quarter does
not make up for what is drawn in it: below zero counts as zero.
"""

from math import floor
from typing import Final

QUARTER: Final = 900.0
"""Seconds. Quarters begin at multiples of it in Unix time, which are quarters of the clock in all time zones."""


class QuarterProjection:
    """Follows a power through the quarters. Times are Unix seconds, powers W."""

    def __init__(self) -> None:
        """Start without any power known."""
        self._quarter: int | None = None
        self._at = float("-inf")
        self._power: float | None = None
        self._energy = 0.0
        self._known = 0.0

    @property
    def quarter(self) -> int | None:
        """Return the number of the running quarter, None before the first power."""
        return self._quarter

    def observe(self, at: float, power: float | None) -> None:
        """Take into account that the power is this from `at` on; None while it is unknown."""
        self._advance(at)
        self._power = None if power is None else max(0.0, power)

    def projected(self, at: float) -> float | None:
        """Return the quarter's average in W if the power stays as it is at `at`; None while it is unknown.

        Parts of the quarter of which nothing is known count as the average of the others.
        """
        self._advance(at)
        if self._power is None or self._quarter is None:
            return None
        left = (self._quarter + 1) * QUARTER - self._at
        return (self._energy + self._power * left) / (self._known + left)

    def left(self, at: float) -> float:
        """Return how many seconds of the quarter are left at `at`."""
        return QUARTER - at % QUARTER

    def _advance(self, at: float) -> None:
        quarter = floor(at / QUARTER)
        if self._quarter is None or quarter < self._quarter or at < self._at:
            # The first time, or the clock was put back: what was measured belongs to another quarter, or to none.
            self._energy = self._known = 0.0
            self._at = at
        elif quarter != self._quarter:
            self._energy = self._known = 0.0
            self._at = quarter * QUARTER
        self._quarter = quarter
        if self._power is not None:
            self._energy += self._power * (at - self._at)
            self._known += at - self._at
        self._at = at
