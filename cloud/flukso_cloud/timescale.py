"""Intervals, resolutions and their alignment in API v1 (section 2.5): fixed seconds, a month of 28 days, UTC.

A time stamp is the END of its bucket, and the last bucket is the one in progress (traps 13 and 14).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from .series import Span

SECONDS: Mapping[str, int] = {
    "minute": 60,
    "15min": 900,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2419200,
    "year": 31536000,
    "decade": 315360000,
    "night": 2419200,
}
DEFAULT_RESOLUTION: Mapping[str, str] = {
    "15min": "minute",
    "hour": "minute",
    "day": "15min",
    "week": "day",
    "month": "day",
    "year": "week",
    "decade": "week",
    "night": "day",
}
LONGEST: Mapping[str, int] = {
    "minute": SECONDS["day"],
    "15min": SECONDS["week"],
    "hour": SECONDS["decade"],
    "day": SECONDS["year"],
    "week": SECONDS["decade"],
}
"""Longest range of a resolution; an older start is clamped. The original did not clamp hours, but kept ten years."""
MAX_BUCKETS = 100_000
NIGHT_HOURS = (2, 5)


class BadRangeError(ValueError):
    """The range cannot be served; the text says why."""


def buckets_of_interval(interval: str, resolution: str, now: int) -> list[Span]:
    """Return the buckets of the last `interval`, the last one in progress at `now` (unix seconds)."""
    step = SECONDS[resolution]
    length = min(SECONDS[interval], LONGEST.get(resolution, SECONDS["decade"]))
    end = (now - 1) // step * step
    start = (end - length + step) // step * step
    return _buckets(start, end, step)


def buckets_between(start: int, end: int | None, resolution: str, now: int) -> list[Span]:
    """Return the buckets from `start` to `end` (unix seconds, both rounded down), and the one after, as the original.

    Raises BadRangeError if the end lies before the start, or too many buckets are asked for.
    """
    step = SECONDS[resolution]
    last = now - 1 if end is None else end
    if resolution in LONGEST:
        start = max(start, last - LONGEST[resolution])
    return _buckets(start // step * step, last // step * step, step)


def _buckets(start: int, end: int, step: int) -> list[Span]:
    if end < start:
        raise BadRangeError("end lies before start")
    if (end - start) // step >= MAX_BUCKETS:
        raise BadRangeError(f"more than {MAX_BUCKETS} values; take a coarser resolution")
    return [Span(a, b) for a, b in pairwise(range(start, end + 2 * step, step))]


def night_in(day: Span, zone: ZoneInfo) -> Span:
    """Return 02:00 to 05:00 local time of the night whose 05:00 falls in `day` (section 8.2)."""
    begin, finish = NIGHT_HOURS
    date = datetime.fromtimestamp(day.start, UTC).astimezone(zone).date()
    while True:
        night = [
            int(datetime(date.year, date.month, date.day, hour, tzinfo=zone).timestamp()) for hour in (begin, finish)
        ]
        if night[1] > day.start:
            return Span(night[0], night[1])
        date += timedelta(days=1)
