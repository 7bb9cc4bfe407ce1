"""API v2: seconds that a device sends for those who listen, which are kept as minutes."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.ingest import NO_SENSOR, RefusedError
from flukso_cloud.minutes import Second
from flukso_cloud.seconds import TooFastError
from flukso_cloud.store import SensorGoneError

from .documented import documented
from .json_body import json_answer, parsed
from .problem import FieldError
from .request import cloud_of, read_body, unix_now
from .signed import id_in, signature_of, taken
from .v1_described import SIGNED

MOST = 300
"""Seconds of an upload."""
MOST_BYTES = 16 * 1024
_EXAMPLE = '{"time": [1795401443, 1795401444], "gauge": [463, 465.5], "counter": [4521337, 4521337]}'

Time = Annotated[int, Meta(description="unix seconds")]


class LiveSeconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns of seconds, in any order: what each told of the rate, the counter or both."""

    time: Annotated[list[Time], Meta(min_length=1, max_length=MOST)]
    gauge: Annotated[list[float | None], Meta(max_length=MOST, description="W or L/min")] | None = None
    counter: Annotated[list[int | None], Meta(max_length=MOST, description="Wh or L")] | None = None


class LiveTaken(msgspec.Struct, frozen=True):
    """How many were taken, how many refused for which reason, and until when all is kept, in unix seconds."""

    taken: int
    refused: dict[str, int]
    kept: int


@documented(
    "POST",
    "Seconds of a device for those who listen, kept as minutes",
    headers=SIGNED,
    body=LiveSeconds,
    answer=LiveTaken,
    refuses=(408, 413, 429),
)
async def post_live(request: Request) -> Response:
    """Hand out a sensor's seconds; minutes that are over are on disk with the answer."""
    sensor_id, signature = id_in(request, "sensor"), signature_of(request)
    body = await read_body(request, MOST_BYTES)
    return json_answer(await taken(_take(request, sensor_id, body, signature)))


async def _take(request: Request, sensor_id: str, body: bytes, signature: str) -> LiveTaken:
    cloud, now = cloud_of(request), unix_now()
    sensor = await cloud.ingest.sensor(sensor_id, body, signature)
    told = parsed(body, LiveSeconds, _EXAMPLE)
    try:
        return LiveTaken(*await cloud.seconds.take(sensor, _seconds(told), now))
    except TooFastError:
        raise HTTPException(429, "twice a second is the most\n", {"Retry-After": "60"}) from None
    except SensorGoneError:
        raise RefusedError(NO_SENSOR) from None


def _seconds(told: LiveSeconds) -> list[Second]:
    count = len(told.time)
    gauges, counters = told.gauge or [None] * count, told.counter or [None] * count
    for name, column in (("gauge", gauges), ("counter", counters)):
        if len(column) != count:
            raise FieldError(name, f"there are as many in {name} as times")
    found = list(map(Second, told.time, gauges, counters))
    if any(gauge is None and counter is None for _, gauge, counter in found):
        raise FieldError("gauge", "each second has a gauge, a counter or both")
    return found


routes: list[BaseRoute] = [Route("/api/v2/sensors/{sensor}/live", post_live, methods=["POST"])]
