"""The stream of readings: its bytes, and coming back when it is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import ClientSession, web

from custom_components.flukso.client import (
    Address,
    FluksoConnectionError,
    FluksoError,
    FluksometerV2,
    FluksoNotFoundError,
    FluksoPayloadError,
    Reading,
    ReadingStream,
    SensorReading,
)
from custom_components.flukso.client import stream as stream_module
from custom_components.flukso.client import v2 as v2_module
from custom_components.flukso.client.server_sent_events import EventParser, ServerSentEvent
from tests.integration.fluksometer import MAIN, NOW, SOLAR, LoopbackFluksometer
from tests.integration.waiting import until

STREAM = (
    b": hello\n\n"
    b'event: reading\nid: 17\ndata: {"a": 1}\n\n'
    b"data: one\r\ndata:two\r\n\r\n"
    b"event: empty\n\n"
    b"retry: 10\rdata\r\rdata: g\xc3\xa4s\n\n"
)
EVENTS = [
    ServerSentEvent("reading", '{"a": 1}'),
    ServerSentEvent("message", "one\ntwo"),
    ServerSentEvent("message", ""),
    ServerSentEvent("message", "gäs"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_events_in_pieces_of_any_size(size: int) -> None:
    parser = EventParser()
    events = [event for start in range(0, len(STREAM), size) for event in parser.feed(STREAM[start : start + size])]
    assert events == EVENTS


@pytest.mark.parametrize(
    "flood",
    [b"data: " + b"x" * 70_000, b"data: x\n" * 70_000, b"x" * 5_000_000],
    ids=["data", "lines", "no end"],
)
def test_endless_events_are_refused(flood: bytes) -> None:
    with pytest.raises(FluksoPayloadError, match="more than"):
        EventParser().feed(flood)


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(FluksoPayloadError, match="UTF-8"):
        EventParser().feed(b"data: \xff\n\n")


@pytest.fixture
def client(session: ClientSession, fluksometer: LoopbackFluksometer) -> FluksometerV2:
    return FluksometerV2(session, Address("127.0.0.1", fluksometer.port))


async def test_readings(client: FluksometerV2, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.event_bytes = [b": nothing new\n\n", b'event: weather\ndata: {"rain": true}\n\n']
    async with client.subscribe() as readings:
        first = [await anext(readings) for _ in range(4)]
        assert first[0] == SensorReading(MAIN, Reading(NOW, 4521337, 463))
        assert [item.sensor for item in first] == [item["id"] for item in fluksometer.sensors]
        await until(lambda: fluksometer.streams)
        await fluksometer.push(SOLAR, time=NOW + 1, counter=1235, gauge=-251)
        assert await anext(readings) == SensorReading(SOLAR, Reading(NOW + 1, 1235, -251))


@pytest.mark.parametrize(
    "data",
    [
        b"event: reading\ndata: {}\n\n",
        b"event: reading\ndata: garbage\n\n",
        b'event: reading\ndata: {"sensor": "x", "time": 1, "counter": 1, "gauge": 1}\n\n',
        b"x" * 100_000,
    ],
    ids=["empty", "no JSON", "no id", "endless"],
)
async def test_garbage_in_the_stream(client: FluksometerV2, fluksometer: LoopbackFluksometer, data: bytes) -> None:
    fluksometer.event_bytes = [data]
    with pytest.raises(FluksoPayloadError):
        await consume(client)


async def test_a_stream_that_is_none(client: FluksometerV2, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.replies["/api/v2/events"] = web.json_response({})
    with pytest.raises(FluksoPayloadError, match="application/json"):
        await consume(client)


async def test_a_fluksometer_without_stream(client: FluksometerV2, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.replies["/api/v2/events"] = web.Response(status=404)
    with pytest.raises(FluksoNotFoundError):
        await consume(client)


async def test_silence_is_a_broken_connection(
    client: FluksometerV2, fluksometer: LoopbackFluksometer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that was unplugged never closes its connections."""
    monkeypatch.setattr(v2_module, "SILENCE_SECONDS", 0.05)
    with pytest.raises(FluksoConnectionError, match="in time"):
        await consume(client)


async def consume(client: FluksometerV2) -> None:
    async with client.subscribe() as readings:
        async for _ in readings:
            pass


class Follower:
    """A stream that is followed in the background, and all it told."""

    def __init__(self, client: FluksometerV2, shortest_wait: float = 0.02, longest_wait: float = 0.2) -> None:
        self.opened = 0
        self.readings: list[SensorReading] = []
        self.losses: list[FluksoError] = []
        self.stream = ReadingStream(
            client,
            on_open=self._open,
            on_reading=self.readings.append,
            on_lost=self.losses.append,
            shortest_wait=shortest_wait,
            longest_wait=longest_wait,
        )
        self.task = asyncio.create_task(self.stream.run())

    def _open(self) -> None:
        self.opened += 1


@pytest.fixture
async def follower(client: FluksometerV2) -> AsyncIterator[Follower]:
    follower = Follower(client)
    yield follower
    follower.task.cancel()


async def test_stream_comes_back_after_a_restart(follower: Follower, fluksometer: LoopbackFluksometer) -> None:
    await until(lambda: len(follower.readings) == 4)
    await fluksometer.stop()
    await until(lambda: len(follower.losses) > 1)
    fluksometer.measure(MAIN, time=NOW + 60, counter=4521400)
    await fluksometer.start()
    await until(lambda: follower.opened == 2 and len(follower.readings) == 8)
    assert follower.readings[4] == SensorReading(MAIN, Reading(NOW + 60, 4521400, 463))


async def test_stream_comes_back_after_garbage(follower: Follower, fluksometer: LoopbackFluksometer) -> None:
    await until(lambda: fluksometer.streams)
    await fluksometer.send(b"event: reading\ndata: 5\n\n")
    await until(lambda: follower.opened == 2)
    assert isinstance(follower.losses[0], FluksoPayloadError)


async def test_a_stream_that_is_closed_is_lost(follower: Follower, fluksometer: LoopbackFluksometer) -> None:
    await until(lambda: fluksometer.streams)
    fluksometer.streams.clear()
    await until(lambda: follower.losses)
    assert "closed the stream" in str(follower.losses[0])


async def test_waits_grow_to_the_longest(
    client: FluksometerV2, fluksometer: LoopbackFluksometer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def pause(_self: ReadingStream, seconds: float) -> bool:
        waits.append(seconds)
        await asyncio.sleep(0)
        return len(waits) == 6

    monkeypatch.setattr(stream_module, "uniform", lambda _low, _high: 1.0)
    monkeypatch.setattr(ReadingStream, "_pause", pause)
    fluksometer.replies["/api/v2/events"] = web.Response(status=503)
    follower = Follower(client, longest_wait=0.1)
    await until(lambda: len(waits) > 7)
    follower.task.cancel()
    # The sixth wait was cut short: the device had been heard, so patience starts anew.
    assert waits[:8] == pytest.approx([0.02, 0.04, 0.08, 0.1, 0.1, 0.1, 0.02, 0.04])


async def test_a_long_lived_stream_is_retried_at_once(
    client: FluksometerV2, fluksometer: LoopbackFluksometer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "_HEALTHY_SECONDS", 0.0)
    waits: list[float] = []

    async def pause(_self: ReadingStream, seconds: float) -> bool:
        waits.append(seconds)
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(stream_module, "uniform", lambda _low, _high: 1.0)
    monkeypatch.setattr(ReadingStream, "_pause", pause)
    follower = Follower(client)

    def is_up(times: int) -> Callable[[], bool]:
        return lambda: follower.opened == times and bool(fluksometer.streams)

    for times in range(1, 5):
        await until(is_up(times))
        fluksometer.streams.clear()
    await until(lambda: len(waits) == 4)
    follower.task.cancel()
    assert waits == [0.02] * 4


async def test_the_wait_can_be_cut_short(client: FluksometerV2, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.replies["/api/v2/events"] = web.Response(status=503)
    follower = Follower(client, shortest_wait=60, longest_wait=60)
    try:
        await until(lambda: follower.losses)
        fluksometer.replies.clear()
        follower.stream.retry_now()
        await until(lambda: follower.opened == 1)
    finally:
        follower.task.cancel()
