"""Seconds for those who listen, kept as minutes: a real server, real sockets, real kills."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flukso_cloud.home import Home
from flukso_cloud.ingest import NO_SENSOR
from flukso_cloud.meter import Sample
from flukso_cloud.seconds import MOST_UPLOADS
from tests.cloud import kept
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.listening import Stream, claimed, upload
from tests.cloud.process import Answer, Server, Wire

MINUTE = 60


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = server.connect()
    yield wire
    wire.close()


@pytest.fixture
def start() -> int:
    """The beginning of a minute, ten minutes ago."""
    return int(time.time()) // MINUTE * MINUTE - 10 * MINUTE


def answer(wire: Wire, device: Fluksometer, content: Any, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else compact(content)
    return wire.request("POST", f"/api/v2/sensors/{device.sensor}/live", device.headers(body, **headers), body)


def send(wire: Wire, device: Fluksometer, time: list[int], **columns: list[Any]) -> Any:
    """Upload columns of seconds; what is answered."""
    found = answer(wire, device, {"time": time} | columns)
    assert found.status == 200, found.body
    return json.loads(found.body)


def samples(server: Server, device: Fluksometer) -> list[Sample]:
    return kept.measurements(Home(server.home).database, device.sensor)


def test_seconds_are_heard_and_minutes_are_kept(server: Server, wire: Wire, start: int) -> None:
    device, token = claimed(server, wire)
    events = Stream(server, device.sensor, token).events()
    told = send(wire, device, [start + i for i in range(1, 61)], gauge=[3600.0] * 60)
    assert told == {"taken": 60, "refused": {}, "kept": 0}
    assert [next(events)["time"] for _ in range(60)] == [start + i for i in range(1, 61)], "at once"
    assert samples(server, device) == []
    told = send(wire, device, [start + 61], gauge=[1800.5])
    assert told == {"taken": 1, "refused": {}, "kept": start + 60}
    assert samples(server, device) == [Sample(start, 0), Sample(start + 60, 60)], "with the answer"
    assert next(events) == {"sensor": device.sensor, "time": start + 61, "counter": None, "gauge": 1800.5}
    minute = next(events)
    while minute["counter"] == 0:
        minute = next(events)
    assert minute == {"sensor": device.sensor, "time": start + 60, "counter": 60, "gauge": None}


def test_a_device_that_counts(server: Server, wire: Wire, start: int) -> None:
    device, token = claimed(server, wire)
    events = Stream(server, device.sensor, token).events()
    times = [start + i for i in range(1, 122)]
    told = send(wire, device, times, gauge=[360] * 121, counter=[7000 + i // 10 for i in range(1, 122)])
    assert told["kept"] == start + 120
    assert next(events) == {"sensor": device.sensor, "time": start + 1, "counter": 7000, "gauge": 360}
    assert samples(server, device) == [Sample(start + 60, 7006), Sample(start + 120, 7012)]


def test_out_of_order_repeated_and_impossible(server: Server, wire: Wire, start: int) -> None:
    device, _ = claimed(server, wire)
    now = int(time.time())
    backwards = [start + i for i in range(60, 0, -1)]
    assert send(wire, device, backwards, gauge=[3600] * 60)["taken"] == 60
    assert send(wire, device, backwards, gauge=[9] * 60)["refused"] == {}, "known already"
    told = send(
        wire,
        device,
        [start + 61, start + 30, now + 3600, now - 4000, start + 62, start + 63],
        gauge=[0, 1, 2, 3, 1e6, None],
        counter=[None, None, None, None, None, 2**40],
    )
    assert told == {
        "taken": 1,
        "refused": {
            "late": 1,
            "time in the future": 1,
            "older than an hour": 1,
            "beyond 20 Wh or L a second": 1,
            "beyond 32 bits": 1,
        },
        "kept": start + 60,
    }
    assert samples(server, device) == [Sample(start, 0), Sample(start + 60, 60)]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"{", None),
        (b"[" * 5000, None),
        ({"time": []}, "time"),
        ({"time": [1.5], "gauge": [1]}, "time"),
        ({"time": [True], "gauge": [1]}, "time"),
        ({"time": [1], "gauge": ["1"]}, "gauge"),
        ({"time": [1], "gauge": [1], "counter": [1.5]}, "counter"),
        ({"time": [1, 2], "gauge": [1]}, "gauge"),
        ({"time": [1], "gauge": [1], "counter": [1, 2]}, "counter"),
        ({"time": [1]}, "gauge"),
        ({"time": [1], "gauge": [None]}, "gauge"),
        ({"time": [1] * 301, "gauge": [1] * 301}, "time"),
        (b'{"time":[1],"gauge":[NaN]}', None),
        (b'{"time":[1],"gauge":[1e999]}', None),
        ({"time": [1], "gauge": [1], "x": 1}, None),
    ],
)
def test_what_cannot_be_read_changes_nothing(server: Server, wire: Wire, content: Any, field: str | None) -> None:
    device, _ = claimed(server, wire)
    found = answer(wire, device, content)
    assert found.status == 400
    told = json.loads(found.body)
    assert told["detail"]
    if field is not None:
        assert told["field"] == field
    assert samples(server, device) == []


def test_only_with_the_devices_key(server: Server, wire: Wire, start: int) -> None:
    device, _ = claimed(server, wire)
    content = {"time": [start], "gauge": [1]}
    assert answer(wire, Fluksometer(), content).headers["WWW-Authenticate"].strip() == NO_SENSOR
    assert answer(wire, device, content, **{"X-Digest": "0" * 40}).status == 401
    assert answer(wire, device, content, **{"X-Version": "2.0"}).status == 400
    stranger = Fluksometer(sensor=device.sensor)
    assert answer(wire, stranger, content).status == 401
    assert answer(wire, device, compact(content) + b" " * 16_384).status == 413


def test_a_device_that_sends_too_often_is_held_off_alone(server: Server, wire: Wire, start: int) -> None:
    swift, _ = claimed(server, wire)
    other, _ = claimed(server, wire)
    statuses = [answer(wire, swift, {"time": [start], "gauge": [1]}).status for _ in range(2 * MOST_UPLOADS + 1)]
    assert set(statuses) == {200, 429}, "also where a minute ends meanwhile"
    found = answer(wire, swift, {"time": [start], "gauge": [1]})
    assert found.status == 200 or int(found.headers["Retry-After"]) == 60
    assert answer(wire, other, {"time": [start], "gauge": [1]}).status == 200


def test_measurements_are_the_minutes_of_a_device_that_uploads_them(server: Server, wire: Wire, start: int) -> None:
    device, token = claimed(server, wire)
    events = Stream(server, device.sensor, token).events()
    upload(wire, device, {"measurements": [[start, 5000]]})
    assert next(events)["counter"] == 5000
    send(wire, device, [start + i for i in range(1, 122)], gauge=[3600] * 121)
    assert next(events)["gauge"] == 3600
    assert samples(server, device) == [Sample(start, 5000)], "nothing is counted beside its counter"
    late, _ = claimed(server, wire)
    send(wire, late, [start + i for i in range(1, 41)], gauge=[3600] * 40)
    upload(wire, late, {"measurements": [[start + 30, 5000]]})
    send(wire, late, [start + i for i in range(61, 182)], gauge=[3600] * 121)
    assert samples(server, late) == [Sample(start + 30, 5000)]


def test_a_stop_keeps_the_last_seconds_and_a_kill_what_was_said_to_be_kept(
    folder_made: Path, tmp_path: Path, start: int
) -> None:
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    with Server(home) as server:
        wire = server.connect()
        device, _ = claimed(server, wire)
        send(wire, device, [start + i for i in range(1, 31)], gauge=[3600] * 30)
        server.stop()
        assert samples(server, device) == [Sample(start, 0), Sample(start + 30, 30)]
    with Server(home) as server:
        wire = server.connect()
        told = send(wire, device, [start + i for i in range(21, 101)], gauge=[3600] * 80)
        assert (told["refused"], told["kept"]) == ({"late": 10}, start + 60)
        server.kill()
        assert samples(server, device)[-1] == Sample(start + 60, 60)
    with Server(home) as server:
        wire = server.connect()
        told = send(wire, device, [start + i for i in range(61, 122)], gauge=[3600] * 61)
        assert told["kept"] == start + 120, "sent again from there, nothing is missing"
        assert samples(server, device)[-1] == Sample(start + 120, 120)


def test_nothing_is_lost_while_the_database_is_locked(folder_made: Path, tmp_path: Path, start: int) -> None:
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    with Server(home) as server:
        wire = server.connect()
        device, _ = claimed(server, wire)
        send(wire, device, [start + i for i in range(1, 61)], gauge=[3600] * 60)
        with sqlite3.connect(Home(home).database, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            found = answer(wire, device, {"time": [start + 61], "gauge": [3600]})
            assert (found.status, found.headers["Retry-After"].strip()) == (503, "5")
            other.execute("ROLLBACK")
        assert send(wire, device, [start + 61], gauge=[3600])["kept"] == start + 60
        assert samples(server, device)[-1] == Sample(start + 60, 60)
