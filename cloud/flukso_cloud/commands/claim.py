"""`flukso-cloud claim`."""

from __future__ import annotations

import argparse

from flukso_cloud.claim import normalise
from flukso_cloud.vault import Vault

from .command import Parsers, UsageError, account_of, add_command, home_of, with_store


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "claim", run, "Give the device that shows CODE to an account. The server may run.")
    added.add_argument("code", metavar="CODE")
    added.add_argument("--account", required=True, metavar="NAME")


def run(arguments: argparse.Namespace) -> None:
    """Give a device to an account."""
    home = home_of(arguments)
    account = account_of(home, arguments.account)
    digits = normalise(arguments.code)
    if digits is None:
        raise UsageError(f"{arguments.code!r} is no claim code; it looks like K7QM-2XWD")
    hashed = Vault.open(home).hash_claim(digits)
    outcome, device = with_store(home, lambda store: store.claim(hashed, account.number))
    if outcome == "taken":
        raise UsageError("the device with this code has been claimed already")
    if device is None:
        raise UsageError("no device with this code has registered yet; it does so at its first connection")
    print(f"device {device}: claimed by {account.name}")
