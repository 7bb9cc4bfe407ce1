"""API v2: tokens with a name and a scope. Whoever is logged in makes, lists and revokes them; no token does."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.resolutions import RESOLUTIONS, name_of
from flukso_cloud.store import NamedToken
from flukso_cloud.store.limits import MOST_TOKENS

from .access import account_in_person, refused
from .documented import documented
from .json_body import Name, json_answer, read_json
from .request import bad_request, cloud_of, unix_now
from .signed import id_in

DAY = 86400
_EXAMPLE = '{"name": "Home Assistant", "sensors": ["<id>"], "write": false, "resolution": "hour"}'


class WantedToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token as it is asked for; `sensors` null: all of the account. `expires` in unix seconds, null: never."""

    name: Name
    sensors: Annotated[list[str], Meta(min_length=1, max_length=1000)] | None = None
    write: bool = False
    resolution: str = "live"
    expires: int | None = None


class TokenView(msgspec.Struct, frozen=True):
    """A token as its owner sees it; `token` itself only when it was made, `used` the last day of use (UTC)."""

    id: str
    name: str
    sensors: list[str] | None
    write: bool
    resolution: str
    expires: int | None
    created: int
    used: str | None
    token: str | msgspec.UnsetType = msgspec.UNSET


class Tokens(msgspec.Struct, frozen=True):
    """The tokens of an account."""

    tokens: list[TokenView]


def _view(made: NamedToken, token: str | msgspec.UnsetType = msgspec.UNSET) -> TokenView:
    return TokenView(
        id=made.id,
        name=made.name,
        sensors=made.sensors,
        write=made.writes,
        resolution=name_of(made.resolution),
        expires=made.expires,
        created=made.created,
        used=None if made.used is None else datetime.fromtimestamp(made.used * DAY, UTC).date().isoformat(),
        token=token,
    )


@documented("GET", "My tokens", answer=Tokens)
async def get_tokens(request: Request) -> Response:
    """The account's tokens, oldest first."""
    account = await account_in_person(request)
    found = await cloud_of(request).store.named_tokens(account.number)
    return json_answer(Tokens([_view(one) for one in found]))


@documented("POST", "Make a token", body=WantedToken, answer=TokenView, status=201, refuses=(409, 413))
async def post_token(request: Request) -> Response:
    """Make a token; only this answer has the token itself."""
    account, now = await account_in_person(request), unix_now()
    wanted = await read_json(request, WantedToken, _EXAMPLE)
    if wanted.resolution not in RESOLUTIONS:
        raise bad_request(f"resolution is one of {', '.join(RESOLUTIONS)}")
    if wanted.expires is not None and not now < wanted.expires < 2**53:
        raise bad_request("expires is a time to come, in unix seconds")
    cloud = cloud_of(request)
    if len(await cloud.store.named_tokens(account.number)) >= MOST_TOKENS:
        raise HTTPException(409, f"there are {MOST_TOKENS} tokens already; revoke one that is not used any more\n")
    made = NamedToken(
        id=secrets.token_hex(16),
        name=wanted.name,
        sensors=None if wanted.sensors is None else list(dict.fromkeys(wanted.sensors)),
        writes=wanted.write,
        resolution=RESOLUTIONS[wanted.resolution],
        expires=wanted.expires,
        created=now,
    )
    token = await cloud.accounts.make_token(account.number, made)
    if token is None:
        raise refused()
    return json_answer(_view(made, token), 201)


@documented("DELETE", "Revoke a token", status=204)
async def delete_token(request: Request) -> Response:
    """Revoke a token; live streams that it has opened end at once."""
    account, cloud = await account_in_person(request), cloud_of(request)
    if not await cloud.store.revoke_token(account.number, id_in(request, "token")):
        raise refused()
    cloud.live.look_again(account.number)
    return Response(status_code=204)


routes: list[BaseRoute] = [
    Route("/api/v2/tokens", get_tokens, methods=["GET"]),
    Route("/api/v2/tokens", post_token, methods=["POST"]),
    Route("/api/v2/tokens/{token}", delete_token, methods=["DELETE"]),
]
