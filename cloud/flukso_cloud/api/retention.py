"""API v2: for how long a sensor's measurements are kept, by its owner's choice."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.store import Retention

from .access import sensor_to_change, viewer_of
from .documented import documented
from .json_body import json_answer, read_json
from .request import cloud_of
from .signed import id_in

_EXAMPLE = '{"samples_days": 730, "hours_days": 0}'
Days = Annotated[int, Meta(ge=0, le=36500, description="days; 0 is for ever")]


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days after which measurements go, and days after which the hours go that were summed up from them."""

    samples_days: Days
    hours_days: Days


class KeptAnswer(Kept, frozen=True):
    """The same, and the time (unix seconds) before which no measurements are left and none are taken; 0 if all are."""

    kept_from: int


@documented("GET", "How long measurements are kept", answer=KeptAnswer)
async def get_retention(request: Request) -> Response:
    """What the owner has chosen; what runs the cloud may keep them for less."""
    sensor = await sensor_to_change(request, await viewer_of(request), id_in(request, "sensor"))
    return await _answer(request, sensor.number)


@documented("PUT", "Choose how long measurements are kept", body=Kept, answer=KeptAnswer)
async def put_retention(request: Request) -> Response:
    """From the next hour on. What is gone stays gone."""
    sensor = await sensor_to_change(request, await viewer_of(request), id_in(request, "sensor"))
    wanted = await read_json(request, Kept, _EXAMPLE)
    await cloud_of(request).store.keep_for(sensor.number, Retention(wanted.samples_days, wanted.hours_days))
    return await _answer(request, sensor.number)


async def _answer(request: Request, sensor: int) -> Response:
    store = cloud_of(request).store
    return json_answer(KeptAnswer(*await store.retention(sensor), await store.kept_from(sensor)))


_PATH = "/api/v2/sensors/{sensor}/retention"
routes: list[BaseRoute] = [
    Route(_PATH, get_retention, methods=["GET"]),
    Route(_PATH, put_retention, methods=["PUT"]),
]
