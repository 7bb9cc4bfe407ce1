"""API v2: live readings as server-sent events (docs/protocol.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import inf

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from flukso_cloud.access import Viewer
from flukso_cloud.coarse import Coarse
from flukso_cloud.glimpse import glimpse
from flukso_cloud.ids import is_id
from flukso_cloud.live import Broadcaster, Listener, Reading, Told
from flukso_cloud.modern_wire import ABORT
from flukso_cloud.units import GAUGE_FACTORS

from .access import Seen, heard_by, outlasts, still_hears, still_sees, viewer_of
from .answers import LONGEST_RECENT, MOST_SENSORS, LiveQuery
from .documented import documented
from .problem import FieldError
from .request import bad_request, cloud_of, unix_now

LOOK_SECONDS = 15
"""Longest time between two looks whether a stream may go on, and between two signs of life."""
LAST_LOOK_SECONDS = 1.0
"""The same for a stream whose session or token expires before the next look."""
SEND_SECONDS = 30.0
"""A listener who takes nothing for so long is cut off."""
_MEDIA = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no"}
_GAP = b"event: gap\ndata: {}\n\n"
_PING = b": ping\n\n"


@documented(
    "GET",
    "New readings as server-sent events: a stream without an end",
    query=LiveQuery,
    answer=str,
    media=(_MEDIA,),
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
        self.status_code = 200
        self.media_type = _MEDIA
        self.init_headers(_HEADERS)
        self._recent = recent
        self._request = request
        self._viewer = viewer
        self._heard = heard
        self._live = cloud_of(request).live
        self._coarse = {
            sensor.id: Coarse(sight.finest, GAUGE_FACTORS.get(sensor.type, 1), sensor.meter)
            for sensor, sight in heard.values()
            if sight.finest
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send readings until the listener goes away, or may not hear them any more."""
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b""})
            return
        with self._live.listen(self._heard, self._viewer.account, self._coarse) as listener:
            before = self._before()  # no await since we listen: nothing falls between this and what is live
            await self._begin(listener, before)
            watching = asyncio.create_task(_hang_up_when_gone(receive, listener))
            try:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await self._send_all(before, listener, send)
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": b""})
            except TimeoutError:  # it takes nothing, and what is held for it goes
                scope.get("extensions", {}).get(ABORT, {"now": _fail})["now"]()
                await watching
            finally:
                watching.cancel()

    def _before(self) -> list[Told | None]:
        """Return what was told before and is to be told now; None at first, where some of it is not kept any more.

        Of a sensor that was shared since, nothing from before.
        """
        edges = self._edges()
        last_id = self._request.headers.get("last-event-id")
        missed: list[Told | None] = []
        if last_id:
            missed = self._live.missed(last_id, self._heard)
        elif self._recent:
            missed = [*self._live.recent(unix_now() - self._recent, self._heard)]
        found: list[Told | None] = []
        for one in missed:
            told = one if one is None or one.reading.sensor not in self._coarse else edges.get(one.number)
            if one is None or (told is not None and self._may_hear(told.reading)):
                found.append(told)
        return found

    def _edges(self) -> dict[int | None, Told]:
        """Return what the readings that are kept have told who hears them coarsely, by their number."""
        found: dict[int | None, Told] = {}
        for told in self._live.recent(0, self._coarse) if self._coarse else ():
            if told.reading.time >= self._since(told.reading.sensor):  # the mean of a bucket would tell of before
                heard = self._coarse[told.reading.sensor].take(told.reading)
                if heard is not None:
                    found[told.number] = Told(heard, told.number)
        return found

    def _may_hear(self, reading: Reading) -> bool:
        """Tell whether a reading, or all of the bucket that it ends, came since the sensor may be heard."""
        return reading.time - self._heard[reading.sensor].sight.finest >= self._since(reading.sensor)

    def _since(self, sensor: str) -> float:
        """Return from when on a sensor may be heard, in unix seconds."""
        sight = self._heard[sensor].sight
        since = sight.since(sight.finest or 1)
        return inf if since is None else since

    async def _begin(self, listener: Listener, before: Iterable[Told | None]) -> None:
        """Tell the last complete buckets of what is heard coarsely: the next may be a month away."""
        told = {(one.reading.sensor, one.reading.time) for one in before if one is not None}
        for sensor_id, coarse in self._coarse.items():
            sensor, sight = self._heard[sensor_id]
            seen = await glimpse(cloud_of(self._request).store, sensor, sight)
            if seen is not None:
                coarse.begin(seen.measurement, seen.newest)
                if (sensor_id, seen.measurement.time) not in told:
                    listener.tell(seen.reading(sensor_id))

    async def _send_all(self, before: Iterable[Told | None], listener: Listener, send: Send) -> None:
        """Send what was told before, then what is heard, until it is over. TimeoutError if nobody takes it."""
        text, look_at = _text(before, self._live), 0.0
        while True:
            if listener.must_look or time.monotonic() >= look_at:
                look_at = await self._look(listener)
            if listener.is_over:
                return
            text += _text(listener.take(), self._live)
            if text:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": text, "more_body": True})
            await listener.wait(look_at - time.monotonic())
            text = _PING if time.monotonic() >= look_at else b""

    async def _look(self, listener: Listener) -> float:
        """Hang up if the session or token is no longer good, or no longer opens all this.

        Return when to look again, in seconds of the monotonic clock.
        """
        lasts = False
        while not listener.is_over:
            listener.must_look = False
            good = await still_sees(self._request, self._viewer)
            lasts = await outlasts(self._request, unix_now() + LOOK_SECONDS)
            if not good or not await still_hears(self._request, self._viewer, self._heard):
                listener.hang_up()
            if not listener.must_look:
                break
        return time.monotonic() + (LOOK_SECONDS if lasts else LAST_LOOK_SECONDS)


async def _hang_up_when_gone(receive: Receive, listener: Listener) -> None:
    """Wait until the other side has gone; then nothing more is to be sent."""
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.hang_up()


def _fail() -> None:
    raise ConnectionAbortedError("a listener takes nothing")


def _text(tolds: Iterable[Told | None], live: Broadcaster) -> bytes:
    return b"".join(_GAP if told is None else _event(told, live.run) for told in tolds)


@lru_cache(4096)
def _event(told: Told, run: str) -> bytes:
    """Return an event as it goes over the wire; those who hear the same have it from the cache."""
    name = b"" if told.number is None else b"id: %s-%d\n" % (run.encode(), told.number)
    return b"%sevent: reading\ndata: %s\n\n" % (name, msgspec.json.encode(told.reading._asdict()))


routes: list[BaseRoute] = [Route("/api/v2/live", get_live, methods=["GET"])]
