"""`flukso-cloud check`."""

from __future__ import annotations

import argparse
import sqlite3
from contextlib import closing

from flukso_cloud.store import StoreUnavailableError

from .command import Parsers, UsageError, add_command, home_of, with_store

BUSY_SECONDS = 30.0


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    text = "Look through the database for what cannot be read or disagrees. The server may run."
    added = add_command(parsers, "check", run, text)
    added.add_argument(
        "--repair", action="store_true", help="set aside what cannot be read, and make again what can be made again"
    )


def run(arguments: argparse.Namespace) -> None:
    """Tell what is wrong; UsageError if anything is left so."""
    from flukso_cloud.store.check import check

    home = home_of(arguments)
    found = 0
    try:
        with_store(home, _nothing)  # so that its tables are those of this version
        with home.in_use(), closing(sqlite3.connect(home.database, BUSY_SECONDS, isolation_level=None)) as conn:
            for line in check(conn, repair=arguments.repair):
                found += 1
                print(line)
    except (sqlite3.Error, StoreUnavailableError) as error:
        raise UsageError(f"the database cannot be looked through: {error}; restore a backup") from error
    if not found:
        print("all is well")
    elif arguments.repair:
        print(f"{found} complaints; what could be mended is")
    else:
        raise UsageError(f"{found} complaints; --repair mends what can be mended")


async def _nothing(_store: object) -> None:
    pass
