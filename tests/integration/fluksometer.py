"""A Fluksometer on loopback: a real HTTP server that speaks what docs/protocol.md and the originals' API say.

It has no meter behind it; tests set what it measures, and break it in the ways real ones break.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.integration.kept_history import KeptHistory

DEVICE = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
OTHER_DEVICE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
MAIN = "11111111111111111111111111111111"
SOLAR = "22222222222222222222222222222222"
WATER = "33333333333333333333333333333333"
GAS = "44444444444444444444444444444444"
NOW = 1795401443
ASK = {"WWW-Authenticate": 'Bearer realm="Fluksometer"'}


def sensor(
    sensor_id: str, name: str, kind: str = "electricity", sensor_class: str = "analog", **reading: Any
) -> dict[str, Any]:
    """Return a sensor as /api/v2/sensors lists it; without a reading when none is given."""
    units = ("Wh", "W") if kind == "electricity" else ("L", "L/min")
    return {
        "id": sensor_id,
        "name": name,
        "type": kind,
        "class": sensor_class,
        "counter_unit": units[0],
        "gauge_unit": units[1],
        "reading": {"time": NOW, **reading} if reading else None,
    }


class LoopbackFluksometer:
    """Serves versions 1 and 2 of the local API on 127.0.0.1."""

    def __init__(self) -> None:
        """Be a Fluksometer with two clamps, a water and a gas meter."""
        self.v2 = True
        self.device: dict[str, Any] = {
            "id": DEVICE,
            "name": "Fluksometer",
            "model": "fluksod",
            "software": "0.1.0",
            "api": "2.0",
            "time": NOW,
            "board": {"connected": True, "last_line": NOW, "rejected_lines": 0, "error": None},
            "cloud": {
                "url": "https://cloud.example:8443",
                "state": "connected",
                "claim_code": "K7QM-2XWD",
                "last_upload": NOW - 3,
                "pending": 0,
                "error": None,
            },
        }
        self.sensors = [
            sensor(MAIN, "Main", counter=4521337, gauge=463),
            sensor(SOLAR, "Solar", counter=1234.567, gauge=-250.5),
            sensor(WATER, "Water meter", "water", "pulse", counter=81234, gauge=6.5),
            sensor(GAS, "Gas meter", "gas", "pulse", counter=2345678, gauge=0),
        ]
        self.minutes: dict[str, list[Any]] = {}
        self.kept: dict[str, KeptHistory] = {}
        """The history of sensors that have one."""
        self.replies: dict[str, web.Response] = {}
        """Answers to give instead of the right ones, by path."""
        self.requests: list[str] = []
        self.streams: list[web.StreamResponse] = []
        self.event_bytes: list[bytes] = []
        """What a new stream sends after the readings, byte for byte."""
        self.frozen = False
        """Take requests, but answer none."""
        self.token: str | None = None
        """The token that its owner has set."""
        self.closed = False
        """Reading takes the token too."""
        self.firmware: dict[str, Any] | None = None
        """What it tells of firmware; None for a daemon that cannot update boards."""
        self.firmware_refusal: str | None = None
        """Why an update cannot be begun."""
        self.updates_begun: list[str] = []
        self.on_request: Callable[[web.Request], Awaitable[None]] | None = None
        """What happens when it is asked, before it answers."""
        self.refused: list[str | None] = []
        """What was given instead of the token."""
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Return where it answers."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Answer from now on, after a stop at the same port."""
        application = web.Application()
        application.router.add_get("/api/v2/{what}", self._serve_v2)
        application.router.add_get("/api/v2/sensors/{sensor}/history", self._serve_history)
        application.router.add_get("/sensor/{sensor}", self._serve_v1)
        application.router.add_post("/api/v2/firmware", self._begin_update)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def answer_at(self, host: str) -> None:
        """Answer at another of this machine's addresses too, as one with cable and Wi-Fi does."""
        assert self._runner is not None
        await web.TCPSite(self._runner, host, self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Be switched off."""
        self.frozen = False
        if self._runner is not None:
            await self.drop_streams()
            await self._runner.cleanup()
            self._runner = None

    async def drop_streams(self) -> None:
        """Break off the streams of events, as a restart does."""
        for stream in self.streams:
            if stream._req is not None and stream._req.transport is not None:
                stream._req.transport.abort()
        self.streams.clear()

    def listed(self, sensor_id: str) -> dict[str, Any]:
        """Return a sensor as it is listed, to be changed."""
        return next(item for item in self.sensors if item["id"] == sensor_id)

    def pass_time(self, seconds: int) -> None:
        """Let time pass during which the board measures: its clamps each second, its pulse inputs nothing."""
        self.device["time"] += seconds
        self.device["board"]["last_line"] = self.device["time"]
        for item in self.sensors:
            if item["class"] == "analog" and item["reading"] is not None:
                item["reading"] = {**item["reading"], "time": self.device["time"]}

    def measure(self, sensor_id: str, **values: Any) -> None:
        """Take a new reading of a sensor without pushing it."""
        item = self.listed(sensor_id)
        item["reading"] = {**(item["reading"] or {"time": NOW, "counter": None, "gauge": None}), **values}

    async def push(self, sensor_id: str, **values: Any) -> None:
        """Take a new reading of a sensor and push it."""
        self.measure(sensor_id, **values)
        await self.send(_event(sensor_id, self.listed(sensor_id)["reading"]))

    async def send(self, data: bytes) -> None:
        """Send bytes down all streams."""
        for stream in tuple(self.streams):
            with contextlib.suppress(ConnectionError):
                await stream.write(data)

    async def _serve_v2(self, request: web.Request) -> web.StreamResponse:
        if (early := await self._before(request)) is not None:
            return early
        what = request.match_info["what"]
        if not self.v2:
            return web.Response(status=404)
        if what == "firmware":
            return web.Response(status=404) if self.firmware is None else web.json_response(self.firmware)
        if what == "device":
            return web.json_response(self.device)
        if what == "sensors":
            return web.json_response({"sensors": self.sensors})
        return await self._serve_events(request)

    def _has_token(self, request: web.Request) -> bool:
        return self.token is not None and request.headers.get("Authorization") == f"Bearer {self.token}"

    async def _begin_update(self, request: web.Request) -> web.Response:
        if (early := await self._before(request)) is not None:
            return early
        if self.token is None:
            return web.json_response({"error": "nothing may be changed over the network"}, status=403)
        if not self._has_token(request):
            return web.json_response({"error": "give the token"}, status=401, headers=ASK)
        if self.firmware is None:
            return web.Response(status=404)
        if self.firmware_refusal is not None:
            return web.json_response({"error": self.firmware_refusal}, status=409)
        board = (await request.json())["board"]
        self.updates_begun.append(board)
        self.firmware |= {"state": "updating", "board": board, "percent": 0, "error": None}
        return web.json_response(self.firmware, status=202)

    async def _serve_history(self, request: web.Request) -> web.StreamResponse:
        if (early := await self._before(request)) is not None:
            return early
        sensor_id = request.match_info["sensor"]
        if sensor_id not in self.kept:
            return web.json_response({"error": "there is no such sensor"}, status=404)
        start, end, resolution = (int(request.query[name]) for name in ("start", "end", "resolution"))
        if not 0 < end - start <= 100_000 * resolution:
            return web.json_response({"error": "too many buckets"}, status=400)
        columns = self.kept[sensor_id].columns(start, end, resolution)
        return web.json_response({"sensor": sensor_id, "resolution": resolution, **columns})

    async def _before(self, request: web.Request) -> web.Response | None:
        self.requests.append(request.path_qs)
        if self.on_request is not None:
            await self.on_request(request)
        while self.frozen:
            await asyncio.sleep(0.01)
        authorization = request.headers.get("Authorization")
        if self.closed and authorization != f"Bearer {self.token}":
            self.refused.append(authorization)
            return web.json_response({"error": "give the token"}, status=401, headers=ASK)
        reply = self.replies.get(request.path)
        if reply is None:
            return None
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def _serve_events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        response.force_close()
        await response.prepare(request)
        for item in self.sensors:
            if item["reading"] is not None:
                await response.write(_event(item["id"], item["reading"]))
        for data in self.event_bytes:
            await response.write(data)
        self.streams.append(response)
        while response in self.streams and request.transport is not None:
            await asyncio.sleep(0.01)
        with contextlib.suppress(ValueError):
            self.streams.remove(response)
        return response

    async def _serve_v1(self, request: web.Request) -> web.StreamResponse:
        if (early := await self._before(request)) is not None:
            return early
        query = request.query
        if query.get("version") != "1.0" or query.get("interval") != "minute":
            return web.Response(status=400, text="Malformed query string: version and interval are mandatory.\n")
        if query.get("unit") not in ("watt", "lperday"):
            return web.Response(status=400, text="Malformed query string: unit must be watt or lperday.\n")
        minute = self.minutes.get(request.match_info["sensor"])
        if minute is None:
            return web.Response(status=404)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        response.force_close()
        await response.prepare(request)
        await response.write(json.dumps(minute, separators=(",", ":")).encode())
        return response


def _event(sensor_id: str, reading: dict[str, Any]) -> bytes:
    data = json.dumps({"sensor": sensor_id, **reading})
    return f"event: reading\nid: 1\ndata: {data}\n\n".encode()


@contextlib.asynccontextmanager
async def running(fluksometer: LoopbackFluksometer | None = None) -> AsyncIterator[LoopbackFluksometer]:
    """Run a Fluksometer for the length of a block."""
    fluksometer = fluksometer or LoopbackFluksometer()
    await fluksometer.start()
    try:
        yield fluksometer
    finally:
        await fluksometer.stop()
