"""Live readings: the broadcaster, and server-sent events from a real server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from flukso_cloud.access import Viewer
from flukso_cloud.api import v2
from flukso_cloud.api.access import COOKIE
from flukso_cloud.claim import claim_code
from flukso_cloud.cli import main
from flukso_cloud.live import KEPT, QUEUE, Broadcaster, Gauge, Reading, Told
from flukso_cloud.vault import digest_of, new_token
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner
from tests.cloud.process import Server, Wire

A, B = "a1" * 16, "b2" * 16


class TestBroadcaster:
    """In one process."""

    async def test_only_to_listeners_of_the_sensor(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as one, live.listen([A, B]) as both:
            live.publish([Reading(A, 10, 5, 400), Reading(B, 11, None, 7)])
            assert await one.get() == await both.get() == Told(Reading(A, 10, 5, 400), 1)
            assert await both.get() == Told(Reading(B, 11, None, 7), 2)
        live.publish([Reading(A, 12, 6, 401)])
        assert not live._listeners

    async def test_history_is_not_news(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as listener:
            live.publish([Reading(A, 10, 5, 400), Reading(A, 9, 4, 399), Reading(A, 10, 5, 400)])
            live.publish([Reading(A, 10, 6, 500), Reading(A, 11, 6, None), Reading(A, 11, 7, 402)])
            found = [told.reading for _ in range(3) if (told := await listener.get())]
        assert found == [Reading(A, 10, 5, 400), Reading(A, 11, 6, None), Reading(A, 11, None, 402)]
        assert live.gauge(A) == Gauge(11, 402)
        assert live.gauge(B) is None

    async def test_a_slow_listener_loses_the_oldest_and_holds_up_nobody(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as slow:
            live.publish([Reading(A, at, None, at) for at in range(1, QUEUE + 11)])
            assert slow.lost == 10
            oldest = await slow.get()
            assert oldest is not None
            assert oldest.reading.time == 11

    def test_who_comes_back_is_told_what_he_has_missed(self) -> None:
        live = Broadcaster()
        live.publish([Reading(A, at, None, at) for at in range(1, 6)])
        assert live.missed(live.id_of(3)) == [Told(Reading(A, at, None, at), at) for at in (4, 5)]
        assert live.missed(live.id_of(5)) == []
        assert live.recent(4) == live.missed(live.id_of(3))
        assert live.missed(live.id_of(6)) is None, "nobody was told so"
        assert live.missed(Broadcaster().id_of(3)) is None, "another run of the server"
        assert live.missed("x") is live.missed("") is live.missed("a-b-c") is None
        live.publish([Reading(B, at, None, at) for at in range(1, KEPT)])
        assert live.missed(live.id_of(3)) is None, "some of it is not kept any more"
        assert len(live.missed(live.id_of(5)) or ()) == KEPT - 1
        live.forget(B)
        assert live.recent(0) == [Told(Reading(A, 5, None, 5), 5)]


class Stream:
    """A server-sent event stream from the real server."""

    def __init__(self, server: Server, sensor: str, token: str, query: str = "", last_id: str | None = None) -> None:
        self.ids: list[str] = []
        connection = http.client.HTTPSConnection("localhost", server.port, context=server.trust(), timeout=20)
        headers = {"X-Token": token} | ({} if last_id is None else {"Last-Event-ID": last_id})
        connection.request("GET", f"/api/v2/live?sensor={sensor}{query}", headers=headers)
        self.answer = connection.getresponse()

    def events(self) -> Iterator[Any]:
        """Yield the data of each `reading` event."""
        event = ""
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                self.ids.append(value)
            elif name == "data" and event == "gap":
                yield event
            elif name == "data" and event == "reading":
                yield json.loads(value)


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = server.connect()
    yield wire
    wire.close()


def claimed(server: Server, wire: Wire) -> tuple[Fluksometer, str]:
    """Return a device of kees and his token, both through the command while the server runs."""
    device = Fluksometer()
    body = device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
    code = claim_code(device.key.encode(), device.id)
    assert (
        said("claim", code.lower(), "--account", "kees", "--dir", server.home) == f"device {device.id}: claimed by kees"
    )
    return device, said("token", "--account", "kees", "--sensor", device.sensor, "--dir", server.home)


def said(*arguments: str | Path) -> str:
    """Run the command, in this process for speed, and return what it says."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main([str(argument) for argument in arguments])
    return out.getvalue().strip()


def upload(wire: Wire, device: Fluksometer, content: dict[str, Any]) -> None:
    body = compact(content)
    assert wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status == 200


def test_readings_arrive_as_they_are_uploaded(server: Server, wire: Wire) -> None:
    device, token = claimed(server, wire)
    stream = Stream(server, device.sensor, token)
    assert stream.answer.status == 200
    assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
    assert stream.answer.headers["Cache-Control"] == "no-store"
    now = int(time.time())
    events = stream.events()
    upload(wire, device, {"measurements": [[now - 2, 100]], "gauges": [[now - 2, 460], [now - 1, 463.5]]})
    assert next(events) == {"sensor": device.sensor, "time": now - 2, "counter": 100, "gauge": 460}
    assert next(events) == {"sensor": device.sensor, "time": now - 1, "counter": None, "gauge": 463.5}
    upload(wire, device, {"measurements": [[now - 86400 + i, i] for i in range(50)]})
    upload(wire, device, {"measurements": [[now - 1, 101], [now, 102]]})
    assert next(events) == {"sensor": device.sensor, "time": now, "counter": 102, "gauge": None}


def test_a_listener_who_comes_back_has_missed_nothing(server: Server, wire: Wire) -> None:
    device, token = claimed(server, wire)
    stream, now = Stream(server, device.sensor, token), int(time.time())
    events = stream.events()
    for second in range(3):
        upload(wire, device, {"gauges": [[now - 60 + second, 400 + second]]})
        assert next(events)["gauge"] == 400 + second
    stream.answer.close()
    upload(wire, device, {"gauges": [[now - 50, 500]]})
    upload(wire, device, {"gauges": [[now - 40, 501]]})
    again = Stream(server, device.sensor, token, last_id=stream.ids[-1]).events()
    assert [next(again)["gauge"], next(again)["gauge"]] == [500, 501]
    fresh = Stream(server, device.sensor, token, "&recent=55").events()
    assert [next(fresh)["gauge"], next(fresh)["gauge"]] == [500, 501]
    lost = Stream(server, device.sensor, token, last_id="00000000-7").events()
    assert next(lost) == "gap"
    upload(wire, device, {"gauges": [[now, 502]]})
    assert [next(one)["gauge"] for one in (again, fresh, lost)] == [502] * 3
    other, other_token = claimed(server, wire)
    upload(wire, other, {"gauges": [[now, 900]]})
    assert next(Stream(server, other.sensor, other_token, "&recent=3600").events())["gauge"] == 900, "his alone"
    assert wire.request("GET", f"/api/v2/live?sensor={device.sensor}&recent=x", {"X-Token": token}).status == 400


def test_only_the_owner_listens(server: Server, wire: Wire) -> None:
    device, token = claimed(server, wire)
    other, other_token = claimed(server, wire)
    mallory = said("token", "--account", "mallory", "--dir", server.home)
    for headers in ({}, {"X-Token": mallory}, {"X-Token": other_token}, {"X-Token": "0" * 32}):
        assert wire.request("GET", f"/api/v2/live?sensor={device.sensor}", headers).status == 401
    both = f"/api/v2/live?sensor={device.sensor}&sensor={other.sensor}"
    assert wire.request("GET", both, {"X-Token": token}).status == 401
    for query in ("", "?sensor=", "?sensor=x", "?" + "&".join(f"sensor={i:032x}" for i in range(257))):
        assert wire.request("GET", f"/api/v2/live{query}", {"X-Token": token}).status == 400


def test_the_server_stops_though_somebody_listens(folder_made: Any, tmp_path: Any) -> None:
    import shutil

    with Server(shutil.copytree(folder_made, tmp_path / "home")) as server:
        wire = server.connect()
        device, token = claimed(server, wire)
        stream = Stream(server, device.sensor, token)
        assert stream.answer.status == 200
        began = time.monotonic()
        assert server.stop() in {0, -15}
        assert time.monotonic() - began < 4.5  # neither waits for the listener nor for an idle connection
    assert "ERROR" not in server.log, server.log


@pytest.mark.parametrize("by", ["token", "session"])
def test_a_stream_ends_with_what_opened_it(
    client: TestClient, owner: Owner, device: Fluksometer, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    owner.claim(device)
    owner.log_in()
    session = client.cookies[COOKIE]
    cookie = (b"cookie", f"{COOKIE}={session}".encode())
    header = (b"x-token", owner.token.encode()) if by == "token" else cookie
    scope = {"type": "http", "app": client.app, "headers": [header], "query_string": b"", "method": "GET", "path": "/"}
    monkeypatch.setattr(v2, "LOOK_SECONDS", 0.05)

    async def stream() -> None:
        with owner.cloud.live.listen([device.sensor]) as listener:
            events = v2._events([], listener, Request(scope), Viewer(owner.account, None), {})

            async def next_event() -> object:
                return await anext(events)

            waiting = asyncio.ensure_future(next_event())
            await asyncio.sleep(0.2)
            owner.cloud.live.publish([Reading(device.sensor, 10, 1, None)])
            assert await asyncio.wait_for(waiting, 5)
            await owner.cloud.accounts.log_out(session)
            if by == "token":
                assert await still_opens(events, owner, device)
                await owner.cloud.store.replace_token(digest_of(new_token()), owner.account, None, 1)
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(next_event(), 5)

    assert client.portal is not None
    client.portal.call(stream)


async def still_opens(events: AsyncIterator[object], owner: Owner, device: Fluksometer) -> bool:
    """Tell whether a reading published a little later still arrives."""

    async def later() -> None:
        await asyncio.sleep(0.2)
        owner.cloud.live.publish([Reading(device.sensor, 11, 2, None)])

    publishing = asyncio.ensure_future(later())

    async def next_event() -> object:
        return await anext(events)

    found = await asyncio.wait_for(next_event(), 5)
    await publishing
    return found is not None
