"""API v1, as the original cloud spoke it (section 2 of the protocol reference)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.history import Point, averages
from flukso_cloud.series import Span
from flukso_cloud.store import Sensor
from flukso_cloud.timescale import DEFAULT_RESOLUTION, SECONDS, BadRangeError, buckets_between, buckets_of_interval
from flukso_cloud.units import FACTORS

from .access import Viewer, sensor_for, viewer_of
from .request import address_of, bad_request, cloud_of, read_body, unix_now
from .signed import VERSION, id_in, signature_of, taken

OPEN = {"Access-Control-Allow-Origin": "*"}
_CALLBACK = re.compile(r"[0-9a-zA-Z_]{1,100}")
_SECONDS = re.compile(r"[0-9]{1,10}")


async def post_device(request: Request) -> Response:
    """Heartbeat and autoregistration (section 2.2). The answer is signed, byte for byte as it is sent."""
    device_id, signature = id_in(request, "device"), signature_of(request)
    body = await read_body(request)
    beat = cloud_of(request).ingest.heartbeat(device_id, body, signature, unix_now(), address_of(request))
    answer, answer_signature = await taken(beat)
    return Response(answer, headers={"X-Digest": answer_signature}, media_type="application/json")


async def post_sensor(request: Request) -> Response:
    """Measurements (200 once they are on disk, section 2.3) or configuration (204, section 2.4)."""
    sensor_id, signature = id_in(request, "sensor"), signature_of(request)
    body = await read_body(request)
    measured = await taken(cloud_of(request).ingest.measurements(sensor_id, body, signature, unix_now()))
    if not measured:
        return Response(status_code=204, headers=OPEN)
    return Response(b'{"response":"ok"}', headers=OPEN, media_type="application/json")


async def get_sensor(request: Request) -> Response:
    """Time series (section 2.5), or with `param=all` the parameters (section 2.6)."""
    sensor_id = id_in(request, "sensor")
    sent = (request.headers.get("x-version"), request.query_params.get("version"))
    if [version for version in sent if version is not None] != [VERSION]:
        raise bad_request(f"send version {VERSION} in X-Version or in version, not in both")
    viewer = await viewer_of(request)
    sensor = await sensor_for(request, viewer, sensor_id)
    if "param" in request.query_params:
        return await _parameters(request, sensor)
    return await _series(request, sensor, viewer)


async def _series(request: Request, sensor: Sensor, viewer: Viewer) -> Response:
    now = unix_now()
    query = request.query_params
    unit = query.get("unit", "")
    if unit not in FACTORS:
        raise bad_request(f"unit is one of {', '.join(FACTORS)}")
    padding = _padding(query.get("callback"), query.get("jsonp_callback"))
    try:
        buckets = _buckets(query.get("interval"), query.get("start"), query.get("end"), query.get("resolution"), now)
    except BadRangeError as error:
        raise bad_request(str(error)) from None
    nights = None
    if query.get("interval") == "night":
        nights = ZoneInfo((await cloud_of(request).store.account_number(viewer.account)).time_zone)
    points = await averages(cloud_of(request).store, sensor, buckets, unit=unit, now=now, nights=nights)
    headers = {**OPEN, "Cache-Control": "private, no-cache"}
    if "text/csv" in request.headers.get("accept", "") and padding is None:
        lines = (f"{time},{'nan' if value is None else value}\r\n" for time, value in points)
        return Response("".join(lines), headers=headers, media_type="text/csv")
    body = _pairs(points)
    if padding is None:
        return Response(body, headers=headers, media_type="application/json")
    before, after = padding
    return Response(before + body + after, headers=headers, media_type="text/javascript")


def _pairs(points: Sequence[Point]) -> bytes:
    """Return compact JSON; what is not known is the text "nan" (trap 11)."""
    return msgspec.json.encode([(time, "nan" if value is None else value) for time, value in points])


def _padding(callback: str | None, old_callback: str | None) -> tuple[bytes, bytes] | None:
    """Return what goes around a JSONP answer: `callback` ends in `;`, the older `jsonp_callback` does not (trap 15)."""
    name = callback if callback is not None else old_callback
    if name is None:
        return None
    if not _CALLBACK.fullmatch(name):
        raise bad_request("a callback is made of letters, digits and _")
    return name.encode() + b"(", b");" if callback is not None else b")"


def _buckets(interval: str | None, start: str | None, end: str | None, resolution: str | None, now: int) -> list[Span]:
    if resolution is not None and resolution not in SECONDS:
        raise bad_request(f"resolution is one of {', '.join(SECONDS)}")
    if interval is not None:
        if start is not None or end is not None:
            raise bad_request("send interval, or start and end, not both")
        if interval not in SECONDS:
            raise bad_request(f"interval is one of {', '.join(SECONDS)}")
        resolution = resolution or DEFAULT_RESOLUTION.get(interval)
        if resolution is None:
            raise bad_request(f"interval={interval} needs a resolution")
        return buckets_of_interval(interval, resolution, now)
    if start is None:
        raise bad_request("send interval, or start (and end)")
    for text in (start, end):
        if text is not None and not _SECONDS.fullmatch(text):
            raise bad_request("start and end are unix seconds")
    return buckets_between(int(start), None if end is None else int(end), resolution or "minute", now)


async def _parameters(request: Request, sensor: Sensor) -> Response:
    query = request.query_params
    if query["param"] != "all" or query.keys() & {"interval", "start", "end", "unit"}:
        raise bad_request("param=all stands alone")
    store = cloud_of(request).store
    device = await store.device_number(sensor.device)
    newest = (await store.newest([sensor.number])).get(sensor.number)
    parameters = {
        "access": device.last_seen,
        "type": sensor.type,
        "function": sensor.function,
        "class": sensor.class_,
        "voltage": sensor.voltage,
        "current": sensor.current,
        "phase": sensor.phase,
        "constant": sensor.constant,
        "enabled": sensor.enabled,
        "lastupdate": (sensor.created, "NaN") if newest is None else newest,
    }
    return Response(msgspec.json.encode(parameters), headers=OPEN, media_type="application/json")


async def _sensor(request: Request) -> Response:
    return await (post_sensor if request.method == "POST" else get_sensor)(request)


routes: list[BaseRoute] = [
    Route("/device/{device}", post_device, methods=["POST"]),
    Route("/sensor/{sensor}", _sensor, methods=["GET", "POST"]),
]
