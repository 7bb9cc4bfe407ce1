"""`flukso-cloud serve`."""

from __future__ import annotations

import argparse
import logging

from flukso_cloud import tls
from flukso_cloud.store import Store

from .command import Parsers, UsageError, add_command, home_of, with_store

log = logging.getLogger(__name__)


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "serve", run, "Serve over TLS.")
    added.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1; :: or 0.0.0.0 for all)")
    added.add_argument("--port", type=int, default=8443, help="port to listen on (8443; 0 picks a free one)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from flukso_cloud.server import ServerError, serve  # the other commands need none of what it takes to serve

    home = home_of(arguments)
    with_store(home, _nothing)  # so that a database which cannot be used is told here
    left = tls.days_left(home)
    if left < tls.RENEW_DAYS:
        log.warning("the certificate ends in %d days; renew it with `flukso-cloud init` and its names", left)
    try:
        serve(home, arguments.host, arguments.port)
    except ServerError as error:
        raise UsageError(str(error)) from error


async def _nothing(_: Store) -> None:
    pass
