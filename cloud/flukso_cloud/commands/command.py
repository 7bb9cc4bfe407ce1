"""What every command shares: its place on the command line, and the store it works on."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from flukso_cloud.home import Home
from flukso_cloud.store import Account, Store
from flukso_cloud.store.sqlite import SqliteStore

T = TypeVar("T")
Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class UsageError(Exception):
    """The command cannot be done; the text says what to do."""


def add_command(
    parsers: Parsers, name: str, run: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    """Add a command to the command line; `run` does it, and raises UsageError if it cannot be done."""
    added = parsers.add_parser(name, help=text, description=text)
    added.add_argument("--dir", type=Path, required=True, help="folder of this cloud")
    added.set_defaults(run=run)
    return added


def home_of(arguments: argparse.Namespace) -> Home:
    """Return the folder that `init` has made. Raises HomeError."""
    home = Home(arguments.dir)
    home.require()
    return home


def with_store(home: Home, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, do `work` on it, and close it. Raises StoreUnavailableError."""

    async def run() -> T:
        store = SqliteStore.open(home.database)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def account_of(home: Home, name: str) -> Account:
    """Return the account of that name. Raises UsageError if there is none."""
    account = with_store(home, lambda store: store.account(name))
    if account is None:
        raise UsageError(f"there is no account {name!r}; add it with `flukso-cloud account add {name}`")
    return account
