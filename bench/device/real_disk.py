"""A folder on a real disk: what a RAM disk takes says nothing of an SD card."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = {"tmpfs", "ramfs"}


class NoDiskError(Exception):
    """There is no folder on a real disk; the text says what to do."""


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """A new folder on the first real disk among TMPDIR, /var/tmp and here; gone afterwards. Raises `NoDiskError`."""
    for parent in (tempfile.gettempdir(), "/var/tmp", str(Path.cwd())):  # noqa: S108 - a new folder inside is ours alone
        if os.access(parent, os.W_OK) and file_system(parent) not in IN_MEMORY:
            with tempfile.TemporaryDirectory(prefix="fluksod-bench-", dir=parent) as made:
                yield Path(made)
            return
    raise NoDiskError("neither the folder for temporary files nor /var/tmp nor this one is on a disk: set TMPDIR")


def file_system(path: str | Path) -> str:
    """The kind of file system that holds `path`, such as "ext2/ext3"."""
    told = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True)
    return told.stdout.strip()
