"""What is taken back ends the live streams that it has opened, at once: a real server, real sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from flukso_cloud.claim import claim_code
from flukso_cloud.cli import main
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.listening import Stream, claimed_by, said, upload
from tests.cloud.live_world import World
from tests.cloud.owner import PASSWORD

pytest_plugins = ["tests.cloud.live_fixtures"]

Case = Callable[[World, Fluksometer], tuple[Stream, Callable[[], object]]]
"""Opens a stream of a device's sensor; returns it, and what takes back what opened it."""


def a_share(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    world.share(device)
    stream = world.stream(device, **world.mallory.session)
    return stream, lambda: world.kees.ask("PUT", f"/api/v2/sensors/{device.sensor}/shares", {"shares": []}, 200)


def a_subscription(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    world.share(device)
    stream = world.stream(device, world.mallory.token()["token"])
    return stream, lambda: world.mallory.ask("DELETE", f"/api/v2/subscriptions/{device.sensor}")


def a_block(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    anna = world.newcomer(f"anna-{device.id[:6]}")
    path = f"/api/v2/sensors/{device.sensor}/shares"
    world.kees.ask("PUT", path, {"shares": [{"account": anna.name}]}, 200)
    anna.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    stream = world.stream(device, **anna.session)
    return stream, lambda: world.kees.ask("PUT", f"/api/v2/blocks/{anna.name}")


def a_membership(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    group = world.kees.ask("POST", "/api/v2/groups", {"name": "street"}, 201)["id"]
    world.kees.ask("POST", f"/api/v2/groups/{group}/invitations", {"account": "mallory"})
    world.mallory.ask("PUT", f"/api/v2/groups/{group}/membership")
    world.share(device, group=group)
    stream = world.stream(device, **world.mallory.session)
    return stream, lambda: world.kees.ask("DELETE", f"/api/v2/groups/{group}/members/mallory")


def a_token(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    made = world.kees.token(sensors=[device.sensor])
    return world.stream(device, made["token"]), lambda: world.kees.ask("DELETE", f"/api/v2/tokens/{made['id']}")


def a_session(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    session = world.kees.log_in()
    return world.stream(device, **session), lambda: world.wire.request("POST", "/logout", session)


def a_device_token(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    """A Fluksometer that hears its owner's subscriptions asks for another token."""
    ear = claimed_by(world.server, world.wire, "mallory")
    world.share(device)

    def token() -> str:
        body = compact({"time": int(time.time())})
        answer = world.wire.request("POST", f"/device/{ear.id}/token", ear.headers(body), body)
        return str(json.loads(answer.body)["token"])

    return world.stream(device, token()), token


def a_device(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    return world.stream(device, **world.kees.session), lambda: world.kees.ask("DELETE", f"/api/v2/devices/{device.id}")


def a_device_of_somebody_else(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    world.share(device)
    stream = world.stream(device, **world.mallory.session)
    return stream, lambda: world.kees.ask("DELETE", f"/api/v2/devices/{device.id}")


def an_account(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    """The listener's own."""
    bert = world.newcomer(f"bert-{device.id[:6]}")
    world.kees.ask("PUT", f"/api/v2/sensors/{device.sensor}/shares", {"shares": [{"account": None}]}, 200)
    bert.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    stream = world.stream(device, bert.token()["token"])
    return stream, lambda: bert.ask("DELETE", "/api/v2/account", {"password": PASSWORD})


def sessions(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    """All of an account, with another password."""
    cora = world.newcomer(f"cora-{device.id[:6]}")
    world.kees.ask("PUT", f"/api/v2/sensors/{device.sensor}/shares", {"shares": [{"account": None}]}, 200)
    cora.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    stream = world.stream(device, **cora.session)
    new = {"old": PASSWORD, "new": f"{PASSWORD}!"}
    return stream, lambda: cora.ask("PUT", "/api/v2/account/password", new)


AT_ONCE: list[Case] = [
    a_share,
    a_subscription,
    a_block,
    a_membership,
    a_token,
    a_session,
    a_device_token,
    a_device,
    a_device_of_somebody_else,
    an_account,
    sessions,
]


@pytest.mark.parametrize("case", AT_ONCE, ids=lambda case: case.__name__)
def test_nothing_is_heard_after_it_is_taken_back(world: World, owned: Fluksometer, case: Case) -> None:
    now = int(time.time())
    bystander = world.stream(owned, **world.kees.session).events()
    stream, take_back = case(world, owned)
    assert stream.answer.status == 200
    events = stream.events()
    upload(world.wire, owned, {"gauges": [[now - 10, 1]]})
    assert next(events)["gauge"] == next(bystander)["gauge"] == 1
    take_back()
    upload(world.wire, owned, {"gauges": [[now - 9, 2]]})
    assert [event["gauge"] for event in events] == [], "it ends, and tells nothing more"
    if case not in {a_device, a_device_of_somebody_else}:
        assert next(bystander)["gauge"] == 2, "whose right it is listens on"
    else:
        assert list(bystander) == []


def test_a_token_that_expires(world: World, owned: Fluksometer) -> None:
    until = int(time.time()) + 3
    token = world.kees.token(sensors=[owned.sensor], expires=until)["token"]
    stream = world.stream(owned, token)
    assert stream.answer.status == 200
    assert list(stream.events()) == []
    assert time.time() >= until
    assert world.stream(owned, token).answer.status == 401


def old_token(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    token = said("token", "--account", "kees", "--sensor", device.sensor, "--dir", world.server.home)
    again = ("token", "--account", "kees", "--sensor", device.sensor)
    return world.stream(device, token), lambda: world.command(*again)


def forgotten(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    world.share(device)
    stream = world.stream(device, **world.mallory.session)
    return stream, lambda: world.command("device", "forget", device.id, "--yes")


def new_password(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    dora = world.newcomer(f"dora-{device.id[:6]}")
    world.kees.ask("PUT", f"/api/v2/sensors/{device.sensor}/shares", {"shares": [{"account": None}]}, 200)
    dora.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    return world.stream(device, **dora.session), lambda: world.command("user", "password", dora.name)


def deleted_account(world: World, device: Fluksometer) -> tuple[Stream, Callable[[], object]]:
    emil = world.newcomer(f"emil-{device.id[:6]}")
    world.kees.ask("PUT", f"/api/v2/sensors/{device.sensor}/shares", {"shares": [{"account": None}]}, 200)
    emil.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    return world.stream(device, **emil.session), lambda: world.command("user", "delete", emil.name, "--yes")


@pytest.mark.parametrize("case", [old_token, forgotten, new_password, deleted_account], ids=lambda case: case.__name__)
def test_a_command_ends_streams_of_the_server_too(world: World, owned: Fluksometer, case: Case) -> None:
    stream, take_back = case(world, owned)
    assert stream.answer.status == 200
    take_back()
    assert list(stream.events()) == []


def test_nobody_hears_what_was_told_before_a_command_gave_a_device_away(world: World, owned: Fluksometer) -> None:
    now = int(time.time())
    owner = world.stream(owned, **world.kees.session)
    upload(world.wire, owned, {"gauges": [[now - 10, 1]]})
    assert next(owner.events())["gauge"] == 1
    world.command("device", "release", owned.id, "--yes")
    assert list(owner.events()) == [], "the server has heard of it"
    main(["claim", claim_code(owned.key.encode(), owned.id), "--account", "mallory", "--dir", str(world.server.home)])
    heard = Stream(world.server, owned.sensor, query="&recent=3600", headers=world.mallory.session).events()
    upload(world.wire, owned, {"gauges": [[now - 9, 2]]})
    assert next(heard)["gauge"] == 2
