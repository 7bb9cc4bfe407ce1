"""Writes small files so that a crash or power cut leaves the old or the new content, never half of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_state(path: Path, text: str, *, only_new: bool = False) -> None:
    """Write `text` to `path`, readable by this user only (0600), durable when the call returns.

    With `only_new` an existing file is left alone and `FileExistsError` raised. Raises `OSError`.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if only_new:
            os.link(fresh, path)
            fresh.unlink()
        else:
            fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
