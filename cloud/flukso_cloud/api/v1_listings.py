"""API v1's lists of sensors and devices (section 2.7). A uid is the account's number.

What is not known is the text "undefined", as the original's encoder made of it.
"""

from __future__ import annotations

import re
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .access import refused, viewer_of
from .documented import documented
from .request import bad_request, cloud_of
from .signed import id_in
from .v1_described import Rows, Versioned
from .v1_get import JSON, answer, open_to_all, padding_of, wanted_of

MEDIA = (JSON, "text/javascript")
UNDEFINED = "undefined"
_UID = re.compile(r"[0-9]{1,10}")

T = TypeVar("T")


def serial(number: int) -> str:
    """Return a device's serial number: the original's came from the factory, ours is this cloud's count."""
    return f"FL{number:08}"


def _told(value: T | None) -> T | str:
    return UNDEFINED if value is None or value == "" else value


async def _account_asked(request: Request) -> int:
    """Return the uid in the path; 401 unless the viewer is that account and sees all of it.

    The original showed everybody who was logged in what its owner had not made private; here all is private, and
    sharing is API v2's.
    """
    uid: str = request.path_params["uid"]
    if not _UID.fullmatch(uid):
        raise bad_request("a uid is a number")
    viewer = await viewer_of(request)
    if not viewer.sees_all or viewer.account != int(uid):
        raise refused()
    return viewer.account


@documented("GET", "An account's sensors", query=Versioned, answer=Rows, media=MEDIA, refuses=(406,))
@open_to_all
async def get_user_sensors(request: Request) -> Response:
    """Enabled sensors that have a name, and where in the local net their device is."""
    account, padding = await _account_asked(request), padding_of(request)
    wanted_of(request, [JSON])
    found = [
        {
            "sensor": sensor.id,
            "type": sensor.type,
            "function": sensor.function,
            "ip": _told(device.ip),
            "port": _told(device.port),
        }
        for device, sensors in await cloud_of(request).store.streams(account)
        for sensor in sensors
        if sensor.enabled and sensor.function
    ]
    return answer(found, padding)


@documented("GET", "An account's devices", query=Versioned, answer=Rows, media=MEDIA, refuses=(406,))
@open_to_all
async def get_user_devices(request: Request) -> Response:
    """Devices with what their last heartbeat told."""
    account, padding = await _account_asked(request), padding_of(request)
    wanted_of(request, [JSON])
    found = [
        {
            "serial": serial(device.number),
            "device": device.id,
            "version": _told(device.version),
            "heartbeat": _told(device.heartbeat),
            "uptime": _told(device.uptime),
            "resets": device.resets,
        }
        for device, _ in await cloud_of(request).store.streams(account)
    ]
    return answer(found, padding)


@documented("GET", "The sensors of a device", query=Versioned, answer=Rows, media=MEDIA, refuses=(406,))
@open_to_all
async def get_device_sensors(request: Request) -> Response:
    """All sensors of a device, and how they are connected."""
    device_id, padding = id_in(request, "device"), padding_of(request)
    viewer = await viewer_of(request)
    wanted_of(request, [JSON])
    store = cloud_of(request).store
    mine = [sensors for device, sensors in await store.streams(viewer.account) if device.id == device_id]
    if not mine or not viewer.sees_all:
        raise refused()
    [sensors] = mine
    wirings = await store.wirings([sensor.number for sensor in sensors])
    found = []
    for sensor in sensors:
        wiring = wirings.get(sensor.number)
        found.append(
            {
                "sensor": sensor.id,
                "config": UNDEFINED if wiring is None else wiring.time,
                "port": _told(None if wiring is None else wiring.port),
                "type": sensor.type,
                "subtype": _told(None if wiring is None else wiring.subtype),
                "function": _told(sensor.function),
                "kid": _told(None if wiring is None else wiring.kid),
                "data_type": _told(None if wiring is None else wiring.data_type),
            }
        )
    return answer(found, padding)


routes: list[BaseRoute] = [
    Route("/user/{uid}/sensor", get_user_sensors, methods=["GET"]),
    Route("/user/{uid}/device", get_user_devices, methods=["GET"]),
    Route("/device/{device}/sensor", get_device_sensors, methods=["GET"]),
]
