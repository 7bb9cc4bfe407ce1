"""The push stream over a real server: what is new, what was missed, and listeners that read too slowly."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from fluksod.lan import events
from fluksod.lan.app import LanServer
from fluksod.lan.events import MAX_LISTENERS, EventStream
from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.store import Store
from fluksod.store.seconds import Place
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, GAS, PULSE, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until


class Push:
    """A served event stream over an archive in `folder`; it takes up what an earlier one has left there."""

    def __init__(self, folder: Path) -> None:
        self.store, self.peers = Store(), Store()
        for sensor in (CLAMP, PULSE):
            self.store.put_sensor(Sensor(sensor, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG))
        self.peers.put_sensor(Sensor(GAS, "Roof (anna)", SensorType.ELECTRICITY, SensorClass.PEER))
        self.archived = Archived(folder, on_reading=self.store.put)
        self.events = EventStream(self.store, self.peers, self.archived.archive, keep_alive=0.2)
        app = web.Application()
        app.router.add_get("/api/v2/events", self.events.get)
        app.on_shutdown.append(self.events.close)
        self.server = LanServer(app, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/api/v2/events"

    def put(self, sensor: str, second: int, gauge: float | None, counter: int | None = 4521337) -> None:
        self.archived.now = NOON + second
        self.archived.archive.take(Reading(sensor, NOON + second, counter, gauge, measured=True))

    def put_peer(self, gauge: float) -> None:
        self.peers.put(Reading(GAS, NOON, None, gauge, measured=True))


@pytest.fixture
async def push(tmp_path: Path) -> AsyncIterator[Push]:
    push = Push(tmp_path)
    await push.server.start()
    yield push
    await push.server.stop()
    push.archived.archive.close()


class Listener:
    """One listener's stream: `next` gives the next event as its lines."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> list[str]:
        """The lines of the next event or comment."""
        lines = []
        while line := (await asyncio.wait_for(self.response.content.readline(), 5)).decode().rstrip("\n"):
            lines.append(line)
        return lines

    async def told(self, count: int) -> list[tuple[str, int, Any]]:
        """Sensor, second since NOON and gauge of the next `count` readings; nothing else may come."""
        return [(data["sensor"], data["time"] - NOON, data["gauge"]) for data in await self.readings(count)]

    async def readings(self, count: int) -> list[Any]:
        """The data of the next `count` readings; nothing else may come but comments."""
        found = []
        while len(found) < count:
            lines = await self.next()
            if not lines[0].startswith(":"):
                assert lines[0] == "event: reading", lines
                found.append(json.loads(lines[-1].removeprefix("data: ")))
        return found


class Listeners:
    """Opens streams and closes them at the end."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def open(self, last_id: str | None = None) -> Listener:
        """Listen, as one that has heard all up to `last_id`; the first thing said is when to come again."""
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        listener = Listener(await self.session.get(self.url, headers=headers))
        assert await listener.next() == ["retry: 2000"]
        return listener


@pytest.fixture
async def listeners(push: Push) -> AsyncIterator[Listeners]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Listeners(session, push.url)


async def test_newest_readings_first_then_every_change(push: Push, listeners: Listeners) -> None:
    """Only the last of the newest readings has an id: who breaks off before it has to hear them all again."""
    push.put(CLAMP, 0, 463)
    push.put(PULSE, 0, 12.3456)
    push.put(CLAMP, 1, 464)
    listener = await listeners.open()
    assert listener.response.headers["Content-Type"] == "text/event-stream"
    assert listener.response.headers["Cache-Control"] == "no-store"
    assert await listener.next() == [
        "event: reading",
        f'data: {{"sensor": "{PULSE}", "time": {NOON}, "counter": 4521337, "gauge": 12.346}}',
    ]
    assert (await listener.next())[:2] == ["event: reading", f"id: {NOON + 1}-0"]
    push.put(PULSE, 1, 1)
    event = await listener.next()
    assert event[:2] == ["event: reading", f"id: {NOON + 1}-1"]
    assert json.loads(event[2].removeprefix("data: ")) == {
        "sensor": PULSE,
        "time": NOON + 1,
        "counter": 4521337,
        "gauge": 1,
    }


async def test_what_was_missed_comes_once_and_in_order_then_what_is_new(push: Push, listeners: Listeners) -> None:
    push.put(CLAMP, 0, 1)
    listener = await listeners.open()
    last_id = (await listener.next())[1].removeprefix("id: ")
    listener.response.close()
    push.put(PULSE, 0, 2.5)
    for second in range(1, 200):
        push.put(CLAMP, second, second, counter=None)
        push.put(CLAMP, second, second, counter=1000 + second)
        push.put(PULSE, second, None)
    again = await listeners.open(last_id)
    expected = [(PULSE, 0, 2.5)]
    for second in range(1, 200):
        expected += [(CLAMP, second, second), (PULSE, second, None)]
    assert await again.told(len(expected)) == expected
    push.put(CLAMP, 200, 7)
    assert await again.told(1) == [(CLAMP, 200, 7)]


async def test_one_that_breaks_off_within_a_second_hears_the_rest_of_it(push: Push, listeners: Listeners) -> None:
    push.put(CLAMP, 0, 1)
    push.put(PULSE, 0, 2)
    push.put(CLAMP, 0, 3)
    assert await (await listeners.open(f"{NOON}-0")).told(2) == [(PULSE, 0, 2), (CLAMP, 0, 3)]
    assert await (await listeners.open(f"{NOON}-1")).told(1) == [(CLAMP, 0, 3)]
    nothing = await listeners.open(f"{NOON}-2")
    assert (await nothing.next())[0].startswith(":")


async def test_nothing_is_lost_or_twice_while_it_is_caught_up_with(push: Push, listeners: Listeners) -> None:
    """New readings come between the missed ones; a listener at each place of the way hears every second once."""
    push.put(CLAMP, 0, 0)
    for second in range(1, 400):
        push.put(CLAMP, second, second)
    caught_up = [await listeners.open(f"{NOON}-0") for _ in range(5)]
    for second in range(400, 500):
        push.put(CLAMP, second, second)
        await asyncio.sleep(0)
    for listener in caught_up:
        assert await listener.told(499) == [(CLAMP, second, second) for second in range(1, 500)]


async def test_missed_readings_are_told_with_their_thousandths(push: Push, listeners: Listeners) -> None:
    push.put(CLAMP, 0, 0)
    push.archived.now = NOON + 1
    push.archived.archive.take(Reading(CLAMP, NOON + 1, 1234, -0.5, measured=True, milli=567))
    told = await (await listeners.open(f"{NOON}-0")).readings(1)
    assert told == [{"sensor": CLAMP, "time": NOON + 1, "counter": 1234.567, "gauge": -0.5}]


async def test_what_was_missed_before_a_restart(tmp_path: Path) -> None:
    """An id of the run before means the same place."""
    before = Push(tmp_path)
    for second in range(10):
        before.put(CLAMP, second, second)
        before.put(PULSE, second, -second)
    before.archived.archive.close()
    push = Push(tmp_path)
    await push.server.start()
    async with aiohttp.ClientSession() as session:
        listener = await Listeners(session, push.url).open(f"{NOON + 7}-0")
        assert await listener.told(3) == [(PULSE, 7, -7), (CLAMP, 8, 8), (PULSE, 8, -8)]
        push.put(CLAMP, 10, 10)
        assert (await listener.told(3))[2] == (CLAMP, 10, 10)
    await push.server.stop()
    push.archived.archive.close()


async def test_a_gap_larger_than_what_is_kept_is_told(push: Push, listeners: Listeners) -> None:
    """With an hour of seconds: what follows the gap is complete."""
    push.put(CLAMP, 0, 1)
    for second in range(60, 3_780, 60):
        push.put(CLAMP, second, second)
    await push.archived.archive.fold()
    listener = await listeners.open(f"{NOON}-0")
    told = await listener.next()
    since = push.archived.archive.seconds_since
    assert 0 < since - NOON <= 3_720 - 3_600
    assert told == ["event: gap", f'data: {{"from": {NOON}, "to": {since}}}']
    first = await listener.told(2)
    assert first == [(CLAMP, second, second) for second in (since - NOON, since - NOON + 60)]
    whole = await listeners.open(f"{since - 1}-0")
    assert await whole.told(2) == first


@pytest.mark.parametrize("last_id", ["17", f"{NOON + 1}-0", "none", "9" * 30, f"{NOON}-0; drop", f"{NOON}-"])
async def test_an_id_that_is_not_ours_is_told_as_a_gap_of_unknown_length(
    push: Push, listeners: Listeners, last_id: str
) -> None:
    push.put(CLAMP, 0, 463)
    listener = await listeners.open(last_id)
    assert await listener.next() == ["event: gap", f'data: {{"from": null, "to": {NOON}}}']
    assert await listener.told(1) == [(CLAMP, 0, 463)]


async def test_a_reading_that_is_not_kept_has_no_id_and_comes_again(push: Push, listeners: Listeners) -> None:
    """The clock was set back: the instant was measured before, so the store does not keep it a second time."""
    push.put(CLAMP, 0, 1)
    push.put(CLAMP, 100, 1)
    listener = await listeners.open()
    await listener.next()
    push.put(CLAMP, 20, 2)
    assert [line.split(":")[0] for line in await listener.next()] == ["event", "data"]
    again = await listeners.open(f"{NOON + 100}-0")
    assert await again.told(1) == [(CLAMP, 20, 2)]


async def test_peers_have_no_id_and_come_with_every_beginning(push: Push, listeners: Listeners) -> None:
    push.put(CLAMP, 0, 1)
    push.put_peer(250)
    for last_id, expected in ((None, [(GAS, 0, 250), (CLAMP, 0, 1)]), (f"{NOON}-0", [(GAS, 0, 250)])):
        listener = await listeners.open(last_id)
        assert await listener.told(len(expected)) == expected
    push.put_peer(251)
    assert await listener.next() == [
        "event: reading",
        f'data: {{"sensor": "{GAS}", "time": {NOON}, "counter": null, "gauge": 251}}',
    ]


async def test_a_browser_that_lost_a_real_daemon_goes_on_where_it_was(tmp_path: Path, board: Board) -> None:
    """fluksod ends and starts again: what was measured before it ended is told to who had not heard it."""
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"))
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 1000), pwr(CLAMP, 463))
        await until(lambda: fluksod.reading(CLAMP))
        listener = await Listeners(fluksod.session, fluksod.url + "/api/v2/events").open()
        last_id = next(line for line in await listener.next() if line.startswith("id: ")).removeprefix("id: ")
        listener.response.close()
        await asyncio.sleep(1.01)
        board.send(pls(CLAMP, 1001), pwr(CLAMP, 464))

        async def is_counted() -> bool:
            return bool((await fluksod.reading(CLAMP))["counter"] == 1001)

        await until(is_counted)
    async with running(config) as fluksod:
        listener = await Listeners(fluksod.session, fluksod.url + "/api/v2/events").open(last_id)
        told = await listener.readings(1)
        assert (told[0]["counter"], told[0]["gauge"]) == (1001, 464)


def test_places_go_on_within_a_second_and_begin_anew_with_the_next() -> None:
    places = [Place(0, 0)]
    for second in (5, 5, 5, 6, 6):
        places.append(places[-1].following(second))
    assert places[1:] == [Place(5, 0), Place(5, 1), Place(5, 2), Place(6, 0), Place(6, 1)]
    assert all(earlier < later for earlier, later in pairwise(places))
    assert Place(5, 0xFFFF).following(5) == Place(5, 0xFFFF)


async def test_a_comment_is_sent_when_nothing_else_is(push: Push, listeners: Listeners) -> None:
    listener = await listeners.open()
    assert (await listener.next())[0].startswith(":")
    push.put(CLAMP, 0, 1)
    assert await listener.told(1) == [(CLAMP, 0, 1)]


def stuck_listener(push: Push, last_id: str | None = None) -> socket.socket:
    """Connect, ask, and read nothing."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", push.server.port))
    header = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
    stuck.sendall(f"GET /api/v2/events HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
    return stuck


async def test_a_reader_that_does_not_read_is_dropped_and_the_others_go_on(push: Push, listeners: Listeners) -> None:
    stuck = stuck_listener(push)
    listener = await listeners.open()
    await until(lambda: len(push.events._listeners) == 2)
    last = 0
    while len(push.events._listeners) == 2:
        assert last < 200_000, "the stuck reader was never dropped"
        for _ in range(64):
            last += 1
            push.put(CLAMP, 0, last)
        while (await listener.told(1))[0][2] < last:
            pass
    push.put(CLAMP, 1, -1)
    assert await listener.told(1) == [(CLAMP, 1, -1)]
    stuck.settimeout(5)
    read_all(stuck)
    stuck.close()


async def test_one_that_does_not_read_what_it_missed_is_dropped(
    push: Push, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STUCK", 0.3)
    for second in range(3_000):
        push.put(CLAMP, second, second)
    stuck = stuck_listener(push, f"{NOON}-0")
    await until(lambda: len(push.events._listeners) == 1)
    listener = await listeners.open()
    await listener.next()
    await until(lambda: len(push.events._listeners) == 1)
    push.put(CLAMP, 3_000, 1)
    assert await listener.told(1) == [(CLAMP, 3_000, 1)]
    stuck.close()


def read_all(connection: socket.socket) -> None:
    """Read until the other side closes."""
    while connection.recv(65536):
        pass


async def test_a_proxy_that_speaks_http_1_0(push: Push) -> None:
    """nginx does unless it is told otherwise: there are no chunks, the end of the connection ends the stream."""
    push.put(CLAMP, 0, 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", push.server.port)
    writer.write(b"GET /api/v2/events HTTP/1.0\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head
        assert await reader.readuntil(b"\n\n") == b"retry: 2000\n\n"
        assert (await reader.readuntil(b"\n\n")).startswith(b"event: reading\n")
        push.put(CLAMP, 1, 2)
        assert (await reader.readuntil(b"\n\n")).startswith(b"event: reading\nid: %d-0\n" % (NOON + 1))
    writer.close()


async def test_a_listener_that_left_is_forgotten(push: Push, listeners: Listeners) -> None:
    listener = await listeners.open()
    await until(lambda: len(push.events._listeners) == 1)
    listener.response.close()
    await until(lambda: not push.events._listeners)


async def test_more_listeners_than_can_be_served_are_told_so(push: Push, listeners: Listeners) -> None:
    for _ in range(MAX_LISTENERS):
        await listeners.open()
    async with listeners.session.get(push.url) as one_more:
        assert one_more.status == 503
        assert "close one first" in (await one_more.json())["error"]


async def test_stopping_ends_open_streams_at_once(push: Push, listeners: Listeners) -> None:
    listener = await listeners.open()
    async with asyncio.timeout(1):
        await push.server.stop()
        await listener.response.content.read()
    assert listener.response.content.at_eof()
