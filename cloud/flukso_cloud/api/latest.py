"""API v2: the newest values of several sensors in one call."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.newest import newest_values
from flukso_cloud.overview import GaugeView, MeasurementView
from flukso_cloud.units import COUNTER_UNITS, GAUGE_UNITS

from .access import seen_by, viewer_of
from .answers import MOST_SENSORS, Id
from .documented import documented, query_of
from .json_body import json_answer
from .request import cloud_of


class LatestQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sensors."""

    sensor: Annotated[list[Id], Meta(min_length=1, max_length=MOST_SENSORS)]


class LatestValues(msgspec.Struct, frozen=True):
    """The newest values of a sensor, null while there are none; units are empty for types that have none here."""

    sensor: str
    type: str
    counter_unit: str
    gauge_unit: str
    measurement: MeasurementView | None
    gauge: GaugeView | None


class LatestAnswer(msgspec.Struct, frozen=True):
    """The sensors in the order in which they were asked for."""

    sensors: list[LatestValues]


@documented("GET", "The newest values of sensors", query=LatestQuery, answer=LatestAnswer)
async def get_latest(request: Request) -> Response:
    """The newest values of all that are asked for; 401 if there is one among them that the viewer may not see."""
    query = query_of(request, LatestQuery)
    viewer, cloud = await viewer_of(request), cloud_of(request)
    seen = await asyncio.gather(*(seen_by(request, viewer, sensor) for sensor in dict.fromkeys(query.sensor)))
    newest = await newest_values(cloud.store, cloud.live, seen)
    views = [
        LatestValues(
            sensor=sensor.id,
            type=sensor.type,
            counter_unit=COUNTER_UNITS.get(sensor.type, ""),
            gauge_unit=GAUGE_UNITS.get(sensor.type, ""),
            measurement=None if measurement is None else MeasurementView(*measurement),
            gauge=None if gauge is None else GaugeView(*gauge),
        )
        for (sensor, _), (measurement, gauge) in zip(seen, newest, strict=True)
    ]
    return json_answer(LatestAnswer(views))


routes: list[BaseRoute] = [Route("/api/v2/latest", get_latest, methods=["GET"])]
