"""Live readings: the broadcaster, and server-sent events from a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from flukso_cloud.live import KEPT, QUEUE, Broadcaster, Gauge, Reading, Told
from tests.cloud.listening import Stream, claimed, said, upload
from tests.cloud.process import Server, Wire

A, B = "a1" * 16, "b2" * 16


class TestBroadcaster:
    """In one process."""

    def test_only_to_listeners_of_the_sensor(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as one, live.listen([A, B]) as both:
            live.publish([Reading(A, 10, 5, 400), Reading(B, 11, None, 7)])
            assert one.take() == [Told(Reading(A, 10, 5, 400), 1)]
            assert both.take() == [Told(Reading(A, 10, 5, 400), 1), Told(Reading(B, 11, None, 7), 2)]
        live.publish([Reading(A, 12, 6, 401)])
        assert not live._listeners
        assert not live._of_accounts

    def test_history_is_not_news(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as listener:
            live.publish([Reading(A, 10, 5, 400), Reading(A, 9, 4, 399), Reading(A, 10, 5, 400)])
            live.publish([Reading(A, 10, 6, 500), Reading(A, 11, 6, None), Reading(A, 11, 7, 402)])
            found = [told.reading for told in listener.take() if told is not None]
        assert found == [Reading(A, 10, 5, 400), Reading(A, 11, 6, None), Reading(A, 11, None, 402)]
        assert live.gauge(A) == Gauge(11, 402)
        assert live.gauge(B) is None

    def test_a_slow_listener_loses_the_oldest_is_told_so_and_holds_up_nobody(self) -> None:
        live = Broadcaster()
        with live.listen([A]) as slow:
            live.publish([Reading(A, at, None, at) for at in range(1, QUEUE + 11)])
            assert slow.lost == 10
            gap, *rest = slow.take()
            assert gap is None
            assert [told.reading.time for told in rest if told is not None] == [*range(11, QUEUE + 11)]
            live.publish([Reading(A, QUEUE + 11, None, 1)])
            assert slow.take() == [Told(Reading(A, QUEUE + 11, None, 1), QUEUE + 11)], "told once"

    async def test_who_waits_is_woken_by_what_comes_and_by_what_is_taken_back(self) -> None:
        live = Broadcaster()
        with live.listen([A], 7) as listener, live.listen([A], 8) as other:
            for wake in (
                lambda: live.publish([Reading(A, 1, None, 1)]),
                lambda: live.look_again(7),
                lambda: live.hang_up(7),
            ):
                waiting = asyncio.ensure_future(listener.wait(60))
                await asyncio.sleep(0)
                assert not waiting.done()
                wake()
                await waiting
                listener.take()
                listener.must_look, looked = False, listener.must_look
            assert (looked, listener.is_over, other.must_look, other.is_over) == (False, True, False, False)
            live.publish([Reading(A, 2, None, 1)])
            assert listener.take() == []
            await other.wait(60)
            other.take()
            await other.wait(0.001)
            live.close()
            assert other.is_over
        with live.listen([A], 8) as late:
            assert late.is_over, "the server stops"

    def test_who_comes_back_is_told_what_he_has_missed(self) -> None:
        live = Broadcaster()
        live.publish([Reading(A, at, None, at) for at in range(1, 6)])
        event = f"{live.run}-{{}}".format
        assert live.missed(event(3), {A}) == [Told(Reading(A, at, None, at), at) for at in (4, 5)]
        assert live.missed(event(5), {A}) == live.missed(event(3), {B}) == []
        assert live.recent(4, {A, B}) == live.missed(event(3), {A})
        assert live.missed(event(6), {A}) == [None], "nobody was told so"
        assert live.missed(f"{Broadcaster().run}-3", {A}) == [None], "another run of the server"
        for text in ("x", "", "a-b-c", event("\u0663"), event("-1"), event("9" * 5000)):
            assert live.missed(text, {A}) == [None]

    def test_what_is_not_kept_any_more_is_a_gap_for_those_alone_who_heard_it(self) -> None:
        live = Broadcaster()
        event = f"{live.run}-{{}}".format
        live.publish([Reading(A, at, None, at) for at in range(1, 6)])
        live.publish([Reading(B, at, None, at) for at in range(1, KEPT)])
        last = Told(Reading(A, 5, None, 5), 5)
        assert live.missed(event(3), {A}) == [None, last]
        assert live.missed(event(4), {A}) == [last]
        assert live.missed(event(5), {A}) == live.missed(event(0), {"c3" * 16}) == []
        found = live.missed(event(3), {B})
        assert len(found) == KEPT - 1
        assert None not in found
        live.forget(B)
        assert live.recent(0, {A, B}) == [last]


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = server.connect()
    yield wire
    wire.close()


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
