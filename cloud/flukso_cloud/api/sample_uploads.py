"""API v2: measurements that are added to a sensor's by who may write it. Each stands for itself: the good ones stay."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.sorting_out import MOST_NAMED, WHY, sort_out
from flukso_cloud.store import SensorGoneError
from flukso_cloud.upload import Measurements

from .access import refused, sensor_to_change, viewer_of
from .documented import documented
from .json_body import json_answer, read_json
from .problem import FieldError
from .request import cloud_of, unix_now
from .samples import MOST, MOST_BYTES
from .signed import id_in

_EXAMPLE = '{"time": [1795400060, 1795400120], "counter": [1000, 1002]}'

Times = Annotated[list[Any], Meta(max_length=MOST, description="unix seconds, whole, in any order")]
Counters = Annotated[list[Any], Meta(max_length=MOST, description="Wh or L, whole; as many as times")]


class SampleUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measurements in columns. One at a time that is known already takes its place."""

    time: Times
    counter: Counters


class BadSample(msgspec.Struct, frozen=True):
    """A measurement that was not stored: its place in the columns, the first being 0, and why."""

    place: int
    why: str


class Uploaded(msgspec.Struct, frozen=True):
    """How many measurements were news, were known already, and were refused: for which reasons, and which of them."""

    stored: int
    known: int
    refused: int
    reasons: dict[str, int]
    bad: Annotated[list[BadSample], Meta(max_length=MOST_NAMED)]


@documented("POST", "Add measurements", body=SampleUpload, answer=Uploaded, refuses=(408, 413))
async def post_samples(request: Request) -> Response:
    """Store what can be stored, and tell what could not; 200 once it is on disk."""
    sensor = await sensor_to_change(request, await viewer_of(request), id_in(request, "sensor"))
    sent = await read_json(request, SampleUpload, _EXAMPLE, MOST_BYTES)
    if len(sent.time) != len(sent.counter):
        raise FieldError("counter", "there are as many counters as times")
    now = unix_now()
    kept_from = await cloud_of(request).store.kept_from(sensor.number)
    sorted_out = sort_out(sent.time, sent.counter, now, kept_from)
    upload = Measurements(sorted_out.samples, [], dict(sorted_out.refused))
    try:
        kept = await cloud_of(request).ingest.keep(sensor, upload, now)
    except SensorGoneError:
        raise refused() from None
    reasons = {WHY[reason]: count for reason, count in sorted_out.refused.items()}
    bad = [BadSample(place, WHY[reason]) for place, reason in sorted_out.named]
    return json_answer(Uploaded(kept.stored, kept.known, sorted_out.refused.total(), reasons, bad))


routes: list[BaseRoute] = [Route("/api/v2/sensors/{sensor}/samples", post_samples, methods=["POST"])]
