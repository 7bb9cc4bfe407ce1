"""What a house draws while everybody sleeps, and what it usually draws then. Knows nothing of Home Assistant.

The night is that of the cloud and of the original Fluksometers: from 02:00 to 05:00 of local time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from statistics import fmean, median
from typing import Final

NIGHT_HOURS: Final = range(2, 5)
"""Local hours whose averages make a night."""

LEAST_HOURS: Final = 2
"""Hours that must be known of a night: when clocks go forward in spring, there are no more than these."""

LEAST_NIGHTS: Final = 5
"""Earlier nights that must be known before anything counts as usual."""


@dataclass(frozen=True, slots=True)
class NightJudgement:
    """The load of a night and the usual one, in W."""

    load: float
    usual: float

    def is_above(self, share: float, watts: float) -> bool:
        """Tell whether the load is above the usual one by more than this share of it and by more than these watts."""
        excess = self.load - self.usual
        return excess > share * self.usual and excess > watts


def night_loads(hours: Iterable[tuple[datetime, float]]) -> dict[date, float]:
    """Return the mean load of each night in W, by its date, from hours: their local start and average in W."""
    nights: dict[date, list[float]] = {}
    for start, mean in hours:
        if start.hour in NIGHT_HOURS:
            nights.setdefault(start.date(), []).append(mean)
    return {night: fmean(means) for night, means in nights.items() if len(means) >= LEAST_HOURS}


def judge_night(loads: Mapping[date, float], night: date) -> NightJudgement | None:
    """Compare a night with the nights before it; None while the night or too many of the others are unknown.

    The median is the usual one: a night with guests or with an oven that was left on does not raise it.
    """
    earlier = [load for other, load in loads.items() if other < night]
    if night not in loads or len(earlier) < LEAST_NIGHTS:
        return None
    return NightJudgement(loads[night], median(earlier))
