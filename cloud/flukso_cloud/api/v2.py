"""API v2: the account's devices (docs/protocol.md)."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.overview import overview

from .access import refused, viewer_of
from .answers import Devices
from .documented import documented
from .request import cloud_of


@documented("GET", "My devices with their sensors and newest values", answer=Devices)
async def get_devices(request: Request) -> Response:
    """All devices of the account, with sensors and newest values."""
    viewer = await viewer_of(request)
    if not viewer.lists:
        raise refused()
    cloud = cloud_of(request)
    found = await overview(cloud.store, cloud.live, viewer.account, viewer.resolution)
    body = msgspec.json.encode(found._asdict())
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


routes: list[BaseRoute] = [Route("/api/v2/devices", get_devices, methods=["GET"])]
