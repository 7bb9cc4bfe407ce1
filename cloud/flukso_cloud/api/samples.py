"""API v2: a sensor's measurements as they are: read in pages, deleted and replaced by its owner."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.meter import HIGHEST, LOWEST, Sample
from flukso_cloud.periods import LATEST
from flukso_cloud.units import COUNTER_UNITS
from flukso_cloud.upload import SKEW

from .access import sensor_for, sensor_to_change, viewer_of
from .documented import documented, query_of
from .json_body import json_answer, read_json
from .problem import FieldError
from .request import cloud_of, unix_now
from .signed import id_in

MOST = 50_000
"""Measurements of one answer, and of one that replaces: a month of minutes."""
MOST_BYTES = 2 * 1024 * 1024
STEP = 32 * 86400
"""Seconds that are deleted at a time: what devices send meanwhile waits for one step, not for years."""
_EXAMPLE = '{"start": 1795400000, "end": 1795403600, "time": [1795400060, 1795400120], "counter": [1000, 1002]}'

Time = Annotated[int, Meta(ge=0, le=LATEST, description="unix seconds")]
Counter = Annotated[int, Meta(ge=LOWEST, le=HIGHEST, description="Wh or L")]


class SamplesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which measurements, from when to when (to the newest, where `end` is left out), and how many at most."""

    start: Time = 0
    end: Time = LATEST
    most: Annotated[int, Meta(ge=1, le=MOST)] = 10_000


class RangeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when."""

    start: Time
    end: Time


class SamplesAnswer(msgspec.Struct, frozen=True):
    """Measurements in order of time; `next` is the `start` of the page that follows, null on the last one."""

    sensor: str
    unit: str
    time: list[int]
    counter: list[int]
    next: int | None


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measurements, ascending and all in [start, end), that take the place of those there."""

    start: Time
    end: Time
    time: Annotated[list[Time], Meta(max_length=MOST)]
    counter: Annotated[list[Counter], Meta(max_length=MOST)]


class Deleted(msgspec.Struct, frozen=True):
    """How many measurements there were."""

    deleted: int


class Replaced(msgspec.Struct, frozen=True):
    """How many measurements there were, and how many there are now."""

    deleted: int
    stored: int


@documented("GET", "Measurements, a page at a time", query=SamplesQuery, answer=SamplesAnswer, refuses=(403,))
async def get_samples(request: Request) -> Response:
    """A page of measurements."""
    query = query_of(request, SamplesQuery)
    sensor = await sensor_for(request, await viewer_of(request), id_in(request, "sensor"))
    found = await cloud_of(request).store.samples(sensor, query.start, query.end, query.most)
    following = found[-1].time + 1 if len(found) == query.most else None
    times, counters = [sample.time for sample in found], [sample.counter for sample in found]
    return json_answer(SamplesAnswer(sensor.id, COUNTER_UNITS.get(sensor.type, ""), times, counters, following))


@documented("DELETE", "Delete the measurements of a range", query=RangeQuery, answer=Deleted)
async def delete_samples(request: Request) -> Response:
    """Forget measurements; series and sums follow. Cut off, it has deleted the older ones: ask again.

    Blocks of tmpo that reach into the range go too, and what live streams could tell again.
    """
    query = query_of(request, RangeQuery)
    sensor = await sensor_to_change(request, await viewer_of(request), id_in(request, "sensor"))
    store, deleted = cloud_of(request).store, 0
    oldest = await store.samples(sensor, query.start, query.end, 1)
    newest = await store.newest([sensor.number])
    steps = range(oldest[0].time + STEP, newest[sensor.number].time, STEP) if oldest else ()
    for begin, until in pairwise([query.start, *(step for step in steps if step < query.end), query.end]):
        if begin < until:
            deleted += await store.delete(sensor, begin, until)
    cloud_of(request).live.forget_between(sensor.id, query.start, query.end)
    return json_answer(Deleted(deleted))


@documented("PUT", "Replace the measurements of a range", body=Replacement, answer=Replaced, refuses=(413,))
async def put_samples(request: Request) -> Response:
    """Put measurements in the place of others, at once or not at all."""
    sensor = await sensor_to_change(request, await viewer_of(request), id_in(request, "sensor"))
    wanted = await read_json(request, Replacement, _EXAMPLE, MOST_BYTES)
    if not wanted.start < wanted.end <= wanted.start + STEP:
        raise FieldError("end", f"end is later than start, by {STEP // 86400} days at most")
    if len(wanted.time) != len(wanted.counter):
        raise FieldError("counter", "there are as many counters as times")
    if any(later <= earlier for earlier, later in pairwise(wanted.time)):
        raise FieldError("time", "times ascend, and no two are the same")
    if wanted.time and not (wanted.start <= wanted.time[0] and wanted.time[-1] < wanted.end):
        raise FieldError("time", "times are from start on, and before end")
    if wanted.time and wanted.time[0] < await cloud_of(request).store.kept_from(sensor.number):
        raise FieldError("time", "measurements of days that are kept no longer cannot be put back")
    if wanted.time and wanted.time[-1] > unix_now() + SKEW:
        raise FieldError("time", "times are not in the future")
    samples = list(map(Sample, wanted.time, wanted.counter))
    deleted = await cloud_of(request).store.replace(sensor, wanted.start, wanted.end, samples)
    cloud_of(request).live.forget_between(sensor.id, wanted.start, wanted.end)
    return json_answer(Replaced(deleted, len(samples)))


_PATH = "/api/v2/sensors/{sensor}/samples"
routes: list[BaseRoute] = [
    Route(_PATH, get_samples, methods=["GET"]),
    Route(_PATH, delete_samples, methods=["DELETE"]),
    Route(_PATH, put_samples, methods=["PUT"]),
]
