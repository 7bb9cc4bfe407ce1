"""Who asks: the session cookie, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from flukso_cloud.cloud import Cloud
from flukso_cloud.ids import is_id
from flukso_cloud.store import Account, Sensor

from .request import bad_request, cloud_of, unix_now

COOKIE = "__Host-flukso"


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


class Viewer(NamedTuple):
    """Somebody who may see: all streams of an account, or one sensor (its number) of it.

    A device (its number) only hears what its owner is subscribed to.
    """

    account: int
    sensor: int | None
    device: int | None = None

    @property
    def sees_all(self) -> bool:
        """Whether all of the account is seen."""
        return self.sensor is None and self.device is None


def refused() -> HTTPException:
    """Return the answer to whoever may not see. It is the same for what does not exist."""
    return HTTPException(
        401, "Access refused\n", {"WWW-Authenticate": "Access refused", "Access-Control-Allow-Origin": "*"}
    )


async def viewer_of(request: Request) -> Viewer:
    """Return who asks: by token in `X-Token` or `token`, or by session.

    400 if there is more than one of the three (trap 16), 401 if there is none or it is not known.
    """
    header, query = request.headers.get("x-token"), request.query_params.get("token")
    if header is not None and query is not None:
        raise bad_request("the token comes in X-Token or in token, not in both")
    text = header if header is not None else query
    if text is None:
        if isinstance(request.user, AccountUser):
            return Viewer(request.user.account.number, None)
        raise refused()
    if not is_id(text):
        raise bad_request("a token has 32 lowercase hexadecimal digits")
    token = await cloud_of(request).accounts.token(text)
    if token is None:
        raise refused()
    if request.user.is_authenticated:
        raise bad_request("send a token or a session, not both")
    return Viewer(token.account, token.sensor, token.device)


async def still_sees(request: Request, viewer: Viewer) -> bool:
    """Tell whether the session or token of a long request is still good."""
    accounts = cloud_of(request).accounts
    text = request.headers.get("x-token", request.query_params.get("token"))
    if text is not None:
        return await accounts.token(text) is not None
    account = await accounts.whose_session(request.cookies.get(COOKIE, ""), unix_now())
    return account is not None and account.number == viewer.account


async def sensor_for(request: Request, viewer: Viewer, sensor_id: str) -> Sensor:
    """Return a sensor that the viewer may see; 401 if there is none of that id, or it is somebody else's."""
    cloud = cloud_of(request)
    sensor = await cloud.store.sensor(sensor_id)
    if sensor is None or (viewer.sensor is not None and viewer.sensor != sensor.number) or viewer.device is not None:
        raise refused()
    if not await cloud.accounts.may_see(sensor, viewer.account):
        raise refused()
    return sensor


async def heard_by(request: Request, viewer: Viewer, sensor_ids: Sequence[str]) -> dict[str, tuple[Sensor, int]]:
    """Return sensors that the viewer may hear, with the resolution in s (0: live); 401 if there is one he may not."""
    heard: dict[str, tuple[Sensor, int]] = {}
    if viewer.sensor is None:
        for one in await cloud_of(request).store.subscriptions(viewer.account):
            heard[one.sensor.id] = (one.sensor, one.resolution)
    return {
        sensor_id: heard[sensor_id] if sensor_id in heard else (await sensor_for(request, viewer, sensor_id), 0)
        for sensor_id in sensor_ids
    }


async def still_hears(request: Request, viewer: Viewer, heard: Mapping[str, tuple[Sensor, int]]) -> bool:
    """Tell whether the sensors of a long request may still be heard, at the resolutions that they had."""
    try:
        now = await heard_by(request, viewer, list(heard))
    except HTTPException:
        return False
    return {sensor: resolution for sensor, (_, resolution) in now.items()} == {
        sensor: resolution for sensor, (_, resolution) in heard.items()
    }
