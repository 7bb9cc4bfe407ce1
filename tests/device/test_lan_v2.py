"""The v2 local API and its push stream over a real server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from fluksod.lan.app import LanServer
from fluksod.lan.events import MAX_LISTENERS, QUEUE, EventStream
from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.store import Store
from tests.device.board import CLAMP, GAS, PULSE, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

T = 1_795_401_443


async def test_device_and_sensors_of_a_real_daemon(tmp_path: Any, board: Board) -> None:
    sensors = sensor_table(CLAMP, "Main", "electricity") + sensor_table(GAS, "Heating", "gas")
    async with running(configuration(tmp_path, sensors=sensors)) as fluksod:
        before = await fluksod.get("/api/v2/device")
        assert before == {
            "id": (tmp_path / "state" / "device").read_text().strip(),
            "name": "Cellar",
            "model": "fluksod",
            "software": "0.1.0",
            "api": "2.0",
            "time": before["time"],
            "board": {"connected": False, "last_line": None, "rejected_lines": 0, "error": before["board"]["error"]},
            "boards": [{"name": "board", "port": str(tmp_path / "board"), "link": "uart", **before["board"]}],
            "cloud": None,
            "meters": [],
            "mqtt": None,
            "storage": {"state": "ok", "bytes": before["storage"]["bytes"], "oldest_minute": None, "error": None},
            "siblings": [],
        }
        assert before["storage"]["bytes"] > 0
        assert "no line from the board" in before["board"]["error"]
        assert (await fluksod.sensor(CLAMP))["reading"] is None
        board.send(b"noise\n", pls(CLAMP, 4521337), pwr(CLAMP, 463), pls(GAS, 7, 1000))
        await until(lambda: fluksod.reading(GAS))
        shown = await fluksod.sensor(CLAMP)
        assert shown == {
            "id": CLAMP,
            "name": "Main",
            "type": "electricity",
            "class": "analog",
            "direction": "import",
            "counter_unit": "Wh",
            "gauge_unit": "W",
            "reading": {"time": shown["reading"]["time"], "counter": 4521337, "gauge": 463},
            "phases": None,
            "demand": shown["demand"],
        }
        gas = await fluksod.sensor(GAS)
        assert (gas["class"], gas["counter_unit"], gas["gauge_unit"]) == ("pulse", "L", "L/min")
        assert (gas["reading"]["counter"], gas["reading"]["gauge"]) == (7, None)
        after = (await fluksod.get("/api/v2/device"))["board"]
        assert after == {"connected": True, "last_line": shown["reading"]["time"], "rejected_lines": 1, "error": None}


class Push:
    """A served event stream over a store."""

    def __init__(self) -> None:
        self.store = Store()
        for sensor in (CLAMP, PULSE):
            self.store.put_sensor(Sensor(sensor, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG))
        self.events = EventStream(self.store, keep_alive=0.2)
        app = web.Application()
        app.router.add_get("/api/v2/events", self.events.get)
        app.on_shutdown.append(self.events.close)
        self.server = LanServer(app, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/api/v2/events"

    def put(self, sensor: str, second: int, gauge: float) -> None:
        self.store.put(Reading(sensor, T + second, 4521337, gauge, measured=True))


@pytest.fixture
async def push() -> AsyncIterator[Push]:
    push = Push()
    await push.server.start()
    yield push
    await push.server.stop()


async def next_event(response: aiohttp.ClientResponse) -> list[str]:
    """The lines of the next event or comment."""
    lines: list[str] = []
    while line := (await asyncio.wait_for(response.content.readline(), 5)).decode().rstrip("\n"):
        lines.append(line)
    return lines


async def test_newest_readings_first_then_every_change(push: Push) -> None:
    push.put(CLAMP, 0, 463)
    push.put(PULSE, 0, 12.3456)
    push.put(CLAMP, 1, 464)
    async with aiohttp.ClientSession() as session, session.get(push.url) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert await next_event(response) == [
            "event: reading",
            f"id: {T}",
            f'data: {{"sensor": "{PULSE}", "time": {T}, "counter": 4521337, "gauge": 12.346}}',
        ]
        assert (await next_event(response))[1] == f"id: {T + 1}"
        push.put(PULSE, 2, 1)
        event = await next_event(response)
        assert event[:2] == ["event: reading", f"id: {T + 2}"]
        assert json.loads(event[2].removeprefix("data: ")) == {
            "sensor": PULSE,
            "time": T + 2,
            "counter": 4521337,
            "gauge": 1,
        }


async def test_a_comment_is_sent_when_nothing_else_is(push: Push) -> None:
    async with aiohttp.ClientSession() as session, session.get(push.url) as response:
        assert (await next_event(response))[0].startswith(":")
        push.put(CLAMP, 0, 1)
        assert "event: reading" in await next_event(response)


async def test_a_reader_that_does_not_read_is_dropped_and_the_others_go_on(push: Push) -> None:
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", push.server.port))
    stuck.sendall(b"GET /api/v2/events HTTP/1.1\r\nHost: x\r\n\r\n")
    async with aiohttp.ClientSession() as session, session.get(push.url) as response:
        await until(lambda: len(push.events._listeners) == 2)
        last = 0
        while len(push.events._listeners) == 2:
            assert last < 200_000, "the stuck reader was never dropped"
            for _ in range(QUEUE // 4):
                last += 1
                push.put(CLAMP, last, last)
            while json.loads((await next_event(response))[2].removeprefix("data: "))["gauge"] < last:
                pass
        push.put(CLAMP, last + 1, -1)
        assert json.loads((await next_event(response))[2].removeprefix("data: "))["gauge"] == -1
    stuck.settimeout(5)
    read_all(stuck)
    stuck.close()


def read_all(connection: socket.socket) -> None:
    """Read until the other side closes."""
    while connection.recv(65536):
        pass


async def test_a_listener_that_left_is_forgotten(push: Push) -> None:
    async with aiohttp.ClientSession() as session, session.get(push.url):
        await until(lambda: len(push.events._listeners) == 1)
    await until(lambda: not push.events._listeners)


async def test_more_listeners_than_can_be_served_are_told_so(push: Push) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        open_streams = [await session.get(push.url) for _ in range(MAX_LISTENERS)]
        async with session.get(push.url) as one_more:
            assert one_more.status == 503
            assert "close one first" in await one_more.text()
        for stream in open_streams:
            stream.close()


async def test_stopping_ends_open_streams_at_once(push: Push) -> None:
    async with aiohttp.ClientSession() as session, session.get(push.url) as response:
        await next_event(response)
        async with asyncio.timeout(1):
            await push.server.stop()
            await response.content.read()
        assert response.content.at_eof()
