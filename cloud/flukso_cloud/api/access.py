"""Who asks: the session cookie, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from flukso_cloud.access import Sight, Viewer, heard, seen, writes
from flukso_cloud.cloud import Cloud
from flukso_cloud.ids import is_token
from flukso_cloud.resolutions import name_of
from flukso_cloud.store import Account, Sensor

from .request import bad_request, cloud_of, unix_now

COOKIE = "__Host-flukso"
_BEARER = "bearer "


class AccountUser(BaseUser):
    """Somebody who is logged in: `request.user` of a page."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def is_authenticated(self) -> bool:
        """True."""
        return True

    @property
    def display_name(self) -> str:
        """The account's name."""
        return self.account.name

    @property
    def identity(self) -> str:
        """The account's number as text."""
        return str(self.account.number)


class SessionBackend(AuthenticationBackend):
    """Finds the account of the session cookie."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return the account if the cookie is that of a session, and our own page or a person sends it."""
        session = conn.cookies.get(COOKIE)
        if not session or self._is_embedded(conn.headers):
            return None
        cloud: Cloud = conn.app.state.cloud
        account = await cloud.accounts.whose_session(session, unix_now())
        return None if account is None else (AuthCredentials(["account"]), AccountUser(account))

    @staticmethod
    def _is_embedded(headers: Headers) -> bool:
        """Tell whether a page of another origin asks, by a script (JSONP) or image, instead of a person by a link."""
        foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        return foreign and headers.get("sec-fetch-mode") != "navigate"


class Seen(NamedTuple):
    """A sensor and what of it may be seen."""

    sensor: Sensor
    sight: Sight


def refused() -> HTTPException:
    """Return the answer to whoever may not see. It is the same for what does not exist."""
    return HTTPException(
        401, "Access refused\n", {"WWW-Authenticate": "Access refused", "Access-Control-Allow-Origin": "*"}
    )


def _token_in(request: Request) -> str | None:
    """Return the token that a request brings in `X-Token`, `token` or `Authorization`; 400 if there are several."""
    bearer = request.headers.get("authorization")
    sent = [request.headers.get("x-token"), request.query_params.get("token")]
    if bearer is not None and bearer.lower().startswith(_BEARER):
        sent.append(bearer[len(_BEARER) :].strip())
    found = [text for text in sent if text is not None]
    if len(found) > 1:
        raise bad_request("the token comes in X-Token, in token or in Authorization, once")
    return found[0] if found else None


async def viewer_of(request: Request) -> Viewer:
    """Return who asks: by token or by session.

    400 if there is more than one of them (trap 16), 401 if there is none or it is not known.
    """
    text = _token_in(request)
    if text is None:
        if isinstance(request.user, AccountUser):
            return Viewer(request.user.account.number, writes=True, in_person=True)
        raise refused()
    if not is_token(text):
        raise bad_request("a token has 32 lowercase hexadecimal digits, or begins with flk_")
    token = await cloud_of(request).accounts.token(text, unix_now())
    if token is None:
        raise refused()
    if request.user.is_authenticated:
        raise bad_request("send a token or a session, not both")
    return Viewer(token.account, token.sensors, token.device, token.resolution, token.writes)


async def account_in_person(request: Request) -> Account:
    """Return who is logged in; 401 if nobody is, or a token asks: tokens make no tokens, and change no account."""
    if not (await viewer_of(request)).in_person or not isinstance(request.user, AccountUser):
        raise refused()
    return request.user.account


async def manager_of(request: Request) -> Viewer:
    """Return who may change shares, groups, subscriptions and devices of his account; 401 if nobody of that kind asks.

    It is somebody who is logged in, or has a token that writes all of the account.
    """
    viewer = await viewer_of(request)
    if not viewer.manages:
        raise refused()
    return viewer


async def outlasts(request: Request, until: int) -> bool:
    """Tell whether the session or token of a request does not expire before `until` (unix seconds)."""
    accounts = cloud_of(request).accounts
    text = _token_in(request)
    if text is not None:
        return await accounts.is_token_good(text, until)
    return await accounts.whose_session(request.cookies.get(COOKIE, ""), until) is not None


async def still_sees(request: Request, viewer: Viewer) -> bool:
    """Tell whether the session or token of a long request is still good."""
    accounts = cloud_of(request).accounts
    text = _token_in(request)
    if text is not None:
        return await accounts.token(text, unix_now()) is not None
    account = await accounts.whose_session(request.cookies.get(COOKIE, ""), unix_now())
    return account is not None and account.number == viewer.account


async def _found(request: Request, viewer: Viewer, sensor_id: str) -> tuple[Sensor, Sight | None, bool]:
    """Return a sensor, what of its history the viewer may see, and whether he may change it; 401 if there is none."""
    store = cloud_of(request).store
    sensor = await store.sensor(sensor_id)
    if sensor is None:
        raise refused()
    owned = await store.ownership(viewer.account, sensor.number)
    sight = seen(viewer, sensor.number, owned.owner, owned.grants)
    return sensor, sight, writes(viewer, sensor.number, owned.owner)


async def seen_by(request: Request, viewer: Viewer, sensor_id: str) -> Seen:
    """Return a sensor and what of its history the viewer may see; 401 if it is nothing, or there is none of that id."""
    sensor, sight, _ = await _found(request, viewer, sensor_id)
    if sight is None:
        raise refused()
    return Seen(sensor, sight)


async def sensor_for(request: Request, viewer: Viewer, sensor_id: str) -> Sensor:
    """Return a sensor of the viewer's own of which he may see every reading; 401 if there is none of that id.

    403 if his token sees it only at a coarser resolution.
    """
    sensor, sight = await seen_by(request, viewer, sensor_id)
    if not sight.own:
        raise refused()
    if sight.finest:
        raise too_fine(sight)
    return sensor


async def sensor_to_change(request: Request, viewer: Viewer, sensor_id: str) -> Sensor:
    """Return a sensor of the viewer's own that he may change; 401 if there is none of that id, or his token reads."""
    sensor, _, may_change = await _found(request, viewer, sensor_id)
    if not may_change:
        raise refused()
    return sensor


def too_fine(sight: Sight) -> HTTPException:
    """Return the answer to whoever may see a sensor, but not so finely."""
    text = f"this may be seen in buckets of one {name_of(sight.finest)}, or whole numbers of them\n"
    return HTTPException(403, text, {"Access-Control-Allow-Origin": "*"})


async def heard_by(request: Request, viewer: Viewer, sensor_ids: Sequence[str]) -> dict[str, Seen]:
    """Return sensors that the viewer may hear, and what of them; 401 if there is one he may not."""
    store = cloud_of(request).store
    found: dict[str, Seen] = {}
    for one in await store.subscriptions(viewer.account):
        sight = heard(viewer, one.sensor.number, None, one.grants)
        if sight is not None:
            found[one.sensor.id] = Seen(one.sensor, sight)
    return {
        sensor_id: found[sensor_id] if sensor_id in found else await seen_by(request, viewer, sensor_id)
        for sensor_id in sensor_ids
    }


async def still_hears(request: Request, viewer: Viewer, before: Mapping[str, Seen]) -> bool:
    """Tell whether the sensors of a long request may still be heard, at the resolutions that they had."""
    with suppress(HTTPException):
        now = await heard_by(request, viewer, list(before))
        return all(now[sensor].sight.finest == one.sight.finest for sensor, one in before.items())
    return False
