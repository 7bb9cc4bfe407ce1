"""What every command shares: its place on the command line, and the store it works on."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from flukso_cloud.home import Home
from flukso_cloud.store import Account, Store
from flukso_cloud.store.sqlite import SqliteStore

T = TypeVar("T")
FOLDER_VARIABLE = "FLUKSO_CLOUD_DIR"
Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class UsageError(Exception):
    """The command cannot be done; the text says what to do."""


def add_command(
    parsers: Parsers, name: str, run: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    """Add a command to the command line; `run` does it, and raises UsageError if it cannot be done."""
    added = parsers.add_parser(name, help=text, description=text)
    folder = os.environ.get(FOLDER_VARIABLE)
    text = f"folder of this cloud; without it what {FOLDER_VARIABLE} tells"
    added.add_argument("--dir", type=Path, required=not folder, default=folder, help=text)
    added.set_defaults(run=run)
    return added


def home_of(arguments: argparse.Namespace) -> Home:
    """Return the folder that `init` has made. Raises HomeError."""
    home = Home(arguments.dir)
    finish_cut_off_restore(home)
    home.require()
    return home


def finish_cut_off_restore(home: Home) -> None:
    """Carry through what a restore has begun that was cut off. Raises HomeError."""
    if home.restoring.exists():
        from flukso_cloud.restore import finish_restore  # hardly ever needed

        with home.alone():
            finish_restore(home)


def with_store(home: Home, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, do `work` on it, and close it. Raises StoreUnavailableError."""

    async def run() -> T:
        store = SqliteStore.open(home.database)
        try:
            return await work(store)
        finally:
            await store.close()

    with home.in_use():
        return asyncio.run(run())


def account_of(home: Home, name: str) -> Account:
    """Return the account of that name. Raises UsageError if there is none."""
    account = with_store(home, lambda store: store.account(name))
    if account is None:
        raise UsageError(f"there is no account {name!r}; add it with `flukso-cloud user add {name}`")
    return account


def add_confirmation(parser: argparse.ArgumentParser) -> None:
    """Add the option of a command that cannot be undone."""
    parser.add_argument("--yes", action="store_true", help="do it without asking; it cannot be undone")


def confirm(arguments: argparse.Namespace, what: str) -> None:
    """Ask whether `what` is to be done, unless `--yes` says so. Raises UsageError if not, or nobody can be asked."""
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what}? This cannot be undone; add --yes to do it")
    if input(f"{what}? This cannot be undone. Type yes: ") != "yes":
        raise UsageError("nothing was changed")
