"""`flukso-cloud serve`."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from msgspec.structs import replace

from flukso_cloud import tls
from flukso_cloud.home import Home
from flukso_cloud.logs import log_to_stderr
from flukso_cloud.settings import Settings, load
from flukso_cloud.store import Store

from .command import Parsers, UsageError, add_command, home_of, with_store

log = logging.getLogger(__name__)


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "serve", run, "Serve over TLS.")
    add_settings_options(added)
    added.add_argument("--host", help="address to listen on (127.0.0.1; :: or 0.0.0.0 for all)")
    added.add_argument("--port", type=int, help="port to listen on (8443; 0 picks a free one)")


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the file of settings."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="file of settings; without it flukso-cloud.toml in DIR, if there"
    )


def settings_of(home: Home, arguments: argparse.Namespace) -> Settings:
    """Return the settings: what the command line tells goes above the environment, and that above the file.

    Raises SettingsError.
    """
    settings = load(arguments.config or home.settings, os.environ, required=arguments.config is not None)
    given = {name: value for name in ("host", "port") if (value := getattr(arguments, name)) is not None}
    return replace(settings, server=replace(settings.server, **given))


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from flukso_cloud.server import ServerError, serve  # the other commands need none of what it takes to serve

    home = home_of(arguments)
    settings = settings_of(home, arguments)
    log_to_stderr(settings.log)
    with_store(home, _nothing)  # so that a database which cannot be used is told here
    left = tls.days_left(home)
    if left < tls.RENEW_DAYS:
        log.warning("the certificate ends in %d days; renew it with `flukso-cloud init` and its names", left)
    try:
        with home.in_use():
            serve(home, settings)
    except ServerError as error:
        raise UsageError(str(error)) from error


async def _nothing(_: Store) -> None:
    pass
