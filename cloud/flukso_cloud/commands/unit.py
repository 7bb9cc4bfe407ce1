"""`flukso-cloud unit`."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from .command import Parsers, add_command, home_of
from .serve import add_settings_options


def add_to(parsers: Parsers) -> None:
    """Describe it to the command line."""
    added = add_command(parsers, "unit", run, "Print a systemd unit that serves this cloud as the owner of its folder.")
    add_settings_options(added)


def run(arguments: argparse.Namespace) -> None:
    """Print the unit."""
    folder = home_of(arguments).root.resolve()
    command = [str(Path(sys.argv[0]).absolute()), "serve", "--dir", str(folder)]
    if arguments.config is not None:
        command += ["--config", str(arguments.config.resolve())]
    template = files("flukso_cloud").joinpath("flukso-cloud.service").read_text(encoding="utf-8")
    words = {"command": " ".join(map(_quoted, command)), "folder": _quoted(str(folder))}
    print(template.format(user=folder.owner(), group=folder.group(), **words), end="")


def _quoted(word: str) -> str:
    """Quote a word as systemd.syntax(7) wants it; `%` starts a specifier there, and `$` a variable."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if " " in word or escaped != word else word
