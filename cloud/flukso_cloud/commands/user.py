"""`flukso-cloud user`."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flukso_cloud.clock import unix_now
from flukso_cloud.departures import Departures
from flukso_cloud.ears import Elsewhere
from flukso_cloud.home import Home
from flukso_cloud.passwords import LONGEST_NAME, Passwords, check
from flukso_cloud.store import Account, Store

from .command import Parsers, UsageError, account_of, add_command, add_confirmation, confirm, home_of, with_store

PASSWORD_VARIABLE = "FLUKSO_CLOUD_PASSWORD"  # noqa: S105 - the name of a variable


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    users = parsers.add_parser("user", help="People with an account.").add_subparsers(required=True, metavar="COMMAND")
    add_command(users, "list", list_users, "List the accounts: name, uid, devices, and since when.")
    added = add_command(users, "add", add, "Add an account.")
    added.add_argument("account_name", metavar="NAME")
    add_password_options(added)
    added.add_argument("--time-zone", default="UTC", help="the account's time zone (default UTC)")
    added.set_defaults(ask=True)
    renamed = add_command(users, "rename", rename, "Give an account another name.")
    renamed.add_argument("account_name", metavar="NAME")
    renamed.add_argument("new_name", metavar="NEW")
    changed = add_command(users, "password", set_password, "Give an account another password; its sessions end.")
    changed.add_argument("account_name", metavar="NAME")
    add_password_options(changed)
    changed.set_defaults(ask=True)
    text = "Delete an account with its readings, shares, groups and tokens; its devices can be claimed anew."
    deleted = add_command(users, "delete", delete, text)
    deleted.add_argument("account_name", metavar="NAME")
    add_confirmation(deleted)


def add_password_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that sets a password; `ask` tells whether it may ask for it."""
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help=f"read the account's password from the first line of standard input; else it is taken from "
        f"{PASSWORD_VARIABLE}, or made and printed once",
    )


def add(arguments: argparse.Namespace) -> None:
    """Add an account."""
    add_account(home_of(arguments), arguments, arguments.account_name)


def add_account(home: Home, arguments: argparse.Namespace, name: str) -> None:
    """Add an account with the password and the time zone that the options of its command tell. Raises UsageError."""
    _check_name(name)
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


def list_users(arguments: argparse.Namespace) -> None:
    """List all accounts."""
    for account, created, devices in with_store(home_of(arguments), lambda store: store.accounts()):
        since = datetime.fromtimestamp(created, UTC).date()
        print(f"{account.name}  uid {account.number}  devices {devices}  since {since}")


def rename(arguments: argparse.Namespace) -> None:
    """Give an account another name."""
    home, new = home_of(arguments), arguments.new_name
    account = account_of(home, arguments.account_name)
    _check_name(new)
    with_store(home, lambda store: store.rename_account(account.number, new))
    print(f"account {account.name}: now {new}")


def set_password(arguments: argparse.Namespace) -> None:
    """Give an account another password, and log it out everywhere."""
    home = home_of(arguments)
    account = account_of(home, arguments.account_name)
    password, made = _password(arguments)
    hashed = Passwords().hash(password)

    async def replace(store: Store) -> None:
        await store.replace_password(account.number, hashed)
        await store.close_sessions(account.number)
        await Elsewhere(store).look_again(account.number)

    with_store(home, replace)
    print(f"account {account.name}: has another password")
    if made:
        print(f"password of {account.name}, shown only now: {password}")


def delete(arguments: argparse.Namespace) -> None:
    """Delete an account and all that is its own."""
    home = home_of(arguments)
    account = account_of(home, arguments.account_name)
    confirm(arguments, f"Delete {account.name} with all readings")
    with_store(home, lambda store: Departures(store, Elsewhere(store)).close_account(account.number, unix_now()))
    print(f"account {account.name}: deleted")


def _check_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise UsageError(f"an account's name is 1 to {LONGEST_NAME} printable characters")


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
