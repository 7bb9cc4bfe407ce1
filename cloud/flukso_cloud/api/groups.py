"""API v2: groups of people who share with each other. Only who is in a group, or invited, knows of it."""

from __future__ import annotations

import secrets

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud.access import Viewer
from flukso_cloud.store import Account, Group
from flukso_cloud.store.limits import MOST_MEMBERS

from .access import manager_of, refused, viewer_of
from .answers import GroupAnswer, Groups
from .documented import documented
from .json_body import Name, json_answer, read_json
from .request import bad_request, cloud_of, unix_now
from .signed import id_in

MOST_GROUPS = 100
"""That one account is a member of."""


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a group is called."""

    name: Name


class Invited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is invited, by the name of the account."""

    account: str


def _view(group: Group, account: int) -> dict[str, object]:
    return {
        "id": group.id,
        "name": group.name,
        "state": "member" if group.is_member(account) else "invited",
        "founder": next((member.name for member in group.members if member.account == group.founder), None),
        "members": [member.name for member in group.members if member.accepted],
        "invited": [member.name for member in group.members if not member.accepted],
    }


async def group_in(request: Request, viewer: Viewer, *, founded: bool = False) -> Group:
    """Return the group in the path that who asks is in or invited to; 401 if there is none.

    With `founded`, 403 if somebody else has founded it.
    """
    group_id = id_in(request, "group")
    group = await group_of(request, viewer.account, group_id)
    if group is None:
        raise refused()
    if founded and group.founder != viewer.account:
        raise HTTPException(403, "only who has founded the group may do that\n")
    return group


async def group_of(request: Request, account: int, group_id: str) -> Group | None:
    """Return the group of that id, if an account is in it or invited."""
    mine = await cloud_of(request).store.groups_of(account)
    return next((group for group in mine if group.id == group_id), None)


async def account_named(request: Request, name: str) -> Account:
    """Return the account of that name; 400 if there is none."""
    account = await cloud_of(request).store.account(name)
    if account is None:
        raise bad_request(f"there is no account {name!r} here; nothing was changed")
    return account


def _look_again(request: Request, group: Group) -> None:
    cloud_of(request).live.look_again(*(member.account for member in group.members))


@documented("GET", "The groups I am in or invited to", answer=Groups)
async def get_groups(request: Request) -> Response:
    """The groups that I am in, and those I am invited to."""
    viewer = await viewer_of(request)
    if not viewer.sees_all:
        raise refused()
    found = await cloud_of(request).store.groups_of(viewer.account)
    return json_answer({"groups": [_view(group, viewer.account) for group in found]})


@documented("POST", "Found a group", body=Named, answer=GroupAnswer, status=201, refuses=(409, 413))
async def post_group(request: Request) -> Response:
    """Found a group."""
    viewer, store = await manager_of(request), cloud_of(request).store
    wanted = await read_json(request, Named, '{"name": "Our street"}')
    mine = [group for group in await store.groups_of(viewer.account) if group.is_member(viewer.account)]
    if len(mine) >= MOST_GROUPS:
        raise HTTPException(409, f"there are {MOST_GROUPS} groups already; leave one\n")
    group = await store.add_group(secrets.token_hex(16), wanted.name, viewer.account, unix_now())
    return json_answer(_view(group, viewer.account), 201)


@documented("PUT", "Rename a group", body=Named, status=204, refuses=(403, 413))
async def put_group(request: Request) -> Response:
    """Rename a group."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer, founded=True)
    wanted = await read_json(request, Named, '{"name": "Our street"}')
    await cloud_of(request).store.rename_group(group.number, wanted.name)
    return Response(status_code=204)


@documented("DELETE", "Dissolve a group", status=204, refuses=(403,))
async def delete_group(request: Request) -> Response:
    """Dissolve a group, with all that is shared with it."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer, founded=True)
    await cloud_of(request).store.delete_group(group.number)
    _look_again(request, group)
    return Response(status_code=204)


@documented("POST", "Invite somebody", body=Invited, status=204, refuses=(403, 409, 413))
async def post_invitation(request: Request) -> Response:
    """Invite somebody."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer, founded=True)
    wanted = await read_json(request, Invited, '{"account": "bert"}')
    invited = await account_named(request, wanted.account)
    store = cloud_of(request).store
    if not await store.invite(group.number, invited.number, unix_now()):
        raise HTTPException(409, f"a group has at most {MOST_MEMBERS} members\n")
    return Response(status_code=204)


@documented("PUT", "Accept an invitation", status=204, refuses=(403, 409))
async def put_membership(request: Request) -> Response:
    """Accept an invitation."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer)
    await cloud_of(request).store.accept(group.number, viewer.account, unix_now())
    return Response(status_code=204)


@documented("DELETE", "Leave a group, or refuse an invitation", status=204, refuses=(403, 409))
async def delete_membership(request: Request) -> Response:
    """Leave a group, or refuse an invitation; what I share with the group stops."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer)
    await cloud_of(request).store.leave_group(group.number, viewer.account)
    _look_again(request, group)
    return Response(status_code=204)


@documented("DELETE", "Let somebody leave a group", status=204, refuses=(403, 404))
async def delete_member(request: Request) -> Response:
    """Remove somebody from a group, or take an invitation back."""
    viewer = await manager_of(request)
    group = await group_in(request, viewer, founded=True)
    name: str = request.path_params["name"]
    for member in group.members:
        if member.name.casefold() == name.casefold():
            await cloud_of(request).store.leave_group(group.number, member.account)
            _look_again(request, group)
            return Response(status_code=204)
    raise HTTPException(404, "nobody of that name is in this group\n")


routes: list[BaseRoute] = [
    Route("/api/v2/groups", get_groups, methods=["GET"]),
    Route("/api/v2/groups", post_group, methods=["POST"]),
    Route("/api/v2/groups/{group}", put_group, methods=["PUT"]),
    Route("/api/v2/groups/{group}", delete_group, methods=["DELETE"]),
    Route("/api/v2/groups/{group}/invitations", post_invitation, methods=["POST"]),
    Route("/api/v2/groups/{group}/membership", put_membership, methods=["PUT"]),
    Route("/api/v2/groups/{group}/membership", delete_membership, methods=["DELETE"]),
    Route("/api/v2/groups/{group}/members/{name}", delete_member, methods=["DELETE"]),
]
