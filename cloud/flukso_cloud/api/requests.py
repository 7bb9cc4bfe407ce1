"""API v2: finding what others share with me, asking them for it, and shutting somebody out."""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.resolutions import RESOLUTIONS, name_of
from flukso_cloud.store import Asked, Plan
from flukso_cloud.store.limits import MOST_REQUESTS
from flukso_cloud.units import COUNTER_UNITS, GAUGE_UNITS

from .access import manager_of, refused, sensor_for, viewer_of
from .answers import Blocks, Offers, OffersQuery, RequestAnswer, Requests
from .documented import documented
from .groups import account_named
from .json_body import json_answer, read_json
from .request import bad_request, cloud_of, unix_now
from .signed import id_in


class WantedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask, and in what words."""

    account: str
    message: Annotated[str, Meta(max_length=500)] = ""


class Granted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor that is shared with who has asked."""

    sensor: str
    resolution: str = "live"
    past: bool = False


class Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What who has asked may see."""

    sensors: Annotated[list[Granted], Meta(min_length=1, max_length=128)]


@documented("GET", "What is shared with me and I have not subscribed to", query=OffersQuery, answer=Offers)
async def get_offers(request: Request) -> Response:
    """What is shared with me, by name, in a group or with everyone, and I have not subscribed to."""
    viewer = await viewer_of(request)
    if not viewer.sees_all:
        raise refused()
    found = await cloud_of(request).store.offers(viewer.account, request.query_params.get("owner"))
    views = [
        {
            "sensor": one.sensor.id,
            "name": one.sensor.function,
            "owner": one.owner,
            "type": one.sensor.type,
            "class": one.sensor.class_,
            "counter_unit": COUNTER_UNITS.get(one.sensor.type, ""),
            "gauge_unit": GAUGE_UNITS.get(one.sensor.type, ""),
            "resolution": name_of(one.resolution),
        }
        for one in found
    ]
    return json_answer({"offers": views})


@documented("GET", "Requests that wait for an answer", answer=Requests)
async def get_requests(request: Request) -> Response:
    """The requests that I have sent and received, and nobody has answered."""
    viewer = await viewer_of(request)
    if not viewer.sees_all:
        raise refused()
    found = await cloud_of(request).store.requests(viewer.account)
    return json_answer(
        {
            "sent": [_view(one) for one in found if one.asker == viewer.account],
            "received": [_view(one) for one in found if one.owner == viewer.account],
        }
    )


def _view(asked: Asked) -> dict[str, object]:
    return {
        "id": asked.id,
        "from": asked.asker_name,
        "to": asked.owner_name,
        "message": asked.message,
        "time": asked.created,
    }


@documented(
    "POST", "Ask somebody to share something", body=WantedRequest, answer=RequestAnswer, status=201, refuses=(409, 413)
)
async def post_request(request: Request) -> Response:
    """Ask somebody. Whom he has blocked is answered the same, and he does not hear of it."""
    viewer, now = await manager_of(request), unix_now()
    wanted = await read_json(request, WantedRequest, '{"account": "anna", "message": "May I see your roof?"}')
    owner = await account_named(request, wanted.account)
    if owner.number == viewer.account:
        raise bad_request("what is yours you see already")
    store = cloud_of(request).store
    asker = await store.account_number(viewer.account)
    message = "".join(character for character in wanted.message if character.isprintable())
    asked = Asked(secrets.token_hex(16), asker.number, asker.name, owner.number, owner.name, message, now)
    if not await store.ask(asked):
        raise HTTPException(409, f"{MOST_REQUESTS} requests wait for an answer; take one back\n")
    return json_answer(_view(asked), 201)


@documented("PUT", "Accept a request", body=Answered, status=204, refuses=(413,))
async def put_request(request: Request) -> Response:
    """Accept a request: share some sensors with who has asked. He is subscribed to them at once."""
    viewer, request_id = await manager_of(request), id_in(request, "request")
    cloud = cloud_of(request)
    asked = next((one for one in await cloud.store.requests(viewer.account) if one.id == request_id), None)
    if asked is None or asked.owner != viewer.account:
        raise refused()
    answered = await read_json(request, Answered, '{"sensors": [{"sensor": "<id>", "resolution": "hour"}]}')
    plans: dict[int, Plan] = {}
    for one in answered.sensors:
        if one.resolution not in RESOLUTIONS:
            raise bad_request(f"resolution is one of {', '.join(RESOLUTIONS)}")
        sensor = await sensor_for(request, viewer, one.sensor)
        plans[sensor.number] = Plan(asked.asker, None, RESOLUTIONS[one.resolution], one.past)
    await cloud.store.grant(asked.id, asked.asker, list(plans.items()), unix_now())
    cloud.live.hang_up(asked.asker)
    return Response(status_code=204)


@documented("DELETE", "Refuse a request, or take it back", status=204)
async def delete_request(request: Request) -> Response:
    """Refuse a request, or take mine back."""
    viewer, request_id = await manager_of(request), id_in(request, "request")
    store = cloud_of(request).store
    if not any(one.id == request_id for one in await store.requests(viewer.account)):
        raise refused()
    await store.delete_request(request_id)
    return Response(status_code=204)


@documented("GET", "Whom I have blocked", answer=Blocks)
async def get_blocks(request: Request) -> Response:
    """Whom I have blocked."""
    viewer = await viewer_of(request)
    if not viewer.sees_all:
        raise refused()
    return json_answer({"blocks": await cloud_of(request).store.blocked_accounts(viewer.account)})


@documented("DELETE", "Let everything pass again between somebody and me", status=204)
@documented("PUT", "Let nothing pass between somebody and me", status=204)
async def block(request: Request) -> Response:
    """PUT: let nothing pass between somebody and me, at once. DELETE: let it pass again."""
    viewer, cloud = await manager_of(request), cloud_of(request)
    other = await account_named(request, request.path_params["name"])
    if request.method == "DELETE":
        await cloud.store.unblock_account(viewer.account, other.number)
        cloud.live.hang_up(viewer.account, other.number)
    elif other.number == viewer.account:
        raise bad_request("nobody blocks himself")
    else:
        await cloud.store.block_account(viewer.account, other.number)
        cloud.live.look_again(viewer.account, other.number)
    return Response(status_code=204)


routes: list[BaseRoute] = [
    Route("/api/v2/offers", get_offers, methods=["GET"]),
    Route("/api/v2/requests", get_requests, methods=["GET"]),
    Route("/api/v2/requests", post_request, methods=["POST"]),
    Route("/api/v2/requests/{request}", put_request, methods=["PUT"]),
    Route("/api/v2/requests/{request}", delete_request, methods=["DELETE"]),
    Route("/api/v2/blocks", get_blocks, methods=["GET"]),
    Route("/api/v2/blocks/{name}", block, methods=["PUT", "DELETE"]),
]
