"""The local API's application and its server."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fluksod.command_error import CommandError
from fluksod.lan.access import Access, errors_as_json
from fluksod.lan.events import EventStream, Kept
from fluksod.lan.firmware import MOST_BYTES, FirmwareApi
from fluksod.lan.history import HistoryApi, ReadHistory
from fluksod.lan.openapi import document
from fluksod.lan.page import LivePage, static_files
from fluksod.lan.tmpo import TmpoApi
from fluksod.lan.v1 import MinuteApi, drop_content_type
from fluksod.lan.v2 import DeviceApi, Json
from fluksod.store import Store


class AddressInUseError(CommandError):
    """The address of the local API is taken or is not this machine's; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the local API has its answers from.

    `device` gives the content of /api/v2/device, `history` a sensor's history, `kept` what a listener has missed,
    `details` what else /api/v2/sensors tells of a sensor, by its id. `peers` holds other people's sensors,
    `peers_error` tells what is wrong with them.
    `firmware` updates the boards, `tmpo` serves blocks to old clients.
    """

    store: Store
    device: Callable[[], Json]
    history: ReadHistory
    kept: Kept
    details: Callable[[str], Json]
    peers: Store
    peers_error: Callable[[], str | None]
    firmware: FirmwareApi
    tmpo: TmpoApi


def make_app(sources: Sources, access: Access, version: str) -> web.Application:
    """Put the two generations of the API and the page together."""
    minute = MinuteApi(sources.store)
    api = DeviceApi(sources.store, sources.peers, sources.device, sources.details, sources.peers_error)
    events = EventStream(sources.store, sources.peers, sources.kept)
    described = json.dumps(document(version, closed=access.is_closed)).encode()

    async def get_openapi(_request: web.Request) -> web.Response:
        return web.Response(body=described, content_type="application/json", headers={"Cache-Control": "no-cache"})

    v2 = web.Application(middlewares=[errors_as_json], client_max_size=MOST_BYTES)
    v2.router.add_get("/device", access.reads(api.get_device))
    v2.router.add_get("/sensors", access.reads(api.get_sensors))
    v2.router.add_get("/peers", access.reads(api.get_peers))
    v2.router.add_get("/sensors/{sensor}/history", access.reads(HistoryApi(sources.store, sources.history).get))
    v2.router.add_get("/events", access.reads(events.get), allow_head=False)
    v2.router.add_get("/openapi.json", access.reads(get_openapi))
    v2.router.add_get("/firmware", access.reads(sources.firmware.get))
    v2.router.add_post("/firmware", access.writes(sources.firmware.post))
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_get("/sensor/{sensor}", access.reads(minute.get), allow_head=False)
    app.router.add_get("/sensor/{sensor}/tmpo/sync", access.reads(sources.tmpo.sync))
    app.router.add_get("/sensor/{sensor}/tmpo/{rid}/{level}/{start}", access.reads(sources.tmpo.block))
    app.router.add_get("/", access.reads(LivePage(sources.device, api.sensors, sources.peers_error).get))
    for name, get in static_files():
        app.router.add_get(f"/{name}", access.reads(get))
    app.add_subapp("/api/v2", v2)
    app.on_response_prepare.append(drop_content_type)
    app.on_shutdown.append(events.close)
    return app


class _NoNoise(logging.Filter):
    """Keeps what is no HTTP out of the log: anybody on the LAN could fill it. It was answered with 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is told."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


_NO_NOISE = _NoNoise()


class LanServer:
    """Serves an application on `host` and `port` (0 takes a free one; `port` tells it after `start`)."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self.host = host
        self.port = port
        logging.getLogger("aiohttp.server").addFilter(_NO_NOISE)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)

    async def start(self) -> None:
        """Listen. Raises `AddressInUseError` where that address cannot be had."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            what = f"{self.host}:{self.port}"
            if error.errno == errno.EADDRINUSE:
                reason = "is in use by another program; stop it, or choose another port in [lan]"
            else:
                reason = f"cannot be used for the local API: {error.strerror}; correct host or port in [lan]"
            raise AddressInUseError(f"{what} {reason}") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and end all answers that still run."""
        await self._runner.cleanup()
