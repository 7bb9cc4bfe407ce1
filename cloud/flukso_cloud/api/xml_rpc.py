"""POST /xmlrpc/1, as the first Fluksometers spoke it (section 2.11). Whatever happens, HTTP says 200."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud import digest
from flukso_cloud.cloud import Cloud
from flukso_cloud.ids import is_id
from flukso_cloud.ingest import RefusedError
from flukso_cloud.store import Device, StoreUnavailableError
from flukso_cloud.upload import MalformedError
from flukso_cloud.xml_rpc import (
    BAD_PARAMETERS,
    FAILED,
    NO_METHOD,
    REFUSED,
    Call,
    FaultError,
    check,
    failure,
    read_call,
    sign,
    success,
)

from .request import ANSWER_SECONDS, address_of, cloud_of, read_body, unix_now

MOST_METERS = 128


class _Sender:
    """A device that has signed a call."""

    def __init__(self, cloud: Cloud, device: Device, key: bytes, address: str, now: int) -> None:
        self.cloud, self.device, self.key, self.address, self.now = cloud, device, key, address, now


async def _auth(_sender: _Sender, _payload: Any) -> Any:
    return "ok"


async def _add_measurements(sender: _Sender, payload: Any) -> Any:
    """Store {meter: {"unix seconds": counter}}, each meter as an upload of its own would be."""
    if not isinstance(payload, dict) or len(payload) > MOST_METERS:
        raise FaultError(BAD_PARAMETERS, f"measurements are a struct of at most {MOST_METERS} meters")
    uploads: list[tuple[str, bytes]] = []
    for meter, counters in payload.items():
        sensor = await sender.cloud.store.sensor(meter) if is_id(meter) else None
        if sensor is None or sensor.device != sender.device.number:
            raise FaultError(REFUSED, "No proper provisioning for this sensor")
        pairs = [[_integer(time), _integer(counter)] for time, counter in _members(counters)]
        uploads.append((meter, msgspec.json.encode({"measurements": pairs})))
    for meter, body in uploads:
        await sender.cloud.ingest.measurements(meter, body, digest.sign(sender.key, body), sender.now)
    return "ok"


async def _heartbeat(sender: _Sender, payload: Any) -> Any:
    """Take what a heartbeat of JSON has too; tell the version to upgrade to, signed, when there is one."""
    known = {name: _integer(value) for name, value in _members(payload) if name in {"reset", "version", "uptime"}}
    body = msgspec.json.encode(known)
    signature = digest.sign(sender.key, body)
    answer, _ = await sender.cloud.ingest.heartbeat(sender.device.id, body, signature, sender.now, sender.address)
    upgrade = msgspec.json.decode(answer)["upgrade"]
    if not upgrade:
        return {"upgrade": 0}
    return {"upgrade": upgrade, "timestamp": sender.now, "signature": sign(sender.key, sender.now, upgrade)}


_METHODS: dict[str, Callable[[_Sender, Any], Awaitable[Any]]] = {
    "logger.auth": _auth,
    "logger.measurementAdd": _add_measurements,
    "logger.heartbeat": _heartbeat,
}


def _members(struct: Any) -> list[tuple[str, Any]]:
    if not isinstance(struct, dict):
        raise FaultError(BAD_PARAMETERS, "this is a struct")
    return list(struct.items())


def _integer(value: Any) -> Any:
    """Return the integer that a number or text spells, anything else as it is: it is refused like any upload's."""
    try:
        return int(value) if isinstance(value, (int, str)) or value == int(value) else None
    except (TypeError, ValueError, OverflowError):
        return None


async def _called(request: Request, call: Call) -> Any:
    method = _METHODS.get(call.method)
    if method is None:
        raise FaultError(NO_METHOD, f"the methods are {', '.join(_METHODS)}")
    if not 1 <= len(call.parameters) <= 2:
        raise FaultError(BAD_PARAMETERS, "the parameters are auth, and what is to be told")
    auth, payload = call.parameters if len(call.parameters) == 2 else (*call.parameters, "")
    device_id = auth.get("device") if isinstance(auth, dict) else None
    if not isinstance(device_id, str) or not is_id(device_id):
        raise FaultError(REFUSED, "auth needs device, timestamp and signature")
    cloud, now = cloud_of(request), unix_now()
    device, key = await cloud.senders.device(device_id)
    check(key, auth, payload, now)
    return await method(_Sender(cloud, device, key, address_of(request), now), payload)


async def post_call(request: Request) -> Response:
    """Do what is called for."""
    try:
        call = read_call(await read_body(request))
        async with asyncio.timeout(ANSWER_SECONDS):
            body = success(await _called(request, call))
    except FaultError as error:
        body = failure(error)
    except RefusedError as error:
        body = failure(FaultError(REFUSED, str(error)))
    except MalformedError as error:
        body = failure(FaultError(BAD_PARAMETERS, str(error)))
    except (StoreUnavailableError, TimeoutError):
        body = failure(FaultError(FAILED, "cannot store now, send it again"))
    return Response(body, media_type="text/xml")


routes: list[BaseRoute] = [Route("/xmlrpc/1", post_call, methods=["POST"])]
