"""Changes of folders that outlast a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Put the names in a folder on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(part: Path, target: Path) -> None:
    """Give a finished file its name; FileExistsError if something has it."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a stick with FAT knows no second names
        if target.exists():
            raise FileExistsError(target) from None
        part.rename(target)
    sync_folder(target.parent)
