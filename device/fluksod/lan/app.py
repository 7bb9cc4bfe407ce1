"""The local API's application and its server."""

from __future__ import annotations

import errno
from collections.abc import Callable

from aiohttp import web

from fluksod.lan.events import EventStream
from fluksod.lan.history import HistoryApi, ReadHistory
from fluksod.lan.page import get_page
from fluksod.lan.v1 import MinuteApi, drop_content_type
from fluksod.lan.v2 import DeviceApi, Json
from fluksod.store import Store


class AddressInUseError(Exception):
    """The address of the local API is taken or is not this machine's; the text says what to do."""


def _no_details(_sensor: str) -> Json:
    return {}


def make_app(
    store: Store,
    device: Callable[[], Json],
    history: ReadHistory,
    details: Callable[[str], Json] = _no_details,
    peers: Store | None = None,
    peers_error: Callable[[], str | None] = lambda: None,
) -> web.Application:
    """Put the two generations of the API and the page together.

    `device` gives the content of /api/v2/device, `history` that of a sensor, `details` what else /api/v2/sensors tells
    of a sensor, by its id. `peers` holds other people's sensors, `peers_error` what is wrong with them.
    """
    peers = peers or Store()
    app = web.Application()
    minute, events = MinuteApi(store), EventStream(store, peers)
    api = DeviceApi(store, peers, device, details, peers_error)
    app.router.add_get("/sensor/{sensor}", minute.get, allow_head=False)
    app.router.add_get("/api/v2/device", api.get_device)
    app.router.add_get("/api/v2/sensors", api.get_sensors)
    app.router.add_get("/api/v2/peers", api.get_peers)
    app.router.add_get("/api/v2/sensors/{sensor}/history", HistoryApi(store, history).get)
    app.router.add_get("/api/v2/events", events.get, allow_head=False)
    app.router.add_get("/", get_page)
    app.on_response_prepare.append(drop_content_type)
    app.on_shutdown.append(events.close)
    return app


class LanServer:
    """Serves an application on `host` and `port` (0 takes a free one; `port` tells it after `start`)."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self.host = host
        self.port = port
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
