"""API v1, as the original cloud spoke it (section 2 of the protocol reference)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.access import Viewer
from flukso_cloud.history import Point, averages
from flukso_cloud.series import Span
from flukso_cloud.store import Sensor
from flukso_cloud.timescale import DEFAULT_RESOLUTION, SECONDS, BadRangeError, buckets_between, buckets_of_interval
from flukso_cloud.units import FACTORS

from .access import Seen, seen_by, sensor_for, too_fine, viewer_of
from .documented import documented
from .request import address_of, bad_request, cloud_of, read_body, unix_now
from .signed import id_in, signature_of, taken
from .v1_described import SIGNED, Done, SensorQuery, SeriesOrParameters, Upload
from .v1_get import CSV, FRESH, JSON, OPEN, answer, open_to_all, padding_of, wanted_of

NIGHT_SECONDS = SECONDS["15min"]
"""The edges of nights, in time zones that are a quarter of an hour apart."""
_SECONDS = re.compile(r"[0-9]{1,10}")


@documented(
    "POST",
    "Heartbeat and registration of a device",
    headers=SIGNED,
    body=Upload,
    answer=Upload,
    refuses=(408, 413, 429),
)
async def post_device(request: Request) -> Response:
    """Heartbeat and autoregistration (section 2.2). The answer is signed, byte for byte as it is sent."""
    device_id, signature = id_in(request, "device"), signature_of(request)
    body = await read_body(request)
    beat = cloud_of(request).ingest.heartbeat(device_id, body, signature, unix_now(), address_of(request))
    content, content_signature = await taken(beat)
    return Response(content, headers={"X-Digest": content_signature}, media_type=JSON)


async def post_sensor(request: Request) -> Response:
    """Measurements (200 once they are on disk, section 2.3) or configuration (204, section 2.4)."""
    sensor_id, signature = id_in(request, "sensor"), signature_of(request)
    body = await read_body(request)
    measured = await taken(cloud_of(request).ingest.measurements(sensor_id, body, signature, unix_now()))
    if not measured:
        return Response(status_code=204, headers=OPEN)
    return Response(b'{"response":"ok"}', headers=OPEN, media_type=JSON)


@open_to_all
async def get_sensor(request: Request) -> Response:
    """Time series (section 2.5), with `param=all` the parameters (section 2.6), with `update=true` alarms anew."""
    sensor_id = id_in(request, "sensor")
    viewer = await viewer_of(request)
    found = await seen_by(request, viewer, sensor_id)
    query = request.query_params
    alone = query.keys() & {"param", "update"}
    if alone and (len(alone) > 1 or query.keys() & {"interval", "start", "end", "unit"}):
        raise bad_request("param=all and update=true stand alone")
    if "param" in query:
        return await _parameters(request, await sensor_for(request, viewer, sensor_id))
    if "update" in query:
        return _update(request)
    return await _series(request, found, viewer)


def _update(request: Request) -> Response:
    """Answer as the original, which judged its alarms anew; there are none here."""
    if request.query_params["update"] != "true":
        raise bad_request("update is true")
    wanted_of(request, [JSON])
    return answer("sensor update event triggered", None)


async def _series(request: Request, found: Seen, viewer: Viewer) -> Response:
    """Answer with buckets; those from before the sensor was shared with the viewer are not known to him."""
    sensor, sight = found
    now = unix_now()
    query = request.query_params
    unit = query.get("unit", "")
    if unit not in FACTORS:
        raise bad_request(f"unit is one of {', '.join(FACTORS)}")
    padding = padding_of(request)
    wanted = wanted_of(request, [JSON, CSV])
    try:
        buckets = _buckets(query.get("interval"), query.get("start"), query.get("end"), query.get("resolution"), now)
    except BadRangeError as error:
        raise bad_request(str(error)) from None
    if not await _has_archive(request, sensor):
        raise HTTPException(404, "this sensor has never been enabled, and nothing came of it\n")
    nights = None
    if query.get("interval") == "night":
        nights = ZoneInfo((await cloud_of(request).store.account_number(viewer.account)).time_zone)
    step = buckets[0].end - buckets[0].start
    since = sight.since(step if nights is None else NIGHT_SECONDS)
    if since is None:
        raise too_fine(sight)
    shown = [bucket for bucket in buckets if bucket.start >= since]
    hidden = [Point(bucket.end, None) for bucket in buckets if bucket.start < since]
    points = hidden + await averages(cloud_of(request).store, sensor, shown, unit=unit, now=now, nights=nights)
    pairs = [(time, "nan" if value is None else value) for time, value in points]  # never null (trap 11)
    if wanted == CSV:
        return Response("".join(f"{time},{value}\r\n" for time, value in pairs), headers=FRESH, media_type=CSV)
    return answer(pairs, padding)


async def _has_archive(request: Request, sensor: Sensor) -> bool:
    """Tell whether the original would have an archive: it made one when a sensor was enabled."""
    if sensor.enabled:
        return True
    return sensor.number in await cloud_of(request).store.newest([sensor.number])


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
    if request.query_params["param"] != "all":
        raise bad_request("param is all")
    wanted_of(request, [JSON])
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
        "lastupdate": newest or ((sensor.created, "NaN") if sensor.enabled else None),
    }
    return answer(parameters, None)


@documented(
    "GET",
    "Time series, or parameters of a sensor",
    query=SensorQuery,
    answer=SeriesOrParameters,
    media=(JSON, CSV, "text/javascript"),
    refuses=(403, 404, 406),
)
@documented(
    "POST",
    "Measurements (200) or configuration (204)",
    headers=SIGNED,
    body=Upload,
    answer=Done,
    refuses=(204, 408, 413),
)
async def sensor(request: Request) -> Response:
    """Both methods of a sensor's path."""
    return await (post_sensor if request.method == "POST" else get_sensor)(request)


routes: list[BaseRoute] = [
    Route("/device/{device}", post_device, methods=["POST"]),
    Route("/sensor/{sensor}", sensor, methods=["GET", "POST"]),
]
