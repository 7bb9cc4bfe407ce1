"""API v2: all of a sensor's measurements as a file. However long it is, no more than a part of it is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from flukso_cloud.exports import Csv, Export, Parquet
from flukso_cloud.store import Sensor, Store
from flukso_cloud.units import COUNTER_UNITS

from .access import sensor_for, viewer_of
from .documented import documented, query_of
from .packed import is_known
from .request import cloud_of
from .samples import RangeQuery
from .signed import id_in

PART = 20_000
"""Measurements that are read and written at a time."""


class _Span(NamedTuple):
    """Which measurements: of a sensor, from ... to ...."""

    sensor: Sensor
    start: int
    end: int


@documented("GET", "Measurements as CSV", query=RangeQuery, answer=str, media=(Csv.media,), refuses=(403,))
async def get_csv(request: Request) -> Response:
    """All measurements of a range, a line each, below a line of titles."""
    return await _export(request, Csv)


@documented(
    "GET", "Measurements as Parquet", query=RangeQuery, answer=bytes, media=(Parquet.media,), refuses=(403, 501)
)
async def get_parquet(request: Request) -> Response:
    """All measurements of a range."""
    return await _export(request, Parquet)


async def _export(request: Request, kind: Callable[[str, str], Export]) -> Response:
    """Answer with a file; 304 to who has it, which is found out without writing it.

    `kind` makes one for a sensor's id and unit.
    """
    query = query_of(request, RangeQuery)
    sensor = await sensor_for(request, await viewer_of(request), id_in(request, "sensor"))
    store, unit = cloud_of(request).store, COUNTER_UNITS.get(sensor.type, "")
    export = await run_in_threadpool(kind, sensor.id, unit)
    tag = "-".join(
        filter(None, [(await store.fingerprint(sensor, query.start, query.end)).hex(), unit, export.made_by])
    )
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-store"}
    if is_known(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers, media_type=export.media)
    headers["Content-Disposition"] = f'attachment; filename="{sensor.id}.{export.suffix}"'
    parts = _parts(store, _Span(sensor, query.start, query.end), export)
    return StreamingResponse(parts, headers=headers, media_type=export.media)


async def _parts(store: Store, span: _Span, export: Export) -> AsyncIterator[bytes]:
    sensor, start, end = span
    while start < end:
        found = await store.samples(sensor, start, end, PART)
        if found:
            yield await run_in_threadpool(export.rows, found)
        if len(found) < PART:
            break
        start = found[-1].time + 1
    yield await run_in_threadpool(export.end)


_PATH = "/api/v2/sensors/{sensor}/samples"
routes: list[BaseRoute] = [
    Route(f"{_PATH}.csv", get_csv, methods=["GET"]),
    Route(f"{_PATH}.parquet", get_parquet, methods=["GET"]),
]
