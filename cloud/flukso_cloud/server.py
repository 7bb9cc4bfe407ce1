"""The HTTPS server: uvicorn on a socket of ours."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import start_http_server
from starlette.applications import Starlette
from starlette.types import ASGIApp

from . import metrics, tls
from .app import create_app
from .cloud import Cloud
from .home import Home
from .legacy import DeviceRoutesOnly, WithoutErrorBodies
from .legacy_tls import legacy_context, make_legacy_certificates
from .loop import PatientLoop
from .modern_wire import HELD_BYTES, MOST_HEAD_BYTES, ModernProtocol
from .service_notify import keep_watchdog_quiet, notify
from .settings import MetricsSettings, Settings
from .wire import DeviceProtocol, TitleCase

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 75
"""A device sends its sensors one after another over one connection (trap 20)."""
STOP_SECONDS = 5
_BOTH: dict[str, Any] = {
    "ws": "none",
    "log_config": None,
    "access_log": False,  # it would show tokens in the query
    "server_header": False,
    "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    "timeout_graceful_shutdown": STOP_SECONDS,
}
"""What both listeners have in common."""


class ServerError(Exception):
    """The server cannot start; the text says why."""


class _Beside(uvicorn.Server):
    """Another listener of the same application, which the main server starts and stops."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start once the application is open."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await super().startup(sockets)
        for listener in sockets or ():
            print(f"Flukso cloud for original Fluksometers (TLS 1.0) on https://{_authority(listener)}", flush=True)


class _Server(uvicorn.Server):
    """Tells where it listens once it does, and systemd how it stands."""

    def __init__(
        self,
        config: uvicorn.Config,
        beside: Sequence[tuple[_Beside, socket.socket]],
        stopping: Callable[[], None],
    ) -> None:
        """`beside` are other listeners; `stopping` is called when the server is about to stop."""
        super().__init__(config)
        self._beside = beside
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        _collect_seldom()
        for server, beside in self._beside:
            await server.startup([beside])
        for listener in sockets or ():
            address = f"https://{_authority(listener)}"
            print(f"Flukso cloud on {address}", flush=True)
            notify("READY=1", f"STATUS={address}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what has no end, stop the listeners, then the application. What hangs is cut off in STOP_SECONDS."""
        self._stopping()
        began = time.monotonic()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.gather(*(server.shutdown([listener]) for server, listener in self._beside))
        self.config.timeout_graceful_shutdown = math.ceil(max(0.0, STOP_SECONDS + began - time.monotonic()))
        await super().shutdown(sockets)

    async def main_loop(self) -> None:
        """Serve until a signal comes."""
        watchdog = asyncio.create_task(keep_watchdog_quiet())
        try:
            await super().main_loop()
        finally:
            watchdog.cancel()
            notify("STOPPING=1")


def _collect_seldom() -> None:
    """Let Python look for cycles less often: an upload makes sixty tuples, and none of them is ever in one."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ServerError(f"cannot listen on {host} port {port}: {reason}") from error
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # each connection has it from the listener
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, HELD_BYTES)
    return listener


def _authority(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def _metrics(home: Home, settings: MetricsSettings) -> Iterator[None]:
    """Let Prometheus ask, from a thread of its own, for as long as the context lasts."""
    if not settings.enabled:
        yield
        return
    for name in (home.database.name, f"{home.database.name}-wal"):
        metrics.DATABASE_BYTES.labels(name).set_function(partial(_size, home.private / name))
    try:
        server, thread = start_http_server(settings.port, settings.host, metrics.REGISTRY)
    except OSError as error:
        raise ServerError(
            f"cannot serve metrics on {settings.host} port {settings.port}: {error.strerror or error}"
        ) from error
    log.info("metrics", extra={"url": f"http://{_authority(server.socket)}/metrics"})
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _size(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _raise_file_limit() -> None:
    """Let each live stream and each device have its socket: take as many open files as the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(home: Home, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked, commit what waits, and end by that signal."""
    listener = _listen(settings.server.host, settings.server.port)
    _raise_file_limit()
    app = create_app(home, settings)

    class Modern(ModernProtocol):
        patience = settings.server.patience

    config = uvicorn.Config(
        app,
        http=Modern,
        lifespan="on",
        ssl_context_factory=lambda *_: tls.server_context(home),
        proxy_headers=bool(settings.server.proxies),
        forwarded_allow_ips=settings.server.proxies,
        **_BOTH,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with _metrics(home, settings.metrics):
        server = _Server(config, _legacy(home, settings, app), partial(_end_streams, app))
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which ends the process without a traceback, as SIGTERM does
        with asyncio.Runner(loop_factory=partial(PatientLoop, settings.server.patience)) as runner:
            runner.run(server.serve(sockets=[listener]))


def _end_streams(app: Starlette) -> None:
    """End live streams: who listens would hold up the stop."""
    cloud: Cloud = app.state.cloud
    cloud.live.close()


def _legacy(home: Home, settings: Settings, app: ASGIApp) -> list[tuple[_Beside, socket.socket]]:
    """Return the listener for original Fluksometers, if there is to be one."""
    if not settings.legacy.enabled:
        return []
    if make_legacy_certificates(home, tls.names_of(home)):
        log.info("made the authority for original Fluksometers", extra={"ca": str(home.legacy_ca_certificate)})

    class Legacy(DeviceProtocol):
        patience = settings.server.patience

    config = uvicorn.Config(
        TitleCase(WithoutErrorBodies(DeviceRoutesOnly(app))),
        http=Legacy,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        lifespan="off",
        ssl_context_factory=lambda *_: legacy_context(home),
        date_header=False,
        proxy_headers=False,
        **_BOTH,
    )
    return [(_Beside(config), _listen(settings.legacy.host, settings.legacy.port))]
