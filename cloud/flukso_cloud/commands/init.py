"""`flukso-cloud init`."""

from __future__ import annotations

import argparse

from flukso_cloud import tls
from flukso_cloud.home import Home
from flukso_cloud.vault import Vault

from .command import Parsers, add_command, finish_cut_off_restore, with_store
from .user import add_account, add_password_options


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "init", run, "Make certificates, keys and database. What exists is kept.")
    added.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="host name or address to be reached by, repeatable; without it the names stay, or localhost",
    )
    added.add_argument("--account", metavar="NAME", help="add this account, unless it exists")
    add_password_options(added)
    added.add_argument("--time-zone", default="UTC", help="the account's time zone (default UTC)")
    added.set_defaults(ask=False)


def run(arguments: argparse.Namespace) -> None:
    """Make what is missing of a cloud's folder."""
    home = Home(arguments.dir)
    finish_cut_off_restore(home)
    home.make()
    names = arguments.name or tls.names_of(home) or ["localhost"]
    made = {True: "made", False: "kept"}
    print(f"authority {home.ca_certificate}: {made[tls.make_authority(home)]}")
    print(f"certificate for {', '.join(names)}: {made[tls.make_certificate(home, names)]}")
    print(f"server key: {made[Vault.make(home)]}")
    fresh = not home.database.exists()
    known = with_store(home, lambda store: store.account(arguments.account or ""))
    print(f"database {home.database}: {made[fresh]}")
    if arguments.account and known is None:
        add_account(home, arguments, arguments.account)
    elif arguments.account:
        print(f"account {arguments.account}: kept, with its password")
