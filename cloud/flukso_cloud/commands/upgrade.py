"""`flukso-cloud upgrade`."""

from __future__ import annotations

import argparse

from flukso_cloud.store import Store

from .command import Parsers, UsageError, add_command, home_of, with_store

HIGHEST = 2**31 - 1


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    text = "Tell a device at its next heartbeat, once, to upgrade itself; to its own version: to start anew."
    added = add_command(parsers, "upgrade", run, text)
    added.add_argument("device", metavar="DEVICE")
    added.add_argument("--to", type=int, required=True, metavar="N", help="version without its dots; 0 takes it back")


def run(arguments: argparse.Namespace) -> None:
    """Leave the order for the device."""
    home = home_of(arguments)
    if not 0 <= arguments.to <= HIGHEST:
        raise UsageError("a version is a number such as 250, for 2.5.0")

    async def order(store: Store) -> None:
        device = await store.device(arguments.device)
        if device is None:
            raise UsageError(f"there is no device {arguments.device}")
        await store.order_upgrade(device.number, arguments.to)

    with_store(home, order)
    print(f"device {arguments.device}: told {arguments.to} at its next heartbeat")
