"""Who comes back to a live stream with the id of the last event, to a real server."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.listening import Stream, claimed, upload
from tests.cloud.live_world import World
from tests.cloud.process import Server

pytest_plugins = ["tests.cloud.live_fixtures"]

MINUTE = 60


@pytest.fixture
def first(world: World, owned: Fluksometer) -> int:
    """The beginning of a minute some time ago, at which the device has sent a counter."""
    first = int(time.time()) // MINUTE * MINUTE - 20 * MINUTE
    upload(world.wire, owned, {"measurements": [[first - MINUTE, 900], [first, 1000]]})
    return first


def times_and_counters(events: Any, count: int) -> list[tuple[int, int, float | None]]:
    return [(event["time"], event["counter"], event["gauge"]) for event in (next(events) for _ in range(count))]


def test_whoever_hears_minutes_has_missed_none(world: World, owned: Fluksometer, first: int) -> None:
    token = world.kees.token(sensors=[owned.sensor], resolution="minute")["token"]
    stream = Stream(world.server, owned.sensor, token)
    events = stream.events()
    assert times_and_counters(events, 1) == [(first, 1000, 6000.0)], "the last complete bucket"
    for i in range(1, 4):
        upload(world.wire, owned, {"measurements": [[first + 30 * i, 1000 + 10 * i]]})
    assert times_and_counters(events, 1) == [(first + MINUTE, 1020, 1200.0)]
    stream.answer.close()
    for i in range(4, 9):
        upload(world.wire, owned, {"measurements": [[first + 30 * i, 1000 + 10 * i]]})
    again = Stream(world.server, owned.sensor, token, last_id=stream.ids[-1]).events()
    assert times_and_counters(again, 3) == [(first + MINUTE * i, 1000 + 20 * i, 1200.0) for i in (2, 3, 4)]
    upload(world.wire, owned, {"measurements": [[first + 30 * 10, 1100]]})
    assert times_and_counters(again, 1) == [(first + MINUTE * 5, 1100, 1200.0)]


def test_nothing_from_before_it_was_shared(world: World, owned: Fluksometer, first: int) -> None:
    now = int(time.time())
    owner = Stream(world.server, owned.sensor, headers=world.kees.session)
    mine = owner.events()
    upload(world.wire, owned, {"gauges": [[now - 5, 1]]})
    upload(world.wire, owned, {"gauges": [[now - 4, 2]]})
    assert [next(mine)["gauge"], next(mine)["gauge"]] == [1, 2]
    for resolution in ("live", "minute"):
        world.share(owned, resolution=resolution)
        stream = Stream(world.server, owned.sensor, headers=world.mallory.session, last_id=owner.ids[0])
        recent = Stream(world.server, owned.sensor, query="&recent=3600", headers=world.mallory.session)
        assert stream.answer.status == recent.answer.status == 200
        world.kees.ask("PUT", f"/api/v2/sensors/{owned.sensor}/shares", {"shares": []}, 200)
        assert list(stream.events()) == list(recent.events()) == []


def test_no_mean_of_a_bucket_that_began_before_it_was_shared(world: World, owned: Fluksometer, first: int) -> None:
    world.share(owned, resolution="minute")
    with sqlite3.connect(Home(world.server.home).database, isolation_level=None) as database:
        database.execute("UPDATE shares SET since = ?", (first + 90,))
    for i in range(1, 12):
        upload(world.wire, owned, {"measurements": [[first + 10 * i, 1000 + 10 * i]]})
    events = Stream(world.server, owned.sensor, query="&recent=3600", headers=world.mallory.session).events()
    for i in range(12, 19):
        upload(world.wire, owned, {"measurements": [[first + 10 * i, 1000 + 10 * i]]})
    assert times_and_counters(events, 2) == [(first + 120, 1120, None), (first + 180, 1180, 3600.0)]


def test_a_restart_is_a_gap_and_nothing_is_told_twice(folder_made: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    now = int(time.time())
    with Server(home) as server:
        wire = server.connect()
        device, token = claimed(server, wire)
        stream = Stream(server, device.sensor, token)
        upload(wire, device, {"gauges": [[now - 5, 1]]})
        assert next(stream.events())["gauge"] == 1
        server.kill()
    with Server(home) as server:
        again = Stream(server, device.sensor, token, last_id=stream.ids[-1]).events()
        assert next(again) == "gap"
        upload(server.connect(), device, {"gauges": [[now - 3, 2]]})
        assert next(again)["gauge"] == 2
