"""API v2: the account's devices, and live readings (docs/protocol.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from flukso_cloud.access import Viewer
from flukso_cloud.coarse import Coarse
from flukso_cloud.glimpse import glimpse
from flukso_cloud.ids import is_id
from flukso_cloud.live import Broadcaster, Listener, Told
from flukso_cloud.overview import overview
from flukso_cloud.units import GAUGE_FACTORS

from .access import Seen, heard_by, refused, still_hears, still_sees, viewer_of
from .answers import LONGEST_RECENT, MOST_SENSORS, Devices, LiveQuery
from .documented import documented
from .problem import FieldError
from .request import bad_request, cloud_of, unix_now

PING_SECONDS = 15
LOOK_SECONDS = 15
"""Longest time that a stream outlives the session or token that opened it."""
SEND_SECONDS = 30
"""A listener who takes nothing for so long is cut off."""


@documented("GET", "My devices with their sensors and newest values", answer=Devices)
async def get_devices(request: Request) -> Response:
    """All devices of the account, with sensors and newest values."""
    viewer = await viewer_of(request)
    if not viewer.lists:
        raise refused()
    cloud = cloud_of(request)
    found = await overview(cloud.store, cloud.live, viewer.account, viewer.resolution)
    body = msgspec.json.encode(found._asdict())
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


@documented(
    "GET",
    "New readings as server-sent events: a stream without an end",
    query=LiveQuery,
    answer=str,
    media=("text/event-stream",),
)
async def get_live(request: Request) -> Response:
    """Server-sent events: every new reading of the sensors asked for."""
    viewer = await viewer_of(request)
    wanted = list(dict.fromkeys(request.query_params.getlist("sensor")))
    if not 1 <= len(wanted) <= MOST_SENSORS or not all(map(is_id, wanted)):
        raise bad_request(f"send 1 to {MOST_SENSORS} times sensor=<32 hexadecimal digits>")
    recent = request.query_params.get("recent", "0")
    if not recent.isdecimal() or not recent.isascii() or int(recent[:9]) > LONGEST_RECENT:
        raise FieldError("recent", f"recent is 0 to {LONGEST_RECENT} seconds")
    heard = await heard_by(request, viewer, wanted)
    return _LiveStream(request, viewer, heard, int(recent))


class _LiveStream(Response):
    """Listens from before the answer begins, so that whoever has its head misses nothing."""

    def __init__(self, request: Request, viewer: Viewer, heard: Mapping[str, Seen], recent: int) -> None:
        self._recent = recent
        self._request = request
        self._viewer = viewer
        self._heard = heard
        self._coarse = {
            sensor.id: Coarse(sight.finest, GAUGE_FACTORS.get(sensor.type, 1), sensor.meter)
            for sensor, sight in heard.values()
            if sight.finest
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send readings until the listener goes away."""
        live = cloud_of(self._request).live
        with live.listen(self._heard, self._viewer.account, self._coarse) as listener:
            before = self._before(live)  # no await since we listen: nothing falls between this and what is live
            if not await still_hears(self._request, self._viewer, self._heard):
                listener.hang_up()  # what was taken back before we listened would end nothing
                before = []
            await self._begin(listener)
            events = _events(before, listener, self._request, self._viewer, self._heard)
            stream = EventSourceResponse(events, ping=PING_SECONDS, sep="\n", send_timeout=SEND_SECONDS)
            unfinished = False

            async def note_and_send(message: Message) -> None:
                nonlocal unfinished
                unfinished = message["type"] == "http.response.start" or bool(message.get("more_body"))
                await send(message)

            await stream(scope, receive, note_and_send)
            if unfinished:  # the server stops
                await send({"type": "http.response.body", "body": b""})

    def _before(self, live: Broadcaster) -> list[Told | None]:
        """Return what was told before and is to be told now; None at first, where some of it is not kept any more.

        Of what is heard coarsely the last bucket is told anyway; of a sensor that was shared since, nothing before.
        """
        last_id = self._request.headers.get("last-event-id")
        missed = live.missed(last_id) if last_id else live.recent(unix_now() - self._recent) if self._recent else []
        since = {
            sensor: begin
            for sensor, seen in self._heard.items()
            if sensor not in self._coarse and (begin := seen.sight.since(1)) is not None
        }
        found: list[Told | None] = [
            told
            for told in missed or ()
            if told.reading.sensor in since and told.reading.time >= since[told.reading.sensor]
        ]
        return [None, *found] if missed is None else found

    async def _begin(self, listener: Listener) -> None:
        """Tell the last complete buckets of what is heard coarsely: the next may be a month away."""
        for sensor_id, coarse in self._coarse.items():
            sensor, sight = self._heard[sensor_id]
            seen = await glimpse(cloud_of(self._request).store, sensor, sight)
            if seen is not None:
                coarse.begin(seen.measurement, seen.newest)
                listener.tell(seen.reading(sensor_id))


async def _events(
    before: Sequence[Told | None], listener: Listener, request: Request, viewer: Viewer, heard: Mapping[str, Seen]
) -> AsyncIterator[ServerSentEvent]:
    """Yield readings until the session or token that opened the stream is no longer good, or is to ask again."""
    live = cloud_of(request).live
    for told in before:
        yield ServerSentEvent("{}", event="gap", sep="\n") if told is None else _event(told, live)
    looked = time.monotonic()
    while True:
        with suppress(TimeoutError):
            told = await asyncio.wait_for(listener.get(), LOOK_SECONDS)
            if told is None:
                return
            yield _event(told, live)
        if time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if not await still_sees(request, viewer) or not await still_hears(request, viewer, heard):
                return


def _event(told: Told, live: Broadcaster) -> ServerSentEvent:
    event_id = None if told.number is None else live.id_of(told.number)
    return ServerSentEvent(msgspec.json.encode(told.reading._asdict()).decode(), event="reading", id=event_id, sep="\n")


routes: list[BaseRoute] = [
    Route("/api/v2/devices", get_devices, methods=["GET"]),
    Route("/api/v2/live", get_live, methods=["GET"]),
]
