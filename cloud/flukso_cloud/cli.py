"""The command `flukso-cloud`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from . import __version__
from .backup import BackupError
from .commands import (
    backup,
    check,
    claim,
    device,
    import_,
    init,
    mqtt,
    openapi,
    restore,
    serve,
    token,
    unit,
    upgrade,
    user,
)
from .commands.command import UsageError
from .home import HomeError
from .passwords import PasswordError
from .settings import SettingsError
from .store import AccountExistsError, StoreUnavailableError

COMMANDS = (init, serve, mqtt, unit, check, backup, restore, import_, user, device, token, claim, upgrade, openapi)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flukso-cloud", description="The Flukso reference cloud.")
    parser.add_argument("--version", action="version", version=__version__)
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(parsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 and a message if it cannot be done."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except AccountExistsError as error:
        sys.exit(f"flukso-cloud: there is an account {error} already")
    except (UsageError, HomeError, PasswordError, SettingsError, BackupError) as error:
        sys.exit(f"flukso-cloud: {error}")
    except StoreUnavailableError as error:
        sys.exit(f"flukso-cloud: the database cannot be used: {error}")
