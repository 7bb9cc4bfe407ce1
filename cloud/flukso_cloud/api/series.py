"""API v2: the series of several sensors in one call, as columns."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.periods import CIVIL, FIXED, LATEST, TooManyPeriodsError, at_clock, day_of, edges
from flukso_cloud.readout import NIGHT, Series, Unit, each, read, told, unit_named, unit_names
from flukso_cloud.store import Sensor

from .access import Seen, seen_by, too_fine, viewer_of
from .documented import documented, query_of
from .json_body import json_answer
from .problem import FieldError
from .request import cloud_of, unix_now

MOST_SENSORS = 64
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


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sensors, from when to when (now, where `end` is left out), in which buckets and unit.

    `zone` is where days begin: the account's time zone where it is left out. With `night` each day is told by its hours
    from 02:00 to 05:00.
    """

    sensor: Annotated[list[SensorId], Meta(min_length=1, max_length=MOST_SENSORS)]
    start: Time
    end: Time | None = None
    resolution: Resolution = "day"
    zone: Zone | None = None
    unit: Annotated[str, Meta(pattern="^[a-z0-9]{1,16}$", max_length=16)] | None = None
    night: bool = False


class SeriesAnswer(msgspec.Struct, frozen=True):
    """Columns for each sensor. `time` has the beginning of each bucket in unix seconds, `end` is that of the last."""

    zone: str
    resolution: str
    time: list[int]
    end: int
    series: list[Series]


class _Buckets(NamedTuple):
    """Edges to read between, and which of the spans between them are buckets: each `step`-th, from the first on."""

    edges: list[int]
    step: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The buckets, from ... to ...."""
        return list(pairwise(self.edges))[:: self.step]


@documented(
    "GET",
    "Series of sensors: what flowed; mean, min, max and last; coverage",
    query=SeriesQuery,
    answer=SeriesAnswer,
    refuses=(403,),
)
async def get_series(request: Request) -> Response:
    """The series of all sensors that are asked for; 401 if there is one among them that the viewer may not see."""
    query = query_of(request, SeriesQuery)
    viewer, now = await viewer_of(request), unix_now()
    cloud = cloud_of(request)
    home = ZoneInfo((await cloud.store.account_number(viewer.account)).time_zone)
    zone = home if query.zone is None else _zone(query.zone)
    wanted = list(dict.fromkeys(query.sensor))
    seen = await asyncio.gather(*(seen_by(request, viewer, sensor) for sensor in wanted))
    units = [_unit(query.unit, one.sensor) for one in seen]
    buckets = _buckets(query, zone, now, MOST_BUCKETS // len(wanted))
    spans = buckets.spans
    shown = [_shown(one, buckets, now) for one in seen]
    read_all = (
        read(cloud.store, one.sensor, buckets.edges, unit, account=viewer.account, zone=home)
        for one, unit in zip(seen, units, strict=True)
    )
    series = [
        told(one.sensor, unit, spans, each(found, buckets.step), mask)
        for one, unit, found, mask in zip(seen, units, await asyncio.gather(*read_all), shown, strict=True)
    ]
    return json_answer(SeriesAnswer(zone.key, query.resolution, [a for a, _ in spans], spans[-1][1], series))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; a path; a folder of zones
        raise FieldError("zone", "zone is a name such as Europe/Brussels") from None


def _unit(name: str | None, sensor: Sensor) -> Unit:
    unit = unit_named(name, sensor.type)
    if unit is None:
        raise FieldError("unit", f"{sensor.type} has the units {', '.join(unit_names(sensor.type))}")
    return unit


def _buckets(query: SeriesQuery, zone: ZoneInfo, now: int, most: int) -> _Buckets:
    end = now if query.end is None else query.end
    if end <= query.start:
        raise FieldError("end", "end is later than start, and start in the past where there is no end")
    if query.night and query.resolution != "day":
        raise FieldError("night", "night is for resolution=day")
    period = int(query.resolution) if query.resolution.isdecimal() else query.resolution
    try:
        found = edges(query.start, end, period, zone, most)
    except TooManyPeriodsError as error:
        raise FieldError("resolution", str(error)) from None
    if not query.night:
        return _Buckets(found, 1)
    days = [day_of(edge, zone) for edge in found[:-1]]
    hours = (at_clock(days, seconds, zone) for seconds in NIGHT)
    return _Buckets([edge for night in zip(*hours, strict=True) for edge in night], 2)


def _shown(seen: Seen, buckets: _Buckets, now: int) -> list[bool] | None:
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


routes: list[BaseRoute] = [Route("/api/v2/series", get_series, methods=["GET"])]
