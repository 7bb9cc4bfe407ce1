"""API v2: my own account. Who is logged in changes it; tokens do not."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.accounts import LoginLimitedError
from flukso_cloud.passwords import PasswordError
from flukso_cloud.store import Account

from .access import COOKIE, account_in_person
from .answers import AccountAnswer
from .documented import documented
from .json_body import json_answer, read_json
from .request import bad_request, cloud_of, unix_now

Persons = Annotated[float, Meta(gt=0, le=1000)]
Area = Annotated[float, Meta(gt=0, le=1_000_000)]


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed: the time zone (an IANA name), people and square metres of the home, null where not told."""

    time_zone: str
    persons: Persons | None = None
    area: Area | None = None


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password so far, and the one from now on."""

    old: str
    new: str


class Confirmed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password, for what cannot be undone."""

    password: str


@documented("GET", "My account", answer=AccountAnswer)
async def get_account(request: Request) -> Response:
    """My name, uid and what is told of my home."""
    account = await account_in_person(request)
    return json_answer(
        {
            "uid": account.number,
            "name": account.name,
            "time_zone": account.time_zone,
            "persons": account.persons,
            "area": account.area,
        }
    )


@documented("PUT", "Change what is told of my home", body=Described, status=204, refuses=(413,))
async def put_account(request: Request) -> Response:
    """Change what is told of my home."""
    account = await account_in_person(request)
    wanted = await read_json(request, Described, '{"time_zone": "Europe/Brussels", "persons": 3, "area": 120}')
    try:
        zone = ZoneInfo(wanted.time_zone).key
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise bad_request("time_zone is a name such as Europe/Brussels") from None
    await cloud_of(request).store.describe_account(account.number, zone, wanted.persons, wanted.area)
    return Response(status_code=204)


@documented("PUT", "Change my password", body=NewPassword, status=204, refuses=(403, 413, 429))
async def put_password(request: Request) -> Response:
    """Change my password; every session ends, this one too."""
    account = await account_in_person(request)
    wanted = await read_json(request, NewPassword, '{"old": "…", "new": "…"}')
    await _check(request, account, wanted.old)
    try:
        await cloud_of(request).accounts.set_password(account.number, wanted.new)
    except PasswordError as error:
        raise bad_request(str(error)) from None
    cloud_of(request).live.look_again(account.number)
    return _logged_out()


@documented("DELETE", "Close my account", body=Confirmed, status=204, refuses=(403, 413, 429))
async def delete_account(request: Request) -> Response:
    """Delete my account with its readings, shares, groups and tokens; my devices can be claimed anew."""
    account = await account_in_person(request)
    await _check(request, account, (await read_json(request, Confirmed, '{"password": "…"}')).password)
    await cloud_of(request).departures.close_account(account.number, unix_now())
    return _logged_out()


async def _check(request: Request, account: Account, password: str) -> None:
    try:
        is_right = await cloud_of(request).accounts.is_password(account, password)
    except LoginLimitedError:
        raise HTTPException(429, "too many attempts; wait a few minutes\n", {"Retry-After": "300"}) from None
    if not is_right:
        raise HTTPException(403, "this is not your password; nothing was changed\n")


def _logged_out() -> Response:
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


routes: list[BaseRoute] = [
    Route("/api/v2/account", get_account, methods=["GET"]),
    Route("/api/v2/account", put_account, methods=["PUT"]),
    Route("/api/v2/account", delete_account, methods=["DELETE"]),
    Route("/api/v2/account/password", put_password, methods=["PUT"]),
]
