"""API v2: my use beside that of a group."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.access import Viewer
from flukso_cloud.benchmark import FEWEST_HOMES, PERCENTILES, PERIODS, last_period, place
from flukso_cloud.comparison import DAY, PER, compare, daily_use
from flukso_cloud.series import Span
from flukso_cloud.store import Sensor
from flukso_cloud.units import COUNTER_UNITS

from .access import refused, seen_by, too_fine, viewer_of
from .answers import BenchmarkAnswer, BenchmarkQuery
from .documented import documented
from .groups import group_in
from .json_body import json_answer
from .request import bad_request, cloud_of, unix_now


@documented("GET", "My use beside that of a group", query=BenchmarkQuery, answer=BenchmarkAnswer, refuses=(403, 409))
async def get_benchmark(request: Request) -> Response:
    """The group's percentiles of daily use in the last period that is over, and where my sensor is among them."""
    viewer = await viewer_of(request)
    if not viewer.lists:
        raise refused()
    group = await group_in(request, viewer)
    if not group.is_member(viewer.account):
        raise HTTPException(403, "accept the invitation to the group first\n")
    query = request.query_params
    sensor = await _own_sensor(request, viewer, query["sensor"]) if "sensor" in query else None
    kind = query.get("type", "electricity") if sensor is None else sensor.type
    name, per = query.get("period", "month"), query.get("per", "home")
    if kind not in COUNTER_UNITS or name not in PERIODS or per not in PER:
        raise bad_request(
            f"type is one of {', '.join(COUNTER_UNITS)}; period of {', '.join(PERIODS)}; per of {', '.join(PER)}"
        )
    period = last_period(name, unix_now())
    size = await _size(request, viewer, per) if sensor is not None else None
    found = await compare(cloud_of(request).store, group, kind, per, period)
    if found is None:
        raise HTTPException(409, f"there are fewer than {FEWEST_HOMES} homes to compare; nothing is told of fewer\n")
    return json_answer(
        {
            "type": kind,
            "unit": COUNTER_UNITS[kind],
            "period": name,
            "start": period.start,
            "end": period.end,
            "per": per,
            "homes": found.homes,
            "percentiles": dict(zip(map(str, PERCENTILES), found.percentiles, strict=True)),
            "own": await _own(request, sensor, size, period, found.percentiles),
        }
    )


async def _own_sensor(request: Request, viewer: Viewer, sensor_id: str) -> Sensor:
    """Return the viewer's own sensor; 401 if there is none of that id, 403 if he sees no days of it."""
    sensor, sight = await seen_by(request, viewer, sensor_id)
    if not sight.own:
        raise refused()
    if sight.since(DAY) is None:
        raise too_fine(sight)
    return sensor


async def _size(request: Request, viewer: Viewer, per: str) -> float:
    account = await cloud_of(request).store.account_number(viewer.account)
    size = {"home": 1.0, "person": account.persons, "m2": account.area}[per]
    if not size:
        raise bad_request("tell the persons and the area of your home first, by PUT /api/v2/account")
    return size


async def _own(
    request: Request, sensor: Sensor | None, size: float | None, period: Span, percentiles: list[float]
) -> dict[str, float] | None:
    """Return the use of a sensor in an average day, and its percentile; None if it is not known."""
    use = None if sensor is None else await daily_use(cloud_of(request).store, sensor, period)
    if use is None or size is None:
        return None
    return {"value": round(use / size, 3), "percentile": place(use / size, percentiles)}


routes: list[BaseRoute] = [Route("/api/v2/groups/{group}/benchmark", get_benchmark, methods=["GET"])]
