"""My use beside that of a group. Pure: which time is compared, and what of the homes' values is told.

What is told of few homes could tell of one. So there are five homes at least, the five percentiles alone, of two
significant digits, of whole periods that are over; my own place is read from the percentiles that are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import quantiles

from .series import Span

FEWEST_HOMES = 5
PERCENTILES = (10, 25, 50, 75, 90)
PERIODS = ("day", "week", "month", "year")
SETTLED = 6 * 3600
"""Seconds after a period's end until it is compared: for devices that have kept something back."""


def last_period(name: str, now: int) -> Span:
    """Return the last period of that name (a calendar day, week from Monday, month or year in UTC) that has settled."""
    at = datetime.fromtimestamp(now - SETTLED, UTC)
    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if name == "day":
        end = today
        start = end - timedelta(days=1)
    elif name == "week":
        end = today - timedelta(days=today.weekday())
        start = end - timedelta(days=7)
    elif name == "month":
        end = today.replace(day=1)
        start = (end - timedelta(days=1)).replace(day=1)
    elif name == "year":
        end = today.replace(month=1, day=1)
        start = end.replace(year=end.year - 1)
    else:
        raise ValueError(f"a period is one of {', '.join(PERIODS)}")
    return Span(int(start.timestamp()), int(end.timestamp()))


def told(values: Sequence[float]) -> list[float] | None:
    """Return the percentiles of the homes' values as they are told, None if there are fewer than five homes."""
    if len(values) < FEWEST_HOMES:
        return None
    twentieths = quantiles(values, n=20, method="inclusive")
    return [float(f"{twentieths[percentile // 5 - 1]:.2g}") for percentile in PERCENTILES]


def place(value: float, percentiles: Sequence[float]) -> float:
    """Return which percentile a value is, read from those that are told: from 10 (or less) to 90 (or more)."""
    found = float(PERCENTILES[0])
    steps = list(zip(PERCENTILES, percentiles, strict=True))
    for (low, at_low), (high, at_high) in pairwise(steps):
        if value >= at_high:
            found = float(high)
        elif value > at_low:
            found = low + (high - low) * (value - at_low) / (at_high - at_low)
    return round(found, 1)
