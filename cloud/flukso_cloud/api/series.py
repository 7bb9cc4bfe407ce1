"""API v2: the series of several sensors in one call, as columns."""

from __future__ import annotations

import asyncio
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.readout import Series, each, read, told

from .access import seen_by, viewer_of
from .buckets import MOST_BUCKETS, Resolution, SensorId, Time, UnitName, Zone, buckets_of, shown, unit_of, zone_named
from .documented import documented, query_of
from .json_body import json_answer
from .request import cloud_of, unix_now

MOST_SENSORS = 64


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
    unit: UnitName | None = None
    night: bool = False


class SeriesAnswer(msgspec.Struct, frozen=True):
    """Columns for each sensor. `time` has the beginning of each bucket in unix seconds, `end` is that of the last."""

    zone: str
    resolution: str
    time: list[int]
    end: int
    series: list[Series]


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
    zone = home if query.zone is None else zone_named(query.zone)
    wanted = list(dict.fromkeys(query.sensor))
    seen = await asyncio.gather(*(seen_by(request, viewer, sensor) for sensor in wanted))
    units = [unit_of(query.unit, one.sensor.type) for one in seen]
    end, most = now if query.end is None else query.end, MOST_BUCKETS // len(wanted)
    buckets = buckets_of(query.start, end, query.resolution, zone, night=query.night, most=most)
    spans = buckets.spans
    masks = [shown(one, buckets, now) for one in seen]
    read_all = (
        read(cloud.store, one.sensor, buckets.edges, unit, account=viewer.account, zone=home)
        for one, unit in zip(seen, units, strict=True)
    )
    series = [
        told((one.sensor.id, one.sensor.type), unit, spans, each(found, buckets.step), mask)
        for one, unit, found, mask in zip(seen, units, await asyncio.gather(*read_all), masks, strict=True)
    ]
    return json_answer(SeriesAnswer(zone.key, query.resolution, [a for a, _ in spans], spans[-1][1], series))


routes: list[BaseRoute] = [Route("/api/v2/series", get_series, methods=["GET"])]
