"""API v2: claiming a device by its code, and giving it up."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .access import manager_of, refused
from .answers import Claimed
from .documented import documented
from .json_body import json_answer, read_json
from .request import address_of, cloud_of, unix_now
from .signed import id_in

_OBJECTIONS = {
    "unknown": (404, "no device is waiting with this code; check it, and that the device has reached this cloud\n"),
    "taken": (409, "this device belongs to another account; its owner has to release it first\n"),
    "limited": (429, "too many attempts; wait a few minutes\n"),
}


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code that a device shows."""

    code: str


@documented("POST", "Claim a device by its code", body=Code, answer=Claimed, status=201, refuses=(404, 409, 413, 429))
async def post_claim(request: Request) -> Response:
    """Give the device with this code to who asks."""
    viewer = await manager_of(request)
    code = (await read_json(request, Code, '{"code": "K7QM-2XWD"}')).code
    outcome, device = await cloud_of(request).accounts.claim(code, viewer.account, address_of(request))
    if device is None:
        status, text = _OBJECTIONS[outcome]
        raise HTTPException(status, text, {"Retry-After": "300"} if outcome == "limited" else None)
    return json_answer({"device": device}, 201)


@documented("DELETE", "Release a device; its readings are deleted", status=204)
async def delete_device(request: Request) -> Response:
    """Release a device: its readings and shares are deleted, and it can be claimed anew."""
    viewer, device_id = await manager_of(request), id_in(request, "device")
    cloud = cloud_of(request)
    for device, sensors in await cloud.store.streams(viewer.account):
        if device.id == device_id:
            await cloud.departures.release(device.number, sensors, viewer.account, unix_now())
            return Response(status_code=204)
    raise refused()


routes: list[BaseRoute] = [
    Route("/api/v2/claims", post_claim, methods=["POST"]),
    Route("/api/v2/devices/{device}", delete_device, methods=["DELETE"]),
]
