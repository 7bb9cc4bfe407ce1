"""`flukso-cloud backup`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import click

from flukso_cloud import __version__

from .command import Parsers, add_command, home_of


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    text = "Write database, server key, certificates and settings to a new FILE. The server may run."
    added = add_command(parsers, "backup", run, text)
    added.add_argument("file", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> None:
    """Make a backup."""
    from flukso_cloud.backup import back_up

    home = home_of(arguments)
    with home.in_use(), click.progressbar(length=100, label="backup", file=sys.stderr) as bar:
        size = back_up(
            home,
            arguments.file,
            version=__version__,
            progress=lambda done, pages: bar.update(100 * done // max(pages, 1) - bar.pos),
        )
    print(f"{arguments.file}: {size / 1e6:.1f} MB. It holds this cloud's keys: keep it where only you can read it.")
