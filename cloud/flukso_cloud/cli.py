"""The command `flukso-cloud`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from . import __version__, tls
from .claim import normalise
from .clock import unix_now
from .home import Home, HomeError
from .ids import is_id
from .passwords import LONGEST_NAME, PasswordError, Passwords, check
from .store import Account, AccountExistsError, Store, StoreUnavailableError
from .store.sqlite import SqliteStore
from .vault import Vault, digest_of, new_token

PASSWORD_VARIABLE = "FLUKSO_CLOUD_PASSWORD"  # noqa: S105 - the name of a variable

log = logging.getLogger(__name__)

T = TypeVar("T")


class UsageError(Exception):
    """The command cannot be done; the text says what to do."""


def _with_store(home: Home, work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        store = SqliteStore.open(home.database)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def _nothing(_: Store) -> None:
    pass


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


def _add_account(home: Home, arguments: argparse.Namespace, name: str) -> None:
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

    _with_store(home, add)
    print(f"account {name}: added")
    if made:
        print(f"password of {name}, shown only now: {password}")


def _account_of(home: Home, name: str) -> Account:
    account = _with_store(home, lambda store: store.account(name))
    if account is None:
        raise UsageError(f"there is no account {name!r}; add it with `flukso-cloud account add {name}`")
    return account


def init(arguments: argparse.Namespace) -> None:
    """Make what is missing of a cloud's folder."""
    home = Home(arguments.dir)
    home.make()
    names = arguments.name or tls.names_of(home) or ["localhost"]
    made = {True: "made", False: "kept"}
    print(f"authority {home.ca_certificate}: {made[tls.make_authority(home)]}")
    print(f"certificate for {', '.join(names)}: {made[tls.make_certificate(home, names)]}")
    print(f"server key: {made[Vault.make(home)]}")
    fresh = not home.database.exists()
    known = _with_store(home, lambda store: store.account(arguments.account or ""))
    print(f"database {home.database}: {made[fresh]}")
    if arguments.account and known is None:
        _add_account(home, arguments, arguments.account)
    elif arguments.account:
        print(f"account {arguments.account}: kept, with its password")


def run_server(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    from .server import ServerError, serve  # the other commands need none of what it takes to serve

    home = Home(arguments.dir)
    home.require()
    _with_store(home, _nothing)  # so that a database which cannot be used is told here
    left = tls.days_left(home)
    if left < tls.RENEW_DAYS:
        log.warning("the certificate ends in %d days; renew it with `flukso-cloud init` and its names", left)
    try:
        serve(home, arguments.host, arguments.port)
    except ServerError as error:
        raise UsageError(str(error)) from error


def account_add(arguments: argparse.Namespace) -> None:
    """Add an account."""
    home = Home(arguments.dir)
    home.require()
    _add_account(home, arguments, arguments.account_name)


def token(arguments: argparse.Namespace) -> None:
    """Make a token and print it."""
    home = Home(arguments.dir)
    home.require()
    account = _account_of(home, arguments.account)

    async def replace(store: Store) -> str:
        number = None
        if arguments.sensor is not None:
            sensor = await store.sensor(arguments.sensor) if is_id(arguments.sensor) else None
            if sensor is None or (await store.device_number(sensor.device)).account != account.number:
                raise UsageError(f"account {account.name} has no sensor {arguments.sensor}")
            number = sensor.number
        made = new_token()
        await store.replace_token(digest_of(made), account.number, number, unix_now())
        return made

    print(_with_store(home, replace))


def claim(arguments: argparse.Namespace) -> None:
    """Give a device to an account."""
    home = Home(arguments.dir)
    home.require()
    account = _account_of(home, arguments.account)
    digits = normalise(arguments.code)
    if digits is None:
        raise UsageError(f"{arguments.code!r} is no claim code; it looks like K7QM-2XWD")
    hashed = Vault.open(home).hash_claim(digits)
    outcome, device = _with_store(home, lambda store: store.claim(hashed, account.number))
    if outcome == "taken":
        raise UsageError("the device with this code has been claimed already")
    if device is None:
        raise UsageError("no device with this code has registered yet; it does so at its first connection")
    print(f"device {device}: claimed by {account.name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flukso-cloud", description="The Flukso reference cloud.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        parsers: argparse._SubParsersAction[argparse.ArgumentParser],
        name: str,
        run: Callable[[argparse.Namespace], None],
        text: str,
    ) -> argparse.ArgumentParser:
        added = parsers.add_parser(name, help=text, description=text)
        added.add_argument("--dir", type=Path, required=True, help="folder of this cloud")
        added.set_defaults(run=run)
        return added

    def password(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--password-stdin",
            action="store_true",
            help=f"read the account's password from the first line of standard input; else it is taken from "
            f"{PASSWORD_VARIABLE}, or made and printed once",
        )
        added.add_argument("--time-zone", default="UTC", help="the account's time zone (default UTC)")

    added = command(commands, "init", init, "Make certificates, keys and database. What exists is kept.")
    added.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="host name or address to be reached by, repeatable; without it the names stay, or localhost",
    )
    added.add_argument("--account", metavar="NAME", help="add this account, unless it exists")
    password(added)
    added.set_defaults(ask=False)

    added = command(commands, "serve", run_server, "Serve over TLS.")
    added.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1; :: or 0.0.0.0 for all)")
    added.add_argument("--port", type=int, default=8443, help="port to listen on (8443; 0 picks a free one)")

    accounts = commands.add_parser("account", help="Accounts.").add_subparsers(required=True, metavar="COMMAND")
    added = command(accounts, "add", account_add, "Add an account.")
    added.add_argument("account_name", metavar="NAME")
    password(added)
    added.set_defaults(ask=True)

    added = command(commands, "token", token, "Make a token for X-Token and print it; the one before is revoked.")
    added.add_argument("--account", required=True, metavar="NAME")
    added.add_argument("--sensor", metavar="ID", help="for this sensor alone; without it for all of the account")

    added = command(commands, "claim", claim, "Give the device that shows CODE to an account. The server may run.")
    added.add_argument("code", metavar="CODE")
    added.add_argument("--account", required=True, metavar="NAME")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 and a message if it cannot be done."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except AccountExistsError as error:
        sys.exit(f"flukso-cloud: there is an account {error} already")
    except (UsageError, HomeError, PasswordError) as error:
        sys.exit(f"flukso-cloud: {error}")
    except StoreUnavailableError as error:
        sys.exit(f"flukso-cloud: the database cannot be used: {error}")
