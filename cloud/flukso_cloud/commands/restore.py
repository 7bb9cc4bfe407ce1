"""`flukso-cloud restore`."""

from __future__ import annotations

import argparse
from pathlib import Path

from flukso_cloud.home import Home

from .command import Parsers, add_command


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "restore", run, "Take a backup back. The server has to be stopped.")
    added.add_argument("file", type=Path, metavar="FILE")
    added.add_argument("--replace", action="store_true", help="move aside what is there")


def run(arguments: argparse.Namespace) -> None:
    """Restore a backup."""
    from flukso_cloud.restore import restore

    home = Home(arguments.dir)
    home.make_root()
    with home.alone():
        restore(arguments.file, home, replace=arguments.replace)
    print(f"{home.root} is what it was when {arguments.file} was made. Start the server now.")
