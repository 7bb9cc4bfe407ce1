"""The periods of a clock on the wall: edges of hours, days, weeks, months, quarters and years in a time zone.

A day that a clock change makes shorter or longer has 23 or 25 hours, and the hours of a zone that is half an hour off
begin on its own full hours. API v1 does not use these: it counts fixed seconds (`timescale`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FIXED = {"minute": 60, "15min": 900}
"""Periods that are the same in every time zone of today, in seconds."""
CIVIL = {"hour": 3600, "day": 86400, "week": 604800, "month": 2678400, "quarter": 7948800, "year": 31622400}
"""Periods of the clock on the wall, with their usual greatest length in seconds. A week begins on Monday (ISO 8601)."""
LATEST = 2**32 - 1
"""Unix seconds, in the year 2106: what comes later is a mistake."""
_HOUR, _DAY = 3600, 86400
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MONDAY = date(1970, 1, 5).toordinal()
_EPOCH = date(1970, 1, 1).toordinal()


class TooManyPeriodsError(ValueError):
    """More periods are asked for than are served at once."""


class _Piece(NamedTuple):
    """Unix seconds [start, end) in which a zone's clock is `offset` s ahead of UTC."""

    start: int
    end: int
    offset: int


def edges(start: int, end: int, period: str | int, zone: ZoneInfo, most: int) -> list[int]:
    """Return the edges, ascending unix seconds, of the periods that cover [start, end): n + 1 for n periods.

    `period` is a name of FIXED or CIVIL, or a number of seconds, whose edges are their multiples since 1970 (UTC).
    The first edge lies at or before `start`, the last at or after `end`. Raises TooManyPeriodsError if there are more
    than `most`.
    """
    step = period if isinstance(period, int) else FIXED.get(period)
    if (end - start) // (step or CIVIL[str(period)]) > most:
        raise TooManyPeriodsError(f"more than {most} buckets; take a coarser resolution")
    if step is not None:
        return list(range(start // step * step, -(-end // step) * step + 1, step))
    found = list(_hours(start, end, zone)) if period == "hour" else _midnights(start, end, str(period), zone)
    # the last edge at or before the start, and the first at or after the end
    first = bisect_left(found, start + 1) - 1
    return found[first : bisect_left(found, end) + 1]


def instant(day: date, seconds: int, zone: ZoneInfo) -> int:
    """Return the first unix second at which a clock in `zone` shows `seconds` after midnight of `day`, or more.

    So a day whose midnight is skipped begins when the clock jumps over it, and one that has two begins at the first.
    """
    return at_clock([day], seconds, zone)[0]


def day_of(time: int, zone: ZoneInfo) -> date:
    """Return the date of a clock in `zone` at `time` (unix seconds)."""
    return datetime.fromtimestamp(time, zone).date()


def at_clock(days: Sequence[date], seconds: int, zone: ZoneInfo) -> list[int]:
    """Return the unix second of each day (ascending) at which the clock shows `seconds` after midnight, or more."""
    if not days:
        return []
    found: list[int] = _first_at([(day.toordinal() - _EPOCH) * _DAY + seconds for day in days], zone).tolist()
    return found


def offsets(times: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Return how many seconds the clock is ahead of UTC at each of some ascending unix seconds."""
    if not times.size:
        return times
    pieces = _pieces(int(times[0]), int(times[-1]) + 1, zone)
    places = np.searchsorted([piece.start for piece in pieces], times, side="right") - 1
    return np.array([piece.offset for piece in pieces], np.int64)[places]


def _midnights(start: int, end: int, period: str, zone: ZoneInfo) -> list[int]:
    """Return edges from one before `start` to one after `end`."""
    first, last = (_first_day(day_of(time, zone), period).toordinal() - _EPOCH for time in (start, end))
    if period in _MONTHS:
        days = [first]
        while days[-1] <= last:
            days.append(_next_day(date.fromordinal(days[-1] + _EPOCH), _MONTHS[period]).toordinal() - _EPOCH)
        shown = np.array(days, np.int64) * _DAY
    else:
        step = 7 if period == "week" else 1
        shown = np.arange(first, last + step + 1, step, dtype=np.int64) * _DAY
    # A day that was skipped (Samoa, 30 December 2011) has no length.
    found: list[int] = np.unique(_first_at(shown, zone)).tolist()
    return found


def _first_day(day: date, period: str) -> date:
    if period in _MONTHS:
        months = _MONTHS[period]
        return date(day.year, (day.month - 1) // months * months + 1, 1)
    return date.fromordinal(day.toordinal() - (day.toordinal() - _MONDAY) % 7) if period == "week" else day


def _next_day(day: date, months: int) -> date:
    month = day.month - 1 + months
    return date(day.year + month // 12, month % 12 + 1, 1)


def _hours(start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
    """Yield the full hours of the clock from one before `start` to one after `end`; an hour that it shows twice is two.

    A change of the clock that skips a full hour is one itself.
    """
    before: _Piece | None = None
    for piece in _pieces(start - _DAY, end + _DAY, zone):
        first = piece.start + -(piece.start + piece.offset) % _HOUR
        if before is not None and first != piece.start:
            old, new = piece.start + before.offset, piece.start + piece.offset
            if old % _HOUR == 0 or old // _HOUR != new // _HOUR:
                yield piece.start
        yield from range(first, piece.end, _HOUR)
        before = piece


def _first_at(shown: Sequence[int] | NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Return the first unix seconds at which the clock shows `shown` (s since 1970 by the wall, ascending) or more."""
    wall = np.asarray(shown, np.int64)
    found = np.empty_like(wall)
    for piece in reversed(_pieces(int(wall[0]) - 2 * _DAY, int(wall[-1]) + 2 * _DAY, zone)):
        first = np.maximum(wall - piece.offset, piece.start)
        found = np.where(first < piece.end, first, found)
    return found


def _pieces(start: int, end: int, zone: ZoneInfo) -> list[_Piece]:
    """Return the pieces that cover [start, end), the first beginning at `start` and the last ending at `end`."""
    first, last = (datetime.fromtimestamp(time, UTC).year for time in (start, end))
    found: list[_Piece] = []
    for year in range(first, last + 1):
        for piece in _year(zone, year):
            begin, finish = max(piece.start, start), min(piece.end, end)
            if begin >= finish:
                continue
            if found and found[-1].offset == piece.offset:
                found[-1] = found[-1]._replace(end=finish)
            else:
                found.append(_Piece(begin, finish, piece.offset))
    return found


@lru_cache(maxsize=4096)
def _year(zone: ZoneInfo, year: int) -> tuple[_Piece, ...]:
    """Return the pieces of a year of UTC. Asks for the offset once a day, and then for the second of a change."""
    start, end = (int(datetime(one, 1, 1, tzinfo=UTC).timestamp()) for one in (year, year + 1))
    found: list[_Piece] = []
    begin, offset = start, _offset(start, zone)
    for before, after in pairwise([*range(start, end, _DAY), end]):
        if _offset(after, zone) == offset:
            continue
        change = _change(before, after, zone)
        found.append(_Piece(begin, change, offset))
        begin, offset = change, _offset(after, zone)
    return (*found, _Piece(begin, end, offset))


def _change(before: int, after: int, zone: ZoneInfo) -> int:
    """Return the second at which the clock changes between two at which its offset differs."""
    old = _offset(before, zone)
    return before + bisect_left(range(before, after), True, key=lambda time: _offset(time, zone) != old)


def _offset(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
