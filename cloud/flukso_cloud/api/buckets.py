"""Buckets that a request asks for: their edges by the clock of a time zone, their unit, which of them somebody sees."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta

from flukso_cloud.periods import CIVIL, FIXED, LATEST, TooManyPeriodsError, at_clock, day_of, edges
from flukso_cloud.readout import NIGHT, Unit, unit_named, unit_names

from .access import Seen, too_fine
from .problem import FieldError

MOST_BUCKETS = 200_000
"""Of all sensors of a call together."""
_PERIODS = "|".join([*FIXED, *CIVIL])

SensorId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", min_length=32, max_length=32)]
Time = Annotated[int, Meta(ge=0, le=LATEST, description="unix seconds")]
Zone = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_+/-]+$", description="IANA time zone")]
Resolution = Annotated[
    str,
    Meta(
        pattern=f"^({_PERIODS}|[1-9][0-9]{{0,8}})$",
        max_length=9,
        description=f"{', '.join([*FIXED, *CIVIL])}, or a number of seconds",
    ),
]
UnitName = Annotated[str, Meta(pattern="^[a-z0-9]{1,16}$", max_length=16)]


class Buckets(NamedTuple):
    """Edges to read between, and which of the spans between them are buckets: each `step`-th, from the first on."""

    edges: list[int]
    step: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The buckets, from ... to ...."""
        return list(pairwise(self.edges))[:: self.step]


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone; FieldError if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; a path; a folder of zones
        raise FieldError("zone", "zone is a name such as Europe/Brussels") from None


def unit_of(name: str | None, kind: str) -> Unit:
    """Return the unit of that name for a kind of stream, the usual one for None; FieldError if it has none."""
    unit = unit_named(name, kind)
    if unit is None:
        raise FieldError("unit", f"{kind} has the units {', '.join(unit_names(kind))}")
    return unit


def buckets_of(
    start: int, end: int, resolution: str, zone: ZoneInfo, *, night: bool = False, most: int = MOST_BUCKETS
) -> Buckets:
    """Return the buckets that cover [start, end); FieldError if that is no span, or of more than `most` buckets."""
    if end <= start:
        raise FieldError("end", "end is later than start, and start in the past where there is no end")
    if night and resolution != "day":
        raise FieldError("night", "night is for resolution=day")
    period = int(resolution) if resolution.isdecimal() else resolution
    try:
        found = edges(start, end, period, zone, most)
    except TooManyPeriodsError as error:
        raise FieldError("resolution", str(error)) from None
    if not night:
        return Buckets(found, 1)
    days = [day_of(edge, zone) for edge in found[:-1]]
    hours = (at_clock(days, seconds, zone) for seconds in NIGHT)
    return Buckets([edge for night in zip(*hours, strict=True) for edge in night], 2)


def shown(seen: Seen, buckets: Buckets, now: int) -> list[bool] | None:
    """Return which buckets a viewer sees, None for all; 403 if they are finer than he may see.

    Their edges have to be edges of what he may see, whatever the time zone: from others, what is finer could be worked
    out, as from a bucket that is not over.
    """
    sight = seen.sight
    if not sight.finest:
        return None
    since = [
        grant.since
        for grant in sight.grants
        if not grant.resolution or all(edge % grant.resolution == 0 for edge in buckets.edges)
    ]
    if not since:
        raise too_fine(sight)
    return [start >= min(since) and end <= now for start, end in buckets.spans]
