"""`flukso-cloud token`."""

from __future__ import annotations

import argparse

from flukso_cloud.clock import unix_now
from flukso_cloud.ears import Elsewhere
from flukso_cloud.ids import is_id
from flukso_cloud.store import Store
from flukso_cloud.vault import digest_of, new_token

from .command import Parsers, UsageError, account_of, add_command, home_of, with_store


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "token", run, "Make a token for X-Token and print it; the one before is revoked.")
    added.add_argument("--account", required=True, metavar="NAME")
    added.add_argument("--sensor", metavar="ID", help="for this sensor alone; without it for all of the account")


def run(arguments: argparse.Namespace) -> None:
    """Make a token and print it."""
    home = home_of(arguments)
    account = account_of(home, arguments.account)

    async def replace(store: Store) -> str:
        number = None
        if arguments.sensor is not None:
            sensor = await store.sensor(arguments.sensor) if is_id(arguments.sensor) else None
            if sensor is None or (await store.device_number(sensor.device)).account != account.number:
                raise UsageError(f"account {account.name} has no sensor {arguments.sensor}")
            number = sensor.number
        made = new_token()
        await store.replace_token(digest_of(made), account.number, number, unix_now())
        await Elsewhere(store).look_again(account.number)
        return made

    print(with_store(home, replace))
