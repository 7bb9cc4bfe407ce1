"""The pages' routes. What changes something (`POST /login`, `/logout`, `/claim`) belongs to the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from flukso_cloud.api.request import cloud_of, unix_now
from flukso_cloud.api.session import same_origin_path
from flukso_cloud.cloud import Cloud
from flukso_cloud.history import Point, averages
from flukso_cloud.overview import DeviceView, overview
from flukso_cloud.timescale import buckets_of_interval

from .assets import STATIC, Assets, Static
from .chart import LIVE, QUANTITIES, QUANTITY_OF_TYPE, SCALES, View
from .page import page_data, panels, shown

_CLAIM_PROBLEMS = {
    "unknown": "No device is waiting with this code. Check the code, and that the Fluksometer has reached this cloud.",
    "taken": "This device belongs to another account. Its owner has to give it up first.",
    "limited": "Too many attempts. Wait a few minutes and try again.",
}
_LOGIN_PROBLEMS = {
    "1": "Name or password is wrong.",
    "limited": "Too many attempts. Wait a few minutes and try again.",
}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# The first of the scales and units is the default, so their order has to reach the script.
_templates.policies["json.dumps_kwargs"] = {"sort_keys": False}
_templates.globals["asset"] = Assets().url


def _page(template: str, **content: object) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(template).render(**content), headers={"Cache-Control": "no-store"})


async def login(request: Request) -> Response:
    """Show the form; whoever is logged in already goes on."""
    query = request.query_params
    target = same_origin_path(query.get("next", "/"))
    if request.user.is_authenticated:
        return RedirectResponse(target, 303)
    problem = _LOGIN_PROBLEMS.get(query.get("error", ""), "")
    return _page("login.html", problem=problem, name=query.get("name", ""), next=target)


async def home(request: Request) -> Response:
    """Show a device's chart, or how to connect the first device."""
    if not request.user.is_authenticated:
        here = "/" + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" + ("" if here == "/" else f"?{urlencode({'next': here})}"), 303)
    cloud = cloud_of(request)
    account = request.user.account
    query = request.query_params
    view = View.from_query(query)
    devices = (await overview(cloud.store, cloud.live, account.number)).devices
    claimed = query.get("claimed")
    device = _chosen(devices, view.device or claimed)
    if device is not None:
        # An account with one device needs no device in its addresses.
        view = replace(view, device=device.id if len(devices) > 1 else None)
    frame = {
        "account": account.name,
        "devices": devices,
        "device": device,
        "view": view,
        "origin": f"{request.url.scheme}://{request.url.netloc}",
        "problem": _CLAIM_PROBLEMS.get(query.get("claim_error", ""), ""),
    }
    if device is None:
        return _page("connect.html", **frame)
    now = unix_now()
    zone = ZoneInfo(account.time_zone)
    minutes = await _series(cloud, device, LIVE, now)
    series = minutes if view.scale == LIVE else await _series(cloud, device, view.scale, now)
    charts = panels(device, series, minutes, view, zone, now)
    return _page(
        "device.html",
        **frame,
        claimed=claimed == device.id,
        streams=[stream for chart in charts for stream in chart.streams],
        panels=charts,
        scales=SCALES,
        time_zone=account.time_zone,
        data=page_data(device, {LIVE: minutes, view.scale: series}, view, now),
    )


def _chosen(devices: list[DeviceView], asked: str | None) -> DeviceView | None:
    """Return the device asked for, the first one if there is no such."""
    return next((device for device in devices if device.id == asked), devices[0] if devices else None)


async def _series(cloud: Cloud, device: DeviceView, name: str, now: int) -> Mapping[str, list[Point]]:
    """Return the buckets of a scale for each sensor, just as `GET /sensor/<id>` answers them."""
    scale = SCALES[name]
    buckets = buckets_of_interval(scale.interval, scale.resolution, now)
    found: dict[str, list[Point]] = {}
    for shown_sensor in shown(device):
        sensor = await cloud.store.sensor(shown_sensor.id)
        if sensor is None:
            raise LookupError(f"sensor {shown_sensor.id} is gone")
        unit = QUANTITIES[QUANTITY_OF_TYPE[sensor.type]].wire
        found[sensor.id] = await averages(cloud.store, sensor, buckets, unit=unit, now=now)
    return found


routes: list[BaseRoute] = [
    Route("/", home),
    Route("/login", login, methods=["GET"]),
    Mount("/static", Static(directory=STATIC)),
]
