"""API v2: sharing a sensor, subscribing to somebody else's, and how a device gets to its owner's subscriptions."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.access import Sight, Viewer, heard
from flukso_cloud.live import Gauge
from flukso_cloud.meter import Sample
from flukso_cloud.newest import newest_values
from flukso_cloud.resolutions import RESOLUTIONS, name_of
from flukso_cloud.store import Plan, Sensor, Subscription
from flukso_cloud.units import COUNTER_UNITS, GAUGE_UNITS

from .access import manager_of, refused, sensor_for, viewer_of
from .answers import Subscriptions
from .documented import documented
from .groups import account_named, group_of
from .json_body import MOST_BYTES, json_answer, read_json
from .request import bad_request, cloud_of, read_body, unix_now
from .signed import id_in, signature_of, taken
from .v1_described import SIGNED, Upload

MOST_SHARES = 1000


class ShareView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a sensor is shared with (an account's name, or a group's id, or neither: everyone), and how finely.

    `account` has to be said, so that nobody shares with everyone by a slip. `past` is whether all the past may be seen;
    else `since` tells from when on, in unix seconds. It is told and not asked for.
    """

    account: str | None
    group: str | None = None
    resolution: str = "live"
    past: bool = False
    since: int | None = None


class SharesView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All shares of a sensor."""

    shares: list[ShareView]


@documented(
    "POST",
    "A token with which a device hears what its owner is subscribed to",
    headers=SIGNED,
    body=Upload,
    answer=Upload,
    refuses=(408, 413),
)
async def post_token(request: Request) -> Response:
    """A token for a claimed device, signed both ways as the heartbeat is."""
    device_id, signature = id_in(request, "device"), signature_of(request)
    body = await read_body(request, MOST_BYTES)
    made = cloud_of(request).ingest.device_token(device_id, body, signature, unix_now())
    answer, answer_signature = await taken(made)
    headers = {"X-Digest": answer_signature, "Cache-Control": "no-store"}
    return Response(answer, headers=headers, media_type="application/json")


@documented(
    "PUT",
    "Say with whom a sensor is shared, and with nobody else",
    body=SharesView,
    answer=SharesView,
    refuses=(403, 413),
)
@documented("GET", "With whom a sensor is shared", answer=SharesView, refuses=(403,))
async def shares(request: Request) -> Response:
    """GET: whom a sensor is shared with. PUT: exactly whom from now on; what is no longer shared stops at once."""
    sensor_id = id_in(request, "sensor")
    viewer = await (manager_of if request.method == "PUT" else viewer_of)(request)
    if not viewer.sees_all:
        raise refused()
    sensor = await sensor_for(request, viewer, sensor_id)
    store = cloud_of(request).store
    if request.method == "PUT":
        await _replace_shares(request, viewer, sensor)
    found = [
        ShareView(share.account, share.group, name_of(share.resolution), not share.since, share.since or None)
        for share in await store.shares(sensor.number)
    ]
    return json_answer(SharesView(found))


@documented("DELETE", "Leave what I am subscribed to", status=204)
@documented("PUT", "Subscribe to what is shared with me", status=204)
async def subscription(request: Request) -> Response:
    """PUT: subscribe to a sensor that is shared with me. DELETE: leave it."""
    account = (await manager_of(request)).account
    cloud = cloud_of(request)
    sensor = await cloud.store.sensor(id_in(request, "sensor"))
    if sensor is None:
        raise refused()
    if request.method == "DELETE":
        done = await cloud.store.unsubscribe(account, sensor.number)
    else:
        done = await cloud.store.subscribe(account, sensor.number, unix_now())
    if not done:
        raise refused()
    cloud.live.hang_up(account)
    return Response(status_code=204)


@documented("GET", "What I am subscribed to", answer=Subscriptions)
async def subscriptions(request: Request) -> Response:
    """What the account is subscribed to, with the newest values; at a coarse resolution those of its last bucket."""
    viewer = await viewer_of(request)
    if viewer.sensors is not None:
        raise refused()
    store = cloud_of(request).store
    found = [
        (one, sight)
        for one in await store.subscriptions(viewer.account)
        if (sight := heard(viewer, one.sensor.number, None, one.grants)) is not None
    ]
    newest = await newest_values(store, cloud_of(request).live, [(one.sensor, sight) for one, sight in found])
    views = [_view(one, sight, *values) for (one, sight), values in zip(found, newest, strict=True)]
    return json_answer({"subscriptions": views})


def _view(one: Subscription, sight: Sight, sample: Sample | None, gauge: Gauge | None) -> dict[str, object]:
    """Return a subscription with its newest values."""
    sensor = one.sensor
    return {
        "sensor": sensor.id,
        "name": sensor.function,
        "owner": one.owner,
        "type": sensor.type,
        "class": sensor.class_,
        "counter_unit": COUNTER_UNITS.get(sensor.type, ""),
        "gauge_unit": GAUGE_UNITS.get(sensor.type, ""),
        "resolution": name_of(sight.finest),
        "measurement": None if sample is None else sample._asdict(),
        "gauge": None if gauge is None else gauge._asdict(),
    }


async def _replace_shares(request: Request, viewer: Viewer, sensor: Sensor) -> None:
    cloud = cloud_of(request)
    wanted = (await read_json(request, SharesView, '{"shares": [{"account": "name", "resolution": "live"}]}')).shares
    if len(wanted) > MOST_SHARES:
        raise bad_request(f"share with at most {MOST_SHARES} people, or with everyone")
    chosen: dict[tuple[int | None, int | None], Plan] = {}
    for view in wanted:
        if view.resolution not in RESOLUTIONS:
            raise bad_request(f"resolution is one of {', '.join(RESOLUTIONS)}")
        account = None if view.account is None else (await account_named(request, view.account)).number
        group = None if view.group is None else await _group(request, viewer, view)
        chosen[account, group] = Plan(account, group, RESOLUTIONS[view.resolution], view.past)
    await cloud.store.replace_shares(sensor.number, list(chosen.values()), unix_now())
    cloud.live.hang_up(*await cloud.store.subscribers([sensor.number]))


async def _group(request: Request, viewer: Viewer, view: ShareView) -> int:
    """Return the number of the group that a share is with; 400 unless who asks is a member."""
    found = await group_of(request, viewer.account, view.group or "")
    if view.account is not None or found is None or not found.is_member(viewer.account):
        raise bad_request("share with an account, or with a group that you are in; nothing was changed")
    return found.number


routes: list[BaseRoute] = [
    Route("/device/{device}/token", post_token, methods=["POST"]),
    Route("/api/v2/sensors/{sensor}/shares", shares, methods=["GET", "PUT"]),
    Route("/api/v2/subscriptions", subscriptions, methods=["GET"]),
    Route("/api/v2/subscriptions/{sensor}", subscription, methods=["PUT", "DELETE"]),
]
