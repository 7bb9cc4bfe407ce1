"""`flukso-cloud account add`."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flukso_cloud.clock import unix_now
from flukso_cloud.home import Home
from flukso_cloud.passwords import LONGEST_NAME, Passwords, check
from flukso_cloud.store import Account, Store

from .command import Parsers, UsageError, add_command, home_of, with_store

PASSWORD_VARIABLE = "FLUKSO_CLOUD_PASSWORD"  # noqa: S105 - the name of a variable


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    accounts = parsers.add_parser("account", help="Accounts.").add_subparsers(required=True, metavar="COMMAND")
    added = add_command(accounts, "add", run, "Add an account.")
    added.add_argument("account_name", metavar="NAME")
    add_password_options(added)
    added.set_defaults(ask=True)


def add_password_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that adds an account; `ask` tells whether it may ask for the password."""
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help=f"read the account's password from the first line of standard input; else it is taken from "
        f"{PASSWORD_VARIABLE}, or made and printed once",
    )
    parser.add_argument("--time-zone", default="UTC", help="the account's time zone (default UTC)")


def run(arguments: argparse.Namespace) -> None:
    """Add an account."""
    add_account(home_of(arguments), arguments, arguments.account_name)


def add_account(home: Home, arguments: argparse.Namespace, name: str) -> None:
    """Add an account with the password and the time zone that the options of its command tell. Raises UsageError."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise UsageError(f"an account's name is 1 to {LONGEST_NAME} printable characters")
    try:
        zone = ZoneInfo(arguments.time_zone).key
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        raise UsageError(f"unknown time zone {arguments.time_zone!r}; take a name such as Europe/Brussels") from error
    password, made = _password(arguments)
    hashed = Passwords().hash(password)

    async def add(store: Store) -> Account:
        return await store.add_account(name, hashed, zone, unix_now())

    account = with_store(home, add)
    print(f"account {name}: added, uid {account.number}")
    if made:
        print(f"password of {name}, shown only now: {password}")


def _password(arguments: argparse.Namespace) -> tuple[str, bool]:
    """Return the password to set, and whether it was made up."""
    if arguments.password_stdin:
        return check(sys.stdin.readline().rstrip("\r\n")), False
    if PASSWORD_VARIABLE in os.environ:
        return check(os.environ[PASSWORD_VARIABLE]), False
    if sys.stdin.isatty() and arguments.ask:
        password = check(getpass.getpass("Password: "))
        if getpass.getpass("Again: ") != password:
            raise UsageError("the two passwords differ")
        return password, False
    return secrets.token_urlsafe(12), True
