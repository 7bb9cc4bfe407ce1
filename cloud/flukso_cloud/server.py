"""The HTTPS server: uvicorn on a socket of ours."""

from __future__ import annotations

import logging
import resource
import socket

import uvicorn

from . import tls
from .app import create_app
from .home import Home
from .settings import Settings
from .wire import DeviceProtocol, TitleCase

KEEP_ALIVE_SECONDS = 75
"""A device sends its sensors one after another over one connection (trap 20)."""
STOP_SECONDS = 5


class ServerError(Exception):
    """The server cannot start; the text says why."""


class _Server(uvicorn.Server):
    """Tells where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the address."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            print(f"Flukso cloud on https://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ServerError(f"cannot listen on {host} port {port}: {reason}") from error


def _raise_file_limit() -> None:
    """Let each live stream and each device have its socket: take as many open files as the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(home: Home, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked, commit what waits, and end by that signal."""
    listener = _listen(settings.server.host, settings.server.port)
    _raise_file_limit()
    config = uvicorn.Config(
        TitleCase(create_app(home)),
        http=DeviceProtocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        ssl_context_factory=lambda *_: tls.server_context(home),
        log_config=None,
        access_log=False,  # it would show tokens in the query
        server_header=False,
        date_header=False,
        proxy_headers=bool(settings.server.proxies),
        forwarded_allow_ips=settings.server.proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    _Server(config).run(sockets=[listener])
